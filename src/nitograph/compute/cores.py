"""How many cores this process may use. This module knows nothing else.

Try it: python -c "from nitograph.compute.cores import cores; print(cores())"
"""

import os


def cores() -> int:
    """The cores this process may use, where the system reports them, or else all cores."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
