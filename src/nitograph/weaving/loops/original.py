# mypy: disable-error-code="no-untyped-def, assignment"
# The functions under @jit are typed by Numba when they are compiled.
"""The first Nitograph's encoder, made fast: thick Bresenham lines on a raster clipped at 1.

Kept so that its threads can be made again and compared. With running sums of the pixels' gains along rows
and columns a run of a thick line costs two numbers. Gains are whole numbers. Clipping lets the gain of a
pixel rise again; all that has risen anywhere is kept as one sum, so that an old score plus what has risen
since is an upper bound, and lines whose bound is below the best need no new look. First bounds come for
LANES pictures at once. This module knows nothing of files or flags; `dispatch` calls it.

Try it: nitograph weave mnist:train:0 --preset original -o thread.json
"""

import numpy as np

from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.weaving.loops.greedy import BLOCK, above
from nitograph.weaving.loops.simd import LANES, weighted_sum


@tiny
def _pixel_gain(target, shown, strength, over, fine):
    """What one more line takes off the weighted squared error of a pixel, in 1/fine."""
    before = target - shown
    after = target - min(shown + strength, 1.0)
    before *= before if before > 0 else over * before
    after *= after if after > 0 else over * after
    return int(np.rint((before - after) * fine))


@inner
def _best_next(path, length, count, rules, runs, first, flat, scale, bounds, risen, room):
    """The best nail after path[:length] and its score in whole numbers' scale; ties: the lowest.

    bounds (n²,) float32: what the sum of a line cannot exceed, less what had risen when that was found;
    brought up to date where a line is looked at. risen: what has risen by now.
    """
    here = path[length - 1]
    allowed, row = room
    forbid_next(path, length, count, rules[0], rules[1], allowed)
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
        bounds[k] = above(found - risen)
        score = found * scale[k]
        if score > best or (score == best and nail < chosen):
            best, chosen = score, nail
    return chosen, best


@inner
def _first_bounds(wanted, pen, runs, first, slack, out):
    """Upper bounds of every line's sum on empty canvases, for LANES pictures at once; out (LANES, n²)."""
    size = wanted.shape[1]
    gains, sums = np.empty((size, size), np.int32), np.zeros((2, size, size + 2), np.int32)
    together = np.zeros(2 * size * (size + 2) * LANES, np.float32)
    strength, over, fine = pen
    for lane in range(len(wanted)):
        for y in range(size):
            for x in range(size):
                gains[y, x] = _pixel_gain(float(wanted[lane, y, x]), 0.0, strength, over, fine)
        _sum_up(gains, sums)
        flat = sums.reshape(-1)
        for place in range(len(flat)):
            together[place * LANES + lane] = flat[place]
    block = np.empty((BLOCK, LANES), np.float32)
    most = 2 * np.max(first[1:] - first[:-1])
    places, weights = np.empty(most, np.int64), np.empty(most, np.float32)
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
def _add_behind(sums, place, fallen):
    """Add what has fallen to all sums behind a place, in one pass whose length never varies."""
    by, last = np.int32(fallen), np.int32(place)
    for i in range(len(sums)):
        sums[i] += by if np.int32(i) > last else np.int32(0)


@inner
def _lay(runs, begin, end, pen, target, shown, gains, sums, change, span):
    """Draw one line onto shown (c, c) and bring gains and the running sums up to date; what has risen."""
    size = len(target)
    stride = size + 2
    strength, over, fine = pen
    first, last, risen = size, -1, 0
    steep = np.int64(runs[begin, 0]) // stride >= size
    own, moved = sums[1 if steep else 0], change[size]
    wanted, lit, worth = target.reshape(-1), shown.reshape(-1), gains.reshape(-1)
    step = size if steep else 1
    for r in range(begin, end):
        place = np.int64(runs[r, 0])
        line = place // stride - (size if steep else 0)
        start = place % stride
        stop = start + np.int64(runs[r, 1]) - place
        at = line + start * size if steep else line * size + start
        for i in range(stop - start):
            p = np.uint64(at + i * step)
            lit[p] = min(lit[p] + strength, 1.0)
            gain = np.int32(_pixel_gain(wanted[p], lit[p], strength, over, fine))
            moved[i] = gain - worth[p]
            worth[p] = gain
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
def _carry_across(other, change, span, first, last):
    """The same changes in the running sums of the other direction; change becomes zero again."""
    for v in range(first, last + 1):
        fallen = 0
        for u in range(span[v, 0], span[v, 1]):
            fallen += change[v, u]
            change[v, u] = 0
            other[v, u + 1] += fallen
        _add_behind(other[v], span[v, 1], fallen)


@inner
def _sum_up(gains, sums):
    """The running sums of gains (c, c), along rows and along columns."""
    size = len(gains)
    for y in range(size):
        for x in range(size):
            sums[0, y, x + 1] = sums[0, y, x] + gains[y, x]
            sums[1, x, y + 1] = sums[1, x, y] + gains[y, x]


@inner
def walk(wanted, count, rules, limits, stop, pen, start, runs, first, scale, bounds, path):
    """Weave one target (c, c) float32 into path (most + 1,); returns the nails written and 1 − error."""
    size = len(wanted)
    target, shown = wanted.astype(np.float64), np.zeros((size, size))
    gains, sums = np.empty((size, size), np.int32), np.zeros((2, size, size + 2), np.int32)
    change, span = np.zeros((size + 1, size), np.int32), np.empty((size, 2), np.int64)
    strength, over, fine = pen
    flat, room = sums.reshape(-1), (np.empty(count, np.bool_), np.empty(count))
    for y in range(size):
        for x in range(size):
            gains[y, x] = _pixel_gain(target[y, x], 0.0, strength, over, fine)
    _sum_up(gains, sums)
    path[0] = start
    if start < 0:
        path[0] = _best_start(count, rules, runs, first, flat, scale, bounds, room, path)
    length, risen = 1, 0
    while length <= limits[1]:
        nail, score = _best_next(path, length, count, rules, runs, first, flat, scale, bounds, risen, room)
        if nail < 0 or (score <= stop and length > limits[0]):
            break
        k = path[length - 1] * count + nail
        risen += _lay(runs, first[k], first[k + 1], pen, target, shown, gains, sums, change, span)
        path[length] = nail
        length += 1
    energy, off = 0.0, 0.0
    for y in range(size):
        for x in range(size):
            left = target[y, x] - shown[y, x]
            off += left * left * (1.0 if left > 0 else over)
            energy += target[y, x] * target[y, x]
    return length, 1.0 - off / energy if energy > 0 else 0.0


@inner
def _best_start(count, rules, runs, first, flat, scale, bounds, room, path):
    best, chosen = -np.inf, 0
    for nail in range(count):
        path[0] = nail
        _, score = _best_next(path, 1, count, rules, runs, first, flat, scale, bounds, 0, room)
        if score > best:
            best, chosen = score, nail
    return chosen


@jit
def walk_many(
    wanted, count, rules, limits, stop, pen, start, runs, first, scale, slack, nails, lengths, shares
):
    """Weave each of wanted (n, c, c) float32 into a row of nails; pen: strength, over, fine.

    slack: more than single precision takes off the sum of any line; below 0 for no first bounds.
    """
    many = slack >= 0
    bounds = np.empty((LANES if many else 1, count * count), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            _first_bounds(wanted[i : i + LANES], pen, runs, first, slack, bounds)
        elif not many:
            bounds[0] = np.inf
        own = bounds[i % len(bounds)]
        lengths[i], shares[i] = walk(
            wanted[i], count, rules, limits, stop, pen, start, runs, first, scale, own, nails[i]
        )
