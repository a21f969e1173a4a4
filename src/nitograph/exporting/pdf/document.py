"""PDF: a drilling template at true scale, on one sheet or on tiles, and the printed winding list.

This module opens the document and chooses the paper; `template`, `list` and `parts` draw the pages. It
knows the workpiece and nothing of machines.

Try it: python -m nitograph export thread.json -o template.pdf --paper a4
"""

import math
from dataclasses import dataclass

from nitograph.exporting.pdf.sheet import PAPERS, Sheet
from nitograph.exporting.winding_list import about
from nitograph.exporting.workpiece import Workpiece
from nitograph.settings import Settings, setting

TITLES = {
    "template": "Drilling template", "list": "Winding list", "parts": "Parts", "all": "Workshop papers"
}  # fmt: skip
PARTS = ("parts", "template", "list")
MARGINS = {"list": 12.0, "parts": 15.0}  # mm, at least
HANDS = ("a4", "a3", "letter", "tabloid")  # paper that the lists are printed on as well


@dataclass(frozen=True)
class PdfSettings(Settings):
    """What is printed, and on which paper."""

    pdf: str = setting(
        "template",
        "drilling template, winding list, the parts to buy, or all three in one file",
        choices=("template", "list", "parts", "all"),
    )
    paper: str = setting(
        "a4",
        "paper; `sheet` is one page as large as the board, `roll` pages as wide as roll_width",
        choices=("sheet", "roll", *PAPERS),
    )
    roll_width: float = setting(610.0, "width of a roll of paper", unit="mm", low=100, high=5000)
    overlap: float = setting(10.0, "overlap of neighbouring tiles", unit="mm", low=0, high=50)
    page_margin: float = setting(8.0, "margin that the printer cannot print on", unit="mm", low=3, high=30)

    def idle(self) -> dict[str, str]:
        """Tiles and rolls are the template's; lists have their own smallest margin."""
        found = {}
        if self.paper != "roll":
            found["roll_width"] = f"paper is {self.paper}"
        if self.pdf in ("list", "parts"):
            if self.paper not in HANDS:
                found["paper"] = f"lists are printed on {', '.join(HANDS)}, and not on {self.paper}"
            found["overlap"] = "there are no tiles"
            if self.page_margin <= MARGINS[self.pdf]:
                found["page_margin"] = f"there is a margin of {MARGINS[self.pdf]:g} mm at least"
        elif self.paper == "sheet":
            found["overlap"] = "one sheet has no tiles"
        return found


def pdf(workpiece: Workpiece, settings: PdfSettings) -> bytes:
    """The whole document; FileError if fpdf2 is missing, SettingsError if it cannot be printed."""
    document = Sheet(workpiece.heading(TITLES[settings.pdf]), " ".join(about(workpiece)))
    for part in PARTS if settings.pdf == "all" else (settings.pdf,):
        _draw(document, part, workpiece, settings)
    return document.bytes()


def _draw(document: Sheet, part: str, workpiece: Workpiece, settings: PdfSettings) -> None:
    from nitograph.exporting.pdf.list import draw_list
    from nitograph.exporting.pdf.parts import draw_parts
    from nitograph.exporting.pdf.template import draw_template

    if part != "template":
        paper = PAPERS[settings.paper if settings.paper in HANDS else "a4"]
        (draw_list if part == "list" else draw_parts)(document, workpiece, paper, settings.page_margin)
        return
    sheet = {"sheet": None, "roll": (settings.roll_width, math.inf)}
    size = sheet[settings.paper] if settings.paper in sheet else PAPERS[settings.paper]
    draw_template(document, workpiece, size, settings.overlap, settings.page_margin)
