"""Steps of decoding for a batch of a model with sight, compiled: as `step`, and what is seen.

Decoder._nail_logits and sight.weighed in NumPy are its oracle, up to the last bits. The functions are its
own, so that the compiler treats the steps of models without sight as it always has.

Try it: python -c "import nitograph.model.batch.seen_step"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.exps import exp_all_32
from nitograph.compute.jit import loose_inner as inner, loose_jit as jit
from nitograph.model.batch.operands import Blocks, Winding
from nitograph.model.batch.sight_loops import Looked, Sequences, see_next
from nitograph.model.batch.step import lay_chord, multiply, place_fan, run_blocks
from nitograph.model.prepared import Float32

f32 = np.float32  # Numba makes sums with plain numbers float64 otherwise


class Seen(NamedTuple):
    """What a batch sees at a nail, and how that is weighed."""

    sights: Float32  # (b, n)
    facts: Float32  # (b, FACTS)
    embed: Float32  # (FACTS, d)
    base: Float32  # (SIGHTS,), what is added to the gains of a state


class Sighted(NamedTuple):
    """The operands of a step with sight besides the blocks."""

    looked: Looked
    state: Sequences
    seen: Seen
    winding: Winding


class Scratch(NamedTuple):
    """What weighing writes on the way, (n,) each."""

    below: Float32
    chances: Float32
    room: Float32


@inner
def new_scratch(n: int) -> Scratch:
    """Room for weighing n sights."""
    return Scratch(np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32))


@inner
def weigh(sights: Float32, gains: Float32, base: Float32, logits: Float32, scratch: Scratch) -> None:
    """Add what sights (n,) are worth by gains (SIGHTS,) to logits (≥ n,); sight.weighed is the same."""
    n, (below, chances, room) = len(sights), scratch
    own, root, chance, bend = gains[0] + base[0], gains[1] + base[1], gains[2] + base[2], gains[3] + base[3]
    for i in range(n):
        below[i] = min(sights[i], f32(0))
    exp_all_32(below, chances, room)
    for i in range(n):
        added = own * sights[i] * f32(0.5) + root * (f32(1) - np.sqrt(f32(1) - below[i]))
        room[i] = added + chance * chances[i]
    for i in range(1, n - 1):
        around = sights[i - 1] + sights[i + 1] - f32(2) * sights[i]
        logits[i] += room[i] + bend * around * f32(0.25)
    for i in (0, n - 1):
        around = sights[i - 1] + sights[(i + 1) % n] - f32(2) * sights[i]
        logits[i] += room[i] + bend * around * f32(0.25)


@inner
def wind_seen(
    nails: NDArray[np.int64], logits: Float32, length: int, sighted: Sighted, at: int, blocks: Blocks
) -> None:
    """Logits (b, n + 1) after the next nail of each row, as Decoder._nail_logits.

    length: nails of each path, with these; at: tokens in the cache.
    """
    looked, state, seen, winding = sighted
    missing, shown, found, waves, fan = winding.buffers
    embed, sight, head, mix, reach = winding.views
    d, n = embed.shape[1], len(reach)
    gains = n + 1 + waves.shape[1]
    for r in range(len(nails)):
        state.paths[r, length - 1] = nails[r]
    see_next(looked, state, length, seen.sights, seen.facts)
    lay_chord(winding.light, nails, missing)
    multiply(missing, sight, shown, False)
    for r in range(len(nails)):
        own, more, x = embed[nails[r]], shown[r], blocks.buffers.x[r]
        for i in range(d):
            x[i] = own[i] + more[i]
        for k in range(len(seen.embed)):
            for i in range(d):
                x[i] += seen.facts[r, k] * seen.embed[k, i]
    run_blocks(at, blocks, True)
    multiply(blocks.buffers.normed, head, found, False)
    for r in range(len(nails)):
        for i in range(waves.shape[1]):
            waves[r, i] = found[r, n + 1 + i]
    multiply(waves, mix, fan, False)
    place_fan(found, fan, reach, nails, logits)
    scratch = new_scratch(n)
    for r in range(len(nails)):
        weigh(seen.sights[r], found[r, gains : gains + len(seen.base)], seen.base, logits[r], scratch)


@jit
def step_seen(
    nails: NDArray[np.int64], logits: Float32, length: int, sighted: Sighted, at: int, blocks: Blocks
) -> None:
    """wind_seen, for callers that are not compiled."""
    wind_seen(nails, logits, length, sighted, at, blocks)
