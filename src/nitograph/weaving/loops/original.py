"""The first Nitograph's encoder, made fast: thick Bresenham lines on a raster clipped at 1.

Kept so that its threads can be reproduced and compared. With running sums of the pixels' gains along rows
and columns, a run of a thick line costs two look-ups. Gains are whole numbers. Clipping lets the gain of a
pixel rise again. The sum of all rises is tracked, so that an old score plus the rises since is an upper
bound, and lines whose bound is below the best are not scored again. First bounds are computed for LANES
pictures at once. This module knows nothing of files or flags; `dispatch` calls it.

Try it: nitograph weave mnist:train:0 --preset original -o thread.json
"""

from typing import NamedTuple

import numpy as np

from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.weaving.loops.first_bounds import BLOCK, rounded_up
from nitograph.weaving.loops.operands import (
    Bool,
    Float32,
    Float64,
    Int32,
    Int64,
    OriginalPen,
    OriginalTask,
    Rows,
)
from nitograph.weaving.loops.simd import LANES, weighted_sum


class Raster(NamedTuple):
    """One picture while it is woven: its pixels, and what is derived from them."""

    target: Float64  # (c, c)
    shown: Float64  # (c, c)
    gains: Int32  # (c, c), of one more line over each pixel
    sums: Int32  # (2, c, c + 2), running sums of the gains along rows and along columns
    change: Int32  # (c + 1, c), zeros; changes of the pixels of a line, transposed
    span: Int64  # (c, 2), where the changes of each column begin and end


class Buffers(NamedTuple):
    """Scratch arrays of _best_next, (n,) each."""

    allowed: Bool
    row: Float64  # upper bounds of scores


@tiny
def _pixel_gain(target: float, shown: float, pen: OriginalPen) -> int:
    """By how much one more line lowers the weighted squared error of a pixel, in 1/fine."""
    before = target - shown
    after = target - min(shown + pen.strength, 1.0)
    before *= before if before > 0 else pen.overshoot * before
    after *= after if after > 0 else pen.overshoot * after
    return int(np.rint((before - after) * pen.fine))


@inner
def _best_next(
    task: OriginalTask, sums: Int32, bounds: Float32, risen: int, path: Int32, length: int, buffers: Buffers
) -> tuple[int, float]:
    """The best nail after path[:length] and its score; ties: the lowest nail.

    bounds (n²,): upper bounds of the sums of lines, minus `risen` at the time each was computed; updated
    where a line is scored. risen: the sum of all rises of gains so far.
    """
    here, count = path[length - 1], task.limits.num_nails
    runs, first, scale, flat = task.runs, task.first, task.scale, sums.reshape(-1)
    allowed, row = buffers
    forbid_next(path, length, count, task.limits.min_nail_gap, task.limits.recent_edges, allowed)
    top, likely = -np.inf, -1
    for nail in range(count):
        k = here * count + nail
        row[nail] = (bounds[k] + risen) * scale[k] if allowed[nail] else -np.inf
        if row[nail] > top:
            top, likely = row[nail], nail
    if likely < 0:
        return -1, -np.inf
    best, chosen = -np.inf, -1
    for turn in range(-1, count):
        nail = likely if turn < 0 else turn
        if turn >= 0 and (row[nail] < best or nail == likely or not allowed[nail]):
            continue
        k = here * count + nail
        found = 0
        for r in range(first[k], first[k + 1]):
            found += flat[np.uint64(runs[r, 1])] - flat[np.uint64(runs[r, 0])]
        bounds[k] = rounded_up(found - risen)
        score = found * scale[k]
        if score > best or (score == best and nail < chosen):
            best, chosen = score, nail
    return chosen, best


@inner
def _first_bounds(task: OriginalTask, wanted: Float32, slack: float, out: Float32) -> None:
    """Upper bounds of every line's sum on empty canvases, for LANES pictures at once; out (LANES, n²)."""
    runs, first = task.runs, task.first
    size = wanted.shape[1]
    gains, sums = np.empty((size, size), np.int32), np.zeros((2, size, size + 2), np.int32)
    together = np.zeros(2 * size * (size + 2) * LANES, np.float32)
    for lane in range(len(wanted)):
        for y in range(size):
            for x in range(size):
                gains[y, x] = _pixel_gain(float(wanted[lane, y, x]), 0.0, task.pen)
        _sum_up(gains, sums)
        flat = sums.reshape(-1)
        for place in range(len(flat)):
            together[place * LANES + lane] = flat[place]
    block = np.empty((BLOCK, LANES), np.float32)
    max_entries = 2 * np.max(first[1:] - first[:-1])
    places, weights = np.empty(max_entries, np.int64), np.empty(max_entries, np.float32)
    weights[0::2], weights[1::2] = -1.0, 1.0
    lines = len(first) - 1
    for k in range(lines):
        entries = 0
        for r in range(first[k], first[k + 1]):
            places[entries] = np.int64(runs[r, 0]) * LANES
            places[entries + 1] = np.int64(runs[r, 1]) * LANES
            entries += 2
        weighted_sum(together, places, weights, entries, block[k % BLOCK])
        if (k + 1) % BLOCK == 0 or k + 1 == lines:
            for lane in range(LANES):
                for done in range(k - k % BLOCK, k + 1):
                    out[lane, done] = block[done % BLOCK, lane] + slack


