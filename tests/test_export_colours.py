"""Threads of several colours in every export: read back, they are the same threads in the same order."""

import csv
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import nitograph
from browser import Browser, needs_chromium
from gcode_simulator import simulate
from nitograph.board import Board
from nitograph.cli import main
from nitograph.colours.layers import Colour, Layers, coloured, layers_of
from nitograph.errors import FileError
from nitograph.exporting.check import check, touches
from nitograph.exporting.cover import cover
from nitograph.exporting.formats import FORMATS, write_all
from nitograph.exporting.gcode.job import gcode
from nitograph.exporting.gcode.settings import GcodeSettings
from nitograph.exporting.layered import workpieces
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io import threads as thread_files
from nitograph.io.lists import parse_all
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread

COLOURS = (
    Colour("yellow", "#ffd600"),
    Colour("DMC 321 Red", "#c72b3b", "DMC"),
    Colour("#102030", "#102030"),
)
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
SVG = "{http://www.w3.org/2000/svg}"


def layers(board: Board | None = None, chords: int = 7) -> Layers:
    """Three threads on one board, each a walk of its own."""
    rng, found = np.random.default_rng(5), []
    board = board or Board(36)
    for number, colour in enumerate(COLOURS):
        path = [number]
        while len(path) <= chords + number:
            path.append(int(path[-1] + rng.integers(9, board.num_nails - 9)) % board.num_nails)
        made = Thread(path, board, "7", {"board_colour": "#fbfaf5"})
        found.append(coloured(made, colour))
    return Layers(found)


def piece(**settings) -> Workpiece:
    """Those threads as one workpiece."""
    (made,) = workpieces(layers(), WorkpieceSettings(**settings))
    return made


def rendered(name: str, made: Workpiece, **settings) -> str:
    """The file of a format as text."""
    return FORMATS[name].render(made, FORMATS[name].settings_class()(**settings)).decode()


def test_the_whole_is_its_threads() -> None:
    """Steps run through; lengths, cover and touches are the sum of each thread by itself."""
    made, alone = piece(), [Workpiece(thread) for thread in layers()]
    assert [part.tied for part in made.parts] == [0, 8, 17]
    assert made.chords == 7 + 8 + 9
    assert made.last_step == 26
    steps = list(made.steps())
    assert [step.step for step in steps] == list(range(27))
    own = [step for one in alone for step in one.steps()]
    for left, right in zip(steps, own, strict=True):
        assert (left.nail, left.turn, left.enters, left.leaves) == (
            right.nail, right.turn, right.enters, right.leaves)  # fmt: skip
        assert left.metres == right.metres
    assert made.length == pytest.approx(sum(one.length for one in alone))
    assert made.run_lengths.sum() == pytest.approx(sum(one.run_lengths.sum() for one in alone))
    bare = [1 - cover(one).mean for one in alone]
    assert cover(made).mean == pytest.approx(1 - np.prod(bare))
    assert len(touches(made).chords) == sum(len(touches(one).chords) for one in alone)
    facts = check(made).facts
    assert [one["hex"] for one in facts["threads"]] == [colour.hex for colour in COLOURS]
    assert sum(one["chords"] for one in facts["threads"]) == facts["chords"]
    assert [one["length_m"] for one in facts["threads"]] == [round(one.length, 2) for one in alone]


def test_svg_has_a_layer_for_each_colour() -> None:
    """Numbered and named, in its colour, in the order of winding, on the board's own colour."""
    made = piece()
    root = ET.fromstring(rendered("svg", made))
    groups = {one.get(f"{INKSCAPE}label"): one for one in root.iter(f"{SVG}g")}
    assert list(groups) == [
        "% board", "1 yellow", "2 DMC 321 Red", "3 #102030", "4 nails", "5 numbers"]  # fmt: skip
    assert groups["% board"].get("fill") == "#fbfaf5"
    for group, part in zip(list(groups.values())[1:4], made.parts, strict=True):
        assert group.get("stroke") == part.colour.hex
        points = np.array([pair.split(",") for pair in group[0].get("points").split()], dtype=float)
        middle = float(root.get("width").removesuffix("mm")) / 2
        assert points - middle == pytest.approx(part.piece.polyline, abs=1e-3)
    assert len({one.get("id") for one in groups.values()}) == len(groups)
    plot = ET.fromstring(rendered("svg", made, mode="plot"))
    assert [one.get("stroke") for one in plot.iter(f"{SVG}g")] == [colour.hex for colour in COLOURS]
    black = rendered("svg", made, colour="black", board_colour="#000000")
    assert black.count('stroke="black"') == 3


