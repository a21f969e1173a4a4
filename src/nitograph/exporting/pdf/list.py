"""The printed winding list: blocks of ten with a checkbox and metres so far, shaded at each hundred.

It draws on a `Sheet` and knows nothing of the PDF library.

Try it: python -m nitograph export thread.json -o steps.pdf --pdf list
"""

from nitograph.exporting.pdf.sheet import Sheet
from nitograph.exporting.winding_list import needs
from nitograph.exporting.workpiece import Part, Step, Workpiece

BLOCK, ACROSS = 10, 5
ROW, HEAD, GAP = 4.3, 5.0, 6.0
SIZE, LINE = 2.3, 5.4


def draw_list(sheet: Sheet, workpiece: Workpiece, paper: tuple[float, float], margin: float) -> None:
    """All pages of the list; paper: width and height in mm, portrait."""
    margin = max(margin, 12.0)
    steps = list(workpiece.steps())
    blocks: list[list[Step] | Part] = []
    for part in workpiece.parts:
        blocks += [part] if len(workpiece.parts) > 1 else []
        blocks += [
            steps[k : min(k + BLOCK, part.last + 1)] for k in range(part.tied + 1, part.last + 1, BLOCK)
        ]
    height = HEAD + BLOCK * ROW + GAP
    said = len(needs(workpiece))
    apart = min(LINE, (paper[1] - 2 * margin - 40) / said)
    first_top, top = margin + 44.0 + apart * (said - 3), margin + 12.0
    down_first = max(0, int((paper[1] - first_top - margin - 6) // height))
    down = int((paper[1] - top - margin - 6) // height)
    pages = [blocks[: down_first * ACROSS]]
    rest = blocks[down_first * ACROSS :]
    pages += [rest[k : k + down * ACROSS] for k in range(0, len(rest), down * ACROSS)]
    wide = (paper[0] - 2 * margin) / ACROSS
    for number, page in enumerate(pages):
        sheet.page(*paper)
        if number == 0:
            _draw_head(sheet, workpiece, steps[0], (margin, apart), paper[0] - 2 * margin)
        else:
            sheet.text(margin, margin + 4, "Winding list", 3.0, bold=True)
        _draw_foot(sheet, workpiece, f"page {number + 1} of {len(pages)}", margin, paper)
        for at, block in enumerate(page):
            x, y = margin + at % ACROSS * wide, (top if number else first_top) + at // ACROSS * height
            if isinstance(block, Part):
                _draw_change(sheet, block, x, y, wide - 4)
            else:
                _draw_block(sheet, block, x, y, wide - 4)


def _draw_head(
    sheet: Sheet, workpiece: Workpiece, tied: Step, place: tuple[float, float], width: float
) -> None:
    """Heading and facts; place: the margin and the distance between lines, mm."""
    x, apart = place
    heading = workpiece.heading("Winding list")
    sheet.text(x, x + 4, heading, sheet.fitting([heading], width, 4.0, bold=True), bold=True)
    lines = [
        workpiece.statement(),
        *needs(workpiece),
        f"Tie it to nail {tied.nail}. Go from nail to nail, always round the BACK, on the outer side.",
        "cw: round the nail clockwise as you see it; ccw: the other way. So the thread stays in place.",
    ]
    for k, line in enumerate(lines):
        sheet.text(x, x + 11 + apart * k, line, sheet.fitting(lines, width, 2.3))


def _draw_change(sheet: Sheet, part: Part, x: float, y: float, width: float) -> None:
    """In place of a block: the colour that comes next, its metres, and the nail to tie it to."""
    colour, piece = part.colour, part.piece
    if colour is None:
        return
    sheet.box(x + 1, y + 1, HEAD - 2, HEAD - 2, grey=60)
    sheet.text(x + width - 1, y + 3.6, f"{part.tied}", 2.1, bold=True, align="right")
    sheet.swatch(x, y + HEAD + 1, width, 2 * ROW, colour.hex)
    lines = ["change to" if part.tied else "begin with", colour.name, colour.hex]
    lines += [f"tie it to nail {piece.path[0]}", f"{piece.chords} chords, {piece.length:.1f} m"]
    for row, line in enumerate(lines):
        size = sheet.fitting([line], width - 3, SIZE, bold=row == 1)
        sheet.text(x + 1.5, y + HEAD + (row + 3.6) * ROW, line, size, bold=row == 1)
    sheet.box(x, y, width, HEAD + BLOCK * ROW, grey=120)


def _draw_block(sheet: Sheet, block: list[Step], x: float, y: float, width: float) -> None:
    """Ten steps: a checkbox, then step, nail and turn; the metres under the last one."""
    hundred = block[0].step % 100 == 1
    sheet.box(x, y, width, HEAD, grey=205 if hundred else 232, filled=True)
    sheet.box(x + 1, y + 1, HEAD - 2, HEAD - 2, grey=60)
    name = f"{block[0].step}-{block[-1].step}"
    sheet.text(x + width - 1, y + 3.6, name, 2.1, bold=hundred, align="right")
    for row, step in enumerate(block):
        base = y + HEAD + (row + 1) * ROW - 0.9
        sheet.text(x + 6, base, str(step.step), 1.5, grey=130, align="right")
        sheet.text(x + width * 0.62, base, str(step.nail), SIZE, bold=True, align="right")
        sheet.text(x + width - 1, base, "cw" if step.turn > 0 else "ccw", 1.7, grey=70, align="right")
    base = y + HEAD + len(block) * ROW
    sheet.line(x, base + 0.3, x + width, base + 0.3, 0.1, 150)
    sheet.text(x + width - 1, base + 3.2, f"{block[-1].metres:.2f} m", 1.7, grey=70, align="right")


def _draw_foot(
    sheet: Sheet, workpiece: Workpiece, page: str, margin: float, paper: tuple[float, float]
) -> None:
    y, statement = paper[1] - margin, workpiece.statement()
    size = sheet.fitting([statement], paper[0] - 2 * margin - 25, 1.5)
    sheet.text(margin, y, statement, size, grey=110)
    sheet.text(paper[0] - margin, y, page, 1.8, align="right")
