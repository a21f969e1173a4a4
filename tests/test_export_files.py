"""SVG, DXF, CSV and bare lists: read back by others, and the registry that writes them."""

import csv
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import ezdxf
import ezdxf.bbox
import numpy as np
import pytest
import vpype

from nitograph.board import Board
from nitograph.cli import main
from nitograph.cli.options import millimetres
from nitograph.errors import FileError, SettingsError
from nitograph.exporting.dxf import DxfSettings, dxf
from nitograph.exporting.formats import FORMATS, format_of, require, write, write_all
from nitograph.exporting.svg import SvgSettings, svg
from nitograph.exporting.winding_list import ListSettings, about, csv_text, duration, plain_text, spools
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io.lists import COLUMNS
from nitograph.thread import Thread

DIGIT = Path(__file__).parent / "data" / "export_digit.json"
SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
OURS = ("svg", "pdf", "list", "csv", "txt", "dxf")


@pytest.fixture(scope="module")
def piece():
    return Workpiece(Thread.from_json(DIGIT.read_text(encoding="utf-8")))


def length_in_mm(lines):
    return lines.length() / vpype.convert_length("1mm")


def drawn_length(workpiece):
    return float(np.hypot(*np.diff(workpiece.polyline, axis=0).T).sum())


def many(nails, chords, seed=3):
    rng = np.random.default_rng(seed)
    return Workpiece(Thread(np.cumsum(rng.integers(1, nails, chords + 1)) % nails, Board(nails)))


@pytest.mark.parametrize("mode", ["plot", "layers"])
def test_vpype_reads_one_polyline_of_the_same_length(piece, mode):
    """A plotter's own reader finds the whole thread as one stroke, to a thousandth of its length."""
    text = svg(piece, SvgSettings(mode=mode))
    document = vpype.read_multilayer_svg(io.StringIO(text), quantization=0.1)
    thread = document.layers[1]
    assert len(thread) == 1
    assert len(thread[0]) == piece.thread.line_count + 1
    assert length_in_mm(thread) == pytest.approx(drawn_length(piece), rel=1e-5)
    assert sorted(document.layers) == ([1] if mode == "plot" else [1, 2, 3])
    wide = float(ET.fromstring(text).get("width").removesuffix("mm"))
    assert document.page_size == pytest.approx((vpype.convert_length(f"{wide}mm"),) * 2)


def test_a_comparison_of_lengths_can_fail(piece):
    """The check above notices a thread that lost one chord."""
    shorter = Workpiece(piece.thread.replace(nails=piece.thread.nails[:-1]))
    document = vpype.read_multilayer_svg(io.StringIO(svg(shorter, SvgSettings())), quantization=0.1)
    assert length_in_mm(document.layers[1]) != pytest.approx(drawn_length(piece), rel=1e-5)


def test_plot_mode_adds_nothing(piece):
    """Plot mode holds one polyline and no other drawn element."""
    root = ET.fromstring(svg(piece, SvgSettings(mode="plot")))
    assert [e.tag for e in root.iter()] == [f"{SVG}{t}" for t in ("svg", "title", "desc", "g", "polyline")]


def test_svg_is_in_mm_with_named_layers_and_no_fill(piece):
    """User units are millimetres, layers follow Inkscape's convention, strokes are not filled."""
    root = ET.fromstring(svg(piece, SvgSettings(colour="#ff00aa")))
    width = root.get("width")
    assert root.get("viewBox") == f"0 0 {width.removesuffix('mm')} {width.removesuffix('mm')}"
    layers = root.findall(f"{SVG}g")
    assert [g.get(f"{INKSCAPE}label") for g in layers] == ["1 thread", "2 nails", "3 numbers"]
    assert all(g.get(f"{INKSCAPE}groupmode") == "layer" for g in layers)
    assert layers[0].get("stroke") == "#ff00aa"
    assert layers[0].get("fill") == layers[1].get("fill") == "none"
    assert len(layers[1]) == 256
    assert piece.statement() in root.find(f"{SVG}desc").text
    middle = float(width.removesuffix("mm")) / 2
    zero = layers[1][0]
    assert float(zero.get("cx")) == pytest.approx(middle, abs=1e-3)
    assert float(zero.get("cy")) == pytest.approx(middle - 300, abs=1e-3)


