"""nitograph generate: invent a thread for a class, draw it in neon, keep it as JSON.

A word of several classes (`2026`) gives one board a character in one picture. A picture given instead of
(or beside) a class is wound by the model in one pass.

Try it: python -m nitograph generate 7
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nitograph.cli.models import (
    add_model_arguments,
    find_weights,
    make_decoder,
    read_sampling,
    split_classes,
)
from nitograph.cli.options import add_settings, read_settings
from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.io import threads as bundle
from nitograph.io.files import check_writable, write_bytes, write_text
from nitograph.sampling.invent import SampleSettings, invent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nitograph.model.weights import Weights
    from nitograph.thread import Thread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The class, the files, sampling and the neon look."""
    parser.add_argument(
        "label", metavar="CLASS", nargs="?", help="a class that the model knows, or a word of them"
    )
    parser.add_argument("--image", metavar="FILE", help="wind this picture (a file or mnist:test:17)")
    parser.add_argument("--like", metavar="FILE", help="the same, as an example of CLASS")
    parser.add_argument(
        "--output", "-o", metavar="PNG", help="picture to write (default digit_CLASS_4k.png)"
    )
    parser.add_argument(
        "--sequence-output", metavar="JSON", help="thread to write (default: the picture's name, .json)"
    )
    parser.add_argument(
        "--seed", type=int, default=42, help="brings the same thread back (default %(default)s)"
    )
    parser.add_argument("--show", action="store_true", help="open the picture when it is done")
    parser.add_argument(
        "--export", metavar="LIST", help="further files beside it: svg,pdf,list,csv,txt,dxf,gcode,html"
    )
    parser.add_argument(
        "--renderer", choices=("neon", "matplotlib"), default="neon", help="the look (default %(default)s)"
    )
    add_model_arguments(parser)
    add_settings(parser, NeonSettings, title="picture")


def run(args: argparse.Namespace) -> int:
    """Invent, draw, write, say where."""
    if args.label is None and args.image is None:
        raise SettingsError(
            "name a class to invent or a picture to wind: generate 7, or generate --image FILE"
        )
    if args.like is not None and (args.label is None or args.image is not None):
        raise SettingsError(
            "an example goes with a class and without another picture: generate 7 --like FILE"
        )
    if args.seed < 0:
        raise SettingsError(f"seed must not be negative, got {args.seed}")
    sampling, look = read_sampling(args), read_settings(args, NeonSettings)
    name = args.label if args.label is not None else Path(args.image.replace(":", "_")).stem
    output = check_writable(args.output or f"digit_{_safe(name)}_4k.png")
    sequence = check_writable(args.sequence_output or output.with_suffix(".json"))
    formats = [part.strip() for part in args.export.split(",") if part.strip()] if args.export else []
    threads = _invent(args, find_weights(args.checkpoint), sampling)
    _draw(args, threads, look, output, sequence)
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


def _invent(args: argparse.Namespace, weights: "Weights", sampling: SampleSettings) -> "list[Thread]":
    labels: list[str | None] = (
        [None] if args.label is None else [*split_classes(args.label, weights.classes)]
    )
    light = None
    if args.image or args.like:
        if len(labels) > 1:
            raise SettingsError(f"one picture makes one thread; give one class, got {args.label!r}")
        light = _light_of(args.image or args.like, weights)
    seeds = range(args.seed, args.seed + len(labels))
    threads = invent(
        weights, labels, seeds, sampling, light=light, decoder=make_decoder(weights, args.device)
    )
    if light is not None:
        picture = args.image or args.like
        threads = [
            thread.replace(provenance={**thread.provenance, "picture": picture}) for thread in threads
        ]
    return threads


def _light_of(source: str, weights: "Weights") -> "NDArray[np.float32]":
    """Zernike coefficients (1, k) of a picture, prepared as the corpus' pictures were."""
    from nitograph.corpus.sources import load
    from nitograph.weaving.encoder import WeaveSettings, targets

    image, _ = load(source)
    return weights.zernike.light(targets(image[None], WeaveSettings.from_dict(weights.weaving)))


def _draw(
    args: argparse.Namespace, threads: "list[Thread]", look: NeonSettings, output: Path, sequence: Path
) -> None:
    if args.renderer == "matplotlib":
        from nitograph.drawing.classic import classic

        picture = classic(threads, look)
    else:
        picture = neon.draw(threads, look)
    text = bundle.to_json(threads, label=args.label)
    write_bytes(output, neon.encode_png(picture, text=text))
    write_text(sequence, bundle.to_json(threads, label=args.label, indent=2) + "\n")


def _export(threads: "list[Thread]", formats: list[str], output: Path) -> list[Path]:
    if not formats:
        return []
    from nitograph.exporting.formats import write_all

    return list(write_all(threads, formats, output.with_suffix("")))


def _safe(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    return kept[:40] or "any"
