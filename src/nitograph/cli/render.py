"""nitograph render: a thread file, or a picture that carries its thread, drawn as a picture.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

import argparse

from nitograph.cli.inputs import add_thread_arguments, read_threads
from nitograph.cli.options import add_settings, read_settings
from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings
from nitograph.errors import FileError
from nitograph.io import threads as bundle
from nitograph.io.files import check_writable, write_bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, the picture, and every flag of the neon look."""
    add_thread_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="picture to write")
    parser.add_argument(
        "--renderer", choices=("neon", "matplotlib"), default="neon", help="the look (default neon)"
    )
    add_settings(parser, NeonSettings, title="the light")


def run(args: argparse.Namespace) -> int:
    """Read, draw, write; the picture carries its threads."""
    settings = read_settings(args, NeonSettings)
    output = check_writable(args.output)
    if output.suffix.lower() != ".png":
        raise FileError(f"a picture is written as .png, got {output.name}")
    threads = read_threads(args)
    if args.renderer == "matplotlib":
        from nitograph.drawing.classic import classic

        picture = classic(threads, settings)
    else:
        picture = neon.draw(threads, settings)
    write_bytes(output, neon.encode_png(picture, text=bundle.to_json(threads)))
    height, width = picture.pixels.shape[:2]
    print(f"{output}: {width} × {height}, {sum(thread.line_count for thread in threads)} chords")
    return 0
