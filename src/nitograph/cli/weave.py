"""nitograph weave: turn a picture into a thread with the encoder alone.

Ctrl-C or SIGTERM stops the weaving and saves the thread so far. Pictures from MNIST use the settings of the
training corpus; picture files are photographs unless another preset is given: dark thread on a light board,
as thick as it is. `weave photo.jpg` alone writes photo.json and photo_preview.png, the finished board.

Try it: python -m nitograph weave mnist:test:17 -o thread.json
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nitograph.api.boards import board_and_given, on_board
from nitograph.api.colours import ColourSettings
from nitograph.api.weaving import (
    RealThread,
    board_of,
    grey_picture,
    photo_of,
    preset_name,
    settings_for,
    weaver_over,
    with_photo,
)
from nitograph.cli.interrupts import exit_code
from nitograph.cli.options import add_settings, given_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.cli.weave_colours import run_colours, wanted as colours_wanted
from nitograph.drawing.board import BoardLook, draw
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.exporting.workpiece import thread_width
from nitograph.io.files import write_text
from nitograph.io.outputs import JSON, PNG, Output, claim
from nitograph.shapes.settings import BoardSettings
from nitograph.weaving.photo import PhotoSettings, prepare_photo
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS, WeaveSettings

PREVIEW = 1200  # px

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nitograph.board import Board
    from nitograph.weaving.photograph import PhotoWeaver
    from nitograph.weaving.stepwise import Weaver


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The picture, the output, how it is woven, and how a photograph is prepared."""
    parser.add_argument("image", metavar="IMAGE", help="picture file, mnist:train:17 or mnist:test:17")
    parser.add_argument(
        "--output", "-o", metavar="JSON",
        help="where to write the thread (default: the picture's name with .json, in this folder)",
    )  # fmt: skip
    parser.add_argument(
        "--preview", metavar="PNG",
        help="where to draw the finished board (default: NAME_preview.png of photographs without --output)",
    )  # fmt: skip
    parser.add_argument(
        "--label", metavar="TEXT", help="class that the picture shows (default: MNIST's label)"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder of MNIST-like IDX files")
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        help="settings to start from (default: default for MNIST, photo for files)",
    )
    parser.add_argument(
        "--bound",
        action="store_true",
        help="also print a bound on how good any thread could be (small canvases)",
    )
    add_settings(parser, WeaveSettings, title="weaving")
    photo = parser.add_argument_group("photographs")
    photo.add_argument(
        "--importance", metavar="FILE", help="grey map of the picture: bright parts count more"
    )
    thread = photo.add_mutually_exclusive_group()
    thread.add_argument(
        "--thread", metavar="SIZE", help="the real thread: tex:30, dtex:300, denier:270 or mm:0.2 (default)"
    )
    thread.add_argument("--thread-mm", type=float, metavar="X", help="the same as its thickness, mm")
    photo.add_argument("--board-mm", type=float, metavar="X", help="the same as --diameter, for digits too")
    add_settings(parser, RealBoard, title="real board of a photograph", leave_out=("thread_width",))
    add_settings(parser, BoardSettings, title="nails of a photograph's board")
    add_settings(parser, PhotoSettings, title="picture", leave_out=("invert",))
    add_settings(parser, ColourSettings, title="several colours on one board")
    ground = parser.add_argument_group("dark or light thread").add_mutually_exclusive_group()
    for flags, dark, text in (
        (("--dark-thread", "--invert"), True, "dark thread on a light board: the default of photographs"),
        (("--light-thread", "--no-invert"), False, "light thread on a dark board: the default of digits"),
    ):
        ground.add_argument(
            *flags, dest="invert", action="store_const", const=dark, default=None, help=text
        )


