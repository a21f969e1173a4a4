"""nitograph render: draw a thread file, or a picture that carries its threads, in neon or as a board.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

import argparse
from pathlib import Path

from nitograph.cli.inputs import add_thread_arguments, read_threads
from nitograph.cli.options import add_settings, given_settings, read_settings
from nitograph.drawing.board import BoardLook
from nitograph.drawing.look import NeonSettings
from nitograph.drawing.renderers import RENDERERS, render, renderer_for
from nitograph.io.outputs import PNG, Output, claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, the picture, and every flag of the neon look."""
    add_thread_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="where to write the picture")
    parser.add_argument(
        "--look", "--renderer", dest="renderer", choices=RENDERERS, default=None,
        help="neon, the finished board in true thickness, or the first Nitograph's (default: board for "
        "photographs without a palette, else neon)",
    )  # fmt: skip
    add_settings(parser, NeonSettings, title="look")
    add_settings(parser, BoardLook, title="finished board (--look board)")


def run(args: argparse.Namespace) -> int:
    """Read, draw, write; the picture carries its threads."""
    settings, board = read_settings(args, NeonSettings), read_settings(args, BoardLook)
    (output,) = claim([Output("picture", Path(args.output), PNG)], {"thread file": args.thread})
    threads = read_threads(args)
    renderer = args.renderer or renderer_for(threads, given_settings(args, NeonSettings))
    picture = render(threads, settings, renderer, board)
    picture.save(output)
    chords = sum(thread.line_count for thread in threads)
    print(f"{output}: {picture.width} × {picture.height}, {chords} chords")
    return 0
