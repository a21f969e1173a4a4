"""The first Nitograph's lines: rounded nails, Bresenham lines drawn with a round brush, as runs of pixels.

A thick line is a few runs of pixels in rows if it is flat and in columns if it is steep. This module knows
nothing of pictures or scores.

Try it: python -c "from nitograph.weaving.loops.original_lines import *; print(thick_lines(256, 64, 1))"
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.compute.jit import jit

MARGIN = 1.5

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ThickLines:
    """All chords of a board as runs of pixels on one canvas; the one from a to b has the number a·n + b.

    A Bresenham line is not quite the same from its other end, and the original drew each from where the
    thread stood. runs: (r, 2), places in the flat running sums (2, c, c + 2) where a run begins and
    ends. first: (n² + 1,) int64, where each chord's runs begin. pixels: (n²,) int32, how many each covers.
    """

    canvas_size: int
    runs: NDArray[np.int32] | NDArray[np.uint16]
    first: NDArray[np.int64]
    pixels: NDArray[np.int32]


def rounded_nails(num_nails: int, canvas_size: int) -> NDArray[np.int64]:
    """The pixel of each nail, (n, 2) as x, y; neighbours may share one, as in the original."""
    centre = (canvas_size - 1) / 2
    return np.rint(centre + (centre - MARGIN) * Board(num_nails).positions()).astype(np.int64)


@functools.lru_cache(maxsize=2)
def thick_lines(num_nails: int, canvas_size: int, radius: int) -> ThickLines:
    """The runs of every chord; cached for the next call with the same arguments."""
    nails = rounded_nails(num_nails, canvas_size)
    across = np.arange(-radius, radius + 1)
    halves = np.floor(np.sqrt(radius * radius - across * across + 1e-9)).astype(np.int64)
    apart = np.abs(nails[:, None] - nails)
    bound = int(apart.min(axis=2).sum()) + num_nails**2 * len(halves)
    runs, first = np.empty((bound, 2), dtype=np.int32), np.zeros(num_nails**2 + 1, dtype=np.int64)
    pixels = np.zeros(num_nails**2, dtype=np.int32)
    _runs(nails, canvas_size, halves, runs, first, pixels)
    runs = runs[: first[-1]]
    if 2 * canvas_size * (canvas_size + 2) < 2**16:
        runs = runs.astype(np.uint16)  # half the memory to read
    return ThickLines(canvas_size, runs, first, pixels)


@jit
def _runs(
    nails: Ints, size: int, halves: Ints, runs: NDArray[np.int32], first: Ints, pixels: NDArray[np.int32]
) -> None:
    count, reach = len(nails), len(halves) // 2
    low, high = np.empty(size, np.int64), np.empty(size, np.int64)
    k, used = 0, 0
    for a in range(count):
        for b in range(count):
            x, y = nails[a, 0], nails[a, 1]
            end_x, end_y = nails[b, 0], nails[b, 1]
            wide, tall = abs(end_x - x), abs(end_y - y)
            steep = 1 if tall > wide else 0
            low[:], high[:] = size, -1
            step_x, step_y = (1 if x < end_x else -1), (1 if y < end_y else -1)
            off = wide - tall
            while True:
                line, place = (x, y) if steep else (y, x)
                for t in range(-reach, reach + 1):
                    if 0 <= line + t < size:
                        low[line + t] = min(low[line + t], max(place - halves[t + reach], 0))
                        high[line + t] = max(high[line + t], min(place + halves[t + reach], size - 1))
                if x == end_x and y == end_y:
                    break
                twice = 2 * off
                if twice > -tall:
                    off -= tall
                    x += step_x
                if twice < wide:
                    off += wide
                    y += step_y
            for line in range(size):
                if high[line] >= 0:
                    base = (steep * size + line) * (size + 2)
                    runs[used, 0], runs[used, 1] = base + low[line], base + high[line] + 1
                    pixels[k] += high[line] - low[line] + 1
                    used += 1
            k += 1
            first[k] = used
