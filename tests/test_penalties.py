"""Guards of geometric penalties: each by hand, their running sums, how they are named."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.light import chords
from nitograph.light.bands import FINE, covered
from nitograph.light.fans import Scoring, fans_of
from nitograph.light.loops import add_path
from nitograph.model.plan import decode_plan
from nitograph.sampling.penalties import CROWD, Canvas, Penalties, Tally, canvas_for, charged
from nitograph.sampling.plans import Plans
from nitograph.thread import Thread
from tiny import WEAVING, random_weights

BOARD = Board(12)


def test_short_and_metres_by_hand():
    """On twelve nails a diameter is 2 radii and 0.6 m, a step to the neighbour 2 sin 15° radii."""
    near = 2 * np.sin(np.pi / 12)
    found = charged(np.array([0, 6, 7]), BOARD)
    assert found["metres"] == pytest.approx(0.3 * (2 + near))
    assert found["short"] == pytest.approx(max(0, 1 - near / 0.5))
    found = charged(np.array([0, 1]), Board(60))
    assert found["short"] == pytest.approx(1 - 2 * np.sin(np.pi / 60) / 0.5)


def test_crowding_by_hand():
    """A nail's first visits are free, where the thread begins and in passing; each further one costs 1."""
    path = []
    for other in range(3, 10):
        path += [0, other]  # seven visits of nail 0
    assert charged(np.array(path), BOARD)["crowding"] == 7 - CROWD
    assert charged(np.array(path[1:]), BOARD)["crowding"] == 6 - CROWD


def test_overdraw_by_hand():
    """The share of each chord that lies where the plan was reached before it was laid."""
    scoring = Scoring(nails=12, canvas_size=24, line_strength=0.2)
    fans = fans_of(scoring)
    everywhere = Canvas(fans, np.zeros((24, 24), np.int32))
    assert charged(np.array([0, 5, 9, 2]), BOARD, everywhere)["overdraw"] == pytest.approx(3)
    nowhere = Canvas(fans, np.full((24, 24), round(fans.white), np.int32))
    assert charged(np.array([0, 5, 9, 2]), BOARD, nowhere)["overdraw"] == 0
    half = np.zeros((24, 24), np.int32)
    half[12:] = round(fans.white)  # the lower half is wanted: nails 0 to 6
    assert charged(np.array([3, 9]), BOARD, Canvas(fans, half))["overdraw"] == pytest.approx(0.5, abs=0.03)
    once = Canvas(fans, np.full((24, 24), fans.strength, np.int32))  # white after one chord
    path = np.array([0, 6, 0, 6])
    assert charged(path, BOARD, once)["overdraw"] == pytest.approx(2, abs=0.35)  # its edges are never full


