"""Pictures to targets: resize, stretch the greys, blur, gamma, for thousands of pictures at once.

The same steps in whole numbers as Pillow's Lanczos `resize`, `autocontrast` and `GaussianBlur`, compiled
and without Image objects; a test checks that square pictures come out the same, grey level by grey level.
This module knows nothing of boards or threads.

Try it: python -c "from nitograph.weaving.targets import *; print(prepare(np.eye(9)[None], 64, 1, 1).sum())"
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, jit
from nitograph.errors import SourceError

PRECISION = 22
TAPS = 3.0

Ints = NDArray[np.int64]


class Resize(NamedTuple):
    """How pixels along one side become those of another size."""

    first: Ints  # (after,), the first source pixel of each
    weights: Ints  # (after, taps), in 1/2^PRECISION


def prepare(
    images: NDArray[np.generic], canvas_size: int, blur_radius: float, gamma: float, *, stretch: bool = True
) -> NDArray[np.float32]:
    """Targets (n, c, c) float32 in 0 to 1 from images (n, h, w): uint8 greys, or floats 0 to 1.

    h and w may differ; the whole picture is scaled to the square. stretch: lowest grey to 0, highest to
    255 (autocontrast). Raises SourceError where the images have another shape.
    """
    greys = as_greys(images)
    _, height, width = greys.shape
    across, down = lanczos(width, canvas_size), lanczos(height, canvas_size)
    tones = ((np.arange(256, dtype=np.float32) / np.float32(255)) ** np.float32(gamma)).astype(np.float32)
    out = np.empty((len(greys), canvas_size, canvas_size), dtype=np.float32)
    _prepare(greys, across, down, box_of(blur_radius), stretch, tones, out)
    return out


def as_greys(images: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Images (n, h, w) as uint8; floats are taken as 0 to 1."""
    images = np.asarray(images)
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise SourceError(f"images must have shape (n, h, w), got {images.shape}")
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    values = np.asarray(images, dtype=np.float64)
    if not np.isfinite(values).all() or values.min(initial=0.0) < 0 or values.max(initial=0.0) > 1:
        raise SourceError(
            f"images of floats must lie between 0 and 1, got {values.min():g} to {values.max():g}; "
            "divide them by their white level"
        )
    return np.rint(values * 255).astype(np.uint8)


def lanczos(before: int, after: int) -> Resize:
    """Weights of a Lanczos-3 resize from `before` to `after` pixels, as Pillow rounds them."""
    scale = before / after
    spread = max(scale, 1.0)
    reach = TAPS * spread
    taps = math.ceil(reach) * 2 + 1
    first = np.zeros(after, dtype=np.int64)
    weights = np.zeros((after, taps), dtype=np.int64)
    for place in range(after):
        centre = (place + 0.5) * scale
        low = max(int(centre - reach + 0.5), 0)
        high = min(int(centre + reach + 0.5), before)
        exact = [_lanczos((x - centre + 0.5) / spread) for x in range(low, high)]
        total = sum(exact)
        if total != 0.0:
            exact = [weight * (1.0 / total) for weight in exact]
        first[place] = low
        for tap, weight in enumerate(exact):
            weights[place, tap] = int(math.copysign(0.5, weight) + weight * (1 << PRECISION))
    return Resize(first, weights)


def _lanczos(x: float) -> float:
    if not -TAPS <= x < TAPS:
        return 0.0
    return _sinc(x) * _sinc(x / TAPS)


def _sinc(x: float) -> float:
    if x == 0.0:
        return 1.0
    return math.sin(x * math.pi) / (x * math.pi)


def box_of(radius: float, passes: int = 3) -> tuple[int, int, int]:
    """The box that, used three times, blurs like a Gaussian: reach, weight, edge weight (in 1/2^24).

    Source: Gwosdek et al., Theoretical foundations of Gaussian convolution by extended box filtering, 2011
    """
    if radius <= 0:
        return 0, 1 << 24, 0
    variance = radius * radius / passes
    whole = math.floor((math.sqrt(12.0 * variance + 1.0) - 1.0) / 2.0)
    part = (2 * whole + 1) * (whole * (whole + 1) - 3.0 * variance)
    part /= 6 * (variance - (whole + 1) * (whole + 1))
    box = float(np.float32(whole + part))
    reach = int(box)
    weight = int((1 << 24) / float(np.float32(box * 2 + 1)))
    return reach, weight, ((1 << 24) - (reach * 2 + 1) * weight) // 2


@inner
def _blur(image: Ints, spare: Ints, total: Ints, box: tuple[int, int, int]) -> None:
    """Three boxes along the columns of image (c, c), which comes out transposed."""
    size = len(image)
    reach, weight, edge = box
    source, goal = image, spare
    for _ in range(3):
        for x in range(size):
            total[x] = 0
        for y in range(-reach, reach + 1):
            for x in range(size):
                total[x] += source[min(max(y, 0), size - 1), x]
        for y in range(size):
            before, behind, gone = max(y - reach - 1, 0), min(y + reach + 1, size - 1), max(y - reach, 0)
            for x in range(size):
                far = source[before, x] + source[behind, x]
                goal[y, x] = (total[x] * weight + far * edge + (1 << 23)) >> 24
                total[x] += source[behind, x] - source[gone, x]
        source, goal = goal, source
    for y in range(size):
        for x in range(size):
            image[x, y] = spare[y, x]


@jit
def _prepare(
    greys: NDArray[np.uint8],
    across: Resize,
    down: Resize,
    box: tuple[int, int, int],
    stretch: bool,
    tones: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    x_first, x_weights = across
    y_first, y_weights = down
    count, height, width = greys.shape
    size = len(x_first)
    wide = np.empty((height, size), np.int64)
    square = np.empty((size, size), np.int64)
    turned = np.empty((size, size), np.int64)
    total = np.empty(size, np.int64)
    half = 1 << (PRECISION - 1)
    for i in range(count):
        for y in range(height):
            for x in range(size):
                level = half
                first = x_first[x]
                for tap in range(min(x_weights.shape[1], width - first)):
                    level += greys[i, y, first + tap] * x_weights[x, tap]
                wide[y, x] = min(max(level >> PRECISION, 0), 255)
        low, high = 255, 0
        for y in range(size):
            for x in range(size):
                square[y, x] = half
            for tap in range(min(y_weights.shape[1], height - y_first[y])):
                weight = y_weights[y, tap]
                for x in range(size):
                    square[y, x] += wide[y_first[y] + tap, x] * weight
            for x in range(size):
                square[y, x] = min(max(square[y, x] >> PRECISION, 0), 255)
                low, high = min(low, square[y, x]), max(high, square[y, x])
        if stretch and high > low:
            scale = 255.0 / (high - low)
            for y in range(size):
                for x in range(size):
                    square[y, x] = min(max(int(square[y, x] * scale - low * scale), 0), 255)
        for y in range(size):
            for x in range(size):
                turned[x, y] = square[y, x]
        if box[1] < 1 << 24:
            _blur(turned, square, total, box)
            _blur(turned, square, total, box)
        for y in range(size):
            for x in range(size):
                out[i, y, x] = tones[turned[x, y]]
