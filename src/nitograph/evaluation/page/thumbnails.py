"""Threads as small pictures for the page: sheets, single tiles and a sheet of both kinds mixed.

Samples and woven pictures are drawn with the same settings, so that they differ in their nails only.
Returns PNGs as data URLs; touches no disk.

Try it: python -c "from nitograph.evaluation.page.thumbnails import *; print(tile(Thread([0, 99]))[:30])"
"""

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.thread import Thread

SIDE = 128  # px of a tile
LOOK = NeonSettings(size=SIDE, thickness=2.2, glow=0.5, brightness=0.8, ring=False)


def tile(thread: Thread) -> str:
    """One thread as the data URL of a PNG."""
    return data_url(neon.draw(thread, LOOK, workers=1))


def sheet(threads: Sequence[Thread], columns: int) -> str:
    """Threads in rows of `columns`, as the data URL of one PNG."""
    return _joined([picture.pixels for picture in neon.draw_many(threads, LOOK)], columns)


def under(targets: NDArray[np.floating], *rows: Sequence[Thread]) -> str:
    """Targets (n, c, c) in 0 to 1 side by side over rows of n threads, as the data URL of one PNG.

    A target is shown in the same colours, scaled to a tile by its nearest pixels.
    """
    nearest = np.arange(SIDE) * targets.shape[-1] // SIDE
    greys = np.rint(255 * targets[:, nearest][:, :, nearest]).astype(np.uint8)
    threads = [thread for row in rows for thread in row]
    drawn = [picture.pixels for picture in neon.draw_many(threads, LOOK)]
    return _joined([*greys, *drawn], len(targets))


def heat(places: NDArray[np.floating]) -> str:
    """A map (h, w) of numbers ≥ 0 as light of the same colours, the largest the brightest; one PNG."""
    side = 2 * SIDE
    row, column = (np.arange(side) * size // side for size in places.shape)
    bright = (places / max(float(places.max()), 1e-30))[row][:, column]
    greys = np.rint(255 * bright).astype(np.uint8)
    return data_url(neon.framed(greys, LOOK))


def mixed(one: Sequence[Thread], two: Sequence[Thread], *, seed: int) -> tuple[list[Thread], list[bool]]:
    """Both kinds in random order, and whether each is of the first kind."""
    threads, kinds = [*one, *two], [True] * len(one) + [False] * len(two)
    order = np.random.default_rng(seed).permutation(len(threads))
    return [threads[i] for i in order], [kinds[i] for i in order]


def data_url(picture: Picture) -> str:
    """A picture as the data URL of a PNG."""
    data = picture.png(with_threads=False, workers=1)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _joined(pictures: Sequence[NDArray[np.uint8]], columns: int) -> str:
    """Pictures of SIDE × SIDE numbers of the look's colours as one PNG."""
    rows = -(-len(pictures) // columns)
    whole = np.zeros((rows * SIDE, columns * SIDE), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        whole[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = picture
    return data_url(neon.framed(whole, LOOK))
