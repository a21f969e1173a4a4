"""Guards of boards that are no ring: where nails stand, which chords there are, files, and the way back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nitograph
from nitograph.api.boards import board_and_given
from nitograph.board import Board, Rules, allowed_next, violations
from nitograph.cli import main
from nitograph.drawing.gallery import page
from nitograph.errors import FileError, NitographError, SettingsError
from nitograph.io.nails import table
from nitograph.light import chords
from nitograph.shapes import outline
from nitograph.shapes.board import NOTCHES, ShapedBoard, board_of_words
from nitograph.shapes.settings import BoardSettings, shaped
from nitograph.thread import Thread
from nitograph.weaving.photograph import PhotoWeaver
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS

HEART = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200mm" height="200mm" viewBox="0 0 200 200">'
    '<path d="M100 180 C 20 110 10 20 60 20 C 85 20 95 40 100 60 C 105 40 115 20 140 20 C 190 20 180 110 '
    '100 180 Z"/></svg>'
)


def board_of(text: str, nails: int | None = None, **more: float) -> ShapedBoard:
    """A board as it is named on the command line."""
    woven = {} if nails is None else {"nails": nails}
    found = board_and_given(BoardSettings(text, **more), woven)[0]
    assert found is not None
    return found


@st.composite
def boards(draw):
    """Rectangles, ellipses and points along a wavy line, of few nails that stand well apart."""
    kind = draw(st.sampled_from(["rect", "ellipse", "points"]))
    count, tall = draw(st.integers(3, 30)), draw(st.floats(0.3, 3.0))
    if kind != "points":
        return ShapedBoard(count, kind, 300.0, round(300 * tall, 1), 1.0, draw(st.floats(0, 60)))
    turn = np.arange(count) * (math.tau / count)
    wave = 300 * (1 + draw(st.floats(0, 0.4)) * np.cos(draw(st.integers(2, 6)) * turn))
    places = wave[:, None] * np.stack([np.cos(turn), tall * np.sin(turn)], axis=1)
    return ShapedBoard.of_points(places, 1.0, draw(st.floats(0, 60)))


def plain_legal(board: ShapedBoard) -> np.ndarray:
    """The rule as its docstring says it, chord by chord and nail by nail."""
    places, n = board.millimetres(), board.num_nails
    around = [math.dist(places[k], places[(k + 1) % n]) for k in range(n)]
    clear = min(1.25 * board.nail, float(np.median(around)) / 4)
    legal = np.zeros((n, n), dtype=bool)
    for a in range(n):
        for b in range(n):
            length, apart = math.dist(places[a], places[b]), min((a - b) % n, (b - a) % n)
            if apart == 0 or length < board.min_chord or (apart == 1 and n >= 5):
                continue
            way = (places[b] - places[a]) / length
            free = True
            for c in set(range(n)) - {a, b}:
                along = float((places[c] - places[a]) @ way)
                across = (places[c] - places[a]) * way[::-1]
                aside = abs(float(across[0] - across[1]))
                free = free and not (0 < along < length and aside < clear)
            legal[a, b] = free
    if board.shape == "points":
        legal &= ~plain_leaving(places, outline.without_teeth(places))
    return legal


def plain_leaving(points: np.ndarray, corners_at: np.ndarray) -> np.ndarray:
    """Which chords leave the outline: cut at all its edges, some piece of them has its middle outside."""
    line, n = points[corners_at], len(points)
    edges = list(zip(line, np.roll(line, -1, axis=0), strict=True))
    found = np.zeros((n, n), dtype=np.bool_)
    for a in range(n):
        for b in range(a + 1, n):
            way, cuts = points[b] - points[a], [0.0, 1.0]
            for start, end in edges:
                across, off = end - start, start - points[a]
                slant = way[0] * across[1] - way[1] * across[0]
                if slant:
                    cuts.append((off[0] * across[1] - off[1] * across[0]) / slant)
            shares = np.unique(np.clip(cuts, 0, 1))
            pieces = shares[np.flatnonzero(np.diff(shares) > 1e-7)[:, None] + [0, 1]].mean(axis=1)
            found[a, b] = found[b, a] = any(is_outside(points[a] + t * way, line) for t in pieces)
    return found


def is_outside(spot: np.ndarray, line: np.ndarray) -> bool:
    """Whether a spot is outside a closed line (k, 2), and not on it: the line does not run around it."""
    away, run = line - spot, np.roll(line, -1, axis=0) - line
    share = np.clip(-(away * run).sum(axis=1) / (run * run).sum(axis=1), 0, 1)
    turn = np.arctan2(away[:, 1], away[:, 0])
    around = ((np.roll(turn, -1) - turn + math.pi) % math.tau - math.pi).sum() / math.tau
    on_it = np.hypot(*(away + share[:, None] * run).T).min() < 1e-6
    return not on_it and round(float(around)) == 0


@settings(max_examples=25, deadline=None)
@given(boards())
def test_the_rule_is_that_of_its_docstring(board) -> None:
    """The quick matrix of legal chords is the plain one, and no chord joins nails of one straight side."""
    legal = board.legal()
    assert legal.tolist() == plain_legal(board).tolist()
    assert (legal == legal.T).all()
    if board.shape == "rect" and board.num_nails >= 5:
        places = board.millimetres()
        for axis, side in ((0, board.width), (1, board.height)):
            for sign in (-1, 1):
                on = np.flatnonzero(np.abs(places[:, axis] - sign * side / 2) < 1e-6)
                assert not legal[np.ix_(on, on)].any()


NOTCHED = [[0, 100], [-100, 100], [-100, -100], [-9, -100], [0, 0], [9, -100], [100, -100]]


def test_no_chord_crosses_a_notch() -> None:
    """However narrow it is and however near its tip, right round or mirrored; a convex board has none."""
    line = np.array([*NOTCHED, NOTCHED[0]], dtype=float)
    points = outline.along(line, 37) + np.array([3, -7])
    for places in (points, points * (-1, 1)):
        found, touching = outline.leaving(places, np.arange(37)), outline.passed(places, 1e-3)
        assert (found & ~touching).any()
        assert (found | touching).tolist() == (plain_leaving(places, np.arange(37)) | touching).tolist()
    board = ShapedBoard.of_points(points, 0.5, 0.0)
    tip = int(np.hypot(*(board.millimetres() - (0, 0)).T).argmin())
    assert not board.legal()[tip - 1, tip + 1 :].all()
    assert not outline.leaving(outline.rectangle(80, 100, 60), np.arange(80)).any()
    assert not outline.leaving(outline.ellipse(80, 100, 60), np.arange(80)).any()


def test_chords_cross_notches_where_that_is_wanted() -> None:
    """`--notches cross` lets them; files and tables of boards say so; other boards have no notches."""
    line = np.array([*NOTCHED, NOTCHED[0]], dtype=float)
    kept, crossed = (ShapedBoard.of_points(outline.along(line, 37), 0.5, 0.0, way) for way in NOTCHES)
    assert (crossed.legal() & ~kept.legal()).any()
    assert not (kept.legal() & ~crossed.legal()).any()
    for board in (kept, crossed):
        assert ShapedBoard.from_record(json.loads(json.dumps(board.to_record())), 37) == board
        assert board_of_words(board.to_words(), 37) == board
    with pytest.raises(SettingsError, match="only nails from a file have notches"):
        BoardSettings("square:300", notches="cross")


@pytest.mark.parametrize("staggered", [True, False])
def test_double_rows_are_no_notches(staggered) -> None:
    """Chords between both rows are all there; the one notch of such a board is kept."""
    turn = np.arange(40) * (math.tau / 40)
    rows = [
        radius * np.stack([np.cos(at), np.sin(at)], axis=1)
        for radius, at in ((100, turn), (92, turn + staggered * math.pi / 40 + 1e-6))
    ]
    board = ShapedBoard.of_points(np.concatenate(rows), 0.5, 30.0)
    assert len(outline.without_teeth(board.millimetres())) == 40
    assert not outline.leaving(board.millimetres(), outline.without_teeth(board.millimetres())).any()
    bite = np.concatenate([np.concatenate(rows)[4:], [[20.0, 0.0]]])
    bitten = outline.in_order(bite)
    kept = outline.without_teeth(bitten)
    assert int(np.hypot(*(bitten - (20, 0)).T).argmin()) in kept
    assert outline.leaving(bitten, kept).any()


@settings(max_examples=30, deadline=None)
@given(boards(), st.data())
def test_one_rule_for_all(board, data) -> None:
    """`allowed_next` and `violations` say the same of any path."""
    nails = st.integers(0, board.num_nails - 1)
    path, rules = data.draw(st.lists(nails, min_size=2, max_size=25)), Rules(1, 4)
    bad = [
        k
        for k in range(len(path) - 1)
        if not allowed_next(np.array([path[: k + 1]]), board, rules)[0, path[k + 1]]
    ]
    assert sorted({step for step, _ in violations(np.array(path), board, rules)}) == bad


@pytest.mark.parametrize("text", ["square:300", "rect:200x500", "ellipse:500x200", "ellipse:90x90"])
@pytest.mark.parametrize("nails", [3, 24, 101])
def test_nails_stand_evenly_on_the_outline(text, nails) -> None:
    """On it exactly, at equal lengths along it, clockwise from three o'clock, centred."""
    board = board_of(text, nails, nail_diameter=0.5)
    x, y = (board.millimetres() / (board.width / 2, board.height / 2)).T
    if board.shape == "rect":
        assert np.maximum(np.abs(x), np.abs(y)) == pytest.approx(np.ones(nails))
        line = outline.corners(board.width, board.height)
    else:
        assert np.hypot(x, y) == pytest.approx(np.ones(nails), abs=1e-6)
        line = outline.oval(board.width, board.height, 200_000)
    assert (x[0], y[0]) == pytest.approx((1, 0), abs=1e-9)
    assert y[1] > 0
    runs = np.hypot(*np.diff(line, axis=0).T)
    at = np.concatenate([[0], np.cumsum(runs)])
    spots = np.array([at[np.hypot(*(line - place).T).argmin()] for place in board.millimetres()])
    if board.shape == "ellipse":
        assert np.diff(spots) == pytest.approx(np.full(nails - 1, runs.sum() / nails), rel=1e-3)
    else:
        inner = np.flatnonzero((np.diff(x) == 0) & (np.abs(x[1:]) == 1))
        gaps = outline.gaps(board.millimetres())[inner]
        assert gaps == pytest.approx(np.full(len(inner), runs.sum() / nails))
    assert np.abs(board.positions()).max() <= 1 + 1e-12


