"""Sight, compiled: along whole paths, as training wants it, and one nail of a batch further.

model.sight is the same in NumPy and this module's oracle. What weighs most here is the sum of gains under
each chord of a fan, in vector code; chances come from exponentials that are vectors, too (`exps`). It knows
no network.

Try it: python -c "import nitograph.model.batch.sight_loops"
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.exps import exp_all
from nitograph.compute.jit import inner, jit, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE, GROUP, NARROW, SHIFT
from nitograph.light.simd import chord_dot, take_off
from nitograph.model.sight import BELIEF, HIGHEST, LOWEST, SURPRISE

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PLACE = SHIFT + 5  # bits behind the point of a place in the cells
LEAVES = 1 << 15  # the mark of a chord that leaves the canvas
RISE, BASE, KIND = 1, 2, 3  # columns of Looked.chords

u64 = np.uint64  # an index that is never negative


class Looked(NamedTuple):
    """What is looked at, the same for all sequences.

    Chords stand here twice, once for each end, so that those of a nail lie one after the other: the chord
    from a to b has the number a · n + b.
    """

    chords: Int32  # (n · n, 4): top and rise as in `bands`, where the first column's cells begin, its kind
    shares: NDArray[np.int8]  # of shares_of_bands, flat, and FINE rows of zeros behind them
    scoring: Float64  # (n · n, 2): bands.added_gain and bands.score_factor
    size: int  # of the canvas
    min_height: int  # of a band, in 1/FINE pixel
    nothing: int  # the first row of zeros
    num_nails: int
    min_nail_gap: int
    recent_edges: int
    strength: int
    gain: float


class Buffers(NamedTuple):
    """What a look writes on the way, (n,) each."""

    scores: Float64
    allowed: Bool
    powers: Float64


class Sequences(NamedTuple):
    """The state of a batch of sequences."""

    cells: Int16  # (b, any), the gains of a canvas, as cells.Canvas has them
    chances: Float64  # (b, n), of the chord that is taken next
    paths: Int64  # (b, any)


@inner
def new_buffers(n: int) -> Buffers:
    """Buffers for a fan of n nails."""
    return Buffers(np.empty(n, np.float64), np.empty(n, np.bool_), np.empty(n, np.float64))


@jit
def begin(wanted: Int32, strength: int, cells: Int16) -> None:
    """The gains of pictures (b, c, c) of light wanted, which is not negative, into cells (b, any)."""
    size = wanted.shape[1]
    stride = size + GROUP
    for row in range(len(wanted)):
        picture, own = wanted[row], cells[row]
        for y in range(size):
            for x in range(size):
                gain = 2 * picture[y, x] - strength
                own[GROUP + x * stride + y] = gain
                own[GROUP + (size + y) * stride + x] = gain


@tiny
def span(looked: Looked, k: int) -> tuple[Any, Any, Any, Any]:
    """Of chord k: its place, what is added from column to column, its row of shares, its columns."""
    base, kind = np.int64(looked.chords[k, BASE]), np.int64(looked.chords[k, KIND])
    at = (base << PLACE) + looked.chords[k, 0]
    step = (np.int64(looked.size + GROUP) << PLACE) + looked.chords[k, RISE]
    return at, step, kind >> 16, kind & (LEAVES - 1)


@tiny
def score_fan(looked: Looked, cells: Int16, here: int, scores: Float64) -> None:
    """The score of the chord from `here` to each nail, as cells.chord_score."""
    n = looked.num_nails
    for j in range(n):
        k = here * n + j
        at, step, row, count = span(looked, k)
        found = chord_dot(cells, looked.shares, at, step, row, count, looked.nothing, SHIFT)
        scores[j] = (found + looked.scoring[k, 0]) * looked.scoring[k, 1]


@inner
def lay(looked: Looked, cells: Int16, k: int, light: int) -> None:
    """Take chord k off the light still wanted, as cells.lay_light on gains alone.

    light: a multiple of FINE, not negative. A gain is 2 · wanted − strength wherever it is not the lowest.
    """
    at, step, row, count = span(looked, k)
    size, thin = looked.size, np.int64(light // FINE)
    stride, height = size + GROUP, (row >> 5) + looked.min_height
    line = (looked.chords[k, BASE] - GROUP) // stride
    top, rise, steep = looked.chords[k, 0], looked.chords[k, RISE], line >= size
    if looked.chords[k, KIND] & LEAVES:
        take_off_slowly(cells, top, rise, height, GROUP + line * stride, count, 2 * thin, size)
    else:
        take_off(cells, looked.shares, at, step, row, count, 2 * thin, -NARROW, SHIFT)
    first = line - size if steep else line
    own, other = GROUP + line * stride, GROUP + (0 if steep else size * stride) + first
    most = (height + FINE - 2) // FINE + 1  # pixels that a column can touch; one more does no harm
    for _ in range(count):
        low = top >> PLACE
        for v in range(max(low, 0), min(low + most, size)):
            cells[u64(other + v * stride)] = cells[u64(own + v)]
        top += rise
        own += stride
        other += 1


@inner
def take_off_slowly(
    cells: Int16, top: int, rise: int, height: int, own: int, count: int, times: np.int64, size: int
) -> None:
    """As take_off, for a band that leaves the canvas; own: where the cells of its first column begin."""
    for _ in range(count):
        low = max(top >> SHIFT, 0)
        high = min((top >> SHIFT) + height, size * FINE)
        for v in range(low >> 5, (high + FINE - 1) >> 5):
            share = min(high, v * FINE + FINE) - max(low, v * FINE)
            cells[u64(own + v)] = max(cells[u64(own + v)] - share * times, -NARROW)
        top += rise
        own += size + GROUP


@inner
def total_of(values: Float64) -> float:
    """Their sum, in four parts, so that no sum waits for the one before it."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = len(values) // 4 * 4
    for j in range(0, whole, 4):
        a += values[j]
        b += values[j + 1]
        c += values[j + 2]
        d += values[j + 3]
    for j in range(whole, len(values)):
        a += values[j]
    return (a + b) + (c + d)


