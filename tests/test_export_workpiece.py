"""The real board: numbering, tangents, lengths, thread sizes."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings, thread_width, y_up
from nitograph.thread import Thread


@st.composite
def threads(draw, most_nails=60, most_chords=40):
    """Any legal walk, straight returns and neighbours included."""
    n = draw(st.integers(3, most_nails))
    steps = draw(st.lists(st.integers(1, n - 1), min_size=1, max_size=most_chords))
    nails = np.cumsum([draw(st.integers(0, n - 1)), *steps]) % n
    return Thread(nails, Board(n))


numberings = st.fixed_dictionaries(
    {
        "origin": st.sampled_from(["top", "right"]),
        "direction": st.sampled_from(["cw", "ccw"]),
        "side": st.sampled_from(["front", "back"]),
    }
)


def test_zero_at_the_top_clockwise_from_the_front():
    """The default numbering is the one makers expect."""
    piece = Workpiece(Thread([0, 64], Board(256)), WorkpieceSettings(diameter=200))
    assert piece.centres[0] == pytest.approx([0, -100], abs=1e-9)
    assert piece.centres[64] == pytest.approx([100, 0], abs=1e-9)
    assert piece.path.tolist() == [64, 128]  # the file's 0 stands at three o'clock, its 64 at the bottom


@given(thread=threads(), numbering=numberings)
def test_numbers_run_from_the_origin_the_stated_way(thread, numbering):
    """As seen from the working side, number k stands k steps from the nail nearest the origin."""
    piece = Workpiece(thread, WorkpieceSettings(**numbering))
    angles = np.degrees(np.arctan2(piece.centres[:, 1], piece.centres[:, 0]))
    from_origin = (angles + (90 if numbering["origin"] == "top" else 0) + 180) % 360 - 180
    assert abs(from_origin[0]) <= 180 / piece.num_nails + 1e-9
    way = 1 if numbering["direction"] == "cw" else -1
    steps = (way * (from_origin - from_origin[0])) % 360
    assert steps == pytest.approx(np.arange(piece.num_nails) * 360 / piece.num_nails, abs=1e-6)


@given(thread=threads(), numbering=numberings)
def test_the_picture_stays_the_same_picture(thread, numbering):
    """Renumbering moves no nail, and the back is the front mirrored."""
    piece = Workpiece(thread, WorkpieceSettings(diameter=20, **numbering))
    mirror = -1.0 if numbering["side"] == "back" else 1.0
    assert piece.polyline * [mirror, 1] == pytest.approx(thread.points() * 10)
    assert piece.file_nails[piece.path].tolist() == thread.nails.tolist()


@given(thread=threads(), numbering=numberings)
def test_every_run_touches_its_nails_on_the_side_that_holds(thread, numbering):
    """Runs are tangents; inner nails bend the thread around their middle, on the rim's side."""
    piece = Workpiece(thread, WorkpieceSettings(diameter=600, nail_diameter=1, **numbering))
    runs = np.diff(piece.tangents, axis=1)[:, 0]
    for end, nails in ((0, piece.polyline[:-1]), (1, piece.polyline[1:])):
        spoke = piece.tangents[:, end] - nails
        assert np.hypot(*spoke.T) == pytest.approx(piece.bend_radius)
        assert (spoke * runs).sum(axis=1) == pytest.approx(0, abs=1e-6)
        turn = np.sign(spoke[:, 0] * runs[:, 1] - spoke[:, 1] * runs[:, 0])
        assert turn.tolist() == (piece.turns[:-1] if end == 0 else piece.turns[1:]).tolist()
    # The pull of both runs presses the thread against the nail: it points from thread to nail, inwards.
    pull = (runs / np.hypot(*runs.T)[:, None])[1:] - (runs / np.hypot(*runs.T)[:, None])[:-1]
    inwards = (pull * -piece.polyline[1:-1]).sum(axis=1)
    assert (inwards > 0).all()


@given(thread=threads())
def test_arcs_join_the_runs(thread):
    """Walking each arc from where a run ends arrives where the next begins; arcs never exceed a turn."""
    piece = Workpiece(thread, WorkpieceSettings(diameter=600, nail_diameter=1))
    for k in range(1, thread.line_count):
        spoke = piece.tangents[k - 1, 1] - piece.polyline[k]
        swept = piece.turns[k] * piece.arcs[k]
        turned = complex(*spoke) * complex(math.cos(swept), math.sin(swept))
        arrived = piece.polyline[k] + [turned.real, turned.imag]
        assert arrived == pytest.approx(piece.tangents[k, 0], abs=1e-6)
        assert 0 <= piece.arcs[k] < math.tau


