"""nitograph generate: invent a thread of a class; write its neon picture and its JSON.

A text of several classes (`2026`, `I {heart} U`) gives one picture with one board per sign. The model winds
a picture given instead of a class, or along with it, in one pass, and finishes a thread that is begun.

Try it: python -m nitograph generate 7
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nitograph.api.inventing import Wish, check_seed, invented
from nitograph.api.models import find_weights
from nitograph.api.words import spelled
from nitograph.cli.models import (
    add_begun_argument,
    add_model_arguments,
    add_repair_argument,
    read_begun,
    read_sampling,
)
from nitograph.cli.options import add_settings, read_settings
from nitograph.drawing.look import NeonSettings
from nitograph.drawing.renderers import RENDERERS, render
from nitograph.errors import SettingsError
from nitograph.io import threads as thread_files
from nitograph.io.files import write_text
from nitograph.io.names import file_stem
from nitograph.io.outputs import JSON, PNG, Output, claim
from nitograph.weaving.photo import PhotoSettings

if TYPE_CHECKING:
    from nitograph.thread import Thread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The class, the files, sampling and the look."""
    parser.add_argument(
        "label",
        metavar="CLASS",
        nargs="?",
        help="a class that the model knows, or a text of such classes: 2026, 'Hello 2026', 'I {heart} U'",
    )
    parser.add_argument("--image", metavar="FILE", help="picture to wind instead: a file, or mnist:test:17")
    parser.add_argument("--like", metavar="FILE", help="picture to wind as an example of CLASS")
    parser.add_argument(
        "--output", "-o", metavar="PNG", help="where to write the picture (default digit_CLASS_4k.png)"
    )
    parser.add_argument(
        "--sequence-output",
        metavar="JSON",
        help="where to write the thread (default: beside the picture, as .json)",
    )
    parser.add_argument(
        "--seed", type=int, default=42, help="the same seed gives the same thread (default %(default)s)"
    )
    parser.add_argument("--show", action="store_true", help="open the picture when it is written")
    parser.add_argument(
        "--export",
        metavar="LIST",
        help="also write these formats, beside the picture: svg,pdf,list,csv,txt,dxf,gcode,html",
    )
    parser.add_argument(
        "--renderer", choices=RENDERERS, default="neon", help="renderer (default %(default)s)"
    )
    add_begun_argument(parser)
    add_repair_argument(parser)
    add_model_arguments(parser)
    add_settings(parser, NeonSettings, title="picture")
    add_settings(
        parser,
        PhotoSettings,
        title="picture to wind; dark ink on light paper is seen by itself",
        leave_out=("faces",),
    )


def run(args: argparse.Namespace) -> int:
    """Invent, draw, write, print the paths."""
    if args.label is None and args.image is None and args.begun is None:
        raise SettingsError(
            "give a class to invent, a picture to wind or a thread to finish: generate 7, "
            "generate --image FILE or generate --continue FILE"
        )
    if args.like is not None and (args.label is None or args.image is not None):
        raise SettingsError("an example needs a class and excludes another picture: generate 7 --like FILE")
    check_seed(args.seed)
    sampling, look = read_sampling(args), read_settings(args, NeonSettings)
    output = Path(args.output or f"digit_{_name(args)}_4k.png")
    sequence = Path(args.sequence_output or output.with_suffix(".json"))
    formats = [part.strip() for part in args.export.split(",") if part.strip()] if args.export else []
    _claim(args, output, sequence)
    weights = find_weights(args.checkpoint, wanted=() if args.label is None else [args.label])
    text = None if args.label is None else spelled(args.label, weights.classes)
    labels = [None] if text is None else text.names
    _claim(args, output, sequence, _places(formats, output, len(labels)))
    begun = read_begun(args, weights)
    wish = Wish(
        args.image or args.like, begun, args.repair, args.device, read_settings(args, PhotoSettings)
    )
    threads = invented(weights, labels, args.seed, sampling, wish)
    threads = threads if text is None else text.placed(threads)
    render(threads, look, args.renderer).save(output)
    write_text(sequence, thread_files.to_json(threads, indent=2) + "\n")
    written = _export(threads, formats, output)
    chords = sum(thread.line_count for thread in threads)
    print(
        ", ".join(str(path) for path in (output, sequence, *written))
        + f": {chords} chords, seed {args.seed}"
    )
    if args.show:
        from PIL import Image

        Image.open(output).show()
    return 0


def _claim(args: argparse.Namespace, output: Path, sequence: Path, more: Sequence[Path] = ()) -> None:
    """Check that all outputs can be written and that none would overwrite an input or another output."""
    written = [Output("picture", output, PNG), Output("thread", sequence, JSON)]
    written += [Output(f"{path.suffix} file", path) for path in more]
    inputs = {"picture": args.image or args.like, "begun thread": args.begun, "weights": args.checkpoint}
    claim(written, inputs)


def _places(formats: list[str], output: Path, boards: int) -> list[Path]:
    if not formats:
        return []
    from nitograph.exporting.formats import format_named, places_of

    chosen = [format_named(name) for name in formats]
    for wanted in chosen:
        wanted.check()
    return places_of(chosen, output.with_suffix(""), boards)


def _export(threads: "list[Thread]", formats: list[str], output: Path) -> list[Path]:
    if not formats:
        return []
    from nitograph.exporting.formats import write_all

    return list(write_all(threads, formats, output.with_suffix("")))


def _name(args: argparse.Namespace) -> str:
    """What the default names of the outputs tell of the inputs."""
    if args.label is not None:
        name = file_stem(args.label)
    else:
        name = _safe(Path((args.image or args.begun).replace(":", "_")).stem)
    return name if args.begun is None else f"{name}_continued"


def _safe(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    return kept[:40] or "any"
