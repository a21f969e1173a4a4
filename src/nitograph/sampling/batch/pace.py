"""The walk at the pace of compiled code: many steps of all paths before the interpreter is asked again.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SamplingError
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling.batch import choice
from nitograph.sampling.batch.stride import walk as compiled_walk
from nitograph.sampling.choose import NONE_ALLOWED, NOT_FINITE, Terms
from nitograph.sampling.walk import Decoding, Pace, Walk


def stride(decoder: Decoding, nails: NDArray[np.int64], walk: Walk) -> NDArray[np.int64]:
    """As walk.Stride says: steps while all paths go on, or one where the batch has no compiled walk."""
    if not isinstance(decoder, BatchDecoder) or not decoder.settings.planned or walk.penalty != 1.0:
        return walk.choose(decoder.step(nails), choose_nails)
    terms, chosen = walk.terms[0], nails.copy()
    draws, used = walk.uniforms.ahead(terms.temperature)
    most = min(walk.most - walk.count + 1, draws.shape[1] - used, decoder.trunk.make_place())
    logits = np.empty((len(nails), terms.board.num_nails + 1), np.float32)
    rules, how = limits(terms)
    steps = compiled_walk(
        chosen, walk.paths, walk.live, walk.count, most, walk.masked, draws, used, rules, walk.min_lines,
        how, logits, *decoder.underway(),
    )  # fmt: skip
    decoder.trunk.length += steps
    walk.count += steps - 1
    walk.uniforms.pass_by(steps, terms.temperature)
    return sound(chosen)


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """As choose.choose_nails, which is the oracle; the same tokens of the same draws."""
    chosen = np.empty(len(logits), dtype=np.int64)
    rules, how = limits(terms)
    choice.choose_nails(logits, np.ascontiguousarray(recent), rules, terms.early, how, draws, chosen)
    return sound(chosen)


def limits(terms: Terms) -> tuple[tuple[int, int], tuple[float, int, float]]:
    """The board's rules and what narrows the choice, as compiled code takes them."""
    rules = (terms.rules.min_nail_gap, terms.rules.recent_edges)
    return rules, (float(terms.temperature), terms.top_k, float(terms.min_p))


def sound(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tokens, or SamplingError where a row has a reason for none."""
    worst = chosen.min()
    if worst < 0:
        finite = worst != choice.NOT_FINITE
        raise SamplingError(NONE_ALLOWED if finite else NOT_FINITE)
    return chosen


QUICK = Pace(choose_nails, stride)
