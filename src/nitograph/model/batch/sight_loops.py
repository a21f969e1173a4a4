"""Sight, compiled: along whole paths, as training wants it, and one nail of a batch further.

model.sight is the same in NumPy and this module's oracle. It knows no network.

Try it: python -c "import nitograph.model.batch.sight_loops"
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import inner, jit
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE, Bands
from nitograph.light.cells import Canvas, chord_score, fill_cells, lay_light
from nitograph.model.sight import BELIEF, HIGHEST, LOWEST, SURPRISE

Bool = NDArray[np.bool_]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Looked(NamedTuple):
    """What is looked at, the same for all sequences.

    Chords stand here twice, once for each end, so that those of a nail lie one after the other: the chord
    from a to b has the number a · n + b.
    """

    bands: Bands
    scoring: Float64  # (n · n, 2), as cells.chord_score has it
    num_nails: int
    min_nail_gap: int
    recent_edges: int
    strength: int
    gain: float


class Buffers(NamedTuple):
    """What a look writes on the way, (n,) each."""

    scores: Float64
    allowed: Bool


@inner
def see(gain: float, buffers: Buffers, chances: Float64, sights: Float32) -> tuple[float, float]:
    """As sight.see, into chances and sights, (n,) each; the best legal score in nats, and the entropy."""
    scores, allowed = buffers
    n, some, best = len(scores), False, -np.inf
    for j in range(n):
        some = some or allowed[j]
    for j in range(n):
        if (allowed[j] or not some) and scores[j] > best:
            best = scores[j]
    total, moment = 0.0, 0.0
    for j in range(n):
        sight = min(max(gain * (scores[j] - best), LOWEST), HIGHEST)
        sights[j] = sight
        below = min(sight, 0.0)
        chances[j] = math.exp(below) if allowed[j] or not some else 0.0
        total += chances[j]
        moment += chances[j] * below
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
def learn(looked: Looked, canvas: Canvas, chances: Float64, here: int, taken: int) -> float:
    """As sight.laid: lay chord here–taken and move the belief; the surprise in nats."""
    n, strength = looked.num_nails, looked.strength
    for j in range(n):
        moved = chances[j] - 1.0 if j == taken else chances[j]
        light = int(np.rint(moved * BELIEF)) * FINE
        if j == taken:
            light += strength
        if light != 0 and j != here:
            lay_light(looked.bands, here * n + j, light, strength, 1.0, canvas)
    return -math.log(max(chances[taken], 1e-30))


@inner
def look(
    looked: Looked, canvas: Canvas, path: Int64, length: int, chances: Float64, buffers: Buffers,
    sights: Float32, facts: Float32,
) -> None:  # fmt: skip
    """As Sight.step for one sequence, whose path[:length] ends with the new nail."""
    here, n, surprise = path[length - 1], looked.num_nails, 0.0
    if length == 1:
        fill_cells(canvas, looked.strength, 1.0)
    else:
        surprise = learn(looked, canvas, chances, path[length - 2], here)
    for j in range(n):
        k = here * n + j
        buffers.scores[j] = chord_score(looked.bands, k, canvas.cells, len(canvas.left), looked.scoring)
    forbid_next(path, length, n, looked.min_nail_gap, looked.recent_edges, buffers.allowed)
    worth, entropy = see(looked.gain, buffers, chances, sights)
    tell(worth, entropy, length - 1, surprise, facts)


class Sequences(NamedTuple):
    """The state of a batch of sequences."""

    left: Int32  # (b, c, c), light still wanted
    cells: Int16  # (b, any), its gains
    weights: Int32  # (c, c), all 256: how much each pixel counts
    chances: Float64  # (b, n), of the chord that is taken next
    paths: Int64  # (b, any)


@jit
def see_next(looked: Looked, state: Sequences, length: int, sights: Float32, facts: Float32) -> None:
    """What each sequence sees once its paths have `length` nails: sights (b, n), facts (b, FACTS)."""
    n = looked.num_nails
    buffers = Buffers(np.empty(n, np.float64), np.empty(n, np.bool_))
    for row in range(len(state.left)):
        canvas = Canvas(state.left[row], state.cells[row], state.weights)
        path, chances = state.paths[row], state.chances[row]
        look(looked, canvas, path, length, chances, buffers, sights[row], facts[row])


@jit
def see_along(looked: Looked, state: Sequences, lengths: Int64, sights: Float32, facts: Float32) -> None:
    """What sequences see at each nail of their paths: sights (b, t, n), facts (b, t, FACTS).

    lengths: (b,), nails of each path; what lies behind stays as it is.
    """
    n = looked.num_nails
    buffers = Buffers(np.empty(n, np.float64), np.empty(n, np.bool_))
    for row in range(len(state.left)):
        canvas = Canvas(state.left[row], state.cells[row], state.weights)
        path, chances = state.paths[row], state.chances[row]
        for at in range(lengths[row]):
            look(looked, canvas, path, at + 1, chances, buffers, sights[row, at], facts[row, at])


@jit
def score_along(looked: Looked, state: Sequences, lengths: Int64, scores: Float64) -> None:
    """The score of each chord from each nail of paths, as the encoder has it: scores (b, t, n).

    There is no belief here: each chord is laid as it is. lengths: (b,); what lies behind stays as it is.
    """
    n, strength = looked.num_nails, looked.strength
    for row in range(len(state.left)):
        canvas = Canvas(state.left[row], state.cells[row], state.weights)
        path = state.paths[row]
        fill_cells(canvas, strength, 1.0)
        for at in range(lengths[row]):
            here = path[at]
            if at:
                lay_light(looked.bands, path[at - 1] * n + here, strength, strength, 1.0, canvas)
            for j in range(n):
                k = here * n + j
                scores[row, at, j] = chord_score(
                    looked.bands, k, canvas.cells, len(canvas.left), looked.scoring
                )
