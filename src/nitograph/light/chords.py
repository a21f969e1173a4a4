"""Where a chord lies on a canvas: anti-aliased coverage, thread → raster, and the one error measure.

The canvas of c×c pixels is the square frame of a picture; `frame` says how the ring of nails lies in it. A
chord is a band of constant width: in each column (or row, if it is steep) it covers one interval, cut
exactly into shares of pixels, in steps of 1/FINE pixel. All of that is in whole numbers, so that the same
picture gives the same thread on every machine. This module knows nothing of search, scores or files.

Try it: python -c "from nitograph.light.chords import all_chords; print(all_chords(9, 32, 0.1).lines)"
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.light.bands import FINE, GROUP, Bands, fixed_strength, lines_between, lines_of_board
from nitograph.light.frame import FRAME, disc, pixel_positions, width_in_board_units
from nitograph.light.loops import add_path, chord_totals, shares_of_bands
from nitograph.thread import Thread

__all__ = [
    "Chords",
    "all_chords",
    "board_chords",
    "coverage",
    "disc",
    "error",
    "fixed_strength",
    "numbers",
    "pixel_positions",
    "raster",
    "width_in_board_units",
]  # fmt: skip

DEFAULT_WIDTH = 0.1
MAX_CANVAS = 2048

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Chords:
    """Every chord of a board on one canvas, in the whole numbers that compiled loops step through.

    Chord (a, b), a < b, has the number a·n − a(a+1)/2 + b − a − 1. `lines` (m, 6) int32: where its band
    begins in its first column, its rise per column (both 1/(FINE·FIXED) pixel), its height (1/FINE pixel),
    its first column, the column after its last, and 1 if it is steep (columns are rows then).
    total, squares: (m,) int64, sums over its pixels of coverage and its square (coverage ≤ FINE).
    """

    num_nails: int
    canvas_size: int
    lines: NDArray[np.int32]
    total: NDArray[np.int64]
    squares: NDArray[np.int64]

    @functools.cached_property
    def bands(self) -> Bands:
        """The same data in the form that compiled loops take."""
        lowest, highest = int(self.lines[:, 2].min()), int(self.lines[:, 2].max())
        heights = highest - lowest + 1 if highest + FINE <= GROUP * FINE else 0
        shares = np.empty((heights * FINE, GROUP), dtype=np.int16)
        shares_of_bands(lowest, shares)
        return Bands(self.lines, shares.reshape(-1), lowest)


def all_chords(num_nails: int, canvas_size: int, width: float) -> Chords:
    """All chords of a ring; `width` in its radii. Cached for the next call with the same arguments."""
    return board_chords(Board(num_nails), canvas_size, width)


@functools.lru_cache(maxsize=4)
def board_chords(board: Board, canvas_size: int, width: float) -> Chords:
    """As `all_chords`, of a board of any shape."""
    if not 1 <= canvas_size <= MAX_CANVAS:
        raise SettingsError(f"canvas_size must be from 1 to {MAX_CANVAS} pixels, got {canvas_size}")
    lines = lines_of_board(board, canvas_size, width)
    total, squares = np.zeros((2, len(lines)), dtype=np.int64)
    chord_totals(lines, canvas_size, total, squares)
    return Chords(board.num_nails, canvas_size, lines, total, squares)


def numbers(nails: NDArray[np.integer], num_nails: int) -> NDArray[np.int64]:
    """The number in Chords of each chord along a path (t + 1,), shape (t,)."""
    path = np.asarray(nails, dtype=np.int64)
    a, b = np.minimum(path[:-1], path[1:]), np.maximum(path[:-1], path[1:])
    return np.asarray(a * num_nails - a * (a + 1) // 2 + b - a - 1)


def coverage(thread: Thread, size: int, *, width: float = DEFAULT_WIDTH) -> Floats:
    """How many times the thread covers each pixel of a size×size canvas, (size, size) float32.

    width: of the thread in board radii. A pixel half covered by one chord counts 0.5.
    """
    if not 1 <= size <= MAX_CANVAS:
        raise SettingsError(f"a raster must have from 1 to {MAX_CANVAS} pixels per side, got {size}")
    half = size / 2
    places = half + half * FRAME * thread.points()
    lines = lines_between(places[:-1], places[1:], width * half * FRAME, size)
    cover = np.zeros((size, size), dtype=np.int64)
    add_path(lines, cover)
    return np.asarray(cover / FINE, dtype=np.float32)


def raster(
    thread: Thread, size: int, *, strength: float, width: float = DEFAULT_WIDTH, clip: bool = True
) -> Floats:
    """What the thread looks like: strength × coverage, at most 1 with `clip`, (size, size) float32."""
    light = coverage(thread, size, width=width) * np.float32(strength)
    return np.minimum(light, np.float32(1.0)) if clip else light


def error(target: NDArray[np.floating], shown: NDArray[np.floating]) -> float:
    """Σ(T−R)² / ΣT² over the board's disc: the one measure of fidelity; 0 is perfect, 1 is no thread.

    target, shown: (c, c), 0 to 1. An empty target gives 0 for an empty raster and infinity otherwise.
    """
    inside = disc(len(target))
    wanted = np.asarray(target, dtype=np.float64)[inside]
    off = float(np.sum((wanted - np.asarray(shown, dtype=np.float64)[inside]) ** 2))
    energy = float(np.sum(wanted**2))
    if energy == 0.0:
        return 0.0 if off == 0.0 else float("inf")
    return off / energy
