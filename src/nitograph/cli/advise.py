"""nitograph advise: how many nails and chords pay for a photograph, before nails are hammered.

Prints a table and an advice in words, and draws three boards side by side: with few nails, as advised, and
with the most nails and chords. With Matplotlib, `--plot` draws the curves.

Try it: python -m nitograph advise photo.jpg --diameter 600 --thread tex:30
"""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nitograph.api.advice import NAILS, Advice, Trial, advise, best_of, in_words, numbers_of_nails
from nitograph.api.boards import nails_by_number, on_board
from nitograph.api.weaving import RealThread, grey_picture, photo_of, photo_weaver_over, with_photo
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.drawing.board import BoardLook, draw
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.errors import SettingsError
from nitograph.exporting.workpiece import thread_width
from nitograph.io.outputs import PNG, Output, claim
from nitograph.shapes.settings import BoardSettings
from nitograph.weaving.photo import PhotoSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import MAX_LINES, PRESETS, WeaveSettings, in_angle

if TYPE_CHECKING:
    from nitograph.weaving.photograph import PhotoWeaver

SIDE = 640  # px of one board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The picture, the board, what is tried, and where it is drawn."""
    parser.add_argument("image", metavar="IMAGE", help="picture file")
    parser.add_argument(
        "-o", "--output", metavar="PNG", help="three boards side by side (default NAME_advice.png)"
    )
    parser.add_argument("--plot", metavar="PNG", help="also draw the curves; needs nitograph[sheets]")
    parser.add_argument(
        "--chords", type=int, default=4000, metavar="N", help="chords at most (default %(default)s)"
    )
    thread = parser.add_mutually_exclusive_group()
    thread.add_argument(
        "--thread", metavar="SIZE", help="the real thread: tex:30, dtex:300, denier:270 or mm:0.2 (default)"
    )
    thread.add_argument("--thread-mm", type=float, metavar="X", help="the same as its thickness, mm")
    add_settings(parser, RealBoard, title="board", leave_out=("thread_width", "light"))
    add_settings(parser, BoardSettings, title="nails that stand on no ring", leave_out=("spacing",))
    add_settings(parser, PhotoSettings, title="picture")


def run(args: argparse.Namespace) -> int:
    """Try, print the advice, draw."""
    outputs = [Output("boards", Path(args.output or f"{Path(args.image).stem}_advice.png"), PNG)]
    if args.plot is not None:
        outputs.append(Output("plot", Path(args.plot), PNG))
    paths = claim(outputs, {"picture": args.image})
    if not 100 <= args.chords <= MAX_LINES:
        raise SettingsError(f"advice is on 100 to {MAX_LINES} chords, got {args.chords}")
    width = args.thread_mm if args.thread is None else thread_width(args.thread)
    outline = read_settings(args, BoardSettings)
    nails_of = nails_by_number(outline, args.diameter)
    real = RealThread(width, args.diameter).board(read_settings(args, RealBoard))
    board = on_board(real, nails_of(NAILS[0])) or real
    photo = photo_of(args.image, "photo", read_settings(args, PhotoSettings))
    grey = grey_picture(args.image, dark=photo.invert)[0]

    def weaver_of(settings: WeaveSettings) -> "PhotoWeaver":
        nails = nails_of(settings.nails)
        settings = settings if nails is None else settings.replace(min_nail_gap=1)
        return photo_weaver_over(grey, settings, photo, None, board, nails)

    trials: list[Trial] = []
    numbers = numbers_of_nails(board, nails_of)
    with progress("trying nails", len(numbers)) as done:
        for trial in advise(weaver_of, board, args.chords, numbers):
            trials.append(trial)
            done(len(trials))
    advice = best_of(trials)
    print("\n".join(in_words(advice, board.view_mm)))
    _boards(advice, weaver_of, photo).save(paths[0])
    print(
        f"{paths[0]}: weave {args.image} --nails {advice.chosen.nails} --max-lines {advice.chosen.chords} "
        f"{_place(outline, board)} --thread-mm {board.thread_width:g}"
        + (f" --darkness {board.darkness:g}" if board.darkness != 1 else "")
    )
    if args.plot is not None:
        from nitograph.drawing.charts import knees

        curves = {f"{trial.nails} nails": (trial.curve, trial.chords) for trial in trials}
        knees(curves, "chords", "share of the picture's contrast").save(paths[1])
        print(paths[1])
    return 0


def _place(outline: BoardSettings, board: RealBoard) -> str:
    """The flags of `weave` for the board."""
    if outline.board == "ring":
        return f"--diameter {board.diameter:g}"
    changed = {name: value for name, value in outline.to_dict().items() if value != outline.default(name)}
    flags = {name.replace("_", "-"): value for name, value in changed.items()}
    return shlex.join(part for name, value in flags.items() for part in (f"--{name}", f"{value}"))


def _boards(
    advice: Advice, weaver_of: Callable[[WeaveSettings], "PhotoWeaver"], photo: PhotoSettings
) -> Picture:
    """Few nails, as advised, and the most nails with all chords, drawn side by side."""
    few, chosen, most = advice.trials[0], advice.chosen, advice.trials[-1]
    wanted = [(few.nails, few.chords), (chosen.nails, chosen.chords), (most.nails, most.curve[-1][0])]
    pictures = []
    for nails, chords in wanted:
        thread = weaver_of(in_angle(PRESETS["photo"], {"nails": nails, "max_lines": chords})).run().thread()
        thread = thread.replace(provenance=with_photo(thread.provenance, photo))
        pictures.append(draw(thread, NeonSettings(size=SIDE), BoardLook()).rgb())
    return Picture(np.hstack(pictures))