def test_a_round_ellipse_is_a_ring() -> None:
    """Positions, perimeter, area and what lies within are those of a ring."""
    round_one, ring = ShapedBoard(64, "ellipse", 300.0, 300.0), Board(64)
    assert round_one.positions() == pytest.approx(ring.positions(), abs=1e-7)
    path = np.array([0, 20, 40, 3])
    assert round_one.lengths_along(path) == pytest.approx(ring.lengths_along(path), abs=1e-6)
    assert round_one.perimeter() == pytest.approx(ring.perimeter(), rel=1e-3)
    assert round_one.area() == pytest.approx(ring.area(), rel=3e-3)
    places = np.linspace(-1.05, 1.05, 41)
    assert (round_one.inside(places) != ring.inside(places)).mean() < 0.01


def test_spacing_gives_the_number() -> None:
    """Nails by spacing, on every kind of board; with a number as well that is refused."""
    assert board_of("rect:400x600", spacing=10).num_nails == 200
    assert board_and_given(BoardSettings(spacing=math.pi * 600 / 300), {})[1]["nails"] == 300
    with pytest.raises(SettingsError, match="got both"):
        board_and_given(BoardSettings(spacing=5), {"nails": 9})


def test_json_round_trip(tmp_path) -> None:
    """A thread on any board comes back the same; a ring's file says nothing of a board."""
    heart = tmp_path / "heart.svg"
    heart.write_text(HEART)
    for text in ("rect:400x600", "ellipse:50x70.5", f"file:{heart}"):
        thread = Thread([0, 30, 5], board_of(text, 60, nail_diameter=0.7), "2")
        for indent in (None, 1):
            again = Thread.from_json(thread.to_json(indent=indent))
            assert again == thread
            assert again.board == thread.board
        record = json.loads(thread.to_json())
        assert record["format"] == "nitograph-thread/2"
        assert ("points_mm" in record["board"]) == text.startswith("file")
    assert len(thread.to_json(indent=1).splitlines()) < 100
    ring = json.loads(Thread([0, 9]).to_json())
    assert list(ring) == ["format", "label", "num_nails", "line_count", "provenance", "nails"]
    assert ring["format"] == "nitograph-thread/1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "nitograph-thread/3"}, "this version reads nitograph-thread/1 and nitograph-thread/2"),
        ({"board": None}, "a board is an object with shape"),
        ({"board": {"shape": ["rect"], "width_mm": 100, "height_mm": 100}}, "shape must be of type str"),
        ({"board": {"shape": "star", "width_mm": 100, "height_mm": 100}}, "shape must be one of rect"),
        ({"board": {"shape": "rect", "width_mm": 1e9, "height_mm": 100}}, "width must be at most 20000"),
        ({"board": {"shape": "rect", "width_mm": 10, "height_mm": 900}}, "at most 10 times"),
        ({"num_nails": 2001}, "3 to 2000 nails"),
        ({"board": {"shape": "points", "width_mm": 100, "height_mm": 100}}, "cannot have 0 points"),
        (
            {"board": {"shape": "rect", "width_mm": 99, "height_mm": 9, "points_mm": [[1, "2"]]}},
            "pairs of numbers",
        ),
    ],
)
def test_damaged_boards_in_files(change, said) -> None:
    """Whatever a file says of its board, one line says what is wrong."""
    record = json.loads(Thread([0, 9], ShapedBoard(20)).to_json()) | change
    with pytest.raises(FileError, match=said) as caught:
        Thread.from_record(record, name="a.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "nails", "said"),
    [
        ("hexagon:500", None, "a board is ring, square:600, rect:400x600"),
        ("square:500x400", None, "a board is ring"),
        ("rect:500", None, "a board is ring"),
        ("rect:1.2.3x9", None, "a board is ring"),
        ("square:5", None, "width must be at least 10, got 5"),
        ("square:30000", None, "width must be at most 20000"),
        ("rect:20x900", None, "at most 10 times the shorter one, got 20 x 900 mm"),
        ("square:600", 2, "3 to 2000 nails, got 2"),
        ("square:600", 2001, "3 to 2000 nails, got 2001"),
        ("square:100", 400, "closer than their thickness of 1.5 mm"),
        ("file:no-such.csv", None, "no-such.csv"),
    ],
)
def test_boards_that_cannot_be(text, nails, said) -> None:
    """Each in one line."""
    with pytest.raises(NitographError, match=said) as caught:
        board_of(text, nails)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no nails"),
        ("x,y\n", "has no nails"),
        ("nail,left\n1,2", "without columns x and y"),
        ("1,2,3\n4,5,6", "two columns"),
        ("1,2\n3,four", "nail 2 has no x and y"),
        ("1,2\n3,1e9", "nail 2 has no x and y"),
        ("0,0\n50,0", "3 to 2000 nails, got 2"),
        ("0,0\n50,0\n0,50\n0,0", "nails 0 and 3 stand on one spot"),
        ("0,0\n50,0\n0,50\n0,1", "closer than their thickness"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "has no nails"),
        ("<html/>", "no SVG"),
    ],
)
def test_files_without_a_board(text, said, tmp_path) -> None:
    """Each in one line that names the file."""
    path = tmp_path / "nails.csv"
    path.write_text(text)
    with pytest.raises(NitographError, match=said) as caught:
        board_of(f"file:{path}")
    assert "\n" not in str(caught.value)
    assert "nails.csv" in str(caught.value)


