"""Where nails stand along an outline: points by equal lengths of it, its inside, its normals, its order.

All points are x and y with y down, in any unit; an outline is closed, its points run clockwise on a screen,
and the last is joined to the first. This module knows geometry only: no boards, threads or files.

Try it: python -c "from nitograph.shapes.outline import rectangle; print(rectangle(8, 400, 600))"
"""

import math

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError

Points = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

EVEN = 1e-9  # radians, by which directions that are one may differ
SHARP, NARROW = (
    math.radians(20),
    1 / 8,
)  # corners between teeth of a saw turn more, its notches are narrower
FINE = 1 << 15  # pieces of an ellipse whose lengths are summed


def corners(width: float, height: float) -> Points:
    """A rectangle around 0, 0, from the middle of its right side on, (6, 2) with its end."""
    x, y = width / 2, height / 2
    return np.array([[x, 0.0], [x, y], [-x, y], [-x, -y], [x, -y], [x, 0.0]])


def rectangle(count: int, width: float, height: float) -> Points:
    """`count` points at equal lengths along a rectangle around 0, 0, the first at three o'clock, (n, 2)."""
    return along(corners(width, height), count)


def oval(width: float, height: float, pieces: int = FINE) -> Points:
    """An ellipse around 0, 0 from three o'clock on, in pieces of equal angle, (pieces + 1, 2)."""
    turn = np.arange(pieces + 1) * (2 * math.pi / pieces)
    return np.stack([width / 2 * np.cos(turn), height / 2 * np.sin(turn)], axis=1)


def ellipse(count: int, width: float, height: float) -> Points:
    """`count` points at equal lengths along an ellipse around 0, 0, the first at three o'clock, (n, 2)."""
    return along(oval(width, height), count)


def along(line: Points, count: int, *, closed: bool = True) -> Points:
    """`count` points at equal lengths along a line (k, 2), (count, 2).

    closed: the line ends where it begins, so that no point stands at its end.
    """
    run = np.concatenate([[0.0], np.cumsum(_lengths(np.diff(line, axis=0)))])
    wanted = np.arange(count) * (run[-1] / max(count - (not closed), 1))
    return np.stack([np.interp(wanted, run, line[:, axis]) for axis in (0, 1)], axis=1)


def length(line: Points) -> float:
    """Length of a line (k, 2)."""
    return float(_lengths(np.diff(line, axis=0)).sum())


def gaps(points: Points) -> Points:
    """Distance from each point to the next, the last to the first, (n,)."""
    return _lengths(_edges(points))


def area(points: Points) -> float:
    """Area inside points (n, 2): above 0 if they run clockwise on a screen."""
    after = np.roll(points, -1, axis=0)
    return float((points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]).sum()) / 2


def normals(points: Points) -> Points:
    """The direction outwards at each of points (n, 2): half way between those of both its edges, (n, 2)."""
    ways = _edges(points) / np.maximum(gaps(points), 1e-12)[:, None]
    way = ways + np.roll(ways, 1, axis=0)
    way = np.where(_lengths(way)[:, None] < 1e-9, ways, way)
    way /= _lengths(way)[:, None]
    return np.stack([way[:, 1], -way[:, 0]], axis=1)


