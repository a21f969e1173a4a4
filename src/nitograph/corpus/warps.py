"""Small random warps of handwriting, so that a corpus can hold more digits than were written.

Each picture is rotated, sheared, scaled, shifted a little and bent by a smooth random field (the elastic
distortion of P. Simard et al., ICDAR 2003, with the field drawn on a coarse grid). For sources of few
pictures strokes may become wider and narrower, too. Pure NumPy, whole batches at once. This module knows
nothing of threads.

Try it: python -m nitograph prepare --samples 200 --augment 1 --output warped.npz
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread

TURN, SHEAR, SCALE, MOVE, BEND = 0.15, 0.12, 0.10, 0.06, 0.045
GRID = 5
WIDEST, NARROWEST = 1.0, -0.3  # of a stroke: all of a ring of neighbours, a third of the way to none


def warp(
    images: NDArray[np.uint8], rng: np.random.Generator, *, strength: float = 1.0, stroke: float = 0.0
) -> NDArray[np.uint8]:
    """A warped copy of each picture: (b, h, w) uint8 → (b, h, w) uint8, light on dark.

    strength: 1 for handwriting, more where pictures are few. stroke: how much the width of strokes varies;
    0.3 makes most of them up to a third of a pixel wider or narrower on each side.
    """
    b, h, w = images.shape
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    turn, shear = rng.normal(0, TURN / 2, b) * strength, rng.normal(0, SHEAR / 2, b) * strength
    sx, sy = np.exp(rng.normal(0, SCALE / 2, (2, b)) * strength)
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.stack(
        [cosine * sx, (shear * cosine - sine) * sy, sine * sx, (shear * sine + cosine) * sy], 1
    )
    move = rng.normal(0, MOVE / 2, (b, 2)) * strength
    bend = _smooth_field(rng, b, h, w) * strength
    flat = np.stack([x.ravel(), y.ravel()])
    at_x = matrix[:, 0:1] * flat[0] + matrix[:, 1:2] * flat[1] + move[:, 0:1] + bend[:, 0]
    at_y = matrix[:, 2:3] * flat[0] + matrix[:, 3:4] * flat[1] + move[:, 1:2] + bend[:, 1]
    warped = _sample(images, (at_y + 1) * (h - 1) / 2, (at_x + 1) * (w - 1) / 2)
    return _inked(warped, np.asarray(rng.normal(0, stroke, b))) if stroke else warped


def _inked(images: NDArray[np.uint8], wider: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Pictures (b, h, w) with wider or, below 0, narrower strokes: on the way to their largest or smallest
    neighbours, (b,)."""
    amount = np.clip(wider, NARROWEST, WIDEST).astype(np.float32)[:, None, None]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    near = [padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]]
    largest, smallest = images, images
    for other in near:
        largest, smallest = np.maximum(largest, other), np.minimum(smallest, other)
    goal = np.where(amount > 0, largest, smallest).astype(np.float32)
    mixed = images + np.abs(amount) * (goal - images)
    out: NDArray[np.uint8] = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return out


@one_blas_thread
def _smooth_field(rng: np.random.Generator, b: int, h: int, w: int) -> NDArray[np.float64]:
    """Random displacement, smooth over the picture: (b, 2, h·w), in half picture widths."""
    knots = rng.normal(0, BEND, (b, 2, GRID, GRID))
    up, across = _raised_cosine(h), _raised_cosine(w)
    bent = np.einsum("hi,bdij,wj->bdhw", up, knots, across, optimize=True)
    return np.asarray(bent.reshape(b, 2, h * w))


def _raised_cosine(count: int) -> NDArray[np.float64]:
    """Interpolation from GRID knots to `count` places, rows summing to 1: (count, GRID)."""
    away = np.linspace(0, GRID - 1, count)[:, None] - np.arange(GRID)
    weight = np.where(np.abs(away) < 1, 0.5 + 0.5 * np.cos(np.pi * away), 0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _sample(
    images: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Bilinear samples with black outside: places (b, h·w) in pixels → (b, h, w) uint8."""
    b, h, w = images.shape
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2))).astype(np.float32).reshape(b, -1)
    rows, columns = np.clip(rows + 1, 0, h + 1), np.clip(columns + 1, 0, w + 1)
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    down, right = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    at = top * (w + 3) + left
    near = np.take_along_axis(padded, at, 1) * (1 - right) + np.take_along_axis(padded, at + 1, 1) * right
    at += w + 3
    far = np.take_along_axis(padded, at, 1) * (1 - right) + np.take_along_axis(padded, at + 1, 1) * right
    return np.rint(near * (1 - down) + far * down).astype(np.uint8).reshape(b, h, w)
