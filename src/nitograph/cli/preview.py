"""nitograph preview: draw a contact sheet of a corpus.

Try it: python -m nitograph preview --dataset string_dataset.npz --output dataset_preview.png
"""

import argparse
from pathlib import Path

import numpy as np

from nitograph.corpus.rows import load_corpus
from nitograph.errors import SettingsError
from nitograph.io.files import write_bytes
from nitograph.io.outputs import PNG, Output, claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The corpus, the picture and the number of threads."""
    parser.add_argument(
        "--dataset", default="string_dataset.npz", help="corpus to read (default %(default)s)"
    )
    parser.add_argument(
        "--output",
        "-o",
        default="dataset_preview.png",
        help="where to write the picture (default %(default)s)",
    )
    parser.add_argument("--count", type=int, default=20, help="number of threads (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=42, help="seed of the random choice (default %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Choose rows, draw them, write the sheet."""
    if not 1 <= args.count <= 10_000 or args.seed < 0:
        raise SettingsError(
            f"count must be 1 to 10000 and seed not negative, got {args.count} and {args.seed}"
        )
    (output,) = claim([Output("contact sheet", Path(args.output), PNG)], {"corpus": args.dataset})
    corpus = load_corpus(args.dataset)
    from nitograph.drawing.contact_sheet import contact_sheet

    chosen = np.random.default_rng(args.seed).permutation(len(corpus))[: args.count]
    chosen = chosen[np.argsort(corpus.labels[chosen], kind="stable")]
    threads = [corpus.thread(int(row)) for row in chosen]
    titles = [f"{thread.label} · {thread.line_count} chords" for thread in threads]
    write_bytes(output, contact_sheet(threads, titles).png(with_threads=False))
    print(f"{output}: {len(threads)} of {len(corpus)} threads")
    return 0
