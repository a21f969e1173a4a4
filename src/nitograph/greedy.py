# mypy: disable-error-code="no-untyped-def, untyped-decorator, assignment"
# The functions under @jit are typed by Numba when they are compiled.
"""The compiled greedy walk: from the nail where the thread stands, always the chord that gains most.

Thread only ever lowers what a chord can still gain (the error is convex), so the last score found for a
chord stays an upper bound and only chords whose bound beats the best need a new look. First bounds come
for LANES pictures at once. The result is the same, nail for nail, as scoring every chord at every step.
This module knows nothing of settings, files or pictures.

Try it: python -c "import nitograph.greedy"
"""

import numpy as np

from nitograph import board
from nitograph.kernels import (
    FINE,
    SHIFT,
    band_sum,
    fill_cells,
    inner,
    jit,
    lay,
    new_canvas,
    pixel_gain,
    tiny,
)
from nitograph.simd import LANES, weighted_sum

BLOCK = 16

forbid_next = inner(board.forbid_next)


@tiny
def chord_number(a, b, count):
    """The number of chord a–b in chords.Chords."""
    if a > b:
        a, b = b, a
    return a * count - a * (a + 1) // 2 + b - a - 1


@inner
def best_next(path, length, count, rules, bands, cells, size, worth, bounds, room):
    """The best nail after path[:length] and its score; −1 where none is allowed. Ties: the lowest nail.

    worth (m, 2): what is added to the sum over chord k, and what that is multiplied by. bounds (m,)
    float32: what the score of a chord cannot exceed; brought down where one was looked at. room: two
    arrays (n,) to work in.
    """
    here = path[length - 1]
    allowed, row = room
    forbid_next(path, length, count, rules[0], rules[1], allowed)
    k = here - 1
    for nail in range(here):
        row[nail] = bounds[k]
        k += count - nail - 2
    row[here] = -np.inf
    k = chord_number(here, here + 1, count) - here - 1
    for nail in range(here + 1, count):
        row[nail] = bounds[k + nail]
    top, first = -np.inf, np.int64(-1)
    for nail in range(count):
        if not allowed[nail]:
            row[nail] = -np.inf
        elif row[nail] > top:
            top, first = row[nail], nail
    if first < 0:
        return -1, -np.inf
    best, chosen = look(here, first, count, bands, cells, size, worth, bounds), first
    row[first] = -np.inf
    for nail in range(count):
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
    room = np.empty(count, np.bool_), np.empty(count, np.float32)
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
    room = np.empty(count, np.bool_), np.empty(count, np.float32)
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
def first_bounds(lines, size, dose, unit, over, wanted, slack, worth, out):
    """Upper bounds of every chord's score on empty canvases, for LANES pictures at once.

    wanted: (up to LANES, c, c) float32. slack (m,): more than rounding can take away. worth: as in
    best_next. out: (LANES, m).
    """
    stride = (size + 2) * LANES
    flat = np.zeros(2 * size * stride, np.float32)
    for lane in range(len(wanted)):
        run_up(wanted[lane], dose, unit, over, flat[lane:])
    block = np.empty((BLOCK, LANES), np.float32)
    places, weights = np.empty(4 * size, np.int64), np.empty(4 * size, np.float32)
    for k in range(len(lines)):
        top, rise, height, start, stop, steep = lines[k]
        entries = 0
        for u in range(start, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            row = (steep * size + u) * stride
            places[entries] = row + (low >> 5) * LANES
            places[entries + 1] = places[entries] + LANES
            places[entries + 2] = row + (high >> 5) * LANES
            places[entries + 3] = places[entries + 2] + LANES
            weights[entries] = (low & 31) - 32
            weights[entries + 1] = -(low & 31)
            weights[entries + 2] = 32 - (high & 31)
            weights[entries + 3] = high & 31
            entries += 4
        weighted_sum(flat, places, weights, entries, block[k % BLOCK])
        for lane in range(LANES):
            block[k % BLOCK, lane] = above((block[k % BLOCK, lane] + slack[k] + worth[k, 0]) * worth[k, 1])
        if (k + 1) % BLOCK == 0 or k + 1 == len(lines):
            for lane in range(LANES):
                for done in range(k - k % BLOCK, k + 1):
                    out[lane, done] = block[done % BLOCK, lane]


@inner
def run_up(wanted, dose, unit, over, flat):
    """Running sums of the gains of one empty canvas into every LANES-th number of flat.

    They lie as (2, c, c + 2): down each column, then along each row; the last stands twice.
    """
    size = len(wanted)
    width = size + 2
    for y in range(size):
        along = 0
        for x in range(size):
            gain = pixel_gain(int(np.rint(wanted[y, x] * unit)), dose, over)
            along += gain
            down = x * width + y
            flat[((size + y) * width + x + 1) * LANES] = along
            flat[(down + 1) * LANES] = flat[down * LANES] + gain
        flat[((size + y) * width + size + 1) * LANES] = along
    for x in range(size):
        flat[(x * width + size + 1) * LANES] = flat[(x * width + size) * LANES]


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


@jit
def walk_many(
    bands, count, rules, limits, stop, dose, unit, over, start, worth, slack, disc, wanted, nails, lengths,
    shares,
):  # fmt: skip
    """Weave each of wanted (n, c, c) float32 into a row of nails; `unit` is white in whole numbers."""
    lines, size, many = bands[0], wanted.shape[1], len(slack) > 0
    canvas = new_canvas(size)
    bounds = np.empty((LANES if many else 1, len(lines)), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            first_bounds(lines, size, dose, unit, over, wanted[i : i + LANES], slack, worth, bounds)
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