@pytest.mark.parametrize("colour", ['red"/><script>', "", "#12", "url(#x)"])
def test_svg_refuses_what_is_no_colour(colour):
    """A colour goes into the file as it is, so it must be one."""
    with pytest.raises(SettingsError, match="colour"):
        SvgSettings(colour=colour)


def test_a_hostile_label_stays_text(piece):
    """Labels are escaped."""
    marked = Workpiece(piece.thread.replace(label='<&"\x00'))
    assert ET.fromstring(svg(marked, SvgSettings())).find(f"{SVG}title").text == '<&"?'


def test_dxf_holds_holes_and_thread_on_their_layers(piece):
    """ezdxf reads back every hole where its nail is and the thread in order, y up, in mm."""
    document = ezdxf.read(io.StringIO(dxf(piece, DxfSettings(hole=1.2))))
    assert document.units == ezdxf.units.MM
    assert not document.audit().errors
    holes = document.modelspace().query('CIRCLE[layer=="DRILL"]')
    assert {hole.dxf.radius for hole in holes} == {0.6}
    found = np.array([[hole.dxf.center.x, -hole.dxf.center.y] for hole in holes])
    assert found == pytest.approx(piece.centres, abs=1e-9)
    (thread,) = document.modelspace().query('LWPOLYLINE[layer=="THREAD"]')
    assert np.array(thread.get_points("xy")) * [1, -1] == pytest.approx(piece.polyline, abs=1e-9)
    texts = document.modelspace().query('TEXT[layer=="NUMBERS"]')
    assert [text.dxf.text for text in texts] == [str(k) for k in range(256)]
    notes = document.modelspace().query('TEXT[layer=="NOTES"]')
    assert [note.dxf.text for note in notes] == about(piece)
    low, high = document.header["$EXTMIN"], document.header["$EXTMAX"]
    box = ezdxf.bbox.extents(document.modelspace())
    assert all(low[k] <= box.extmin[k] and high[k] >= box.extmax[k] for k in (0, 1))
    assert box.size.x == pytest.approx(high[0] - low[0], rel=0.1)


def test_csv_rows_agree_with_the_workpiece(piece):
    """Every row states step, block, nail, turn, gaps and metres; the head states the board."""
    titles, *rows = csv.reader(io.StringIO(csv_text(piece, ListSettings())))
    assert titles == COLUMNS.split(",")
    assert [row[8] for row in rows[1:6]] == about(piece)
    assert {len(row) for row in rows} == {len(titles)}
    assert all(re.fullmatch(r"[\d.]+", row[at]) for row in rows for at in (0, 1, 2, 4, 5, 6, 7))
    assert [int(row[2]) for row in rows] == piece.path.tolist()
    assert [int(row[1]) for row in rows[:22]] == [1] * 11 + [2] * 10 + [3]
    assert [row[3] for row in rows] == ["cw" if turn > 0 else "ccw" for turn in piece.turns]
    assert [float(row[7]) for row in rows] == pytest.approx(piece.metres, abs=0.0051)


def test_plain_list_is_nothing_but_nails(piece):
    """Without the lines of its head the bare list is the path."""
    body = [line for line in plain_text(piece, ListSettings(block=100)).splitlines() if line[0] != "#"]
    assert len(body) == 3
    assert [int(nail) for nail in " ".join(body).split()] == piece.path.tolist()


def test_advice_on_spools_and_time():
    """One spool that is long enough, or several of the longest; time in hours and minutes."""
    assert spools(142) == "one spool of 200 m"
    assert spools(12_000) == "3 spools of 5000 m"
    assert (duration(1), duration(1200), duration(5400)) == ("1 min", "20 min", "1 h 30 min")


@pytest.mark.parametrize(("nails", "chords"), [(3, 1), (2000, 20_000)])
@pytest.mark.parametrize("name", OURS)
def test_extremes_can_be_written(nails, chords, name, tmp_path):
    """Three nails and one chord, 2,000 nails and 20,000 chords, in every format."""
    workpiece = many(nails, chords)
    (path,) = write_all(workpiece.thread, [name], tmp_path / "x", WorkpieceSettings(diameter=800))
    assert path.stat().st_size > 100


