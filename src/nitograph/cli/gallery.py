"""nitograph gallery: draw many threads as one offline page or as a contact sheet.

Thread j of a class has seed S + j, so that `generate CLASS --seed S+j` draws it large.

Try it: python -m nitograph gallery 7 --count 24 --seed 1 -o gallery.html
"""

import argparse
from pathlib import Path

from nitograph.api.models import find_weights
from nitograph.api.words import spelled
from nitograph.cli.models import add_model_arguments, add_repair_argument, read_sampling
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.drawing.contact_sheet import sheet_size
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.io import threads as thread_files
from nitograph.io.files import read_text, write_text
from nitograph.io.outputs import PAGE, PNG, Output, claim
from nitograph.thread import Thread

MAX_THREADS = 10_000
SINGLE = ("size_inches", "dpi", "size", "layout")  # settings of a single picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Classes, count and first seed; or a file of threads; and the look."""
    parser.add_argument(
        "classes",
        nargs="*",
        metavar="CLASS",
        help="classes to invent, separate or as one word (default all)",
    )
    parser.add_argument(
        "--count", type=int, default=100, help="total number of threads (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=42, help="first seed of each class (default %(default)s)"
    )
    parser.add_argument(
        "--output",
        "-o",
        default="gallery.html",
        metavar="FILE",
        help="where to write: .html for a page, .png for a contact sheet (default %(default)s)",
    )
    parser.add_argument(
        "--threads", metavar="JSONL", help="show the threads in this file instead of inventing some"
    )
    parser.add_argument("--title", default="", help="headline of the page")
    parser.add_argument("--columns", type=int, help="threads per row of the contact sheet")
    parser.add_argument("--tile", type=int, default=320, help="size of one thread on the contact sheet, px")
    add_repair_argument(parser)
    add_model_arguments(parser)
    add_settings(parser, NeonSettings, title="look", leave_out=SINGLE)


def run(args: argparse.Namespace) -> int:
    """Read or invent the threads, write the page or the sheet."""
    if not 1 <= args.count <= MAX_THREADS or args.seed < 0:
        raise SettingsError(
            f"count must be 1 to {MAX_THREADS} and seed not negative, got {args.count} and {args.seed}"
        )
    if args.columns is not None and not 1 <= args.columns <= MAX_THREADS:
        raise SettingsError(f"columns must be 1 to {MAX_THREADS}, got {args.columns}")
    if args.repair and args.threads is not None:
        raise SettingsError("threads in a file have no plans to repair them towards; leave one out")
    look = read_settings(args, NeonSettings)
    inputs = {"list of threads": args.threads, "weights": args.checkpoint}
    (output,) = claim([Output("gallery", Path(args.output), (*PAGE, *PNG))], inputs)
    if output.suffix.lower() == ".png" and args.threads is None:
        sheet_size(args.count, args.columns, args.tile, titled=True)
    threads = _given(args.threads, args.count) if args.threads else _invented(args)
    if output.suffix.lower() == ".png":
        _sheet(threads, look, args, output)
    else:
        from nitograph.drawing import gallery

        write_text(output, gallery.page(threads, look, title=args.title or _headline(threads)))
    print(f"{output}: {len(threads)} threads")
    return 0


def _given(path: str, count: int) -> list[Thread]:
    return thread_files.from_lines(read_text(path), name=path)[:count]


def _invented(args: argparse.Namespace) -> list[Thread]:
    """Threads of every class, as evenly as the count allows, in order of class and seed."""
    from nitograph.api.inventing import Wish, threads_of

    sampling, weights = read_sampling(args), find_weights(args.checkpoint, wanted=args.classes)
    named = [name for text in args.classes for name in spelled(text, weights.classes).names]
    classes = list(dict.fromkeys(named or weights.classes))[: args.count]
    shares = [args.count // len(classes) + (i < args.count % len(classes)) for i in range(len(classes))]
    labels = [label for label, share in zip(classes, shares, strict=True) for _ in range(share)]
    seeds = [args.seed + j for share in shares for j in range(share)]
    wish = Wish(repair=args.repair, device=args.device)
    with progress("inventing", len(labels)) as done:
        return threads_of(weights, labels, seeds, sampling, wish, progress=done)


def _sheet(threads: list[Thread], look: NeonSettings, args: argparse.Namespace, output: Path) -> None:
    from nitograph.drawing.contact_sheet import contact_sheet

    titles = [_title(thread) for thread in threads]
    picture = contact_sheet(threads, titles, args.columns, tile=args.tile, settings=look)
    picture.save(output)


def _title(thread: Thread) -> str:
    seed = thread.provenance.get("seed")
    return " · ".join([thread.label or "thread", *([] if seed is None else [f"seed {seed}"])])


def _headline(threads: list[Thread]) -> str:
    labels = list(dict.fromkeys(thread.label for thread in threads if thread.label))
    shown = ", ".join(labels[:12]) + (" …" if len(labels) > 12 else "")
    return f"Wound with one thread each: {shown}" if labels else "Wound with one thread each"