def test_dxf_has_a_layer_for_each_colour() -> None:
    """Named by colour, in its colour; one polyline on each."""
    ezdxf = pytest.importorskip("ezdxf")
    made = piece()
    drawing = ezdxf.read(io.StringIO(rendered("dxf", made)))
    assert not drawing.audit().errors
    names = ["THREAD 1 yellow", "THREAD 2 DMC 321 Red", "THREAD 3 #102030"]
    assert [layer.dxf.name for layer in drawing.layers if layer.dxf.name.startswith("THREAD")] == names
    for name, part in zip(names, made.parts, strict=True):
        assert "#{:02x}{:02x}{:02x}".format(*drawing.layers.get(name).rgb) == part.colour.hex
        (line,) = drawing.modelspace().query(f'LWPOLYLINE[layer=="{name}"]')
        assert np.array(line.get_points("xy")) * (1, -1) == pytest.approx(part.piece.polyline, abs=1e-6)


@pytest.mark.parametrize("job", ["plot", "wind"])
@pytest.mark.parametrize("profile", ["grbl", "marlin", "polar"])
def test_jobs_pause_for_each_colour(job: str, profile: str) -> None:
    """A pause names each colour before its first step; no line is drawn from one thread to the next."""
    made = piece()
    text = gcode(made, GcodeSettings(job=job, profile=profile))
    assert text.isascii()
    pause = r"^M0 (?:; )?change to (.*?)(?: #\w{6})?, then go on$"
    order = re.findall(rf"{pause}|; step (\d+) nail", text, re.M)
    changes = [(name, at) for at, (name, _) in enumerate(order) if name]
    assert [name.lower() for name, _ in changes] == ["yellow", "dmc 321 red", "#102030"]
    following = [next(int(step) for _, step in order[at:] if step) for _, at in changes]
    assert following == [1, 9, 18]
    steps = [int(step) for _, step in order if step]
    assert steps == [*range(1, 8), *range(9, 17), *range(18, 27)]
    head = re.sub(r"\n; ", " ", text)
    assert re.search(
        r"2 DMC 321 Red \(#c72b3b\): 8 chords, [\d.]+ m used, have \d+ m: one spool of 50 m", head
    )
    jumps = [part.piece.path[0] for part in made.parts[1:]]
    assert len(re.findall(r"^; start: nail", text, re.M)) == 1 + len(jumps)
    simulate(text)
    later = gcode(made, GcodeSettings(job=job, profile=profile, start_at=10))
    assert [name.lower() for name in re.findall(pause, later, re.M)] == ["dmc 321 red", "#102030"]
    assert f"{8 - 1 + 9} chords are left" in re.sub(r"\n; ", " ", later)
    tied = gcode(made, GcodeSettings(job=job, profile=profile, start_at=8))
    assert f"{8 + 9} chords are left" in re.sub(r"\n; ", " ", tied)
    assert f"start: nail {made.path[8]}" in tied


@pytest.mark.parametrize("board", [Board(36), ShapedBoard(36, "rect", 200.0, 300.0, 1.2, 1.0)])
@pytest.mark.parametrize("name", ["csv", "txt"])
def test_lists_bring_every_colour_back(board, name) -> None:
    """Threads, colours and their order come back from lists, also as spreadsheets save them."""
    threads = layers(board)
    (made,) = workpieces(threads, WorkpieceSettings.of(threads[0]).replace(origin="right", side="back"))
    text = rendered(name, made, block=3)
    saved = [text.encode()]
    if name == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["colour"] for row in rows] == ["yellow"] * 8 + ["DMC 321 Red"] * 9 + ["#102030"] * 10
        assert all(None not in row and None not in row.values() for row in rows)
        assert [row["nail"] for row in rows] == [str(nail) for nail in made.path]
        again = io.StringIO()
        csv.writer(again, delimiter=";").writerows(csv.reader(io.StringIO(text)))
        saved.append(again.getvalue().encode("utf-16"))
    for data in saved:
        found = layers_of(parse_all(data, "x"))
        assert found is not None
        assert list(found) == list(threads)
        assert [colour[:2] for colour in found.colours] == [colour[:2] for colour in COLOURS]
    damaged = text.replace("c72b3b", "c72b3").encode()
    with pytest.raises(FileError, match=r"the line of a colour is damaged|each row names its thread"):
        parse_all(damaged, "x")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pages are read by poppler-utils")
