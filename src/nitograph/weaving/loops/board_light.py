"""The compiled loops of photographs: each chord takes its share of the light left, seen from a distance.

The board is kept as the density of thread over each pixel, in whole numbers, so that a chord can be lifted
again exactly; light is exp(−density), from a table. The error is that of the light two eyes see, one near
by and one at a distance: Σ (w·(L − T)) · K(w·(L − T)) with a Gaussian K and weights w of each. What is near
is weighted by how much the grain of the thread shows: it drowns where the picture itself is busy, and one
more thread among many is seen less than the first on a bare part. `seen` is half the slope of the error
by the light of each pixel, `cells` the fall of the error for each pixel that one more chord covers whole.
A chord changes `seen` along a band: straight, and nearly even along its length, it is blurred across only;
now and then all of it is computed afresh. This module knows no settings, files or pictures.

Try it: python -c "import nitograph.weaving.loops.board_light"
"""

from typing import NamedTuple

import numpy as np

from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE, GROUP, SHIFT, Bands
from nitograph.light.cells import MIN_GAIN, band_sum, chord_number
from nitograph.weaving.loops.operands import Bool, Float32, Float64, Int32, Limits

DENSE = 6  # bits of a density below those that the table of light tells apart
GAIN = np.float32(1 << 19)  # of a pixel, as a whole number, if the error falls by 1

f32 = np.float32


class Eye(NamedTuple):
    """What a chord takes and how the board is seen, in tables; pairs are near by and at a distance."""

    density: Int32  # (FINE + 1,), what a chord adds to a pixel by its share of it
    light: Float32  # (any,), by density >> DENSE
    strength: float  # share of a pixel's light that a chord over all of it takes
    cost: Float32  # (2,), the error of one chord by itself, per pixel covered and squared strength
    profile: Float32  # (any, 2), how strongly a line is seen, by its distance
    step: float  # entries of `profile` per pixel
    near: Float32  # (2h + 1,), the kernel near by, with the root of its part in the error
    wide: Float32  # (2h + 1,), the one at a distance
    sharp: Float32  # (2h + 1,), what an eye near by blurs
    window: Float32  # (2h + 1,), within which grain and detail hide each other
    calm: float  # variance of grain that is half hidden; 0: all of it counts
    refresh: int  # chords laid or lifted before all is computed afresh


class Board(NamedTuple):
    """One photograph while it is woven; all arrays but `cells` (c, c)."""

    density: Int32
    light: Float32
    target: Float32  # the light that is wanted
    weights: Float32  # how much each pixel counts at a distance; 0 outside the ring
    fine: Float32  # and near by
    busy: Float32  # variance of the target within the window
    seen: Float32
    cells: Int32  # as light.cells lays them out


class Loom(NamedTuple):
    """Everything that does not depend on the picture."""

    bands: Bands
    limits: Limits
    eye: Eye
    legal: Bool  # (n, n), which nails a chord of this board may join at all


@tiny
def gain_of(board: Board, eye: Eye, y: int, x: int) -> int:
    """By how much the error falls, in 1/GAIN, if one more chord covers this pixel whole."""
    taken = board.light[y, x] * f32(eye.strength)
    near, far = board.fine[y, x], board.weights[y, x]
    cost = near * near * eye.cost[0] + far * far * eye.cost[1]
    found = taken * (f32(2) * board.seen[y, x] - taken * cost)
    return max(int(np.rint(found * GAIN)), MIN_GAIN)


