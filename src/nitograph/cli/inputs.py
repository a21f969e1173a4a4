"""The flags of commands that read a thread file, in any form the package reads.

Try it: python -m nitograph render picture.png -o other.png
"""

import argparse

from nitograph.cli.options import add_settings, read_settings
from nitograph.io import lists
from nitograph.io.lists import ForeignList
from nitograph.thread import Thread


def add_thread_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, which of its lines, and how to read a list that does not state its numbering."""
    parser.add_argument(
        "thread", help="thread file: JSON, JSON lines, CSV, a nail list, or a PNG that Nitograph made"
    )
    parser.add_argument("--line", type=int, metavar="N", help="which line of a JSON lines file (default 1)")
    add_settings(parser, ForeignList, title="nail lists that do not state their numbering")


def read_threads(args: argparse.Namespace) -> list[Thread]:
    """The threads of the file: one, or all boards of a word."""
    return lists.read_threads(args.thread, read_settings(args, ForeignList), line=args.line)
