"""Threads written one after another: a file of JSON lines that grows, or a folder of shards, each whole.

A journal beside them says how far they go, and is written only after what it speaks of lies on the disk. So
after a kill or a power cut the same run goes on there, and ends with the same bytes as one that was never
stopped. This module does not know where threads come from.

Try it: python -m nitograph sample 7 --count 2000 -o threads.jsonl
"""

import contextlib
import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from nitograph.errors import FileError
from nitograph.io import folders
from nitograph.io.files import read_text, replacing, write_bytes, write_text
from nitograph.thread import Thread
from nitograph.untrusted import parse_json

EVERY = 1.0  # seconds between two entries of the journal of a file that grows
CHUNK = 2**24  # bytes read at once
LOCK, JOURNAL = "lock", "progress.json"


class Item(NamedTuple):
    """One thread: how many chords it has, and what is written of it."""

    chords: int
    body: Any


class Sink(Protocol):
    """Where threads are written. done: how many are; chords: theirs; finished: nothing is left to do."""

    done: int
    chords: int
    finished: bool

    def add(self, items: Sequence[Item]) -> None:
        """Write further threads."""

    def keep(self) -> None:
        """Keep all that is written, as far as it can be gone on from."""

    def finish(self) -> None:
        """Put everything in its place."""

    def close(self) -> None:
        """Leave everything as it is."""


class LinesFile:
    """JSON lines in one file, which takes its name when it is complete; until then it lies in `parts`.

    identity: the digest of what makes the run; files of others in `parts` are removed.
    """

    def __init__(self, target: Path, parts: Path, identity: str) -> None:
        self.target, self.finished = target, False
        self._path, self._journal = parts / f"{identity}.jsonl", parts / f"{identity}.json"
        for other in parts.iterdir():
            if other.name != LOCK and other.stem != identity:
                other.unlink(missing_ok=True)
        self.done, self.chords, self._bytes, self._sum = _entry(self._journal, 4)
        self._file = self._opened()
        self._kept = time.monotonic()

    def _opened(self) -> IO[bytes]:
        """The file, cut back to what the journal speaks of; from the start where that is damaged."""
        file = self._path.open("r+b" if self._path.exists() else "w+b")
        found, left = 0, self._bytes
        while left and (data := file.read(min(left, CHUNK))):
            found, left = zlib.crc32(data, found), left - len(data)
        if left or found != self._sum:
            self.done = self.chords = self._bytes = self._sum = 0
        file.seek(self._bytes)
        file.truncate()
        return file

    def add(self, items: Sequence[Item]) -> None:
        """Write further threads, each a line in bytes."""
        data = b"".join(item.body for item in items)
        try:
            self._file.write(data)
        except OSError as error:
            raise FileError(f"cannot write {self.target}: {error.strerror or error}") from None
        self.done, self.chords = self.done + len(items), self.chords + sum(item.chords for item in items)
        self._bytes, self._sum = self._bytes + len(data), zlib.crc32(data, self._sum)
        if time.monotonic() - self._kept >= EVERY:
            self.keep()

    def keep(self) -> None:
        """Wait until the disk has the lines, then write the journal."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise FileError(f"cannot write {self.target}: {error.strerror or error}") from None
        write_text(self._journal, json.dumps([self.done, self.chords, self._bytes, self._sum]))
        self._kept = time.monotonic()

    def finish(self) -> None:
        """Move the file to its place."""
        self.keep()
        self.close()
        with replacing(self.target) as temporary:
            self._path.replace(temporary)
        self._journal.unlink()
        self.finished = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ShardFolder:
    """A folder of shards of `each` threads, made of their items by `encode`, with their first place.

    manifest: what makes the run; must be the same to go on, or to be finished already.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        each: int,
        ending: str,
        encode: Callable[[Sequence[Item], int], bytes],
    ) -> None:
        self.folder, self._each, self._ending, self._encode = folder, each, ending, encode
        self.finished = folders.begin(folder, manifest, "sample", beside=(LOCK,))
        self.done, self.chords = _entry(folder / JOURNAL, 2)
        self._waiting: list[Item] = []
        self._first = self.done

    def add(self, items: Sequence[Item]) -> None:
        """Take further threads; each shard is written once it is full."""
        self._waiting += items
        self.done, self.chords = self.done + len(items), self.chords + sum(item.chords for item in items)
        while len(self._waiting) >= self._each:
            self._write()

    def keep(self) -> None:
        """Whole shards are kept already; threads of the next one are not."""
        self.done -= len(self._waiting)

    def finish(self) -> None:
        """Write the last shard and the manifest."""
        if self._waiting:
            self._write()
        folders.finish(self.folder)
        with contextlib.suppress(OSError):
            (self.folder / JOURNAL).unlink()
        self.finished = True

    def close(self) -> None:
        """Nothing is open between two shards."""

    def _write(self) -> None:
        shard, self._waiting = self._waiting[: self._each], self._waiting[self._each :]
        name = f"{self._first // self._each:05d}{self._ending}"
        write_bytes(self.folder / name, self._encode(shard, self._first))
        self._first += len(shard)
        chords = self.chords - sum(item.chords for item in self._waiting)
        write_text(self.folder / JOURNAL, json.dumps([self._first, chords]))


def line_items(threads: Sequence[Thread]) -> list[Item]:
    """Of each thread its line of JSON, in bytes."""
    return [Item(thread.line_count, f"{thread.to_json()}\n".encode()) for thread in threads]


def nail_items(threads: Sequence[Thread]) -> list[Item]:
    """Of each thread its nails (t,)."""
    return [Item(thread.line_count, thread.nails) for thread in threads]


def _entry(journal: Path, size: int) -> list[int]:
    """What a journal says: so many numbers, all 0 where there is none or it is damaged."""
    with contextlib.suppress(FileError):
        found = parse_json(read_text(journal), "the journal") if journal.exists() else None
        numbers = found if isinstance(found, list) else []
        if len(numbers) == size and all(type(number) is int and number >= 0 for number in numbers):
            return numbers
    return [0] * size