def test_tables() -> None:
    """With or without a head, with commas, semicolons and decimal commas, tabs or blanks."""
    wanted = [[0.5, 1.0], [-2.0, 3.25]]
    for text in (
        "0.5,1\n-2,3.25",
        "# made by hand\nx,y\n0.5,1\n-2,3.25\n",
        "0,5;1\n-2;3,25",
        "nail\tX [mm]\tY [mm]\n0\t0.5\t1\n1\t-2\t3.25",
        "0.5 1\r\n-2 3.25",
    ):
        assert table(text, "a table").tolist() == wanted


def test_nails_of_a_drawing(tmp_path) -> None:
    """Circles are nails; without them nails stand evenly along the line, in mm."""
    path = tmp_path / "nails.svg"
    path.write_text(HEART)
    heart = board_of(f"file:{path}", 90, nail_diameter=0.5)
    assert heart.height == pytest.approx(160, abs=0.5)
    gaps = outline.gaps(heart.millimetres())
    assert gaps.max() < 1.02 * np.median(gaps)
    again = board_of(f"file:{path}", spacing=float(np.median(gaps)), nail_diameter=0.5)
    assert again.num_nails == pytest.approx(90, abs=1)
    nitograph.export(Thread([0, 5, 9], Board(12)), path, diameter=300)
    ring = board_of(f"file:{path}")
    assert ring.num_nails == 12
    assert ring.positions() == pytest.approx(Board(12).positions()[np.arange(-3, 9)], abs=1e-4)
    with pytest.raises(SettingsError, match="says where its 12 nails are"):
        board_of(f"file:{path}", 20)


