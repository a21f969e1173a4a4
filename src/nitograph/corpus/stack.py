"""Rows of many memory-mapped files as one array, of which only what is asked for is read.

A Stack is indexed as an array of rows is, by a number, a slice or an array of rows, and perhaps a slice of
the columns; what comes is a plain array. `pick` chooses rows without reading them. This module knows
nothing of what the rows hold.

Try it: python -c "from nitograph.corpus.stack import Stack; help(Stack)"
"""

import copy
import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError

OPEN_FILES = 256  # at most; each takes one of the handles that a process may have


class Stack:
    """Arrays of files (rows of each, …) below each other, or some rows of them.

    files: .npy, all of `rows_each` rows except the last. shape, dtype: of the whole. below: all that is
    read must be from 0 to below this, or FileError.
    """

    def __init__(
        self,
        files: Sequence[Path],
        rows_each: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        below: int | None = None,
    ) -> None:
        self._files, self._rows_each, self._columns = tuple(files), rows_each, shape[1:]
        self.shape, self.dtype = shape, dtype
        self._below = below
        self._picked: NDArray[np.int64] | None = None
        self._open = functools.lru_cache(maxsize=OPEN_FILES)(_mapped)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self._files[0].parent

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """The rows (and columns) of this key, read."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if isinstance(rows, (int, np.integer)):
            return np.asarray(self._read(self._places(np.array([rows])), columns)[0])
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        return self._read(self._places(np.asarray(rows, dtype=np.int64)), columns)

    def pick(self, rows: NDArray[np.integer]) -> "Stack":
        """These rows only, in this order; nothing is read."""
        found = copy.copy(self)
        found._picked = self._places(np.asarray(rows, dtype=np.int64))
        found.shape = (len(found._picked), *self._columns)
        return found

    def _places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where rows lie among those of all files; negative ones count from the end."""
        if ((rows < -len(self)) | (rows >= len(self))).any():
            raise IndexError(f"a row outside {len(self)} rows")
        rows = np.where(rows < 0, rows + len(self), rows)
        return rows if self._picked is None else self._picked[rows]

    def _read(self, places: NDArray[np.int64], columns: Any) -> NDArray[Any]:
        files, within = np.divmod(places, self._rows_each)
        found: NDArray[Any] = np.empty((len(places), *self._columns), dtype=self.dtype)[:, columns]
        for file in np.unique(files).tolist():
            mine = files == file
            found[mine] = self._open(self._files[file])[within[mine], columns]
        if self._below is not None and found.size and not 0 <= found.min() <= found.max() < self._below:
            raise FileError(f"{self.folder} is damaged: a row holds tokens that are none; prepare it again")
        return found


def _mapped(path: Path) -> NDArray[Any]:
    """The array of a file, mapped into memory."""
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise FileError(f"cannot read {path}: {reason}; prepare the corpus again") from None
    return found


def scratch(shape: tuple[int, ...], dtype: Any, folder: Path | None) -> NDArray[Any]:
    """An array of zeros for as long as it is used: in memory, or mapped to a nameless file in `folder`.

    Where the folder cannot be written, the file lies where temporary files do.
    """
    if folder is None:
        return np.zeros(shape, dtype)
    place = folder if os.access(folder, os.W_OK) else None
    with tempfile.TemporaryFile(dir=place) as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def pick(array: Any, rows: NDArray[np.integer]) -> Any:
    """These rows of an array, or of a Stack without reading them."""
    return array.pick(rows) if isinstance(array, Stack) else array[rows]