def test_overdraw_is_the_plain_sum_over_pixels():
    """Against rasters of single chords, on a random canvas and path."""
    rng = np.random.default_rng(3)
    weights = random_weights()
    fans = canvas_for(weights, None).fans
    size, n = WEAVING.canvas_size, WEAVING.nails
    wanted = rng.integers(-200, 3 * fans.strength, (size, size)).astype(np.int32)
    path = np.array([0, 9, 20, 3, 15, 28, 10, 20, 9, 31])
    ring, left, total = chords.all_chords(n, size, WEAVING.width), wanted.astype(np.int64), 0.0
    for one, two in itertools.pairwise(path):
        cover = np.zeros((size, size), np.int64)
        add_path(ring.lines[chords.numbers(np.array([one, two]), n)], cover)
        total += cover[left <= 0].sum() / max(cover.sum(), FINE)
        left -= cover * (fans.strength // FINE)
    found = charged(path, Board(n), Canvas(fans, wanted))["overdraw"]
    assert found == pytest.approx(total)
    assert 0.5 < total < 9


def test_covered_is_the_compiled_coverage():
    """Bands laid together in NumPy are those of the compiled loop, pixel by pixel."""
    rng = np.random.default_rng(0)
    for nails, size, width in ((32, 24, 0.2), (256, 48, 0.1), (7, 9, 0.9)):
        ring = chords.all_chords(nails, size, width)
        path = rng.integers(0, nails, 80)
        path = path[np.insert(np.diff(path) != 0, 0, True)]
        lines = ring.lines[chords.numbers(path, nails)]
        wanted = np.zeros((size, size), np.int64)
        add_path(lines, wanted)
        assert np.array_equal(covered(lines, size), wanted)
    assert covered(lines[:0], 5).sum() == 0


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_walks_side_by_side_are_charged_as_if_alone(seed):
    """Whatever is repeated, dropped or changed in order, a walk's sums are those of its own path."""
    rng = np.random.default_rng(seed)
    weights = random_weights()
    wanted = rng.integers(-100, 900, (24, 24)).astype(np.int32)
    canvas = Canvas(canvas_for(weights, None).fans, wanted)
    every = Penalties(overdraw=1, crowding=2, short=0.5, metres=0.25)
    tally, paths = Tally(every, weights.board, canvas), np.zeros((1, 0), np.int64)
    spent = np.zeros(1)
    for _ in range(12):
        rows = rng.integers(0, len(paths), rng.integers(1, 4))
        here = paths[rows, -1] if paths.shape[1] else np.zeros(len(rows), np.int64)
        nails = (here + rng.integers(2, 30, len(rows))) % 32
        spent = spent[rows] + tally.costs()[rows, nails]
        tally.move(rows, nails)
        paths = np.concatenate([paths[rows], nails[:, None]], axis=1)
    for row, path in enumerate(paths):
        alone = charged(path, weights.board, canvas)
        assert {name: float(value[row]) for name, value in tally.amounts.items()} == pytest.approx(alone)
        weighed = sum(alone[name] * weight for name, weight in every.to_dict().items())
        assert spent[row] == pytest.approx(weighed)


def test_metres_are_those_of_a_real_board():
    """The same metres as the length of the thread on a board 600 mm across."""
    thread = Thread([0, 100, 7, 200])
    assert charged(thread.nails, thread.board)["metres"] == pytest.approx(thread.length() * 0.3)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("overdrew=1", "penalty knows overdraw, crowding, short, metres, got 'overdrew'"),
        ("short", "names and weights such as overdraw=0.5,metres=0.1, got 'short'"),
        ("short=much", "names and weights such as overdraw=0.5,metres=0.1, got 'short=much'"),
        ("short=1,short=2", "each penalty once, got short twice"),
        ("short=-1", "short must be at least 0, got -1"),
        ("short=nan", "short must be a finite number"),
        ("short=1e9", "short must be at most 1000"),
        ("=1", "got ''"),
    ],
)
def test_what_is_no_penalty(text, part):
    """Is refused in one line."""
    with pytest.raises(SettingsError, match=part) as caught:
        Penalties.parse(text)
    assert "\n" not in str(caught.value)


def test_penalties_as_text():
    """What is written is what is read, without what weighs nothing."""
    given_ = Penalties.parse(" overdraw=0.5, metres=0.125,short=0 ")
    assert given_ == Penalties(overdraw=0.5, metres=0.125)
    assert given_.text() == "overdraw=0.5,metres=0.125"
    assert Penalties.parse(given_.text()) == given_
    assert Penalties.parse("") == Penalties()
    assert Penalties().text() == ""


def test_the_canvas_begins_with_the_plan():
    """Its pictures, or the light that its codes stand for; white everywhere without a plan."""
    weights = random_weights()
    white = canvas_for(weights, None)
    assert (white.wanted == round(white.fans.white)).all()
    picture = np.random.default_rng(0).random((1, 24, 24)).astype(np.float32)
    codes = np.array([[3, 99, 200, 7]])
    shown = canvas_for(weights, Plans(codes, None, picture)).wanted
    assert np.array_equal(shown, np.rint(picture[0] * np.float32(white.fans.white)))
    light = canvas_for(weights, Plans(codes)).wanted
    assert np.array_equal(light, white.fans.pictures(decode_plan(weights, codes), 6)[0])


def test_a_model_whose_chords_cannot_be_laid():
    """Overdraw says so in one line; the others need no canvas."""
    odd = random_weights(weaving=WEAVING.to_dict() | {"false_positive_weight": 0.5})
    with pytest.raises(SettingsError, match="overdraw cannot be charged for this model"):
        canvas_for(odd, None)
    with pytest.raises(SettingsError, match="needs a canvas"):
        Tally(Penalties(overdraw=1), BOARD)
