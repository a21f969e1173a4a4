"""The command line: parse, call, show progress, print, exit code. Nothing else happens here.

Each command is one module of this package with `HELP`, `add_arguments(parser)` and `run(args)`; only the
module of the command that was asked for is imported. Exit codes: 0 done, 1 an error of ours in one
line, 2 wrong usage, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.

Try it: python -m nitograph --help
"""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from nitograph import __version__
from nitograph.cli.compiling import compiling_told
from nitograph.cli.interrupts import exit_code, interrupts_heard
from nitograph.errors import NitographError

COMMANDS = {
    "generate": "invent a thread for a class, draw it in neon, keep it as JSON",
    "sample": "invent many threads at once, as JSON lines",
    "render": "draw a thread file as a neon picture",
    "gallery": "many seeds as a contact sheet or an offline page",
    "animate": "a film of the thread winding itself",
    "weave": "turn a picture into a thread with the encoder alone",
    "export": "SVG, DXF, G-code, PDF, CSV or a winding guide from a thread",
    "check": "would this thread hold on a real board?",
    "prepare": "weave a training corpus from handwriting",
    "preview": "a contact sheet of a corpus",
    "train": "train the Transformer on a corpus",
    "evaluate": "measure what a model invents",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose usage errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message in one line and exit with 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def entry() -> NoReturn:
    """Run the command line and exit the process with its code."""
    _leave(main())


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
        with interrupts_heard():
            command = importlib.import_module(f"nitograph.cli.{name}")
            command.add_arguments(parser)
            args = parser.parse_args(given)
            with compiling_told():
                return int(command.run(args) or 0)
    except NitographError as error:
        return _fault(parser, " ".join(str(error).split()))
    except MemoryError:
        return _fault(parser, "there is not enough memory for this; ask for less or for smaller")
    except KeyboardInterrupt as interrupt:
        print(f"{parser.prog}: stopped", file=sys.stderr)
        return exit_code(interrupt)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # what no reader or writer of ours has told in its own words
        place = f" ({error.filename})" if error.filename else ""
        return _fault(parser, f"{error.strerror or error}{place}")


def _fault(parser: Parser, line: str) -> int:
    print(f"{parser.prog}: {line}", file=sys.stderr)
    return 1


def run_script(name: str, script: str) -> NoReturn:
    """The body of the classic scripts at the repository's root."""
    _leave(run_command(name, Parser(prog=script, description=_sentence(name)), sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """All is done or told: a Ctrl-C while Python tidies up would only bring its traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _sentence(name: str) -> str:
    text = COMMANDS[name]
    return text[0].upper() + text[1:].rstrip("?") + ("?" if text.endswith("?") else ".")


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
