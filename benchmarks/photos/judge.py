"""A neutral judge of wound photographs: its own rasteriser, and how far what it shows is from the picture.

1000 pixels are 600 mm. Dark thread on a light board: a chord takes from each pixel the share of its light
that the thread covers. What is left and the picture are blurred by 1 or 3 mm (standard deviation), as an
eye does at a distance, and compared inside a disc after the best affine map of tones. Nothing of the
encoder's is used here: points are positions in the picture, whatever board they come from.

Try it: python -m benchmarks.photographs --quick
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

SIDE = 1000  # px
PICTURE_MM = 600.0  # side of the picture
THREAD_MM = 0.2
DISC = 0.915  # of the half side, inside which pictures are compared

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

# Weights of the five scales, and the constants of SSIM: Wang, Simoncelli and Bovik, Multiscale structural
# similarity for image quality assessment, 2003.
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = 0.01**2, 0.03**2
WINDOW = 1.5  # px, standard deviation of the window of SSIM


class Verdict(NamedTuple):
    """How far what is shown is from the picture; RMSE is best low, the others high."""

    rmse_1mm: float
    rmse_3mm: float
    ssim_1mm: float
    ms_ssim_3mm: float


def shown(
    points: Float64, *, side: int = SIDE, width: float = THREAD_MM / PICTURE_MM, opacity: float = 1.0
) -> Float64:
    """The light that a thread through points (t + 1, 2) leaves, (side, side), 1 where no thread is.

    points: x and y in the picture, both from 0 to 1. width: of the thread, in sides of the picture.
    opacity: share of the light behind it that it takes.
    """
    light = np.ones((side, side))
    for start, end in zip(points[:-1] * side, points[1:] * side, strict=True):
        _dim(light, start, end, width * side, opacity)
    return light


def _dim(light: Float64, start: Float64, end: Float64, width: float, opacity: float) -> None:
    """One chord: column by column (row by row where it is steep) the interval that its band covers."""
    if abs(end[1] - start[1]) > abs(end[0] - start[0]):
        light, start, end = light.T, start[::-1], end[::-1]
    if start[0] > end[0]:
        start, end = end, start
    side = len(light)
    columns = np.arange(max(int(np.ceil(start[0] - 0.5)), 0), min(int(np.ceil(end[0] - 0.5)), side))
    slope = (end[1] - start[1]) / max(end[0] - start[0], 1e-9)
    middle = start[1] + (columns + 0.5 - start[0]) * slope
    half = width / 2 * np.hypot(1.0, slope)
    low, high = middle - half, middle + half
    first = np.floor(low).astype(int)
    for row in range(int(np.ceil(2 * half)) + 1):
        place = first + row
        covered = np.clip(np.minimum(high, place + 1) - np.maximum(low, place), 0.0, 1.0)
        inside = (covered > 0) & (place >= 0) & (place < side)
        light[place[inside], columns[inside]] *= 1 - opacity * covered[inside]


def judge(picture: Float64, light: Float64) -> Verdict:
    """Compare a picture (s, s), 0 black to 1 white, with the light of a wound board, (s, s)."""
    side = len(picture)
    place = (2 * np.arange(side) + 1 - side) / side
    inside = place[:, None] ** 2 + place**2 <= DISC**2
    fine = [gaussian_filter(image, 1.0 * side / PICTURE_MM, mode="nearest") for image in (picture, light)]
    coarse = [gaussian_filter(image, 3.0 * side / PICTURE_MM, mode="nearest") for image in (picture, light)]
    one, three = _mapped(fine[0], fine[1], inside), _mapped(coarse[0], coarse[1], inside)
    return Verdict(
        _rmse(fine[0], one, inside),
        _rmse(coarse[0], three, inside),
        _ssim(fine[0], one, inside)[0],
        _ms_ssim(coarse[0], three, inside),
    )


def _mapped(picture: Float64, light: Float64, inside: Bool) -> Float64:
    """a · light + b with the least squared distance to the picture inside the disc."""
    wanted, found = picture[inside], light[inside]
    spread = float(found.var())
    slope = float(np.mean((found - found.mean()) * (wanted - wanted.mean()))) / spread if spread else 0.0
    return np.asarray(slope * (light - found.mean()) + wanted.mean())


def _rmse(picture: Float64, other: Float64, inside: Bool) -> float:
    return float(np.sqrt(np.mean((picture - other)[inside] ** 2)))


def _ssim(picture: Float64, other: Float64, inside: Bool) -> tuple[float, float]:
    """Means inside the disc of SSIM, and of its part for contrast and structure; outside is alike."""
    grey = float(picture[inside].mean())
    x, y = np.where(inside, picture, grey), np.where(inside, other, grey)

    def blur(image: Float64) -> Float64:
        return np.asarray(gaussian_filter(image, WINDOW, truncate=3.5))

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    structure = (2 * (blur(x * y) - mean_x * mean_y) + C2) / (var_x + var_y + C2)
    level = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return float((level * structure)[inside].mean()), float(structure[inside].mean())


def _ms_ssim(picture: Float64, other: Float64, inside: Bool) -> float:
    """Structure at five scales, level at the coarsest, each to its weight, multiplied."""
    found = 1.0
    for scale, weight in enumerate(SCALES):
        whole, structure = _ssim(picture, other, inside)
        found *= max(whole if scale == len(SCALES) - 1 else structure, 0.0) ** weight
        picture, other = _halved(picture), _halved(other)
        inside = _halved(inside.astype(np.float64)) > 0.5
    return found


def _halved(image: Float64) -> Float64:
    """Every 2 × 2 pixels as their mean; an odd last row or column is left out."""
    side = len(image) // 2 * 2
    return np.asarray(image[:side, :side].reshape(side // 2, 2, side // 2, 2).mean(axis=(1, 3)))
