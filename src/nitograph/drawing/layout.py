"""Positions of several boards in one picture: in a row, around a ring, in a grid, or as a text is written.

Knows sizes only, nothing of threads or drawing.

Try it: python -c "from nitograph.drawing.layout import place; print(place(4, 'grid', 4096))"
"""

import math
from collections.abc import Sequence

MARGIN = 0.46  # radius of a board, in sides of its square
Disc = tuple[float, float, float]


def place(
    count: int, layout: str, size: int, places: Sequence[tuple[int, int]] | None = None
) -> tuple[int, int, tuple[Disc, ...]]:
    """Width and height in px of a picture of `count` boards, and x, y, radius of each board.

    places: row and column of each, which the layout "row" keeps.
    """
    if places is not None and layout == "row":
        return _written(places, size)
    if count == 1:
        return size, size, ((size / 2, size / 2, size * MARGIN),)
    columns = count if layout == "row" else math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cell = size / max(columns, rows)
    if layout == "ring":
        return size, size, _ring_places(count, size)
    width, height = max(1, round(cell * columns)), max(1, round(cell * rows))
    discs = []
    for i in range(count):
        row, column = divmod(i, columns)
        short = columns - (count - row * columns) if (row + 1) * columns > count else 0
        discs.append(((column + 0.5 + short / 2) * cell, (row + 0.5) * cell, cell * MARGIN))
    return width, height, tuple(discs)


def _written(places: Sequence[tuple[int, int]], size: int) -> tuple[int, int, tuple[Disc, ...]]:
    """Boards by row and column, as far to the left and to the top as the text allows."""
    columns, rows = (1 + max(place[axis] for place in places) for axis in (1, 0))
    cell = size / max(columns, rows)
    discs = tuple(((column + 0.5) * cell, (row + 0.5) * cell, cell * MARGIN) for row, column in places)
    return max(1, round(cell * columns)), max(1, round(cell * rows)), discs


def _ring_places(count: int, size: int) -> tuple[Disc, ...]:
    """Boards around a circle, the first at the top, apart from each other and from the border."""
    sine = math.sin(math.pi / count)
    radius = 0.5 * size * sine / (1 + sine)
    away = 0.5 * size - radius
    angles = [2 * math.pi * i / count - math.pi / 2 for i in range(count)]
    return tuple(
        (size / 2 + away * math.cos(a), size / 2 + away * math.sin(a), radius * 0.92) for a in angles
    )
