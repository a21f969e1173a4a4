"""nitograph export: write files for the workshop from a thread file; the ending chooses the format.

Try it: python -m nitograph export thread.json -o board.pdf --diameter 600
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from nitograph.cli.options import add_settings, read_settings
from nitograph.errors import SettingsError
from nitograph.exporting.formats import FORMATS, Format, format_of, options_for
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings, thread_width
from nitograph.io.files import write_bytes
from nitograph.io.lists import ForeignList, read_thread
from nitograph.io.outputs import Output, claim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the board, of every format, and of lists from elsewhere."""
    endings = " ".join(ending for made in FORMATS.values() for ending in made.endings)
    parser.add_argument(
        "thread", help="thread file: JSON, JSON lines, CSV, a nail list, or a PNG that Nitograph made"
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        required=True,
        metavar="FILE",
        help=f"where to write, may be repeated; the ending chooses the format: {endings}",
    )
    add_board(parser)
    taken = set(WorkpieceSettings.names()) | set(ForeignList.names())
    for name, made in FORMATS.items():
        if made.endings:
            kind = made.settings_class()
            add_settings(parser, kind, title=f"{name}: {made.help}", leave_out=taken)
            taken |= set(kind.names())


def add_board(parser: argparse.ArgumentParser) -> None:
    """Flags of the board and of lists from elsewhere; `export` and `check` share them."""
    add_settings(parser, WorkpieceSettings, title="board, in millimetres")
    parser.add_argument(
        "--thread",
        dest="yarn",
        metavar="KIND",
        help="size of the thread: tex:30, dtex:300, denier:270 or mm:0.2; sets its width",
    )
    parser.add_argument("--line", type=int, metavar="N", help="which line of a JSON lines file (default 1)")
    parser.add_argument("--board", type=int, metavar="N", help="which board of a word, counted from 1")
    add_settings(parser, ForeignList, title="nail lists that do not state their numbering")


def read_workpiece(args: argparse.Namespace) -> Workpiece:
    """The thread named on the command line, on the board its flags describe."""
    read_settings(args, WorkpieceSettings)  # wrong values are said before the file is read
    yarn = None if args.yarn is None else thread_width(args.yarn)
    foreign = read_settings(args, ForeignList)
    thread = read_thread(args.thread, foreign, line=args.line, board=args.board)
    settings = read_settings(args, WorkpieceSettings, WorkpieceSettings.of(thread))
    return Workpiece(thread, settings if yarn is None else settings.replace(thread_width=yarn))


def _check_used(args: argparse.Namespace, chosen: Sequence[Format]) -> None:
    """SettingsError for a flag that none of the files to write can use; board and lists are for all."""
    used = {name for made in chosen for name in made.settings_class().names()}
    used |= {*WorkpieceSettings.names(), *ForeignList.names()}
    for ending, made in FORMATS.items():
        for name in made.settings_class().names() if made.endings else ():
            if getattr(args, name, None) is not None and name not in used:
                given = " ".join(args.output)
                raise SettingsError(
                    f"{name} is a setting of {ending} files, and none of {given} is one; leave it out"
                )


def run(args: argparse.Namespace) -> int:
    """Make every file before writing the first; print their names."""
    formats = [(Path(name), format_of(name)) for name in args.output]
    for _, chosen in formats:
        chosen.check()
    _check_used(args, [chosen for _, chosen in formats])
    claim([Output(f"{path.suffix} file", path) for path, _ in formats], {"thread file": args.thread})
    workpiece = read_workpiece(args)
    given = {name: value for name, value in vars(args).items() if value is not None}
    made = [(path, chosen.render(workpiece, options_for(chosen, given))) for path, chosen in formats]
    for path, data in made:
        write_bytes(path, data)
        print(path)
    return 0
