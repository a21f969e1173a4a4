"""The last boundary: what is said when an error that nobody expected reaches the command line.

What the system refused is named. Anything else is a fault of Nitograph: one line says so, and where its
report belongs; the traceback goes into a file, or to standard error if NITOGRAPH_TRACEBACK is set. This
module knows no command.

Try it: NITOGRAPH_TRACEBACK=1 python -m nitograph render no-such-file.json -o a.png
"""

import os
from collections.abc import Sequence
from pathlib import Path

from nitograph import __version__
from nitograph.errors import NitographError
from nitograph.untrusted import HANDLES, MEMORY, THREADS, shortage

FAULT = 70  # the exit code; EX_SOFTWARE of sysexits.h
VARIABLE = "NITOGRAPH_TRACEBACK"
ADVICE = {
    MEMORY: "lower the counts or sizes",
    HANDLES: "raise the limit (ulimit -n) or close other programs",
    THREADS: "raise the limit (ulimit -u) or close other programs",
}


def told(error: Exception, program: str, given: Sequence[str]) -> tuple[str, int]:
    """The one line for an error that ended a command, and the exit code."""
    if os.environ.get(VARIABLE):
        import traceback

        traceback.print_exception(error)
    missing = shortage(error)
    if missing is not None and not isinstance(error, NitographError):
        return f"{missing} for this; {ADVICE[missing]}", 1
    if isinstance(error, NitographError):
        return " ".join(str(error).split()), 1
    if isinstance(error, OSError):  # one that no reader or writer has turned into a FileError
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{place}", 1
    said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    if isinstance(error, ImportError) and not str(error.name).startswith("nitograph"):
        return f"a package that this needs cannot be loaded ({said}); install nitograph anew", 1
    kept = _kept(error, program, given)
    return f"this is a fault of nitograph ({said}); please report it {_place()}{kept}", FAULT


def _kept(error: Exception, program: str, given: Sequence[str]) -> str:
    """Where the traceback was written, as the end of the line; nothing if it was not."""
    if os.environ.get(VARIABLE):
        return ""
    import tempfile
    import traceback

    head = [f"nitograph {__version__}\n", f"{program} {' '.join(given)}\n"]
    try:
        handle, name = tempfile.mkstemp(prefix="nitograph-fault-", suffix=".txt")
        os.close(handle)
        Path(name).write_text(
            "".join(head + traceback.format_exception(error)), encoding="utf-8", errors="replace"
        )
    except OSError:
        return f", with the traceback ({VARIABLE}=1 prints it)"
    return f", with {name}"


def _place() -> str:
    """Where reports belong: the address in the package's metadata, if it states one."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        stated = metadata("nitograph").get_all("Project-URL") or []
    except PackageNotFoundError:
        stated = []
    addresses = dict(line.split(", ", 1) for line in stated if ", " in line)
    address = addresses.get("Issues") or addresses.get("Repository")
    return f"at {address}" if address else "where you have nitograph from"
