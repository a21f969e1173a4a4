"""Thread files named on a command line, of every form the package reads.

Try it: python -m nitograph render picture.png -o other.png
"""

import argparse

from nitograph.cli.options import add_settings, read_settings
from nitograph.io import lists
from nitograph.io.lists import ForeignList
from nitograph.thread import Thread


def add_thread_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, which of its lines, and how to take a list that does not state its numbering."""
    parser.add_argument("thread", help="thread file: JSON, JSON lines, nails, or a picture of ours")
    parser.add_argument("--line", type=int, metavar="N", help="which line of JSON lines (default 1)")
    add_settings(parser, ForeignList, title="lists of nails that do not state their numbering")


def read_threads(args: argparse.Namespace) -> list[Thread]:
    """The threads of the file: one, or all boards of a word."""
    return lists.read_threads(args.thread, read_settings(args, ForeignList), line=args.line)
