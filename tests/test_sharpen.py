"""Guards of the flow that makes plans sharp: parts against plain loops, its spread, its conditions."""

import importlib

import numpy as np
import pytest

from nitograph.light.zernike import Zernike
from nitograph.model.sharpen import (
    CONDITIONS,
    SIDE,
    Sharpener,
    cells_of,
    coarse_pictures,
    convolved,
    enlarged,
    pixels_of,
    shrunk,
    times,
)

FINE, WIDE, CLASSES = 4, 6, 3


def flow(*, out: float = 1.0, seed: int = 0) -> Sharpener:
    """A small flow; with out=0 the network says nothing."""
    rng = np.random.default_rng(seed)
    made = {"spread": np.array([0.1]), "class": rng.normal(size=(CLASSES + 1, CONDITIONS))}
    made["in.weight"] = rng.normal(size=(9, 8, FINE)) / 8
    for kind, width in (("fine.0", FINE), ("fine.1", FINE), ("wide.0", WIDE)):
        made |= {
            f"{kind}.norm": np.ones(width),
            f"{kind}.condition": rng.normal(size=(CONDITIONS, width)) / 4,
        }
        made |= {f"{kind}.{name}": rng.normal(size=(9, width, width)) / 6 for name in ("first", "last")}
    made |= {"down": rng.normal(size=(4 * FINE, WIDE)) / 4, "up": rng.normal(size=(WIDE, 4 * FINE)) / 4}
    made |= {"out.norm": np.ones(FINE), "out.weight": out * rng.normal(size=(FINE, 4))}
    return Sharpener({name: value.astype(np.float32) for name, value in made.items()})


def given(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Coarse pictures and noise."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, SIDE, SIDE), dtype=np.float32)
    return rng.random((count, SIDE, SIDE), dtype=np.float32), noise


def test_a_convolution_is_the_sum_over_neighbours():
    """With zeros around."""
    rng = np.random.default_rng(0)
    x, weight = (
        rng.normal(size=(2, 5, 4, 3)).astype(np.float32),
        rng.normal(size=(9, 3, 2)).astype(np.float32),
    )
    found = convolved(x, weight)
    for row in range(5):
        for column in range(4):
            total = np.zeros((2, 2))
            for k in range(9):
                y, z = row + k // 3 - 1, column + k % 3 - 1
                if 0 <= y < 5 and 0 <= z < 4:
                    total += x[:, y, z] @ weight[k]
            assert np.allclose(found[:, row, column], total, atol=1e-5)


def test_cells_are_two_by_two_pixels_and_come_back():
    """Four neighbours lie side by side."""
    x = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    assert np.array_equal(cells_of(x)[1, 1, 2].reshape(2, 2, 3), x[1, 2:4, 4:6])
    assert np.array_equal(pixels_of(cells_of(x)), x)


def test_where_the_network_says_nothing_the_noise_ends_as_a_residual_of_the_right_spread():
    """And keeps its form."""
    _, noise = given(40)
    grey = np.full_like(noise, 0.5)
    drawn = flow(out=0.0).draw(grey, np.zeros(40, int), noise, steps=60)
    assert (drawn - grey).std() == pytest.approx(0.1, rel=0.05)
    assert np.corrcoef((drawn - grey).ravel(), noise.ravel())[0, 1] > 0.99


def test_class_doubt_coarse_picture_and_noise_matter():
    """The same of all gives the same; another of any another."""
    made, (coarse, noise) = flow(), given(3)
    labels = np.array([0, 1, 3])
    plain = made.draw(coarse, labels, noise)
    assert plain.min() >= 0
    assert plain.max() <= 1
    assert np.array_equal(plain, made.draw(coarse, labels, noise))
    others = [
        made.draw(coarse, labels[::-1], noise),
        made.draw(coarse, labels, noise, doubt=1.0),
        made.draw(coarse, labels, -noise),
        made.draw(coarse[::-1], labels, noise),
    ]
    assert all(np.abs(other - plain).max() > 1e-3 for other in others)


def test_a_row_does_not_depend_on_its_neighbours():
    """Alone or in a batch."""
    made, (coarse, noise) = flow(), given(4)
    labels = np.array([0, 1, 2, 3])
    whole = made.draw(coarse, labels, noise, steps=3)
    assert np.allclose(whole[2:3], made.draw(coarse[2:3], labels[2:3], noise[2:3], steps=3), atol=1e-5)


def test_enlarging_keeps_ramps_and_shrinking_undoes_it():
    """Away from the edges."""
    ramp = np.broadcast_to(np.linspace(0.1, 0.9, SIDE), (1, SIDE, SIDE))
    found = enlarged(ramp)
    step = 0.8 / (SIDE - 1) / 2
    assert np.allclose(np.diff(found[0, 5, 6:-6]), step, atol=1e-5)
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    blob = np.exp(-6 * (x**2 + y**2))[None]
    assert np.abs(shrunk(enlarged(blob)) - blob).max() < 0.01


def test_a_coarse_picture_is_the_light_of_its_coefficients_between_black_and_white():
    """Nearly the bar that it was."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    bar = np.exp(-20 * x**2) * (np.hypot(x, y) < 0.9)
    shown = coarse_pictures(Zernike(20).light(bar[None].astype(np.float32)), 20)
    assert np.abs(shown - shrunk(bar[None])).mean() < 0.02
    assert shown.min() >= 0


def test_times_run_from_noise_to_residual():
    """Evenly."""
    assert times(4).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_the_network_that_is_trained_is_the_one_at_rest():
    """PyTorch and this module agree, tensor by tensor and in what comes out, and there and back."""
    torch = pytest.importorskip("torch")
    training = importlib.import_module("nitograph.training.flow")
    net = training.Flow(training.FlowForm(FINE, WIDE), CLASSES, seed=1)
    with torch.no_grad():
        net.at("out.weight").normal_()
        net.get_buffer("spread").fill_(0.1)
    made = net.sharpener()
    assert len(made.tensors) == len(list(net.parameters())) + 1
    again = training.Flow.from_sharpener(made)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in net.state_dict().items())
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 16, 16, 8), dtype=np.float32)
    conditions = rng.standard_normal((2, CONDITIONS), dtype=np.float32)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(conditions))
    assert np.abs(made.network(x, conditions) - wanted.permute(0, 2, 3, 1).numpy()).max() < 1e-4
    pictures = torch.from_numpy(rng.random((2, 3, 8, 8), dtype=np.float32))
    found = cells_of(pictures.permute(0, 2, 3, 1).numpy())
    assert np.array_equal(training.cells_of(pictures).permute(0, 2, 3, 1).numpy(), found)
    assert torch.equal(training.pixels_of(training.cells_of(pictures)), pictures)
