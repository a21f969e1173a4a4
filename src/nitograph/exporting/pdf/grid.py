"""How a board too large for the paper is divided into overlapping windows, and where they are joined.

It knows rectangles in millimetres and nothing of threads, pages or PDF.

Try it: python -c "from nitograph.exporting.pdf.grid import Grid; print(Grid(315, 194, 265, 10).counts)"
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
FINE = 0.25  # mm between two places that are tried for the windows


@dataclass(frozen=True)
class Tile:
    """One window of the board: its place in the grid and its upper left corner in board mm."""

    row: int
    column: int
    left: float
    top: float

    @property
    def name(self) -> str:
        """Row letter and column number from the upper left: A1."""
        return f"{_letters(self.row)}{self.column + 1}"


@dataclass(frozen=True)
class Grid:
    """How a square of 2·half mm is cut into windows of width × height mm that share `overlap` mm.

    shift: how far all windows are moved from where the board's middle is theirs, mm. down: half the height,
    if it is a rectangle and half is only half its width.
    """

    half: float
    width: float
    height: float
    overlap: float
    shift: tuple[float, float] = (0.0, 0.0)
    down: float | None = None

    @property
    def halves(self) -> tuple[float, float]:
        """Half the width and half the height, mm."""
        return self.half, self.half if self.down is None else self.down

    @property
    def step(self) -> tuple[float, float]:
        """From one window to the next, across and down, mm."""
        return self.width - self.overlap, self.height - self.overlap

    @property
    def counts(self) -> tuple[int, int]:
        """Windows across and down."""
        sides = zip(self.halves, self.step, strict=True)
        across, down = (max(1, math.ceil((2 * half - self.overlap) / s - 1e-9)) for half, s in sides)
        return across, down

    @property
    def corner(self) -> tuple[float, float]:
        """Upper left corner of the first window."""
        (across, down), (right, below), (x, y) = self.counts, self.step, self.shift
        return x - (across * right + self.overlap) / 2, y - (down * below + self.overlap) / 2

    def clear_of(self, points: FloatArray, distance: float) -> "Grid":
        """The same windows, moved so that cutting lines keep that distance from points (k, 2), mm.

        They are moved as little as that takes, and only as far as they reach beyond the board; where that
        does not suffice, to where the lines keep the largest distance.
        """
        moves = []
        for axis, (lines, count, step) in enumerate(zip(self.cuts(), self.counts, self.step, strict=True)):
            spare = max(0.0, count * step + self.overlap - 2 * self.halves[axis]) / 2
            moves.append(_move(np.array(lines), points[:, axis], spare, distance))
        x, y = self.shift
        return dataclasses.replace(self, shift=(x + moves[0], y + moves[1]))

    def tiles(self) -> Iterator[Tile]:
        """Every window, row by row."""
        (across, down), (right, below), (left, top) = self.counts, self.step, self.corner
        for row in range(down):
            for column in range(across):
                yield Tile(row, column, left + column * right, top + row * below)

    def cuts(self) -> tuple[list[float], list[float]]:
        """x of the vertical and y of the horizontal cutting lines, mm."""
        (across, down), (right, below), (left, top) = self.counts, self.step, self.corner
        half = self.overlap / 2
        return (
            [left + half + k * right for k in range(1, across)],
            [top + half + k * below for k in range(1, down)],
        )

    @property
    def arm(self) -> float:
        """Half the size of a register mark, mm; 0 where the overlap is too narrow for one."""
        arm = min(2.0, self.overlap / 4 - 0.4)
        return arm if arm >= 0.8 else 0.0

    def marks(self) -> list[tuple[float, float]]:
        """Register marks: beside each cutting line, to its right or below it, within the shared strip.

        They stand at a quarter and three quarters of every window, so that no cut goes through one.
        """
        if not self.arm:
            return []
        xs, ys = self.cuts()
        (across, down), (right, below), (left, top) = self.counts, self.step, self.corner
        half, quarters = self.overlap / 2, (0.25, 0.75)
        beside = self.overlap / 4
        upright = [
            (x + beside, top + half + (k + q) * below) for x in xs for k in range(down) for q in quarters
        ]
        level = [
            (left + half + (k + q) * right, y + beside) for y in ys for k in range(across) for q in quarters
        ]
        return upright + level


def _move(lines: FloatArray, places: FloatArray, spare: float, distance: float) -> float:
    """How far lines are moved, at most `spare` either way, so that they keep a distance from places."""
    if not len(lines):
        return 0.0
    tried = np.arange(0.0, spare + 1e-9, FINE)
    tried = np.stack([tried, -tried], axis=1).ravel()  # nearest first
    apart = np.array([np.abs((lines + move)[:, None] - places).min() for move in tried])
    enough = np.flatnonzero(apart >= distance)
    return float(tried[enough[0] if len(enough) else apart.argmax()])


def _letters(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name
