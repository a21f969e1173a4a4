"""Guards of exports of boards that are no ring: numbering, sides, sizes, and every format."""

import csv
import io
import itertools
import json
import math
import re

import numpy as np
import pytest

import nitograph
from nitograph.api.boards import board_and_given
from nitograph.errors import SettingsError
from nitograph.exporting.check import check, touches
from nitograph.exporting.formats import FORMATS
from nitograph.exporting.gcode.job import gcode
from nitograph.exporting.gcode.settings import GcodeSettings
from nitograph.exporting.pdf.template import grid_of
from nitograph.exporting.rim import rim
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io.lists import parse
from nitograph.shapes.board import ShapedBoard
from nitograph.shapes.settings import BoardSettings
from nitograph.thread import Thread
from test_shapes import HEART

RECT = ShapedBoard(60, "rect", 200.0, 300.0, 1.2, 22.0)


def walk(board: ShapedBoard, chords: int = 60, seed: int = 0) -> Thread:
    """A walk over legal chords of the board."""
    rng, legal = np.random.default_rng(seed), board.legal()
    path = [int(rng.choice(np.flatnonzero(legal.any(axis=1))))]
    while len(path) <= chords:
        path.append(int(rng.choice(np.flatnonzero(legal[path[-1]]))))
    return Thread(path, board, "7")


def piece(board: ShapedBoard = RECT, **more) -> Workpiece:
    """That walk as a workpiece, at the board's own size."""
    thread = walk(board)
    return Workpiece(thread, WorkpieceSettings.of(thread).replace(**more))


@pytest.fixture
def heart(tmp_path) -> ShapedBoard:
    """A heart with a notch."""
    path = tmp_path / "heart.svg"
    path.write_text(HEART)
    board, _ = board_and_given(BoardSettings(f"file:{path}", nail_diameter=0.6), {"nails": 80})
    assert board is not None
    return board


@pytest.mark.parametrize("origin", ["top", "right"])
@pytest.mark.parametrize("direction", ["cw", "ccw"])
@pytest.mark.parametrize("side", ["front", "back"])
def test_numbers_run_around_the_outline(origin, direction, side) -> None:
    """Nail 0 is nearest the middle of the side that is seen there; numbers run as seen; none is lost."""
    made = piece(origin=origin, direction=direction, side=side)
    place = (0, -150) if origin == "top" else (100, 0)
    assert np.hypot(*(made.centres - place).T).argmin() == 0
    after = made.centres[1] - made.centres[0]
    forward = after[0] if origin == "top" else after[1]
    assert (forward > 0) == (direction == "cw")
    assert sorted(made.file_nails.tolist()) == list(range(60))
    assert made.numbers[made.file_nails].tolist() == list(range(60))
    mirrored = made.centres[made.numbers] * ((1, 1) if side == "front" else (-1, 1))
    assert mirrored == pytest.approx(RECT.millimetres())


def test_size_and_nails_are_the_boards() -> None:
    """A workpiece has the size and the nails of its thread's board, unless others are asked for."""
    made = piece()
    assert (2 * made.half).tolist() == [200, 300]
    assert made.settings.nail_diameter == 1.2
    assert made.spacing == pytest.approx(min(math.dist(a, b) for a, b in zip(
        made.centres, np.roll(made.centres, 1, axis=0), strict=True)))  # fmt: skip
    assert (2 * piece(diameter=600).half).tolist() == [400, 600]
    assert made.statement().startswith("Board 200 x 300 mm from nail to nail, 60 nails of 1.2 mm; nail 0")


def test_outwards_is_away_from_the_board() -> None:
    """A step outwards from each nail leaves the board, seen from both sides."""
    for side, sign in (("front", 1), ("back", -1)):
        made = piece(side=side)
        assert np.hypot(*made.outward.T) == pytest.approx(np.ones(60))
        out = (made.centres + 2 * made.outward) * (sign, 1) / made.radius
        grid = [RECT.inside(spot)[1, 0] for spot in out[:, :]]
        assert not any(grid)


