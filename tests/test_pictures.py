"""Guards of picture files: what is read, what is refused, and that nothing of a library's own is heard."""

import io
import os
import stat
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from nitograph.errors import SourceError
from nitograph.io import pictures
from nitograph.io.pictures import read_picture

NOISE = np.random.default_rng(5).integers(0, 256, (48, 60, 3), dtype=np.uint8)


def encoded(form: str, image: Image.Image | None = None, **more: object) -> bytes:
    """A picture in some form."""
    buffer = io.BytesIO()
    (image or Image.fromarray(NOISE)).save(buffer, form, **more)
    return buffer.getvalue()


def test_picture_orientation_alpha_and_colour(tmp_path):
    """EXIF turns the picture upright, see-through parts are black, colour becomes luminance."""
    wide = Image.fromarray(np.tile(np.arange(40, dtype=np.uint8), (20, 1)))
    tag = Image.Exif()
    tag[0x0112] = 6
    wide.save(tmp_path / "turned.jpg", exif=tag)
    assert read_picture(tmp_path / "turned.jpg").shape == (40, 20)
    Image.new("RGBA", (3, 3), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").max() == 0
    assert read_picture(tmp_path / "clear.png", ground=255).min() == 255
    Image.new("RGB", (3, 3), (0, 255, 0)).save(tmp_path / "green.png")
    assert read_picture(tmp_path / "green.png")[0, 0] == 150
    Image.fromarray(np.full((3, 3), 65535, np.uint16)).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[0, 0] == 255


def test_damaged_pictures(tmp_path):
    """Cut, foreign and missing picture files are a SourceError each."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(buffer, "PNG")
    (tmp_path / "cut.png").write_bytes(buffer.getvalue()[:900])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("cut.png", "text.png", "none.png"):
        with pytest.raises(SourceError) as caught:
            read_picture(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_bomb(tmp_path):
    """A small file that says 60,000 × 60,000 pixels is refused before it is unpacked."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(SourceError):
        read_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM"])
def test_every_named_format_is_read(tmp_path, form):
    """Each format that the message names comes in with its pixels."""
    (tmp_path / "p").write_bytes(encoded(form))
    with Image.open(tmp_path / "p") as opened:
        wanted = np.asarray(opened.convert("L"))
    assert np.array_equal(read_picture(tmp_path / "p"), wanted)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "CMYK", "I;16", "1"])
def test_strips_are_the_whole(tmp_path, monkeypatch, mode):
    """A picture turned grey in strips is the one turned grey at once."""
    deep = Image.fromarray(np.random.default_rng(1).integers(0, 65536, (48, 60), dtype=np.uint16))
    image = deep if mode == "I;16" else Image.fromarray(NOISE).convert(mode)
    image.save(tmp_path / "p", "TIFF")
    whole = read_picture(tmp_path / "p")
    monkeypatch.setattr(pictures, "STRIP_PIXELS", 7 * 60)
    assert np.array_equal(read_picture(tmp_path / "p"), whole)
    assert whole.shape == (48, 60)


@pytest.mark.parametrize("turn", range(1, 9))
def test_all_eight_orientations(tmp_path, turn):
    """The picture stands as Pillow's own transposing by the EXIF tag has it."""
    tag = Image.Exif()
    tag[0x0112] = turn
    Image.fromarray(NOISE).convert("L").save(tmp_path / "p.png", exif=tag)
    with Image.open(tmp_path / "p.png") as opened:
        assert np.array_equal(read_picture(tmp_path / "p.png"), np.asarray(ImageOps.exif_transpose(opened)))


