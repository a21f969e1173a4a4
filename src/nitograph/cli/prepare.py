"""nitograph prepare: weave a training corpus from handwriting, here or on a cluster, to a file or shards.

Try it: python -m nitograph prepare --samples 500 --output small.npz
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nitograph.cli.options import add_settings, given_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.corpus.prepare import Engine, build, forget_parts, local
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.shards import LOCK, PARTS, build_shards
from nitograph.corpus.sources import LabelledImages, find_all, mnist
from nitograph.corpus.sources.images import SPLITS
from nitograph.errors import SettingsError
from nitograph.io.locks import sole_writer
from nitograph.io.outputs import CORPUS, Output, claim, claim_folder
from nitograph.weaving.encoder import PRESETS, WeaveSettings

ORIGINAL_FOLDER = "data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The source, the output, which rows, and how they are woven."""
    parser.add_argument(
        "--output",
        "-o",
        default="string_dataset.npz",
        help="where to write the corpus: a file, or without an ending a folder of shards, from which "
        "a corpus larger than memory is trained (default %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "dask"),
        default="local",
        help="where to weave: on the cores of this machine, or on a Dask cluster (default local)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster, as tcp://host:8786; without it --engine dask starts one here",
    )
    parser.add_argument(
        "--source",
        action="append",
        metavar="SOURCE",
        help="pictures by class, several joined: mnist (default), idx:DIR (IDX files, EMNIST's too), "
        "folder:DIR (a folder of pictures for each class), font:FILE:CHARS or font:DIR:CHARS (as A-Za-z&), "
        "hershey:NAME:CHARS, icons:DIR (SVG files), quickdraw:FILE (.npy, .ndjson)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of IDX files of digits, whose labels need no names (default: the bundled MNIST)",
    )
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="train",
        help="which pictures of the sources (default train)",
    )
    parser.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        default="default",
        help="preset that the weaving settings start from",
    )
    add_settings(parser, CorpusSettings, title="rows")
    add_settings(parser, WeaveSettings, title="weaving")


def run(args: argparse.Namespace) -> int:
    """Weave, write, print a summary."""
    settings = read_settings(args, CorpusSettings)
    weaving = weaving_settings(args)
    if args.scheduler is not None and args.engine != "dask":
        raise SettingsError("a scheduler is one of Dask; give --engine dask with it, or leave it out")
    output = Path(args.output)
    sharded = output.is_dir() or not output.suffix
    if sharded:
        claim_folder("corpus", output)
    else:
        claim([Output("corpus", output, CORPUS)])
    images = _images(args)
    parts = output / PARTS if sharded else output.with_name(f".{output.name}.parts")
    with (
        sole_writer(output / LOCK if sharded else parts / LOCK, output),
        _engine(args) as engine,
        _shown(settings.samples) as show,
    ):
        if sharded:
            corpus = build_shards(output, images, settings, weaving, engine=engine, progress=show)
        else:
            corpus = build(images, settings, weaving, parts=parts, engine=engine, progress=show)
            corpus.save(output)
            forget_parts(parts)
    _print_summary(output, corpus)
    return 0


def _images(args: argparse.Namespace) -> LabelledImages:
    """The pictures of all sources; what was recognised or left out is printed."""
    if args.source and args.data_dir is not None:
        raise SettingsError(
            "a data folder is a source itself; give --source idx:DIR instead of --data-dir DIR"
        )
    named = args.source
    images = find_all(named, args.split) if named else mnist(args.split, _folder(args.data_dir))
    for note in images.notes:
        print(note if images.parts else f"{images.name}: {note}")
    return images


@contextmanager
def _engine(args: argparse.Namespace) -> Iterator[Engine]:
    """What weaves; a cluster is joined, or started, and left at the end."""
    if args.engine == "local":
        yield local
        return
    from nitograph.corpus.cluster import cluster

    if args.scheduler is None:
        print("no --scheduler: starting a Dask cluster on the cores of this machine", flush=True)
    with cluster(args.scheduler) as engine:
        yield engine


def _print_summary(output: Path, corpus: Corpus) -> None:
    chords = corpus.lengths - 3
    print(
        f"{output}: {len(corpus)} threads of {len(set(corpus.sources.tolist()))} images, "
        f"{chords.min()} to {chords.max()} chords (mean {chords.mean():.0f}), "
        f"{corpus.explained.mean():.1%} of the pictures' energy explained"
    )


def _folder(data_dir: str | None) -> Path | None:
    """Where the IDX files are; None means those of the package.

    The first Nitograph fetched MNIST into its default folder; its commands, spelled out, work without it.
    """
    if data_dir == ORIGINAL_FOLDER and not Path(data_dir).exists():
        print(f"there is no folder {data_dir}: using the MNIST files of the package")
        return None
    return Path(data_dir) if data_dir else None


@contextmanager
def _shown(samples: int) -> Iterator[Callable[[int], None]]:
    """A progress bar; after an interrupt, print how much of the corpus is saved."""
    kept = 0
    try:
        with progress("weaving", samples) as show:

            def advance(count: int) -> None:
                nonlocal kept
                kept = count
                show(count)

            yield advance
    except KeyboardInterrupt:
        if kept:
            print(f"{kept} of {samples} threads are saved; the same command continues from there")
        raise


def weaving_settings(args: argparse.Namespace) -> WeaveSettings:
    """Weaving settings over a preset. A max_lines given alone also lowers min_lines, as in the original."""
    base, given = PRESETS[args.preset], given_settings(args, WeaveSettings)
    if "max_lines" in given and "min_lines" not in given:
        given["min_lines"] = min(base.min_lines, given["max_lines"])
    return base.replace(**given)
