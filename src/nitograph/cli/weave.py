"""nitograph weave: turn a picture into a thread with the encoder alone.

Ctrl-C or SIGTERM stops the weaving and saves the thread so far. Pictures from MNIST use the settings of the
training corpus; picture files use the preset "photo" unless another is given.

Try it: python -m nitograph weave mnist:test:17 -o thread.json
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nitograph.api.weaving import RealThread, grey_picture, preset_for, weaver_over, with_photo
from nitograph.cli.interrupts import exit_code
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.io.files import write_text
from nitograph.io.outputs import JSON, Output, claim
from nitograph.weaving.photo import PhotoSettings, prepare_photo
from nitograph.weaving.settings import PRESETS, WeaveSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nitograph.weaving.stepwise import Weaver


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The picture, the output, how it is woven, and how a photograph is prepared."""
    parser.add_argument("image", metavar="IMAGE", help="picture file, mnist:train:17 or mnist:test:17")
    parser.add_argument("--output", "-o", metavar="JSON", required=True, help="where to write the thread")
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
    photo.add_argument("--thread-mm", type=float, metavar="X", help="thickness of the real thread, mm")
    photo.add_argument("--board-mm", type=float, metavar="X", help="diameter of the ring of nails, mm")
    add_settings(parser, PhotoSettings, title="picture")


def run(args: argparse.Namespace) -> int:
    """Weave, write, print the error."""
    inputs = {"picture": args.image, "importance map": args.importance}
    (output,) = claim([Output("thread", Path(args.output), JSON)], inputs)
    settings = read_weave_settings(args)
    photo = read_settings(args, PhotoSettings)
    grey, _, label = grey_picture(args.image, args.data_dir)
    weaver = weaver_over(grey, settings, photo, args.importance)
    stopped = weave_with_progress(weaver, settings)
    thread = weaver.thread(label=args.label or label, source=args.image)
    thread = thread.replace(provenance=with_photo(thread.provenance, photo))
    write_text(output, thread.to_json(indent=1) + "\n")
    error = 1 - weaver.explained()
    print(f"{output}: {thread.line_count} chords on {settings.nails} nails, error {error:.4f}")
    if args.bound:
        print_bound(prepare_photo(grey, photo), settings, error)
    return stopped


def read_weave_settings(args: argparse.Namespace) -> WeaveSettings:
    """The preset with the flags over it, and the light of a real thread if one is given."""
    settings = read_settings(args, WeaveSettings, preset_for(args.image, args.preset))
    return RealThread(args.thread_mm, args.board_mm).over(settings)


def weave_with_progress(weaver: "Weaver", settings: WeaveSettings) -> int:
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
