"""The rim of a drawing: which nails get a number, how large, and where.

Shared by the SVG, PDF and DXF writers. It knows the workpiece and no format.

Try it: python -c "from nitograph.thread import Thread; from nitograph.exporting.workpiece import Workpiece;
from nitograph.exporting.rim import rim; print(rim(Workpiece(Thread([0, 100]))).width)"
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.exporting.workpiece import FloatArray, Workpiece

TALLEST, SMALLEST = 4.0, 1.6
"""Bounds of the height of a number in mm; within them the spacing decides."""

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Rim:
    """Numbers outside the nails: every `every`-th nail has one, k in all.

    nails: (k,) display numbers. anchors: (k, 2) mm, y down, where each number begins or ends.
    degrees: (k,) rotation clockwise that makes it read along its radius, never upside down.
    outward: (k,) True where it begins at its anchor, False where it ends there. tens: (k,) every tenth
    nail, which is marked. size: height of the digits, mm; tick: length of a ten's tick, mm. width: of the
    whole rim beyond the nails, mm.
    """

    nails: NDArray[np.intp]
    anchors: FloatArray
    degrees: FloatArray
    outward: NDArray[np.bool_]
    tens: NDArray[np.bool_]
    every: int
    size: float
    tick: float
    width: float


def rim(workpiece: Workpiece) -> Rim:
    """The rim of a workpiece, with as many numbers as are readable."""
    size = min(TALLEST, max(SMALLEST, 0.6 * workpiece.spacing), 0.15 * workpiece.radius)
    spacing = max(workpiece.spacing, 1e-9)
    every = next((step for step in STEPS if step * spacing >= 1.15 * size), STEPS[-1])
    nails = np.arange(0, workpiece.num_nails, every)
    # Leave out the last number if it would be too near to that of nail 0.
    if len(nails) > 1 and (workpiece.num_nails - nails[-1]) * spacing < 1.15 * size:
        nails = nails[:-1]
    centres, away = workpiece.centres[nails], workpiece.outward[nails]
    ways = away if workpiece.shaped else centres  # the same on a ring, but for the last bit
    degrees = np.degrees(np.arctan2(ways[:, 1], ways[:, 0]))
    outward = np.abs(degrees) <= 90.0 + 1e-9
    tick = 1.5 * size
    start = workpiece.radius + workpiece.settings.nail_diameter / 2 + tick + 0.4 * size
    digits = len(str(workpiece.num_nails - 1))
    return Rim(
        nails=nails,
        anchors=(
            centres + away * (start - workpiece.radius)
            if workpiece.shaped
            else centres * (start / workpiece.radius)
        ),
        degrees=np.where(outward, degrees, degrees - 180.0),
        outward=outward,
        tens=nails % 10 == 0,
        every=every,
        size=size,
        tick=tick,
        width=math.ceil(start - workpiece.radius + (0.75 * digits + 0.5) * 1.25 * size),
    )


def ticks(workpiece: Workpiece, shown: Rim) -> FloatArray:
    """A short stroke outwards beside every tenth nail, mm, shape (tens, 2, 2), inner end first."""
    if workpiece.shaped:
        away = workpiece.outward[::10]
        feet = workpiece.centres[::10] + away * (workpiece.settings.nail_diameter / 2 + 0.2 * shown.size)
        return np.stack([feet, feet + away * shown.tick], axis=1)
    centres = workpiece.centres[::10] / workpiece.radius
    inner = workpiece.radius + workpiece.settings.nail_diameter / 2 + 0.2 * shown.size
    return np.stack([centres * inner, centres * (inner + shown.tick)], axis=1)
