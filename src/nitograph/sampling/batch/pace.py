"""The walk at the pace of compiled code: many steps of all paths before the interpreter is asked again.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling.batch import stride as kernels
from nitograph.sampling.batch.choosing import choose_nails, limits, sound
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
    steps = kernels.walk(
        chosen, walk.paths, walk.live, walk.count, most, walk.masked, draws, used, rules, walk.min_lines,
        how, logits, *decoder.underway(),
    )  # fmt: skip
    decoder.trunk.length += steps
    walk.count += steps - 1
    walk.uniforms.pass_by(steps, terms.temperature)
    return sound(chosen)


QUICK = Pace(choose_nails, stride)
