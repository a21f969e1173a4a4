"""PNG files made here are read by others, and hostile ones are refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from nitograph.errors import FileError
from nitograph.io import png


def reopened(data: bytes) -> Image.Image:
    """What Pillow makes of the bytes, all chunks checked."""
    Image.open(io.BytesIO(data)).verify()
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@settings(max_examples=25)
@given(st.integers(1, 90), st.integers(1, 90), st.booleans(), st.integers(0, 2**32 - 1))
def test_pillow_reads_what_we_write(height: int, width: int, paletted: bool, seed: int) -> None:
    """Any shape, RGB or palette: Pillow sees the very same pixels, colours and density."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width) if paletted else (height, width, 3)).astype(np.uint8)
    palette = rng.integers(0, 256, (256, 3)).astype(np.uint8) if paletted else None
    image = reopened(png.encode(pixels, palette, dpi=300))
    expected = pixels if palette is None else palette[pixels]
    assert np.array_equal(np.asarray(image.convert("RGB")), expected)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("workers", [1, 3])
def test_strips_join(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of many strips is one stream with one right checksum, from any number of workers."""
    monkeypatch.setattr(png, "STRIP_BYTES", 500)
    pixels = np.random.default_rng(1).integers(0, 9, (200, 133, 3)).astype(np.uint8)
    data = png.encode(pixels, workers=workers)
    assert np.array_equal(np.asarray(reopened(data)), pixels)
    assert data == png.encode(pixels, workers=1)


@given(st.text(max_size=300))
@settings(max_examples=30)
def test_text_comes_back(words: str) -> None:
    """Any text under our keyword is read back by us, and by Pillow."""
    data = png.encode(np.zeros((2, 2, 3), dtype=np.uint8), text={"other": "no", "nitograph": words})
    assert png.read_text(data, "nitograph") == words
    assert png.read_text(data, "missing") is None
    assert reopened(data).info["nitograph"] == words


def test_text_of_other_writers() -> None:
    """The older text chunks, plain and packed, are read too."""
    from PIL.PngImagePlugin import PngInfo

    for packed in (False, True):
        notes, file = PngInfo(), io.BytesIO()
        notes.add_text("nitograph", "grüße", zip=packed)
        Image.new("L", (3, 3)).save(file, "png", pnginfo=notes)
        assert png.read_text(file.getvalue(), "nitograph") == "grüße"


def test_cut_and_flipped_files_are_refused_or_read() -> None:
    """A file cut anywhere or with a byte flipped gives its text or one clear error, nothing else."""
    rng = np.random.default_rng(5)
    whole = png.encode(np.zeros((8, 8, 3), dtype=np.uint8), text={"nitograph": '{"nails": [0, 1]}'})
    broken = [whole[:cut] for cut in range(0, len(whole), 3)]
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(rng.integers(8))
        broken.append(bytes(flipped))
    found = []
    for data in broken:
        try:
            found.append(png.read_text(data, "nitograph") or "")
        except FileError as error:
            found.append(str(error))
    assert all("\n" not in words for words in found)
    assert {words for words in found if words.startswith("{")} == {'{"nails": [0, 1]}'}


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_text_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small chunk that would unpack to gigabytes is stopped at the limit."""
    monkeypatch.setattr(png, "MAX_TEXT_BYTES", 1000)
    bomb = png.SIGNATURE + chunk(b"zTXt", b"nitograph\0\0" + zlib.compress(bytes(10**6)))
    with pytest.raises(FileError, match="damaged or larger"):
        png.read_text(bomb, "nitograph")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        png.SIGNATURE,
        png.SIGNATURE + struct.pack(">I", 2**32 - 1) + b"iTXt" + bytes(40),
        png.SIGNATURE + chunk(b"iTXt", b"nitograph\0\1\0\0\0not packed"),
        png.SIGNATURE + chunk(b"iTXt", b"nitograph\0\0\0\0\0\xff\xfe") + chunk(b"IEND", b""),
    ],
)
def test_no_png_no_text(data: bytes) -> None:
    """What is no PNG, is cut, or holds broken text is an error of one line."""
    with pytest.raises(FileError) as caught:
        png.read_text(data, "nitograph")
    assert "\n" not in str(caught.value)
