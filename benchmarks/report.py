"""How a benchmark speaks: one JSON line a figure. Run as a program it says nothing.

Try it: python -m benchmarks decode
"""

import argparse
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


def quick(description: str | None) -> bool:
    """Read a benchmark's command line: whether it was asked for tiny sizes that only show that it runs."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    add_quick(parser)
    return bool(parser.parse_args().quick)


def add_quick(parser: argparse.ArgumentParser) -> None:
    """The flag --quick."""
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run? No figure counts")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def least(work: Callable[[], object], times: int) -> float:
    """The least time of several calls: what the work costs when nothing disturbs it."""
    return min(seconds(work) for _ in range(times))
