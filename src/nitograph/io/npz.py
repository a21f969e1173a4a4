"""Arrays of an untrusted .npz file: each is checked before memory is allocated.

NumPy's own reader trusts the header of an array, so that a small file can request terabytes. Here every
array must have the kind and dimensions that the caller expects and exactly as many bytes as its header
states, and all arrays together are limited in size. This module knows no corpus.

Try it: python -c "from nitograph.io.npz import read_arrays; help(read_arrays)"
"""

import io
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from nitograph.errors import FileError

MAX_ARRAY_BYTES = 8 * 2**30
MAX_PACKING = 300  # decompressed bytes per byte of the file, beyond the first 64 MiB
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    SyntaxError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    RecursionError,
    IndexError,
    OverflowError,
    MemoryError,
    RuntimeError,  # an encrypted entry, or a compression that zipfile does not support
)
"""What zipfile, zlib and NumPy raise for truncated, corrupted or foreign files."""


def read_arrays(
    data: bytes, layout: Mapping[str, str], *, optional: Mapping[str, str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays named in `layout`, each a NumPy kind and a count of dimensions: "i2", "f1", "U0".

    optional: more of them, left out of what is returned where the file lacks them. FileError if an array
    does not match the layout; one of DAMAGE if the file is not a valid .npz.
    """
    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers written by Python 2
        names = set(archive.namelist())
        present = {name: kind for name, kind in (optional or {}).items() if f"{name}.npy" in names}
        layout = {**layout, **present}
        entries = {name: archive.getinfo(f"{name}.npy") for name in layout}
        limit = min(MAX_ARRAY_BYTES, 2**26 + MAX_PACKING * len(data))
        if sum(entry.file_size for entry in entries.values()) > limit:
            raise FileError("it decompresses to far more than a file of its size should hold")
        for name, entry in entries.items():
            with archive.open(entry) as file:
                found[name] = _read_array(file, entry.file_size, layout[name], name)
    return found


def _read_array(file: IO[bytes], size: int, wanted: str, name: str) -> NDArray[Any]:
    """One array in NumPy's .npy format; `size`: of the whole entry, bytes."""
    shape, by_columns, dtype = HEADERS[npy.read_magic(file)](file)
    if dtype.kind + str(len(shape)) != wanted:
        raise FileError(f"its array {name} is of another kind or shape")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise FileError(f"its array {name} is truncated")
    flat = np.frombuffer(file.read(), dtype=dtype).astype(dtype.newbyteorder("="))
    return flat.reshape(shape, order="F" if by_columns else "C")
