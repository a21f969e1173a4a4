"""The IDX format, gzipped or not: arrays of bytes, as MNIST and its followers keep pictures and labels.

Everything read here comes from outside, so headers are checked before memory is allocated, and every fault
is a SourceError of one line. This module does not know what the arrays mean.

Try it: python -c "from nitograph.corpus.sources import read_idx; help(read_idx)"
"""

import gzip
import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError, SourceError
from nitograph.io.files import read_bytes
from nitograph.untrusted import reading

MAX_IDX_BYTES = 2**30
MAX_PACKING = 100  # unpacked bytes per byte of a gzipped file, beyond the first 64 MiB
PIECE = 2**24  # bytes that are unpacked at once


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """The array in one IDX file, gzipped or not; SourceError if it is not one."""
    return parse_idx(read_packed(path), name=str(path))


def read_packed(path: str | Path) -> bytes | bytearray:
    """The bytes of a file, unpacked where it is gzipped; SourceError."""
    try:
        data = read_bytes(path, limit=MAX_IDX_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    return unpacked(data, str(path))


def parse_idx(data: bytes | bytearray, *, name: str = "the data") -> NDArray[np.uint8]:
    """An array of 1 to 3 dimensions from unsigned bytes in IDX format; SourceError if they are not."""
    if len(data) < 4 or data[:2] != b"\0\0":
        raise SourceError(f"{name} is not an IDX file: it must begin with two zero bytes")
    kind, dimensions = data[2], data[3]
    if kind != 8 or not 1 <= dimensions <= 3:
        raise SourceError(
            f"{name} must hold unsigned bytes (IDX type 0x08) in 1 to 3 dimensions, "
            f"got type {kind:#04x} in {dimensions}"
        )
    head = 4 + 4 * dimensions
    if len(data) < head:
        raise SourceError(f"{name} ends within its IDX header; the file is truncated, download it again")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, head, 4))
    if 0 in shape:
        raise SourceError(f"{name} is empty: it states {'×'.join(map(str, shape))} bytes; use another file")
    size = math.prod(shape)
    if size != len(data) - head:
        raise SourceError(
            f"{name} states {'×'.join(map(str, shape))} bytes in its header but holds {len(data) - head}; "
            "the file is truncated or damaged, download it again"
        )
    return np.frombuffer(memoryview(data).toreadonly(), dtype=np.uint8, offset=head).reshape(shape)


def unpacked(data: bytes, name: str) -> bytes | bytearray:
    """What gzip packed, or the data as they are where it did not; SourceError."""
    if data[:2] != b"\x1f\x8b":
        return data
    most = min(MAX_IDX_BYTES, 2**26 + MAX_PACKING * len(data))
    found = bytearray()
    damaged = SourceError(f"{name} is a damaged gzip file; download it again")
    with reading(damaged), gzip.open(io.BytesIO(data)) as stream:
        while piece := stream.read(PIECE):
            found += piece
            if len(found) > most:
                raise SourceError(
                    f"{name} must not unpack to more than {most // 2**20} MiB; give a smaller IDX file"
                )
    return found