@inner
def best_of(scores: Float64, allowed: Bool) -> float:
    """The best score that is allowed, in four parts; −∞ where none is."""
    a, b, c, d = -np.inf, -np.inf, -np.inf, -np.inf
    whole = len(scores) // 4 * 4
    for j in range(0, whole, 4):
        a = scores[j] if allowed[j] and scores[j] > a else a
        b = scores[j + 1] if allowed[j + 1] and scores[j + 1] > b else b
        c = scores[j + 2] if allowed[j + 2] and scores[j + 2] > c else c
        d = scores[j + 3] if allowed[j + 3] and scores[j + 3] > d else d
    for j in range(whole, len(scores)):
        a = scores[j] if allowed[j] and scores[j] > a else a
    return max(max(a, b), max(c, d))


@inner
def see(gain: float, buffers: Buffers, chances: Float64, sights: Float32) -> tuple[float, float]:
    """As sight.see, into chances and sights, (n,) each; the best legal score in nats, and the entropy."""
    scores, allowed, powers = buffers
    n = len(scores)
    best = best_of(scores, allowed)
    if best == -np.inf:  # none is
        allowed[:] = True
        best = best_of(scores, allowed)
    for j in range(n):
        sight = min(max(gain * (scores[j] - best), LOWEST), HIGHEST)
        sights[j] = sight
        scores[j] = min(sight, 0.0)
    exp_all(scores, chances, powers)
    for j in range(n):
        chances[j] = chances[j] if allowed[j] else 0.0
        powers[j] = chances[j] * scores[j]
    total, moment = total_of(chances), total_of(powers)
    for j in range(n):
        chances[j] /= total
    return gain * best, math.log(total) - moment / total


@inner
def tell(worth: float, entropy: float, count: int, surprise: float, facts: Float32) -> None:
    """As sight.facts_of, into facts (FACTS,); worth: of the best legal chord, in nats."""
    facts[0] = min(max(worth, -4.0), 4.0) / 2
    facts[1] = math.log1p(max(worth, 0.0)) / 2
    facts[2] = entropy
    facts[3] = count / 100
    facts[4] = min(surprise, SURPRISE) / 4


@inner
def learn(looked: Looked, cells: Int16, chances: Float64, here: int, taken: int) -> float:
    """As sight.laid: lay chord here–taken and move the belief; the surprise in nats."""
    n = looked.num_nails
    for j in range(n):
        if j != here and (chances[j] * BELIEF > 0.5 or j == taken):
            moved = chances[j] - 1.0 if j == taken else chances[j]
            light = int(np.rint(moved * BELIEF)) * FINE
            if j == taken:
                light += looked.strength
            if light != 0:
                lay(looked, cells, here * n + j, light)
    return -math.log(max(chances[taken], 1e-30))


@inner
def look(
    looked: Looked, cells: Int16, path: Int64, length: int, chances: Float64, buffers: Buffers,
    sights: Float32, facts: Float32,
) -> None:  # fmt: skip
    """As Sight.step for one sequence, whose path[:length] ends with the new nail."""
    here, n, surprise = path[length - 1], looked.num_nails, 0.0
    if length > 1:
        surprise = learn(looked, cells, chances, path[length - 2], here)
    score_fan(looked, cells, here, buffers.scores)
    forbid_next(path, length, n, looked.min_nail_gap, looked.recent_edges, buffers.allowed)
    worth, entropy = see(looked.gain, buffers, chances, sights)
    tell(worth, entropy, length - 1, surprise, facts)


@jit
def see_next(looked: Looked, state: Sequences, length: int, sights: Float32, facts: Float32) -> None:
    """What each sequence sees once its paths have `length` nails: sights (b, n), facts (b, FACTS)."""
    buffers = new_buffers(looked.num_nails)
    for row in range(len(state.cells)):
        path, chances = state.paths[row], state.chances[row]
        look(looked, state.cells[row], path, length, chances, buffers, sights[row], facts[row])


@jit
def see_along(looked: Looked, state: Sequences, lengths: Int64, sights: Float32, facts: Float32) -> None:
    """What sequences see at each nail of their paths: sights (b, t, n), facts (b, t, FACTS).

    lengths: (b,), nails of each path; what lies behind stays as it is.
    """
    buffers = new_buffers(looked.num_nails)
    for row in range(len(state.cells)):
        cells, path, chances = state.cells[row], state.paths[row], state.chances[row]
        for at in range(lengths[row]):
            look(looked, cells, path, at + 1, chances, buffers, sights[row, at], facts[row, at])


@jit
def score_along(looked: Looked, state: Sequences, lengths: Int64, scores: Float64) -> None:
    """The score of each chord from each nail of paths, as the encoder has it: scores (b, t, n).

    There is no belief here: each chord is laid as it is. lengths: (b,); what lies behind stays as it is.
    """
    n, strength = looked.num_nails, looked.strength
    for row in range(len(state.cells)):
        cells, path = state.cells[row], state.paths[row]
        for at in range(lengths[row]):
            if at:
                lay(looked, cells, path[at - 1] * n + path[at], strength)
            score_fan(looked, cells, path[at], scores[row, at])