def run(args: argparse.Namespace) -> int:
    """Weave, write, print the error."""
    output, preview = places(args)
    settings, board, nails = read_weave_settings(args)
    if colours_wanted(args):
        if nails is not None:
            raise SettingsError("several colours are woven on a ring of nails only; leave the board out")
        return run_colours(args, output, preview, settings, board)
    photo = photo_of(args.image, args.preset, read_settings(args, PhotoSettings))
    grey, _, label = grey_picture(args.image, args.data_dir, dark=photo.invert)
    weaver = weaver_over(grey, settings, photo, args.importance, board, nails)
    stopped = weave_with_progress(weaver, settings)
    thread = weaver.thread(label=args.label or label, source=args.image)
    thread = thread.replace(provenance=with_photo(thread.provenance, photo))
    write_text(output, thread.to_json(indent=1) + "\n")
    if preview is not None:
        draw(thread, NeonSettings(size=PREVIEW), BoardLook()).save(preview)
    error = 1 - weaver.explained()
    written = f"{output}" if preview is None else f"{output}, {preview}"
    faces = thread.provenance.get("faces", ())
    if faces:
        print(f"{len(faces)} face{'s' if len(faces) > 1 else ''} found and favoured (not with --faces off)")
    print(f"{written}: {thread.line_count} chords on {settings.nails} nails, error {error:.4f}")
    if weaver.stuck():
        shorter = "allow shorter chords, lower" if nails else "lower the smallest gap or"
        print(
            f"the walk ended because no nail may come next: {shorter} the number of recent chords that are "
            "not drawn again, or use more nails"
        )
    if args.bound:
        print_bound(prepare_photo(grey, photo), settings, error)
    return stopped


def places(args: argparse.Namespace) -> tuple[Path, Path | None]:
    """Where the thread and its preview go, once both can be written; None for no preview."""
    nails = read_settings(args, BoardSettings).file or None
    inputs = {"picture": args.image, "importance map": args.importance, "file of nails": nails}
    stem = Path(args.image.replace(":", "_")).stem
    preview = args.preview
    if args.output is None and preview is None and preset_name(args.image, args.preset) == "photo":
        preview = f"{stem}_preview.png"
    wanted = [Output("thread", Path(args.output or f"{stem}.json"), JSON)]
    wanted += [Output("preview", Path(preview), PNG)] if preview is not None else []
    output, *rest = claim(wanted, inputs)
    return output, rest[0] if rest else None


def read_weave_settings(
    args: argparse.Namespace,
) -> tuple[WeaveSettings, RealBoard | None, "Board | None"]:
    """The preset with the flags over it, and the board of a photograph, None where chords add light.

    Last the nails of a board that is no ring.
    """
    given = given_settings(args, WeaveSettings)
    diameter = args.diameter if args.board_mm is None else args.board_mm
    nails, woven = board_and_given(read_settings(args, BoardSettings), given, diameter)
    settings = settings_for(args.image, args.preset, woven)
    width = args.thread_mm if args.thread is None else thread_width(args.thread)
    thread = RealThread(width, diameter)
    board = board_of(args.image, args.preset, thread, read_settings(args, RealBoard), given)
    board = on_board(board, nails)
    if board is None:
        return thread.over(settings), None, None
    if args.bound:
        raise SettingsError("a bound is known only where chords add their light; weave with light added")
    return settings, board, nails


def weave_with_progress(weaver: "Weaver | PhotoWeaver", settings: WeaveSettings) -> int:
    """Weave to the end, or until Ctrl-C once there is a chord. Returns the exit code."""
    try:
        with progress("weaving", settings.max_lines) as done:
            while weaver.advance():
                done(weaver.chords)
    except KeyboardInterrupt as interrupt:
        if weaver.chords == 0:
            raise
        print("stopped; saving the thread so far")
        return exit_code(interrupt)
    return 0


def print_bound(grey: "NDArray[np.uint8]", settings: WeaveSettings, error: float) -> None:
    """Print how good any thread could be on this canvas with these chords."""
    from nitograph.weaving.bound import relaxed_bound
    from nitograph.weaving.encoder import targets

    found = relaxed_bound(targets(grey[None], settings)[0], settings)
    print(
        f"no additive thread has an error below {found.lower:.4f} (reachable without a path: "
        f"{found.upper:.4f}); this one has {error / found.upper:.3f} times the latter"
    )
