"""Standard streams that never break a command: closed, full, abandoned, or unable to show a letter.

Whoever reads what a command prints may leave, and the disk it goes to may be full; the command's work goes
on, and only the exit code says at the end that something was not printed. Letters that a terminal cannot
show become question marks. A stream that is closed (`>&-`, pythonw) prints nothing, and its number is
occupied, so that no file that is opened later gets it. This module knows no command.

Try it: PYTHONIOENCODING=ascii python -m nitograph render --help >/dev/full
"""

import contextlib
import io
import os
import sys
from typing import Any, TextIO


class _Tolerant(io.FileIO):
    """An open file whose first failed write is kept as `fault`; what is written after it is dropped."""

    fault: OSError | None = None

    def write(self, data: Any, /) -> int:
        """As FileIO, without an error."""
        if self.fault is None:
            try:
                return super().write(data)
            except OSError as error:
                self.fault = error
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Make the standard streams of this process safe to use; called once, before anything is printed."""
    _occupy()
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(os.devnull)), "utf-8")
    sys.stdout = _tolerant(sys.stdout, "replace")
    sys.stderr = _tolerant(sys.stderr, "backslashreplace")


def on_terminal() -> bool:
    """Whether standard error is there and a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def finish_streams(code: int, program: str) -> int:
    """Print what is left; the exit code: `code`, or 1 with one line if the output could not be written.

    A reader that left is no error.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    fault = getattr(getattr(buffer, "raw", buffer), "fault", None)
    if fault is None or isinstance(fault, BrokenPipeError):
        return code
    print(f"{program}: cannot write to standard output: {fault.strerror or fault}", file=sys.stderr)
    return code or 1


def _occupy() -> None:
    """Open the null device under each of the numbers 0 to 2 that is free."""
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            return
        os.set_inheritable(number, True)


def _tolerant(stream: TextIO | None, errors: str) -> TextIO:
    """The stream with the same encoding and buffering, on a `_Tolerant` file."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(io.FileIO(os.devnull, "w")), "utf-8", errors)
    try:
        number = stream.fileno()
        if not isinstance(stream, io.TextIOWrapper):
            return stream
        if os.name == "nt" and stream.isatty():  # a console takes text, not bytes
            stream.reconfigure(errors=errors)
            return stream
        stream.flush()
        buffer = io.BufferedWriter(_Tolerant(number, "wb", closefd=False))
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
