"""The shapes of an SVG file, as svgelements reads them, within bounds that are checked before it does.

What one file may hold is bounded: bytes, and shapes, with those that uses multiply. Entities are refused.

Source of the format: Scalable Vector Graphics (SVG) 1.1, W3C, 2011.

Try it: python -c "from nitograph.io.svg import shapes_in; help(shapes_in)"
"""

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError, SettingsError, SourceError
from nitograph.io.files import read_bytes
from nitograph.untrusted import need

MAX_SVG_BYTES = 2**21
MAX_SHAPES = 5000  # with those that uses repeat
PPI = 96.0  # of the CSS pixels that all sizes become

Points = NDArray[np.float64]


def refusal(path: str | Path) -> SourceError:
    """What is said of a file over which a parser stumbles."""
    return SourceError(f"{path} is no SVG that is read here; save it as plain SVG")


def shapes_in(path: str | Path) -> tuple[Any, list[Any]]:
    """svgelements, and the shapes of a file in order, in CSS pixels; to be called within `reading`.

    SourceError if the file cannot be read or is out of bounds, SettingsError without svgelements.
    """
    missing = SettingsError("reading SVG pictures needs svgelements: pip install 'nitograph[sources]'")
    elements = need("svgelements", missing)
    try:
        data = read_bytes(path, limit=MAX_SVG_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    _check(data, path)
    whole = elements.SVG.parse(io.BytesIO(data), reify=True, ppi=PPI)
    shapes = [found for found in whole.elements() if isinstance(found, elements.Shape)]
    return elements, shapes[:MAX_SHAPES]


def lines_of(elements: Any, path: Any, curve: int) -> list[Points]:
    """The lines (k, 2) of one path of svgelements, with `curve` points on each curve; finite ones only."""
    lines: list[list[Any]] = []
    for segment in path:
        if isinstance(segment, elements.Move) or not lines:
            lines.append([segment.end])
        elif isinstance(segment, elements.Line | elements.Close):
            if segment.end is not None:
                lines[-1].append(segment.end)
        else:
            lines[-1] += [segment.point(step / curve) for step in range(1, curve + 1)]
    arrays = [
        np.array([[float(point.x), float(point.y)] for point in line if point is not None])
        for line in lines
    ]
    return [line for line in arrays if len(line) and np.isfinite(line).all() and np.abs(line).max() < 1e9]


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
