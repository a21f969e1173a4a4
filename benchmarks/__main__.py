"""Run the benchmarks one after another and print one table.

python -m benchmarks --quick     tiny sizes, to test that they run; the figures mean nothing

Try it: python -m benchmarks decode generate
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.report import add_quick

HERE = Path(__file__).parent


def names() -> list[str]:
    """The names of all benchmarks."""
    return sorted(
        path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_") and path.stem != "report"
    )


def main() -> int:
    """Run the benchmarks named (all of them by default); returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks to run (default all): {', '.join(names())}"
    )
    add_quick(parser)
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(names())):
        parser.error(f"no benchmark is called {', '.join(unknown)}; choose from {', '.join(names())}")
    flags = ["--quick"] if args.quick else []
    print(f"{'figure':<58} {'ours':>12} {'reference':>12} {'ratio':>8}", flush=True)
    failed = 0
    for name in args.names or names():
        command = [sys.executable, "-m", f"benchmarks.{name}", *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        assert process.stdout is not None  # stdout is a pipe
        for line in process.stdout:
            print(_row(line), flush=True)
        failed |= process.wait() != 0
    return failed


def _row(line: str) -> str:
    try:
        found = json.loads(line)
        unit = found["unit"]
        ours, reference = f"{found['value']:.4g} {unit}", found.get("reference")
    except (ValueError, KeyError, TypeError):
        return line.rstrip()
    beside = "" if reference is None else f"{reference:.4g} {unit}"
    ratio = "" if found.get("ratio") is None else f"{found['ratio']:.3g}×"
    return f"{found['figure']:<58} {ours:>12} {beside:>12} {ratio:>8}"


if __name__ == "__main__":
    sys.exit(main())
