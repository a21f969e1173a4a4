"""Step and choice in turn, compiled: the walk of a batch for as long as all of it walks on.

Between two nails the interpreter has nothing to do; batches in threads would wait there for each other.

Try it: python -c "import nitograph.sampling.batch.stride"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import loose_jit as jit
from nitograph.model.batch.operands import Blocks, Winding
from nitograph.model.batch.step import wind_on
from nitograph.sampling.batch.choice import Choice, choose_nail, new_buffers


class Journey(NamedTuple):
    """The paths of a batch on their way, and the numbers that decide how they go on."""

    paths: NDArray[np.int64]  # (b, t)
    live: NDArray[np.int64]  # (l,), the rows of `paths` that go on
    length: int  # nails on each of them so far
    min_lines: int
    masked: bool  # whether the board's rules hold
    draws: NDArray[np.float64]  # (b, m), uniform numbers
    used: int  # draws of each row that are used already
    most: int  # steps to take


@jit
def walk(
    chosen: NDArray[np.int64],
    logits: NDArray[np.float32],
    journey: Journey,
    choice: Choice,
    winding: Winding,
    at: int,
    blocks: Blocks,
) -> int:
    """Steps taken, at least one and at most journey.most, after each of which the next tokens are chosen.

    chosen: (l,), the last nail of each live path; what was chosen last takes their place: nails, EOS or
    reasons < 0. What was chosen before is added to the paths. logits: (l, n + 1), a buffer. at: tokens in
    the cache.
    """
    paths, live, min_lines = journey.paths, journey.live, journey.min_lines
    n, most = logits.shape[1] - 1, journey.most
    buffers = new_buffers(n)
    for step in range(most):
        wind_on(chosen, logits, winding, at + step, blocks)
        length, going = journey.length + step, step + 1 < most
        early = length <= min_lines
        for r in range(len(live)):
            path, draw = paths[live[r]], journey.draws[live[r], journey.used + step]
            known = length if journey.masked else 0
            chosen[r] = choose_nail(logits[r], path, known, choice, early, draw, buffers)
            going = going and 0 <= chosen[r] < n
        if not going:
            return step + 1
        for r in range(len(live)):
            paths[live[r], length] = chosen[r]
    return most
