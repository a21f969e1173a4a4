"""The compiled loops over bands of pixels that need no canvas: coverage, sums over bands, tables of shares.

Bands are those of `bands`. This module knows no settings, files or pictures.

Try it: python -c "import nitograph.light.loops"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import jit
from nitograph.light.bands import FINE, GROUP, SHIFT


@jit
def add_path(lines: NDArray[np.int32], cover: NDArray[np.int64]) -> None:
    """Add each band's coverage (1/FINE) onto cover (c, c) int64."""
    size = len(cover)
    for k in range(len(lines)):
        top, rise, height, first, stop, steep = lines[k]
        for u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                if steep:
                    cover[u, v] += share
                else:
                    cover[v, u] += share


@jit
def chord_totals(
    lines: NDArray[np.int32], size: int, total: NDArray[np.int64], squares: NDArray[np.int64]
) -> None:
    """Add to total and squares, (m,) int64, each band's sums over its pixels of coverage and its square."""
    for k in range(len(lines)):
        top, rise, height, first, stop, _ = lines[k]
        for _u in range(first, stop):
            low = max(top >> SHIFT, 0)
            high = min((top >> SHIFT) + height, size * FINE)
            top += rise
            for v in range(low >> 5, (high + FINE - 1) >> 5):
                share = min(high, v * FINE + FINE) - max(low, v * FINE)
                total[k] += share
                squares[k] += share * share


@jit
def shares_of_bands(lowest: int, shares: NDArray[np.int16]) -> None:
    """Coverage (1/FINE) of GROUP pixels by a band from 0 … FINE − 1 on, for each height from `lowest` on.

    Fills shares (heights · FINE, GROUP) int16; no such band may reach further than GROUP pixels.
    """
    for row in range(len(shares)):
        low = row % FINE
        high = low + lowest + row // FINE
        for v in range(GROUP):
            shares[row, v] = max(min(high, v * FINE + FINE) - max(low, v * FINE), 0)
