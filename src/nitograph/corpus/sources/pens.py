"""Strokes and shapes drawn with a round pen into one form: polylines, and outlines that are filled.

Everything is drawn eight times as large and scaled down, so that edges are smooth. The pen is as wide on a
small drawing as on a large one. This module reads no files.

Try it: python -c "from nitograph.corpus.sources.pens import *; print(drawn([np.eye(2)]).max())"
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.greys import SIDE, SIGN_BOX, framed

if TYPE_CHECKING:
    from PIL import Image

FINE = 8  # drawn px per px of the picture
PEN = 2.3  # px, about that of MNIST's digits
MAX_POINTS = 200_000

Points = NDArray[np.float64]


def drawn(
    strokes: Sequence[Points],
    *,
    filled: Sequence[Sequence[Points]] = (),
    box: int = SIGN_BOX,
    pen: float = PEN,
) -> NDArray[np.uint8] | None:
    """Strokes (k, 2) of x, y with y down, drawn with a pen of so many px, and shapes filled: (28, 28).

    filled: shapes, each of outlines (k, 2), of which the inner ones are holes. None if nothing is there.
    """
    from PIL import Image, ImageDraw

    strokes = [points for points in strokes if len(points)]
    everything = [*strokes, *(outline for shape in filled for outline in shape if len(outline))]
    if not everything:
        return None
    low = np.min([points.min(axis=0) for points in everything], axis=0)
    high = np.max([points.max(axis=0) for points in everything], axis=0)
    width = pen * FINE if strokes else 0.0
    reach = float((high - low).max())
    scale = (box * FINE - width) / reach if reach > 0 else 1.0
    if not np.isfinite(scale) or not np.isfinite(low).all():
        return None
    edge = width / 2 + 1

    def placed(points: Points) -> list[tuple[float, ...]]:
        return [tuple(place) for place in ((points - low) * scale + edge).tolist()]

    across, down = (int(np.ceil(length * scale + 2 * edge)) + 1 for length in (high - low).tolist())
    whole = Image.new("L", (across, down))
    for shape in filled:
        fill(whole, [placed(outline) for outline in shape if len(outline) > 2], 255)
    pencil = ImageDraw.Draw(whole)
    for points in strokes:
        places = placed(points)
        if len(places) > 1:
            pencil.line(places, fill=255, width=round(width))
        for x, y in places:
            pencil.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    found = np.asarray(whole, dtype=np.uint8)
    return framed(found, box, SIDE) if found.any() else None


def fill(whole: "Image.Image", outlines: list[list[tuple[float, ...]]], light: int) -> None:
    """Paint a shape into a picture: what lies inside an odd number of its outlines."""
    from PIL import Image, ImageChops, ImageDraw

    inside = Image.new("1", whole.size)
    for outline in outlines:
        one = Image.new("1", whole.size)
        ImageDraw.Draw(one).polygon(outline, fill=1)
        inside = ImageChops.logical_xor(inside, one)
    whole.paste(light, mask=inside)