def test_write_all_writes_every_file_or_none(piece, tmp_path):
    """An unknown format, or one that cannot be made, leaves nothing behind."""
    made = write_all(piece.thread, ["svg", "list", "pdf"], tmp_path / "a", options={"paper": "sheet"})
    assert [path.name for path in made] == ["a.svg", "a_list.pdf", "a.pdf"]
    word = write_all([piece.thread, piece.thread], ["txt"], tmp_path / "word")
    assert [path.name for path in word] == ["word_1.txt", "word_2.txt"]
    with pytest.raises(SettingsError, match="svg, pdf"):
        write_all(piece.thread, ["svg", "png"], tmp_path / "b")
    with pytest.raises(SettingsError, match="sheet of PDF"):
        write_all(piece.thread, ["svg", "pdf"], tmp_path / "b", WorkpieceSettings(diameter=9000),
                  {"paper": "sheet"})  # fmt: skip
    assert not list(tmp_path.glob("b*"))


def test_the_ending_names_the_format(piece, tmp_path):
    """Known endings in any case; others are refused in one line."""
    assert write(tmp_path / "A.SVG", piece).read_text(encoding="utf-8").startswith("<?xml")
    assert format_of("x.nc") is FORMATS["gcode"]
    with pytest.raises(FileError, match=r"\.svg"):
        format_of("thread.xyz")


def test_a_missing_library_is_one_friendly_line():
    """Without the extra, the message says which one to install."""
    with pytest.raises(FileError, match=r"pip install 'nitograph\[export\]'"):
        require("ezdxf_that_is_not_there", "a DXF drawing")


@pytest.mark.parametrize(
    ("library", "name", "package"), [("ezdxf", "dxf", "ezdxf"), ("fpdf", "pdf", "fpdf2")]
)
def test_formats_say_which_library_they_lack(library, name, package, piece, tmp_path, monkeypatch):
    """Without its library a format is refused in one line and writes nothing."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(FileError, match=f"needs {package}, which is not installed"):
        write_all(piece.thread, ["svg", name], tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_text_formats_need_no_extra_library():
    """SVG and lists import neither ezdxf nor fpdf2."""
    program = (
        "import sys; from nitograph.exporting import FORMATS; "
        "from nitograph.exporting.workpiece import Workpiece; "
        "from nitograph.thread import Thread; piece = Workpiece(Thread([0, 9, 3])); "
        "[FORMATS[name].render(piece) for name in ('svg', 'csv', 'txt')]; "
        "print(sorted({'ezdxf', 'fpdf', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("-o a.svg --pdf list", "pdf is a setting of pdf files, and none of a.svg is one"),
        ("-o a.txt --colour red", "colour is a setting of svg files"),
        ("-o a.csv -o a.svg --hole 1", "hole is a setting of dxf files, and none of a.csv a.svg is one"),
    ],
)
def test_a_flag_that_no_file_can_use_is_refused(flags, said, tmp_path, monkeypatch, capsys):
    """One line that names the setting and whose it is; nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(DIGIT), *flags.split()]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert (
        main(["export", str(DIGIT), "-o", "a.csv", "-o", "a.svg", "--colour", "red", "--diameter", "300"])
        == 0
    )


@pytest.mark.parametrize(
    ("text", "mm"),
    [("600", 600), ("600mm", 600), ("60cm", 600), ("0.6m", 600), ("24in", 609.6), ("24 in", 609.6)],
)
def test_lengths_may_name_their_unit(text, mm, tmp_path, capsys):
    """Millimetres unless it says otherwise; what is no length is wrong usage."""
    assert millimetres(text) == pytest.approx(mm)
    place = tmp_path / "a.svg"
    assert main(["export", str(DIGIT), "-o", str(place), "--diameter", text]) == 0
    assert f"Nail circle {mm:g} mm across" in place.read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["export", str(DIGIT), "-o", str(place), "--diameter", "wide"])
    assert stop.value.code == 2
    assert "invalid millimetres value" in capsys.readouterr().err
