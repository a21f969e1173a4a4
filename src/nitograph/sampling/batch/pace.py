"""Whether compiled decoding pays: has the decoder a compiled version, and are there enough threads?

Compiled code needs Numba, which takes longer to load than a few threads take to decode. This module loads
it only if the answer is yes, and knows nothing of how nails are chosen.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

from collections.abc import Callable

from nitograph.model.decoder import TokenDecoder
from nitograph.sampling.walk import Decoding, Pace

BATCH = 64
MANY = 2 * BATCH  # threads from which it pays to load Numba


def quicker(decoder: Decoding, count: int) -> tuple[Pace, Callable[[], Decoding]] | None:
    """For `count` threads: the quick pace and a function that makes decoders for it from the same weights.

    Each of these decoders has its own state, so that several can run in parallel. None if `decoder` is the
    better choice.
    """
    if count < MANY or not isinstance(decoder, TokenDecoder):
        return None
    from nitograph.model.batch.decoder import BatchDecoder
    from nitograph.model.batch.packed import pack
    from nitograph.sampling.batch.quick import QUICK

    packed = pack(decoder.prepared)
    return QUICK, lambda: BatchDecoder(packed)
