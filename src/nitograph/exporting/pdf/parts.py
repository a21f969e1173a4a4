"""The page of parts: nails, drill, board, thread and hours, as one buys and plans them.

It draws on a `Sheet` and knows nothing of the PDF library.

Try it: python -m nitograph export thread.json -o parts.pdf --pdf parts
"""

import math

from nitograph.exporting.pdf.sheet import Sheet
from nitograph.exporting.rim import rim
from nitograph.exporting.winding_list import by_colour, duration, in_all, to_buy
from nitograph.exporting.workpiece import Workpiece
from nitograph.shapes import outline

SPARE = 0.05  # share of nails to have besides
TIGHT = 0.2  # mm by which a drill is thinner than the nail
PROUD = 10.0  # mm that a nail stands above the board, at least
DEEP = 8.0  # mm of a nail in the board, at least


def parts(workpiece: Workpiece) -> list[tuple[str, str]]:
    """What is needed, as names and sentences."""
    board, count = workpiece.settings, workpiece.num_nails
    used = len(set(workpiece.path.tolist()))
    stand = max(PROUD, 6 * board.nail_diameter)
    beyond = 2 * rim(workpiece).width + 20
    width, height = (math.ceil((2 * half + beyond) / 10) * 10 for half in workpiece.half.tolist())
    drill = max(0.1, board.nail_diameter - TIGHT)
    return [
        (
            "Nails",
            f"{count} of {board.nail_diameter:g} mm ({math.ceil(count * (1 + SPARE))} with some to spare), "
            f"at least {math.ceil(stand + DEEP)} mm long; {used} of them carry thread",
        ),
        ("Spacing", f"{_spacing(workpiece)} mm from middle to middle"),
        (
            "Drill",
            f"{drill:.1f} mm, {math.ceil(DEEP)} mm deep: the nail less {TIGHT:g} mm, for a tight fit",
        ),
        ("Board", f"{width} x {height} mm or more, at least {math.ceil(DEEP) + 4} mm thick"),
        *_threads(workpiece),
        (
            "Time",
            f"about {duration(workpiece.seconds)} of winding at {board.seconds_per_chord:g} s per chord",
        ),
    ]


def _spacing(workpiece: Workpiece) -> str:
    """From the least to the largest distance of neighbouring nails, where they differ."""
    if not workpiece.shaped:
        return f"{workpiece.spacing:.2f}"
    apart = outline.gaps(workpiece.centres)
    least, most = f"{apart.min():.2f}", f"{apart.max():.2f}"
    return least if least == most else f"{least} to {most}"


def _threads(workpiece: Workpiece) -> list[tuple[str, str]]:
    """What to buy of each thread."""
    thick = f"{workpiece.settings.thread_width:.3g} mm thick"
    if len(workpiece.parts) == 1:
        return [("Thread", f"{thick}, {to_buy(workpiece)}")]
    each = enumerate(by_colour(workpiece), 1)
    rows = [(f"Thread {at}", f"{name.partition(' ')[2]}: {words}") for at, (name, words) in each]
    return [("Threads", f"{thick}, {in_all(workpiece)}, {workpiece.settings.spare:g} % spare"), *rows]


def draw_parts(sheet: Sheet, workpiece: Workpiece, paper: tuple[float, float], margin: float) -> None:
    """The page; paper: width and height in mm, portrait."""
    margin = max(margin, 15.0)
    width = paper[0] - 2 * margin
    sheet.page(*paper)
    heading = workpiece.heading("Parts")
    sheet.text(margin, margin + 6, heading, sheet.fitting([heading], width, 4.5, bold=True), bold=True)
    rows = parts(workpiece)
    size = sheet.fitting([text for _, text in rows], width - 28, 2.4)
    y, apart = margin + 20, min(9.0, (paper[1] - 2 * margin - 25) / len(rows))
    several = len(workpiece.parts) > 1
    colours = {f"Thread {at}": part.colour for at, part in enumerate(workpiece.parts, 1) if several}
    for name, text in rows:
        if colour := colours.get(name):
            sheet.swatch(margin + 6, y - 2.6, 3.0, 3.0, colour.hex)
        sheet.box(margin, y - 2.8, 3.2, 3.2, grey=60)
        sheet.text(
            margin + (11 if name in colours else 6), y, name, 2.0 if name in colours else 2.4, bold=True
        )
        sheet.text(margin + 28, y, text, size)
        y += apart
    statement = workpiece.statement()
    sheet.text(margin, paper[1] - margin, statement, sheet.fitting([statement], width, 1.9), grey=110)
