"""How a thread goes on, in numbers that a small network learns from: its habits. NumPy only.

What gives an invented thread away is less where it goes than how: how far it stands from where it was two
and four nails ago (an encoder comes back beside its own chord), how often it comes to the same nail, how it
begins and ends. Counted once, such habits tell more than a GRU learns from the nails in any time that an
evaluation has (docs/log.md). Counts are square roots of shares, so that rare things weigh. This module
knows no network and no goal.

Try it: python -c "from nitograph.evaluation.judges.habits import *; print(habits([range(20)], 64).shape)"
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

APART = (1, 2, 3, 4, 6)  # steps between two nails whose distance is counted
BINS = 64  # of distances and of places on the ring
NEAR = 40  # nails; so far distances two steps apart are counted one by one
ENDS, END_BINS = 4, 16  # chords at the beginning and at the end, whose lengths are told one by one
VISITS = 8  # nails visited so often or more are counted together
PARTS = 5  # of a path whose mean lengths are told

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


def habits(threads: Sequence[ArrayLike], num_nails: int) -> Float32:
    """The habits of threads, given as their nails: (n, f)."""
    return np.stack([_habits(np.asarray(nails, dtype=np.int64), num_nails) for nails in threads])


def _habits(nails: Int64, n: int) -> Float32:
    """Of one path, (f,)."""
    far = n // 2 + 1
    apart = [_distances(nails, k, n) for k in APART]
    steps = apart[0]
    used = np.bincount(nails, minlength=n)
    found = [_shares(distances * BINS // far, BINS) for distances in apart]
    found.append(_shares(np.minimum(apart[1], NEAR), NEAR + 1))
    found.append(_shares(nails * BINS // n, BINS))
    found.append(_shares(np.minimum(used, VISITS), VISITS + 1))
    found.append(_shares(nails[:1] * BINS // n, BINS))
    ends = (*range(ENDS), *range(-ENDS, 0))
    found += [_shares(_at(steps, place) * END_BINS // far, END_BINS) for place in ends]
    parts = [part.mean() / far if len(part) else 0.0 for part in np.array_split(steps, PARTS)]
    found.append(np.array([*parts, len(steps) / 100]))
    return np.concatenate(found).astype(np.float32)


def _distances(nails: Int64, k: int, n: int) -> Int64:
    """How far nails k steps apart are on the ring, (t − k,)."""
    around = (nails[k:] - nails[:-k]) % n
    return np.asarray(np.minimum(around, n - around))


def _at(steps: Int64, place: int) -> Int64:
    """The step at a place, as an array; none where the path is shorter."""
    inside = place < len(steps) if place >= 0 else -place <= len(steps)
    return steps[[place]] if inside else steps[:0]


def _shares(values: Int64, bins: int) -> NDArray[np.float64]:
    """Square roots of the shares of each value, (bins,)."""
    counts = np.bincount(values, minlength=bins)
    return np.sqrt(counts / max(len(values), 1))
