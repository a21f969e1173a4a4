"""Reading and writing files so that nothing is ever half written.

Text or bytes go to a temporary file beside the target and are moved into place. A link is followed once,
and what it leads to is what is checked and replaced; devices and pipes are refused; a file that is replaced
keeps its mode and its owner; what a killed process left behind goes with the next file. This module knows
no format. Errors are FileError with one line: what was wanted, what came, what to do.

Try it: python -c "from nitograph.io.files import write_text; write_text('a.txt', 'whole or not at all')"
"""

import contextlib
import errno
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nitograph.errors import FileError

MAX_TEXT_BYTES = 64 * 1024 * 1024


def read_bytes(path: str | Path, *, limit: int | None = None) -> bytes:
    """The whole file; FileError where it is missing, unreadable or larger than `limit` bytes."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read() if limit is None else _read_to(file, limit + 1)
    except FileNotFoundError:
        raise FileError(f"no file {path}; check the name and the folder") from None
    except IsADirectoryError:
        raise FileError(f"{path} is a folder; name a file in it") from None
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from None
    if limit is not None and len(data) > limit:
        raise FileError(f"{path} is larger than {limit / 2**20:g} MiB, too large for its kind")
    return data


def _read_to(file: IO[bytes], most: int) -> bytes:
    """At most so many bytes, in pieces: one large read would take its memory even for a small file."""
    parts: list[bytes] = []
    while most > 0 and (part := file.read(min(most, 2**24))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def read_text(path: str | Path) -> str:
    """The whole file as UTF-8 text; FileError as `read_bytes`, and where it is not text."""
    try:
        return read_bytes(path, limit=MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path} is not a text file (UTF-8)") from None


OPEN_FILES = "/proc"  # names of what is open already lie there: /dev/stdout, /dev/fd/1
MAX_LINKS = 40


def check_writable(path: str | Path) -> Path:
    """The path, once it is sure that a file can be put there; asked before long work starts."""
    path = Path(path)
    target = _resolved(path)
    folder = target.parent if path.is_symlink() else path.parent
    try:
        mode = target.stat().st_mode
    except OSError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise FileError(f"{path} is a folder; name a file to write")
    if mode is not None and not stat.S_ISREG(mode):
        raise FileError(f"{path} is a device or a pipe; name a plain file to write")
    if mode is not None and not (mode & 0o222 and os.access(target, os.W_OK)):
        raise FileError(f"{path} is read-only; make it writable or name another file")
    if not folder.is_dir():
        raise FileError(f"cannot write {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise FileError(f"cannot write {path}: the folder {folder} is read-only")
    return path


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two names lead to one file, also where it is not there yet."""
    try:
        a, b = _resolved(Path(one)), _resolved(Path(other))
        if a == b:
            return True
        if a.exists() and b.exists():
            return a.samefile(b)
        # On a disk that is blind to case, names that differ in nothing else are one file.
        return (
            a.parent.samefile(b.parent) and a.name.casefold() == b.name.casefold() and _case_blind(a.parent)
        )
    except (FileError, OSError):
        return False


def _case_blind(folder: Path) -> bool:
    """Whether the disk of a folder takes `A` for `a`, told by the folder's own name."""
    turned = folder.with_name(folder.name.swapcase())
    return folder.name != turned.name and turned.exists() and turned.samefile(folder)


def _resolved(path: Path) -> Path:
    """What the name leads to; FileError for links in a circle and for open streams under other names."""
    here = Path(path)
    for _ in range(MAX_LINKS):
        here = here.parent.resolve() / here.name
        if here.is_relative_to(OPEN_FILES):
            raise FileError(f"{path} is a device or a pipe; name a plain file to write")
        if not here.is_symlink():
            return here
        here = here.parent / here.readlink()
    raise FileError(f"{path} is a link that leads back to itself; name a file to write")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give the name of a temporary file beside the target; move it onto the target if the block succeeds.

    What is written lies on the disk before it takes the old file's place, so that a power cut leaves one
    of the two. FileError where the old file's owner cannot be kept.
    """
    target = _resolved(check_writable(path))
    try:
        _forget_killed(target)
        owner = f"{_mark(target)}{os.getpid()}-"
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=owner, suffix=target.suffix)
        os.close(handle)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from None
    temporary = Path(name)
    try:
        yield temporary
        _take_after(temporary, target)
        _flush(temporary)
        temporary.replace(target)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write all of `data` under `path`, or leave what was there."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Write all of `text` as UTF-8 under `path`, or leave what was there."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise FileError(f"cannot write {path}: its text has characters that are not Unicode") from None
    write_bytes(path, data)


def _mark(target: Path) -> str:
    """How the names of temporary files for this target begin on this host; the process's number follows."""
    name = os.uname().nodename if hasattr(os, "uname") else ""
    return f".{target.stem[:60]}.{zlib.crc32(name.encode()):08x}-"


def _forget_killed(target: Path) -> None:
    """Remove what processes of this host that are no longer there left beside the target."""
    mark = _mark(target)
    with contextlib.suppress(OSError):
        for left in target.parent.iterdir():
            number = left.name.removeprefix(mark).partition("-")[0]
            if left.name.startswith(mark) and number.isdecimal() and not _runs(int(number)):
                left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether there is a process of that number; yes where the system cannot be asked without harm."""
    if os.name == "nt":  # signal 0 is Ctrl-C there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _take_after(path: Path, old: Path) -> None:
    """Mode and owner of the file that is replaced, or those of a new file."""
    try:
        before = old.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        path.chmod(0o666 & ~mask)
        return
    now = path.stat()
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(path, before.st_uid, before.st_gid)
        except PermissionError:
            raise OSError(errno.EPERM, "it belongs to somebody else; name another file") from None
    path.chmod(stat.S_IMODE(before.st_mode))


def _flush(path: Path) -> None:
    """Wait until the disk has the file."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
