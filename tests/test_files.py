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
from nitograph.io.files import (
    check_writable,
    read_bytes,
    read_text,
    replacing,
    same_file,
    write_bytes,
    write_text,
)


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


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path):
    """Temporary files of processes that are gone are removed; those of running ones and all others stay."""
    path = tmp_path / "a.txt"
    code = (
        "import sys, time\nfrom nitograph.io.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    print(temporary.name, flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        left = killed.stdout.readline().strip()
        killed.send_signal(signal.SIGKILL)
    (tmp_path / ".a.other.txt").write_text("not ours")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        under_way = running.stdout.readline().strip()
        assert left not in names(tmp_path)
        write_text(path, "whole")
        assert names(tmp_path) == sorted([".a.other.txt", under_way, "a.txt"])
        running.send_signal(signal.SIGKILL)
    write_text(path, "again")
    assert names(tmp_path) == [".a.other.txt", "a.txt"]


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


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    """Through a link, a link to a link and a dangling one: the links stay, the file is written."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "real.txt").write_text("old")
    (tmp_path / "one").symlink_to("deep/real.txt")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "dangling").symlink_to("deep/new.txt")
    for name, target in (("one", "real.txt"), ("two", "real.txt"), ("dangling", "new.txt")):
        write_text(tmp_path / name, f"by {name}")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "deep" / target).read_text() == f"by {name}"
    assert names(tmp_path / "deep") == ["new.txt", "real.txt"]


def test_links_that_lead_nowhere_are_refused(tmp_path):
    """A circle of links, and a link into a folder that is not there: one line, and all stays as it was."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "far").symlink_to("none/x.txt")
    for name, part in (("a", "leads back to itself"), ("far", "there is no folder")):
        for write in (check_writable, lambda path: write_bytes(path, b"")):
            with pytest.raises(FileError, match=part):
                write(tmp_path / name)
    assert names(tmp_path) == ["a", "b", "far"]
    assert all((tmp_path / name).is_symlink() for name in ("a", "b", "far"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files have no names on this system")
@pytest.mark.parametrize("redirected", [True, False])
def test_streams_are_never_replaced(tmp_path, redirected):
    """Standard output by name, a pipe or a file, is refused; links to it (as /dev/stdout is one) stay."""
    code = (
        "import sys\nfrom nitograph.errors import FileError\nfrom nitograph.io.files import write_bytes\n"
        "try:\n    write_bytes(sys.argv[1], b'x')\n"
        "except FileError as error:\n    print(error, file=sys.stderr)\n"
    )
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    for name in ("/proc/self/fd/1", str(tmp_path / "stdout")):
        with (tmp_path / "out").open("wb") as out:
            done = subprocess.run(
                [sys.executable, "-c", code, name],
                stdout=out if redirected else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert "is a device or a pipe" in done.stderr, done.stderr
        assert names(tmp_path) == ["out", "stdout"]
        assert (tmp_path / "stdout").readlink() == Path("/proc/self/fd/1")


def test_a_replaced_file_keeps_its_mode(tmp_path):
    """A private file stays private; one that must not be written is refused, also to root."""
    path = tmp_path / "private.json"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o444)
    for write in (check_writable, lambda name: write_bytes(name, b"")):
        with pytest.raises(FileError, match="is read-only"):
            write(path)
    assert path.read_text() == "new"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away"
)
def test_a_replaced_file_keeps_its_owner(tmp_path):
    """What belongs to somebody else still does after root has written it."""
    path = tmp_path / "theirs.json"
    path.write_text("old")
    os.chown(path, 1234, 5678)
    write_text(path, "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_an_owner_that_cannot_be_kept_is_said(tmp_path, monkeypatch):
    """Where the system does not let the owner be kept, the old file stays and the reason is given."""

    def refuse(path: object, uid: int, gid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "theirs.json"
    path.write_text("old")
    real = Path.stat

    def as_theirs(self: Path, **more: bool) -> os.stat_result:
        found = real(self, **more)
        return os.stat_result([*found[:4], 4321, *found[5:]]) if self.name == "theirs.json" else found

    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(Path, "stat", as_theirs)
    with pytest.raises(FileError, match="belongs to somebody else"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["theirs.json"]


def test_one_file_under_two_names(tmp_path):
    """Names that lead to one file are recognised, through links and dots, also before it is there."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/a.txt")
    assert same_file(tmp_path / "link", tmp_path / "folder" / ".." / "folder" / "a.txt")
    assert not same_file(tmp_path / "link", tmp_path / "a.txt")
    write_text(tmp_path / "link", "x")
    os.link(tmp_path / "folder" / "a.txt", tmp_path / "hard")
    assert same_file(tmp_path / "hard", tmp_path / "link")
    assert not same_file(tmp_path / "none" / "a", tmp_path / "none2" / "a")


def test_read_only_folder(tmp_path, monkeypatch):
    """A folder that cannot be written to is named (root may write anywhere, so os.access is patched)."""
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
