"""choosing.choose_nails for batches: the rules of the board and the choice in one compiled pass a row.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph import choice_kernels as kernels
from nitograph import choosing
from nitograph.choosing import Terms
from nitograph.errors import SamplingError


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """As choosing.choose_nails, which is the oracle; the same tokens of the same draws."""
    chosen, rules = np.empty(len(logits), dtype=np.int64), terms.rules
    limits = (rules.min_nail_gap, rules.recent_edges)
    how = (float(terms.temperature), terms.top_k, float(terms.min_p))
    kernels.choose_nails(logits, np.ascontiguousarray(recent), limits, terms.early, how, draws, chosen)
    worst = chosen.min()
    if worst < 0:
        finite = worst != kernels.NOT_FINITE
        raise SamplingError(choosing.NONE_ALLOWED if finite else choosing.NOT_FINITE)
    return chosen
