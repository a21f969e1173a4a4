"""How a benchmark speaks: one JSON line a figure. Run as a program it says nothing.

Try it: python -m benchmarks decode
"""

import json
import time
from collections.abc import Callable


def told(figure: str, value: float, unit: str, reference: float | None = None, **more: object) -> None:
    """Print one figure; the ratio says how many times better ours is than the reference."""
    line: dict[str, object] = {"figure": figure, "value": value, "unit": unit}
    if reference is not None:
        faster = value / reference if unit.endswith("/s") else reference / value
        line |= {"reference": reference, "ratio": faster}
    print(json.dumps(line | more), flush=True)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def least(work: Callable[[], object], times: int) -> float:
    """The least time of several calls: what the work costs when nothing disturbs it."""
    return min(seconds(work) for _ in range(times))
