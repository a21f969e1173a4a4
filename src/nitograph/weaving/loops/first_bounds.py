"""First bounds of scores, compiled: of all chords on empty canvases, for many pictures at once.

With running sums of the gains along columns and rows, a band costs two look-ups per column. The sums are
rounded to 16 bits, for LANES pictures side by side; a slack covers the rounding. This module knows nothing
of walks, settings or files.

Try it: python -c "import nitograph.weaving.loops.first_bounds"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, tiny
from nitograph.light.bands import FINE, SHIFT
from nitograph.light.cells import MIN_GAIN, pixel_gain
from nitograph.weaving.loops.operands import Float32, Pen, Rounding, Task
from nitograph.weaving.loops.simd import LANES, paired_sum

BLOCK = 16  # chords whose bounds are written together


@tiny
def rounded_up(score: float) -> np.float32:
    """The score in single precision, not below it."""
    return np.float32(score + abs(score) * 1e-7)


@inner
def first_bounds(task: Task, rounding: Rounding, wanted: Float32, out: Float32) -> None:
    """Upper bounds of every chord's score on empty canvases, for LANES pictures at once.

    wanted: (up to LANES, c, c). out: (LANES, m).
    """
    lines, size, coarse = task.bands.lines, wanted.shape[1], rounding.coarse
    slack, scoring = rounding.slack, task.scoring
    sums = np.zeros((2 * size * (size + 2), LANES, 2), np.int16)
    for lane in range(len(wanted)):
        running_sums(wanted[lane], task.pen, coarse, sums[:, lane])
    total, block = np.empty(LANES, np.int32), np.empty((BLOCK, LANES), np.float32)
    places, weights = np.empty(2 * size, np.int64), np.empty((2 * size, 2), np.int16)
    scale = np.float32(1 << coarse)
    for k in range(len(lines)):
        top, rise, height, start, stop, steep = lines[k]
        entries = 0
        for u in range(start, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            row = (steep * size + u) * (size + 2)
            places[entries], places[entries + 1] = row + (low >> 5), row + (high >> 5)
            weights[entries, 0], weights[entries, 1] = (low & 31) - 32, -(low & 31)
            weights[entries + 1, 0], weights[entries + 1, 1] = 32 - (high & 31), high & 31
            entries += 2
        paired_sum(sums, places, weights, entries, total)
        more, factor, row = slack[k] + scoring[k, 0], scoring[k, 1], block[k % BLOCK]
        for lane in range(LANES):
            row[lane] = rounded_up((np.float32(total[lane]) * scale + more) * factor)
        if (k + 1) % BLOCK == 0 or k + 1 == len(lines):
            for lane in range(LANES):
                for done in range(k - k % BLOCK, k + 1):
                    out[lane, done] = block[done % BLOCK, lane]


@inner
def running_sums(wanted: Float32, pen: Pen, coarse: int, pairs: NDArray[np.int16]) -> None:
    """Running sums of the gains of one empty canvas, rounded, each with the next: pairs (2·c·(c + 2), 2).

    The layout is (2, c, c + 2): down each column, then along each row; the last sum is repeated.
    """
    size = len(wanted)
    down, half = np.zeros(size, np.int64), (1 << coarse) >> 1
    for y in range(size):
        along, row = 0, (size + y) * (size + 2)
        for x in range(size):
            gain = pixel_gain(int(np.rint(wanted[y, x] * pen.white)), pen.strength, pen.overshoot, MIN_GAIN)
            along += gain
            down[x] += gain
            right, below = (along + half) >> coarse, (down[x] + half) >> coarse
            pairs[row + x, 1] = pairs[row + x + 1, 0] = right
            column = x * (size + 2) + y
            pairs[column, 1] = pairs[column + 1, 0] = below
        pairs[row + size, 1] = pairs[row + size, 0]
    for x in range(size):
        last = x * (size + 2) + size
        pairs[last, 1] = pairs[last, 0]
