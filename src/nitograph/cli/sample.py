"""nitograph sample: invent any number of threads; write JSON lines, or shards of JSON lines or Parquet.

Thread i of `--seed S` is the one that `generate --seed S+i` invents. Many threads are written as they come,
on all cores; after an interrupt or a kill the same command goes on where it stopped.

Try it: python -m nitograph sample 7 --count 10 -o threads.jsonl
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nitograph import __version__
from nitograph.api.inventing import Wish, threads_of
from nitograph.api.models import find_weights, make_decoder
from nitograph.api.words import class_named
from nitograph.cli.models import (
    add_begun_argument,
    add_model_arguments,
    add_repair_argument,
    read_begun,
    read_sampling,
)
from nitograph.cli.progress import progress
from nitograph.compute.cores import at_most, cores
from nitograph.errors import SettingsError
from nitograph.io.files import write_text
from nitograph.io.locks import sole_writer
from nitograph.io.outputs import LINES, Output, claim, claim_folder
from nitograph.io.streams import LOCK, Item, LinesFile, ShardFolder, Sink, line_items, nail_items
from nitograph.sampling.sampler import SampleSettings, provenance, resolved
from nitograph.sampling.stream import UNIT, Order, stream

MAX_COUNT = 1_000_000_000
SHARD = 16 * UNIT
FORMAT = "nitograph-sample/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The class, the count, the first seed, the output and how it is shared out."""
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
        "--output",
        "-o",
        default="threads.jsonl",
        help="where to write the threads: a file of JSON lines, or without an ending a folder of shards "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="of shards (default %(default)s; parquet needs pyarrow)",
    )
    parser.add_argument(
        "--shard-size",
        type=int,
        metavar="N",
        default=SHARD,
        help="threads in a shard (default %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes, each on one core; the threads are the same (default: one per usable core)",
    )
    add_begun_argument(parser)
    add_repair_argument(parser)
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Sample and write."""
    _check_numbers(args)
    settings, output = read_sampling(args), Path(args.output)
    sharded = output.is_dir() or not output.suffix
    if sharded:
        claim_folder("sample", output)
    else:
        inputs = {"begun thread": args.begun, "weights": args.checkpoint}
        claim([Output("list of threads", output, LINES)], inputs)
    order = _order(args, settings)
    if args.begun or args.repair:
        return _write_wished(order, output, args, sharded=sharded)
    if not sharded and order.count <= UNIT:
        return _write_few(order, output, args)
    lock = output / LOCK if sharded else output.with_name(f".{output.name}.parts") / LOCK
    with sole_writer(lock, output):
        sink = _shards(order, output, args) if sharded else _lines(order, output, lock.parent)
        if sink.finished:
            print(f"{output} is finished: {order.count} threads")
            return 0
        _fill(sink, order, args)
    _print_summary(output, sink.done, sink.chords)
    return 0


def _check_numbers(args: argparse.Namespace) -> None:
    """SettingsError if flags are out of range or exclude each other."""
    if not 1 <= args.count <= MAX_COUNT or args.seed < 0:
        raise SettingsError(
            f"count must be 1 to {MAX_COUNT} and seed not negative, got {args.count} and {args.seed}"
        )
    if not 1 <= args.shard_size <= 1_000_000:
        raise SettingsError(f"shard_size must be 1 to 1000000, got {args.shard_size}")
    if args.workers is not None and not 1 <= args.workers <= 4096:
        raise SettingsError(f"workers must be 1 to 4096, got {args.workers}")
    if args.workers and args.workers > 1 and args.device in ("cuda", "mps"):
        raise SettingsError(f"device {args.device} decodes in one process, got {args.workers} workers")
    if args.format == "parquet":
        if Path(args.output).suffix:
            raise SettingsError(
                f"Parquet is written in shards, got the file {args.output}; name a folder, with no ending"
            )
        from nitograph.io.parquet import need_pyarrow

        need_pyarrow()


def _order(args: argparse.Namespace, settings: SampleSettings) -> Order:
    """What is to be invented, once it is sure that the model can."""
    weights = find_weights(args.checkpoint, wanted=[args.label])
    label = None if args.label == "any" and "any" not in weights.classes else args.label
    label = label and (class_named(label, weights.classes) or label)
    if label is not None:
        weights.vocabulary.class_index(label)
    resolved(settings, weights)
    return Order(weights, label, args.seed, args.count, settings)


def _write_few(order: Order, output: Path, args: argparse.Namespace) -> int:
    """All threads at once."""
    decoder = make_decoder(order.weights, args.device)
    with at_most(args.workers or cores()):
        (items,) = stream(order, line_items, decoder=decoder)
    write_text(output, b"".join(item.body for item in items).decode())
    _print_summary(output, len(items), sum(item.chords for item in items))
    return 0


def _write_wished(order: Order, output: Path, args: argparse.Namespace, *, sharded: bool) -> int:
    """Threads that are repaired or that finish a begun one: all at once, in one file."""
    if sharded:
        raise SettingsError(
            f"--repair and --continue write one file of JSON lines, got the folder {output}"
        )
    wish = Wish(begun=read_begun(args, order.weights), repair=args.repair, device=args.device)
    seeds = range(order.seed, order.seed + order.count)
    with at_most(args.workers or cores()), progress("sampling", order.count) as done:
        labels = [order.label] * order.count
        threads = threads_of(order.weights, labels, seeds, order.settings, wish, progress=done)
    write_text(output, "".join(thread.to_json() + "\n" for thread in threads))
    _print_summary(output, len(threads), sum(thread.line_count for thread in threads))
    return 0


def _manifest(order: Order, **more: object) -> dict[str, Any]:
    """What makes a run: the same gives the same bytes."""
    return {
        "format": FORMAT,
        "nitograph": __version__,
        "weights": order.weights.digest,
        "label": order.label,
        "seed": order.seed,
        "count": order.count,
        "sampling": resolved(order.settings, order.weights).to_dict(),
        **more,
    }


def _lines(order: Order, output: Path, parts: Path) -> Sink:
    text = json.dumps(_manifest(order), sort_keys=True)
    return LinesFile(output, parts, hashlib.sha256(text.encode()).hexdigest()[:16])


def _shards(order: Order, output: Path, args: argparse.Namespace) -> Sink:
    manifest = _manifest(order, files=args.format, shard_size=args.shard_size)
    common = {"num_nails": order.weights.board.num_nails, "provenance": _common(order)}

    def encode(items: Sequence[Item], first: int) -> bytes:
        if args.format == "jsonl":
            return b"".join(item.body for item in items)
        from nitograph.io.parquet import to_parquet

        seeds = range(order.seed + first, order.seed + first + len(items))
        return to_parquet([item.body for item in items], seeds, order.label, common)

    return ShardFolder(output, manifest, args.shard_size, f".{args.format}", encode)


def _common(order: Order) -> dict[str, Any]:
    """The provenance that all threads share."""
    made = provenance(order.weights, order.settings, order.seed)
    return {name: value for name, value in made.items() if name != "seed"}


def _fill(sink: Sink, order: Order, args: argparse.Namespace) -> None:
    """Invent what is missing; after an interrupt, print how much is saved."""
    encode = nail_items if args.format == "parquet" else line_items
    decoder = make_decoder(order.weights, args.device) if args.device in ("cuda", "mps") else None
    workers = 0 if decoder is not None else args.workers or cores()
    if sink.done:
        print(f"{sink.done} of {order.count} threads are there already", flush=True)
    try:
        with progress("sampling", order.count, done=sink.done) as show:
            for items in stream(order, encode, start=sink.done, workers=workers, decoder=decoder):
                sink.add(items)
                show(sink.done)
        sink.finish()
    except KeyboardInterrupt:
        sink.keep()
        if sink.done:
            print(f"{sink.done} of {order.count} threads are saved; the same command continues from there")
        raise
    finally:
        sink.close()


def _print_summary(output: Path, count: int, chords: int) -> None:
    print(f"{output}: {count} threads, {chords / count:.0f} chords on average")
