"""A neutral judge of boards in colour: layers of opaque thread in linear light, and CIEDE2000 after a blur.

Each stretch of thread hides its share of each pixel of what lies below it. Board and picture are blurred in
light, as an eye does at a distance, and compared as CIELAB by CIEDE2000 (scikit-image's): as they are, and
after the best affine map of the board's lightness, since an eye makes allowance for how light a thing is as
a whole. Nothing of the encoder's is used here.

Try it: python -m benchmarks.colours --quick
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.color import deltaE_ciede2000, rgb2lab

from benchmarks.photos.judge import DISC, PICTURE_MM, SIDE, shown

Float64 = NDArray[np.float64]


class Seen(NamedTuple):
    """Mean CIEDE2000 inside the disc: as it is, and after the best affine map of lightness."""

    as_it_is: float
    mapped: float


def light_of(rgb: Float64) -> Float64:
    """sRGB (…, 3) in 0…1 as linear light (IEC 61966-2-1)."""
    return np.asarray(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))


def srgb_of(light: Float64) -> Float64:
    """The opposite of `light_of`."""
    light = np.clip(light, 0.0, 1.0)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def board_light(
    stretches: Sequence[tuple[Float64, Float64]], ground: Float64, *, side: int = SIDE
) -> Float64:
    """The light of a wound board, (side, side, 3).

    stretches: points (t + 1, 2) in the picture, 0 to 1, and light (3,) of each thread, in order of winding.
    """
    found = np.broadcast_to(ground, (side, side, 3))
    for points, colour in stretches:
        found = colour + (found - colour) * shown(points, side=side)[..., None]
    return np.asarray(found)


def judge(picture: Float64, light: Float64, blur_mm: float = 3.0) -> Seen:
    """Compare a picture (s, s, 3) with a board, both as light."""
    side = len(picture)
    place = (2 * np.arange(side) + 1 - side) / side
    inside = place[:, None] ** 2 + place**2 <= DISC**2
    wanted, found = (_lab(image, blur_mm * side / PICTURE_MM)[inside] for image in (picture, light))
    as_it_is = float(deltaE_ciede2000(wanted, found).mean())
    spread = float(found[:, 0].var())
    together = float(np.mean((found[:, 0] - found[:, 0].mean()) * (wanted[:, 0] - wanted[:, 0].mean())))
    slope = together / spread if spread else 0.0
    mapped = found.copy()
    mapped[:, 0] = np.clip(slope * (found[:, 0] - found[:, 0].mean()) + wanted[:, 0].mean(), 0, 100)
    return Seen(as_it_is, float(deltaE_ciede2000(wanted, mapped).mean()))


def _lab(light: Float64, sigma: float) -> Float64:
    blurred = [gaussian_filter(light[..., channel], sigma, mode="nearest") for channel in range(3)]
    return np.asarray(rgb2lab(srgb_of(np.stack(blurred, axis=-1))))
