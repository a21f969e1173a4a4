"""Soft light against the plain Gaussian, and enlarging without seams."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nitograph.drawing.glow import blur, spread


@pytest.mark.parametrize("sigma", [0.6, 1.7, 4.9, 5.2, 12.0, 31.0])
@pytest.mark.parametrize("shape", [(1, 90, 90), (3, 61, 130)])
def test_blur_is_gaussian(sigma: float, shape: tuple[int, int, int]) -> None:
    """Narrow and wide blurs are within some percent of the plain Gaussian, dark outside."""
    light = np.zeros(shape, dtype=np.float32)
    light[:, 20, 13], light[0, 44, 50] = 3.0, 1.0
    light[:, 30:33, :] = 0.2
    plain = np.stack([gaussian_filter(plane.astype(float), sigma, mode="constant") for plane in light])
    assert np.abs(blur(light, sigma) - plain).max() < 0.05 * plain.max()


def test_blur_keeps_the_light() -> None:
    """Away from the border no light is lost or made."""
    light = np.zeros((1, 200, 200), dtype=np.float32)
    light[0, 90:110, 95:120] = np.random.default_rng(0).random((20, 25))
    for sigma in (1.0, 6.0, 14.0):
        assert blur(light, sigma).sum() == pytest.approx(light.sum(), rel=0.005)


@pytest.mark.parametrize("ratio", [1, 2, 3, 7, 26])
def test_spread_equals_interpolation(ratio: int) -> None:
    """Every pixel lies on the line between the middles of its cells, in bands as in one piece."""
    cells = np.random.default_rng(1).random((9, 11)).astype(np.float32)
    height, width = 9 * ratio - min(3, ratio - 1), 11 * ratio - min(2, ratio - 1)
    y = np.clip((np.arange(height) + 0.5) / ratio - 0.5, 0, 8)
    x = np.clip((np.arange(width) + 0.5) / ratio - 0.5, 0, 10)
    rows = np.stack([np.interp(y, np.arange(9), column) for column in cells.T], axis=1)
    plain = np.stack([np.interp(x, np.arange(11), row) for row in rows])
    whole = np.empty((height, width), dtype=np.float32)
    spread(cells, ratio, 0, whole)
    assert np.allclose(whole, plain, atol=1e-5)
    for first in range(0, height, 5):
        part = np.empty((min(5, height - first), width), dtype=np.float32)
        spread(cells, ratio, first, part)
        assert np.array_equal(part, whole[first : first + 5])
