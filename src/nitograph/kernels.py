"""The compiled loops of weaving: bands of pixels, gains of chords, the greedy walk. Whole numbers inside.

A canvas is kept as light still wanted, in units of 1/UNIT; the gain of a chord is what it takes off the
squared error. Every function releases the interpreter, so that threads can share the pictures out.
This module knows nothing of settings, files or pictures; `chords.py` and `weave.py` call it.

Try it: python -c "import nitograph.kernels"
"""

import numba
import numpy as np

from nitograph import board

FINE = 32
FIXED = 1 << 16
UNIT = 1 << 20
LIMIT = 1 << 40

_jit = numba.njit(cache=True, nogil=True)
forbid_next = _jit(board.forbid_next)


@_jit
def add_path(at, reach, cover):  # type: ignore[no-untyped-def]  # compiled: arrays as in chords.Chords
    """Add each band's coverage (1/FINE) onto cover (c, c) int64."""
    size = len(cover)
    for k in range(len(at)):
        top, rise, height = at[k]
        for u in range(reach[k, 0], reach[k, 1]):
            low = max(top >> 16, 0)
            high = min((top >> 16) + height, size * FINE)
            top += rise
            v = low // FINE
            while v * FINE < high:
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                if reach[k, 2]:
                    cover[u, v] += share
                else:
                    cover[v, u] += share
                v += 1


@_jit
def chord_totals(at, reach, size):  # type: ignore[no-untyped-def]  # as above
    """Sums over each band's pixels of coverage and of its square, two (m,) int64."""
    total, squares = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for k in range(len(at)):
        top, rise, height = at[k]
        for _ in range(reach[k, 0], reach[k, 1]):
            low = max(top >> 16, 0)
            high = min((top >> 16) + height, size * FINE)
            top += rise
            v = low // FINE
            while v * FINE < high:
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                total[k] += share
                squares[k] += share * share
                v += 1
    return total, squares


@_jit
def band_sum(at, reach, k, maps):  # type: ignore[no-untyped-def]  # as above
    """Σ coverage × map over one band; maps (2, c, c): upright and turned."""
    size = maps.shape[1]
    plane = maps[reach[k, 2]]
    top, rise, height = at[k, 0], at[k, 1], at[k, 2]
    found = 0
    for u in range(reach[k, 0], reach[k, 1]):
        low = max(top >> 16, 0)
        high = min((top >> 16) + height, size * FINE)
        top += rise
        v = low // FINE
        while v * FINE < high:
            found += (min(high, v * FINE + FINE) - max(low, v * FINE)) * plane[v, u]
            v += 1
    return found


@_jit
def gain_of_pixel(left, dose, over):  # type: ignore[no-untyped-def]  # as above
    """Fall of weighted squared error, ÷ dose, when one full dose falls where `left` is still wanted."""
    after = left - dose
    if after >= 0 or over == 1.0:
        return 2 * left - dose
    before = float(left) * left if left >= 0 else over * left * left
    return int(np.rint((before - over * after * after) / dose))


