"""The quick pace: compiled code chooses tokens, and takes many steps before the interpreter is asked.

`pace` says for which decoders there is one.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SamplingError
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling.batch import choice
from nitograph.sampling.batch.stride import Journey, walk as compiled_walk
from nitograph.sampling.choose import NONE_ALLOWED, NOT_FINITE, Terms
from nitograph.sampling.walk import Decoding, Pace, Walk


def stride(decoder: Decoding, nails: NDArray[np.int64], walk: Walk) -> NDArray[np.int64]:
    """As walk.Stride says: steps while all paths go on, or one where the batch has no compiled walk."""
    winding = decoder.winding() if isinstance(decoder, BatchDecoder) and walk.penalty == 1.0 else None
    if not isinstance(decoder, BatchDecoder) or winding is None:
        return walk.choose(decoder.step(nails), choose_nails)
    terms, chosen = walk.terms[0], nails.copy()
    draws, used = walk.uniforms.ahead(terms.temperature)
    most = min(walk.max_lines - walk.count + 1, draws.shape[1] - used, decoder.trunk.reserve())
    journey = Journey(
        paths=walk.paths, live=walk.live, length=walk.count, min_lines=walk.min_lines, masked=walk.masked,
        draws=draws, used=used, most=most,
    )  # fmt: skip
    logits = np.empty((len(nails), terms.board.num_nails + 1), np.float32)
    at, blocks = decoder.trunk.length, decoder.trunk.operands()
    steps = compiled_walk(chosen, logits, journey, choice_of(terms), winding, at, blocks)
    decoder.trunk.length += steps
    walk.count += steps - 1
    walk.uniforms.pass_by(steps, terms.temperature)
    return sound(chosen)


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """As choose.choose_nails, which is the oracle; the same tokens of the same draws."""
    chosen = np.empty(len(logits), dtype=np.int64)
    choice.choose_nails(logits, np.ascontiguousarray(recent), choice_of(terms), terms.early, draws, chosen)
    return sound(chosen)


def choice_of(terms: Terms) -> choice.Choice:
    """The terms as compiled code takes them."""
    return choice.Choice(
        min_nail_gap=terms.rules.min_nail_gap,
        recent_edges=terms.rules.recent_edges,
        temperature=float(terms.temperature),
        top_k=terms.top_k,
        min_p=float(terms.min_p),
    )


def sound(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tokens, or SamplingError where a row has a reason for none."""
    worst = chosen.min()
    if worst < 0:
        finite = worst != choice.NOT_FINITE
        raise SamplingError(NONE_ALLOWED if finite else NOT_FINITE)
    return chosen


QUICK = Pace(choose_nails, stride)
