"""How a thread feeder goes round the nails of a board that is no ring, clear of all of them.

From inside it passes the gap before the nail, goes round behind it by a point outside, and comes in through
the gap after it; moves are straight. This module writes no G-code.

Try it: python -m nitograph export thread.json -o job.gcode --job wind
"""

import numpy as np

from nitograph.errors import SettingsError
from nitograph.exporting.gcode.settings import GcodeSettings
from nitograph.exporting.workpiece import FloatArray, Workpiece, y_up

AROUND = (
    1.42  # reaches from a nail to the point behind it: at a corner of a square, the one outside both gaps
)
CHUNK = 2000  # moves that are looked at together


def ways_round(workpiece: Workpiece, settings: GcodeSettings) -> FloatArray:
    """The points of the way round each nail of the path, mm, y up, (m + 1, 5, 2).

    SettingsError if a thread must pass in front of a nail, or the feeder would hit one.
    """
    front = np.flatnonzero(~workpiece.behind)
    if len(front):
        raise SettingsError(
            f"a machine winds round the back of nails only, but at step {front[0]} the thread passes nail "
            f"{workpiece.path[front[0]]} in front; wind this board by hand"
        )
    centres, away = workpiece.centres, workpiece.outward
    sides = np.stack([_gap(centres, away, by, settings.reach) for by in (-1, 1)])  # (2, n, inner/outer, 2)
    middle = centres + away * (AROUND * settings.reach)
    clockwise = 1 if workpiece.settings.direction == "cw" else -1
    path, after = workpiece.path, (workpiece.turns * clockwise > 0).astype(np.int64)
    enter, leave = sides[1 - after, path], sides[after, path]
    points = [enter[:, 0], enter[:, 1], middle[path], leave[:, 1], leave[:, 0]]
    ways = np.stack(points, axis=1)
    _check_clear(workpiece, ways, settings)
    return y_up(ways)


def _gap(centres: FloatArray, away: FloatArray, by: int, reach: float) -> FloatArray:
    """Points inside and outside of the gap beside each nail, (n, 2, 2); `by` 1: towards the next."""
    run = np.roll(centres, -by, axis=0) - centres
    apart = np.hypot(run[:, 0], run[:, 1])[:, None]
    run /= apart
    spot = centres + run * np.minimum(apart / 2, reach)
    across = np.stack([run[:, 1], -run[:, 0]], axis=1)
    across *= np.where((across * away).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    return np.stack([spot - across * reach, spot + across * reach], axis=1)


def _check_clear(workpiece: Workpiece, ways: FloatArray, settings: GcodeSettings) -> None:
    """SettingsError if a move comes nearer to a nail than half the nail plus half the feeder."""
    least = (workpiece.settings.nail_diameter + settings.feeder_diameter) / 2 * (1 - 1e-9)
    points = ways.reshape(-1, 2)
    for first in range(0, len(points) - 1, CHUNK):
        start = points[first : first + CHUNK][: len(points) - 1 - first]
        run = points[first + 1 : first + 1 + len(start)] - start
        squared = np.maximum((run**2).sum(axis=1), 1e-12)
        for nail, centre in enumerate(workpiece.centres):
            off = centre - start
            along = np.clip((off * run).sum(axis=1) / squared, 0.0, 1.0)[:, None]
            near = np.flatnonzero(np.hypot(*(off - along * run).T) < least)
            if len(near):
                step = (first + int(near[0]) + 1) // ways.shape[1]
                raise SettingsError(
                    f"on the way to step {step} the feeder would hit nail {nail}; use a smaller reach, a "
                    "thinner feeder or a larger board, or wind by hand"
                )
