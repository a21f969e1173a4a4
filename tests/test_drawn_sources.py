"""Guards of sources that are drawn: folders of pictures, SVG, Hershey's alphabets, icons, Quick, Draw!."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nitograph.corpus.sources import LabelledImages, find
from nitograph.corpus.sources.greys import SIDE
from nitograph.corpus.sources.pens import drawn
from nitograph.errors import SourceError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {}>{}</svg>'
LINED = SVG.format('viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"', "{}")


def refused(source: str, part: str, split: str = "train") -> None:
    """Finding must fail with one line."""
    with pytest.raises(SourceError, match=part) as caught:
        find(source, split)
    assert "\n" not in str(caught.value)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two pictures."""
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


def ring(mode: str, ink: object, ground: object, size: int = 90) -> Image.Image:
    """A ring of ink on some ground."""
    picture = Image.new(mode, (size, size + 20), ground)
    ImageDraw.Draw(picture).ellipse([15, 20, size - 15, size - 10], outline=ink, width=9)
    return picture


@pytest.fixture
def mine(tmp_path):
    """Two classes of pictures in every way that people have them."""
    for name in ("ring", "heart ♥"):
        (tmp_path / "mine" / name).mkdir(parents=True)
    rings = tmp_path / "mine/ring"
    ring("L", 255, 0).save(rings / "white.png")
    ring("L", 20, 240).save(rings / "black.jpg")
    ring("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)).save(rings / "black_on_nothing.png")
    ring("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)).save(rings / "white_on_nothing.png")
    ring("RGB", (200, 30, 30), (255, 255, 250)).save(rings / "red.webp")
    circle = '<circle cx="12" cy="12" r="8" stroke-width="2.8" {}/>'
    (rings / "black.svg").write_text(LINED.format(circle.format("")))
    (rings / "white.svg").write_text(
        LINED.format(
            '<rect width="24" height="24" fill="black" stroke="none"/>' + circle.format('stroke="#fff"')
        )
    )
    hearts = tmp_path / "mine/heart ♥"
    (hearts / "a.svg").write_text(
        LINED.format('<path d="M12 20 4 12a5 5 0 0 1 8-6 5 5 0 0 1 8 6z" fill="#000" stroke="none"/>')
    )
    Image.new("L", (20, 20), 255).save(hearts / "blank.png")
    (hearts / "notes.txt").write_text("no picture")
    (hearts / "torn.png").write_bytes((rings / "white.png").read_bytes()[:200])
    (hearts / ".hidden").write_text("")
    return tmp_path / "mine"


def test_a_folder_of_pictures(mine):
    """A ring, however it is inked, becomes the same picture; odd files are named, blank ones counted."""
    found = find(f"folder:{mine}", "all")
    assert found.classes == ("heart ♥", "ring")
    assert np.bincount(found.labels).tolist() == [1, 7]
    assert found.name == "folder:mine:all"
    rings = found.images[found.labels == 1]
    for other in rings[1:]:
        assert likeness(rings[0], other) > 0.9
    assert rings[0][14, 14] == 0
    assert found.images[found.labels == 0][0][14, 14] == 255
    turned, blank, odd = found.notes
    assert turned == "5 pictures dark on light: turned"
    assert blank == "1 blank pictures left out"
    assert "torn.png is a damaged picture" in odd
    assert odd.startswith("2 left out: ")
    assert odd.endswith("; notes.txt of heart ♥ is no picture that is read here")
    train, test = find(f"folder:{mine}"), find(f"folder:{mine}", "test")
    assert (len(train), len(test)) == (7, 1)


def test_odd_content_of_a_folder(mine):
    """Loose and nested pictures are named, broken ones first; what systems leave is not worth a word."""
    ring("L", 255, 0).save(mine / "loose.png")
    (mine / "desktop.ini").write_text("")
    (mine / "__MACOSX").mkdir()
    hearts = mine / "heart ♥"
    (hearts / "Thumbs.db").write_text("")
    (hearts / "more").mkdir()
    ring("L", 255, 0).save(hearts / "more/deep.png")
    *_, odd = find(f"folder:{mine}", "all").notes
    assert odd.startswith(f"4 left out: {hearts}/torn.png is a damaged picture")
    assert "; loose.png lies in no class folder; more of heart ♥ is a folder within a class, and 1" in odd
    (mine / "heart ♥").rename(mine / "U+002F")
    (mine / "ring").rename(mine / "A+capital")
    assert find(f"folder:{mine}", "all").classes == ("A", "/")
    refused(str(mine), f"there is no source '{mine}'; for the pictures of that folder write folder:{mine};")


def test_a_folder_with_train_and_test(mine, tmp_path):
    """The folders train and test are the splits, with the same classes."""
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "test/ring").mkdir(parents=True)
    ring("L", 255, 0).save(whole / "test/ring/x.png")
    (whole / "test/heart ♥").mkdir()
    ring("L", 255, 0).save(whole / "test/heart ♥/x.png")
    mine.rename(whole / "train")
    train, test = find(f"folder:{whole}"), find(f"folder:{whole}", "test")
    assert (len(train), len(test), len(find(f"folder:{whole}", "all"))) == (8, 2, 10)
    assert train.classes == test.classes
    assert (train.name, test.name) == ("folder:whole:train", "folder:whole:test")


def test_what_is_no_folder_of_pictures(mine, tmp_path):
    """No folder, none in it, an empty class, a class of nothing that can be read: one line each."""
    refused("folder:", "needs a place: folder:DIR")
    refused(f"folder:{tmp_path}/none", "cannot read the folder")
    refused(f"folder:{mine}/ring", "has no class folders; make a folder in it for each class")
    (mine / "empty").mkdir()
    refused(f"folder:{mine}", "empty has no pictures")
    (mine / "empty/a.png").write_text("no picture")
    refused(f"folder:{mine}", "has no picture of class 'empty' that can be used: .*a.png is")
    ring("L", 9, 9).save(mine / "empty/a.png")
    refused(f"folder:{mine}", "that can be used: a.png is blank; add some or remove the folder")


HOSTILE_SVG = {
    "no xml": "no xml at all",
    "other xml": "<html/>",
    "cut": LINED.format("<path d='M0 0L9 9'/>")[:-9],
    "entities": '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + LINED.format("&a;"),
    "utf-16": LINED.format("").encode("utf-16").decode("latin-1"),
    "nothing painted": LINED.format('<path d="M0 0L9 9" stroke="none"/>'),
    "nothing at all": LINED.format(""),
    "no numbers": LINED.format('<path d="M x y L nan inf"/>'),
    "far away": LINED.format('<path d="M0 0L1e300 1e300"/>'),
    "no size": LINED.format('<path d="M3 3L3 3" stroke-width="0"/>'),
    "deep": "<svg xmlns='http://www.w3.org/2000/svg'>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
    "many": LINED.format('<path d="M0 0L9 9"/>' * 6000),
    "circle of uses": LINED.format(
        '<g id="a"><use xlink:href="#b"/></g><g id="b"><use xlink:href="#a"/></g>'
    ),
    "uses": LINED.format(
        '<path id="a0" d="M0 0L9 9"/>'
        + "".join(f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(12))
        + '<use xlink:href="#a12"/>'
    ),
}


@pytest.mark.parametrize("name", HOSTILE_SVG)
def test_hostile_svg(tmp_path, name):
    """Whatever an SVG file holds, it is refused in one line, soon and in little memory."""
    for folder in ("icons/x", "pictures/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.svg").write_bytes(HOSTILE_SVG[name].encode("utf-8"))
    refused(f"icons:{tmp_path}/icons", "has no picture that can be used")
    refused(f"folder:{tmp_path}/pictures", "has no picture of class 'x' that can be used")


def test_svg_is_drawn_as_it_looks(tmp_path):
    """Transforms, uses, shapes and holes; the drawing of the same outline by hand is the same."""
    folder = tmp_path / "x"
    folder.mkdir()
    box = '<path d="M4 4H20V20H4z"/>'
    (folder / "plain.svg").write_text(LINED.format(box))
    (folder / "turned.svg").write_text(LINED.format(f'<g transform="translate(9 2) scale(-3 3)">{box}</g>'))
    (folder / "used.svg").write_text(
        LINED.format(f'<defs><g id="b">{box}</g></defs><use href="#b" x="7"/>')
    )
    (folder / "rect.svg").write_text(LINED.format('<rect x="1" y="1" width="16" height="16"/>'))
    (folder / "filled.svg").write_text(
        LINED.format('<path fill="#111" stroke="none" fill-rule="evenodd" d="M0 0H20V20H0zM5 5H15V15H5z"/>')
    )
    found = find(f"icons:{folder}", "all")
    pictures = dict(zip(found.classes, found.images, strict=True))
    corners = np.array([[4, 4], [20, 4], [20, 20], [4, 20], [4, 4]], dtype=float)
    assert np.array_equal(pictures["plain"], drawn([corners], box=24, pen=2.0))
    for name in ("turned", "used", "rect"):
        assert likeness(pictures[name], pictures["plain"]) > 0.99, name
    assert pictures["filled"][14, 14] == 0
    assert pictures["filled"][5, 5] == 255


def test_icons_in_folders(tmp_path):
    """A file is a class of its own; files in a folder are of its class; one odd file stops nothing."""
    (tmp_path / "star").mkdir()
    for number in range(5):
        path = LINED.format(f'<path d="M4 4L20 {10 + number}L8 20z"/>')
        (tmp_path / f"star/{number}.svg").write_text(path)
    (tmp_path / "bolt.svg").write_text(LINED.format('<path d="M13 3 5 14h6l-1 7 8-11h-6z"/>'))
    (tmp_path / "odd.svg").write_text("<svg")
    found = find(f"icons:{tmp_path}", "all")
    assert found.classes == ("bolt", "star")
    assert "1 left out: " in found.notes[0]
    assert "odd.svg is no SVG that is read here" in found.notes[0]
    assert len(find(f"icons:{tmp_path}", "test")) == 1
    refused(f"icons:{tmp_path / 'none'}", "cannot read the folder")
    (tmp_path / "nothing").mkdir()
    refused(f"icons:{tmp_path / 'nothing'}", "has no SVG files")


def test_hershey():
    """Single strokes by the font's name; several fonts are groups; what there is not is one line."""
    found = find("hershey:rowmans,scripts:A-C&", "all")
    assert found.classes == ("A", "B", "C", "&")
    assert found.groups.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found.images.shape == (8, SIDE, SIDE)
    top, bottom = found.images[0, :14].sum(), found.images[0, 14:].sum()
    assert top < bottom  # an A stands on its feet
    refused("hershey:nobody:A", "no font 'nobody'; there are astrology, ")
    refused("hershey:rowmans:é", "rowmans has no glyph for 'é'")
    refused("hershey:", "hershey:NAME:CHARS")


def drawing(word: str, *strokes: list[list[float]], **more: object) -> str:
    """A line of Quick, Draw!'s .ndjson."""
    return json.dumps({"word": word, "drawing": [list(stroke) for stroke in strokes], **more})


def test_quickdraw(tmp_path):
    """Strokes, simplified or with times; bitmaps, named by their file; a folder of both."""
    cross = [[[0, 200], [0, 200]], [[0, 200], [200, 0]]]
    timed = [[[0, 200], [0, 200], [0, 99]], [[0, 200], [200, 0], [120, 300]]]
    lines = [drawing("cross", *cross)] * 5 + [
        drawing("cross", *timed),
        drawing("cross", *cross, recognized=False),
        "",
    ]
    (tmp_path / "cross.ndjson").write_text("\n".join(lines))
    found = find(f"quickdraw:{tmp_path}/cross.ndjson", "all")
    assert (found.classes, len(found)) == (("cross",), 6)
    assert np.array_equal(found.images[0], found.images[5])
    assert found.images[0][14, 14] == 255
    assert found.images[0][14, 3] == 0
    bitmaps = np.zeros((7, 784), np.uint8)
    bitmaps[:6, 300:400] = 200
    np.save(tmp_path / "full_numpy_bitmap_cat.npy", bitmaps)
    both = find(f"quickdraw:{tmp_path}", "all")
    assert (both.classes, len(both)) == (("cross", "cat"), 12)
    assert "1 blank pictures left out" in both.notes
    assert np.array_equal(both.images[6].ravel(), bitmaps[0])
    assert len(find(f"quickdraw:{tmp_path}", "test")) == 2


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("a.ndjson", b"{", "line 1, is no"),
        ("a.ndjson", drawing("a").encode() + b'\n{"word": "a"}', "line 2, is no drawing of Quick, Draw!"),
        ("a.ndjson", drawing("a", [[0, "x"], [1, 2]]).encode(), "line 1, is no drawing"),
        ("a.ndjson", drawing("a", [[0, 1], [1]]).encode(), "line 1, is no drawing"),
        ("a.ndjson", b"\xff\xfe", "line 1, is no drawing"),
        ("a.ndjson", b"", "has no picture that can be used"),
        ("a.ndjson", drawing("a").encode(), "has no picture that can be used; all are blank"),
        ("a.ndjson", drawing("a", [[0, 1e308], [-1e308, 2]]).encode(), "line 1, is no drawing"),
        ("a.ndjson", b'{"word": "a", "drawing": [[[0, NaN], [1, 2]]]}', "line 1, is no"),
        ("a.ndjson", drawing("\x1b[0m", [[0, 1], [1, 0]]).encode(), "has a class named"),
        ("a.npy", b"no array", "is no .npy of 28×28 bitmaps"),
        ("a.npy", b"\x93NUMPY\x01\x00\x10\x00{}", "is no .npy"),
    ],
)
def test_what_is_no_drawing(tmp_path, name, data, part):
    """Damaged and hostile files are one line that says where."""
    (tmp_path / name).write_bytes(data)
    refused(f"quickdraw:{tmp_path / name}", part)


