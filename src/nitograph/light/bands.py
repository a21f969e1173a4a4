"""Bands of pixels in fixed point: what a chord covers of each pixel, in steps of 1/FINE.

A band is a row of Chords.lines: top, rise, height, first, stop, steep. In each column (row, if steep) it
covers the interval from `top` on, `height` high, both in 1/FINE pixel; `top` has SHIFT further bits, which
`rise` changes from column to column. Everything is in whole numbers, so that all
machines give the same results. And the one rule for what a
chord is worth, which weaving and a model's sight share. NumPy only: `loops`, `cells` and `simd` are
compiled. This module knows no settings, files or pictures.

Try it: python -c "from nitograph.light.bands import FINE; print(FINE)"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.light.frame import FRAME

FINE = 32
SHIFT = 13
FIXED = 1 << SHIFT
UNIT = 1 << 14
GROUP = 8  # cells that are loaded together; a narrow band covers fewer in a column
NARROW = 1 << 15  # gains below this fit 16-bit cells, which are faster
BLOCK = 100_000  # chords that are measured together

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


class Bands(NamedTuple):
    """All chords of a board for compiled loops."""

    lines: NDArray[np.int32]  # (m, 6), as above
    shares: NDArray[np.int16]  # of shares_of_bands, flat; empty where a band can be higher than GROUP
    min_height: int  # of a band, in 1/FINE pixel


def lines_of_ring(num_nails: int, canvas_size: int, width: float) -> Int32:
    """As `lines_of_board`, of a ring."""
    return lines_of_board(Board(num_nails), canvas_size, width)


def lines_of_board(board: Board, canvas_size: int, width: float) -> Int32:
    """The bands of all chords of a board, (m, 6), in the order of chords.Chords; `width` in board radii."""
    a, b = np.triu_indices(board.num_nails, 1)
    half = canvas_size / 2
    places = half + half * FRAME * board.positions()
    lines = np.empty((len(a), 6), dtype=np.int32)
    for first in range(0, len(a), BLOCK):
        part = slice(first, first + BLOCK)
        lines[part] = lines_between(places[a[part]], places[b[part]], width * half * FRAME, canvas_size)
    return lines


def lines_between(start: Float64, end: Float64, width: float, canvas_size: int) -> Int32:
    """Bands of `width` pixels between points (m, 2) in pixels, (m, 6)."""
    across = np.abs(end - start)
    steep = across[:, 1] > across[:, 0]
    major, minor = np.where(steep, 1, 0), np.where(steep, 0, 1)
    rows = np.arange(len(start))
    u0, v0, u1, v1 = start[rows, major], start[rows, minor], end[rows, major], end[rows, minor]
    turned = u0 > u1
    u0, u1 = np.where(turned, u1, u0), np.where(turned, u0, u1)
    v0, v1 = np.where(turned, v1, v0), np.where(turned, v0, v1)
    slope = (v1 - v0) / np.maximum(u1 - u0, 1e-12)
    height = width * np.sqrt(1 + slope * slope)
    first, stop = np.ceil(u0 - 0.5), np.ceil(u1 - 0.5)
    top = v0 + (first + 0.5 - u0) * slope - height / 2
    ends = np.clip(first, 0, canvas_size), np.clip(stop, 0, canvas_size)
    lines = np.stack([top * FINE * FIXED, slope * FINE * FIXED, height * FINE, *ends, steep], axis=1)
    return np.asarray(np.rint(lines), dtype=np.int32)


class Columns(NamedTuple):
    """The columns of several bands, one after the other, (m,) each.

    u: which column of the canvas (row, if the band is steep). low, high: what the band covers of it, in
    1/FINE pixel, beyond the canvas, too. counts, starts (k,): how many are a band's, and from where on.
    """

    u: Int32
    low: Int32
    high: Int32
    counts: Int32
    starts: Int64


def columns(lines: Int32) -> Columns:
    """All columns of bands (k, 6)."""
    top, rise, height, first, stop, _ = lines.T
    counts = stop - first
    starts = np.cumsum(counts) - counts
    place = np.arange(counts.sum(), dtype=np.int32)
    low = np.repeat(rise, counts)  # what wraps around in 32 bits here comes back with the sum
    low *= place
    low += np.repeat((top - rise * starts).astype(np.int32), counts)
    low >>= SHIFT
    place += np.repeat((first - starts).astype(np.int32), counts)
    return Columns(place, low, low + np.repeat(height, counts), counts, starts)


def totals(found: Columns, canvas_size: int) -> tuple[Int64, Int64]:
    """As loops.chord_totals, in NumPy: sums over each band's pixels of coverage and its square, (k,) each.

    In a column, pixels that are covered whole lie between two that are covered in part.
    """
    low, high = np.maximum(found.low, 0), np.minimum(found.high, canvas_size * FINE)
    np.maximum(high, low, out=high)
    whole = high >> 5
    whole -= low >> 5
    rest, squares = high & (FINE - 1), low & (FINE - 1)
    np.subtract(FINE, squares, out=squares)
    squares *= squares
    rest *= rest
    squares += rest
    squares += (whole - 1) * FINE**2
    high -= low
    if len(whole) and whole.min() == 0:
        squares = np.where(whole > 0, squares, high * high)
    sums = np.zeros((2, len(found.counts)), np.int64)
    some = np.flatnonzero(found.counts)
    for own, values in zip(sums, (high, squares), strict=True):
        own[some] = np.add.reduceat(values, found.starts[some])
    return sums[0], sums[1]


def covered(lines: Int32, canvas_size: int, table: Int32 | None = None) -> Int64:
    """As loops.add_path, in NumPy: the coverage (1/FINE) of all bands together, (c, c).

    table: (FINE + 1,), what a band adds to a pixel by its share of it, if not that share.
    """
    found = columns(lines)
    low, high = np.maximum(found.low, 0)[:, None], np.minimum(found.high, canvas_size * FINE)[:, None]
    pixel = (low >> 5) + np.arange(int(lines[:, 2].max(initial=0)) // FINE + 2)
    share = np.maximum(np.minimum(high, pixel * FINE + FINE) - np.maximum(low, pixel * FINE), 0)
    u, v = found.u[:, None], np.minimum(pixel, canvas_size - 1)
    steep = np.repeat(lines[:, 5] == 1, found.counts)[:, None]
    place = np.where(steep, u * canvas_size + v, v * canvas_size + u)
    added = share if table is None else table[share]
    cover = np.bincount(place.ravel(), added.ravel(), canvas_size**2)
    return cover.reshape(canvas_size, canvas_size).astype(np.int64)


def fixed_strength(strength: float) -> tuple[int, float]:
    """The strength of a chord as a whole number (a multiple of FINE), and white on the same scale."""
    fixed = max(1, round(strength * UNIT / FINE)) * FINE
    return fixed, fixed / strength


def added_gain(total: Int64, squares: Int64, strength: int) -> Float64:
    """What partly covered pixels add to the sum of gains over each chord, (m,); see score_factor."""
    return np.asarray(strength / FINE * (FINE * total - squares).astype(np.float64))


def score_factor(total: Int64, strength: int, white: float, length_power: float) -> Float64:
    """What turns a chord's sum of gains into its score, (m,): with `added_gain` the rule of all scores.

    The gain of a pixel is the fall of its squared error, over the strength, when a chord covers it whole. A
    chord's score is the fall over all its pixels, white being 1, over its length to a power:
    (Σ coverage · gain + added_gain) · score_factor.
    """
    length = np.maximum(total / FINE, 1.0)
    return np.asarray(strength / FINE / white**2 / length**length_power)
