"""Guards of files: a file is there whole or not at all, and every fault is one line."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nitograph.errors import FileError
from nitograph.io.files import check_writable, read_bytes, read_text, replacing, write_bytes, write_text


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(found.name for found in folder.iterdir())


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    """Writing puts exactly the new bytes in place, with no temporary file beside them."""
    path = tmp_path / "a.txt"
    write_text(path, "öld")
    write_bytes(path, b"new")
    assert read_bytes(path) == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_a_new_file_has_usual_permissions(tmp_path):
    """A file can be read by others as far as the user's mask allows, not only by its owner."""
    mask = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_an_error_inside_keeps_the_old_file(tmp_path):
    """Whatever goes wrong while writing, the old file stays and the temporary one goes."""
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(error: Exception) -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError())
    with pytest.raises(FileError, match="No space left"):
        fail(OSError(28, "No space left on device"))
    assert read_text(path) == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_kill_in_the_middle_keeps_the_old_file(tmp_path):
    """kill -9 while a file is being written leaves the old one under its name."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import sys, time\nfrom nitograph.io.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n    print('now', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert read_text(path) == "old"


def test_disk_full_is_one_line(tmp_path):
    """Where the disk takes no more, the error says so and the old file stays."""
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    code = (
        "import resource, signal, sys\nfrom nitograph.errors import FileError\n"
        "from nitograph.io.files import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_bytes(sys.argv[1], b'x' * 5000)\nexcept FileError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stdout == f"cannot write {path}: File too large\n"
    assert read_bytes(path) == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("name", "part"),
    [("none/a.txt", "there is no folder"), (".", "is a folder"), ("pipe", "is a device or a pipe")],
)
def test_places_that_take_no_file(tmp_path, name, part):
    """A folder that is missing, a folder itself and a device are refused before any work, in one line."""
    os.mkfifo(tmp_path / "pipe")
    for write in (check_writable, lambda path: write_bytes(path, b"")):
        with pytest.raises(FileError, match=part) as caught:
            write(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["pipe"]


def test_read_only_folder(tmp_path, monkeypatch):
    """A folder that cannot be written to is named (root may write anywhere, so access is told no)."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FileError, match="is read-only"):
        write_bytes(tmp_path / "a.txt", b"")


def test_reading_faults(tmp_path):
    """Missing, a folder, too large, not text: each is one line that says which."""
    (tmp_path / "big").write_bytes(b"x" * 2000)
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xfd")
    for fault, part in (
        (lambda: read_bytes(tmp_path / "none"), "no file"),
        (lambda: read_bytes(tmp_path), "is a folder"),
        (lambda: read_bytes(tmp_path / "big", limit=1999), "larger than"),
        (lambda: read_bytes("/dev/zero", limit=10_000), "larger than"),
        (lambda: read_text(tmp_path / "latin"), "not a text file"),
    ):
        with pytest.raises(FileError, match=part) as caught:
            fault()
        assert "\n" not in str(caught.value)
    assert len(read_bytes(tmp_path / "big", limit=2000)) == 2000


def test_text_is_utf8_with_or_without_a_mark(tmp_path):
    """Text of any language comes back, a byte order mark left aside; half characters are refused."""
    write_text(tmp_path / "a", "七 ∮")
    assert read_text(tmp_path / "a") == "七 ∮"
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfmarked")
    assert read_text(tmp_path / "a") == "marked"
    with pytest.raises(FileError, match="not Unicode"):
        write_text(tmp_path / "a", "\ud800")
    assert read_text(tmp_path / "a") == "marked"


def test_long_names(tmp_path):
    """The longest name that the disk allows can be written."""
    path = tmp_path / ("n" * 250 + ".txt")
    write_text(path, "x")
    assert names(tmp_path) == [path.name]


def test_a_watching_reader_never_sees_half(tmp_path):
    """A reader that looks all the time sees one whole text or the other."""
    path = tmp_path / "a.txt"
    write_text(path, "a" * 100_000)
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        for letter in "ba":
            with replacing(path) as temporary:
                temporary.write_text(letter * 50_000)
                assert len(read_text(path)) in (50_000, 100_000)
                temporary.write_text(letter * 100_000)
            assert read_text(path) == letter * 100_000
