"""SVG in millimetres: the thread as one polyline, nails and numbers on their own layers.

Layers follow Inkscape's group convention; their names begin with a digit, which vpype and AxiDraw use as
the layer's number. Mode `plot` writes only the polyline. Nothing is split or filled. Knows nothing of
machines.

Try it: python -m nitograph export thread.json -o board.svg --mode plot
"""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np

from nitograph.errors import SettingsError
from nitograph.exporting.rim import Rim, rim, ticks
from nitograph.exporting.workpiece import FloatArray, Workpiece
from nitograph.settings import Settings, setting

END, BOLD = ' text-anchor="end"', ' font-weight="bold"'
COLOUR = re.compile(r"#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?|[a-zA-Z]{3,24}")


@dataclass(frozen=True)
class SvgSettings(Settings):
    """How the drawing looks."""

    mode: str = setting(
        "layers", "everything on layers, or only the thread for a plotter", choices=("layers", "plot")
    )
    colour: str = setting("#1d2433", "colour of the thread, a name or #rrggbb")
    stroke_width: float | None = setting(
        None,
        "width of the drawn thread; default: its real thickness",
        unit="mm",
        low=0.001,
        high=50,
    )
    margin: float = setting(10.0, "margin around the drawing", unit="mm", low=0, high=1000)
    numbers: bool = setting(True, "draw numbers and ticks outside the nails")

    def check(self) -> None:
        """The colour must be valid, as it is written into the file."""
        if not COLOUR.fullmatch(self.colour):
            raise SettingsError(f"colour must be a name such as black or #rrggbb, got {self.colour!r}")


def svg(workpiece: Workpiece, settings: SvgSettings) -> str:
    """The drawing as SVG text, 1 user unit = 1 mm, y down, the board's middle in the middle."""
    plot = settings.mode == "plot"
    shown = rim(workpiece) if settings.numbers and not plot else None
    half = workpiece.half + (settings.margin + (shown.width if shown else workpiece.bend_radius))
    wide, high = (f"{2 * side:.3f}".rstrip("0").rstrip(".") for side in half)
    label = f"Thread {workpiece.thread.label}. " if workpiece.thread.label else ""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"\n'
        f'  width="{wide}mm" height="{high}mm" viewBox="0 0 {wide} {high}">\n'
        f"<title>{escape(_printable(label))}Nitograph</title>\n<desc>{workpiece.statement()}</desc>\n"
    )
    parts = [head, _thread_layer(workpiece, settings, half)]
    if not plot:
        parts.append(_nail_layer(workpiece, half))
    if shown:
        parts.append(_number_layer(workpiece, shown, half))
    return "".join([*parts, "</svg>\n"])


def _layer(number: int, name: str, style: str, body: str) -> str:
    return (
        f'<g id="{name}" inkscape:groupmode="layer" inkscape:label="{number} {name}" {style}>\n{body}</g>\n'
    )


def _thread_layer(workpiece: Workpiece, settings: SvgSettings, half: FloatArray) -> str:
    width = settings.stroke_width or workpiece.settings.thread_width
    style = (
        f'fill="none" stroke="{settings.colour}" stroke-width="{width:.4g}" stroke-linejoin="round" '
        'stroke-linecap="round"'
    )
    return _layer(1, "thread", style, f'<polyline points="{_points(workpiece.polyline + half)}"/>\n')


def _nail_layer(workpiece: Workpiece, half: FloatArray) -> str:
    radius = f"{workpiece.settings.nail_diameter / 2:.4g}"
    circles = "".join(
        f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{radius}"/>\n'
        for x, y in (workpiece.centres + half).tolist()
    )
    return _layer(2, "nails", 'fill="none" stroke="#888888" stroke-width="0.1"', circles)


def _number_layer(workpiece: Workpiece, shown: Rim, half: FloatArray) -> str:
    strokes = "".join(
        f'<line x1="{a:.3f}" y1="{b:.3f}" x2="{c:.3f}" y2="{d:.3f}" stroke="#444444" stroke-width="0.2"/>\n'
        for (a, b), (c, d) in (ticks(workpiece, shown) + half).tolist()
    )
    rows = zip(
        shown.nails.tolist(),
        (shown.anchors + half).tolist(),
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
    style = f'font-family="Helvetica, Arial, sans-serif" font-size="{1.25 * shown.size:.4g}" fill="#444444"'
    return _layer(3, "numbers", style, strokes + texts)


def _points(points: FloatArray) -> str:
    return " ".join(f"{x:.3f},{y:.3f}" for x, y in np.asarray(points).tolist())


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
