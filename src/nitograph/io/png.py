"""PNG files: encoding pixels, in strips that are compressed in parallel, and reading text chunks.

Knows nothing of threads; a text is any string stored under a keyword. Pillow takes five times as long, as
it uses one core and tries filters instead of one chosen beforehand. Format: Portable Network Graphics (PNG)
Specification, third edition, W3C.

Try it: python -m nitograph render picture.png -o other.png
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError
from nitograph.untrusted import reading

UInt8 = NDArray[np.uint8]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
STRIP_BYTES = 2 * 1024 * 1024
MAX_TEXT_BYTES = 64 * 1024 * 1024  # decompressed, of any text
MAX_TEXT_PACKING = 20  # decompressed bytes per byte of the chunk, beyond the first 8 MiB
ADLER = 65521


def encode(
    pixels: UInt8,
    palette: UInt8 | None = None,
    *,
    text: Mapping[str, str] | None = None,
    dpi: float | None = None,
    workers: int = 2,
) -> bytes:
    """A PNG file of pixels (h, w, 3), or of palette numbers (h, w) with their palette (≤ 256, 3).

    text: keyword (Latin-1, 1 to 79 characters) → text, stored compressed before the pixels. dpi: px per
    inch.
    """
    height, width = pixels.shape[:2]
    kind = 2 if palette is None else 3
    parts = [SIGNATURE, _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if dpi:
        metre = round(dpi / 0.0254)
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", metre, metre, 1)))
    if palette is not None:
        parts.append(_chunk(b"PLTE", np.ascontiguousarray(palette, dtype=np.uint8).tobytes()))
    for keyword, words in (text or {}).items():
        packed = zlib.compress(words.encode("utf-8"), 6)
        parts.append(_chunk(b"iTXt", keyword.encode("latin-1") + b"\0\1\0\0\0" + packed))
    parts.extend(_image_data(pixels.reshape(height, -1), 1 if kind == 3 else 3, workers))
    parts.append(_chunk(b"IEND", b""))
    return b"".join(parts)


def read_text(data: bytes, keyword: str, *, name: str = "the picture") -> str | None:
    """The text under `keyword` in a PNG file, or None; FileError if it is not a complete PNG.

    Only chunk headers are read and one chunk is decompressed, to no more than a text of its size should
    hold and at most MAX_TEXT_BYTES.
    """
    wanted = keyword.encode("latin-1")
    with reading(FileError(f"{name} is a damaged PNG picture")):
        for kind, body in _chunks(data, name):
            if kind in (b"iTXt", b"zTXt", b"tEXt") and body.split(b"\0", 1)[0] == wanted:
                return _text(kind, body, name)
    return None


def _image_data(rows: UInt8, step: int, workers: int) -> Iterator[bytes]:
    """IDAT chunks, one per strip: each strip is a whole run of deflate blocks; checksums are combined."""
    height, width = rows.shape
    count = max(1, STRIP_BYTES // (width + 1))

    def pack(first: int) -> tuple[bytes, int, int]:
        filtered = _filtered(rows[first : first + count], step)
        # Run lengths only: on dithered light as small as searching for matches, and a fifth faster.
        packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
        end = zlib.Z_FINISH if first + count >= height else zlib.Z_SYNC_FLUSH
        return packer.compress(filtered) + packer.flush(end), zlib.adler32(filtered), len(filtered)

    with ThreadPoolExecutor(workers) as pool:
        total = 1
        yield _chunk(b"IDAT", b"\x78\x01")
        for body, adler, length in pool.map(pack, range(0, height, count)):
            total = _combined(total, adler, length)
            yield _chunk(b"IDAT", body)
        yield _chunk(b"IDAT", struct.pack(">I", total))


def _filtered(rows: UInt8, step: int) -> memoryview:
    """Each row with filter byte 1 (Sub), every byte minus that of the pixel before, (h, 1 + bytes)."""
    out = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=np.uint8)
    out[:, 0] = 1
    out[:, 1 : step + 1] = rows[:, :step]
    np.subtract(rows[:, step:], rows[:, :-step], out=out[:, step + 1 :])
    return out.data.cast("B")


def _combined(one: int, two: int, length: int) -> int:
    """Adler-32 of two concatenated byte strings from that of each; `length`: of the second."""
    low, high = one & 0xFFFF, one >> 16
    rest = length % ADLER
    return (((high + (two >> 16) + rest * (low - 1)) % ADLER) << 16) | ((low + (two & 0xFFFF) - 1) % ADLER)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
    )


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(SIGNATURE):
        raise FileError(f"{name} is not a PNG picture")
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            break
        if kind == b"IEND":
            return
        body = data[at + 8 : at + 8 + length]
        if (
            kind != b"IDAT"
            and zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, at + 8 + length)[0]
        ):
            raise FileError(f"{name} is a damaged PNG picture: a checksum is wrong")
        yield kind, body
        at += 12 + length
    raise FileError(f"{name} is an incomplete PNG picture")


def _text(kind: bytes, body: bytes, name: str) -> str:
    _, rest = body.split(b"\0", 1)
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed, fields = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
        rest = fields[2] if len(fields) == 3 else b""
    elif kind == b"zTXt":
        rest = rest[1:]
    with reading(FileError(f"{name}: its text is damaged")):
        if packed:
            unpacker, most = zlib.decompressobj(), min(MAX_TEXT_BYTES, 2**23 + MAX_TEXT_PACKING * len(rest))
            rest = unpacker.decompress(rest, most)
            if not unpacker.eof:
                raise FileError(f"{name}: its text is damaged or larger than {most // 2**20} MiB")
        return rest.decode("utf-8" if kind == b"iTXt" else "latin-1")
