"""How a board is chosen: its shape and size in mm, its nails by number or by spacing, its shortest chord.

This module reads no files; `io.nails` does.

Try it: python -c "from nitograph.shapes.settings import *; print(shaped(BoardSettings('rect:40x60'), 9))"
"""

import math
import re
from dataclasses import dataclass

from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting
from nitograph.shapes import outline
from nitograph.shapes.board import MAX_SIDE, NOTCHES, NOTCHES_HELP, ShapedBoard, check_count, min_chord_of

FORMS = "ring, square:600, rect:400x600, ellipse:500x700, file:nails.csv or file:nails.svg"
SIZED = re.compile(r"(square|rect|ellipse):([0-9.]{1,9})(?:[x×]([0-9.]{1,9}))?")
FILE = "file:"


@dataclass(frozen=True)
class BoardSettings(Settings):
    """Where the nails stand."""

    board: str = setting("ring", f"where the nails stand, sizes in mm from nail to nail: {FORMS}")
    spacing: float | None = setting(
        None, "distance of neighbouring nails, instead of their number", unit="mm", low=0.05, high=MAX_SIDE
    )
    min_chord: float | None = setting(
        None,
        "shortest chord on a board that is no ring (default: 0.11 of its shorter side)",
        unit="mm",
        low=0,
        high=MAX_SIDE,
    )
    nail_diameter: float = setting(
        1.5, "thickness of a nail of a board that is no ring", unit="mm", low=0.05, high=50
    )
    notches: str = setting("avoid", NOTCHES_HELP, choices=NOTCHES)

    def check(self) -> None:
        """The board is one of those known; its size is looked at when it is made."""
        if self.board != "ring" and not self.file:
            size_of(self.board)
        if self.board == "ring" and self.min_chord is not None:
            raise SettingsError(
                "on a ring the shortest chord is a number of nails; set min_nail_gap instead"
            )
        if self.notches != "avoid" and not self.file:
            raise SettingsError(
                f"only nails from a file have notches, got the board {self.board}; leave notches out"
            )

    @property
    def file(self) -> str:
        """The file that holds the nails; empty for other boards."""
        return self.board.removeprefix(FILE) if self.board.startswith(FILE) else ""


def size_of(text: str) -> tuple[str, float, float]:
    """Shape, width and height in mm of square:600, rect:400x600 or ellipse:500x700; SettingsError."""
    found = SIZED.fullmatch(text.strip().lower().removesuffix("mm"))
    try:
        kind, width, height = found.groups() if found else ("", "", "")
        sides = float(width), float(height or width)
    except ValueError:
        kind, sides = "", (0.0, 0.0)
    if not kind or (kind == "square") == (height is not None):
        raise SettingsError(f"a board is {FORMS}; got {text[:60]!r}")
    return "ellipse" if kind == "ellipse" else "rect", *sides


def shaped(settings: BoardSettings, nails: int) -> ShapedBoard:
    """The board of such a size with so many nails, or with as many as their spacing makes."""
    shape, width, height = size_of(settings.board)
    if settings.spacing is not None:
        line = outline.corners(width, height) if shape == "rect" else outline.oval(width, height)
        nails = max(1, round(outline.length(line) / settings.spacing))
    check_count(nails)
    shortest = min_chord_of(width, height) if settings.min_chord is None else settings.min_chord
    return ShapedBoard(nails, shape, width, height, settings.nail_diameter, shortest)


def nails_on_ring(spacing: float, diameter: float) -> int:
    """How many nails stand `spacing` mm apart on a ring."""
    if spacing > diameter:
        raise SettingsError(f"nails on a ring of {diameter:g} mm cannot stand {spacing:g} mm apart")
    return max(2, round(math.pi / math.asin(spacing / diameter)))
