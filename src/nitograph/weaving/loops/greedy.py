"""The compiled greedy walk: from the nail where the thread stands, always the chord that gains most.

Thread only ever lowers what a chord can still gain (the error is convex), so the last score found for a
chord stays an upper bound, and only chords whose bound beats the best are scored again. First bounds are
computed for LANES pictures at once. The result is the same, nail for nail, as scoring every chord at every
step. This module knows nothing of settings, files or pictures.

Try it: python -c "import nitograph.weaving.loops.greedy"
"""

from typing import NamedTuple

import numpy as np

from nitograph.compute.bits import ordered
from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.cells import (
    MIN_GAIN,
    Canvas,
    Cells,
    chord_number,
    chord_score,
    fill_cells,
    lay,
    min_gain_of,
    min_left_of,
    pixel_gain,
)
from nitograph.weaving.loops.first_bounds import first_bounds, rounded_up
from nitograph.weaving.loops.operands import Bool, Float32, Int32, Pen, Rounding, Rows, Task
from nitograph.weaving.loops.simd import LANES


@inner
def largest(row: Float32, allowed: Bool) -> float:
    """The largest of row (n,) float32 where allowed; the others become −∞."""
    bits, top = row.view(np.int32), np.empty(1, np.int32)
    for nail in range(len(row)):
        if not allowed[nail]:
            row[nail] = -np.inf
    highest = np.int32(-(2**31))
    for nail in range(len(row)):
        highest = max(highest, ordered(bits[nail]))
    top[0] = ordered(highest)
    found: float = top.view(np.float32)[0]
    return found


@inner
def candidates(row: Float32, least: float, listed: Int32) -> int:
    """Write into listed the nails whose bounds (n,) are at least `least`; returns how many."""
    found = 0
    for nail in range(len(row)):
        listed[found] = nail  # no branch: it would be mispredicted too often
        found += row[nail] >= least
    return found


class Buffers(NamedTuple):
    """Scratch arrays of best_next, (n,) each."""

    allowed: Bool
    row: Float32  # the bounds of the chords to all nails
    listed: Int32  # nails that may be the best


@inner
def new_buffers(num_nails: int) -> Buffers:
    """Buffers of best_next."""
    return Buffers(
        np.empty(num_nails, np.bool_), np.empty(num_nails, np.float32), np.empty(num_nails, np.int32)
    )


@inner
def best_next(
    task: Task, canvas: Canvas, bounds: Float32, path: Int32, length: int, buffers: Buffers
) -> tuple[int, float]:
    """The best nail after path[:length] and its score; −1 where none is allowed. Ties: the lowest nail.

    bounds (m,): what the score of a chord cannot exceed; lowered to the score where one is computed.
    """
    here, limits, count = path[length - 1], task.limits, task.limits.num_nails
    allowed, row, listed = buffers
    forbid_next(path, length, count, limits.min_nail_gap, limits.recent_edges, allowed)
    allowed[here] = False
    k = here - 1
    for nail in range(here):
        row[nail] = bounds[k]
        k += count - nail - 2
    k = chord_number(here, here + 1, count) - here - 1
    for nail in range(here + 1, count):
        row[nail] = bounds[k + nail]
    top = largest(row, allowed)
    if top == -np.inf:
        return -1, -np.inf
    first = 0
    while row[first] != top:
        first += 1
    best, chosen = rescore(task, canvas, bounds, here, first), first
    row[first] = -np.inf
    for i in range(candidates(row, best, listed)):
        nail = int(listed[i])
        if row[nail] >= best:
            score = rescore(task, canvas, bounds, here, nail)
            if score > best or (score == best and nail < chosen):
                best, chosen = score, nail
    return chosen, best


@tiny
def rescore(task: Task, canvas: Canvas, bounds: Float32, a: int, b: int) -> float:
    """The exact score of chord a–b now; its bound is lowered to it."""
    k = chord_number(a, b, task.limits.num_nails)
    score = chord_score(task.bands, k, canvas.cells, len(canvas.left), task.scoring)
    bounds[k] = rounded_up(score)
    return score


@inner
def best_start(task: Task, canvas: Canvas, bounds: Float32) -> int:
    """The lower nail of the best of all chords; ties: the first."""
    best, start, k = -np.inf, -1, 0
    count, gap = task.limits.num_nails, task.limits.min_nail_gap
    for a in range(count):
        for b in range(a + 1, count):
            if bounds[k] > best and min(b - a, count - b + a) >= gap:
                score = rescore(task, canvas, bounds, a, b)
                if score > best:
                    best, start = score, a
            k += 1
    return start


