"""The compiled loops over bands of pixels: coverage, sums of gains, laying one chord. Whole numbers.

A canvas is kept as the light still wanted, `left`, and as the gains of its pixels in `cells`, once column
by column for flat bands and once row by row for steep ones, with a gap between; so the pixels that a band
covers in one column are neighbours. fans.Fans does the same for a model's sight without a compiler. This
module knows nothing of settings, files or pictures.

Try it: python -c "import nitograph.light.cells"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, jit, tiny
from nitograph.light.bands import FINE, GROUP, NARROW, SHIFT, Bands
from nitograph.light.simd import band_dot

MIN_GAIN = -(1 << 20) + 1  # of a pixel, at 30 times white too much: the sum of ROW columns fits 32 bits
ROW = 64  # columns summed in 32 bits

Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
Cells = NDArray[np.int16] | Int32

i32, u64 = np.int32, np.uint64  # without these, Numba widens sums of narrow numbers


class Canvas(NamedTuple):
    """One picture while it is woven."""

    left: Int32  # (c, c), the light still wanted
    cells: Cells  # gains of the pixels, as above
    weights: Int32  # (c, c), how much each pixel counts; 256 is fully


@tiny
def chord_number(a: int, b: int, count: int) -> int:
    """The number of chord a–b in chords.Chords."""
    if a > b:
        a, b = b, a
    return a * count - a * (a + 1) // 2 + b - a - 1


@tiny
def chord_score(bands: Bands, k: int, cells: Cells, size: int, scoring: NDArray[np.floating]) -> float:
    """The score of chord k; scoring (m, 2): bands.added_gain and bands.score_factor of each."""
    score: float = (band_sum(bands, k, cells, size) + scoring[k, 0]) * scoring[k, 1]
    return score


@tiny
def band_sum(bands: Bands, k: int, cells: Cells, size: int) -> int:
    """Σ coverage × gain over band k."""
    lines, shares, min_height = bands
    top, rise, height, first = lines[k, 0], lines[k, 1], lines[k, 2], lines[k, 3]
    stride = size + GROUP
    base = GROUP + (lines[k, 5] * size + first) * stride
    count = lines[k, 4] - first
    if len(shares) == 0:
        return wide_sum(top, rise, height, base, count, cells, size)
    at = (np.int64(base) << (SHIFT + 5)) + top
    step = (np.int64(stride) << (SHIFT + 5)) + rise
    row, found = np.int64(height - min_height) * FINE, np.int64(0)
    for done in range(0, count, ROW):
        some = np.int64(min(count - done, ROW))
        found += band_dot(cells, shares, at + done * step, step, row, some, SHIFT)
    return int(found)


@inner
def wide_sum(top: int, rise: int, height: int, base: int, count: int, cells: Cells, size: int) -> int:
    """As band_sum, for a band of any height; base: where the cells of its first column begin."""
    found = np.int64(0)
    for _ in range(count):
        low = max(top >> SHIFT, 0)
        high = min((top >> SHIFT) + height, size * FINE)
        top += rise
        for v in range(low >> 5, (high + FINE - 1) >> 5):
            found += (min(high, v * FINE + FINE) - max(low, v * FINE)) * cells[base + v]
        base += size + GROUP
    return int(found)


@tiny
def min_gain_of(cells: Cells) -> int:
    """The lowest gain that these cells can hold."""
    return -NARROW if cells.itemsize == 2 else MIN_GAIN


@tiny
def pixel_gain(left: int, strength: int, overshoot: float, min_gain: int) -> int:
    """By how much one chord over a whole pixel lowers its weighted squared error, ÷ strength."""
    after = left - strength
    if after >= 0 or overshoot == 1.0:
        return max(2 * left - strength, min_gain)
    before = float(left) * left
    if left < 0:
        before *= overshoot
    return max(int(np.rint((before - overshoot * after * after) / strength)), min_gain)


def cells_of(size: int) -> int:
    """How many cells a canvas has: c columns and c rows, GROUP zeros before and behind each."""
    return GROUP + 2 * size * (size + GROUP)


_cells_of = tiny(cells_of)


@inner
def new_canvas(size: int) -> Canvas:
    """An empty canvas on which all pixels count the same."""
    weights = np.full((size, size), i32(256), i32)
    return Canvas(np.zeros((size, size), i32), np.zeros(_cells_of(size), i32), weights)


@inner
def fill_cells(canvas: Canvas, strength: int, overshoot: float) -> None:
    """Compute the gains of a canvas from the light still wanted."""
    left, cells, weights = canvas
    size = len(left)
    stride = size + GROUP
    min_gain = min_gain_of(cells)
    for y in range(size):
        for x in range(size):
            gain = (pixel_gain(left[y, x], strength, overshoot, min_gain) * weights[y, x]) >> 8
            cells[GROUP + x * stride + y] = gain
            cells[GROUP + (size + y) * stride + x] = gain


@tiny
def min_left_of(cells: Cells, strength: int) -> int:
    """The light still wanted of a pixel is clamped to this; its gain is the lowest there."""
    return (min_gain_of(cells) + strength) // 2


@inner
def lay(bands: Bands, k: int, strength: int, overshoot: float, canvas: Canvas) -> None:
    """Subtract chord k from the light still wanted; strength: a multiple of FINE, negative to lift it."""
    lay_light(bands, k, strength, abs(strength), overshoot, canvas)


@inner
def lay_light(bands: Bands, k: int, light: int, full: int, overshoot: float, canvas: Canvas) -> None:
    """The same with another light than `full`, a chord's strength, for which the canvas keeps gains."""
    left, cells, weights = canvas
    size = len(left)
    stride = size + GROUP
    line = bands.lines[k]
    top, rise, height, steep = line[0], line[1], line[2], line[5]
    pixels, counts = left.reshape(-1), weights.reshape(-1)
    by_u, by_v = (size, 1) if steep else (1, size)
    thin = light // FINE
    floor, min_gain = min_left_of(cells, full), min_gain_of(cells)
    own, other = GROUP + steep * size * stride, GROUP + (1 - steep) * size * stride
    for u in range(line[3], line[4]):
        low = max(top >> SHIFT, 0)
        high = min((top >> SHIFT) + height, size * FINE)
        top += rise
        for v in range(low >> 5, (high + FINE - 1) >> 5):
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            place = u64(u * by_u + v * by_v)
            before = pixels[place]
            after = max(before - share * thin, floor)
            pixels[place] = after
            if overshoot == 1.0:
                moved = 2 * (after - before)
            else:
                gain = pixel_gain(after, full, overshoot, min_gain)
                moved = gain - pixel_gain(before, full, overshoot, min_gain)
            if counts[place] != 256:
                moved = (moved * counts[place]) >> 8
            cells[u64(own + u * stride + v)] += moved
            cells[u64(other + v * stride + u)] += moved


@jit
def weighted_extra(lines: Int32, weights: Int32, out: Float64) -> None:
    """Σ share × (FINE − share) × weight ÷ 256 over each chord, into out (m,)."""
    size = len(weights)
    for k in range(len(lines)):
        top, rise, height, first, stop, steep = lines[k]
        found = 0
        for u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                found += share * (FINE - share) * (weights[u, v] if steep else weights[v, u])
        out[k] = found / 256
