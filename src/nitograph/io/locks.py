"""One writer at a time: a lock on a file that ends with the process that holds it, however that ends.

Two runs that write one output would lose each other's work. The lock is the operating system's (flock, or
msvcrt on Windows), so that nothing is left to clean up after a kill. A disk without locks is not locked.
This module does not know what is written.

Try it: python -c "from nitograph.io.locks import sole_writer; help(sole_writer)"
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nitograph.errors import FileError


@contextmanager
def sole_writer(lock: Path, output: str | Path) -> Iterator[None]:
    """Hold the file `lock`, whose folder is made where it is missing, while `output` is written.

    FileError if another process holds it. The file is removed at the end, and its folder if that is empty.
    """
    handle = _held(lock, output)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # on Windows, a file that is open cannot be removed
            lock.unlink()
        os.close(handle)
        with contextlib.suppress(OSError):
            lock.parent.rmdir()


def _held(lock: Path, output: str | Path) -> int:
    """A handle of the file, locked; one that was removed while it was waited for is not taken."""
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # its folder was removed just now
            continue
        except OSError as error:
            raise FileError(
                f"cannot write {output}: {error.strerror or error} ({lock}); write elsewhere"
            ) from None
        if not _lock(handle):
            os.close(handle)
            raise FileError(
                f"another process is writing {output}; wait until it has ended, or name another output"
            )
        if _is_there(handle, lock):
            return handle
        os.close(handle)


def _is_there(handle: int, lock: Path) -> bool:
    """Whether a path still leads to the file of a handle."""
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except OSError:
        return False


def _lock(handle: int) -> bool:
    """Whether the lock was free, or the disk knows none."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]  # of Windows
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