def test_no_picture_starts_a_program(tmp_path):
    """An EPS under the name of a JPEG is refused; Ghostscript, which Pillow would ask, is not started."""
    (tmp_path / "p.jpg").write_bytes(encoded("EPS", Image.fromarray(NOISE)))
    for name in ("gs", "gswin32c", "gswin64c"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
        (tmp_path / name).chmod(stat.S_IRWXU)
    code = "import sys; from nitograph.io.pictures import read_picture; read_picture(sys.argv[1])"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "p.jpg"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert "save it as PNG" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("form", ["DDS", "ICNS", "TGA", "PCX", "SGI", "SPIDER", "ICO", "XBM"])
def test_other_formats_are_refused_in_one_line(tmp_path, form):
    """What is not named is no picture here, whole or cut, whatever its decoder would have raised."""
    image = Image.fromarray(NOISE).convert({"SPIDER": "F", "XBM": "1"}.get(form, "RGB"))
    image = image.resize((64, 64)) if form == "ICNS" else image
    data = encoded(form, image)
    for cut in (data, data[: len(data) // 2]):
        (tmp_path / "p.png").write_bytes(cut)
        with pytest.raises(SourceError, match="is no picture that is read here") as caught:
            read_picture(tmp_path / "p.png")
        assert "\n" not in str(caught.value)


def test_damage_is_one_line_and_nothing_else(tmp_path):
    """Flipped and cut files of every format: a picture or one line, and standard error stays empty."""
    code = """if True:
        import sys
        import numpy as np
        from nitograph.errors import SourceError
        from nitograph.io.pictures import read_picture
        rng, refused = np.random.default_rng(int(sys.argv[1])), 0
        for name in sys.argv[2:]:
            whole = np.fromfile(name, dtype=np.uint8)
            for count in range(60):
                data = whole[: rng.integers(10, len(whole) + 1)] if count % 3 == 0 else whole
                data = data.copy()
                data[rng.integers(len(data), size=5)] = rng.integers(256, size=5)
                data.tofile(name + "_bad")
                try:
                    read_picture(name + "_bad")
                except SourceError as error:
                    assert len(str(error).splitlines()) == 1, error
                    refused += 1
        print(refused)
    """
    forms = {
        "tiff_lzw": ("TIFF", {"compression": "tiff_lzw"}),
        "deflate": ("TIFF", {"compression": "tiff_deflate"}),
    }
    forms |= {form: (form, {}) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM")}
    for name, (form, more) in forms.items():
        (tmp_path / name).write_bytes(encoded(form, **more))
    (tmp_path / "fax").write_bytes(
        encoded("TIFF", Image.fromarray(NOISE).convert("1"), compression="group4")
    )
    files = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", code, "3", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert int(done.stdout) > 60


def test_standard_error_is_given_back(tmp_path, capfd):
    """After a picture, whole or not, what the program itself says is heard again."""
    (tmp_path / "p").write_bytes(encoded("PNG"))
    (tmp_path / "bad").write_bytes(encoded("PNG")[:500])
    read_picture(tmp_path / "p")
    with pytest.raises(SourceError):
        read_picture(tmp_path / "bad")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_closed_standard_error(tmp_path):
    """Where standard error is closed there is nothing to silence, and the picture is read."""
    (tmp_path / "p").write_bytes(encoded("PNG"))
    code = (
        "import os, sys; os.close(2)\n"
        "from nitograph.io.pictures import read_picture; print(read_picture(sys.argv[1]).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "p"], capture_output=True, text=True)
    assert done.stdout == "(48, 60)\n"


def test_size_is_bounded_by_what_decoding_takes(tmp_path, monkeypatch):
    """Too many pixels are refused before they are decoded, fewer for formats that keep several canvases."""
    for form in ("PNG", "WEBP", "TIFF", "GIF"):
        (tmp_path / form).write_bytes(encoded(form))
    monkeypatch.setattr(pictures, "MAX_PIXELS", 48 * 60)
    monkeypatch.setattr(pictures, "MAX_COMPOSED_PIXELS", 48 * 60 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    for form in ("WEBP", "GIF"):
        with pytest.raises(SourceError, match="60×48 pixels"):
            read_picture(tmp_path / form)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 48 * 60 - 1)
    for form in ("PNG", "TIFF"):
        with pytest.raises(SourceError, match="60×48 pixels"):
            read_picture(tmp_path / form)


def test_a_large_jpeg_comes_back_reduced(tmp_path, monkeypatch):
    """A JPEG of more pixels than are decoded whole is halved by its decoder; a progressive one is not."""
    smooth = Image.fromarray(NOISE).resize((400, 300), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "plain.jpg")
    smooth.save(tmp_path / "progressive.jpg", progressive=True)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 400 * 300 - 1)
    reduced = read_picture(tmp_path / "plain.jpg")
    assert reduced.shape == (150, 200)
    wanted = np.asarray(smooth.convert("L").resize((200, 150), Image.Resampling.BOX), dtype=float)
    assert np.abs(reduced - wanted).mean() < 3
    with pytest.raises(SourceError, match="400×300 pixels"):
        read_picture(tmp_path / "progressive.jpg")


def test_the_first_bytes_tell_a_picture(tmp_path):
    """Whatever Pillow writes in a format that is read here begins like a picture; text does not."""
    from nitograph.io.pictures import FORMATS, is_picture

    for name in FORMATS:
        Image.new("L", (9, 9), 7).save(tmp_path / "p", name)
        assert is_picture((tmp_path / "p").read_bytes()), name
    assert not any(map(is_picture, (b"", b"{}", b"%PDF-1.7", b"%!PS", b"RIFF1234WAVE", b"Pictures")))


SLOPE = np.add.outer(np.arange(40.0), np.arange(60.0)) / 98  # 0 to 1
DEPTHS = {
    "10 bits in 16": (SLOPE * 1023).astype(np.uint16),
    "16 bits with an offset": (30_000 + SLOPE * 900).astype(np.uint16),
    "signed 16": (SLOPE * 2000 - 1000).astype(np.int16),
    "signed 32": (SLOPE * 2e9 - 1e9).astype(np.int32),
    "unsigned 32": (SLOPE * 4e9).astype(np.uint32),
    "floats": (SLOPE * 3 - 1).astype(np.float32),
}


def tiff(values: np.ndarray, photometric: int = 1) -> bytes:
    """A plain TIFF of one strip, little-endian, of any kind of numbers."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    height, width = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    tags = [(256, width), (257, height), (258, 8 * values.itemsize), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, height), (279, len(data)), (339, kind)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("kind", DEPTHS)
@pytest.mark.parametrize("photometric", [0, 1], ids=["min is white", "min is black"])
def test_deep_pictures_are_stretched_by_their_values(tmp_path, kind, photometric):
    """Whatever the file's type could hold, all of 8 bits is used, and the right end is white."""
    (tmp_path / "p.tif").write_bytes(tiff(DEPTHS[kind], photometric))
    if photometric == 0 and DEPTHS[kind].dtype.str in ("<i2", "<i4", "<u4"):
        with pytest.raises(SourceError, match="save it as PNG"):  # Pillow knows no such files
            read_picture(tmp_path / "p.tif")
        return
    wanted = 255 * (SLOPE if photometric == 1 else 1 - SLOPE)
    found = read_picture(tmp_path / "p.tif").astype(float)
    assert (found.min(), found.max()) == (0, 255)
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.999


def test_deep_pictures_without_a_range(tmp_path):
    """Floats that are no numbers, and even pictures, are neither a fault nor noise."""
    values = np.array([[np.nan, 0, 1], [np.inf, -np.inf, 0.5]], dtype=np.float32)
    (tmp_path / "p.tif").write_bytes(tiff(values))
    assert read_picture(tmp_path / "p.tif").tolist() == [[0, 0, 255], [255, 0, 128]]
    for level, grey in ((0, 0), (7, 255), (np.nan, 0)):
        (tmp_path / "p.tif").write_bytes(tiff(np.full((2, 2), level, dtype=np.float32)))
        assert read_picture(tmp_path / "p.tif").tolist() == [[grey, grey]] * 2
