"""nitograph render: draw a thread file, or a picture that carries its threads, as a picture.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

import argparse
from pathlib import Path

from nitograph.cli.inputs import add_thread_arguments, read_threads
from nitograph.cli.options import add_settings, read_settings
from nitograph.drawing.look import NeonSettings
from nitograph.drawing.renderers import RENDERERS, render
from nitograph.io.outputs import PNG, Output, claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, the picture, and every flag of the neon look."""
    add_thread_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="where to write the picture")
    parser.add_argument("--renderer", choices=RENDERERS, default="neon", help="renderer (default neon)")
    add_settings(parser, NeonSettings, title="look")


def run(args: argparse.Namespace) -> int:
    """Read, draw, write; the picture carries its threads."""
    settings = read_settings(args, NeonSettings)
    (output,) = claim([Output("picture", Path(args.output), PNG)], {"thread file": args.thread})
    threads = read_threads(args)
    picture = render(threads, settings, args.renderer)
    picture.save(output)
    chords = sum(thread.line_count for thread in threads)
    print(f"{output}: {picture.width} × {picture.height}, {chords} chords")
    return 0
