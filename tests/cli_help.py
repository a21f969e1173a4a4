"""Running a command inside the tests: its exit code, what it printed, and that a fault is one line."""

import shlex
from pathlib import Path

import pytest

from nitograph.cli import main


def run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `nitograph COMMAND`, in this process."""
    try:
        code = main(shlex.split(command))
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def fails(command: str, code: int, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command must end with this code and exactly one line on stderr, and write or change nothing."""
    before = listing()
    found, out, err = run(command, capsys)
    assert (found, out) == (code, "")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert part in err
    assert listing() == before


def listing() -> dict[str, int]:
    """All files below the current folder, with their times of change."""
    return {str(path): path.lstat().st_mtime_ns for path in sorted(Path().rglob("*")) if not path.is_dir()}
