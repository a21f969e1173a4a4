"""A plain version of the usual way to several colours: dithering, then each colour by itself.

As roy-hachnochi's string-art describes its reduction (after Callum McDougall's): Floyd and Steinberg's
dithering brings the picture to the palette, each colour's pixels become a picture of its own, each is woven
alone by the residual rule of binary least squares, and what was found is wound from the last chord to the
first, colours from light to dark, in four parts in turn, so that what was found early lies on top. Written
from that description; random subsets of nails and weights are left out. What the way knows nothing of is
what the other colours hide.

Try it: python -m benchmarks.colours --quick
"""

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.photos.peers import ring

SIDE = 300  # px
PARTS = 4  # in turn

Float64 = NDArray[np.float64]
Ints = NDArray[np.int64]


def dithered(picture: Float64, palette: Float64) -> Ints:
    """Which colour of the palette (k, 3) each pixel of a picture (c, c, 3) becomes, (c, c).

    Floyd and Steinberg, An adaptive algorithm for spatial greyscale, 1976.
    """
    work, out = picture.copy(), np.zeros(picture.shape[:2], dtype=np.int64)
    _dither(work, palette, out)
    return out


def weave(
    picture: Float64, palette: Float64, num_nails: int, max_lines: int, strength: float
) -> list[tuple[int, Ints]]:
    """Stretches of thread in order of winding: number of the colour and nails; the board is colour 0.

    picture: (c, c, 3), palette: (k + 1, 3), both sRGB in 0…1. strength: of a chord over a whole pixel.
    """
    chosen = dithered(picture, palette)
    areas = np.bincount(chosen.ravel(), minlength=len(palette))[1:]
    walks = []
    for colour, area in enumerate(areas, 1):
        path = np.zeros(max(round(max_lines * area / max(areas.sum(), 1)), 1) + 1, dtype=np.int64)
        wanted = np.asarray(chosen == colour, dtype=np.float64)
        count = _walk(wanted, ring(num_nails) * (len(picture) - 1), strength, path)
        walks.append(path[:count][::-1])
    order = sorted(range(len(walks)), key=lambda k: -float(palette[k + 1] @ [0.2126, 0.7152, 0.0722]))
    stretches = []
    for part in range(PARTS):
        for k in order:
            last = len(walks[k]) - 1
            cut = walks[k][part * last // PARTS : (part + 1) * last // PARTS + 1]
            stretches += [(k + 1, cut)] if len(cut) > 1 else []
    return stretches


@numba.njit  # type: ignore[untyped-decorator]  # Numba has no types
def _dither(work: Float64, palette: Float64, out: Ints) -> None:
    height, width, _ = work.shape
    for y in range(height):
        for x in range(width):
            best, least = 0, np.inf
            for k in range(len(palette)):
                apart = ((work[y, x] - palette[k]) ** 2).sum()
                if apart < least:
                    best, least = k, apart
            out[y, x] = best
            for channel in range(3):
                off = work[y, x, channel] - palette[best, channel]
                if x + 1 < width:
                    work[y, x + 1, channel] += off * 7 / 16
                if y + 1 < height:
                    if x > 0:
                        work[y + 1, x - 1, channel] += off * 3 / 16
                    work[y + 1, x, channel] += off * 5 / 16
                    if x + 1 < width:
                        work[y + 1, x + 1, channel] += off * 1 / 16


@numba.njit  # type: ignore[untyped-decorator]  # Numba has no types
def _walk(wanted: Float64, places: Float64, strength: float, path: Ints) -> int:
    """The residual rule from nail 0: the chord with the lowest 2·r·A + A·A, until none is below 0."""
    residual, count = -wanted, len(places)
    for step in range(1, len(path)):
        here, best, chosen = path[step - 1], 0.0, -1
        for nail in range(count):
            if nail != here and (step < 2 or nail != path[step - 2]):
                change = _line(residual, places[here], places[nail], strength, False)
                if change < best:
                    best, chosen = change, nail
        if chosen < 0:
            return step
        _line(residual, places[here], places[chosen], strength, True)
        path[step] = chosen
    return len(path)


@numba.njit  # type: ignore[untyped-decorator]  # Numba has no types
def _line(residual: Float64, start: Float64, end: Float64, strength: float, draw: bool) -> float:
    """2·r·A + A·A of the line, which shares each step among two pixels; draw: add it to the residual."""
    steep = abs(end[1] - start[1]) > abs(end[0] - start[0])
    along = 1 if steep else 0
    if start[along] > end[along]:
        start, end = end, start
    slope = (end[1 - along] - start[1 - along]) / (end[along] - start[along])
    change = 0.0
    for u in range(int(np.ceil(start[along])), int(end[along]) + 1):
        place = min(max(start[1 - along] + (u - start[along]) * slope, 0.0), len(residual) - 1.001)
        whole = int(place)
        for v, share in ((whole, whole + 1 - place), (whole + 1, place - whole)):
            y, x = (u, v) if steep else (v, u)
            added = strength * share
            change += added * (2 * residual[y, x] + added)
            if draw:
                residual[y, x] += added
    return change
