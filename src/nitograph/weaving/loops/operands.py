"""What the compiled loops of weaving work on, by name. `dispatch` puts it together from settings.

Numba takes these tuples as they are. This module only gives things names.

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

    dose: int  # the light of one chord, a multiple of FINE
    unit: float  # white
    overshoot: float  # weight of light beyond the target


class Task(NamedTuple):
    """How pictures are woven: all that does not depend on the picture."""

    bands: Bands
    limits: Limits
    pen: Pen
    start: int  # the first nail, −1 where it is to be chosen
    scoring: Float32  # (m, 2), what is added to a chord's sum of gains, and what that is multiplied by
    disc: Bool  # (c, c), the pixels that count


class Rounding(NamedTuple):
    """How first bounds of scores are found for many pictures at once."""

    coarse: int  # sums of gains are kept in units of 2^coarse, so that they fit 16 bits
    slack: Float32  # (m,), more than rounding can take off each chord; (0,): no first bounds


class Search(NamedTuple):
    """How woven threads are improved by local search."""

    bands: Bands
    limits: Limits
    pen: Pen
    extra: Float64  # (m,), what is added to a chord's sum of gains
    squares: Int64  # (m,), Σ share² of each chord
    disc: Bool  # (c, c), the pixels that count
    sweeps: int  # the most of them
    window: int  # how far a nail is moved


class Rows(NamedTuple):
    """Pictures, and where their threads are written: a row each."""

    wanted: Float32  # (n, c, c), 0 to 1
    nails: Int32  # (n, max_lines + 1), −1 after the end
    lengths: Int32  # (n,), how many nails
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
    start: int  # the first nail, −1 where it is to be chosen
    runs: Int32 | NDArray[np.uint16]  # (r, 2), see original_lines.ThickLines
    first: Int64  # (n² + 1,)
    scale: Float64  # (n²,), what turns a line's sum of gains into its score
