"""nitograph sample: invent many threads at once; write one JSON object per line.

Thread i of `--seed S` is the one that `generate --seed S+i` invents.

Try it: python -m nitograph sample 7 --count 10 -o threads.jsonl
"""

import argparse
from pathlib import Path

from nitograph.api.inventing import Wish, threads_of
from nitograph.api.models import find_weights
from nitograph.cli.models import (
    add_begun_argument,
    add_model_arguments,
    add_repair_argument,
    read_begun,
    read_sampling,
)
from nitograph.cli.progress import progress
from nitograph.errors import SettingsError
from nitograph.io.files import write_text
from nitograph.io.outputs import LINES, Output, claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The class, the count, the first seed and the output."""
    parser.add_argument(
        "label", metavar="CLASS", help="a class that the model knows; `any` for no class in particular"
    )
    parser.add_argument("--count", type=int, default=1, help="number of threads (default %(default)s)")
    parser.add_argument(
        "--seed",
        type=int,
        default=42,
        help="seed of the first thread; the others count up from it (default %(default)s)",
    )
    parser.add_argument(
        "--output", "-o", default="threads.jsonl", help="where to write the threads (default %(default)s)"
    )
    add_begun_argument(parser)
    add_repair_argument(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Sample and write."""
    if not 1 <= args.count <= 10_000_000 or args.seed < 0:
        raise SettingsError(
            f"count must be 1 to 10000000 and seed not negative, got {args.count} and {args.seed}"
        )
    settings = read_sampling(args)
    inputs = {"begun thread": args.begun, "weights": args.checkpoint}
    (output,) = claim([Output("list of threads", Path(args.output), LINES)], inputs)
    weights = find_weights(args.checkpoint)
    label = None if args.label == "any" and "any" not in weights.classes else args.label
    seeds = range(args.seed, args.seed + args.count)
    wish = Wish(begun=read_begun(args, weights), repair=args.repair, device=args.device)
    with progress("sampling", args.count) as done:
        threads = threads_of(weights, [label] * args.count, seeds, settings, wish, progress=done)
    write_text(output, "".join(thread.to_json() + "\n" for thread in threads))
    mean = sum(thread.line_count for thread in threads) / len(threads)
    print(f"{output}: {len(threads)} threads, {mean:.0f} chords on average")
    return 0
