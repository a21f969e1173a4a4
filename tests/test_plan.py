"""Guards of the plan: codes, digits and light, in NumPy as in PyTorch."""

import numpy as np
import pytest
import torch

from nitograph.model.network import Network
from nitograph.model.plan import code_digits, decode_plan, encode_plan
from nitograph.model.settings import CODE_DIGITS, PLAN_CODES


def test_every_code_has_digits_of_its_own():
    """The 256 codes are the 256 words of four digits, each digit one of −1, −1/3, 1/3, 1."""
    digits = code_digits(np.arange(PLAN_CODES))
    assert digits.shape == (PLAN_CODES, CODE_DIGITS)
    assert len(np.unique(digits, axis=0)) == PLAN_CODES
    assert np.unique(digits) == pytest.approx([-1, -1 / 3, 1 / 3, 1])


def test_encode_and_decode_are_the_networks_autoencoder(planned):
    """Light → codes → light gives what the network's straight-through round trip gives."""
    light = np.random.default_rng(0).normal(size=(7, planned.zernike.size)).astype(np.float32)
    codes = encode_plan(planned, light)
    assert codes.shape == (7, 4)
    assert (codes >= 0).all()
    assert (codes < PLAN_CODES).all()
    assert len(np.unique(codes)) > 4
    with torch.inference_mode():
        wanted = Network.from_weights(planned).autoencode(torch.from_numpy(light)).numpy()
    assert decode_plan(planned, codes) == pytest.approx(wanted, abs=1e-5)
