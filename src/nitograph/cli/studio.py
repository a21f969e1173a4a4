"""nitograph studio: open a page on which threads are invented, drawn, woven and exported.

It listens on this machine only unless another address is named, which then wants a token. One line on
standard output says the address when it is ready. Ctrl-C and SIGTERM let what runs finish and exit with 0.

Try it: python -m nitograph studio --help
"""

import argparse
import sys

from nitograph.cli.options import add_settings, read_settings
from nitograph.errors import SettingsError
from nitograph.studio.settings import StudioSettings
from nitograph.untrusted import need


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Address, bounds, weights, and a guide to share."""
    add_settings(parser, StudioSettings)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="weights (default: string_ai.pt if it lies here; else bundled)"
    )
    parser.add_argument(
        "--share",
        metavar="FILE",
        help="thread file whose winding guide a phone in the local network may open; prints a QR code",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    settings = read_settings(args, StudioSettings)
    for package in ("starlette", "uvicorn", "segno"):
        need(package, SettingsError(f"the studio needs {package}: pip install 'nitograph[studio]'"))
    from nitograph.studio import server

    guide = None if args.share is None else _guide(args.share)
    start = server.Start(_say, not args.no_browser, guide, _show)
    server.run(settings, start, args.checkpoint)
    return 0


def _say(address: str) -> None:
    print(address, flush=True)


def _show(address: str) -> None:
    from nitograph.studio.share import qr_text

    print(f"{qr_text(address)}the guide on a phone: {address}", file=sys.stderr)


def _guide(path: str) -> bytes:
    """The winding guide of a thread file."""
    from nitograph.exporting.formats import format_named
    from nitograph.exporting.layered import workpieces
    from nitograph.io.lists import read_thread, read_threads

    pieces = workpieces(read_threads(path))
    if len(pieces) > 1:
        read_thread(path)  # says which boards there are
    return format_named("html").render(pieces[0])