def test_length_of_a_known_loop():
    """Back and forth across the board is a belt: runs of one diameter, half a turn at each nail."""
    settings = WorkpieceSettings(diameter=100, nail_diameter=1.8, thread_width=0.2, tail=50, spare=10)
    piece = Workpiece(Thread([0, 4, 0, 4], Board(8)), settings)
    assert piece.run_lengths == pytest.approx([100, 100, 100])
    assert piece.arcs[1:-1] == pytest.approx([math.pi, math.pi])
    wanted = (2 * 50 + 300 + 2 * math.pi + 2 * math.tau) / 1000
    assert piece.length == pytest.approx(wanted)
    assert piece.length_to_have == pytest.approx(1.1 * wanted)
    extra = Workpiece(piece.thread, settings.replace(wraps=2))
    assert extra.length - piece.length == pytest.approx(4 * 2 * math.tau / 1000)


@given(thread=threads(), numbering=numberings)
def test_gaps_of_a_step_match_the_geometry(thread, numbering):
    """The neighbour named `enters` is the one on whose side the thread goes out to the rim."""
    piece = Workpiece(thread, WorkpieceSettings(**numbering))
    for step in piece.steps():
        here = piece.centres[step.nail]
        out = piece.centres[step.enters] - here
        clockwise = here[0] * out[1] - here[1] * out[0]  # > 0: the neighbour lies clockwise of the nail
        if piece.num_nails > 2 and abs(clockwise) > 1e-9:
            assert np.sign(clockwise) == -step.turn
        assert {step.enters, step.leaves} == {
            (step.nail - 1) % piece.num_nails,
            (step.nail + 1) % piece.num_nails,
        }


def test_metres_never_fall_and_end_at_the_length():
    """The running metres of the steps grow to the length less the last tail."""
    piece = Workpiece(Thread([0, 5, 2, 7, 1], Board(9)))
    metres = [step.metres for step in piece.steps()]
    assert metres == sorted(metres)
    assert metres[-1] + piece.settings.tail / 1000 == pytest.approx(piece.length)


@pytest.mark.parametrize("nails", [3, 5, 250, 256])
@pytest.mark.parametrize("side", ["front", "back"])
def test_the_statement_says_how_far_nail_zero_is_off(nails, side):
    """Where no nail stands at the top, the statement says where 0 is; checked against the geometry."""
    piece = Workpiece(Thread([0, 1], Board(nails)), WorkpieceSettings(side=side))
    x, y = piece.centres[0]
    off = math.degrees(math.atan2(x, -y))
    stated = piece.statement()
    if abs(off) < 1e-9:
        assert "nail 0 at the top" in stated
    else:
        assert f"({abs(off):.2f}° {'clockwise' if off > 0 else 'counterclockwise'})" in stated
    assert f"{nails} nails" in stated
    assert side in stated


def test_thread_sizes_of_the_trade():
    """tex, dtex and denier give one width, the one Peirce's formula gives: 25.4 / 28√Ne mm."""
    ne = 590.5 / 30
    assert thread_width("tex:30") == pytest.approx(25.4 / (28 * math.sqrt(ne)), rel=0.005)
    assert thread_width("dtex:300") == pytest.approx(thread_width("tex:30"))
    assert thread_width("denier:270") == pytest.approx(thread_width("TEX: 30"))
    assert thread_width("mm:0.15") == 0.15


@pytest.mark.parametrize(
    "text", ["", "tex", "tex:", "tex:-1", "tex:nan", "tex:inf", "inch:3", "30", "mm:0"]
)
def test_other_thread_sizes_are_refused(text):
    """A size that is none of the four forms is one clear error."""
    with pytest.raises(SettingsError, match="tex:30"):
        thread_width(text)


@pytest.mark.parametrize(("nails", "chords"), [(3, 1), (3, 20_000), (2000, 1), (2000, 20_000)])
def test_extremes(nails, chords):
    """3 and 2,000 nails, 1 and 20,000 chords: everything finite, also where thick nails overlap."""
    rng = np.random.default_rng(1)
    thread = Thread(np.cumsum(rng.integers(1, nails, chords + 1)) % nails, Board(nails))
    piece = Workpiece(thread, WorkpieceSettings(diameter=300, nail_diameter=2))
    for values in (piece.tangents, piece.arcs, piece.metres, piece.centres):
        assert np.isfinite(values).all()
    assert sum(1 for _ in piece.steps()) == chords + 1


def test_y_up_keeps_left_and_right():
    """Turning y over touches nothing else."""
    assert y_up(np.array([[1.0, 2.0]])).tolist() == [[1.0, -2.0]]
