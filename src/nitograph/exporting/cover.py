"""How much of the board the thread hides: whether the real piece will look faint or heavy.

If the thread in a patch would cover a share x of it when laid side by side, it hides 1 − e⁻ˣ of the patch
when laid at random. This module knows the workpiece and no file format.

Try it: python -c "from nitograph.thread import Thread; from nitograph.exporting.workpiece import Workpiece;
from nitograph.exporting.cover import cover; print(cover(Workpiece(Thread([0, 100, 7]))))"
"""

import math
from dataclasses import dataclass

import numpy as np

from nitograph.exporting.workpiece import Workpiece

PATCHES = 24
"""Patches across the nail circle."""

INNER = 0.8
"""Maximum distance of the densest patch from the middle, in radii."""

SAMPLES = 10 * PATCHES
CHUNK = 5_000


@dataclass(frozen=True)
class Cover:
    """Shares 0 to 1 of the board hidden by thread: the mean within the nails, and the densest patch."""

    mean: float
    densest: float

    def width_factor(self, share: float) -> float:
        """The factor on the thread's width at which `share` of the densest patch is hidden."""
        return math.log1p(-share) / min(math.log1p(-min(self.densest, 1 - 1e-12)), -1e-12)


def cover(workpiece: Workpiece) -> Cover:
    """The share of the board that the straight runs hide.

    The densest of 24 × 24 patches is searched away from the rim, where threads always crowd at their nails.
    """
    laid = np.zeros(PATCHES * PATCHES)
    ends = workpiece.tangents / (2 * workpiece.radius) + 0.5
    along = (np.arange(SAMPLES) + 0.5) / SAMPLES
    for first in range(0, len(ends), CHUNK):
        start, end = ends[first : first + CHUNK, 0], ends[first : first + CHUNK, 1]
        points = start[:, None] + along[None, :, None] * (end - start)[:, None]
        cells = np.clip((points * PATCHES).astype(np.int32), 0, PATCHES - 1)
        each = np.repeat(workpiece.run_lengths[first : first + CHUNK] / SAMPLES, SAMPLES)
        laid += np.bincount(
            (cells[..., 1] * PATCHES + cells[..., 0]).ravel(), weights=each, minlength=PATCHES * PATCHES
        )
    width, side = (
        workpiece.settings.thread_width * workpiece.thread.darkness(),
        workpiece.settings.diameter / PATCHES,
    )
    middles = (np.arange(PATCHES) + 0.5) * 2 / PATCHES - 1
    if workpiece.shaped:
        inner = workpiece.shaped.inside(middles / INNER)
        inner = (inner if workpiece.settings.side == "front" else inner[:, ::-1]).ravel()
    else:
        inner = np.hypot(middles[:, None], middles[None, :]).ravel() <= INNER
    side_by_side = laid[inner] * width / side**2
    mean = float(laid.sum()) * width / (workpiece.thread.board.area() * workpiece.radius**2)
    return Cover(_hidden(mean), _hidden(float(side_by_side.max(initial=0.0))))


def _hidden(side_by_side: float) -> float:
    return 1 - math.exp(-side_by_side)
