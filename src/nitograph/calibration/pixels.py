"""Photographs as light: what their numbers mean, smaller and softer copies, and samples between pixels.

Pixel (0, 0) of a picture reaches from 0 to 1 along both axes, its middle is at 0.5. This module knows
nothing of boards or threads.

Try it: python -c "from nitograph.calibration.pixels import *; print(light_of(np.uint8([[0, 188, 255]])))"
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
REACH = 3.0  # standard deviations of a blur that count


def light_of(grey: NDArray[np.uint8]) -> Float64:
    """The light that each grey of a photograph stands for, 0 to 1, same shape.

    Cameras write the curve of sRGB, or nearly: IEC 61966-2-1, 1999.
    """
    value = np.arange(256) / 255
    curve = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(curve[grey])


def reduced(image: Float64, factor: int) -> Float64:
    """Every factor × factor pixels of (h, w) as their mean; what is left over is cut off."""
    height, width = (side // factor * factor for side in image.shape)
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def blurred(image: Float64, sigma: float) -> Float64:
    """(h, w) blurred by a Gaussian of `sigma` pixels; the picture goes on as it ends."""
    half = max(int(np.ceil(REACH * sigma)), 1)
    weights = np.exp(-((np.arange(-half, half + 1) / max(sigma, 1e-6)) ** 2) / 2)
    weights /= weights.sum()
    for _ in range(2):
        wide = np.pad(image, ((half, half), (0, 0)), mode="edge")
        image = _columns(wide, weights, len(image)).T
    return image


def _columns(wide: Float64, weights: Float64, height: int) -> Float64:
    """The running weighted sums down the columns, by the fast transform."""
    size = len(wide) + len(weights)
    across = np.fft.rfft(wide, size, axis=0) * np.fft.rfft(weights, size)[:, None]
    return np.asarray(np.fft.irfft(across, size, axis=0)[len(weights) - 1 : len(weights) - 1 + height])


def sampled(image: Float64, x: Float64, y: Float64) -> Float64:
    """The values at points between pixels, by weights of four neighbours; outside as at the edge."""
    height, width = image.shape
    column = np.clip(x - 0.5, 0, width - 1)
    row = np.clip(y - 0.5, 0, height - 1)
    left = np.minimum(column.astype(np.int64), width - 2)
    top = np.minimum(row.astype(np.int64), height - 2)
    right, down = column - left, row - top
    flat, at = image.reshape(-1), top * width + left
    upper = flat[at] * (1 - right) + flat[at + 1] * right
    lower = flat[at + width] * (1 - right) + flat[at + width + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
