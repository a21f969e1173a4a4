"""Sight by compiled loops: for whole batches in training, and for decoders of many sequences.

sight.Sight is the same in NumPy and this module's oracle. Compiled code releases the interpreter, so that
several of these can run in threads side by side. This module knows no network.

Try it: python -c "from nitograph.model.batch.sight import sights_along; help(sights_along)"
"""

import collections
import functools
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import in_threads
from nitograph.light.bands import FINE, GROUP, SHIFT, added_gain, score_factor
from nitograph.light.cells import cells_of
from nitograph.light.chords import all_chords
from nitograph.light.simd import COLUMNS
from nitograph.model.batch import sight_loops as loops
from nitograph.model.batch.sight_loops import Looked, Sequences
from nitograph.model.settings import FACTS
from nitograph.model.sight import Float32, Float64, Floats, Int32, SightSettings, first_sights, wanted_of

Kind = TypeVar("Kind", np.int32, np.float64)
ROWS = 8  # whose sights one thread finds at once
PATHS = 64  # nails for which a batch has places at first


class Seen(NamedTuple):
    """What is seen along whole paths: what Network.forward takes beside the light."""

    sights: Float32  # (b, t, n)
    facts: Float32  # (b, t, FACTS)
    first: Float32  # (b, n), how good a first nail each is


def sights_along(
    settings: SightSettings,
    light: Floats,
    nails: NDArray[np.int64],
    lengths: NDArray[np.int64],
    pictures: Floats | None = None,
) -> Seen:
    """What is seen at each nail of paths (b, t), of which lengths (b,) count, over planned light (b, k).

    pictures (b, c, c): finer than the light, and looked at in its place. Behind a path's end is 0. The rows
    are shared out among the cores.
    """
    looked, nails, n = _looked(settings), np.ascontiguousarray(nails), settings.scoring.nails
    sights = np.zeros((*nails.shape, n), np.float32)
    facts = np.zeros((*nails.shape, FACTS), np.float32)
    first = np.empty((len(nails), n), np.float32)

    def see(_: None, rows: slice) -> None:
        shown = None if pictures is None else pictures[rows]
        state = _begin(settings, wanted_of(settings, light[rows], shown), nails[rows])
        loops.see_along(looked, state, lengths[rows], sights[rows], facts[rows])
        first[rows] = first_sights(settings, light[rows])

    parts = [slice(at, at + ROWS) for at in range(0, len(nails), ROWS)]
    collections.deque(in_threads(see, lambda: None, parts), maxlen=0)
    return Seen(sights, facts, first)


