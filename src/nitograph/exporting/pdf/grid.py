"""How a board too large for the paper is divided into overlapping windows, and where they are joined.

It knows rectangles in millimetres and nothing of threads, pages or PDF.

Try it: python -c "from nitograph.exporting.pdf.grid import Grid; print(Grid(315, 194, 265, 10).counts)"
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass


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
    """How a square of 2·half mm is cut into windows of width × height mm that share `overlap` mm."""

    half: float
    width: float
    height: float
    overlap: float

    @property
    def step(self) -> tuple[float, float]:
        """From one window to the next, across and down, mm."""
        return self.width - self.overlap, self.height - self.overlap

    @property
    def counts(self) -> tuple[int, int]:
        """Windows across and down."""
        across, down = (max(1, math.ceil((2 * self.half - self.overlap) / s - 1e-9)) for s in self.step)
        return across, down

    @property
    def corner(self) -> tuple[float, float]:
        """Upper left corner of the first window; the board's middle is the middle of the grid."""
        (across, down), (right, below) = self.counts, self.step
        return -(across * right + self.overlap) / 2, -(down * below + self.overlap) / 2

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

    def crosses(self) -> list[tuple[float, float]]:
        """Where neighbours meet: on each cutting line at a quarter and three quarters of every window."""
        xs, ys = self.cuts()
        (across, down), (right, below), (left, top) = self.counts, self.step, self.corner
        half, quarters = self.overlap / 2, (0.25, 0.75)
        upright = [(x, top + half + (k + q) * below) for x in xs for k in range(down) for q in quarters]
        level = [(left + half + (k + q) * right, y) for y in ys for k in range(across) for q in quarters]
        return upright + level


def _letters(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name
