"""Steps and choices in turn, compiled: the walk of a batch until its first path ends.

Python has nothing to do between two nails; batches in threads would wait for each other's GIL there. This
module knows nothing of how sequences begin or end.

Try it: python -c "import nitograph.sampling.batch.stride"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import loose_inner, loose_jit
from nitograph.model.batch.operands import Blocks, Winding
from nitograph.model.batch.seen_step import Sighted, wind_seen
from nitograph.model.batch.step import wind_on
from nitograph.sampling.batch.choice import Buffers, Choice, choose_nail, new_buffers


class Journey(NamedTuple):
    """The unfinished paths of a batch, and the random numbers for their next nails."""

    paths: NDArray[np.int64]  # (b, t)
    live: NDArray[np.int64]  # (l,), the rows of `paths` that are not finished
    length: int  # nails on each of them so far
    min_lines: int
    masked: bool  # whether the board's rules hold
    draws: NDArray[np.float64]  # (b, m), uniform numbers
    used: int  # draws of each row that are used already
    max_steps: int


@loose_inner
def choose_all(
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    journey: Journey,
    step: int,
    choice: Choice,
    buffers: Buffers,
) -> bool:
    """Choose the next token of each live path; whether all are nails, which then are on the paths."""
    paths, live = journey.paths, journey.live
    length, n = journey.length + step, logits.shape[1] - 1
    early, known = length <= journey.min_lines, length if journey.masked else 0
    going = step + 1 < journey.max_steps
    for r in range(len(live)):
        draw = journey.draws[live[r], journey.used + step]
        chosen[r] = choose_nail(logits[r], paths[live[r]], known, choice, early, draw, buffers)
        going = going and 0 <= chosen[r] < n
    if going:
        for r in range(len(live)):
            paths[live[r], length] = chosen[r]
    return going


@loose_jit
def run_steps(
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    journey: Journey,
    choice: Choice,
    winding: Winding,
    at: int,
    blocks: Blocks,
) -> int:
    """Step and choose the next tokens, 1 to journey.max_steps times; returns how many steps were taken.

    chosen: (l,), the last nail of each live path, replaced by the tokens chosen last: nails, EOS or
    negative reasons. Nails chosen before them are appended to the paths. logits: (l, n + 1), a buffer. at:
    tokens in the cache.
    """
    max_steps, buffers = journey.max_steps, new_buffers(logits.shape[1] - 1)
    for step in range(max_steps):
        wind_on(chosen, logits, winding, at + step, blocks)
        if not choose_all(chosen, logits, journey, step, choice, buffers):
            return step + 1
    return max_steps


@loose_jit
def run_seen_steps(
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    journey: Journey,
    choice: Choice,
    sighted: Sighted,
    nails: int,
    at: int,
    blocks: Blocks,
) -> int:
    """As run_steps, of a model with sight, which has seen so many nails of each path."""
    max_steps, buffers = journey.max_steps, new_buffers(logits.shape[1] - 1)
    for step in range(max_steps):
        wind_seen(chosen, logits, nails + step + 1, sighted, at + step, blocks)
        if not choose_all(chosen, logits, journey, step, choice, buffers):
            return step + 1
    return max_steps
