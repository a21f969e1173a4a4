"""The hot loop of the neon picture against a naive one, and its seams."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.drawing import strokes
from nitograph.drawing.strokes import Float32, Float64, Strokes, add_dots


def naive(starts: Float64, ends: Float64, width: float, light: Float32, shape: tuple[int, int]) -> Float64:
    """Every stroke, step by step and pixel by pixel, without tables."""
    out = np.zeros((light.shape[1], *shape))
    for (x0, y0), (x1, y1), strength in zip(starts, ends, light, strict=True):
        steep = abs(y1 - y0) >= abs(x1 - x0)
        (a0, b0), (a1, b1) = ((y0, x0), (y1, x1)) if steep else ((x0, y0), (x1, y1))
        slope = (b1 - b0) / (a1 - a0) if a1 != a0 else 0.0
        half = max(1.0, width) * math.hypot(slope, 1)
        for a in range(math.ceil(min(a0, a1)), math.floor(max(a0, a1)) + 1):
            b = b0 + (a - a0) * slope
            for near in range(math.floor(b - half) - 1, math.ceil(b + half) + 2):
                apart = min(abs(near - b) / half, 1.0)
                y, x = (a, near) if steep else (near, a)
                if 0 <= y < shape[0] and 0 <= x < shape[1]:
                    out[:, y, x] += math.cos(apart * math.pi / 2) ** 2 * strength
    return out


def drawn(made: Strokes, shape: tuple[int, int], planes: int, rows: int) -> Float32:
    """The strokes on a picture of that shape, in bands of so many rows."""
    out = np.zeros((planes, *shape), dtype=np.float32)
    for first in range(0, shape[0], rows):
        count = min(rows, shape[0] - first)
        raster = np.zeros((planes, count + 2 * made.pad, shape[1] + 2 * made.pad), dtype=np.float32)
        made.add(raster, first)
        out[:, first : first + count] = raster[:, made.pad : made.pad + count, made.pad : -made.pad]
    return out


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 6.0), st.sampled_from([1, 3]))
def test_equals_the_naive_drawing(seed: int, width: float, planes: int) -> None:
    """Strokes of every slant, some leaving the picture, fall where the naive loop puts them."""
    rng = np.random.default_rng(seed)
    starts, ends = rng.uniform(-8, 48, (2, 12, 2))
    ends[0], ends[1] = starts[0] + (20, 0), starts[1] + (0, -17.5)  # level and upright ones
    light = rng.uniform(0.1, 1, (12, planes)).astype(np.float32)
    fast = drawn(Strokes(starts, ends, width, light), (37, 41), planes, 37)
    slow = naive(starts, ends, width, light, (37, 41))
    assert np.abs(fast - slow).max() < 0.05
    assert np.abs(fast - slow).mean() < 0.003


@pytest.mark.parametrize("rows", [1, 5, 16])
def test_bands_leave_no_seam(rows: int) -> None:
    """Bands of any height give the very same light as the whole."""
    rng = np.random.default_rng(7)
    starts, ends = rng.uniform(0, 60, (2, 40, 2))
    made = Strokes(starts, ends, 2.3, np.ones((40, 1), dtype=np.float32))
    assert np.array_equal(drawn(made, (64, 64), 1, rows), drawn(made, (64, 64), 1, 64))


def test_batches_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few steps are added at once, the light is the same."""
    rng = np.random.default_rng(8)
    starts, ends = rng.uniform(0, 60, (2, 40, 2))
    made = Strokes(starts, ends, 2.3, np.ones((40, 1), dtype=np.float32))
    whole = drawn(made, (64, 64), 1, 64)
    monkeypatch.setattr(strokes, "BATCH", 10)
    assert np.array_equal(drawn(made, (64, 64), 1, 64), whole)


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.5, math.pi / 4, 1.2, math.pi / 2])
def test_no_beads(angle: float) -> None:
    """A stroke gives the same light all along its length, at any slant: nothing beads."""
    middle = np.array([[50.3, 50.6]])
    along = 45 * np.array([[math.cos(angle), math.sin(angle)]])
    made = Strokes(middle - along, middle + along, 2.0, np.ones((1, 1), dtype=np.float32))
    light = drawn(made, (100, 100), 1, 100)[0]
    across = light.sum(axis=0 if math.cos(angle) > math.sin(angle) else 1)[30:70]
    wanted = 2.0 / max(math.cos(angle), math.sin(angle))
    assert across == pytest.approx(wanted, rel=0.02)


def test_dots_are_cut_by_bands_without_trace() -> None:
    """Discs across the border of two bands are whole together, and their light is their area."""
    centres = np.array([[10.0, 15.5], [20.3, 8.2], [-3.0, 2.0]])
    whole = np.zeros((1, 32 + 20, 32 + 20), dtype=np.float32)
    add_dots(whole, 0, 10, centres, 3.0, np.ones(1, dtype=np.float32))
    parts = []
    for first in (0, 16):
        raster = np.zeros((1, 16 + 20, 32 + 20), dtype=np.float32)
        add_dots(raster, first, 10, centres, 3.0, np.ones(1, dtype=np.float32))
        parts.append(raster[0, 10:26, 10:42])
    assert np.array_equal(np.concatenate(parts), whole[0, 10:42, 10:42])
    assert whole[0, :, 20:].sum() + whole[0, :, :20].sum() == pytest.approx(3 * math.pi * 9, rel=0.05)
