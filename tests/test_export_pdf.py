"""The printed pages, rendered by poppler and measured in pixels."""

import io
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.exporting.pdf import fonts
from nitograph.exporting.pdf.document import PdfSettings, pdf
from nitograph.exporting.pdf.grid import Grid
from nitograph.exporting.pdf.sheet import PAPERS, Sheet
from nitograph.exporting.pdf.template import FOOT, draw_template, grid_of
from nitograph.exporting.rim import rim
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.thread import Thread

pytestmark = pytest.mark.skipif(
    shutil.which("pdftoppm") is None, reason="pages are rendered by poppler-utils"
)

DPI = 200
MM = DPI / 25.4


def workpiece(nails=64, chords=30, **settings):
    rng = np.random.default_rng(7)
    path = np.cumsum(rng.integers(1, nails, chords + 1)) % nails
    return Workpiece(Thread(path, Board(nails), "7"), WorkpieceSettings(**settings))


def rendered(data, page, tmp_path, dpi=DPI):
    """One page as grey pixels (h, w), 0 black."""
    source = tmp_path / "x.pdf"
    source.write_bytes(data)
    command = ["pdftoppm", "-r", str(dpi), "-f", str(page), "-l", str(page), "-gray", str(source)]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.asarray(Image.open(io.BytesIO(done.stdout)), dtype=np.int32)


def about(data, tmp_path):
    """Number of pages and the size of the first in mm."""
    source = tmp_path / "y.pdf"
    source.write_bytes(data)
    text = subprocess.run(["pdfinfo", str(source)], capture_output=True, text=True, check=True).stdout
    width, height = re.search(r"Page size:\s+([\d.]+) x ([\d.]+)", text).groups()
    pages = int(re.search(r"Pages:\s+(\d+)", text).group(1))
    return pages, float(width) / 72 * 25.4, float(height) / 72 * 25.4


def words(data, tmp_path, *options):
    source = tmp_path / "z.pdf"
    source.write_bytes(data)
    return subprocess.run(
        ["pdftotext", *options, str(source), "-"], capture_output=True, text=True, check=True
    ).stdout