def scores_along(
    settings: SightSettings, pictures: Floats, nails: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Float64:
    """The encoder's score of every chord from each nail of paths (b, t) over pictures (b, c, c), (b, t, n).

    lengths: (b,), how many nails of each path count; behind its end is 0.
    """
    wanted = wanted_of(settings, np.zeros((len(nails), 0)), pictures)
    state = _begin(settings, wanted, np.ascontiguousarray(nails))
    scores = np.zeros((*nails.shape, settings.scoring.nails))
    loops.score_along(_looked(settings), state, lengths, scores)
    return scores


class BatchSight:
    """The sight of many sequences."""

    def __init__(self, settings: SightSettings) -> None:
        self.settings = settings

    def start(self, light: Floats, pictures: Floats | None = None) -> Float32:
        """As Seeing.start."""
        wanted, self._length = wanted_of(self.settings, light, pictures), 0
        self._state = _begin(self.settings, wanted, np.zeros((len(wanted), PATHS), np.int64))
        return first_sights(self.settings, light)

    def step(self, nails: NDArray[np.integer]) -> tuple[Float32, Float32]:
        """As Seeing.step."""
        looked, state, length = self.operands()
        state.paths[:, length] = nails
        sights, facts = self.views()
        loops.see_next(looked, state, length + 1, sights, facts)
        self.advance(1)
        return sights, facts

    def operands(self) -> tuple[Looked, Sequences, int]:
        """For compiled steps: what is looked at, the state, and how many nails each path has."""
        return _looked(self.settings), self._state, self._length

    def views(self) -> tuple[Float32, Float32]:
        """Empty sights and facts of a step."""
        b = len(self._state.cells)
        return np.empty((b, self.settings.scoring.nails), np.float32), np.empty((b, FACTS), np.float32)

    def advance(self, steps: int) -> None:
        """Count nails that compiled steps have appended to the paths."""
        self._length += steps
        paths = self._state.paths
        if self._length == paths.shape[1]:
            self._state = self._state._replace(paths=np.concatenate([paths, np.zeros_like(paths)], axis=1))

    @property
    def room(self) -> int:
        """How many more nails the paths have places for, at least one."""
        return int(self._state.paths.shape[1]) - self._length

    def select(self, rows: NDArray[np.integer]) -> None:
        """As Seeing.select."""
        self._state = Sequences(*(part[rows] for part in self._state))


def _begin(settings: SightSettings, wanted: Int32, paths: NDArray[np.int64]) -> Sequences:
    """Sequences that have seen nothing yet but light wanted, (b, c, c)."""
    b, size, scoring = len(wanted), settings.scoring.canvas_size, settings.scoring
    room = cells_of(size) + COLUMNS * (size + GROUP)
    cells, chances = np.zeros((b, room), np.int16), np.zeros((b, scoring.nails))
    loops.begin(wanted, scoring.strength, cells)
    return Sequences(cells, chances, paths)


@functools.lru_cache(maxsize=4)
def _looked(settings: SightSettings) -> Looked:
    """What the compiled loops look at."""
    scoring, rules = settings.scoring, settings.rules
    ring = all_chords(scoring.nails, scoring.canvas_size, scoring.width)
    factor = score_factor(ring.total, scoring.strength, scoring.white, scoring.length_power)
    worth = np.stack([added_gain(ring.total, ring.squares, scoring.strength), factor], axis=1)
    _, shares, lowest = ring.bands
    nothing = len(shares) // GROUP
    chords = _of_both_ends(_placed(ring.lines, scoring.canvas_size, lowest), scoring.nails)
    chords[chords[:, loops.KIND] % loops.LEAVES == 0, loops.KIND] = nothing << 16  # no columns
    return Looked(
        chords=chords,
        shares=np.concatenate([shares, np.zeros(FINE * GROUP, np.int16)]).astype(np.int8),
        scoring=_of_both_ends(worth, scoring.nails),
        size=scoring.canvas_size,
        min_height=lowest,
        nothing=nothing,
        num_nails=scoring.nails,
        min_nail_gap=rules.min_nail_gap,
        recent_edges=rules.recent_edges,
        strength=scoring.strength,
        gain=settings.gain,
    )


def _placed(lines: Int32, size: int, lowest: int) -> Int32:
    """Bands (m, 6) as Looked.chords; lowest: the height of the first shares."""
    top, rise, height, first, stop, steep = lines.T.astype(np.int64)
    count = stop - first
    ends = np.stack([top, top + rise * np.maximum(count - 1, 0)]) >> SHIFT
    leaves = (ends.min(axis=0) < 0) | (ends.max(axis=0) + height > size * FINE)
    kind = ((height - lowest) * FINE << 16) + leaves * loops.LEAVES + count
    base = GROUP + (steep * size + first) * (size + GROUP)
    return np.stack([top, rise, base, kind], axis=1).astype(np.int32)


def _of_both_ends(values: NDArray[Kind], n: int) -> NDArray[Kind]:
    """Values of chords (m, k) for each pair of nails, (n · n, k); 0 from a nail to itself."""
    a, b = np.triu_indices(n, 1)
    found = np.zeros((n, n, values.shape[1]), values.dtype)
    found[a, b] = found[b, a] = values
    return found.reshape(n * n, -1)
