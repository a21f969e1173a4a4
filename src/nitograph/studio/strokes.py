"""Pen strokes → a grey picture like those that the model learned from: 28×28, the drawing centred.

As MNIST was made (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 86, 1998): the drawing fits a square of 20 pixels and its centre of mass lies in
the middle of the picture. This module knows nothing of threads.

Try it: python -c "from nitograph.studio.strokes import *; print(picture_of([[[0.5, 0.1]]]).sum())"
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE, BOX, PEN = 28, 20.0, 2.3  # px: the picture, the drawing in it, the thickness of the pen
DENSE = 4  # samples per px and direction
Float64 = NDArray[np.float64]


def picture_of(strokes: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.uint8]:
    """Strokes of points (x, y) on the unit square, y down, as grey values (112, 112), light on black.

    The picture has DENSE samples per pixel of MNIST. A stroke of one point is a dot; no strokes are black.
    """
    lines = [np.asarray(stroke, dtype=np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not lines:
        return np.zeros((SIDE * DENSE, SIDE * DENSE), dtype=np.uint8)
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (BOX - PEN) / max(float((high - low).max()), 0.05)
    placed = [(line - (low + high) / 2) * scale + SIDE / 2 for line in lines]
    drawn = _drawn(placed)
    total = float(drawn.sum())
    grid = (np.arange(SIDE * DENSE) + 0.5) / DENSE
    centre = np.array([(drawn.sum(axis=0) * grid).sum(), (drawn.sum(axis=1) * grid).sum()]) / total
    room = (SIDE - BOX) / 2
    shift = np.clip(SIDE / 2 - centre, -room, room)
    return np.rint(255 * _drawn([line + shift for line in placed])).astype(np.uint8)


def _drawn(lines: Sequence[Float64]) -> Float64:
    """Ink (h, w) in 0 to 1 of polylines in pixels: full within the pen, fading over a pixel at its edge."""
    grid = (np.arange(SIDE * DENSE) + 0.5) / DENSE
    near = np.full((len(grid), len(grid)), np.inf)
    reach = PEN / 2 + 1
    for line in lines:
        for start, end in zip(line, line[1:] if len(line) > 1 else line, strict=False):
            low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
            columns, rows = (slice(*np.searchsorted(grid, [low[i], high[i]])) for i in (0, 1))
            part = near[rows, columns]
            np.minimum(part, _distances(grid[columns], grid[rows], start, end), out=part)
    return np.asarray(np.clip(PEN / 2 + 0.5 - near, 0.0, 1.0))


def _distances(x: Float64, y: Float64, start: Float64, end: Float64) -> Float64:
    """From each sample (len(y), len(x)) to the straight run from start to end, px."""
    run = end - start
    squared = float(run[0] ** 2 + run[1] ** 2)
    dx, dy = x[None, :] - start[0], y[:, None] - start[1]
    along = np.clip((dx * run[0] + dy * run[1]) / squared, 0.0, 1.0) if squared > 0 else 0.0
    return np.asarray(np.hypot(dx - along * run[0], dy - along * run[1]))
