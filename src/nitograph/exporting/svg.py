"""SVG in millimetres: the thread as one polyline, nails and numbers on their own layers.

Layers follow Inkscape's group convention; their names begin with a digit, which vpype and AxiDraw use as
the layer's number. Mode `plot` writes only the polyline. Nothing is split or filled. Knows nothing of
machines.

Try it: python -m nitograph export thread.json -o board.svg --mode plot
"""

import math
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from nitograph.errors import SettingsError
from nitograph.exporting.papers import PAPERS
from nitograph.exporting.rim import Rim, rim, ticks
from nitograph.exporting.winding_list import about
from nitograph.exporting.workpiece import FloatArray, Workpiece
from nitograph.settings import Settings, setting

END, BOLD = ' text-anchor="end"', ' font-weight="bold"'
INK, DARK_INK, LIGHT_INK = "#1d2433", "#444444", "#bbbbbb"
COLOUR = re.compile(r"#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?|[a-zA-Z]{3,24}")


@dataclass(frozen=True)
class SvgSettings(Settings):
    """How the drawing looks."""

    mode: str = setting(
        "layers", "everything on layers, or only the thread for a plotter", choices=("layers", "plot")
    )
    colour: str | None = setting(
        None, "colour of the thread, a name or #rrggbb; default: that of its file, or #1d2433"
    )
    board_colour: str | None = setting(
        None, "colour of the board, likewise; default: that of its file, or none is drawn"
    )
    stroke_width: float | None = setting(
        None,
        "width of the drawn thread; default: its real thickness",
        unit="mm",
        low=0.001,
        high=50,
    )
    margin: float = setting(10.0, "margin around the drawing", unit="mm", low=0, high=1000)
    numbers: bool = setting(True, "draw numbers and ticks outside the nails")
    paper: str = setting(
        "sheet",
        "paper that the board is in the middle of; `sheet` is as large as the board, `roll` as wide as "
        "roll_width; default: a4 for PDF, sheet for SVG",
        choices=("sheet", "roll", *PAPERS),
    )
    landscape: bool = setting(False, "turn the paper: its longer side across")
    roll_width: float = setting(610.0, "width of a roll of paper", unit="mm", low=100, high=5000)

    def check(self) -> None:
        """The colours must be valid, as they are written into the file."""
        for name, colour in (("colour", self.colour), ("board_colour", self.board_colour)):
            if colour is not None and not COLOUR.fullmatch(colour):
                raise SettingsError(f"{name} must be a name such as black or #rrggbb, got {colour!r}")

    def idle(self) -> dict[str, str]:
        """A plot is the thread alone; only papers can be turned, and only rolls have a width."""
        found: dict[str, str] = {}
        if self.mode == "plot":
            found |= dict.fromkeys(("numbers", "board_colour"), "mode plot draws the thread alone")
        if self.paper not in PAPERS:
            found["landscape"] = f"paper is {self.paper}"
        if self.paper != "roll":
            found["roll_width"] = f"paper is {self.paper}"
        return found


def svg(workpiece: Workpiece, settings: SvgSettings) -> str:
    """The drawing as SVG text, 1 user unit = 1 mm, y down, the board's middle in the middle."""
    plot = settings.mode == "plot"
    shown = rim(workpiece) if settings.numbers and not plot else None
    half = workpiece.half + (settings.margin + (shown.width if shown else workpiece.bend_radius))
    wide, high = _page(settings, half)
    middle = np.array([wide, high]) / 2
    width, height = (f"{side:.3f}".rstrip("0").rstrip(".") for side in (wide, high))
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"\n'
        f'  width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(workpiece.name or 'Nitograph')}</title>\n"
        f"<desc>{escape(' '.join([*about(workpiece), *_on_paper(settings)]))}</desc>\n"
    )
    parts = [head]
    ground = settings.board_colour or workpiece.ground
    if ground and not plot:
        reach = (shown.width if shown else workpiece.bend_radius) + 0.5 * settings.margin
        parts.append(_board_layer(workpiece, ground, middle, reach))
    parts += _thread_layers(workpiece, settings, middle)
    ink, number = _ink_on(ground), len(workpiece.parts) + 1
    if not plot:
        parts.append(_nail_layer(workpiece, number, middle))
    if shown:
        parts.append(_number_layer(workpiece, number + 1, shown, middle, ink))
    return "".join([*parts, "</svg>\n"])


def _on_paper(settings: SvgSettings) -> list[str]:
    """What to load and to leave free, if there is paper of a given size."""
    if settings.paper not in PAPERS:
        return []
    return [f"For {settings.paper} paper; {settings.margin:g} mm from its edges are free at least."]