def test_pages_of_paper_name_each_colour(tmp_path) -> None:
    """List and parts say the colours, their metres and spools, and the change at its step."""
    pytest.importorskip("fpdf")
    file = tmp_path / "a.pdf"
    for kind, wanted in (
        ("list", ["begin with", "change to", "DMC 321 Red", "tie it to nail"]),
        ("parts", ["Thread 2", "DMC 321 Red (#c72b3b): 8 chords", "one spool of 50 m"]),
        ("template", ["in 3 colours"]),
    ):
        file.write_bytes(FORMATS["pdf"].render(piece(), FORMATS["pdf"].settings_class()(pdf=kind)))
        text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
        assert [part for part in wanted if part not in text] == []


def test_the_guide_says_each_change() -> None:
    """The page has the parts, with their first steps; the whole list has a row for each colour."""
    page = rendered("html", piece())
    stated = json.loads(page.split('id="piece">')[1].split("</script>")[0])
    assert [(one["name"], one["hex"], one["first"]) for one in stated["parts"]] == [
        ("yellow", "#ffd600", 0), ("DMC 321 Red", "#c72b3b", 8), ("#102030", "#102030", 17)]  # fmt: skip
    assert stated["ground"] == "#fbfaf5"
    assert stated["chords"] == 24
    assert page.count("<th scope=rowgroup") == 3
    assert "parts" not in json.loads(
        rendered("html", Workpiece(layers()[0])).split('id="piece">')[1].split("</script>")[0]
    )


@needs_chromium
def test_the_page_shows_each_change(tmp_path) -> None:
    """At the first step of a thread the page says the change, in its language, and shows the colour."""
    file = tmp_path / "guide.html"
    file.write_text(rendered("html", piece(), language="de"))
    with Browser() as browser:
        page = browser.open(file, width=390, height=780)
        page.wait("document.documentElement.dataset.ready")
        assert page.text("#hue-name") == "Beginne mit: Gelb"
        page("jump(7)")
        assert page.text("#hue-name") == "Gelb"
        assert "Gelb" in page.text("#gaps")
        page.click("#next")
        page.wait("step === 8")
        assert page.text("#hue-name") == "Farbe wechseln: DMC 321 Red"
        assert page("getComputedStyle($('hue-mark')).backgroundColor") == "rgb(199, 43, 59)"
        assert page.text("#news").startswith("Farbe wechseln: DMC 321 Red. Faden an Nagel")
        assert page("$('facts').getBoundingClientRect().bottom <= $('steer').getBoundingClientRect().top")
        page("jump(last + 1)")
        assert page("$('hue').hidden")
        assert page.complaints == []
        assert page.requests == [file.as_uri()]


def test_commands_take_all_colours(tmp_path, capsys) -> None:
    """`export`, `check` and both functions make one piece of the file; --board takes one thread."""
    file = tmp_path / "photo.json"
    file.write_text(thread_files.to_json(layers()))
    assert main(["export", str(file), "-o", str(tmp_path / "a.svg"), "-o", str(tmp_path / "a.csv")]) == 0
    assert "2 DMC 321 Red" in (tmp_path / "a.svg").read_text()
    assert main(["export", str(file), "--board", "2", "-o", str(tmp_path / "b.svg")]) == 0
    assert '"1 thread" fill="none" stroke="#c72b3b"' in (tmp_path / "b.svg").read_text()
    capsys.readouterr()
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "used in 3 colours" in said
    assert "thread 2 DMC 321 Red (#c72b3b): 8 chords" in said
    (path,) = nitograph.export(layers(), tmp_path / "c.csv", diameter=300)
    assert "DMC 321 Red" in path.read_text()
    (path,) = write_all(layers(), ["svg"], tmp_path / "d")
    assert path.name == "d.svg"
