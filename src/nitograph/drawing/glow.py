"""Glow: Gaussian blurs on a small grid, and smooth enlargement of the grid to the size of the picture.

Arrays in, arrays out; knows nothing of threads or colours. Wide blurs use a coarser grid, since their
result has no detail that would need a finer one.

Try it: python -m nitograph render thread.json -o picture.png --glow 2
"""

import math

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def blur(light: Float32, sigma: float) -> Float32:
    """Gaussian blur of (planes, h, w), sigma in cells, zero outside; wide ones use a coarser grid."""
    coarse = max(1, math.floor(sigma / 2.5))
    if coarse == 1:
        return _taps(_taps(light, sigma).swapaxes(1, 2), sigma).swapaxes(1, 2)
    planes, height, width = light.shape
    beyond = 2  # dark coarse cells around, so that the light fades out instead of being cut off
    rows, columns = -(-height // coarse) + 2 * beyond, -(-width // coarse) + 2 * beyond
    padded = np.zeros((planes, rows * coarse, columns * coarse), dtype=np.float32)
    edge = beyond * coarse
    padded[:, edge : edge + height, edge : edge + width] = light
    mean = padded.reshape(planes, rows, coarse, columns, coarse).mean(axis=(2, 4))
    # Averaging over a cell and interpolating between cells add variances of 1/12 and 1/6 cell².
    soft = blur(mean, math.sqrt((sigma / coarse) ** 2 - 1 / 4))
    out = np.empty_like(padded)
    for plane, large in zip(soft, out, strict=True):
        spread(plane, coarse, 0, large)
    return out[:, edge : edge + height, edge : edge + width]


def _taps(light: Float32, sigma: float) -> Float32:
    """Gaussian blur along the rows axis of (planes, h, w), tap by tap."""
    reach = math.ceil(3.2 * sigma)
    weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    weights = (weights / (2 * weights.sum() - 1)).astype(np.float32)
    out: Float32 = light * weights[0]
    for i in range(1, min(reach + 1, light.shape[1])):
        scaled = light * weights[i]
        out[:, i:] += scaled[:, :-i]
        out[:, :-i] += scaled[:, i:]
    return out


def spread(glow: Float32, ratio: int, first: int, out: Float32) -> None:
    """Fill `out` (rows, w), rows `first`… of the picture, with the glow grid enlarged `ratio` times."""
    rows, width = out.shape
    if ratio == 1:
        out[:] = glow[first : first + rows, :width]
        return
    low = (first + 0.5) / ratio - 0.5
    top = math.floor(low)
    count = math.floor((first + rows - 0.5) / ratio - 0.5) - top + 2
    part = glow[np.clip(np.arange(top, top + count), 0, len(glow) - 1)]
    part = np.concatenate([part[:, :1], part, part[:, -1:]], axis=1)
    wide = np.empty((count, width), dtype=np.float32)
    _between(part.T, ratio, 0, -1, wide.T)
    _between(wide, ratio, first, top, out)


def _between(cells: Float32, ratio: int, first: int, top: int, out: Float32) -> None:
    """Linear interpolation down the rows: out[i] lies at (first + i + ½) / ratio − ½ − top in cells."""
    rise = np.diff(cells, axis=0)
    for i in range(min(ratio, len(out))):
        at = (first + i + 0.5) / ratio - 0.5 - top
        cell = math.floor(at)
        chosen = out[i::ratio]
        np.multiply(rise[cell : cell + len(chosen)], np.float32(at - cell), out=chosen)
        chosen += cells[cell : cell + len(chosen)]
