"""Results kept between evaluations: arrays, keyed by the hash of everything they were computed from.

The folder is NITOGRAPH_CACHE if that is set, else nitograph in the user's cache folder. A cached file holds
a digest of its arrays; one that is damaged or cannot be written costs only time. This module does not know
what it stores.

Try it: python -c "from nitograph.evaluation.cache import Cache; print(Cache.of_user().folder)"
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError
from nitograph.io.files import read_bytes, write_bytes
from nitograph.io.npz import read_arrays

Arrays = dict[str, NDArray[Any]]
MAX_BYTES = 2**28
SEAL = "sha256"  # the array in a file that identifies its other arrays


@dataclass(frozen=True)
class Cache:
    """A folder of arrays by content hash; with `folder` None nothing is cached."""

    folder: Path | None = None

    @staticmethod
    def of_user() -> "Cache":
        """The folder that NITOGRAPH_CACHE names, else the user's own; created on the first write."""
        named = os.environ.get("NITOGRAPH_CACHE")
        if named:
            return Cache(Path(named))
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return Cache(Path(base).expanduser() / "nitograph")

    def fetch(self, kind: str, made_from: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The arrays made from these inputs: from the cache, or computed by `make` and then cached.

        made_from: JSON values, or arrays, which are hashed by bytes, shape and dtype.
        """
        path = self._path(kind, made_from)
        kept = _read(path) if path is not None and path.is_file() else None
        if kept is not None:
            return kept
        made = make()
        if path is not None:
            _write(path, made)
        return made

    def _path(self, kind: str, made_from: Mapping[str, Any]) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{kind}-{digest(made_from)[:32]}.npz"


def digest(value: Any) -> str:
    """SHA-256 of JSON values that may hold arrays."""
    sha = hashlib.sha256()

    def hashed(array: Any) -> list[Any]:
        if not isinstance(array, np.ndarray):
            raise TypeError(f"cannot hash a {type(array).__name__}")
        inside = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return [str(array.dtype), list(array.shape), inside]

    sha.update(json.dumps(value, sort_keys=True, default=hashed).encode())
    return sha.hexdigest()


def _read(path: Path) -> Arrays | None:
    """The arrays in a file; None if they are not the ones that were written there."""
    try:
        arrays = read_arrays(read_bytes(path, limit=MAX_BYTES))
    except FileError:
        return None
    seal = arrays.pop(SEAL, None)
    return arrays if seal is not None and str(seal) == digest(arrays) else None


def _write(path: Path, arrays: Arrays) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, **{SEAL: np.array(digest(arrays))})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, buffer.getvalue())
    except (FileError, OSError):
        return  # the caller has the arrays; only the next evaluation is slower