def test_nails_in_any_order() -> None:
    """Nails drawn in any order are walked around; the first stays the first."""
    places = board_of("rect:200x100", 30).millimetres()
    mixed = places[np.random.default_rng(3).permutation(30)]
    found = ShapedBoard.of_points(mixed)
    first = int(np.hypot(*(places - mixed[0]).T).argmin())
    assert found.millimetres() == pytest.approx(np.roll(places, -first, axis=0), abs=2e-3)
    assert ShapedBoard.of_points(places[::-1]).millimetres()[1:] == pytest.approx(places[:-1], abs=2e-3)


@pytest.mark.parametrize("text", ["rect:60x90", "ellipse:90x60"])
def test_weaving_keeps_to_the_board(text) -> None:
    """All chords are legal, also after sweeps, and lie within the nails; the file says its board."""
    board, size = board_of(text, 40, nail_diameter=0.5), 48
    y, x = np.mgrid[0:size, 0:size] / size
    wanted = np.clip(0.4 * x + 0.6 * (np.hypot(x - 0.45, y - 0.5) < 0.15), 0, 1).astype(np.float32)
    chosen = PRESETS["photo"].replace(
        nails=40, canvas_size=size, max_lines=150, min_nail_gap=1, recent_edges=9
    )
    weaver = PhotoWeaver(wanted, chosen, RealBoard(thread_width=0.5, diameter=board.size), nails=board)
    thread = weaver.run().thread()
    assert thread.line_count > 60
    assert violations(thread.nails, board, chosen.rules) == []
    assert thread.board == board
    assert weaver.explained() > 0.3
    assert thread.millimetres() == (0.5, 90.0)
    outside = ~board.inside(chords.pixel_positions(size))
    assert (
        chords.coverage(thread, size, width=0.01)[outside].sum()
        < 0.05 * chords.coverage(thread, size, width=0.01).sum()
    )
    with pytest.raises(SettingsError, match="the settings say 41 nails"):
        PhotoWeaver(wanted, chosen.replace(nails=41), RealBoard(), nails=board)


