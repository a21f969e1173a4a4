"""Reading and writing files so that nothing is ever half written.

Text or bytes go to a temporary file beside the target and are moved into place. This module knows no
format. Errors are FileError with one line: what was wanted, what came, what to do.

Try it: python -c "from nitograph.io.files import write_text; write_text('a.txt', 'whole or not at all')"
"""

import os
import tempfile
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


def check_writable(path: str | Path) -> Path:
    """The path, once it is sure that a file can be put there; asked before long work starts."""
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file to write")
    if path.exists() and not path.is_file():
        raise FileError(f"{path} is a device or a pipe; name a plain file to write")
    if not folder.is_dir():
        raise FileError(f"cannot write {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise FileError(f"cannot write {path}: the folder {folder} is read-only")
    return path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give the name of a temporary file beside `path`; move it onto `path` if the block succeeds."""
    path = check_writable(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:60]}.", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from None
    temporary = Path(name)
    try:
        yield temporary
        _like_a_new_file(temporary)
        temporary.replace(path)
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


def _like_a_new_file(path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
