"""Which class a picture shows, as the model that draws it sees it: how likely its plan is in each class.

A model of the plan design writes codes for a class, so it also says how likely given codes are in each: by
Bayes, all classes as likely before, that is how likely each class is for a picture of these codes. This
holds for any weights, those of one's own symbols too, and needs no critic. Classes that fall far behind are
left out of further steps. This module looks at no threads.

Try it: python -c "from nitograph.sampling.reading import *; help(nats_by_class)"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.model.decoder import Decoder
from nitograph.model.weights import Weights

BEHIND = 12.0  # nats; a class so far behind the first is not followed any further
FLATTENED = 2.0  # codes are no independent witnesses: nats are divided by this for honest chances

Float64 = NDArray[np.float64]


@one_blas_thread
def nats_by_class(weights: Weights, codes: NDArray[np.integer], *, behind: float = BEHIND) -> Float64:
    """Log-likelihood of plan codes (p,) in each class of a model with plans, (c,) nats.

    Classes that were left out have −∞: they were more than `behind` nats worse than the best so far.
    """
    decoder, alive = Decoder(weights), np.arange(len(weights.classes))
    logits, nats = decoder.start(alive), np.zeros(len(alive))
    for slot, code in enumerate(codes):
        nats += _log_chance(logits, int(code))
        kept = np.flatnonzero(nats >= nats.max() - behind)
        if len(kept) < len(alive):
            alive, nats = alive[kept], nats[kept]
            decoder.select(kept)
        if slot + 1 < len(codes):
            logits = decoder.step(np.full(len(alive), code))
    found = np.full(len(weights.classes), -np.inf)
    found[alive] = nats
    return found


def chances(nats: Float64, *, flattened: float = FLATTENED) -> Float64:
    """Chances of the classes (c,), summing to 1, from their nats."""
    shares = np.exp((nats - nats.max()) / flattened)
    return np.asarray(shares / shares.sum())


def _log_chance(logits: NDArray[np.float32], code: int) -> Float64:
    """The log-chance of one code in each row of logits (b, codes), (b,)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted[:, code] - np.log(np.exp(shifted).sum(axis=1)))
