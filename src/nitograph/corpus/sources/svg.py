"""SVG files as strokes and filled shapes, and drawn: paths, basic shapes, groups, transforms, uses.

`io.svg` reads the file; text, pictures, masks and gradients are left out, and points are bounded.

Try it: python -c "from nitograph.corpus.sources.svg import shapes_of; help(shapes_of)"
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.pens import MAX_POINTS
from nitograph.errors import SourceError
from nitograph.io.svg import lines_of, refusal, shapes_in
from nitograph.untrusted import reading

CURVE = 16  # points on a curve

Points = NDArray[np.float64]


class Shape(NamedTuple):
    """Lines (k, 2) of x, y with y down; the light of its fill and of its stroke, 0 to 1, None without."""

    lines: list[Points]
    fill: float | None
    stroke: float | None
    width: float


def shapes_of(path: str | Path) -> list[Shape]:
    """The shapes of an SVG file that are painted, in order. SourceError."""
    with reading(refusal(path)), np.errstate(all="ignore"):  # what is not finite is left out
        elements, shapes = shapes_in(path)
        read = [_shape(elements, shape) for shape in shapes]
    found = [
        shape for shape in read if shape.lines and (shape.fill is not None or shape.stroke is not None)
    ]
    if sum(len(line) for shape in found for line in shape.lines) > MAX_POINTS:
        raise SourceError(f"{path} has more than {MAX_POINTS} points; simplify it")
    return found


def _shape(elements: Any, shape: Any) -> Shape:
    """One shape of svgelements, as lines."""
    path = shape if isinstance(shape, elements.Path) else elements.Path(shape)
    width = float(path.stroke_width) if path.stroke_width is not None else 1.0
    stroke = _light(path.stroke) if width > 0 else None
    return Shape(lines_of(elements, path, CURVE), _light(path.fill), stroke, width)


def _light(colour: Any) -> float | None:
    """The light of a paint, 0 to 1; None for none and for next to nothing."""
    if colour is None or colour.value is None or (colour.alpha or 0) < 26:
        return None
    return float(0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue) / 255


def picture_of(path: str | Path, side: int = 256) -> NDArray[np.uint8]:
    """An SVG file as it looks, (side, side) or less, light on dark or dark on light. SourceError.

    The ground is white where what is painted is dark on the whole, else black.
    """
    from PIL import Image, ImageDraw

    from nitograph.corpus.sources.pens import fill

    shapes = shapes_of(path)
    lights = [light for shape in shapes for light in (shape.fill, shape.stroke) if light is not None]
    if not lights:
        raise SourceError(f"{path} paints nothing; give strokes or fills")
    every = np.concatenate([line for shape in shapes for line in shape.lines])
    widest = max((shape.width for shape in shapes if shape.stroke is not None), default=0.0)
    low, reach = every.min(axis=0) - widest / 2, float(np.ptp(every, axis=0).max()) + widest
    if not 1e-9 < reach < 1e9:
        raise SourceError(f"{path} draws nothing of any size; give larger shapes")
    scale = (side - 3) / reach
    ground = 255 if float(np.mean(lights)) < 0.5 else 0
    whole = Image.new("L", (side, side), ground)
    pencil = ImageDraw.Draw(whole)
    for shape in shapes:
        lines = [[tuple(place) for place in ((line - low) * scale + 1).tolist()] for line in shape.lines]
        if shape.fill is not None:
            fill(whole, [line for line in lines if len(line) > 2], round(shape.fill * 255))
        if shape.stroke is not None:
            width, light = max(1.0, min(shape.width * scale, side)), round(shape.stroke * 255)
            for line in lines:
                pencil.line(line, fill=light, width=round(width))
                for x, y in line:
                    pencil.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=light)
    return np.asarray(whole, dtype=np.uint8)
