"""Threads as small pictures for the page: sheets, single tiles and a sheet of both kinds mixed.

Samples and woven digits are drawn by the same painter with the same settings, so that only their nails can
tell them apart. Gives PNG as data addresses; touches no disk.

Try it: python -c "from nitograph.evaluate.tiles import *; print(tile(Thread([0, 99]))[:30])"
"""

import base64
from collections.abc import Sequence

import numpy as np

from nitograph import neon
from nitograph.neon import NeonSettings, Picture
from nitograph.thread import Thread

SIDE = 128  # px of a tile
LOOK = NeonSettings(size=SIDE, thickness=2.2, glow=0.5, brightness=0.8, ring=False)


def tile(thread: Thread) -> str:
    """One thread as the data address of a PNG."""
    return _address(neon.draw(thread, LOOK, workers=1))


def sheet(threads: Sequence[Thread], columns: int) -> str:
    """Threads in rows of `columns`, the data address of one PNG."""
    pictures = neon.draw_many(threads, LOOK)
    rows = -(-len(pictures) // columns)
    whole = np.zeros((rows * SIDE, columns * SIDE), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        whole[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = picture.pixels
    return _address(Picture(whole, pictures[0].palette))


def mixed(one: Sequence[Thread], two: Sequence[Thread], *, seed: int) -> tuple[list[Thread], list[bool]]:
    """Both kinds in random order, and of each whether it is one of the first kind."""
    threads, kinds = [*one, *two], [True] * len(one) + [False] * len(two)
    order = np.random.default_rng(seed).permutation(len(threads))
    return [threads[i] for i in order], [kinds[i] for i in order]


def _address(picture: Picture) -> str:
    data = neon.encode_png(picture, workers=1)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
