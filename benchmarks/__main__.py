"""Run every benchmark, one at a time, and print one table.

Try it: python -m benchmarks decode generate
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run the benchmarks named (all of them by default); returns the exit code."""
    there = sorted(
        path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_") and path.stem != "report"
    )
    print(f"{'figure':<58} {'ours':>12} {'reference':>12} {'ratio':>8}")
    failed = 0
    for name in names or there:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, cwd=HERE.parent
        )
        assert process.stdout is not None  # a pipe was asked for
        for line in process.stdout:
            print(_row(line), flush=True)
        failed |= process.wait()
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
    sys.exit(main(sys.argv[1:]))
