"""The operands of the compiled loops of weaving, as named tuples, which Numba takes as they are.

`dispatch` makes them from settings. This module only declares them.

Try it: python -c "from nitograph.weaving.loops.operands import Task; print(Task._fields)"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.light.bands import Bands

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Limits(NamedTuple):
    """The board's rules, and when a thread ends."""

    num_nails: int
    min_nail_gap: int
    recent_edges: int
    min_lines: int
    max_lines: int
    stop_score: float


class Pen(NamedTuple):
    """What one chord does to a pixel that it covers, in whole numbers."""

    strength: int  # the light of one chord, a multiple of FINE
    white: float  # white on the same scale
    overshoot: float  # weight of light beyond the target


class Task(NamedTuple):
    """How pictures are woven: everything that does not depend on the picture."""

    bands: Bands
    limits: Limits
    pen: Pen
    start: int  # the first nail, −1 if the encoder chooses it
    scoring: Float32  # (m, 2), added to a chord's sum of gains, then multiplied by
    disc: Bool  # (c, c), the pixels that count


class Rounding(NamedTuple):
    """How first bounds of scores are computed for many pictures at once."""

    coarse: int  # sums of gains are kept in units of 2^coarse, so that they fit 16 bits
    slack: Float32  # (m,), above any rounding error of each chord; (0,): no first bounds


class Search(NamedTuple):
    """How local search improves woven threads."""

    bands: Bands
    limits: Limits
    pen: Pen
    extra: Float64  # (m,), what is added to a chord's sum of gains
    squares: Int64  # (m,), Σ share² of each chord
    disc: Bool  # (c, c), the pixels that count
    sweeps: int  # at most
    window: int  # by how many nails a nail is moved at most


class Rows(NamedTuple):
    """Pictures, and where their threads are written, one row each."""

    wanted: Float32  # (n, c, c), 0 to 1
    nails: Int32  # (n, max_lines + 1), −1 after the end
    lengths: Int32  # (n,), nails of each thread
    explained: Float32  # (n,)


class OriginalPen(NamedTuple):
    """What one line of the first Nitograph does to a pixel."""

    strength: float
    overshoot: float  # weight of light beyond the target
    fine: float  # gains are whole numbers in 1/fine


class OriginalTask(NamedTuple):
    """How the first Nitograph's threads are woven."""

    limits: Limits
    pen: OriginalPen
    start: int  # the first nail, −1 if the encoder chooses it
    runs: Int32 | NDArray[np.uint16]  # (r, 2), see original_lines.ThickLines
    first: Int64  # (n² + 1,)
    scale: Float64  # (n²,), what turns a line's sum of gains into its score
