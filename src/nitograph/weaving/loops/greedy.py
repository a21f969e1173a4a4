# mypy: disable-error-code="no-untyped-def, assignment"
# The functions under @jit are typed by Numba when they are compiled.
"""The compiled greedy walk: from the nail where the thread stands, always the chord that gains most.

Thread only ever lowers what a chord can still gain (the error is convex), so the last score found for a
chord stays an upper bound and only chords whose bound beats the best need a new look. First bounds come
for LANES pictures at once. The result is the same, nail for nail, as scoring every chord at every step.
This module knows nothing of settings, files or pictures.

Try it: python -c "import nitograph.weaving.loops.greedy"
"""

import numpy as np

from nitograph.compute.bits import ordered
from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE, SHIFT
from nitograph.weaving.loops.cells import (
    DEEPEST,
    band_sum,
    deepest_of,
    fill_cells,
    floor_of,
    lay,
    pixel_gain,
)
from nitograph.weaving.loops.simd import LANES, paired_sum

BLOCK = 16


@tiny
def chord_number(a, b, count):
    """The number of chord a–b in chords.Chords."""
    if a > b:
        a, b = b, a
    return a * count - a * (a + 1) // 2 + b - a - 1


@inner
def largest(row, allowed):
    """The largest of row (n,) float32 where allowed; the others become −∞."""
    bits, top = row.view(np.int32), np.empty(1, np.int32)
    for nail in range(len(row)):
        if not allowed[nail]:
            row[nail] = -np.inf
    highest = np.int32(-(2**31))
    for nail in range(len(row)):
        highest = max(highest, ordered(bits[nail]))
    top[0] = ordered(highest)
    return top.view(np.float32)[0]


@inner
def promising(row, least, listed):
    """The nails whose bounds (n,) are at least so much, into listed; how many. No branch to guess."""
    found = 0
    for nail in range(len(row)):
        listed[found] = nail
        found += row[nail] >= least
    return found


@inner
def room_for(count):
    """Room for best_next: which nails are allowed, their bounds, a list of nails."""
    return np.empty(count, np.bool_), np.empty(count, np.float32), np.empty(count, np.int32)


@inner
def best_next(path, length, count, rules, bands, cells, size, worth, bounds, room):
    """The best nail after path[:length] and its score; −1 where none is allowed. Ties: the lowest nail.

    worth (m, 2): what is added to the sum over chord k, and what that is multiplied by. bounds (m,)
    float32: what the score of a chord cannot exceed; brought down where one was looked at. room: of
    room_for.
    """
    here = path[length - 1]
    allowed, row, listed = room
    forbid_next(path, length, count, rules[0], rules[1], allowed)
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
    first = np.int64(0)
    while row[first] != top:
        first += 1
    best, chosen = look(here, first, count, bands, cells, size, worth, bounds), first
    row[first] = -np.inf
    for i in range(promising(row, best, listed)):
        nail = np.int64(listed[i])
        if row[nail] >= best:
            score = look(here, nail, count, bands, cells, size, worth, bounds)
            if score > best or (score == best and nail < chosen):
                best, chosen = score, nail
    return chosen, best


@tiny
def look(a, b, count, bands, cells, size, worth, bounds):
    """The score of chord a–b now, exactly; its bound is brought down to it."""
    k = chord_number(a, b, count)
    score = (band_sum(bands, k, cells, size) + worth[k, 0]) * worth[k, 1]
    bounds[k] = above(score)
    return score


@tiny
def above(score):
    """The score in single precision, not below it."""
    return np.float32(score + abs(score) * 1e-7)


@inner
def best_start(count, gap, bands, cells, size, worth, bounds):
    """The lower nail of the best chord of all; ties: the first."""
    best, start, k = -np.inf, -1, 0
    for a in range(count):
        for b in range(a + 1, count):
            if bounds[k] > best and min(b - a, count - b + a) >= gap:
                score = look(a, b, count, bands, cells, size, worth, bounds)
                if score > best:
                    best, start = score, a
            k += 1
    return start


@inner
def begin(bands, count, rules, dose, over, start, worth, bounds, canvas, path):
    """The first nail, and the first chord with it where it is chosen (start −1); returns nails written."""
    cells, size = canvas[1], len(canvas[0])
    fill_cells(canvas, dose, over)
    path[0] = start
    if start >= 0:
        return 1
    room = room_for(count)
    length = np.int64(1)  # a plain 1 would be compiled for on its own
    path[0] = best_start(count, rules[0], bands, cells, size, worth, bounds)
    nail, _ = best_next(path, length, count, rules, bands, cells, size, worth, bounds, room)
    if nail < 0:
        return 1
    lay(bands, chord_number(path[0], nail, count), dose, over, canvas)
    path[1] = nail
    # The first chord may run either way: take the one from which the walk goes on better.
    _, ahead = best_next(path, length + 1, count, rules, bands, cells, size, worth, bounds, room)
    path[0], path[1] = path[1], path[0]
    _, back = best_next(path, length + 1, count, rules, bands, cells, size, worth, bounds, room)
    if ahead >= back:
        path[0], path[1] = path[1], path[0]
    return 2


