"""OKLab, in which equal steps look equal, and the light that sRGB stands for.

Colours are mixed and compared here rather than in RGB. Source: Björn Ottosson, "A perceptual color space
for image processing", 2020. Knows no palette.

Try it: python -c "from nitograph.colours.oklab import *; print(to_oklab(np.array([[1.0, 0.5, 0.0]])))"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread

Float64 = NDArray[np.float64]

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def to_light(rgb: Float64) -> Float64:
    """sRGB in 0…1 as light, which adds up, of the same shape."""
    return np.asarray(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))


def from_light(light: Float64) -> Float64:
    """The opposite of `to_light`; what lies outside 0…1 is clipped."""
    light = np.clip(light, 0.0, 1.0)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


@one_blas_thread
def to_oklab(rgb: Float64) -> Float64:
    """sRGB (…, 3) in 0…1 as lightness, green–red and blue–yellow, (…, 3)."""
    return np.asarray(np.cbrt(to_light(rgb) @ _TO_CONE.T) @ _TO_LAB.T)


@one_blas_thread
def from_oklab(lab: Float64) -> Float64:
    """The opposite of `to_oklab`; colours outside sRGB are clipped."""
    return from_light((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T)


@one_blas_thread
def slopes(light: Float64) -> Float64:
    """By how much OKLab changes with the light (…, 3) of each channel, (…, 3, 3)."""
    cone = light @ _TO_CONE.T
    steep = 1 / (3 * np.cbrt(cone) ** 2)
    return np.asarray((_TO_LAB * steep[..., None, :]) @ _TO_CONE)
