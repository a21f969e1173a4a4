"""Guards of fonts as a source, and of the one form that pictures are brought to; on Matplotlib's fonts."""

import contextlib
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.corpus.sources import find
from nitograph.corpus.sources.fonts import expanded
from nitograph.corpus.sources.greys import SIDE, framed, is_blank, light_on_dark
from nitograph.errors import SourceError

FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
SANS = FONTS / "DejaVuSans.ttf"


def refused(source: str, part: str, split: str = "train") -> None:
    """Finding must fail with one line."""
    with pytest.raises(SourceError, match=part) as caught:
        find(source, split)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def fonts(tmp_path_factory):
    """A folder of six fonts, of which one lacks Greek, and of two files that are none."""
    folder = tmp_path_factory.mktemp("fonts")
    styles = ("Sans", "Sans-Bold", "Sans-Oblique", "Serif", "Serif-Bold")
    for name in (*(f"DejaVu{style}" for style in styles), "cmtt10"):
        shutil.copy(FONTS / f"{name}.ttf", folder)
    (folder / "torn.ttf").write_bytes(SANS.read_bytes()[:5000])
    (folder / "other.otf").write_text("no font")
    (folder / "readme.txt").write_text("no font, and of no font's name")
    return folder


def test_one_font():
    """Each character is a class, drawn light on dark in MNIST's form; the same twice."""
    found = find(f"font:{SANS}:A-CaΩ&<")
    assert found.classes == ("A", "B", "C", "a", "Ω", "&", "<")
    assert found.images.shape == (7, SIDE, SIDE)
    assert (found.images[:, [0, 1, -2, -1]] == 0).all()
    assert (found.images.max(axis=(1, 2)) == 255).all()
    rows, columns = (found.images[0].max(axis) > 0 for axis in (1, 0))
    assert max(rows.sum(), columns.sum()) == 20
    again = find(f"font:{SANS}:A-CaΩ&<")
    assert again.sha256 == found.sha256
    assert np.array_equal(again.images, found.images)
    assert find(f"font:{SANS}").classes[:27] == (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "a")
    assert "<" in find(f"font:{SANS}:a:<").classes


def test_a_folder_of_fonts(fonts):
    """What is no font is named and does not stop the rest; what a font lacks is said; fonts are groups."""
    found = find(f"font:{fonts}:A-Cα", "all")
    assert np.bincount(found.labels).tolist() == [6, 6, 6, 5]
    assert found.name == f"font:{fonts.name}:all"
    lacking, odd = found.notes
    assert lacking == "no glyph for 'α' in cmtt10.ttf"
    assert "2 left out: " in odd
    assert "other.otf is no font that is read here" in odd
    assert "torn.ttf" in odd
    train, test = find(f"font:{fonts}:A-Cα"), find(f"font:{fonts}:A-Cα", "test")
    assert len(set(test.groups.tolist())) == 1
    assert not set(train.groups.tolist()) & set(test.groups.tolist())
    assert set(train.labels.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ("", "needs a place: font:FILE:CHARS"),
        ("none.ttf:A-Z", "no file or folder none.ttf; check"),
        (f"{SANS}:A丏", "DejaVuSans.ttf has no glyph for '丏'; leave it out"),
        (f"{FONTS.parent / 'afm'}:A", "has no font files"),
        (f"{__file__}:A", "is no font that is read here"),
        (f"{SANS}: ", "name the characters to draw"),
        (f"{SANS}:\u4e00-\u9fff", "at most 4096 characters"),
        (f"{SANS}:a\x07", "has a class named"),
    ],
)
def test_what_is_refused(where, part):
    """Places, files, glyphs and lists that are none: one line each."""
    refused(f"font:{where}", part)


def test_every_cut_font_is_refused_or_read(tmp_path):
    """Wherever a font is cut or flipped, the answer is pictures or one line."""
    whole, rng = SANS.read_bytes()[:200_000], np.random.default_rng(0)
    path = tmp_path / "cut.ttf"
    for _ in range(40):
        data = bytearray(whole[: rng.integers(1, len(whole))])
        for place in rng.integers(0, min(len(data), 2000), 4):
            data[place] ^= 1 << rng.integers(0, 8)
        path.write_bytes(data)
        with contextlib.suppress(SourceError):
            assert len(find(f"font:{path}:AB")) == 2


def test_ranges():
    """Ranges join characters of one kind; everything else is itself, each once, without spaces."""
    assert expanded("A-C x-z-&") == (*"ABCxyz", "-", "&")
    assert expanded("A-zAA") == (*"A-z",)
    assert expanded("z-a") == (*"z-a",)
    assert expanded("0-2α-γ") == (*"012αβγ",)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([8, 20, 24, 28]))
def test_framed(height, width, seed, box):
    """Anything that is not blank comes into its box, black to white, centred, nothing cut off."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height + 12, width + 12), np.uint8)
    image[6:-6, 6:-6] = rng.integers(0, 256, (height, width))
    image[6, 6] = image[-7, -7] = 200
    found = framed(image, box)
    assert (found.shape, found.max(), found.min()) == ((SIDE, SIDE), 255, 0 if box < 28 else found.min())
    rows, columns = (np.flatnonzero(found.max(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) < box
    assert box == SIDE or not is_blank(found)


def test_framed_is_upright_and_centred():
    """An L stays an L, with its centre of mass in the middle."""
    image = np.zeros((60, 50), np.uint8)
    image[5:45, 10:16] = image[39:45, 10:35] = 255
    found = framed(image)
    mass = found / found.sum()
    for axis in (0, 1):
        centre = (mass.sum(1 - axis) * (np.arange(SIDE) + 0.5)).sum()
        assert centre == pytest.approx(14, abs=0.51)
    rows, columns = (np.flatnonzero(found.max(axis)) for axis in (1, 0))
    assert found[rows[2], columns[1]] > 200
    assert found[rows[2], columns[-2]] == 0
    assert found[rows[-2], columns[-2]] > 200


def test_dark_ink_is_turned():
    """By the rim of the picture, not by its mean."""
    image = np.zeros((30, 30), np.uint8)
    image[3:27, 3:27] = 255
    for given_one, turned in ((image, False), (255 - image, True)):
        found, told = light_on_dark(given_one)
        assert np.array_equal(found, image)
        assert told is turned
