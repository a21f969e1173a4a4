"""PDF: a drilling template at true scale, on one sheet or on tiles, and the printed winding list.

This module opens the document and chooses the paper; `template` and `list` draw the pages. It knows the
workpiece and nothing of machines.

Try it: python -m nitograph export thread.json -o template.pdf --paper a4
"""

from dataclasses import dataclass

from nitograph.exporting.pdf.sheet import PAPERS, Sheet
from nitograph.exporting.workpiece import Workpiece
from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class PdfSettings(Settings):
    """What is printed, and on which paper."""

    pdf: str = setting("template", "drilling template or winding list", choices=("template", "list"))
    paper: str = setting(
        "a4", "paper; `sheet` is one page as large as the board", choices=("sheet", *PAPERS)
    )
    overlap: float = setting(10.0, "overlap of neighbouring tiles", unit="mm", low=0, high=50)
    page_margin: float = setting(8.0, "margin that the printer cannot print on", unit="mm", low=3, high=30)


def pdf(workpiece: Workpiece, settings: PdfSettings) -> bytes:
    """The whole document; FileError if fpdf2 is missing, SettingsError if it cannot be printed."""
    from nitograph.exporting.pdf.list import draw_list
    from nitograph.exporting.pdf.template import draw_template

    document = Sheet(f"Nitograph {settings.pdf}", workpiece.statement())
    if settings.pdf == "list":
        paper = PAPERS["a4" if settings.paper == "sheet" else settings.paper]
        draw_list(document, workpiece, paper, settings.page_margin)
    elif settings.paper == "sheet":
        draw_template(document, workpiece, None, settings.overlap, settings.page_margin)
    else:
        draw_template(document, workpiece, PAPERS[settings.paper], settings.overlap, settings.page_margin)
    return document.bytes()
