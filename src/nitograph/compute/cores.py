"""How many cores there are for this process. This module knows nothing else.

Try it: python -c "from nitograph.compute.cores import cores; print(cores())"
"""

import os


def cores() -> int:
    """Those that this process may use, where the system tells, or else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
