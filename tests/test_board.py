"""Guards of the board: one rule, written in four ways, is the same rule."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import Board, Rules, allowed_next, forbid_next, violations
from nitograph.compute.rules import legal_paths, legal_steps
from nitograph.errors import SettingsError


def may_follow(path, nail, num_nails, gap, recent):
    """The rule as a sentence: far enough away, and not one of the last `recent` chords in any direction."""
    here = path[-1]
    apart = min((here - nail) % num_nails, (nail - here) % num_nails)
    drawn = [{a, b} for a, b in itertools.pairwise(path)]
    return apart >= gap and {here, nail} not in drawn[-recent:]


@st.composite
def walks(draw):
    """A board, rules and a path that need not obey them, on few nails so that chords come again."""
    num_nails = draw(st.integers(3, 14))
    rules = Rules(draw(st.integers(1, max(1, num_nails // 2))), draw(st.integers(1, 12)))
    path = draw(st.lists(st.integers(0, num_nails - 1), min_size=1, max_size=30))
    return Board(num_nails), rules, path


@settings(max_examples=80)
@given(walks())
def test_four_tellings_of_the_rule(case):
    """forbid_next, its compiled form, allowed_next and the plain sentence agree on any path."""
    board, rules, path = case
    n, gap, recent = board.num_nails, rules.min_nail_gap, rules.recent_edges
    plain = np.array([may_follow(path, nail, n, gap, recent) for nail in range(n)])
    looped = np.empty(n, dtype=np.bool_)
    forbid_next(np.array(path), len(path), n, gap, recent, looped)
    compiled = legal_steps(np.array([path]), np.array([len(path)]), board, rules)[0, len(path), :n]
    assert looped.tolist() == plain.tolist()
    assert compiled.tolist() == plain.tolist()
    assert allowed_next(np.array([path, path]), board, rules).tolist() == [plain.tolist()] * 2


@settings(max_examples=80)
@given(walks())
def test_legal_and_violations_agree(case):
    """A path has no violations exactly when each of its steps was allowed."""
    board, rules, path = case
    n, gap, recent = board.num_nails, rules.min_nail_gap, rules.recent_edges
    bad = [k for k in range(len(path) - 1) if not may_follow(path[: k + 1], path[k + 1], n, gap, recent)]
    assert sorted({step for step, _ in violations(np.array(path), board, rules)}) == bad
    padded = np.array([[*path, -1, -1]])
    assert legal_paths(padded, board, rules).tolist() == [not bad]


@settings(max_examples=50)
@given(st.integers(5, 300), st.data())
def test_never_straight_back(num_nails, data):
    """A→B→A is forbidden under the weakest rules there are."""
    a, b = data.draw(st.lists(st.integers(0, num_nails - 1), min_size=2, max_size=2, unique=True))
    assert not allowed_next(np.array([[a, b]]), Board(num_nails), Rules(1, 1))[0, a]


@pytest.mark.parametrize(
    ("path", "step", "reason"),
    [
        ([0, 50, 52], 1, "gap 2 is below 6"),
        ([0, 50, 255, 4], 2, "gap 5 is below 6"),
        ([0, 50, 100, 0, 50], 3, "chord 0–50 came 3 chords before"),
        ([0, 50, 100, 50], 2, "chord 50–100 came 1 chords before"),
    ],
)
def test_planted_violations(path, step, reason):
    """A broken rule planted in a legal path is found at its step, with its reason."""
    assert violations(np.array(path), Board(256), Rules(6, 80)) == [(step, reason)]


def test_a_chord_may_come_again_in_time():
    """A chord is free again after exactly `recent_edges` further chords."""
    path = np.array([0, 50, 100, 0, 50])
    assert violations(path, Board(256), Rules(6, 3)) != []
    assert violations(path, Board(256), Rules(6, 2)) == []


def test_legal_steps_layout():
    """First any nail but no end; no end after one nail; all True behind a path's end."""
    board, rules = Board(9), Rules(2, 5)
    allowed = legal_steps(np.array([[0, 4, 0], [3, 0, 0]]), np.array([2, 1]), board, rules)
    assert allowed.shape == (2, 4, 10)
    assert allowed[:, 0, :9].all()
    assert allowed[:, :2, 9].tolist() == [[False, False]] * 2
    assert allowed[0, 2].tolist() == [False, True, True, False, False, False, True, True, True, True]
    assert allowed[0, 3].all()
    assert allowed[1, 2:].all()


def test_positions_run_clockwise_from_three_o_clock():
    """Nail 0 is at the right, a quarter on is at the bottom of a screen (y down)."""
    places = Board(8).positions()
    assert places[[0, 2, 4, 6]] == pytest.approx(np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]), abs=1e-15)
    assert Board(8).angles()[1] == pytest.approx(math.pi / 4)


@given(st.integers(3, 400), st.data())
def test_distance_and_chord_length(num_nails, data):
    """Circular distance is symmetric and at most half, and its chord has the length between positions."""
    board = Board(num_nails)
    a, b = (data.draw(st.integers(0, num_nails - 1)) for _ in range(2))
    apart = int(board.distance(np.array(a), np.array(b)))
    assert apart == int(board.distance(np.array(b), np.array(a))) <= num_nails // 2
    straight = math.dist(board.positions()[a], board.positions()[b])
    assert board.chord_lengths()[apart] == pytest.approx(straight, abs=1e-12)


@pytest.mark.parametrize("count", [2, 4097, 0, -1, 2.5, None, 10**500])
def test_impossible_boards(count):
    """A board has 3 to 4096 nails, whatever a file states."""
    with pytest.raises(SettingsError):
        Board(count)


@pytest.mark.parametrize("num_nails", [3, 8, 9])
def test_a_length_for_each_distance(num_nails):
    """One length for every distance there is on the ring, growing from 0; none beyond."""
    board = Board(num_nails)
    lengths = board.chord_lengths()
    reached = {board.distance(0, nail).item() for nail in range(num_nails)}
    assert reached == set(range(len(lengths)))
    assert lengths[0] == 0
    assert (np.diff(lengths) > 0).all()
