"""Arrays of an untrusted .npz file: each is checked before memory is allocated.

NumPy's own reader trusts the header of an array, so that a small file can request terabytes. Here every
array must have the kind and dimensions that the caller expects and exactly as many bytes as its header
states, and all arrays together are limited in size. This module knows no corpus.

Try it: python -c "from nitograph.io.npz import read_arrays; help(read_arrays)"
"""

import io
import math
import warnings
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from nitograph.errors import FileError
from nitograph.untrusted import reading

MAX_ARRAY_BYTES = 8 * 2**30
MAX_PACKING = 128  # decompressed bytes per byte of the file, beyond the first 64 MiB
MAX_ENTRIES = 1000
PIECE = 2**24  # bytes that are decompressed at once
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def unpacked_limit(size: int) -> int:
    """How many bytes the arrays of a file may have together, by the size of the file in bytes."""
    return min(MAX_ARRAY_BYTES, 2**26 + MAX_PACKING * size)


def read_arrays(
    data: bytes,
    layout: Mapping[str, str] | None = None,
    *,
    optional: Mapping[str, str] | None = None,
) -> dict[str, NDArray[Any]]:
    """The arrays named in `layout`, each a NumPy kind and a count of dimensions: "i2", "f1", "U0".

    optional: more of them, left out of what is returned where the file lacks them. Without a layout, all
    arrays of any kind but objects. FileError if the file is no sound .npz or an array does not match.
    """
    found: dict[str, NDArray[Any]] = {}
    with reading(FileError("it is damaged")), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers written by Python 2
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = _entries(archive, layout, optional or {})
            if sum(entry.file_size for entry in entries.values()) > unpacked_limit(len(data)):
                raise FileError("it decompresses to far more than a file of its size should hold")
            for name, entry in entries.items():
                with archive.open(entry) as file:
                    wanted = None if layout is None else {**(optional or {}), **layout}[name]
                    found[name] = _read_array(file, entry.file_size, wanted, name)
    return found


def _entries(
    archive: zipfile.ZipFile, layout: Mapping[str, str] | None, optional: Mapping[str, str]
) -> dict[str, zipfile.ZipInfo]:
    """The entries of the arrays wanted, by the arrays' names."""
    listed = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    if len(listed) > MAX_ENTRIES:
        raise FileError(f"it has more than {MAX_ENTRIES} arrays")
    if layout is None:
        return listed
    missing = [name for name in layout if name not in listed]
    if missing:
        raise FileError(f"it has no array {missing[0]}")
    return {name: listed[name] for name in (*layout, *optional) if name in listed}


def _read_array(file: IO[bytes], size: int, wanted: str | None, name: str) -> NDArray[Any]:
    """One array in NumPy's .npy format; `size`: of the whole entry, bytes."""
    shape, by_columns, dtype = HEADERS[npy.read_magic(file)](file)
    kind = dtype.kind + str(len(shape))
    if kind != (wanted or kind) or dtype.kind not in "biufU" or not dtype.itemsize:
        raise FileError(f"its array {name} is of another kind or shape")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise FileError(f"its array {name} is truncated")
    flat = np.empty(math.prod(shape), dtype=dtype)
    place = flat.view(np.uint8).data
    while len(place):
        piece = file.read(min(len(place), PIECE))
        if not piece:
            raise FileError(f"its array {name} is truncated")
        place[: len(piece)] = piece
        place = place[len(piece) :]
    flat = flat.astype(dtype.newbyteorder("="), copy=False)
    return flat.reshape(shape, order="F" if by_columns else "C")
