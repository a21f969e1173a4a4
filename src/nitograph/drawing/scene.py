"""Boards placed in a picture: every thread as chords in pixels, with the light of each.

This module draws nothing.

Try it: python -m nitograph render thread.json -o picture.png --layout ring
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import layers_of
from nitograph.drawing import palettes
from nitograph.drawing.layout import Disc, place
from nitograph.drawing.look import NeonSettings
from nitograph.thread import Thread, places_of

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Boards placed in a picture: all chords in pixels, and the light of each.

    starts, ends: (m, 2); light: (m, planes); discs: (centre x, centre y, radius) of each board, px.
    """

    width: int
    height: int
    starts: Float64
    ends: Float64
    light: Float32
    nails: tuple[Float64, ...]
    discs: tuple[Disc, ...]


def stage(threads: Sequence[Thread], settings: NeonSettings) -> Scene:
    """Place the boards and turn every thread into strokes; threads in layers share one board."""
    size = settings.pixels
    layers = layers_of(threads)
    boards = len(threads) if layers is None else 1
    width, height, discs = place(boards, settings.layout, size, None if layers else places_of(threads))
    starts, ends, light, nails = [], [], [], []
    for thread, (x, y, radius) in zip(
        threads, discs if layers is None else discs * len(layers), strict=True
    ):
        spots = thread.board.positions() * radius + (x - 0.5, y - 0.5)
        path = spots[thread.nails]
        starts.append(path[:-1])
        ends.append(path[1:])
        light.append(_chord_light(thread.line_count, settings))
        nails.append(spots)
    return Scene(
        width,
        height,
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(light),
        tuple(nails[:boards]),
        discs,
    )


def _chord_light(count: int, settings: NeonSettings) -> Float32:
    """Light of each chord: (m, 1) for a ramp, (m, 3) for a gradient along the thread's progress."""
    if not palettes.is_gradient(settings.palette):
        return np.ones((count, 1), dtype=np.float32)
    weights = palettes.light(settings.palette, settings.background, count).weights
    return weights.astype(np.float32)
