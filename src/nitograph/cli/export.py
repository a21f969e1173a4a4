"""nitograph export: write files for the workshop from a thread file; the ending chooses the format.

Try it: python -m nitograph export thread.json -o board.pdf --diameter 600
"""

import argparse
import dataclasses
from pathlib import Path

from nitograph.cli.options import add_settings, read_settings
from nitograph.exporting.formats import FORMATS, check_used, format_of, options_for
from nitograph.exporting.layered import workpieces
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings, thread_width
from nitograph.io.files import write_bytes
from nitograph.io.lists import ForeignList, read_thread, read_threads
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
    parser.add_argument(
        "--board",
        type=int,
        metavar="N",
        help="which board of a word, or which thread of several colours, counted from 1 (default: all)",
    )
    add_settings(parser, ForeignList, title="nail lists that do not state their numbering")


def read_workpiece(args: argparse.Namespace) -> Workpiece:
    """The one piece named on the command line, on the board its flags describe."""
    found = read_workpieces(args)
    if len(found) > 1:
        read_thread(args.thread, read_settings(args, ForeignList), line=args.line)  # says which there are
    return found[0]


def read_workpieces(args: argparse.Namespace) -> list[Workpiece]:
    """The same of every board of a word, unless one is named; threads in colours on one board are one."""
    read_settings(args, WorkpieceSettings)  # wrong values are said before the file is read
    yarn = None if args.yarn is None else thread_width(args.yarn)
    foreign = read_settings(args, ForeignList)
    if args.board is None:
        threads = read_threads(args.thread, foreign, line=args.line)
    else:
        threads = [read_thread(args.thread, foreign, line=args.line, board=args.board)]
    width = {} if yarn is None else {"thread_width": yarn}
    pieces = []
    for piece in workpieces(threads):
        settings = read_settings(args, WorkpieceSettings, piece.settings)
        pieces.append(dataclasses.replace(piece, settings=settings.replace(**width)))
    return pieces


def _part(path: Path, number: int) -> Path:
    """The file of one board of a word: board_2.svg."""
    return path.with_name(f"{path.stem}_{number}{path.suffix}")


def run(args: argparse.Namespace) -> int:
    """Make every file before writing the first; print their names."""
    formats = [(Path(name), format_of(name)) for name in args.output]
    for _, chosen in formats:
        chosen.check()
    given = {name: value for name, value in vars(args).items() if value is not None}
    theirs = [name for made in FORMATS.values() if made.endings for name in made.settings_class().names()]
    flags = [name for name in dict.fromkeys(theirs) if name in given]
    check_used({str(path): chosen for path, chosen in formats}, given, flags)
    claim([Output(f"{path.suffix} file", path) for path, _ in formats], {"thread file": args.thread})
    workpieces = read_workpieces(args)
    if len(workpieces) > 1:
        parts = range(1, len(workpieces) + 1)
        claim([Output(f"{path.suffix} file", _part(path, part)) for path, _ in formats for part in parts],
              {"thread file": args.thread})  # fmt: skip
    made = [
        (
            path if len(workpieces) == 1 else _part(path, part),
            chosen.render(workpiece, options_for(chosen, given)),
        )
        for part, workpiece in enumerate(workpieces, 1)
        for path, chosen in formats
    ]
    for path, data in made:
        write_bytes(path, data)
        print(path)
    return 0
