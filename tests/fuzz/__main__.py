"""Fuzz the readers and print what came; findings are written into the corpus.

Try it: PYTHONPATH=src:tests python -m fuzz --inputs 1000
"""

import argparse
import hashlib
import resource
import sys
import tempfile
from pathlib import Path

from fuzz.engine import fuzz
from fuzz.shapes import shapes_of
from readers import READERS

CORPUS = Path(__file__).parent / "corpus"
BLOCK = 2000  # inputs between two looks at the memory


def main() -> int:
    """Fuzz; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", action="append", choices=READERS, help="which reader (default all)")
    parser.add_argument("--inputs", type=int, default=1000, help="inputs of each (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default %(default)s)")
    parser.add_argument("--traced", type=int, default=10, help="look at the lines of one in N (default 10)")
    args = parser.parse_args()
    bad = 0
    print("reader       inputs      read   refused  lines  slowest s  peak MiB  found", flush=True)
    for reader in args.reader or READERS:
        total = [0, 0, 0, 0]
        slowest, found = 0.0, {}
        with tempfile.TemporaryDirectory() as folder:
            for first in range(0, args.inputs, BLOCK):
                count = min(BLOCK, args.inputs - first)
                seed, place = args.seed + first // BLOCK, Path(folder) / "input"
                part = fuzz(
                    READERS[reader], shapes_of(reader), place, inputs=count, seed=seed, traced=args.traced
                )
                total = [
                    a + b for a, b in zip(total, (part.inputs, part.read, part.refused, 0), strict=True)
                ]
                total[3], slowest = max(total[3], part.lines), max(slowest, part.slowest)
                for data, fault in part.findings:
                    found.setdefault(fault[:60], (data, fault))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        inputs, read, refused, lines = total
        row = f"{reader:11} {inputs:7} {read:9} {refused:9} {lines:6} {slowest:10.2f} {peak:9}"
        print(f"{row} {len(found):6}", flush=True)
        for data, fault in found.values():
            path = CORPUS / reader / hashlib.sha256(data).hexdigest()[:12]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"  {path.name}: {fault}", flush=True)
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
