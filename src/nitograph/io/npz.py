"""Arrays of an .npz file that somebody else may have made: each is looked at before memory is taken.

NumPy's own reader trusts the header of an array, so that a small file can ask for terabytes. Here every
array must have the kind and the dimensions that its reader expects, exactly as many bytes as its header
states, and all of them together no more than files of this kind hold. This module knows no corpus.

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
MAX_PACKING = 300  # unpacked bytes for each of the file, beside the first 64 MiB
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
    RuntimeError,  # an encrypted entry, or one packed in a way that zipfile does not know
)
"""What zipfile, zlib and NumPy raise for files that are cut, flipped or foreign."""


def read_arrays(data: bytes, layout: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The arrays named in `layout`, each a NumPy kind and a count of dimensions: "i2", "f1", "U0".

    FileError where an array is not as the layout says; one of DAMAGE where the file is no .npz.
    """
    found: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's about headers of Python 2
        entries = {name: archive.getinfo(f"{name}.npy") for name in layout}
        limit = min(MAX_ARRAY_BYTES, 2**26 + MAX_PACKING * len(data))
        if sum(entry.file_size for entry in entries.values()) > limit:
            raise FileError("it unpacks to far more than a file of its size should hold")
        for name, entry in entries.items():
            with archive.open(entry) as file:
                found[name] = _read_array(file, entry.file_size, layout[name], name)
    return found


def _read_array(file: IO[bytes], size: int, wanted: str, name: str) -> NDArray[Any]:
    """One array in NumPy's .npy form; `size` is that of the whole entry, in bytes."""
    shape, by_columns, dtype = HEADERS[npy.read_magic(file)](file)
    if dtype.kind + str(len(shape)) != wanted:
        raise FileError(f"its array {name} is of another kind or shape")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise FileError(f"its array {name} is cut")
    flat = np.frombuffer(file.read(), dtype=dtype).astype(dtype.newbyteorder("="))
    return flat.reshape(shape, order="F" if by_columns else "C")
