"""Tables for the compiled loops of photographs: what a chord takes of the light, and how a board is seen.

An eye blurs. The error is counted after two blurs, a fine one near by and that of the distance from which a
board is looked at, so that neither edges nor tones are lost. Near by, the thread's grain is held against
the picture's own detail, as the index of structural similarity does (Wang et al., Image quality assessment:
from error visibility to structural similarity, 2004): where a picture is busy, grain hides. This module
knows no pictures.

Try it: python -c "from nitograph.weaving.eye import *; print(eye_of(RealBoard(), 300).strength)"
"""

import math

import numpy as np
from numpy.typing import NDArray

from nitograph.light.bands import FINE
from nitograph.weaving.loops.board_light import DENSE, Eye
from nitograph.weaving.real_board import RealBoard

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

UNIT = 1 << 16  # of densities
DEEPEST = 8.0  # density from which a pixel counts as black
OPAQUE = 0.98  # share of its light that a chord over a whole pixel takes at most
REACH = 2.8  # standard deviations of a kernel that count
STEPS = 16.0  # entries of a line's profile per pixel
REFRESH = 400  # chords laid between two looks at the whole board
FINE_MM, FINE_PART = 0.7, 0.9  # the finer kernel: an eye near by, and its part in the error
WINDOW_MM = 1.5  # within which grain and detail hide each other
CALM = 0.04  # variance of grain that is half hidden


def eye_of(board: RealBoard, canvas_size: int) -> Eye:
    """The tables of the compiled loops for one board on one canvas."""
    pixel, band = board.pixel(canvas_size), board.band(canvas_size)
    strength = min(board.hidden_width / pixel / band, OPAQUE)
    shares = np.arange(FINE + 1) / FINE
    table = (np.arange(int(DEEPEST * UNIT) >> DENSE) + 0.5) * ((1 << DENSE) / UNIT)
    spreads = [(FINE_PART, FINE_MM / pixel), (1 - FINE_PART, board.view_mm / pixel)]
    pair = [kernel(math.sqrt(2) * spread, part) for part, spread in spreads]
    box = (band * band + 1) / 12  # variance across of a band on pixels
    seen = [(part, math.sqrt(2 * spread * spread + box)) for part, spread in spreads]
    again = [(part, math.sqrt(2 * spread * spread + 2 * box)) for part, spread in spreads]
    far = np.arange(0.5, REACH * max(sigma for _, sigma in seen) * STEPS)
    profile = np.stack([part * _bell(far / STEPS, sigma) for part, sigma in seen], axis=1)
    costs = [band * part * float(_bell(np.zeros(1), sigma)[0]) for part, sigma in again]
    light = np.exp(-table)
    light[0] = 1.0
    return Eye(
        density=np.rint(-np.log1p(-strength * shares) * UNIT).astype(np.int32),
        light=light.astype(np.float32),
        strength=strength,
        cost=np.array(costs, dtype=np.float32),
        profile=np.asarray(profile, dtype=np.float32),
        step=STEPS,
        near=pair[0],
        wide=pair[1],
        sharp=kernel(FINE_MM / pixel, 1.0),
        window=kernel(WINDOW_MM / pixel, 1.0),
        calm=CALM,
        refresh=REFRESH,
    )


def _bell(x: Float64, sigma: float) -> Float64:
    return np.asarray(np.exp(-(x * x) / (2 * sigma * sigma)) / (math.sqrt(2 * math.pi) * sigma))


def kernel(sigma: float, part: float = 1.0) -> Float32:
    """A normalised Gaussian of `sigma` pixels, used along both axes, times the root of `part`."""
    half = math.ceil(REACH * sigma)
    weights = np.exp(-(np.arange(-half, half + 1.0) ** 2) / (2 * sigma * sigma))
    return np.asarray(weights / weights.sum() * math.sqrt(part), dtype=np.float32)
