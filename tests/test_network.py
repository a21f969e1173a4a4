"""Guards of the network: a state dict is a weights file, and no token sees the future."""

import numpy as np
import pytest
import torch

from nitograph.board import Board
from nitograph.light.zernike import turn
from nitograph.model.network import Network, squared_relu
from nitograph.model.settings import tensor_shapes
from tiny import MODEL, WEAVING

DIGITS = tuple("0123456789")


@pytest.mark.parametrize("design", ["plan", "plain"])
def test_names_and_shapes_are_those_of_the_weights_file(design):
    """What the network trains is exactly what a weights file holds."""
    network = Network(MODEL.replace(design=design), Board(32), DIGITS, seed=3)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes == tensor_shapes(network.settings, network.vocabulary)


def test_weights_round_trip(weights):
    """Weights → network → weights gives the same digest."""
    network = Network.from_weights(weights)
    again = network.to_weights(weights.rules, max_lines=20, weaving=WEAVING.to_dict())
    assert again.digest == weights.digest
    network.at("head.nail").data += 1
    assert again.digest == weights.digest


def test_the_seed_gives_the_fresh_weights():
    """The same seed gives the same network without touching the global generator; another seed another."""
    before = torch.get_rng_state()
    one, same, other = (Network(MODEL, Board(32), DIGITS, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.at("embed.nail"), same.at("embed.nail"))
    assert not torch.equal(one.at("embed.nail"), other.at("embed.nail"))


def test_no_token_sees_the_future(weights):
    """A changed nail changes no logits before it; a changed code none of the plan before it."""
    network = Network.from_weights(weights).eval()
    rng = np.random.default_rng(0)
    labels, nails = torch.tensor([3, 10]), torch.from_numpy(rng.integers(0, 32, (2, 9)))
    codes = light = None
    if weights.settings.planned:
        codes = torch.from_numpy(rng.integers(0, 256, (2, 4)))
        light = torch.from_numpy(rng.normal(size=(2, weights.zernike.size)).astype(np.float32))
    with torch.inference_mode():
        plan, before = network(labels, codes, nails, light)
        changed = nails.clone()
        changed[:, 5] = (changed[:, 5] + 7) % 32
        _, after = network(labels, codes, changed, light)
        assert torch.allclose(before[:, :6], after[:, :6], atol=1e-5)
        assert (before[:, 6:] - after[:, 6:]).abs().max() > 1e-3
        if codes is not None:
            codes[:, 2] = (codes[:, 2] + 1) % 256
            other, _ = network(labels, codes, nails, light)
            assert torch.allclose(plan[:, :3], other[:, :3], atol=1e-5)
            assert (plan[:, 3:] - other[:, 3:]).abs().max() > 1e-4


def test_a_turned_board_gives_turned_chord_scores(planned):
    """The light a model sees is in the frame of its nail: turning picture and path changes nothing."""
    network = Network.from_weights(planned).eval()
    zernike = planned.zernike
    rng = np.random.default_rng(2)
    nails = rng.integers(0, 32, (1, 6))
    light = rng.normal(size=(1, zernike.size))
    light[:, len(zernike.pairs) :][:, zernike.pairs[:, 1] == 0] = 0
    cosine, sine = zernike.turns(32)
    turned = turn(light, cosine[[5]], -sine[[5]])
    with torch.inference_mode():
        one = network.missing_light(torch.from_numpy(nails), torch.from_numpy(light).float())
        two = network.missing_light(torch.from_numpy((nails + 5) % 32), torch.from_numpy(turned).float())
    assert torch.allclose(one, two, rtol=1e-4, atol=1e-3)


def test_squared_relu_and_its_gradient():
    """The ramp's square by one product backwards is what PyTorch's own steps give."""
    ours = torch.linspace(-2, 2, 101, dtype=torch.double, requires_grad=True)
    plain = ours.detach().clone().requires_grad_()
    squared_relu(ours).sin().sum().backward()
    torch.relu(plain).square().sin().sum().backward()
    assert torch.equal(ours.grad, plain.grad)
    assert torch.autograd.gradcheck(
        squared_relu, (torch.tensor([-1.0, 0.5, 2.0], dtype=torch.double, requires_grad=True),)
    )
