"""Plain versions of two peers' rules, to hold photographs against; written from what is known of the rules.

Both walk greedily from the nail where the thread stands, on 300 pixels: a chord takes a fixed amount of
light from each pixel it crosses, never below black, and the chord that lowers the squared error most is
taken, until none does. kaspar98's StringArt takes 0.05 and wants nine tenths of the picture's light;
marco-giunta's stringart takes 0.1, wants all of it and forbids chords over less than an eighth of π. What
they know nothing of is a real thread: a board wound so comes out as it comes out.

Try it: python -m benchmarks.photographs --quick
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

SIDE = 300  # px

Float64 = NDArray[np.float64]


class Peer(NamedTuple):
    """One peer's figures."""

    name: str
    strength: float  # light that a chord takes
    white: float  # of the picture's light, what is wanted
    min_angle: float  # between both ends of a chord, as seen from the middle, radians


PEERS = (Peer("kaspar98", 0.05, 0.9, 0.0), Peer("marco-giunta", 0.1, 1.0, np.pi / 8))


def ring(num_nails: int) -> Float64:
    """Nails on the circle that fills the picture, (n, 2), both from 0 to 1."""
    angles = 2 * np.pi * np.arange(num_nails) / num_nails
    return np.stack([0.5 + 0.5 * np.cos(angles), 0.5 + 0.5 * np.sin(angles)], axis=1)


def weave(picture: Float64, peer: Peer, num_nails: int, max_lines: int) -> NDArray[np.int64]:
    """The nails for a picture (c, c), 0 black to 1 white."""
    path = np.zeros(max_lines + 1, dtype=np.int64)
    places = ring(num_nails) * (len(picture) - 1)
    gap = max(int(np.ceil(peer.min_angle * num_nails / (2 * np.pi))), 1)
    count = _walk(np.asarray(picture * peer.white), places, peer.strength, gap, path)
    return path[:count]


@numba.njit  # type: ignore[untyped-decorator]  # Numba has no types
def _walk(wanted: Float64, places: Float64, strength: float, gap: int, path: NDArray[np.int64]) -> int:
    light, count = np.ones_like(wanted), len(places)
    for step in range(1, len(path)):
        here, best, chosen = path[step - 1], 0.0, -1
        for nail in range(count):
            apart = abs(nail - here)
            if min(apart, count - apart) >= gap:
                fall = _line(wanted, light, places[here], places[nail], strength, False)
                if fall > best:
                    best, chosen = fall, nail
        if chosen < 0:
            return step
        _line(wanted, light, places[here], places[chosen], strength, True)
        path[step] = chosen
    return len(path)


@numba.njit  # type: ignore[untyped-decorator]  # Numba has no types
def _line(
    wanted: Float64, light: Float64, start: Float64, end: Float64, strength: float, draw: bool
) -> float:
    """By how much the squared error falls with this line, which shares each step among two pixels."""
    steep = abs(end[1] - start[1]) > abs(end[0] - start[0])
    along = 1 if steep else 0
    if start[along] > end[along]:
        start, end = end, start
    slope = (end[1 - along] - start[1 - along]) / (end[along] - start[along])
    fall = 0.0
    for u in range(int(np.ceil(start[along])), int(end[along]) + 1):
        place = min(max(start[1 - along] + (u - start[along]) * slope, 0.0), len(light) - 1.001)
        whole = int(place)
        for v, share in ((whole, whole + 1 - place), (whole + 1, place - whole)):
            y, x = (u, v) if steep else (v, u)
            after = max(light[y, x] - strength * share, 0.0)
            fall += (light[y, x] - wanted[y, x]) ** 2 - (after - wanted[y, x]) ** 2
            if draw:
                light[y, x] = after
    return fall
