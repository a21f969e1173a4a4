"""Fuzz the readers in turn and print what came; findings are written into the corpus.

Ctrl-C and SIGTERM end the run with the table of what was done.

Try it: PYTHONPATH=src:tests python -m fuzz --inputs 1000
"""

import argparse
import hashlib
import resource
import signal
import sys
import tempfile
from pathlib import Path

from fuzz.engine import Outcome, fuzz
from fuzz.shapes import shapes_of
from readers import READERS

CORPUS = Path(__file__).parent / "corpus"
BLOCK = 1000  # inputs of one reader before the next one's turn


def main() -> int:
    """Fuzz; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", action="append", choices=READERS, help="which reader (default all)")
    parser.add_argument("--inputs", type=int, default=1000, help="inputs of each (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default %(default)s)")
    parser.add_argument("--traced", type=int, default=10, help="look at the lines of one in N (default 10)")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    readers = args.reader or list(READERS)
    outcomes = {reader: Outcome() for reader in readers}
    try:
        for first in range(0, args.inputs, BLOCK):
            for reader in readers:
                count, seed = min(BLOCK, args.inputs - first), args.seed + first // BLOCK
                _add(outcomes[reader], _block(reader, count, seed, args.traced))
    except KeyboardInterrupt:
        print("stopped")
    return _report(outcomes)


def _block(reader: str, count: int, seed: int, traced: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "input"
        return fuzz(READERS[reader], shapes_of(reader), place, inputs=count, seed=seed, traced=traced)


def _add(total: Outcome, part: Outcome) -> None:
    total.inputs += part.inputs
    total.read += part.read
    total.refused += part.refused
    total.lines = max(total.lines, part.lines)
    total.slowest = max(total.slowest, part.slowest)
    total.findings += part.findings


def _report(outcomes: dict[str, Outcome]) -> int:
    """Print the table, keep one input of each kind of finding; 1 if there is any."""
    print(
        "| reader | inputs | read | refused | lines | slowest, s | found |\n|---|---|---|---|---|---|---|"
    )
    for reader, total in outcomes.items():
        kinds = {fault[:60]: (data, fault) for data, fault in reversed(total.findings)}
        row = (
            reader,
            total.inputs,
            total.read,
            total.refused,
            total.lines,
            f"{total.slowest:.2f}",
            len(kinds),
        )
        print("|", " | ".join(map(str, row)), "|")
        for data, fault in kinds.values():
            path = CORPUS / reader / hashlib.sha256(data).hexdigest()[:12]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"  {path.name}: {fault}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{sum(total.inputs for total in outcomes.values())} inputs, at most {peak} MiB")
    return 1 if any(total.findings for total in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
