"""The compiled loops of photographs: each chord takes its share of what light is left, seen from a distance.

The board is kept as the density of thread over each pixel, in whole numbers, so that a chord can be lifted
again exactly; light is exp(−density), from a table. The error is that of the light an eye sees: both the
board and the picture blurred, Σ (w·(L − T)) · K(w·(L − T)), K a sum of two Gaussians. `seen` is K(w·(L − T)),
`cells` the fall of the error for each pixel that one more chord covers whole. A chord changes `seen` along a
band: straight, and nearly even along its length, it is blurred across only; now and then all of it is
computed afresh. This module knows no settings, files or pictures.

Try it: python -c "import nitograph.weaving.loops.board_light"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE, GROUP, SHIFT, Bands
from nitograph.light.cells import MIN_GAIN, band_sum, chord_number
from nitograph.weaving.loops.operands import Bool, Float32, Float64, Int32, Limits

DENSE = 6  # bits of a density below those that the table of light tells apart
GAIN = np.float32(1 << 19)  # of a pixel, as a whole number, if the error falls by 1

f32 = np.float32


class Eye(NamedTuple):
    """What a chord takes and how the board is seen, in tables."""

    density: Int32  # (FINE + 1,), what a chord adds to a pixel by its share of it
    light: Float32  # (any,), by density >> DENSE
    strength: float  # share of a pixel's light that a chord over all of it takes
    cost: float  # the error of one chord by itself, per pixel covered and squared strength
    profile: Float32  # (any,), how strongly a line is seen, by its distance
    step: float  # entries of `profile` per pixel
    near: Float32  # (2h + 1,), the finer of both kernels, with the root of its weight
    wide: Float32  # (2h + 1,), the wider one
    refresh: int  # chords laid or lifted before all is computed afresh


class Board(NamedTuple):
    """One photograph while it is woven; all arrays but `cells` (c, c)."""

    density: Int32
    light: Float32
    target: Float32  # the light that is wanted
    weights: Float32  # how much each pixel counts; 0 outside the ring
    seen: Float32
    cells: Int32  # as light.cells lays them out


class Loom(NamedTuple):
    """Everything that does not depend on the picture."""

    bands: Bands
    limits: Limits
    eye: Eye


@tiny
def gain_of(board: Board, eye: Eye, y: int, x: int) -> int:
    """By how much the error falls, in 1/GAIN, if one more chord covers this pixel whole."""
    taken = board.weights[y, x] * board.light[y, x] * f32(eye.strength)
    found = taken * (f32(2) * board.seen[y, x] - taken * f32(eye.cost))
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
        changed = f32(0)
        for v in range(max(low, 0) >> 5, (min(high, size * FINE) + FINE - 1) >> 5):
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            y, x = (u, v) if steep else (v, u)
            board.density[y, x] += sign * eye.density[share]
            now = eye.light[min(board.density[y, x] >> DENSE, last)]
            changed += (now - board.light[y, x]) * board.weights[y, x]
            board.light[y, x] = now
        changed *= lean
        middle = f32(low + high) / f32(2 * FINE) - f32(0.5)
        for v in range(max(int(middle) - reach, 0), min(int(middle) + reach + 2, size)):
            place = int(abs(f32(v) - middle) * step)
            if place < entries:
                y, x = (u, v) if steep else (v, u)
                board.seen[y, x] += changed * eye.profile[place]
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
def look(loom: Loom, board: Board) -> float:
    """Compute `seen` and `cells` afresh; returns the error."""
    eye, size = loom.eye, len(board.light)
    off, turned = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    blurred = np.empty((size, size), np.float32)
    for y in range(size):
        for x in range(size):
            off[y, x] = board.weights[y, x] * (board.light[y, x] - board.target[y, x])
    blur_columns(off, eye.near, turned)
    blur_columns(turned, eye.near, board.seen)
    blur_columns(off, eye.wide, turned)
    blur_columns(turned, eye.wide, blurred)
    error, stride = 0.0, size + GROUP
    for y in range(size):
        for x in range(size):
            board.seen[y, x] += blurred[y, x]
            error += board.seen[y, x] * off[y, x]
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
        forbid_next(path, length, count, limits.min_nail_gap, limits.recent_edges, allowed)
        best, chosen = 0.0, -1
        for nail in range(count):
            if allowed[nail] and nail != here and gains[nail] > best:
                best, chosen = gains[nail], nail
        if chosen < 0:
            return length, True
        lay_thread(loom, board, chord_number(here, chosen, count), 1)
        path[length] = chosen
        length += 1
    return length, False


@inner
def allow_between(limits: Limits, path: Int32, length: int, at: int, allowed: Bool) -> None:
    """Which nails (n,) may stand at place `at` of path[:length], by gaps and recent chords."""
    count, gap, recent = limits.num_nails, limits.min_nail_gap, limits.recent_edges
    allowed[:] = True
    for side in (-1, 1):
        if not 0 <= at + side < length:
            continue
        end = path[at + side]
        for offset in range(1 - gap, gap):
            allowed[(end + offset) % count] = False
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
        allow_between(limits, path, length, at, allowed)
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
