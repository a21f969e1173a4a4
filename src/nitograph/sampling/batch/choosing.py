"""choose.choose_nails for batches: the rules of the board and the choice in one compiled pass a row.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SamplingError
from nitograph.sampling import choose as choosing
from nitograph.sampling.batch import choice as kernels
from nitograph.sampling.choose import Terms


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """As choose.choose_nails, which is the oracle; the same tokens of the same draws."""
    chosen = np.empty(len(logits), dtype=np.int64)
    rules, how = limits(terms)
    kernels.choose_nails(logits, np.ascontiguousarray(recent), rules, terms.early, how, draws, chosen)
    return sound(chosen)


def limits(terms: Terms) -> tuple[tuple[int, int], tuple[float, int, float]]:
    """The board's rules and what narrows the choice, as compiled code takes them."""
    rules = (terms.rules.min_nail_gap, terms.rules.recent_edges)
    return rules, (float(terms.temperature), terms.top_k, float(terms.min_p))


def sound(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tokens, or SamplingError where a row has a reason for none."""
    worst = chosen.min()
    if worst < 0:
        finite = worst != kernels.NOT_FINITE
        raise SamplingError(choosing.NONE_ALLOWED if finite else choosing.NOT_FINITE)
    return chosen
