# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled; plain int is no NumPy int32 to mypy.
"""The compiled loops over bands of pixels: coverage, sums of gains, laying one chord. Whole numbers.

A canvas is kept as the light still wanted, `left`, and as running sums of the gains of its pixels, so
that a chord's gain costs four numbers a column however wide it is: `sums` (2, c, c + 2) int32, where
sums[0, u, i] adds column u down to row i and sums[1, u, i] adds row u along to column i. Every function
releases the interpreter. This module knows nothing of settings, files or pictures.

Try it: python -c "import nitograph.kernels"
"""

import numba
import numpy as np

FINE = 32
SHIFT = 13
FIXED = 1 << SHIFT
UNIT = 1 << 14

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
inner = numba.njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
i32, u64 = np.int32, np.uint64  # numba widens sums of narrow numbers unless told
# Handing arrays to a compiled function costs more than a short one does: those are put in place.
tiny = numba.njit(
    nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)


@jit
def add_path(lines, cover):
    """Add each band's coverage (1/FINE) onto cover (c, c) int64."""
    size = len(cover)
    for k in range(len(lines)):
        top, rise, height, first, stop, steep = lines[k]
        for u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                if steep:
                    cover[u, v] += share
                else:
                    cover[v, u] += share


@jit
def chord_totals(lines, size):
    """Sums over each band's pixels of coverage and of its square, two (m,) int64."""
    total, squares = np.zeros(len(lines), np.int64), np.zeros(len(lines), np.int64)
    for k in range(len(lines)):
        top, rise, height, first, stop, _ = lines[k]
        for _u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                total[k] += share
                squares[k] += share * share
    return total, squares


@tiny
def band_sum(lines, k, flat, size):
    """Σ coverage × gain over band k, from the running sums laid flat; 32-bit so that it vectorises."""
    top, rise, height, first = lines[k, 0], lines[k, 1], lines[k, 2], lines[k, 3]
    width, end = i32(size + 2), i32(size * FINE)
    row = i32(i32(i32(lines[k, 5] * size) + first) * width)
    found = 0
    for step in range(lines[k, 4] - first):
        u = i32(step)
        low = i32(i32(top + i32(u * rise)) >> i32(SHIFT))
        high = min(i32(low + height), end)
        low = max(low, i32(0))
        start = i32(row + i32(u * width))
        i, j = i32(start + i32(low >> i32(5))), i32(start + i32(high >> i32(5)))
        before, after = flat[u64(i)], flat[u64(j)]
        found += (
            i32(FINE) * i32(after - before)
            + i32(high & i32(31)) * i32(flat[u64(i32(j + i32(1)))] - after)
            - i32(low & i32(31)) * i32(flat[u64(i32(i + i32(1)))] - before)
        )
    return found


@tiny
def pixel_gain(left, dose, over):
    """Fall of weighted squared error, ÷ dose, when one full dose falls where `left` is still wanted."""
    after = left - dose
    if after >= 0 or over == 1.0:
        return 2 * left - dose
    before = float(left) * left
    if left < 0:
        before *= over
    return int(np.rint((before - over * after * after) / dose))


@inner
def new_canvas(size):
    """An empty canvas: (left, sums, flat, change, span, heed).

    left: (c, c) int64. sums: as above; flat: the same memory in one row. change (c, c), span (c, 2): room
    to work in. heed: (c, c) int64, how much each pixel counts, 256 for all of them here.
    """
    sums = np.empty((2, size, size + 2), np.int32)
    left, heed = np.zeros((size, size), np.int64), np.empty((size, size), np.int64)
    for y in range(size):
        for x in range(size):
            heed[y, x] = 256
    return (
        left,
        sums,
        sums.reshape(-1),
        np.zeros((size, size), np.int32),
        np.empty((size, 2), np.int64),
        heed,
    )


@inner
def fill_sums(canvas, dose, over):
    """Write the running sums of the gains of a canvas."""
    left, sums, heed = canvas[0], canvas[1], canvas[5]
    size = len(left)
    for u in range(size):
        sums[0, u, 0] = 0
        sums[1, u, 0] = 0
    for y in range(size):
        along = 0
        for x in range(size):
            gain = (pixel_gain(left[y, x], dose, over) * heed[y, x]) >> 8
            along += gain
            sums[1, y, x + 1] = along
            sums[0, x, y + 1] = sums[0, x, y] + gain
        sums[1, y, size + 1] = along
    for x in range(size):
        sums[0, x, size + 1] = sums[0, x, size]


@inner
def lay(lines, k, dose, over, canvas):
    """Take chord k of `dose` (a multiple of FINE, negative to lift it) off a canvas, its sums too."""
    left, sums, _, change, span, heed = canvas
    size = len(left)
    top, rise, height = np.int64(lines[k, 0]), np.int64(lines[k, 1]), np.int64(lines[k, 2])
    start, end, steep = np.int64(lines[k, 3]), np.int64(lines[k, 4]), lines[k, 5]
    own, pixels, heeds = sums[steep], left.reshape(-1), heed.reshape(-1)
    by_u, by_v = (size, 1) if steep else (1, size)
    weight, full = dose // FINE, abs(dose)
    floor = -((1 << 28) // size)
    first, last = size, -1
    for u in range(start, end):
        low = max(top >> SHIFT, 0)
        high = min((top >> SHIFT) + height, size * FINE)
        top += rise
        stop = (high + FINE - 1) >> 5
        fallen = 0
        for v in range(low >> 5, stop):
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            place = u64(u * by_u + v * by_v)
            before = pixels[place]
            after = max(before - share * weight, floor)
            pixels[place] = after
            if over == 1.0:
                moved = 2 * (after - before)
            else:
                moved = pixel_gain(after, full, over) - pixel_gain(before, full, over)
            moved = (moved * heeds[place]) >> 8
            fallen += moved
            own[u, v + 1] += fallen
            change[v, u] = moved
            if v < first:
                span[v, 0] = u
                first = v
                last = max(last, v)
            elif v > last:
                span[v, 0] = u
                last = v
            span[v, 1] = u + 1
        tail = i32(fallen)
        for i in range(stop + 1, size + 2):
            own[u, i] += tail
    carry_across(sums[1 - steep], change, span, first, last)


@inner
def carry_across(other, change, span, first, last):
    """The same changes in the running sums of the other direction; change becomes zero again."""
    size = len(other)
    for v in range(first, last + 1):
        fallen = 0
        for u in range(span[v, 0], span[v, 1]):
            fallen += change[v, u]
            change[v, u] = 0
            other[v, u + 1] += fallen
        tail = i32(fallen)
        for i in range(span[v, 1] + 1, size + 2):
            other[v, i] += tail


@jit
def heeded_extra(lines, heed, out):
    """Σ share × (FINE − share) × heed ÷ 256 over each chord, into out (m,) float64."""
    size = len(heed)
    for k in range(len(lines)):
        top, rise, height, first, stop, steep = lines[k]
        found = 0
        for u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                found += share * (FINE - share) * (heed[u, v] if steep else heed[v, u])
        out[k] = found / 256
