"""nitograph prepare: weave a training corpus from handwriting.

Try it: python -m nitograph prepare --samples 500 --output small.npz
"""

import argparse
from pathlib import Path

from nitograph.cli.options import add_settings, given_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.corpus.prepare import build, forget_parts
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.io.outputs import CORPUS, Output, claim
from nitograph.weaving.encoder import PRESETS, WeaveSettings

ORIGINAL_FOLDER = "data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The source, the output, which rows, and how they are woven."""
    parser.add_argument(
        "--output",
        "-o",
        default="string_dataset.npz",
        help="where to write the corpus (default %(default)s)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of MNIST-like IDX files, gzipped or not (default: the bundled MNIST)",
    )
    parser.add_argument(
        "--split", choices=("train", "test"), default="train", help="which images (default train)"
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
    (output,) = claim([Output("corpus", Path(args.output), CORPUS)])
    images = mnist(args.split, _folder(args.data_dir))
    parts = output.with_name(f".{output.name}.parts")
    corpus = _build(images, settings, weaving, parts)
    corpus.save(output)
    forget_parts(parts)
    chords = corpus.lengths - 3
    print(
        f"{output}: {len(corpus)} threads of {len(set(corpus.sources.tolist()))} images, "
        f"{chords.min()} to {chords.max()} chords (mean {chords.mean():.0f}), "
        f"{corpus.explained.mean():.1%} of the pictures' energy explained"
    )
    return 0


def _folder(data_dir: str | None) -> Path | None:
    """Where the IDX files are; None means those of the package.

    The first Nitograph fetched MNIST into its default folder; its commands, spelled out, work without it.
    """
    if data_dir == ORIGINAL_FOLDER and not Path(data_dir).exists():
        print(f"there is no folder {data_dir}: using the MNIST files of the package")
        return None
    return Path(data_dir) if data_dir else None


def _build(images: LabelledImages, settings: CorpusSettings, weaving: WeaveSettings, parts: Path) -> Corpus:
    """The corpus, woven with a progress bar; after an interrupt, print how much of it is saved."""
    kept = 0
    try:
        with progress("weaving", settings.samples) as show:

            def advance(count: int) -> None:
                nonlocal kept
                kept = count
                show(count)

            return build(images, settings, weaving, parts=parts, progress=advance)
    except KeyboardInterrupt:
        if kept:
            print(f"{kept} of {settings.samples} threads are saved; the same command continues from there")
        raise


def weaving_settings(args: argparse.Namespace) -> WeaveSettings:
    """Weaving settings over a preset. A max_lines given alone also lowers min_lines, as in the original."""
    base, given = PRESETS[args.preset], given_settings(args, WeaveSettings)
    if "max_lines" in given and "min_lines" not in given:
        given["min_lines"] = min(base.min_lines, given["max_lines"])
    return base.replace(**given)
