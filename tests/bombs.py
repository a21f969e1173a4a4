"""Small files that would take a machine down, and what each reader takes for them: memory and time.

Every file has less than a megabyte. Each is read in a child process of its own.

Try it: PYTHONPATH=src python tests/bombs.py
"""

import base64
import gzip
import io
import json
import os
import pickle
import resource
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nitograph.corpus.rows import ARRAYS, LAYOUT
from nitograph.errors import NitographError
from nitograph.io import pictures
from readers import READERS
from tiny import MODEL, random_weights, small_corpus

MAX_BYTES = 2**20  # of a bomb
Bomb = tuple[str, str, Callable[[], bytes]]  # reader, name, how its bytes are made


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(piece: bytes, count: int) -> bytes:
    """zlib data of a piece many times over."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(piece) for _ in range(count)) + packer.flush()


def png(width: int, height: int, *, bits: int = 8, kind: int = 2, interlaced: bool = False) -> bytes:
    """An empty PNG of this size and colour type."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    row = bytes(1 + (width * bits * samples + 7) // 8)
    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(768)) if kind == 3 else b""
    data = packed(row * 16, (height + 15) // 16 + int(interlaced) * height // 12)
    return pictures_start() + chunk(b"IHDR", head) + palette + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pictures_start() -> bytes:
    """What every PNG begins with."""
    return b"\x89PNG\r\n\x1a\n"


def carrier(piece: str, count: int, before: str = "", after: str = "") -> bytes:
    """A PNG whose thread is a text of many equal pieces."""
    text = packed(before.encode(), 1) if not count else None
    packer = zlib.compressobj(9)
    parts = [packer.compress(before.encode())]
    block = max(1, 2**16 // len(piece))
    parts += [packer.compress((piece * block).encode()) for _ in range(count // block)]
    parts += [packer.compress(after.encode()), packer.flush()]
    body = b"nitograph\0\1\0\0\0" + (text or b"".join(parts))
    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return pictures_start() + chunk(b"IHDR", head) + chunk(b"iTXt", body) + chunk(b"IEND", b"")


def saved(form: str, mode: str, size: tuple[int, int], **more: object) -> bytes:
    """An empty picture that Pillow writes."""
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, form, **more)
    return buffer.getvalue()


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF whose first frame is smaller than its canvas."""
    small = saved("GIF", "P", (1, 1))
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def archive(members: dict[str, tuple[bytes, bytes, int]]) -> bytes:
    """A zip of members: each a head and a piece many times over."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, (head, piece, count) in members.items():
            with file.open(name, "w", force_zip64=True) as member:
                member.write(head)
                for _ in range(count):
                    member.write(piece)
    return buffer.getvalue()


def header(shape: tuple[int, ...], kind: str) -> bytes:
    """The header of an array in NumPy's format."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def zeros_corpus(megabytes: int) -> bytes:
    """A corpus whose tokens are so many megabytes of zeros."""
    members = {f"{name}.npy": (header((1,) * int(LAYOUT[name][1]), "<i8"), bytes(8), 1) for name in ARRAYS}
    members["tokens.npy"] = (header((megabytes, 2**19), "<i2"), bytes(2**20), megabytes)
    return archive(members | {"metadata.npy": (header((), "<U2"), "{}".encode("utf-32-le"), 1)})


def sound_corpus(times: int) -> bytes:
    """A corpus in which one good row stands many times."""
    one = small_corpus(samples=1)
    arrays = {name: np.repeat(getattr(one, name), times, axis=0) for name in ARRAYS}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, metadata=np.array(json.dumps(dict(one.metadata))), **arrays)
    return buffer.getvalue()


def long_metadata(megabytes: int) -> bytes:
    """A corpus whose metadata is a text of so many megabytes."""
    members = {f"{name}.npy": (header((1,) * int(LAYOUT[name][1]), "<i8"), bytes(8), 1) for name in ARRAYS}
    size = megabytes * 2**18
    members["metadata.npy"] = (
        header((), f"<U{size}"),
        "[],{},1e".encode("utf-32-le") * 2**10,
        size // 2**13,
    )
    return archive(members)


def safetensors(head: bytes, length: int | None = None) -> bytes:
    """A safetensors file with this header."""
    return struct.pack("<Q", len(head) if length is None else length) + head


def checkpoint(**parts: object) -> bytes:
    """A checkpoint with these parts instead of its own."""
    weights = random_weights()
    corpus = dict(small_corpus(samples=1).metadata)
    state = {
        "format": "nitograph-checkpoint/1", "model": MODEL.to_dict(), "settings": {}, "corpus": corpus,
        "network": {name: torch.from_numpy(value) for name, value in weights.tensors.items()},
        "step": 1, "max_lines": 20, "history": [],
    }  # fmt: skip
    buffer = io.BytesIO()
    torch.save(state | parts, buffer)
    return buffer.getvalue()


def deflated(data: bytes) -> bytes:
    """A zip with the same members, compressed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return buffer.getvalue()


def doubled(levels: int) -> list[object]:
    """A list of two references to a list of two references …: little on the disk, 2ⁿ when written out."""
    inner: list[object] = ["x"]
    for _ in range(levels):
        inner = [inner, inner]
    return inner


def wide(count: int) -> torch.Tensor:
    """A tensor that claims so many numbers and stores one."""
    return torch.zeros(1, dtype=torch.float16).expand(count)


def bare_pickle(data: bytes) -> bytes:
    """A checkpoint whose pickle is this."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", data)
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
    return buffer.getvalue()


def bombs() -> Iterator[Bomb]:
    """All of them; those that are read whole show what the largest allowed file takes."""
    side = int(pictures.MAX_PIXELS**0.5)
    composed = int(pictures.MAX_COMPOSED_PIXELS**0.5)
    yield "carrier", "64 MB of [] in the text of a PNG", lambda: carrier("[],", 2**21 * 10)
    yield "carrier", "numbers in the text of a PNG", lambda: carrier("1e9,", 2**21, "[", "1]")
    yield "carrier", "numbers and an emoji in a PNG", lambda: carrier("1e9,", 2**21, '["🧵",', "1]")
    filler = base64.b64encode(np.random.default_rng(0).bytes(700_000)).decode()
    yield (
        "carrier",
        "numbers and an emoji in a PNG of nearly a megabyte",
        lambda: carrier("1e9,", 5 * 2**20, f'["🧵{filler}",', "1]"),
    )
    yield "carrier", "objects in the text of a PNG", lambda: carrier('{"a":1},', 2**20, "[", "1]")
    yield (
        "carrier", "provenance of 8 MB in a PNG",
        lambda: carrier("7e9,", 2**21, '{"num_nails":9,"nails":[0,3],"provenance":{"a":[', "1]}}"),
    )  # fmt: skip
    yield "thread", "a list nested a million deep", lambda: b"[" * MAX_BYTES
    yield "thread", "objects nested a hundred thousand deep", lambda: b'{"a":' * 200_000
    yield (
        "thread",
        "deep provenance",
        lambda: b'{"num_nails":9,"nails":[0,3],"provenance":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    )
    yield "thread", "a million empty objects", lambda: b'{"nails":[' + b"{}," * 340_000 + b"0]}"
    yield "thread", "quotes and backslashes", lambda: b"[" * 100 + b'"\\' * 500_000
    yield (
        "thread",
        "a number of a million digits",
        lambda: b'{"num_nails":' + b"9" * 10**6 + b',"nails":[0]}',
    )
    yield (
        "thread",
        "a label of a million letters",
        lambda: b'{"num_nails":9,"nails":[0,3],"label":"' + b"7" * 10**6 + b'"}',
    )
    yield "list", "half a million nails", lambda: b"1 2 " * 250_000
    yield "list", "a line of commas", lambda: b"nail\n" + b"," * 10**6
    yield "list", "a million header lines", lambda: b"#\n" * 500_000 + b"1 2"
    yield "list", "one quoted cell", lambda: b'nail,x\n"' + b"1," * 500_000
    yield "lines", "half a million lines", lambda: b'{"nails":[0]}\n' * 70_000
    yield "log", "half a million lines", lambda: b"{}\n" * 300_000
    yield "log", "deep records", lambda: (b'{"a":' * 900 + b"1" + b"}" * 900 + b"\n") * 150
    yield "picture", "a PNG of 10 gigapixels", lambda: png(100_000, 8) + bytes(100)
    for kind, name in ((0, "grey"), (2, "RGB"), (3, "palette"), (6, "RGBA")):
        yield "picture", f"the largest {name} PNG", lambda kind=kind: png(side, side, kind=kind)
    yield "picture", "the largest deep PNG", lambda: png(side, side, kind=0, bits=16)
    yield "picture", "the largest deep RGBA PNG", lambda: png(side, side, kind=6, bits=16)
    yield "picture", "a PNG with 60 MB of text", lambda: (
        png(4, 4)[:33] + b"".join(chunk(b"zTXt", b"a\0\0" + packed(bytes(2**16), 900)) for _ in range(3))
        + png(4, 4)[33:]
    )  # fmt: skip
    yield "picture", "the largest WebP", lambda: saved("WEBP", "RGB", (composed, composed), lossless=True)
    yield "picture", "a WebP of 268 bytes", lambda: saved("WEBP", "RGB", (16383, 16383), lossless=True)
    yield "picture", "the largest GIF", lambda: saved("GIF", "P", (composed, composed))
    yield "picture", "a GIF with a large canvas", lambda: gif(65535, 65535)
    yield "picture", "a JPEG that is reduced", lambda: saved("JPEG", "L", (8200, 8200), quality=1)
    yield "picture", "the largest colour JPEG", lambda: saved("JPEG", "RGB", (side, side - 200), quality=1)
    yield (
        "picture",
        "the largest progressive JPEG",
        lambda: saved("JPEG", "L", (side, side), quality=1, progressive=True),
    )
    for mode in ("RGBA", "F", "I;16", "CMYK"):
        yield (
            "picture",
            f"the largest {mode} TIFF",
            lambda mode=mode: saved("TIFF", mode, (side, side), compression="tiff_adobe_deflate"),
        )
    yield (
        "idx",
        "a gzipped IDX file of 1 GiB",
        lambda: (
            gzip.compress(b"\0\0\x08\3" + struct.pack(">III", 2**20 - 1, 32, 32), 9)
            + gzip.compress(bytes(2**24), 9) * 60
        ),
    )
    yield (
        "idx",
        "an IDX file of nothing",
        lambda: b"\0\0\x08\3" + struct.pack(">III", 2**32 - 1, 0, 2**32 - 1),
    )
    yield "corpus", "370 MB of zeros", lambda: zeros_corpus(370)
    yield "corpus", "a good row 700,000 times", lambda: sound_corpus(700_000)
    yield "corpus", "metadata of 64 MB", lambda: long_metadata(64)
    yield (
        "part",
        "an array of a terabyte",
        lambda: archive({"nails.npy": (header((2**20, 2**19), "<i2"), b"", 0)}),
    )
    yield (
        "cache",
        "an array of 370 MB",
        lambda: archive({"upper.npy": (header((370 * 2**20,), "|u1"), bytes(2**20), 370)}),
    )
    yield "weights", "a header of empty objects", lambda: safetensors(b'{"a":[' + b"{}," * 340_000 + b"0]}")
    yield "weights", "a header that says it is long", lambda: safetensors(b"{" * 1000, 2**40)
    yield "weights", "a header nested deep", lambda: safetensors(b'{"a":' * 200_000)
    yield (
        "checkpoint",
        "zeros, deflated",
        lambda: deflated(checkpoint(other=torch.zeros(2**28, dtype=torch.uint8))),
    )
    yield (
        "checkpoint",
        "a tensor that claims 16 billion numbers",
        lambda: checkpoint(network={"token.weight": wide(2**34)}),
    )
    yield "checkpoint", "settings that double 40 times", lambda: checkpoint(settings={"a": doubled(40)})
    yield (
        "checkpoint",
        "classes that double 40 times",
        lambda: checkpoint(corpus=dict(small_corpus(samples=1).metadata) | {"classes": doubled(40)}),
    )
    yield "checkpoint", "a pickle of a million lists", lambda: bare_pickle(b"\x80\x02" + b"](" * 500_000)
    yield (
        "checkpoint",
        "a pickle of nested lists",
        lambda: bare_pickle(b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b"."),
    )
    yield (
        "checkpoint",
        "an old pickle of a large storage",
        lambda: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + b"\x80\x02]q\0." * 1000,
    )


def taken(reader: str, path: str) -> tuple[int, float, str]:
    """What a file takes in a child process: bytes of memory, processor seconds, and what came of it.

    The memory is the peak less what the process had before. What comes is "read", "refused", or the fault.
    """
    inlet, outlet = os.pipe()
    child = os.fork()
    if not child:
        os.close(inlet)
        os.write(outlet, f"{peak()} {outcome(reader, path)} {peak()}".encode())
        os._exit(0)
    os.close(outlet)
    with os.fdopen(inlet, "rb") as answer:
        said = answer.read().decode()
    _, _, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    if not said:
        return 0, seconds, "killed"
    before, rest = said.split(" ", 1)
    word, after = rest.rsplit(" ", 1)
    return int(after) - int(before), seconds, word


def write(make: Callable[[], bytes], path: Path) -> int:
    """Write a bomb in a child process, so that what making it takes stays there; its size."""
    child = os.fork()
    if not child:
        path.write_bytes(make())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    return path.stat().st_size


def peak() -> int:
    """The most memory that this process has had so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def outcome(reader: str, path: str) -> str:
    """What comes of a file: "read", "refused" in one short line, or the fault."""
    try:
        READERS[reader](path)
    except NitographError as error:
        short = "\n" not in str(error) and len(str(error)) < 1000
        return "refused" if short else f"a long message: {str(error)[:100]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "read"


def main() -> None:
    """Print a line for each bomb: its size, the memory it takes, in MiB, seconds, and what came."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        for number, (reader, name, make) in enumerate(bombs()):
            path = Path(folder) / f"{number}"
            size = write(make, path)
            memory, seconds, word = taken(reader, str(path))
            print(f"{reader}\t{name}\t{size}\t{memory / 2**20:.0f}\t{seconds:.1f}\t{word}", flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