@inner
def advance(bands, count, rules, limits, stop, dose, over, worth, bounds, canvas, path, length, until):
    """Go on from path[:length] to at most `until` chords; returns nails written and whether it ended."""
    cells, size = canvas[1], len(canvas[0])
    room = room_for(count)
    while length <= until:
        nail, score = best_next(path, length, count, rules, bands, cells, size, worth, bounds, room)
        if nail < 0 or (score <= stop and length > limits[0]):
            return length, True
        lay(bands, chord_number(path[length - 1], nail, count), dose, over, canvas)
        path[length] = nail
        length += 1
    return length, until >= limits[1]


@jit
def slice_of_one(
    bands, count, rules, limits, stop, dose, over, start, worth, bounds, canvas, path, length, until
):
    """Begin (length 0) or go on with one picture; returns nails written and whether it ended."""
    if length == 0:
        length = begin(bands, count, rules, dose, over, start, worth, bounds, canvas, path)
    return advance(
        bands, count, rules, limits, stop, dose, over, worth, bounds, canvas, path, length, until
    )


@inner
def first_bounds(lines, size, dose, unit, over, coarse, wanted, slack, worth, out):
    """Upper bounds of every chord's score on empty canvases, for LANES pictures at once.

    wanted: (up to LANES, c, c) float32. coarse: sums of gains are kept in units of 2^coarse, so that they
    fit 16 bits. slack (m,): more than rounding can take away. worth: as in best_next. out: (LANES, m).
    """
    sums = np.zeros((2 * size * (size + 2), LANES, 2), np.int16)
    for lane in range(len(wanted)):
        run_up(wanted[lane], dose, unit, over, coarse, sums[:, lane])
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
        more, factor, row = slack[k] + worth[k, 0], worth[k, 1], block[k % BLOCK]
        for lane in range(LANES):
            row[lane] = above((np.float32(total[lane]) * scale + more) * factor)
        if (k + 1) % BLOCK == 0 or k + 1 == len(lines):
            for lane in range(LANES):
                for done in range(k - k % BLOCK, k + 1):
                    out[lane, done] = block[done % BLOCK, lane]


@inner
def run_up(wanted, dose, unit, over, coarse, pairs):
    """Running sums of the gains of one empty canvas, rounded, each beside the next: pairs (2·c·(c + 2), 2).

    They lie as (2, c, c + 2): down each column, then along each row; the last stands twice.
    """
    size = len(wanted)
    down, half = np.zeros(size, np.int64), (1 << coarse) >> 1
    for y in range(size):
        along, row = 0, (size + y) * (size + 2)
        for x in range(size):
            gain = pixel_gain(int(np.rint(wanted[y, x] * unit)), dose, over, DEEPEST)
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


@inner
def scale_up(wanted, unit, left):
    """wanted (c, c) float32 into left (c, c) int32, where white is `unit`."""
    for y in range(len(left)):
        for x in range(len(left)):
            left[y, x] = int(np.rint(wanted[y, x] * unit))


@inner
def explained(wanted, left, unit, disc):
    """1 − Σ(T−R)²/ΣT² over the disc, R clipped at 1; 0 for an empty picture."""
    off, energy = 0.0, 0.0
    for y in range(len(left)):
        for x in range(len(left)):
            if disc[y, x]:
                target = float(wanted[y, x])
                shown = min(target - left[y, x] / unit, 1.0)
                off += (target - shown) ** 2
                energy += target**2
    return 1.0 - off / energy if energy > 0 else 0.0


@inner
def overflown(darkest, dose, over, cells):
    """Whether a walk has left the range of its cells, given the least that is still wanted of a pixel."""
    return darkest <= floor_of(cells, dose) or pixel_gain(darkest, dose, over, DEEPEST) <= deepest_of(cells)


@jit
def walk_many(
    bands, count, rules, limits, stop, dose, unit, over, start, worth, coarse, slack, disc, wanted, nails,
    lengths, shares, cells,
):  # fmt: skip
    """Weave each of wanted (n, c, c) float32 into a row of nails; `unit` is white in whole numbers.

    cells: room, of int16 or int32. A length of −1 is given where those of int16 could not hold a gain.
    """
    lines, size, many = bands[0], wanted.shape[1], len(slack) > 0
    canvas = np.zeros((size, size), np.int32), cells, np.full((size, size), np.int32(256))
    bounds = np.empty((LANES if many else 1, len(lines)), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            first_bounds(lines, size, dose, unit, over, coarse, wanted[i : i + LANES], slack, worth, bounds)
        elif not many:
            bounds[0] = np.inf
        own = bounds[i % len(bounds)]
        scale_up(wanted[i], unit, canvas[0])
        length = begin(bands, count, rules, dose, over, start, worth, own, canvas, nails[i])
        path, most = nails[i], limits[1]
        lengths[i], _ = advance(
            bands, count, rules, limits, stop, dose, over, worth, own, canvas, path, length, most
        )
        shares[i] = explained(wanted[i], canvas[0], unit, disc)
        if cells.itemsize == 2 and overflown(np.min(canvas[0]), dose, over, cells):
            lengths[i] = -1