def _page(settings: SvgSettings, half: FloatArray) -> tuple[float, float]:
    """Width and height of the page, mm; SettingsError if a drawing of 2·half mm does not fit on it."""
    across, down = (2 * half).tolist()
    if settings.paper == "sheet":
        return across, down
    wide, high = PAPERS.get(settings.paper, (settings.roll_width, down))
    if settings.landscape and settings.paper != "roll":
        wide, high = high, wide
    beyond = max(across - wide, down - high)
    if beyond > 1e-9:
        raise SettingsError(
            f"the drawing takes {across:.0f} x {down:.0f} mm with its margins, and {settings.paper} is "
            f"{wide:g} x {high:g} mm; lower the diameter by {math.ceil(beyond)} mm or more"
        )
    return wide, high


def _board_layer(workpiece: Workpiece, colour: str, middle: FloatArray, reach: float) -> str:
    """The board, `reach` mm larger than its nails; a layer that begins with % is left out by AxiDraw."""
    if workpiece.shaped:
        shape = (
            f'<polygon points="{_points(workpiece.edge + middle)}" stroke="{colour}" '
            f'stroke-width="{2 * reach:.3f}" stroke-linejoin="round"/>\n'
        )
    else:
        radius = workpiece.radius + reach
        shape = f'<circle cx="{middle[0]:.3f}" cy="{middle[1]:.3f}" r="{radius:.3f}" stroke="none"/>\n'
    head = f'<g id="board" inkscape:groupmode="layer" inkscape:label="% board" fill="{colour}">'
    return f"{head}\n{shape}</g>\n"


def _layer(number: int, mark: str, style: str, body: str, name: str | None = None) -> str:
    """A layer; mark: its id in the file, and its name if it has no other."""
    label = quoteattr(f"{number} {name or mark}")
    return f'<g id="{mark}" inkscape:groupmode="layer" inkscape:label={label} {style}>\n{body}</g>\n'


def _thread_layers(workpiece: Workpiece, settings: SvgSettings, middle: FloatArray) -> list[str]:
    """A layer for each thread, in its colour and with its name where there are several."""
    width = settings.stroke_width or workpiece.settings.thread_width
    found, several = [], len(workpiece.parts) > 1
    for number, (_, piece, colour) in enumerate(workpiece.parts, 1):
        own = settings.colour or (colour.hex if colour else INK)
        style = (
            f'fill="none" stroke="{own}" stroke-width="{width:.4g}" stroke-linejoin="round" '
            'stroke-linecap="round"'
        )
        mark, name = (f"thread-{number}", colour.name) if several and colour else ("thread", None)
        line = f'<polyline points="{_points(piece.polyline + middle)}"/>\n'
        found.append(_layer(number, mark, style, line, name))
    return found


def _ink_on(ground: str | None) -> str:
    """A grey that is read on a board of that colour; of colours by name only black is taken for dark."""
    if ground is None or not ground.startswith("#"):
        return LIGHT_INK if ground == "black" else DARK_INK
    wide = ground[1:] if len(ground) == 7 else "".join(2 * digit for digit in ground[1:])
    red, green, blue = (int(wide[at : at + 2], 16) for at in (0, 2, 4))
    return LIGHT_INK if 0.3 * red + 0.6 * green + 0.1 * blue < 110 else DARK_INK


def _nail_layer(workpiece: Workpiece, number: int, middle: FloatArray) -> str:
    radius = f"{workpiece.settings.nail_diameter / 2:.4g}"
    circles = "".join(
        f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{radius}"/>\n'
        for x, y in (workpiece.centres + middle).tolist()
    )
    return _layer(number, "nails", 'fill="none" stroke="#888888" stroke-width="0.1"', circles)


def _number_layer(workpiece: Workpiece, number: int, shown: Rim, middle: FloatArray, ink: str) -> str:
    strokes = "".join(
        f'<line x1="{a:.3f}" y1="{b:.3f}" x2="{c:.3f}" y2="{d:.3f}" stroke="{ink}" stroke-width="0.2"/>\n'
        for (a, b), (c, d) in (ticks(workpiece, shown) + middle).tolist()
    )
    rows = zip(
        shown.nails.tolist(),
        (shown.anchors + middle).tolist(),
        shown.degrees.tolist(),
        shown.outward.tolist(),
        shown.tens.tolist(),
        strict=True,
    )
    texts = "".join(
        f'<text transform="translate({x:.3f} {y:.3f}) rotate({turn:.3f})" y="{0.36 * shown.size:.3g}"'
        f"{'' if outward else END}{BOLD if ten else ''}>{nail}</text>\n"
        for nail, (x, y), turn, outward, ten in rows
    )
    style = f'font-family="Helvetica, Arial, sans-serif" font-size="{1.25 * shown.size:.4g}" fill="{ink}"'
    return _layer(number, "numbers", style, strokes + texts)


def _points(points: FloatArray) -> str:
    return " ".join(f"{x:.3f},{y:.3f}" for x, y in np.asarray(points).tolist())
