"""Files of nails: places in mm as a table of x and y, or as an SVG drawing.

Of an SVG file the middles of its circles are nails, if it has three or more; otherwise nails stand at equal
lengths along its longest line. x runs to the right and y down, as in SVG. This module knows no boards.

Try it: python -c "from nitograph.io.nails import *; print(table('x,y\\n0,0\\n9,0\\n0,9', 'a table'))"
"""

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError, SettingsError
from nitograph.io.files import read_bytes
from nitograph.io.svg import PPI, lines_of, refusal, shapes_in
from nitograph.shapes import outline
from nitograph.shapes.board import check_count
from nitograph.untrusted import reading

MAX_BYTES = 2**20
MAX_ROWS = 10_000  # more are no board in any case
CURVE = 64  # points on a curve
MM = 25.4 / PPI  # of a CSS pixel
HINT = "a file of nails is a table of x and y in mm, one nail a line, or an SVG drawing"

Points = NDArray[np.float64]


def nails_in(path: str | Path, nails: int | None, spacing: float | None, usual: int) -> Points:
    """The nails of a file, (n, 2) in mm. FileError, SourceError, SettingsError.

    nails, spacing: how many along a line, or how far apart, mm, otherwise the `usual` number; a file that
    says where its nails are takes neither. The content decides what the file is.
    """
    data = read_bytes(path, limit=MAX_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path} is no text; {HINT}") from None
    if not text.lstrip().startswith("<"):
        return _all_of(table(text, str(path)), nails, spacing)
    with reading(refusal(path)), np.errstate(all="ignore"):
        elements, shapes = shapes_in(path)
        circles = [shape for shape in shapes if isinstance(shape, elements.Circle | elements.Ellipse)]
        boxes = np.array([shape.bbox() for shape in circles], dtype=np.float64).reshape(-1, 4)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 * MM
        others = [elements.Path(shape) for shape in shapes]
        lines = [line * MM for path in others for line in lines_of(elements, path, CURVE)]
    if len(middles) >= 3:
        return _all_of(_distinct(middles), nails, spacing)
    longest = max(lines, key=outline.length, default=np.zeros((0, 2)))
    if len(longest) < 3 or not outline.length(longest) > 0:
        raise FileError(f"{path} has no nails: neither three circles nor a line to set them along; {HINT}")
    return _along(longest, nails or usual, spacing)


def _all_of(points: Points, nails: int | None, spacing: float | None) -> Points:
    """The nails of a file that says where each is."""
    if spacing is not None or nails not in (None, len(points)):
        raise SettingsError(f"the file says where its {len(points)} nails are; leave nails and spacing out")
    return points


def _distinct(points: Points) -> Points:
    """Points (n, 2) in order without those at the place of an earlier one, such as rings around a hole."""
    _, first = np.unique(np.round(points, 2), axis=0, return_index=True)
    return points[np.sort(first)]


def _along(line: Points, nails: int, spacing: float | None) -> Points:
    """Nails along a line (k, 2): on one that ends where it begins all around, else from end to end."""
    whole = outline.length(line)
    closed = math.dist(line[0], line[-1]) < 1e-3 * whole
    count = nails if spacing is None else round(whole / spacing) + (not closed)
    check_count(count)
    return outline.along(np.append(line, line[:1], axis=0) if closed else line, count, closed=closed)


def table(text: str, name: str) -> Points:
    """The nails of a table, (n, 2): two columns, or those that a head names x and y. FileError."""
    rows = [row.strip() for row in text.splitlines()]
    rows = [row for row in rows if row and not row.startswith("#")]
    if len(rows) > MAX_ROWS:
        raise FileError(f"{name} has {len(rows)} lines, too many for a board; {HINT}")
    cells = [_cells(row) for row in rows]
    columns = [0, 1]
    if cells and _number(cells[0][0]) is None:
        titles = [re.sub(r"[^a-z]|mm", "", title.lower()) for title in cells.pop(0)]
        if not {"x", "y"} <= set(titles):
            raise FileError(f"{name} has a head without columns x and y; {HINT}")
        columns = [titles.index("x"), titles.index("y")]
    elif any(len(row) != 2 for row in cells):
        raise FileError(f"{name} must have two columns, or a head that names x and y; {HINT}")
    if not cells:
        raise FileError(f"{name} has no nails; {HINT}")
    found = []
    for number, row in enumerate(cells, 1):
        place = [_number(row[column]) if column < len(row) else None for column in columns]
        if None in place:
            raise FileError(f"{name}: nail {number} has no x and y in mm: {' '.join(row)[:40]!r}; {HINT}")
        found.append(place)
    return np.array(found, dtype=np.float64)


def _cells(row: str) -> list[str]:
    """The cells of a row divided by semicolons, tabs, commas or blanks; with the first two, 1,5 is 1.5."""
    for sign in (";", "\t"):
        if sign in row:
            return [cell.strip().strip('"').replace(",", ".") for cell in row.split(sign)]
    return [cell.strip('"') for cell in re.split(r"\s*,\s*|\s+", row)]


def _number(text: str) -> float | None:
    """A number of mm, None if the text is none that a board could have."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text.strip().lower(), re.ASCII):
        return None
    value = float(text)
    return value if abs(value) < 1e6 else None