def test_thread_passes_behind_where_there_is_no_notch(heart) -> None:
    """On a rectangle always, between both neighbours of the nail; in the notch of a heart not always."""
    made = piece()
    assert made.behind.all()
    for step in made.steps():
        assert {step.enters, step.leaves} == {(step.nail - 1) % 60, (step.nail + 1) % 60}
    notch = int(np.hypot(*heart.millimetres()[:, :].T).argmin())
    lobes = [int(heart.millimetres()[:, 0].argmin()), int(heart.millimetres()[:, 0].argmax())]
    bent = Workpiece(Thread([lobes[0], notch, lobes[1]], heart), WorkpieceSettings(diameter=heart.size))
    assert bent.behind.tolist() == [True, False, True]
    middle = list(bent.steps())[1]
    assert (middle.enters, middle.leaves) == (None, None)
    rows = FORMATS["csv"].render(bent).decode().splitlines()
    assert re.search(r",,,\d", rows[-2])
    page = FORMATS["html"].render(bent).decode()
    assert json.loads(page.split('id="piece">')[1].split("</script>")[0])["front"] == [1]
    with pytest.raises(SettingsError, match="wind this board by hand"):
        gcode(bent, GcodeSettings(job="wind", reach=1.2, feeder_diameter=0.2))


def test_lists_bring_the_board_back(heart) -> None:
    """CSV and bare lists are read back as exactly the same thread, also from a table saved elsewhere."""
    for board in (RECT, heart, ShapedBoard(30, "ellipse", 99.5, 70.25)):
        made = piece(board, origin="right", direction="ccw", side="back")
        for kind in ("csv", "txt"):
            data = FORMATS[kind].render(made)
            assert parse(data, "a list") == made.thread
        rows = list(csv.reader(io.StringIO(FORMATS["csv"].render(made).decode())))
        saved = io.StringIO()
        csv.writer(saved).writerows(row + [""] * (8 - len(row)) for row in rows)
        assert parse(saved.getvalue().encode(), "a table") == made.thread
    damaged = FORMATS["txt"].render(piece()).replace(b"width=200.0", b"width=wide")
    with pytest.raises(nitograph.errors.FileError, match="numbers of mm"):
        parse(damaged, "a list")
    with pytest.raises(nitograph.errors.FileError, match="a board is stated with its shape"):
        parse(FORMATS["txt"].render(piece()).replace(b" width=200.0", b""), "a list")


