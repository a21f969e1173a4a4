"""The output of a benchmark, one JSON line per figure, and its timing. It measures nothing itself.

Try it: python -m benchmarks decode
"""

import argparse
import json
import time
from collections.abc import Callable


def report(figure: str, value: float, unit: str, reference: float | None = None, **more: object) -> None:
    """Print one figure; the ratio is how many times better ours is than the reference."""
    line: dict[str, object] = {"figure": figure, "value": value, "unit": unit}
    if reference is not None:
        faster = value / reference if unit.endswith("/s") else reference / value
        line |= {"reference": reference, "ratio": faster}
    print(json.dumps(line | more), flush=True)


def quick(description: str | None) -> bool:
    """Parse a benchmark's command line; True for --quick, tiny sizes that only test that it runs."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    add_quick(parser)
    return bool(parser.parse_args().quick)


def add_quick(parser: argparse.ArgumentParser) -> None:
    """Add the flag --quick."""
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to test that it runs; the figures mean nothing"
    )


def seconds(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fastest(work: Callable[[], object], times: int) -> float:
    """The minimum seconds of several calls, which other work disturbs least."""
    return min(seconds(work) for _ in range(times))
