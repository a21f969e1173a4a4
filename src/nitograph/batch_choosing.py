"""choosing.choose_nails for batches: the rules of the board and the choice in one compiled pass a row.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph import choice_kernels as kernels
from nitograph import choosing
from nitograph.board import Board, Rules
from nitograph.errors import SamplingError


def choose_nails(
    logits: NDArray[np.float32],
    recent: NDArray[np.int64],
    rngs: Sequence[np.random.Generator],
    *,
    board: Board,
    rules: Rules,
    early: bool,
    temperature: float,
    top_k: int,
    min_p: float,
) -> NDArray[np.int64]:
    """As choosing.choose_nails, which is the oracle; the same tokens from the same generators."""
    draws = np.array([rng.random() for rng in rngs] if temperature > 0 else np.zeros(len(rngs)))
    chosen, limits = np.empty(len(logits), dtype=np.int64), (rules.min_nail_gap, rules.recent_edges)
    how = (float(temperature), top_k, float(min_p))
    kernels.choose_nails(logits, np.ascontiguousarray(recent), limits, early, how, draws, chosen)
    worst = chosen.min()
    if worst < 0:
        finite = worst != kernels.NOT_FINITE
        raise SamplingError(choosing.NONE_ALLOWED if finite else choosing.NOT_FINITE)
    return chosen