def bar_length(picture):
    """Length of the longest level black run in the foot of a page, mm."""
    foot = picture[-int((FOOT + 8) * MM) :, : picture.shape[1] // 2 + int(60 * MM)] < 128
    longest = 0
    for row in foot:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        longest = max(longest, int((edges[1::2] - edges[::2]).max(initial=0)))
    return longest / MM


def nail_circle(picture, middle, radius, per_mm=MM):
    """Radius of the drawn circle, mm, as the mean over rays that pass between the crosses of 64 nails."""
    found = []
    for k in range(64):
        angle = (k + 0.5) * 2 * np.pi / 64
        reach = np.arange((radius - 3) * per_mm, (radius + 3) * per_mm, 0.25)
        rows = np.rint(middle[0] + reach * np.sin(angle)).astype(int)
        columns = np.rint(middle[1] + reach * np.cos(angle)).astype(int)
        ink = 255.0 - picture[rows, columns]
        if ink.sum():
            found.append(float((reach * ink).sum() / ink.sum()))
    assert len(found) > 60
    return float(np.mean(found)) / per_mm


@pytest.mark.parametrize("scale", [1.0, 0.97])
def test_bar_and_circle_are_true_to_scale(tmp_path, scale):
    """In the rendered sheet the bar is 50 mm and the nail circle has its diameter; a 3 % error is seen."""
    piece = workpiece(diameter=300)
    data = pdf(piece, PdfSettings(paper="sheet"))
    pages, width, height = about(data, tmp_path)
    assert pages == 1
    assert height - width == pytest.approx(FOOT, abs=0.1)
    picture = rendered(data, 1, tmp_path, dpi=DPI * scale)
    bar = bar_length(picture)
    middle = width / 2 * MM * scale - 0.5
    radius = nail_circle(picture, (middle, middle), 150 * scale)
    if scale == 1.0:
        assert bar == pytest.approx(50, abs=0.35)
        assert radius == pytest.approx(150, abs=0.1)
    else:
        assert bar != pytest.approx(50, abs=0.35)
        assert radius != pytest.approx(150, abs=0.1)


def test_nails_stand_where_they_should(tmp_path):
    """Ink lies at the middle of every nail of a rendered sheet, and none a third of a gap beside it."""
    piece = workpiece(nails=48, diameter=200, nail_diameter=3)
    data = pdf(piece, PdfSettings(paper="sheet"))
    _, width, _ = about(data, tmp_path)
    picture = rendered(data, 1, tmp_path)
    for x, y in piece.centres * MM + width / 2 * MM:
        patch = picture[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
        assert patch.min() < 100
    beside = np.roll(piece.centres, 1, axis=0) * 0.33 + piece.centres * 0.67
    beside *= 1.02 * 100 / np.hypot(*beside.T)[:, None]
    dark = [picture[int(y), int(x)] < 100 for x, y in beside * MM + width / 2 * MM]
    assert sum(dark) < 4


@pytest.mark.parametrize("paper", PAPERS)
def test_tiles_have_the_papers_size_and_a_bar_each(tmp_path, paper):
    """Every page is the paper named, upright or lying, and carries a 50 mm bar."""
    data = pdf(workpiece(diameter=500), PdfSettings(paper=paper))
    pages, width, height = about(data, tmp_path)
    assert sorted((width, height)) == pytest.approx(sorted(PAPERS[paper]), abs=0.1)
    most = {"a4": 13, "letter": 13, "a3": 7, "tabloid": 7, "a2": 5, "a1": 1, "a0": 1}[paper]
    assert min(2, most) <= pages <= most
    for page in (min(2, pages), pages):
        assert bar_length(rendered(data, page, tmp_path)) == pytest.approx(50, abs=0.35)


def test_neighbouring_tiles_share_their_overlap_exactly(tmp_path):
    """The right strip of one tile is, pixel for pixel, the left strip of the next; labels aside."""
    piece = workpiece(diameter=400)
    settings = PdfSettings(paper="a4", overlap=12)
    data = pdf(piece, settings)
    names = [re.search(r"tile (\w+) of", page) for page in words(data, tmp_path).split("\f")]
    order = [found.group(1) if found else "" for found in names]
    left, right = (rendered(data, order.index(name) + 1, tmp_path) for name in ("A1", "A2"))
    border, strip = settings.page_margin * MM, int(12 * MM) - 4
    end = left.shape[1] - border
    rows = slice(int(border) + 2, int(left.shape[0] - border - FOOT * MM) - 2)
    a = left[rows, round(end - 12 * MM) + 2 :][:, :strip]
    b = right[rows, round(border) + 2 :][:, :strip]
    shifts = [np.abs(a[:, 1 + k : strip - 1 + k] - b[:, 1 : strip - 1]) > 128 for k in (-1, 0, 1)]
    assert (a < 128).sum() > 500
    assert min(shift.mean() for shift in shifts) < 0.002


def test_joined_tiles_give_the_whole_circle(tmp_path):
    """Tiles laid step by step beside each other, as a maker does, show one circle of the right size."""
    per_mm = 120 / 25.4
    settings = PdfSettings(paper="letter", overlap=15)
    data = pdf(workpiece(diameter=420), settings)
    order = [re.search(r"tile (\w)(\d+) of", page) for page in words(data, tmp_path).split("\f")]
    places = {
        number: (ord(found.group(1)) - 65, int(found.group(2)) - 1)
        for number, found in enumerate(order, start=1)
        if found
    }
    first = rendered(data, next(iter(places)), tmp_path, dpi=120)
    border = settings.page_margin * per_mm
    inner = [first.shape[0] / per_mm - 16 - FOOT, first.shape[1] / per_mm - 16]
    step = [side - settings.overlap for side in inner]
    counts = [max(place[axis] for place in places.values()) + 1 for axis in (0, 1)]
    sizes = [count * size + settings.overlap for count, size in zip(counts, step, strict=True)]
    whole = np.full([int(size * per_mm) + 2 for size in sizes], 255)
    for number, (row, column) in places.items():
        picture = rendered(data, number, tmp_path, dpi=120)
        tile = picture[round(border) :, round(border) :][: int(inner[0] * per_mm), : int(inner[1] * per_mm)]
        y, x = round(row * step[0] * per_mm), round(column * step[1] * per_mm)
        window = whole[y : y + tile.shape[0], x : x + tile.shape[1]]
        np.minimum(window, tile[: window.shape[0], : window.shape[1]], out=window)
    inside = PAPERS["letter"], settings.overlap, settings.page_margin
    shift = grid_of(workpiece(diameter=420), *inside).shift[::-1]
    middle = [(size / 2 - move) * per_mm for size, move in zip(sizes, shift, strict=True)]
    assert len(places) >= 6
    assert nail_circle(whole, middle, 210, per_mm) == pytest.approx(210, abs=0.25)


def test_every_nail_has_its_number_and_tens_stand_out(tmp_path):
    """Each number is drawn once, outside its nail, tens bold; the overview names every tile."""
    drawn = []

    class Recorder(Sheet):
        def text(self, x, y, text, size, *, bold=False, align="left", **more):
            drawn.append((text, x, y, bold))

    piece = workpiece(nails=120, diameter=400)
    draw_template(Recorder("", ""), piece, None, 0.0, 8.0)
    numbers = {int(text): (x, y, bold) for text, x, y, bold in drawn if text.isdecimal()}
    assert len([text for text, *_ in drawn if text.isdecimal()]) == 120
    middle = piece.radius + rim(piece).width + 2 + 8
    for nail, (x, y, bold) in numbers.items():
        angle = np.arctan2(y - middle, x - middle) - np.arctan2(*piece.centres[nail][::-1])
        assert abs((angle + np.pi) % (2 * np.pi) - np.pi) < 0.02
        assert 200 < np.hypot(x - middle, y - middle) < 215
        assert bold == (nail % 10 == 0)
    tiled = words(pdf(workpiece(diameter=400), PdfSettings()), tmp_path)
    names = set(re.findall(r"tile (\w+) of", tiled))
    assert names == set(re.findall(r"^([A-Z]\d)$", tiled, re.MULTILINE))


def test_pages_stay_sane(tmp_path):
    """A small board takes one page, a large one leaves empty tiles out, an absurd one is refused."""
    assert about(pdf(workpiece(diameter=150), PdfSettings()), tmp_path)[0] == 1
    large = workpiece(nails=400, diameter=2400)
    pages = about(pdf(large, PdfSettings(paper="a3")), tmp_path)[0]
    assert pages - 1 < np.prod(Grid(1200 + rim(large).width + 2, 281, 388, 10).counts)
    with pytest.raises(SettingsError, match="tiles"):
        pdf(workpiece(nails=2000, diameter=20_000), PdfSettings())
    with pytest.raises(SettingsError, match="at most 5000 mm"):
        pdf(workpiece(diameter=6_000), PdfSettings(paper="sheet"))
    with pytest.raises(SettingsError, match="overlap"):
        pdf(workpiece(), PdfSettings(overlap=50, page_margin=30))


@pytest.mark.parametrize("half", [10.0, 84.9, 85.0, 85.1, 300.0, 777.0])
def test_the_grid_covers_the_board(half):
    """Windows cover the whole square, share the overlap, and no row or column is one too many."""
    grid = Grid(half, 180.0, 250.0, 10.0)
    tiles = list(grid.tiles())
    (across, down), (right, below) = grid.counts, grid.step
    assert len(tiles) == across * down
    assert tiles[0].left <= -half + 1e-6
    assert tiles[-1].left + grid.width >= half - 1e-6
    assert tiles[-1].top + grid.height >= half - 1e-6
    assert (across - 1) * right + grid.overlap < 2 * half or across == 1
    assert (down - 1) * below + grid.overlap < 2 * half or down == 1
    assert len({tile.name for tile in tiles}) == len(tiles)


@pytest.mark.parametrize("paper", ["a4", "letter", "a3"])
@pytest.mark.parametrize("nails", [64, 200, 256, 360])
@pytest.mark.parametrize("diameter", [400, 580, 600, 800])
def test_no_cut_goes_through_a_nail_or_a_mark(paper, nails, diameter):
    """Cutting lines pass between the nails and beside the register marks; the board is still covered."""
    piece = workpiece(nails=nails, diameter=diameter)
    grid = grid_of(piece, PAPERS[paper], 10.0, 8.0)
    for axis, lines in enumerate(grid.cuts()):
        for line in lines:
            assert np.abs(piece.centres[:, axis] - line).min() >= piece.settings.nail_diameter / 2 + 0.5
            assert min(abs(mark[axis] - line) for mark in grid.marks()) > grid.arm
    (left, top), half = grid.corner, grid.half
    (across, down), (right, below) = grid.counts, grid.step
    assert max(left, top) <= -half + 1e-6
    assert min(left + across * right, top + down * below) + grid.overlap >= half - 1e-6
    for x, y in grid.marks():
        seen = [t for t in grid.tiles() if t.left + grid.arm < x < t.left + grid.width - grid.arm
                and t.top + grid.arm < y < t.top + grid.height - grid.arm]  # fmt: skip
        assert len(seen) >= 2, "a mark stands whole on both sheets that it joins"


def test_lines_that_cannot_be_clear_are_as_clear_as_can_be():
    """Where nails stand closer than a cut needs, the windows are moved to the widest gap; or not at all."""
    grid = Grid(100.0, 90.0, 250.0, 10.0)
    assert grid.clear_of(np.array([[0.0, 0.0]]), 2.0).shift[1] == 0
    dense = np.stack([np.arange(-100, 100, 0.5), np.zeros(400)], axis=1)
    assert abs(grid.clear_of(dense, 2.0).shift[0]) <= 0.25
    assert Grid(60.0, 120.0, 120.0, 10.0).clear_of(dense, 2.0).shift == (0.0, 0.0)


def test_a_roll_takes_what_it_needs(tmp_path):
    """Pages are as wide as the roll and as long as the board; a wider board takes strips."""
    piece = workpiece(diameter=500)
    pages, width, height = about(pdf(piece, PdfSettings(paper="roll")), tmp_path)
    assert (pages, max(width, height)) == (1, pytest.approx(610, abs=0.1))
    assert min(width, height) < 610
    pages = about(pdf(workpiece(diameter=900), PdfSettings(paper="roll", roll_width=500)), tmp_path)[0]
    assert pages == 3


def test_all_in_one_file(tmp_path):
    """Parts, template and list together are the three one after another; the parts say what to buy."""
    piece = workpiece(diameter=400)
    each = [about(pdf(piece, PdfSettings(pdf=kind)), tmp_path)[0] for kind in ("parts", "template", "list")]
    whole = pdf(piece, PdfSettings(pdf="all"))
    assert about(whole, tmp_path)[0] == sum(each)
    text = words(whole, tmp_path, "-layout")
    for said in (
        "Parts: 7",
        "64 of 1.5 mm",
        "Drill",
        f"{piece.length:.1f} m used",
        "Drilling template",
        "Winding list",
    ):
        assert said in text


def test_the_printed_list_holds_every_step(tmp_path):
    """Read back in the order of its blocks, the list is the path, with the metres after each ten."""
    piece = workpiece(chords=234)
    text = words(pdf(piece, PdfSettings(pdf="list")), tmp_path, "-raw")
    rows = re.findall(r"^(\d+)\n?\s*(\d+)\n?\s*(c?cw)$", text, re.MULTILINE)
    found = {int(step): (int(nail), turn) for step, nail, turn in rows}
    assert found == {s.step: (s.nail, "cw" if s.turn > 0 else "ccw") for s in list(piece.steps())[1:]}
    assert f"{piece.metres[10]:.2f} m" in text
    assert f"Tie it to nail {piece.path[0]}" in text
    assert "Winding list: 7" in text


def test_every_page_states_the_board(tmp_path):
    """Each page of both documents carries the statement."""
    piece = workpiece(chords=600, diameter=400)
    for kind in ("template", "list"):
        pages = words(pdf(piece, PdfSettings(pdf=kind)), tmp_path).split("\f")[:-1]
        assert len(pages) > 1
        assert all("nail 0 at the top" in " ".join(page.split()) for page in pages)


def embedded(data, tmp_path):
    """The name of each font of a PDF, and whether it is embedded and cut down."""
    source = tmp_path / "fonts.pdf"
    source.write_bytes(data)
    rows = subprocess.run(["pdffonts", str(source)], capture_output=True, text=True, check=True).stdout
    return {row.split()[0]: row.split()[-5:-3] for row in rows.splitlines()[2:]}


def test_every_font_is_embedded(tmp_path):
    """All pages together show letters of fonts that the file carries, and no others."""
    found = embedded(pdf(workpiece(chords=60, diameter=300), PdfSettings(pdf="all")), tmp_path)
    assert len(found) == 2
    assert all(said == ["yes", "yes"] for said in found.values())


@pytest.mark.parametrize("label", ["Ж é ő", "Ελλάδα", "Việt", "“7” → ½ №"])
def test_letters_of_the_bundled_font(tmp_path, label):
    """Latin, Greek and Cyrillic titles are printed as they are, and look for no other font."""
    piece = Workpiece(Thread([0, 9], label=label))
    assert f"Winding list: {label}" in words(pdf(piece, PdfSettings(pdf="list")), tmp_path)
    assert [font for font, _ in fonts.runs(label)] == [None]


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine whose fonts lie in an empty folder."""
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.setattr(fonts, "folders", lambda: [folder])
    fonts.letters.cache_clear()
    fonts.other_font.cache_clear()
    yield folder
    fonts.letters.cache_clear()
    fonts.other_font.cache_clear()


def font_of(signs, path, closed=False):
    """A font file whose every letter is a square."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(sign):X}" for sign in signs)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(sign): f"u{ord(sign):X}" for sign in signs})
    pen = pytest.importorskip("fontTools.pens.ttGlyphPen").TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular", "psName": path.stem})
    builder.setupOS2(fsType=2 if closed else 0)
    builder.setupPost()
    builder.save(path)


def test_other_letters_are_taken_from_fonts_of_the_machine(tmp_path, machine):
    """What the bundled font lacks is shown by fonts that lie here and may be embedded."""
    (machine / "a.ttf").write_bytes(b"no font")
    font_of("永語", machine / "b.ttf", closed=True)
    font_of("永", machine / "c.ttf")
    font_of("☃", machine / "d.ttf")
    data = pdf(Workpiece(Thread([0, 9], label="7 永☃ 語")), PdfSettings(pdf="list"))
    assert "Winding list: 7 永☃ ?" in words(data, tmp_path)
    found = embedded(data, tmp_path)
    assert {name.partition("+")[2][:1] for name in found} == {"D", "c", "d"}
    assert all(said == ["yes", "yes"] for said in found.values())


def test_letters_that_no_font_has(machine):
    """A question mark stands for them; Hebrew is put in its order."""
    assert fonts.runs("永7") == [(None, "?7")]
    font_of("אב", machine / "e.ttf")
    assert fonts.runs("7 אב") == [(machine / "e.ttf", "בא"), (None, " 7")]