@pytest.mark.parametrize(
    "array", [np.zeros((3, 784)), np.zeros((3, 28), np.uint8), np.array([{}], dtype=object)]
)
def test_other_arrays(tmp_path, array):
    """Only bytes of the right form; no pickle is opened."""
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    refused(f"quickdraw:{tmp_path}/a.npy", "is no .npy of 28×28 bitmaps")


def test_cut_files_are_refused_or_read(mine, tmp_path):
    """Wherever a file is cut or flipped, the answer is pictures or one line."""
    rng = np.random.default_rng(1)
    whole = (mine / "heart ♥/a.svg").read_bytes()
    line = drawing("cross", [[0, 200], [0, 200]], [[0, 200], [200, 0]]).encode()
    for number in range(60):
        for name, data, source in (("x/a.svg", whole, "icons"), ("q.ndjson", line, "quickdraw")):
            path: Path = tmp_path / "cut" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            changed = bytearray(data[: rng.integers(1, len(data) + 1)] if number % 2 else data)
            changed[rng.integers(0, len(changed))] ^= 1 << rng.integers(0, 8)
            path.write_bytes(changed)
            with contextlib.suppress(SourceError):
                found = find(f"{source}:{path if source == 'quickdraw' else path.parent}", "all")
                assert isinstance(found, LabelledImages)


def test_a_pen_is_as_wide_on_any_drawing():
    """Ten times as large is the same picture; a dot is a disc; nothing is nothing."""
    stroke = np.array([[0, 0], [3, 9], [7, 2]], dtype=float)
    assert np.array_equal(drawn([stroke]), drawn([stroke * 10 + 500]))
    dot = drawn([np.array([[5.0, 5.0]])])
    assert dot[14, 14] == 255
    assert dot[4, 4] == 0
    assert drawn([]) is None
    assert drawn([np.zeros((0, 2))]) is None