def inside(points: Points, xs: Points, ys: Points) -> Bools:
    """Which places of a grid lie inside the outline points (n, 2), (len(ys), len(xs))."""
    start, end = points, np.roll(points, -1, axis=0)
    found = np.zeros((len(ys), len(xs)), dtype=np.bool_)
    for row, y in enumerate(ys):
        over = (start[:, 1] > y) != (end[:, 1] > y)
        a, b = start[over], end[over]
        at = np.sort(a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
        found[row] = np.searchsorted(at, xs) % 2 == 1
    return found


def nearest_pair(points: Points) -> tuple[float, int, int]:
    """The least distance between two of points (n, 2), and which they are, n ≥ 2."""
    best = (math.inf, 0, 1)
    for first in range(len(points) - 1):
        apart = _lengths(points[first + 1 :] - points[first])
        second = int(apart.argmin())
        if apart[second] < best[0]:
            best = (float(apart[second]), first, first + 1 + second)
    return best


def passed(points: Points, clear: float) -> Bools:
    """Which lines from point to point pass a third one nearer than `clear`, (n, n), symmetric.

    Seen from one point, another at distance r hides the directions within asin(clear ÷ r) of its own from
    all that stand further away. No two points may be nearer to each other than `clear`.
    """
    found = np.zeros((len(points), len(points)), dtype=np.bool_)
    for here in range(len(points)):
        away = points - points[here]
        far, way = _lengths(away), np.arctan2(away[:, 1], away[:, 0])
        order = np.argsort(way, kind="stable")
        order = order[order != here]
        far, way = far[order], way[order]
        around = np.concatenate([way - math.tau, way, way + math.tau])
        half = np.arcsin(np.minimum(clear / np.maximum(far, 1e-12), 1.0))
        low = np.searchsorted(around, way - half, side="right")
        high = np.searchsorted(around, way + half, side="left")
        nearest = _least_over(low, np.maximum(high, low + 1), far, len(around)).reshape(3, -1).min(axis=0)
        found[here, order[nearest < far]] = True
    return found | found.T


def leaving(points: Points, corners_at: Ints) -> Bools:
    """Which lines from point to point leave the outline through points[corners_at], (n, n), symmetric.

    Those that cross an edge of it, and those that begin at a corner on its outside. Seen from one point, an
    edge can only be crossed by lines whose direction lies between those of its ends. Lines that pass
    through a third point are looked at by `passed`.
    """
    found = np.zeros((len(points), len(points)), dtype=np.bool_)
    edges = np.stack([corners_at, np.roll(corners_at, -1)], axis=1)
    for here in range(len(points)):
        far = edges[(edges != here).all(axis=1)]
        found[here, _beyond(points, here, far)] = True
    for before, here, after in zip(
        np.roll(corners_at, 1), corners_at, np.roll(corners_at, -1), strict=True
    ):
        found[here] |= _outside(points, (before, here, after), area(points[corners_at]) > 0)
    return found | found.T


def _beyond(points: Points, here: int, edges: Ints) -> Ints:
    """Which points lie behind one of the edges (k, 2) as seen from point `here`; numbers, some repeated."""
    away = points - points[here]
    way = np.arctan2(away[:, 1], away[:, 0])
    order = np.argsort(way, kind="stable")
    order = order[order != here]
    around = np.concatenate([way[order] - math.tau, way[order], way[order] + math.tau])
    start, end = way[edges].T
    end = np.where(
        end - start > math.pi, end - math.tau, np.where(start - end > math.pi, end + math.tau, end)
    )
    first = np.searchsorted(around, np.minimum(start, end), side="right")
    count = np.maximum(np.searchsorted(around, np.maximum(start, end), side="left") - first, 0)
    place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    other, edge = order[place % len(order)], np.repeat(edges, count, axis=0)
    one, two = points[edge[:, 0]], points[edge[:, 1]]
    return np.asarray(other[_side(one, two, points[other]) * _side(one, two, points[here]) < 0])


def _outside(points: Points, corner: tuple[int, int, int], clockwise: bool) -> Bools:
    """Which points lie in a direction outside the outline as seen from its corner: before, here, after."""
    before, here, after = corner if clockwise else corner[::-1]
    away = points - points[here]
    turn = np.arctan2(away[:, 1], away[:, 0])
    turn = (turn - turn[after]) % math.tau
    out = (turn > turn[before] + EVEN) & (turn < math.tau - EVEN)
    out[here] = False
    return np.asarray(out)


def without_teeth(points: Points) -> Ints:
    """The numbers of those points (n, 2) through which the outline of a board goes, in order.

    Double rows of nails make an outline like a saw: an inner nail stands in a shallow, narrow notch between
    two corners, and so does the next but one. Such nails are left out; a notch by itself is the board's.
    """
    into, out = points - np.roll(points, 1, axis=0), _edges(points)
    turn = np.arctan2(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], (into * out).sum(axis=1))
    turn = turn if area(points) > 0 else -turn
    mouth = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    wide = np.maximum(_lengths(mouth), 1e-12)
    depth = np.abs(mouth[:, 0] * into[:, 1] - mouth[:, 1] * into[:, 0]) / wide
    corner = turn > SHARP
    tooth = (turn < 0) & np.roll(corner, 1) & np.roll(corner, -1)
    tooth &= (depth <= wide) & (wide <= NARROW * np.ptp(points, axis=0).max())
    tooth &= np.roll(tooth, 2) | np.roll(tooth, -2)
    return np.flatnonzero(~tooth)


def _least_over(low: Ints, high: Ints, values: Points, size: int) -> Points:
    """The least of the values (k,) whose range low ≤ place < high holds each place, (size,); else infinity.

    A range is two that overlap, each of a power of two places; powers are halved until they are one place.
    """
    power = np.frexp(high - low)[1] - 1
    levels = np.full((int(power.max()) + 1, size), np.inf)
    np.minimum.at(levels, (power, low), values)
    np.minimum.at(levels, (power, high - (1 << power)), values)
    for level in range(len(levels) - 1, 0, -1):
        half = 1 << (level - 1)
        np.minimum(levels[level - 1], levels[level], out=levels[level - 1])
        np.minimum(levels[level - 1, half:], levels[level, :-half], out=levels[level - 1, half:])
    return np.asarray(levels[0])


def in_order(points: Points) -> Points:
    """The same points (n, 2), clockwise, as an outline that does not cross itself, the first still first.

    Their own order is kept if it is such an outline, run through backwards if need be; otherwise they are
    ordered by their direction from the middle. SettingsError if that crosses itself as well.
    """
    if crossing(points) is not None:
        away = points - points.mean(axis=0)
        order = np.argsort(np.arctan2(away[:, 1], away[:, 0]), kind="stable")
        points = points[np.roll(order, -int(np.flatnonzero(order == 0)[0]))]
        found = crossing(points)
        if found is not None:
            raise SettingsError(
                "nails must stand along one outline that does not cross itself; list them in the order in "
                "which one walks around the board"
            )
    return points if area(points) > 0 else np.roll(points[::-1], 1, axis=0)


def crossing(points: Points) -> tuple[int, int] | None:
    """The first two edges of the closed line through points (n, 2) that cross each other, or None."""
    start, end = points, np.roll(points, -1, axis=0)
    for edge in range(len(points) - 2):
        last = len(points) - 1 if edge == 0 else len(points)
        others = slice(edge + 2, last)
        sides = _side(start[edge], end[edge], start[others]) * _side(start[edge], end[edge], end[others])
        other = _side(start[others], end[others], start[edge]) * _side(
            start[others], end[others], end[edge]
        )
        hit = np.flatnonzero((sides < 0) & (other < 0))
        if len(hit):
            return edge, edge + 2 + int(hit[0])
    return None


def _side(a: Points, b: Points, c: Points) -> Points:
    """On which side of the line from a to b point c is, each (2,) or (k, 2)."""
    one, two = b - a, c - a
    return np.asarray(one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])


def _edges(points: Points) -> Points:
    return np.roll(points, -1, axis=0) - points


def _lengths(runs: Points) -> Points:
    return np.asarray(np.hypot(runs[..., 0], runs[..., 1]))
