"""The board: nails on a circle, and the single rule for which nail may come next.

Nail k of n is at angle 2πk/n from three o'clock on the unit circle, y down, so that the numbers run
clockwise on a screen. The encoder, the sampler, the validator and the evaluation all use the rule defined
here: the encoder compiles `forbid_next`, everything else calls `allowed_next`, and a test checks that the
two agree. Boards of other shapes (`shapes.board`) say themselves which chords they have. This module knows
nothing of threads, pictures or models.

Try it: python -c "from nitograph.board import Board; print(Board(8).positions())"
"""

import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting

IntArray = NDArray[np.integer]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MIN_NAILS, MAX_NAILS = 3, 4096


@dataclass(frozen=True)
class Board(Settings):
    """A ring of nails on the unit circle."""

    num_nails: int = setting(256, "nails on the ring", low=MIN_NAILS, high=MAX_NAILS)
    is_ring: ClassVar[bool] = True

    def angles(self) -> FloatArray:
        """Angle of each nail, radians clockwise on a screen from three o'clock, shape (n,)."""
        return np.arange(self.num_nails, dtype=np.float64) * (2 * math.pi / self.num_nails)

    def positions(self) -> FloatArray:
        """x and y of each nail on the unit circle, y down, shape (n, 2)."""
        angles = self.angles()
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def distance(self, a: IntArray, b: IntArray) -> IntArray:
        """Circular distance in nails, 0 to n // 2, for arrays of the same shape."""
        apart = np.abs(np.asarray(a) - np.asarray(b)) % self.num_nails
        return np.asarray(np.minimum(apart, self.num_nails - apart))

    def chord_lengths(self) -> FloatArray:
        """Length of a chord by the circular distance of its ends, in radii, shape (n // 2 + 1,)."""
        return 2.0 * np.sin(math.pi * np.arange(self.num_nails // 2 + 1) / self.num_nails)

    def lengths_along(self, path: IntArray) -> FloatArray:
        """Length of each chord of a path (t + 1,), in radii, shape (t,)."""
        return np.asarray(self.chord_lengths()[self.distance(path[:-1], path[1:])])

    def legal(self, gap: int) -> BoolArray:
        """Which nails a chord may join, whatever came before, (n, n): those at least `gap` nails apart."""
        nails = np.arange(self.num_nails)
        return np.asarray(self.distance(nails[:, None], nails[None, :]) >= gap)

    @property
    def words(self) -> str:
        """What board it is, for messages."""
        return f"a ring of {self.num_nails} nails"

    @property
    def extent(self) -> tuple[float, float]:
        """Half its width and half its height, in radii."""
        return 1.0, 1.0

    def inside(self, places: FloatArray) -> BoolArray:
        """Which points of a square grid with these x and y, in radii (k,), are within the nails, (k, k)."""
        squares = places**2
        return np.asarray(squares[:, None] + squares[None, :] <= 1.0)

    def perimeter(self) -> float:
        """Length of the line of nails, in radii."""
        return 2 * math.pi

    def area(self) -> float:
        """Area within the nails, in squared radii."""
        return math.pi


@dataclass(frozen=True)
class Rules(Settings):
    """Which steps a thread may take: the minimum gap, and how soon a chord may repeat."""

    min_nail_gap: int = setting(
        6, "minimum circular distance of one step", unit="nails", low=1, high=MAX_NAILS
    )
    recent_edges: int = setting(
        80, "a chord is not drawn again within this many chords", unit="chords", low=1, high=100_000
    )

    def check_fits(self, board: Board) -> None:
        """Raise SettingsError if the board has no legal step at all."""
        if not board.is_ring:
            if not board.legal(self.min_nail_gap).any():
                raise SettingsError(
                    f"{board.words} has no legal chord; allow shorter chords, or fewer nails"
                )
            return
        largest = board.num_nails // 2
        if self.min_nail_gap > largest:
            raise SettingsError(
                f"min_nail_gap must be at most {largest} on a board of {board.num_nails} nails, "
                f"got {self.min_nail_gap}; lower the gap or add nails"
            )


def forbid_next(
    path: IntArray, length: int, num_nails: int, gap: int, recent: int, allowed: BoolArray
) -> None:
    """Write into `allowed` (n,) which nails may follow `path[:length]`; plain loops, to be compiled.

    A nail may follow when it is at least `gap` away and its chord, in either direction, is not among
    the last `recent` chords. A→B→A is the case recent = 1, so it is never allowed.
    """
    here = path[length - 1]
    for nail in range(num_nails):
        allowed[nail] = True
    for offset in range(1 - gap, gap):
        allowed[(here + offset) % num_nails] = False
    first = length - 1 - recent
    if first < 0:
        first = 0
    for step in range(first, length - 1):
        if path[step] == here:
            allowed[path[step + 1]] = False
        if path[step + 1] == here:
            allowed[path[step]] = False


def allowed_next(paths: IntArray, board: Board, rules: Rules) -> BoolArray:
    """The same rule for many paths of the same length at once.

    paths: (b, t) nails, t ≥ 1. Returns (b, n): True where that nail may come next.
    """
    recent = np.asarray(paths)[:, -(rules.recent_edges + 1) :]
    here, last = recent[:, -1], recent.shape[1] - 1
    if board.is_ring:
        allowed: BoolArray = _far(board, rules.min_nail_gap)[board.num_nails - here]
    else:
        allowed = board.legal(rules.min_nail_gap)[here]
    row, step = np.nonzero(recent == here[:, None])
    # Outside the path this marks the last nail itself, which the gap forbids anyway.
    allowed[row, recent[row, step - 1]] = False
    allowed[row, recent[row, np.minimum(step + 1, last)]] = False
    return allowed


@functools.lru_cache(maxsize=8)
def _far(board: Board, gap: int) -> BoolArray:
    """Whether a nail is at least `gap` from another, (n + 1, n); row n − i belongs to nail i."""
    far = board.distance(np.arange(2 * board.num_nails), np.array(0)) >= gap
    return np.lib.stride_tricks.sliding_window_view(far, board.num_nails)


def violations(nails: IntArray, board: Board, rules: Rules) -> list[tuple[int, str]]:
    """Every broken rule of a path (t,), as (step, reason); an empty list for a legal path.

    Step k is the chord from nails[k] to nails[k + 1].
    """
    nails = np.asarray(nails, dtype=np.int64)
    found: list[tuple[int, str]] = []
    last: dict[tuple[int, int], int] = {}
    apart = board.distance(nails[:-1], nails[1:])
    for step in range(len(nails) - 1):
        edge = (int(min(nails[step : step + 2])), int(max(nails[step : step + 2])))
        if not board.is_ring:
            if not board.legal(rules.min_nail_gap)[edge]:
                found.append((step, f"chord {edge[0]}–{edge[1]} is too short or runs along the rim"))
        elif apart[step] < rules.min_nail_gap:
            found.append((step, f"gap {apart[step]} is below {rules.min_nail_gap}"))
        if step - last.get(edge, -(10**9)) <= rules.recent_edges:
            found.append((step, f"chord {edge[0]}–{edge[1]} came {step - last[edge]} chords before"))
        last[edge] = step
    return found