def test_svg_has_the_boards_size() -> None:
    """As wide and as high as board, numbers and margin; every nail at its place."""
    made = piece()
    text = FORMATS["svg"].render(made).decode()
    beyond = 2 * (rim(made).width + 10)
    assert f'width="{200 + beyond:g}mm" height="{300 + beyond:g}mm"' in text
    nails = np.array(re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', text), dtype=float)
    assert nails - (100 + beyond / 2, 150 + beyond / 2) == pytest.approx(made.centres, abs=1e-3)


def test_dxf_has_the_outline() -> None:
    """A closed outline in place of the circle, y up."""
    ezdxf = pytest.importorskip("ezdxf")
    drawing = ezdxf.read(io.StringIO(FORMATS["dxf"].render(piece()).decode())).modelspace()
    assert not drawing.query('*[layer=="CIRCLE"]')
    (edge,) = drawing.query('*[layer=="OUTLINE"]')
    assert edge.closed
    points = np.array(edge.get_points("xy"))
    assert np.abs(points).max(axis=0) == pytest.approx([100, 150])
    assert len(drawing.query('CIRCLE[layer=="DRILL"]')) == 60


def test_the_template_is_as_large_as_the_board(heart) -> None:
    """One sheet of its own size; tiles cover width and height apart; every part is drawn."""
    pytest.importorskip("fpdf")
    made = piece()
    grid = grid_of(made, (210.0, 297.0), 10.0, 8.0)
    across, down = (n * s + 10 for n, s in zip(grid.counts, grid.step, strict=True))
    assert across >= 200 + 2 * rim(made).width
    assert down >= 300 + 2 * rim(made).width
    for board in (RECT, heart):
        for more in ({"pdf": "all"}, {"paper": "sheet"}, {"paper": "roll"}):
            settings = FORMATS["pdf"].settings_class()(**more)
            assert FORMATS["pdf"].render(piece(board), settings).startswith(b"%PDF")
    sheet = FORMATS["pdf"].render(made, FORMATS["pdf"].settings_class()(paper="sheet"))
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", sheet)
    wide, high = (float(side) for side in boxes[-1])
    assert (high - wide) / 72 * 25.4 == pytest.approx(100 + 16, abs=0.1)


def test_touches_are_found_by_all_nails() -> None:
    """What `check` finds is what every chord and every nail say."""
    made = piece(nail_diameter=4.0)
    found = set()
    for chord, (start, end) in enumerate(made.tangents):
        for nail, centre in enumerate(made.centres):
            if nail in made.path[chord : chord + 2]:
                continue
            run = end - start
            along = np.clip((centre - start) @ run / (run @ run), 0, 1)
            if np.hypot(*(centre - start - along * run)) < made.bend_radius * (1 - 1e-9):
                found.add(chord)
    assert found
    assert set(touches(made).chords.tolist()) == found
    report = check(made)
    assert report.facts["free_from_nails"] is None
    assert "larger board" in " ".join(warned.text for warned in report.warnings)
    assert 0 < report.facts["cover_percent"] < report.facts["densest_cover_percent"] <= 100


def test_chords_beside_the_board_are_named(heart) -> None:
    """`check` counts those that leave the outline, unless the board says that they may."""
    places, kinds = heart.millimetres(), {}
    lobes = [int((places @ np.array([side, -1.0])).argmax()) for side in (-0.6, 0.6)]
    for board in (heart, ShapedBoard.of_points(places, 0.6, notches="cross")):
        thread = Thread([*lobes, lobes[0] - 20, lobes[1]], board)
        found = check(Workpiece(thread, WorkpieceSettings.of(thread))).warnings
        kinds[board.notches] = {warning.kind: warning.text for warning in found}
    assert "leaves-outline" not in kinds["cross"]
    assert kinds["avoid"]["leaves-outline"].startswith("One chord leaves the outline")
    walked = Workpiece(walk(heart), WorkpieceSettings.of(walk(heart)))
    assert "leaves-outline" not in {warning.kind for warning in check(walked).warnings}


@pytest.mark.parametrize("board", [RECT, ShapedBoard(48, "ellipse", 300.0, 200.0, 1.5, 22.0)])
def test_the_feeder_goes_round_every_nail(board) -> None:
    """Clear of all nails, through both gaps of each, from inside to inside; polar machines refuse."""
    made = piece(board)
    lines = gcode(made, GcodeSettings(job="wind")).splitlines()
    moves = [re.search(r"G1 X(-?[\d.]+) Y(-?[\d.]+)", line) for line in lines]
    points = np.array([[float(part) for part in move.groups()] for move in moves if move]) * (1, -1)
    assert len(points) == 5 * made.thread.line_count
    least = math.inf
    for start, end in itertools.pairwise(points):
        run = end - start
        along = np.clip((made.centres - start) @ run / max(run @ run, 1e-12), 0, 1)[:, None]
        least = min(least, float(np.hypot(*(made.centres - start - along * run).T).min()))
    assert least > (made.settings.nail_diameter + 1.2) / 2 - 2e-3
    inside = [board.inside(place / made.radius)[1, 0] for place in points]
    assert np.array(inside).reshape(-1, 5).tolist() == [[True, False, False, False, True]] * (
        len(points) // 5
    )
    swept = []
    for round_ in points.reshape(-1, 5, 2):
        away = round_ - made.centres[made.path[1 + len(swept)]]
        turn = np.unwrap(np.arctan2(away[:, 1], away[:, 0]))
        swept.append(1 if turn[-1] > turn[0] else -1)
    assert swept == made.turns[1:].tolist()
    for job in ("plot", "drill"):
        assert "the middle of the board" in gcode(made, GcodeSettings(job=job))
    with pytest.raises(SettingsError, match="a polar machine works on a ring of nails, got a board of"):
        gcode(made, GcodeSettings(profile="polar"))


def test_the_guide_says_the_size() -> None:
    """Width and height, in every language; nails in units of half the larger side."""
    page = FORMATS["html"].render(piece()).decode()
    stated = json.loads(page.split('id="piece">')[1].split("</script>")[0])
    assert (stated["width"], stated["height"], stated["front"]) == (200, 300, [])
    assert max(map(abs, stated["y"])) == 1
    assert max(map(abs, stated["x"])) == pytest.approx(2 / 3, abs=1e-5)