def test_the_command(tmp_path, monkeypatch, capsys) -> None:
    """`weave --board` writes a thread on that board with a preview; what does not go with it is refused."""
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30)).astype(np.uint8)).save("a.png")
    quick = ["--canvas-size", "40", "--max-lines", "40", "--quality", "fast", "--faces", "off"]
    assert main(["weave", "a.png", "--board", "rect:200x300", "--nails", "40", *quick]) == 0
    thread = nitograph.load("a.json")
    assert (thread.board.width, thread.board.height) == (200, 300)
    assert (tmp_path / "a_preview.png").exists()
    assert main(["render", "a.json", "-o", "b.png", "--size", "100", "--look", "neon"]) == 0
    assert nitograph.load("b.png") == thread
    for words, said in (
        (["--diameter", "500"], "has its size already"),
        (["--min-nail-gap", "4"], "set min_chord"),
        (["--light", "added"], "only photographs are woven on a board that is no ring"),
        (["--min-chord", "500"], "has no legal chord"),
    ):
        assert main(["weave", "a.png", "--board", "square:300", "--nails", "40", *quick, *words]) == 1
        assert said in capsys.readouterr().err
    assert main(["weave", "a.png", "--min-chord", "4", *quick]) == 1
    assert "set min_nail_gap instead" in capsys.readouterr().err


def test_what_only_a_ring_has() -> None:
    """Code for rings refuses other boards in one line instead of taking them for one."""
    board = shaped(BoardSettings("square:300"), 256)
    for ask in (board.angles, board.chord_lengths):
        with pytest.raises(SettingsError, match="needs a ring of nails, got a board of 300 x 300 mm"):
            ask()
    assert board != Board(256)


def test_the_gallery_knows_places() -> None:
    """The page gets the nails of boards that are no ring, and of rings nothing more than before."""
    ring, other = Thread([0, 9]), Thread([0, 9, 3], ShapedBoard(12, "rect", 300.0, 200.0))
    data = json.loads(page([ring, other]).split('id="data">')[1].split("</script>")[0])
    assert list(data["places"]) == ["1"]
    assert np.array(data["places"]["1"]) == pytest.approx(other.board.positions(), abs=1e-6)
    assert data["millimetres"] == {"1": 300.0}
    assert '"places"' not in page([ring])
