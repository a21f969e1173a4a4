"""nitograph animate: make a film of the thread being wound.

Try it: python -m nitograph animate thread.json -o winding.mp4
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from nitograph.cli.inputs import add_thread_arguments, read_threads
from nitograph.cli.options import add_settings, given_settings, read_settings
from nitograph.cli.progress import Advance, progress
from nitograph.drawing import film
from nitograph.drawing.board import BoardLook
from nitograph.drawing.film import FilmSettings
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.renderers import renderer_for
from nitograph.errors import SettingsError
from nitograph.io.files import replacing
from nitograph.io.outputs import Output, claim

MAX_SIDE = 4096
SIDES = {".mp4": 1080, ".gif": 540, ".webp": 720}
SIZED = ("size_inches", "dpi", "size")  # a film has a flag of its own for its size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, the film, and the look."""
    add_thread_arguments(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to write the film: .mp4, .gif or .webp"
    )
    parser.add_argument(
        "--size", type=int, metavar="N", help="side of the film, px (default mp4 1080, webp 720, gif 540)"
    )
    parser.add_argument(
        "--look", choices=("neon", "board"),
        help="neon, or the board in true thickness (default: board for photographs without a palette)",
    )  # fmt: skip
    add_settings(parser, FilmSettings, title="film")
    add_settings(parser, NeonSettings, title="look", leave_out=SIZED)
    add_settings(parser, BoardLook, title="finished board (--look board)")


def run(args: argparse.Namespace) -> int:
    """Read, draw the frames, write; an interrupt leaves no file."""
    settings = read_settings(args, FilmSettings)
    ending = film.check_ending(args.output)
    (output,) = claim([Output("film", Path(args.output))], {"thread file": args.thread})
    side = SIDES[ending] if args.size is None else args.size
    if not 64 <= side <= MAX_SIDE:
        raise SettingsError(f"a film has 64 to {MAX_SIDE} pixels per side, got {side}")
    args.size = None
    look = read_settings(args, NeonSettings).replace(size=side)
    threads = read_threads(args)
    kind = args.look or renderer_for(threads, given_settings(args, NeonSettings))
    board = read_settings(args, BoardLook) if kind == "board" else None
    pictures = film.frames(threads, look, settings, board=board)
    with progress("winding", settings.frames) as done, replacing(output) as temporary:
        film.write(temporary, _reporting(pictures, done), settings, ending)
    size = output.stat().st_size / 1e6
    print(f"{output}: {settings.frames} frames, {settings.frames / settings.fps:.1f} s, {size:.1f} MB")
    return 0


def _reporting(pictures: Iterator[Picture], done: Advance) -> Iterator[Picture]:
    """The same frames; `done` gets how many have been written."""
    for count, picture in enumerate(pictures):
        yield picture
        done(count + 1)