@_jit
def lay(at, reach, k, dose, over, left, gains):  # type: ignore[no-untyped-def]  # as above
    """Take one chord of `dose` off `left` (c, c) and bring gains (2, c, c) up to date."""
    size = len(left)
    top, rise, height = at[k, 0], at[k, 1], at[k, 2]
    steep = reach[k, 2]
    for u in range(reach[k, 0], reach[k, 1]):
        low = max(top >> 16, 0)
        high = min((top >> 16) + height, size * FINE)
        top += rise
        v = low // FINE
        while v * FINE < high:
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            y, x = (u, v) if steep else (v, u)
            left[y, x] = max(left[y, x] - share * (dose // FINE), -LIMIT)
            gain = gain_of_pixel(left[y, x], dose, over)
            gains[0, y, x] = gain
            gains[1, x, y] = gain
            v += 1


@_jit
def chord_number(a, b, count):  # type: ignore[no-untyped-def]  # as above
    """The number of chord a–b in chords.Chords."""
    if a > b:
        a, b = b, a
    return a * count - a * (a + 1) // 2 + b - a - 1


@_jit
def best_next(path, length, count, gap, recent, at, reach, gains, extra, scale, bounds, allowed):  # type: ignore[no-untyped-def]  # as above
    """The best nail after path[:length] and its score; −1 where none is allowed.

    bounds (m,): a score that chord k cannot exceed; thread only ever lowers a chord's gain, so the last
    score found stays a bound and most chords need no new look. Ties go to the lowest nail.
    """
    here = path[length - 1]
    forbid_next(path, length, count, gap, recent, allowed)
    top, first = -np.inf, -1
    for nail in range(count):
        if allowed[nail]:
            bound = bounds[chord_number(here, nail, count)]
            if bound > top or first < 0:
                top, first = bound, nail
    if first < 0:
        return -1, 0.0
    k = chord_number(here, first, count)
    best, chosen = (band_sum(at, reach, k, gains) + extra[k]) * scale[k], first
    bounds[k] = best
    for nail in range(count):
        if not allowed[nail] or nail == first:
            continue
        k = chord_number(here, nail, count)
        if bounds[k] >= best:
            score = (band_sum(at, reach, k, gains) + extra[k]) * scale[k]
            bounds[k] = score
            if score > best or (score == best and nail < chosen):
                best, chosen = score, nail
    return chosen, best


@_jit
def walk(at, reach, count, rules, limits, stop, dose, over, start, extra, scale, left, path):  # type: ignore[no-untyped-def]  # as above
    """Weave one picture into path (most + 1,); returns how many nails were written.

    rules: (gap, recent). limits: (fewest, most). left: (c, c) int64, changed. start: −1 to choose.
    """
    size = len(left)
    gains = np.empty((2, size, size), np.int64)
    for y in range(size):
        for x in range(size):
            gains[0, y, x] = gain_of_pixel(left[y, x], dose, over)
            gains[1, x, y] = gains[0, y, x]
    bounds = np.full(len(at), np.inf)
    allowed = np.empty(count, np.bool_)
    path[0] = start
    if start < 0:
        for k in range(len(at)):
            bounds[k] = (band_sum(at, reach, k, gains) + extra[k]) * scale[k]
        path[0] = best_start(count, rules[0], bounds)
    length = 1
    while length <= limits[1]:
        nail, score = best_next(
            path, length, count, rules[0], rules[1], at, reach, gains, extra, scale, bounds, allowed
        )
        if nail < 0 or (score <= stop and length > limits[0]):
            break
        lay(at, reach, chord_number(path[length - 1], nail, count), dose, over, left, gains)
        path[length] = nail
        length += 1
        if length == 2 and start < 0:
            turn_first(path, count, rules, at, reach, gains, extra, scale, bounds, allowed)
    return length


@_jit
def best_start(count, gap, bounds):  # type: ignore[no-untyped-def]  # as above
    """The lower nail of the best legal chord of all."""
    top, found, k = -np.inf, 0, 0
    for a in range(count):
        for b in range(a + 1, count):
            if min(b - a, count - b + a) >= gap and bounds[k] > top:
                top, found = bounds[k], a
            k += 1
    return found


@_jit
def turn_first(path, count, rules, at, reach, gains, extra, scale, bounds, allowed):  # type: ignore[no-untyped-def]  # as above
    """Let the first chord run towards the end from which the better second chord starts."""
    gap, recent = rules
    _, ahead = best_next(path, 2, count, gap, recent, at, reach, gains, extra, scale, bounds, allowed)
    path[0], path[1] = path[1], path[0]
    _, back = best_next(path, 2, count, gap, recent, at, reach, gains, extra, scale, bounds, allowed)
    if ahead >= back:
        path[0], path[1] = path[1], path[0]


@_jit
def walk_many(  # type: ignore[no-untyped-def]  # as above
    at,
    reach,
    count,
    rules,
    limits,
    stop,
    dose,
    unit,
    over,
    start,
    extra,
    scale,
    disc,
    wanted,
    nails,
    lengths,
    explained,
):
    """Weave each of wanted (n, c, c) float32 into a row of nails; `unit` is white in whole numbers."""
    size = wanted.shape[1]
    left = np.empty((size, size), np.int64)
    for i in range(len(wanted)):
        for y in range(size):
            for x in range(size):
                left[y, x] = int(np.rint(wanted[i, y, x] * unit))
        lengths[i] = walk(
            at, reach, count, rules, limits, stop, dose, over, start, extra, scale, left, nails[i]
        )
        off, energy = 0.0, 0.0
        for y in range(size):
            for x in range(size):
                if disc[y, x]:
                    target = float(wanted[i, y, x])
                    shown = min(target - left[y, x] / unit, 1.0)
                    off += (target - shown) ** 2
                    energy += target**2
        explained[i] = 1.0 - off / energy if energy > 0 else 0.0
