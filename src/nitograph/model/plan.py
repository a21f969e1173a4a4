"""The plan: a picture's light in a few discrete codes, and back. NumPy only.

An autoencoder of three layers takes the Zernike coefficients of a picture to `plan_tokens` codes of four
digits, each digit one of four levels (finite scalar quantisation: F. Mentzer et al., "Finite Scalar
Quantization: VQ-VAE Made Simple", ICLR 2024), and the codes back to coefficients. A Transformer writes the
codes before the first nail. This module does not know how the autoencoder was trained, nor what draws the
plan.

Try it: python -m nitograph generate 7 --like mnist:test:0
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.model.settings import CODE_DIGITS, CODE_LEVELS
from nitograph.model.weights import Weights

Float32 = NDArray[np.float32]
_PLACES = CODE_LEVELS ** np.arange(CODE_DIGITS)


@one_blas_thread
def encode_plan(weights: Weights, light: NDArray[np.floating]) -> NDArray[np.int64]:
    """Codes of pictures given as Zernike coefficients: (b, k) → (b, plan_tokens)."""
    t = weights.tensors
    h = light.astype(np.float32) / t["light.scale"]
    for layer in range(2):
        h = np.maximum(h @ t[f"plan.encode.weight.{layer}"] + t[f"plan.encode.bias.{layer}"], 0)
    h = h @ t["plan.encode.weight.2"] + t["plan.encode.bias.2"]
    digits = np.clip(np.rint((np.tanh(h) + 1) * 0.5 * (CODE_LEVELS - 1)), 0, CODE_LEVELS - 1)
    grouped = digits.astype(np.int64).reshape(len(light), -1, CODE_DIGITS)
    return np.asarray((grouped * _PLACES).sum(axis=-1))


def code_digits(codes: NDArray[np.integer]) -> Float32:
    """The digits of codes as numbers from −1 to 1: (…,) → (…, CODE_DIGITS)."""
    digits = np.asarray(codes)[..., None] // _PLACES % CODE_LEVELS
    return (digits * (2 / (CODE_LEVELS - 1)) - 1).astype(np.float32)


@one_blas_thread
def decode_plan(weights: Weights, codes: NDArray[np.integer]) -> Float32:
    """Zernike coefficients of the picture that the codes stand for: (b, plan_tokens) → (b, k)."""
    t = weights.tensors
    h = code_digits(codes).reshape(len(codes), -1)
    for layer in range(2):
        h = np.maximum(h @ t[f"plan.decode.weight.{layer}"] + t[f"plan.decode.bias.{layer}"], 0)
    h = h @ t["plan.decode.weight.2"] + t["plan.decode.bias.2"]
    return np.asarray(h * t["light.scale"])
