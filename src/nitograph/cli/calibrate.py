"""nitograph calibrate: how dark the thread of a finished board really is, from a photograph of it.

Prints the flag for the next piece: `--darkness` of weave and advise. `-o` draws the board as it was
found, seen straight on, beside the board as reckoned: a glance says whether the ring was found rightly.

Try it: python -m nitograph calibrate board.jpg thread.json
"""

import argparse
import json
from pathlib import Path

import numpy as np

from nitograph.calibration import Calibration, calibrate
from nitograph.cli.inputs import add_thread_arguments, read_threads
from nitograph.cli.options import millimetres
from nitograph.colours.layers import layers_of
from nitograph.compute.parallel import one_blas_thread
from nitograph.drawing.board import BOARD_MM, THREAD_MM
from nitograph.drawing.look import Picture
from nitograph.errors import ThreadError
from nitograph.exporting.workpiece import thread_width
from nitograph.io.outputs import PNG, Output, claim
from nitograph.io.pictures import read_picture
from nitograph.thread import Thread
from nitograph.weaving.real_board import RealBoard

UNSURE = 0.1  # of the darkness, one standard deviation: more is said
BURNT = 0.01  # share of the ring that may be as white as a photograph gets
ROUGH = 0.85  # likeness below which the board is not quite as its file says


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The photograph, the thread that was wound, its real thickness, and the forms of what is found."""
    parser.add_argument("photo", metavar="PHOTO", help="photograph of the finished board, all of it")
    add_thread_arguments(parser)
    parser.add_argument(
        "-o", "--output", metavar="PNG", help="draw the board seen straight on beside the board as reckoned"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    real = parser.add_argument_group(
        "real board (default: what the thread was woven for, or 0.2 on 600 mm)"
    )
    width = real.add_mutually_exclusive_group()
    width.add_argument(
        "--thread", dest="yarn", metavar="SIZE",
        help="the thread that was used: tex:30, dtex:300, denier:270 or mm:0.2",
    )  # fmt: skip
    width.add_argument("--thread-mm", type=float, metavar="X", help="the same as its thickness, mm")
    real.add_argument("--diameter", type=millimetres, metavar="X", help="diameter of the ring of nails, mm")


def run(args: argparse.Namespace) -> int:
    """Look, print, draw."""
    inputs = {"photograph": args.photo, "thread file": args.thread}
    wanted = [] if args.output is None else [Output("picture", Path(args.output), PNG)]
    outputs = claim(wanted, inputs)
    threads = read_threads(args)
    if layers_of(threads) is not None:
        raise ThreadError(
            f"one thread is measured, and {args.thread} holds threads of several colours on one board; "
            "calibrate each by a piece of that thread alone"
        )
    if len(threads) != 1:
        raise ThreadError(
            f"a photograph shows one board, and {args.thread} holds {len(threads)}; choose one of its lines"
        )
    board = _board(args, threads[0])
    with one_blas_thread:
        found = calibrate(read_picture(args.photo), threads[0], board)
    print(json.dumps(found.to_dict(), indent=1) if args.json else "\n".join(_lines(found)))
    for path in outputs:
        pixels = np.rint(255 * found.evened()).astype(np.uint8)
        Picture(np.repeat(pixels[:, :, None], 3, axis=2)).save(path)
    return 0


def _board(args: argparse.Namespace, thread: Thread) -> RealBoard:
    """The ring, and the thickness of the thread that was used."""
    width, diameter = thread.millimetres() or (THREAD_MM, BOARD_MM)
    given = args.thread_mm if args.yarn is None else thread_width(args.yarn)
    return RealBoard(
        thread_width=width if given is None else given,
        diameter=diameter if args.diameter is None else args.diameter,
    )


def _lines(found: Calibration) -> list[str]:
    facts, tones = found.to_dict(), found.tones
    side = "from its other side" if found.pose.mirrored else "from the front"
    solid = "solid thread" if found.dark else "the bare board"
    other = "of the bare board's light" if found.dark else "of solid thread's light"
    lines = [
        f"ring       found, {2 * found.pose.radius:.0f} pixels across, seen {side}; likeness of "
        f"photograph and thread {found.likeness:.2f}",
        f"light      {tones.falloff():.0%} of the most where least falls on the board; taken out",
        f"tones      {solid} has {tones.covered:.0%} {other}",
        f"darkness   {tones.darkness:.2f} (probably {facts['darkness_from']:.2f} to "
        f"{facts['darkness_to']:.2f}): a thread of {found.board.thread_width:.3g} mm hides as much as "
        f"{facts['hidden_width']:.3g} mm",
    ]
    if found.burnt > BURNT:
        lines.append(
            f"warning: {found.burnt:.0%} of the ring is as white as a photograph gets; take a darker one"
        )
    if found.likeness < ROUGH:
        lines.append("warning: the board is not quite as its file says, or the photograph is not sharp")
    if tones.unsure > UNSURE:
        lines.append(
            "warning: that is a rough figure; take a sharper photograph, or one in more even light"
        )
    lines.append(
        f"next piece: weave PICTURE --thread-mm {found.board.thread_width:.4g} --diameter "
        f"{found.board.diameter:g} --darkness {tones.darkness:.2f}"
    )
    return lines
