"""nitograph weave in several colours: threads on one board, their file, and a preview of it.

Try it: python -m nitograph weave photo.jpg --threads 4
"""

import argparse
from pathlib import Path

from nitograph.api.colours import ColourSettings, colour_picture, colour_weaver_over, in_words, with_photos
from nitograph.cli.options import given_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.drawing.board import BoardLook, draw
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.io.files import write_text
from nitograph.io.threads import to_json
from nitograph.weaving.photo import PhotoSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import WeaveSettings

PREVIEW = 1200  # px


def run_colours(
    args: argparse.Namespace,
    output: Path,
    preview: Path | None,
    settings: WeaveSettings,
    board: RealBoard | None,
) -> int:
    """Weave, write, and say which threads there are; returns the exit code."""
    chosen = read_settings(args, ColourSettings)
    photo = read_settings(args, PhotoSettings)
    photo = photo.replace(invert=photo.invert is not False)
    if board is None:
        raise SettingsError(
            "colours are woven of photographs with thread as it is; use preset photo, light real"
        )
    pixels, _, label = colour_picture(args.image, args.data_dir, chosen.ground(bool(photo.invert)))
    weaver = colour_weaver_over(pixels, settings, photo, board, chosen, args.importance)
    stopped = 0
    try:
        with progress("weaving", settings.max_lines) as done:
            while weaver.advance():
                done(weaver.chords)
    except KeyboardInterrupt as interrupt:
        from nitograph.cli.interrupts import exit_code

        if weaver.chords == 0:
            raise
        print("stopped; saving the threads so far")
        stopped = exit_code(interrupt)
    layers = with_photos(weaver.threads(label=args.label or label, source=args.image), photo)
    write_text(output, to_json(layers, indent=1) + "\n")
    if preview is not None:
        draw(layers, NeonSettings(size=PREVIEW), BoardLook()).save(preview)
    written = f"{output}" if preview is None else f"{output}, {preview}"
    print(
        f"{written}: {layers.line_count} chords of {len(layers)} threads on {settings.nails} nails, error "
        f"{1 - weaver.explained():.4f}"
    )
    print("\n".join(in_words(layers)))
    if weaver.stuck():
        print("a walk ended because no nail may come next: lower the smallest gap, or use more nails")
    return stopped


def wanted(args: argparse.Namespace) -> bool:
    """Whether colours are asked for; SettingsError for a board's colour alone."""
    given = given_settings(args, ColourSettings)
    if given and not ColourSettings(**given).wanted:
        raise SettingsError(
            "the board's colour is for threads of several colours; say how many, or give their palette"
        )
    return bool(given)