@inner
def lay_next(task: Task, canvas: Canvas, a: int, b: int) -> None:
    """Lay the chord a–b on a canvas."""
    k = chord_number(a, b, task.limits.num_nails)
    lay(task.bands, k, task.pen.strength, task.pen.overshoot, canvas)


@inner
def begin(task: Task, canvas: Canvas, bounds: Float32, path: Int32) -> int:
    """The first nail, or the first chord if the nail is to be chosen; returns how many nails it wrote."""
    fill_cells(canvas, task.pen.strength, task.pen.overshoot)
    path[0] = task.start
    if task.start >= 0:
        return 1
    buffers = new_buffers(task.limits.num_nails)
    length = int(np.int64(1))  # Numba would compile best_next once more for a constant
    path[0] = best_start(task, canvas, bounds)
    nail, _ = best_next(task, canvas, bounds, path, length, buffers)
    if nail < 0:
        return 1
    lay_next(task, canvas, path[0], nail)
    path[1] = nail
    # The first chord may run either way: take the one from which the walk goes on better.
    _, ahead = best_next(task, canvas, bounds, path, length + 1, buffers)
    path[0], path[1] = path[1], path[0]
    _, back = best_next(task, canvas, bounds, path, length + 1, buffers)
    if ahead >= back:
        path[0], path[1] = path[1], path[0]
    return 2


@inner
def advance(
    task: Task, canvas: Canvas, bounds: Float32, path: Int32, length: int, until: int
) -> tuple[int, bool]:
    """Continue path[:length] to at most `until` chords; returns its nails and whether it ended."""
    limits, buffers = task.limits, new_buffers(task.limits.num_nails)
    while length <= until:
        nail, score = best_next(task, canvas, bounds, path, length, buffers)
        if nail < 0 or (score <= limits.stop_score and length > limits.min_lines):
            return length, True
        lay_next(task, canvas, path[length - 1], nail)
        path[length] = nail
        length += 1
    return length, until >= limits.max_lines


@jit
def slice_of_one(
    task: Task, canvas: Canvas, bounds: Float32, path: Int32, length: int, until: int
) -> tuple[int, bool]:
    """Begin (length 0) or continue one picture; returns how many nails there are and whether it ended."""
    if length == 0:
        length = begin(task, canvas, bounds, path)
    return advance(task, canvas, bounds, path, length, until)


@inner
def scale_up(wanted: Float32, white: float, left: Int32) -> None:
    """wanted (c, c) float32 into left (c, c) int32, scaled so that white is `white`."""
    for y in range(len(left)):
        for x in range(len(left)):
            left[y, x] = int(np.rint(wanted[y, x] * white))


@inner
def explained(wanted: Float32, left: Int32, white: float, disc: Bool) -> float:
    """1 − Σ(T−R)²/ΣT² over the disc, R clipped at 1; 0 for an empty picture."""
    off, energy = 0.0, 0.0
    for y in range(len(left)):
        for x in range(len(left)):
            if disc[y, x]:
                target = float(wanted[y, x])
                shown = min(target - left[y, x] / white, 1.0)
                off += (target - shown) ** 2
                energy += target**2
    return 1.0 - off / energy if energy > 0 else 0.0


@inner
def overflowed(darkest: int, pen: Pen, cells: Cells) -> bool:
    """Whether a walk has left the range of its cells, given the lowest light still wanted of a pixel."""
    gain = pixel_gain(darkest, pen.strength, pen.overshoot, MIN_GAIN)
    return darkest <= min_left_of(cells, pen.strength) or gain <= min_gain_of(cells)


@jit
def walk_many(task: Task, rounding: Rounding, rows: Rows, cells: Cells) -> None:
    """Weave each picture.

    cells: a buffer of int16 or int32. The length is −1 where int16 cells could not hold a gain.
    """
    wanted, nails, lengths, shown = rows
    pen, many = task.pen, len(rounding.slack) > 0
    size, chords = wanted.shape[1], len(task.bands.lines)
    canvas = Canvas(np.zeros((size, size), np.int32), cells, np.full((size, size), np.int32(256)))
    bounds = np.empty((LANES if many else 1, chords), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            first_bounds(task, rounding, wanted[i : i + LANES], bounds)
        elif not many:
            bounds[0] = np.inf
        own = bounds[i % len(bounds)]
        scale_up(wanted[i], pen.white, canvas.left)
        length = begin(task, canvas, own, nails[i])
        lengths[i], _ = advance(task, canvas, own, nails[i], length, task.limits.max_lines)
        shown[i] = explained(wanted[i], canvas.left, pen.white, task.disc)
        if cells.itemsize == 2 and overflowed(int(np.min(canvas.left)), pen, cells):
            lengths[i] = -1
