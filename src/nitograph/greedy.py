# mypy: disable-error-code="no-untyped-def, untyped-decorator"
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
from nitograph.kernels import FINE, SHIFT, band_sum, fill_sums, inner, jit, lay, new_canvas, tiny
from nitograph.simd import LANES, weighted_sum

forbid_next = inner(board.forbid_next)


@tiny
def chord_number(a, b, count):
    """The number of chord a–b in chords.Chords."""
    if a > b:
        a, b = b, a
    return a * count - a * (a + 1) // 2 + b - a - 1


@inner
def best_next(path, length, count, rules, lines, flat, size, worth, bounds, allowed):
    """The best nail after path[:length] and its score; −1 where none is allowed. Ties: the lowest nail.

    worth (m, 2): what is added to the sum over chord k, and what that is multiplied by. bounds (n, n)
    float32: what the score of a chord cannot exceed; brought down where one was looked at.
    """
    here = path[length - 1]
    forbid_next(path, length, count, rules[0], rules[1], allowed)
    row = bounds[here]
    top, first = -np.inf, -1
    for nail in range(count):
        if row[nail] > top and allowed[nail]:
            top, first = row[nail], nail
    best, chosen = -np.inf, -1
    nail = first
    for other in range(-1, count if first >= 0 else -1):
        if other >= 0:
            if row[other] < best or other == first or not allowed[other]:
                continue
            nail = other
        score = look(here, nail, count, lines, flat, size, worth, bounds)
        if score > best or (score == best and nail < chosen):
            best, chosen = score, nail
    return chosen, best


@tiny
def look(a, b, count, lines, flat, size, worth, bounds):
    """The score of chord a–b now, exactly; its bound is brought down to it."""
    k = chord_number(a, b, count)
    score = (band_sum(lines, k, flat, size) + worth[k, 0]) * worth[k, 1]
    bound = above(score)
    bounds[a, b] = bound
    bounds[b, a] = bound
    return score


@tiny
def above(score):
    """The score in single precision, not below it."""
    return np.float32(score + abs(score) * 1e-7)


@inner
def best_start(count, gap, lines, flat, size, worth, bounds):
    """The lower nail of the best chord of all; ties: the first."""
    best, start = -np.inf, -1
    for a in range(count):
        for b in range(a + 1, count):
            if bounds[a, b] > best and min(b - a, count - b + a) >= gap:
                score = look(a, b, count, lines, flat, size, worth, bounds)
                if score > best:
                    best, start = score, a
    return start


@inner
def begin(lines, count, rules, dose, over, start, worth, bounds, canvas, path):
    """The first nail, and the first chord with it where it is chosen (start −1); returns nails written."""
    flat, size = canvas[2], len(canvas[0])
    fill_sums(canvas, dose, over)
    path[0] = start
    if start >= 0:
        return 1
    allowed = np.empty(count, np.bool_)
    path[0] = best_start(count, rules[0], lines, flat, size, worth, bounds)
    nail, _ = best_next(path, 1, count, rules, lines, flat, size, worth, bounds, allowed)
    if nail < 0:
        return 1
    lay(lines, chord_number(path[0], nail, count), dose, over, canvas)
    path[1] = nail
    # The first chord may run either way: take the one from which the walk goes on better.
    _, ahead = best_next(path, 2, count, rules, lines, flat, size, worth, bounds, allowed)
    path[0], path[1] = path[1], path[0]
    _, back = best_next(path, 2, count, rules, lines, flat, size, worth, bounds, allowed)
    if ahead >= back:
        path[0], path[1] = path[1], path[0]
    return 2


@inner
def advance(lines, count, rules, limits, stop, dose, over, worth, bounds, canvas, path, length, until):
    """Go on from path[:length] to at most `until` chords; returns nails written and whether it ended."""
    flat, size = canvas[2], len(canvas[0])
    allowed = np.empty(count, np.bool_)
    while length <= until:
        nail, score = best_next(path, length, count, rules, lines, flat, size, worth, bounds, allowed)
        if nail < 0 or (score <= stop and length > limits[0]):
            return length, True
        lay(lines, chord_number(path[length - 1], nail, count), dose, over, canvas)
        path[length] = nail
        length += 1
    return length, until >= limits[1]


@jit
def slice_of_one(
    lines, count, rules, limits, stop, dose, over, start, worth, bounds, canvas, path, length, until
):
    """Begin (length 0) or go on with one picture; returns nails written and whether it ended."""
    if length == 0:
        length = begin(lines, count, rules, dose, over, start, worth, bounds, canvas, path)
    return advance(
        lines, count, rules, limits, stop, dose, over, worth, bounds, canvas, path, length, until
    )


@inner
def first_bounds(lines, size, dose, unit, over, wanted, slack, out):
    """Upper bounds of every chord's gain on empty canvases, for LANES pictures at once.

    wanted: (up to LANES, c, c) float32. slack (m,): more than rounding can take away. out: (m, LANES).
    """
    stride = (size + 2) * LANES
    flat = np.zeros(2 * size * stride, np.float32)
    canvas = new_canvas(size)
    for lane in range(len(wanted)):
        scale_up(wanted[lane], unit, canvas[0])
        fill_sums(canvas, dose, over)
        for place in range(len(canvas[2])):
            flat[place * LANES + lane] = canvas[2][place]
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
        weighted_sum(flat, places, weights, entries, out[k])
        for lane in range(LANES):
            out[k, lane] += slack[k]


@inner
def scale_up(wanted, unit, left):
    """wanted (c, c) float32 into left (c, c) int64, where white is `unit`."""
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
    lines, count, rules, limits, stop, dose, unit, over, start, worth, slack, disc, wanted, nails, lengths,
    shares,
):  # fmt: skip
    """Weave each of wanted (n, c, c) float32 into a row of nails; `unit` is white in whole numbers."""
    size, many = wanted.shape[1], len(slack) > 0
    canvas, bounds = new_canvas(size), np.empty((count, count), np.float32)
    first = np.empty((len(lines), LANES) if many else (0, LANES), np.float32)
    for i in range(len(wanted)):
        if many and i % LANES == 0:
            first_bounds(lines, size, dose, unit, over, wanted[i : i + LANES], slack, first)
        scale_up(wanted[i], unit, canvas[0])
        k = 0
        for a in range(count):
            for b in range(a + 1, count):
                bound = above((first[k, i % LANES] + worth[k, 0]) * worth[k, 1]) if many else np.inf
                bounds[a, b] = bound
                bounds[b, a] = bound
                k += 1
        length = begin(lines, count, rules, dose, over, start, worth, bounds, canvas, nails[i])
        path, most = nails[i], limits[1]
        lengths[i], _ = advance(
            lines, count, rules, limits, stop, dose, over, worth, bounds, canvas, path, length, most
        )
        shares[i] = explained(wanted[i], canvas[0], unit, disc)
