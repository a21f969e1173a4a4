"""SVG files as strokes and filled shapes, and drawn: paths, basic shapes, groups, transforms, uses.

svgelements reads the file; text, pictures, masks and gradients are left out. What one file may hold is
bounded before it is read: bytes, shapes that uses multiply, points. Entities are refused.

Source of the format: Scalable Vector Graphics (SVG) 1.1, W3C, 2011.

Try it: python -c "from nitograph.corpus.sources.svg import shapes_of; help(shapes_of)"
"""

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.pens import MAX_POINTS
from nitograph.errors import FileError, SettingsError, SourceError
from nitograph.io.files import read_bytes
from nitograph.untrusted import need, reading

MAX_SVG_BYTES = 2**21
MAX_SHAPES = 5000  # with those that uses repeat
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
    missing = SettingsError("reading SVG pictures needs svgelements: pip install 'nitograph[sources]'")
    elements = need("svgelements", missing)
    try:
        data = read_bytes(path, limit=MAX_SVG_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    refusal = SourceError(f"{path} is no SVG that is read here; save it as plain SVG")
    with reading(refusal), np.errstate(all="ignore"):  # what is not finite is left out below
        _check(data, path)
        whole = elements.SVG.parse(io.BytesIO(data), reify=True, ppi=96.0)
        shapes = [found for found in whole.elements() if isinstance(found, elements.Shape)]
        read = [_shape(elements, shape) for shape in shapes[:MAX_SHAPES]]
    found = [
        shape for shape in read if shape.lines and (shape.fill is not None or shape.stroke is not None)
    ]
    if sum(len(line) for shape in found for line in shape.lines) > MAX_POINTS:
        raise SourceError(f"{path} has more than {MAX_POINTS} points; simplify it")
    return found


def _check(data: bytes, path: str | Path) -> None:
    """SourceError if the file would grow beyond bounds while it is read."""
    if b"<!ENTITY" in data or b"\0" in data:
        raise SourceError(f"{path} defines entities or is not UTF-8; save it as plain SVG")
    root = ET.fromstring(data)
    if root.tag.rpartition("}")[2] != "svg":
        raise SourceError(f"{path} is XML but no SVG: it begins with {root.tag.rpartition('}')[2]:.40}")
    named = {element.get("id"): element for element in root.iter() if element.get("id")}
    sizes: dict[int, int] = {}
    todo: list[tuple[Any, bool]] = [(root, False)]
    under: set[int] = set()
    while todo:  # sizes of elements, those that uses bring in counted, children first
        element, seen = todo.pop()
        inside = [*element]
        if element.tag.rpartition("}")[2] == "use":
            link = element.get("href") or element.get("{http://www.w3.org/1999/xlink}href") or ""
            inside += [named[link[1:]]] if link[1:] in named else []
        if seen:
            under.discard(id(element))
            sizes[id(element)] = 1 + sum(sizes.get(id(child), MAX_SHAPES) for child in inside)
            continue
        if id(element) in sizes:
            continue
        under.add(id(element))
        todo.append((element, True))
        for child in inside:
            if id(child) in under:
                raise SourceError(f"{path} uses something within itself; save it as plain SVG")
            todo.append((child, False))
        if len(todo) > 10 * MAX_SHAPES:
            break
    if sizes.get(id(root), MAX_SHAPES + 1) > MAX_SHAPES:
        raise SourceError(
            f"{path} has more than {MAX_SHAPES} elements, with those it uses again; simplify it"
        )


def _shape(elements: Any, shape: Any) -> Shape:
    """One shape of svgelements, as lines."""
    path = shape if isinstance(shape, elements.Path) else elements.Path(shape)
    lines: list[list[Any]] = []
    for segment in path:
        if isinstance(segment, elements.Move) or not lines:
            lines.append([segment.end])
        elif isinstance(segment, elements.Line | elements.Close):
            if segment.end is not None:
                lines[-1].append(segment.end)
        else:
            lines[-1] += [segment.point(step / CURVE) for step in range(1, CURVE + 1)]
    arrays = [
        np.array([[float(point.x), float(point.y)] for point in line if point is not None])
        for line in lines
    ]
    arrays = [line for line in arrays if len(line) and np.isfinite(line).all() and np.abs(line).max() < 1e9]
    width = float(path.stroke_width) if path.stroke_width is not None else 1.0
    stroke = _light(path.stroke) if width > 0 else None
    return Shape(arrays, _light(path.fill), stroke, width)


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