@tiny
def _add_behind(sums: Int32, place: int, fallen: int) -> None:
    """Add `fallen` to all sums after a place, in one pass of fixed length, which vectorises."""
    by, last = np.int32(fallen), np.int32(place)
    for i in range(len(sums)):
        sums[i] += by if np.int32(i) > last else np.int32(0)


@inner
def _lay(task: OriginalTask, k: int, raster: Raster) -> int:
    """Draw line k, and update gains and running sums; returns the sum of the rises."""
    target, shown, gains, sums, change, span = raster
    runs, begin, end, pen = task.runs, task.first[k], task.first[k + 1], task.pen
    size = len(target)
    stride = size + 2
    first, last, risen = size, -1, 0
    steep = np.int64(runs[begin, 0]) // stride >= size
    own, moved = sums[1 if steep else 0], change[size]
    wanted, lit, gained = target.reshape(-1), shown.reshape(-1), gains.reshape(-1)
    step = size if steep else 1
    for r in range(begin, end):
        place = np.int64(runs[r, 0])
        line = place // stride - (size if steep else 0)
        start = int(place % stride)
        stop = int(start + np.int64(runs[r, 1]) - place)
        at = line + start * size if steep else line * size + start
        for i in range(stop - start):
            p = np.uint64(at + i * step)
            lit[p] = min(lit[p] + pen.strength, 1.0)
            gain = np.int32(_pixel_gain(wanted[p], lit[p], pen))
            moved[i] = gain - gained[p]
            gained[p] = gain
        fallen = 0
        for v in range(start, stop):
            by = moved[v - start]
            fallen += by
            risen += max(by, 0)
            own[line, v + 1] += fallen
            change[v, line] = by
            if not first <= v <= last:
                span[v, 0] = line
            span[v, 1] = line + 1
        first, last = min(first, start), max(last, stop - 1)
        _add_behind(own[line], stop, fallen)
    _carry_across(sums[0 if steep else 1], change, span, first, last)
    return risen


@inner
def _carry_across(other: Int32, change: Int32, span: Int64, first: int, last: int) -> None:
    """Apply the changes to the running sums of the other direction; `change` becomes zero again."""
    for v in range(first, last + 1):
        fallen = 0
        for u in range(span[v, 0], span[v, 1]):
            fallen += change[v, u]
            change[v, u] = 0
            other[v, u + 1] += fallen
        _add_behind(other[v], span[v, 1], fallen)


@inner
def _sum_up(gains: Int32, sums: Int32) -> None:
    """The running sums of gains (c, c), along rows and along columns."""
    size = len(gains)
    for y in range(size):
        for x in range(size):
            sums[0, y, x + 1] = sums[0, y, x] + gains[y, x]
            sums[1, x, y + 1] = sums[1, x, y] + gains[y, x]


@inner
def walk(task: OriginalTask, wanted: Float32, bounds: Float32, path: Int32) -> tuple[int, float]:
    """Weave one target (c, c) into path (max_lines + 1,); returns the number of nails and 1 − error."""
    size, limits = len(wanted), task.limits
    target, shown = wanted.astype(np.float64), np.zeros((size, size))
    gains, sums = np.empty((size, size), np.int32), np.zeros((2, size, size + 2), np.int32)
    change, span = np.zeros((size + 1, size), np.int32), np.empty((size, 2), np.int64)
    raster = Raster(target, shown, gains, sums, change, span)
    buffers = Buffers(np.empty(limits.num_nails, np.bool_), np.empty(limits.num_nails))
    for y in range(size):
        for x in range(size):
            gains[y, x] = _pixel_gain(target[y, x], 0.0, task.pen)
    _sum_up(gains, sums)
    path[0] = task.start
    if task.start < 0:
        path[0] = _best_start(task, sums, bounds, path, buffers)
    length, risen = 1, 0
    while length <= limits.max_lines:
        nail, score = _best_next(task, sums, bounds, risen, path, length, buffers)
        if nail < 0 or (score <= limits.stop_score and length > limits.min_lines):
            break
        risen += _lay(task, path[length - 1] * limits.num_nails + nail, raster)
        path[length] = nail
        length += 1
    energy, off = 0.0, 0.0
    for y in range(size):
        for x in range(size):
            left = target[y, x] - shown[y, x]
            off += left * left * (1.0 if left > 0 else task.pen.overshoot)
            energy += target[y, x] * target[y, x]
    return length, 1.0 - off / energy if energy > 0 else 0.0


@inner
def _best_start(task: OriginalTask, sums: Int32, bounds: Float32, path: Int32, buffers: Buffers) -> int:
    """The nail where the best of all lines begins; ties: the lowest."""
    best, chosen = -np.inf, 0
    for nail in range(task.limits.num_nails):
        path[0] = nail
        _, score = _best_next(task, sums, bounds, 0, path, 1, buffers)
        if score > best:
            best, chosen = score, nail
    return chosen


@jit
def walk_many(task: OriginalTask, slack: float, rows: Rows) -> None:
    """Weave each picture.

    slack: above the rounding error of any line's sum in single precision; below 0 for no first bounds.
    """
    wanted, nails, lengths, shown = rows
    many, count = slack >= 0, task.limits.num_nails
    bounds = np.empty((LANES if many else 1, count * count), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            _first_bounds(task, wanted[i : i + LANES], slack, bounds)
        elif not many:
            bounds[0] = np.inf
        lengths[i], shown[i] = walk(task, wanted[i], bounds[i % len(bounds)], nails[i])
