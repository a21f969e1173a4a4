"""How many CPU threads pay: measured by a few steps, since on a busy machine one is often quicker than two.

Bits depend on the number of threads, so that a run keeps what was found. This module knows no network.

Try it: python -c "from nitograph.training.threads import counts; print(counts(8))"
"""

import time
from collections.abc import Callable

import torch

REPEATS = 2


def counts(most: int) -> list[int]:
    """The numbers of threads to try: 1, 2, 4, … and the most."""
    powers = [2**k for k in range(most.bit_length()) if 2**k < most]
    return [*powers, most]


def quickest(
    work: Callable[[], object], most: int, *, clock: Callable[[], float] = time.perf_counter
) -> int:
    """How many threads, at most `most`, do `work` in the least time; torch is left with that many.

    The counts are tried in turn, so that a load that comes and goes is shared by all of them. Twice the
    threads must gain a tenth to be taken.
    """
    tried = counts(most)
    if len(tried) > 1:
        work()  # whatever is made at the first call
    took = dict.fromkeys(tried, float("inf"))
    for _ in range(REPEATS if len(tried) > 1 else 0):
        for count in tried:
            torch.set_num_threads(count)
            began = clock()
            work()
            took[count] = min(took[count], clock() - began)
    best = tried[0]
    for count in tried[1:]:
        if took[count] < 0.9 * took[best]:
            best = count
    torch.set_num_threads(best)
    return best
