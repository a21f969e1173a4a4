"""Drawing on PDF pages in millimetres: the strokes and the text that template and list use.

fpdf2 writes the file and puts the letters that are shown into it. This module knows no workpiece.

Try it: python -c "from nitograph.exporting.pdf.sheet import PAPERS; print(PAPERS['a4'])"
"""

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nitograph.errors import SettingsError
from nitograph.exporting.formats import require
from nitograph.exporting.papers import PAPERS as PAPERS
from nitograph.exporting.pdf.fonts import DIGIT, bundled, runs


class Sheet:
    """A PDF in millimetres with the few strokes that the pages need; y down from the upper left corner."""

    def __init__(self, title: str, subject: str) -> None:
        self._pdf = require("fpdf", "a PDF").FPDF(unit="mm", format=(100, 100))
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.set_creator("Nitograph")
        self._pdf.set_creation_date(made_at())
        self._pdf.set_title(title)
        self._pdf.set_subject(subject)
        self._pdf.set_display_mode("fullpage")
        # Print dialogs then default to 100 % instead of "fit to page".
        self._pdf.viewer_preferences = require("fpdf.prefs", "a PDF").ViewerPreferences(
            print_scaling="None"
        )
        self._fonts: set[tuple[str, bool]] = set()
        weakref.finalize(self, _close, self._pdf.fonts)  # fpdf2 closes only the fonts of what is output

    def page(self, width: float, height: float) -> None:
        """Begin a page of that size."""
        self._pdf.add_page(orientation="P" if height >= width else "L", format=sorted((width, height)))

    def line(self, x1: float, y1: float, x2: float, y2: float, width: float = 0.1, grey: int = 0) -> None:
        """One stroke."""
        self._pen(width, grey)
        self._pdf.line(x1, y1, x2, y2)

    def circle(self, x: float, y: float, radius: float, width: float = 0.1, grey: int = 0) -> None:
        """One ring, its middle line at `radius`."""
        self._pen(width, grey)
        self._pdf.ellipse(x - radius, y - radius, 2 * radius, 2 * radius)

    def box(
        self, x: float, y: float, width: float, height: float, *, grey: int, filled: bool = False
    ) -> None:
        """One rectangle, outlined or filled."""
        self._pen(0.15, grey)
        self._pdf.set_fill_color(grey)
        self._pdf.rect(x, y, width, height, style="F" if filled else "D")

    def swatch(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A rectangle filled with #rrggbb, with an edge so that white shows."""
        self._pen(0.15, 120)
        self._pdf.set_fill_color(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))
        self._pdf.rect(x, y, width, height, style="DF")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        grey: int = 0,
        align: str = "left",
        degrees: float = 0.0,
    ) -> None:
        """Text with digits `size` mm high, aligned at (x, y) on its baseline and rotated clockwise."""
        self._pdf.set_text_color(grey)
        pieces = runs(text)
        wide = 0.0 if align == "left" else self._width(pieces, size, bold)
        start = x - {"left": 0.0, "right": wide, "middle": wide / 2}[align]
        with self._pdf.rotation(-degrees, x, y) if degrees else nullcontext():
            for font, piece in pieces:
                self._choose(font, size, bold)
                self._pdf.text(start, y, piece)
                start += float(self._pdf.get_string_width(piece)) if len(pieces) > 1 else 0.0

    def fitting(self, lines: Sequence[str], width: float, size: float, *, bold: bool = False) -> float:
        """The maximum height of digits, up to `size` mm, at which every line fits into `width` mm."""
        widest = max(self._width(runs(line), size, bold) for line in lines)
        return size * min(1.0, width / max(widest, 1e-9))

    def _width(self, pieces: Sequence[tuple[Path | None, str]], size: float, bold: bool) -> float:
        """How wide a text is, mm."""
        wide = 0.0
        for font, piece in pieces:
            self._choose(font, size, bold)
            wide += float(self._pdf.get_string_width(piece))
        return wide

    def _choose(self, font: Path | None, size: float, bold: bool) -> None:
        """Go on in a font: the bundled one, or one of this machine, which has no bold letters."""
        heavy = bold and font is None
        path = bundled(heavy) if font is None else font
        name, style = f"text {path.stem}", "B" if heavy else ""
        if (name, heavy) not in self._fonts:
            self._pdf.add_font(name, style, path)
            self._fonts.add((name, heavy))
        self._pdf.set_font(name, style, size * DIGIT_POINTS)

    @contextmanager
    def clipped(self, x: float, y: float, width: float, height: float) -> Iterator[None]:
        """Strokes inside the block appear only within that rectangle."""
        with self._pdf.rect_clip(x, y, width, height):
            yield

    @contextmanager
    def dashed(self) -> Iterator[None]:
        """Strokes inside the block are dashed."""
        self._pdf.set_dash_pattern(dash=2, gap=2)
        yield
        self._pdf.set_dash_pattern()

    def bytes(self) -> bytes:
        """The finished document."""
        return bytes(self._pdf.output())

    def _pen(self, width: float, grey: int) -> None:
        self._pdf.set_line_width(width)
        self._pdf.set_draw_color(grey)


def _close(fonts: Mapping[str, Any]) -> None:
    """Close the files that fonts are read from."""
    for font in fonts.values():
        if hasattr(font, "close"):
            font.close()


NO_TIME = 946_684_800  # the start of the year 2000 in UTC


def made_at() -> datetime:
    """The date that a file states: always the same, or the one that SOURCE_DATE_EPOCH asks for, in seconds.

    Source: "SOURCE_DATE_EPOCH specification", Reproducible Builds project.
    """
    asked = os.environ.get("SOURCE_DATE_EPOCH", "")
    known = asked.isdecimal() and int(asked) < 253_402_300_800  # the end of the year 9999
    return datetime.fromtimestamp(int(asked) if known else NO_TIME, UTC)


DIGIT_POINTS = 72 / 25.4 / DIGIT
"""Points of the font for digits one millimetre high."""


def too_many_pages(pages: int, limit: int) -> SettingsError:
    """The error for a template of too many pages."""
    return SettingsError(
        f"a template has at most {limit} tiles, got {pages}; use larger paper or one sheet"
    )
