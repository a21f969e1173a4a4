"""At which pace threads are walked: has the decoder a quicker twin, and are the threads many enough?

Compiled code needs Numba, which takes longer to load than a few threads take to walk. This module loads it
only where it answers yes.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

from collections.abc import Callable

from nitograph.model.decoder import TokenDecoder
from nitograph.sampling.walk import Decoding, Pace

BATCH = 64
MANY = 2 * BATCH  # from so many threads on it pays to load Numba


def quicker(decoder: Decoding, count: int) -> tuple[Pace, Callable[[], Decoding]] | None:
    """For `count` threads: the quick pace and what makes decoders for it over the same weights.

    Each of these has a state of its own, so that several can run in threads. None where `decoder` had
    better walk by itself.
    """
    if count < MANY or not isinstance(decoder, TokenDecoder):
        return None
    from nitograph.model.batch.decoder import BatchDecoder
    from nitograph.model.batch.packed import pack
    from nitograph.sampling.batch.quick import QUICK

    packed = pack(decoder.prepared)
    return QUICK, lambda: BatchDecoder(packed)
