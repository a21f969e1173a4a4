"""The quick pace: compiled code chooses tokens and takes many steps before it returns to Python.

`pace` decides which decoders use it. This module knows only the decoder compiled for batches.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SamplingError
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling.batch import choice
from nitograph.sampling.batch.stride import Journey, run_seen_steps, run_steps
from nitograph.sampling.choose import NONE_ALLOWED, NOT_FINITE, Terms
from nitograph.sampling.walk import Decoding, Pace, Walk


def stride(decoder: Decoding, nails: NDArray[np.int64], walk: Walk) -> NDArray[np.int64]:
    """A walk.Stride: steps until a path ends, or a single step where the batch has no compiled walk."""
    winding = decoder.winding() if isinstance(decoder, BatchDecoder) and walk.penalty == 1.0 else None
    if not isinstance(decoder, BatchDecoder) or winding is None:
        return walk.choose(decoder.step(nails), choose_nails)
    terms, chosen = walk.terms[0], nails.copy()
    draws, used = walk.uniforms.ahead(terms.temperature)
    max_steps = min(walk.max_lines - walk.count + 1, draws.shape[1] - used, decoder.reserve())
    journey = Journey(
        paths=walk.paths, live=walk.live, length=walk.count, min_lines=walk.min_lines, masked=walk.masked,
        draws=draws, used=used, max_steps=max_steps,
    )  # fmt: skip
    logits = np.empty((len(nails), terms.board.num_nails + 1), np.float32)
    at, blocks, sighted = decoder.trunk.length, decoder.trunk.operands(), decoder.sighted()
    if sighted is None:
        steps = run_steps(chosen, logits, journey, choice_of(terms), winding, at, blocks)
    else:
        steps = run_seen_steps(chosen, logits, journey, choice_of(terms), *sighted, at, blocks)
    decoder.advance(steps)
    walk.count += steps - 1
    walk.uniforms.consume(steps, terms.temperature)
    return checked(chosen)


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """As choose.choose_nails, its oracle: the same draws give the same tokens."""
    chosen = np.empty(len(logits), dtype=np.int64)
    choice.choose_nails(logits, np.ascontiguousarray(recent), choice_of(terms), terms.early, draws, chosen)
    return checked(chosen)


def choice_of(terms: Terms) -> choice.Choice:
    """The terms as compiled code takes them."""
    return choice.Choice(
        min_nail_gap=terms.rules.min_nail_gap,
        recent_edges=terms.rules.recent_edges,
        temperature=float(terms.temperature),
        top_k=terms.top_k,
        min_p=float(terms.min_p),
    )


def checked(chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tokens; SamplingError where a row has a negative reason instead of one."""
    worst = chosen.min()
    if worst < 0:
        finite = worst != choice.NOT_FINITE
        raise SamplingError(NONE_ALLOWED if finite else NOT_FINITE)
    return chosen


QUICK = Pace(choose_nails, stride)
