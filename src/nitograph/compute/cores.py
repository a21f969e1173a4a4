"""How many cores this process may use. This module knows nothing else.

Try it: python -c "from nitograph.compute.cores import cores; print(cores())"
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_limits: list[int] = []


def cores() -> int:
    """The cores this process may use, where the system reports them, or else all; within any limit."""
    asked = hasattr(os, "sched_getaffinity")
    found = len(os.sched_getaffinity(0)) if asked else os.cpu_count() or 1
    return min([found, *_limits])


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Inside the block, this process takes no more cores than that."""
    _limits.append(limit)
    try:
        yield
    finally:
        _limits.remove(limit)