@inner
def lay_thread(loom: Loom, board: Board, k: int, sign: int) -> None:
    """Lay chord k (sign 1) or lift it (−1)."""
    eye, lines, size = loom.eye, loom.bands.lines, len(board.light)
    top, rise, height, first, stop, steep = lines[k]
    slope = f32(rise) / f32(FINE << SHIFT)
    lean = f32(1) / np.sqrt(f32(1) + slope * slope)
    entries, step = len(eye.profile), f32(eye.step) * lean
    reach = int(f32(entries) / step) + 1
    stride = size + GROUP
    last = len(eye.light) - 1
    for u in range(first, stop):
        low, high = top >> SHIFT, (top >> SHIFT) + height
        top += rise
        near, far = f32(0), f32(0)
        for v in range(max(low, 0) >> 5, (min(high, size * FINE) + FINE - 1) >> 5):
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            y, x = (u, v) if steep else (v, u)
            board.density[y, x] += sign * eye.density[share]
            now = eye.light[min(board.density[y, x] >> DENSE, last)]
            near += (now - board.light[y, x]) * board.fine[y, x]
            far += (now - board.light[y, x]) * board.weights[y, x]
            board.light[y, x] = now
        near *= lean
        far *= lean
        middle = f32(low + high) / f32(2 * FINE) - f32(0.5)
        for v in range(max(int(middle) - reach, 0), min(int(middle) + reach + 2, size)):
            place = int(abs(f32(v) - middle) * step)
            if place < entries:
                y, x = (u, v) if steep else (v, u)
                board.seen[y, x] += (
                    near * board.fine[y, x] * eye.profile[place, 0]
                    + far * board.weights[y, x] * eye.profile[place, 1]
                )
                gain = gain_of(board, eye, y, x)
                board.cells[GROUP + x * stride + y] = gain
                board.cells[GROUP + (size + y) * stride + x] = gain


@inner
def blur_columns(image: Float32, kernel: Float32, out: Float32) -> None:
    """out = image (c, c) blurred along its first axis, and transposed; nothing lies outside."""
    size, half = len(image), len(kernel) // 2
    row = np.empty(size, np.float32)
    for y in range(size):
        row[:] = f32(0)
        for at in range(max(y - half, 0), min(y + half + 1, size)):
            weight = kernel[at - y + half]
            for x in range(size):
                row[x] += weight * image[at, x]
        for x in range(size):
            out[x, y] = row[x]


@inner
def blur(image: Float32, kernel: Float32, out: Float32) -> None:
    """out = image (c, c) blurred along both axes; both may be the same array."""
    turned = np.empty_like(image)
    blur_columns(image, kernel, turned)
    blur_columns(turned, kernel, out)


@inner
def variance(image: Float32, window: Float32, out: Float32) -> None:
    """out = the variance of image (c, c) around each pixel, within the window."""
    mean = np.empty_like(image)
    blur(image, window, mean)
    blur(image * image, window, out)
    size = len(image)
    for y in range(size):
        for x in range(size):
            out[y, x] = max(out[y, x] - mean[y, x] * mean[y, x], f32(0))


@inner
def hide_grain(eye: Eye, board: Board, off: Float32) -> None:
    """Set `fine` by how much of the thread's grain shows; off: light less target."""
    size = len(off)
    grain, around = np.empty_like(off), np.empty_like(off)
    blur(off, eye.sharp, grain)
    variance(grain, eye.window, around)
    for y in range(size):
        for x in range(size):
            shows = f32(eye.calm) / (around[y, x] + board.busy[y, x] + f32(eye.calm))
            board.fine[y, x] = shows * board.weights[y, x]


@inner
def look(loom: Loom, board: Board) -> float:
    """Compute `fine`, `seen` and `cells` afresh; returns the error."""
    eye, size = loom.eye, len(board.light)
    off, near = board.light - board.target, np.empty_like(board.light)
    if eye.calm > 0:
        hide_grain(eye, board, off)
    blur(off * board.fine, eye.near, near)
    blur(off * board.weights, eye.wide, board.seen)
    error, stride = 0.0, size + GROUP
    for y in range(size):
        for x in range(size):
            slope = board.seen[y, x] * board.weights[y, x] + near[y, x] * board.fine[y, x]
            board.seen[y, x] = slope
            error += slope * off[y, x]
            gain = gain_of(board, eye, y, x)
            board.cells[GROUP + x * stride + y] = gain
            board.cells[GROUP + (size + y) * stride + x] = gain
    return error


@inner
def fan(loom: Loom, board: Board, here: int, out: Float64) -> None:
    """By how much each chord from nail `here` lowers the error, in 1/(GAIN·FINE), into out (n,)."""
    size, count = len(board.light), len(out)
    for nail in range(count):
        out[nail] = 0.0
        if nail != here:
            out[nail] = band_sum(loom.bands, chord_number(here, nail, count), board.cells, size)


