"""The command line: parse, call, show progress, print, exit code. It does nothing else.

Each command is one module of this package with `add_arguments(parser)` and `run(args)`; only the module of
the command that is run is imported. Exit codes: 0 done, 1 an error, reported in one line, 2 wrong usage,
70 a fault of Nitograph, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.

Try it: python -m nitograph --help
"""

import argparse
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from nitograph import __version__
from nitograph.cli.compiling import compiling_notice
from nitograph.cli.faults import told
from nitograph.cli.interrupts import exit_code, interrupts_raised
from nitograph.cli.streams import finish_streams, prepare_streams

COMMANDS = {
    "generate": "invent a thread of a class; write its neon picture and its JSON",
    "sample": "invent many threads at once; write JSON lines",
    "render": "draw a thread file as a neon picture",
    "gallery": "draw many threads as an offline page or a contact sheet",
    "animate": "make a film of the thread being wound",
    "weave": "turn a picture into a thread with the encoder alone",
    "advise": "say how many nails and chords pay for a photograph",
    "calibrate": "say how dark the thread really is, from a photograph of the finished board",
    "export": "write SVG, DXF, G-code, PDF, CSV or a winding guide of a thread",
    "check": "check whether a thread would hold on a real board",
    "prepare": "weave a training corpus from handwriting",
    "preview": "draw a contact sheet of a corpus",
    "train": "train the Transformer on a corpus",
    "learn": "teach symbols of your own from a few drawings of each",
    "evaluate": "measure the quality of what a model invents",
    "studio": "open a page to invent, draw, weave and export threads",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose usage errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message in one line and exit with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def entry() -> NoReturn:
    """Run the command line and exit the process with its code."""
    _leave(main, "nitograph")


def main(arguments: Sequence[str] | None = None, *, program: str = "nitograph") -> int:
    """Run one command; returns the exit code. `arguments` without the program's name."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else None
    if name not in COMMANDS:
        _overview(program).parse_args(given)
        return 2
    parser = Parser(prog=f"{program} {name}", description=_sentence(name))
    return run_command(name, parser, given[1:])


def run_command(name: str, parser: Parser, given: Sequence[str]) -> int:
    """Fill the parser with the command's arguments, run it, turn errors into exit codes."""
    try:
        with interrupts_raised():
            try:
                command = importlib.import_module(f"nitograph.cli.{name}")
                command.add_arguments(parser)
                args = parser.parse_args(given)
                with compiling_notice():
                    return int(command.run(args) or 0)
            except Exception as error:  # told inside, where a signal that the command ignores still is
                line, code = told(error, parser.prog, given)
                print(f"{parser.prog}: {line}", file=sys.stderr)
                return code
    except KeyboardInterrupt as interrupt:
        print(f"{parser.prog}: stopped", file=sys.stderr)
        return exit_code(interrupt)


def run_script(name: str, script: str) -> NoReturn:
    """The body of the original's scripts at the root of the repository."""
    parser = Parser(prog=script, description=_sentence(name))
    _leave(lambda: run_command(name, parser, sys.argv[1:]), script)


def _leave(work: Callable[[], int], program: str) -> NoReturn:
    """Do the work on safe streams and exit with its code.

    Ctrl-C is ignored at the end, as it would only print a traceback while Python shuts down.
    """
    prepare_streams()
    try:
        code = work()
    except SystemExit as stop:  # of argparse
        code = stop.code if isinstance(stop.code, int) else 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(finish_streams(code, program))


def _sentence(name: str) -> str:
    text = COMMANDS[name]
    return f"{text[0].upper()}{text[1:]}."


def _overview(program: str) -> Parser:
    listed = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        prog=program,
        description="A small Transformer that draws with one thread.",
        epilog=f"commands:\n{listed}\n\n`{program} COMMAND --help` lists the options of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{program} COMMAND [options]",
    )
    parser.add_argument("--version", action="version", version=f"nitograph {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    return parser
