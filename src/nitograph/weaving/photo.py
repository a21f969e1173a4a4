"""Photographs made ready for thread: crop to the frame, even out the contrast, swap light and dark.

Everything works on grey pictures (h, w) uint8; colour is already luminance. This module knows nothing of
boards or threads.

Try it: nitograph weave photo.jpg --equalize 0.5 -o thread.json
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SourceError
from nitograph.settings import Settings, setting

Grey = NDArray[np.uint8]
TILES = 8


@dataclass(frozen=True)
class PhotoSettings(Settings):
    """What happens to a picture before it is brought onto the canvas."""

    invert: bool | None = setting(
        None, "weave the dark parts: dark thread on a light board (default: of photographs, not of digits)"
    )
    equalize: float = setting(0.0, "even out contrast locally, 0 not at all, 1 fully", low=0.0, high=1.0)
    zoom: float = setting(
        1.0, "part of the picture's shorter side that fills the frame", low=0.05, high=1.0
    )
    centre_x: float = setting(0.5, "middle of the crop, 0 left, 1 right", low=0.0, high=1.0)
    centre_y: float = setting(0.5, "middle of the crop, 0 top, 1 bottom", low=0.0, high=1.0)
    faces: str = setting(
        "auto",
        "auto: faces of a photograph count more, where nitograph[faces] is installed; off: as all else",
        choices=("auto", "off"),
    )


def prepare_photo(grey: Grey, settings: PhotoSettings, aspect: float = 1.0) -> Grey:
    """The square to weave, light where thread is wanted.

    aspect: width ÷ height of the board. Of a board that is no square, the part of the picture that it shows
    is in the middle, and the pixels of its rim are repeated beside it.
    """
    square = crop(grey, settings, aspect)
    if settings.equalize > 0:
        evened = equalize_locally(square)
        mixed = (1 - settings.equalize) * square.astype(np.float64) + settings.equalize * evened
        square = np.rint(mixed).astype(np.uint8)
    square = _padded(square)
    return np.asarray(255 - square if settings.invert else square, dtype=np.uint8)


def _padded(part: Grey) -> Grey:
    """The picture (h, w) in the middle of a square, its rim repeated beside it."""
    side = max(part.shape)
    before = [(side - length) // 2 for length in part.shape]
    after = [side - length - first for length, first in zip(part.shape, before, strict=True)]
    return np.pad(part, list(zip(before, after, strict=True)), mode="edge") if any(after) else part


def crop(grey: Grey, settings: PhotoSettings, aspect: float = 1.0) -> Grey:
    """The part of a picture (h, w) or (h, w, 3) that fills the frame: `aspect` times as wide as high."""
    if grey.ndim not in (2, 3) or 0 in grey.shape:
        raise SourceError(f"a picture must have shape (h, w) or (h, w, 3), got {grey.shape}")
    height, width = grey.shape[:2]
    tall = min(height, width / aspect) * settings.zoom
    rows, columns = max(1, round(tall)), min(max(1, round(tall * aspect)), width)
    top = round(min(max(settings.centre_y * height - rows / 2, 0), height - rows))
    left = round(min(max(settings.centre_x * width - columns / 2, 0), width - columns))
    return grey[top : top + rows, left : left + columns]


def is_ink_on_paper(grey: Grey) -> bool:
    """Whether the picture's rim is bright, as paper around a drawing is."""
    edge = max(1, min(grey.shape) // 20)
    rim = [grey[:edge].ravel(), grey[-edge:].ravel(), grey[:, :edge].ravel(), grey[:, -edge:].ravel()]
    return bool(np.median(np.concatenate(rim)) > 127)


def ink(grey: Grey, *, tiles: int = 12, grain: float = 0.15) -> Grey:
    """Dark ink on paper, however it is lit, as light ink on black.

    The paper is what is bright nearby; what darkens it by a share below `grain` is no ink.
    """
    rows, columns = (min(tiles, side) for side in grey.shape)
    y_edges = np.linspace(0, grey.shape[0], rows + 1).round().astype(int)
    x_edges = np.linspace(0, grey.shape[1], columns + 1).round().astype(int)
    spots = [slice(*edges) for edges in pairwise(x_edges)]
    bands = [grey[top:bottom] for top, bottom in pairwise(y_edges)]
    bright = np.array([[np.percentile(band[:, spot], 90) for spot in spots] for band in bands])
    around = np.pad(bright, 1, mode="edge")  # paper shows in one of nine tiles, also where ink is thick
    shifted = [around[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    paper = np.max(shifted, axis=0)
    y0, y1, fy = _neighbours(grey.shape[0], rows)
    x0, x1, fx = _neighbours(grey.shape[1], columns)
    upper = paper[y0[:, None], x0] * (1 - fx) + paper[y0[:, None], x1] * fx
    lower = paper[y1[:, None], x0] * (1 - fx) + paper[y1[:, None], x1] * fx
    lit = np.maximum(upper * (1 - fy[:, None]) + lower * fy[:, None], 1.0)
    share = np.clip(((lit - grey) / lit - grain) / (1 - grain), 0.0, 1.0)
    return np.asarray(np.rint(255 * share), dtype=np.uint8)


def equalize_locally(grey: Grey, *, limit: float = 3.0) -> Grey:
    """Contrast-limited equalisation in 8×8 tiles, blended between them.

    Source: Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994.
    """
    height, width = grey.shape
    rows, columns = min(TILES, height), min(TILES, width)
    y_edges = np.linspace(0, height, rows + 1).round().astype(int)
    x_edges = np.linspace(0, width, columns + 1).round().astype(int)
    curves = np.empty((rows, columns, 256), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            tile = grey[y_edges[row] : y_edges[row + 1], x_edges[column] : x_edges[column + 1]]
            curves[row, column] = _curve(tile, limit)
    y0, y1, fy = _neighbours(height, rows)
    x0, x1, fx = _neighbours(width, columns)
    upper = curves[y0[:, None], x0, grey] * (1 - fx) + curves[y0[:, None], x1, grey] * fx
    lower = curves[y1[:, None], x0, grey] * (1 - fx) + curves[y1[:, None], x1, grey] * fx
    return np.asarray(np.rint(upper * (1 - fy[:, None]) + lower * fy[:, None]), dtype=np.uint8)


def _curve(tile: Grey, limit: float) -> NDArray[np.float32]:
    """The new grey for each grey of one tile, (256,)."""
    counts = np.bincount(tile.reshape(-1), minlength=256).astype(np.float64)
    cap = max(limit * tile.size / 256, 1.0)
    clipped = np.maximum(counts - cap, 0).sum()
    counts = np.minimum(counts, cap) + clipped / 256
    return np.asarray(255 * np.cumsum(counts) / counts.sum(), dtype=np.float32)


def _neighbours(
    extent: int, tiles: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel the tiles before and after its place, and how far it is between their middles."""
    place = (np.arange(extent) + 0.5) * tiles / extent - 0.5
    before = np.floor(place).astype(np.int64)
    part = (place - before).astype(np.float32)
    return np.clip(before, 0, tiles - 1), np.clip(before + 1, 0, tiles - 1), part