@jit
def weave_on(loom: Loom, board: Board, path: Int32, length: int, until: int) -> tuple[int, bool]:
    """Go on with path[:length] (at least a first nail) to at most `until` chords.

    Returns how many nails there are, and whether the walk ended: no chord is allowed or lowers the error.
    """
    limits = loom.limits
    count = limits.num_nails
    gains, allowed = np.empty(count), np.empty(count, np.bool_)
    look(loom, board)
    while length <= until:
        here = path[length - 1]
        if length % loom.eye.refresh == 0:
            look(loom, board)
        fan(loom, board, here, gains)
        forbid_next(path, length, count, 1, limits.recent_edges, allowed)
        best, chosen = 0.0, -1
        for nail in range(count):
            if allowed[nail] and loom.legal[here, nail] and nail != here and gains[nail] > best:
                best, chosen = gains[nail], nail
        if chosen < 0:
            return length, True
        lay_thread(loom, board, chord_number(here, chosen, count), 1)
        path[length] = chosen
        length += 1
    return length, False


@inner
def allow_between(loom: Loom, path: Int32, length: int, at: int, allowed: Bool) -> None:
    """Which nails (n,) may stand at place `at` of path[:length], by the board's chords and recent ones."""
    recent = loom.limits.recent_edges
    allowed[:] = True
    for side in (-1, 1):
        if not 0 <= at + side < length:
            continue
        end = path[at + side]
        for nail in range(len(allowed)):
            if not loom.legal[end, nail]:
                allowed[nail] = False
        # Chords within `recent` of the one between `at` and its neighbour, other than the two that move.
        chord = at - 1 if side < 0 else at
        for step in range(max(chord - recent, 0), min(chord + recent + 1, length - 1)):
            if step not in (at - 1, at):
                if path[step] == end:
                    allowed[path[step + 1]] = False
                if path[step + 1] == end:
                    allowed[path[step]] = False
    if 0 < at < length - 1 and path[at - 1] == path[at + 1]:
        allowed[:] = False


@jit
def sweep(loom: Loom, board: Board, path: Int32, length: int, first: int, stop: int) -> int:
    """Move the nails from place `first` to `stop` where that lowers the error; returns how many moved.

    Both chords of a nail are lifted, and laid again by way of the nail that is best then.
    """
    limits, moved = loom.limits, 0
    count = limits.num_nails
    before, after, allowed = np.empty(count), np.empty(count), np.empty(count, np.bool_)
    look(loom, board)
    for at in range(first, min(stop, length)):
        if (at - first + 1) % max(loom.eye.refresh // 4, 1) == 0:
            look(loom, board)
        old = path[at]
        allow_between(loom, path, length, at, allowed)
        allowed[old] = True
        before[:], after[:] = 0.0, 0.0
        if at > 0:
            lay_thread(loom, board, chord_number(path[at - 1], old, count), -1)
        if at < length - 1:
            lay_thread(loom, board, chord_number(old, path[at + 1], count), -1)
        if at > 0:
            fan(loom, board, path[at - 1], before)
        if at < length - 1:
            fan(loom, board, path[at + 1], after)
        chosen = old
        for nail in range(count):
            if allowed[nail] and before[nail] + after[nail] > before[chosen] + after[chosen]:
                chosen = nail
        path[at] = chosen
        moved += chosen != old
        if at > 0:
            lay_thread(loom, board, chord_number(path[at - 1], chosen, count), 1)
        if at < length - 1:
            lay_thread(loom, board, chord_number(chosen, path[at + 1], count), 1)
    return moved


@jit
def error_of(loom: Loom, board: Board) -> float:
    """The error of the board as it is; `seen` and `cells` are computed afresh."""
    return look(loom, board)


@jit
def variance_of(image: Float32, window: Float32, out: Float32) -> None:
    """As `variance`, for Python to call."""
    variance(image, window, out)


@jit
def blurred(image: Float32, kernel: Float32, out: Float32) -> None:
    """As `blur`, for Python to call."""
    blur(image, kernel, out)


@jit
def lay(loom: Loom, board: Board, number: int, sign: int) -> None:
    """As `lay_thread`, for Python to call."""
    lay_thread(loom, board, number, sign)


@jit
def falls_from(loom: Loom, board: Board, here: int, out: Float64) -> None:
    """As `fan`, for Python to call."""
    fan(loom, board, here, out)
