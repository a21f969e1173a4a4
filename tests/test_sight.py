"""Guards of sight: NumPy and compiled see the same, a choice moves the belief, decoders are the network."""

import math

import numpy as np
import pytest

from nitograph.board import Board, Rules
from nitograph.errors import WeightsError
from nitograph.light.fans import Scoring, fans_of
from nitograph.light.starts import starts_of
from nitograph.light.zernike import Zernike
from nitograph.model.batch.sight import BatchSight, sights_along
from nitograph.model.sight import (
    GAIN,
    LOWEST,
    Sight,
    SightSettings,
    facts_of,
    first_sights,
    laid,
    see,
)
from nitograph.weaving.encoder import weave_targets
from nitograph.weaving.settings import WeaveSettings

WEAVING = WeaveSettings(nails=48, canvas_size=32, max_lines=30, min_nail_gap=3, recent_edges=8)
ORDER = 8
SETTINGS = SightSettings.of(WEAVING.to_dict(), WEAVING.board, WEAVING.rules, ORDER)


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    """Light of three pictures: a blob, a bar, half a disc."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    shown = [np.exp(-8 * (x**2 + (y - 0.3) ** 2)), np.abs(x) < 0.2, (np.hypot(x, y) < 0.7) & (y > 0)]
    return Zernike(ORDER).light(np.stack(shown).astype(np.float32))


@pytest.fixture(scope="module")
def paths(light) -> np.ndarray:
    """Thirty nails of each, as the encoder weaves these lights."""
    fans = fans_of(SETTINGS.scoring)
    pictures = (fans.pictures(light, ORDER) / fans.white).astype(np.float32)
    return weave_targets(pictures, WEAVING, threads=1).nails[:, :30].astype(np.int64)


def test_numpy_and_compiled_see_the_same(light, paths):
    """Along whole paths and nail by nail, rows leaving, one twice."""
    along, facts, first = sights_along(SETTINGS, light, paths, np.full(3, paths.shape[1]))
    for made in (Sight(SETTINGS), BatchSight(SETTINGS)):
        kept = np.arange(3)
        assert np.array_equal(made.start(light), first)
        for step in range(paths.shape[1]):
            sights, told = made.step(paths[kept, step])
            assert np.abs(sights - along[kept, step]).max() < 1e-4
            assert np.abs(told - facts[kept, step]).max() < 1e-5
            if step in (5, 12):
                rows = np.array([2, 0, 0]) if step == 5 else np.array([1])
                kept = kept[rows]
                made.select(rows)


def test_a_batch_sees_longer_paths_than_it_has_places_for(light):
    """Its paths grow."""
    nails = np.random.default_rng(0).integers(3, 20, (2, 150)).cumsum(axis=1) % 48
    along, _, _ = sights_along(SETTINGS, light[:2], nails, np.full(2, 150))
    made = BatchSight(SETTINGS)
    made.start(light[:2])
    found = np.stack([made.step(nails[:, at])[0] for at in range(150)], axis=1)
    assert np.array_equal(found, along)


def test_what_lies_behind_a_path_is_nothing(light, paths):
    """Padding costs no look and is 0; a shorter path sees what the longer one saw."""
    whole, facts, _ = sights_along(SETTINGS, light, paths, np.full(3, 30))
    short, told, _ = sights_along(SETTINGS, light, paths, np.array([30, 4, 0]))
    assert np.array_equal(short[0], whole[0])
    assert np.array_equal(short[1, :4], whole[1, :4])
    assert np.array_equal(told[1, :4], facts[1, :4])
    assert not short[1, 4:].any()
    assert not short[2].any()


def test_finer_pictures_are_looked_at_in_place_of_the_light(light, paths):
    """The light's own picture changes nothing, another one does."""
    fans, lengths = fans_of(SETTINGS.scoring), np.full(3, 30)
    own = fans.pictures(light, ORDER) / fans.white
    plain = sights_along(SETTINGS, light, paths, lengths)
    assert np.array_equal(sights_along(SETTINGS, light, paths, lengths, own).sights, plain.sights)
    other = sights_along(SETTINGS, light, paths, lengths, own[::-1])
    assert not np.allclose(other.sights, plain.sights, atol=0.1)
    for made in (Sight(SETTINGS), BatchSight(SETTINGS)):
        made.start(light, own[::-1])
        assert np.abs(made.step(paths[:, 0])[0] - other.sights[:, 0]).max() < 1e-4


def test_sights_are_nats_below_the_best_legal_chord():
    """And chances a softmax of them among what is legal."""
    view = see(np.array([0.5, 0.3, 0.299, -9.0]), np.array([False, True, True, True]))
    assert view.best == 0.3 * GAIN
    legal = view.chances[1:]
    assert view.entropy == pytest.approx(-(legal * np.log(legal)).sum())
    assert view.chances[0] == 0
    assert view.sights[1] == 0
    assert view.sights[2] == pytest.approx(-0.001 * GAIN)
    assert view.sights[3] == LOWEST
    assert view.chances[1] / view.chances[2] == pytest.approx(math.exp(0.001 * GAIN))


@pytest.mark.parametrize(
    ("changes", "gain"),
    [
        ({}, 1),
        ({"line_strength": 0.06}, 1 / 2),
        ({"canvas_size": 128}, 2**0.1 / 4),
        ({"line_radius": 0.0}, 3**0.9),
        ({"length_power": 0.0}, 90**-0.1),  # 90 pixels lie under a chord
    ],
)
def test_nats_follow_from_the_scoring(changes, gain):
    """As what a chord scores does, and once more with the canvas; exact by default."""
    found = SightSettings(Scoring(**changes), SETTINGS.rules, ORDER).gain
    assert found == pytest.approx(gain * GAIN)
    assert changes or found == GAIN


def test_where_nothing_is_legal_all_is_seen():
    """A model that is asked beyond the rules still gets numbers."""
    view = see(np.array([0.1, 0.2]), np.zeros(2, bool))
    assert view.best == 0.2 * GAIN
    assert np.isfinite(facts_of(view, 3, 1.0)).all()


def test_a_choice_moves_the_belief_towards_what_was_chosen():
    """Light is given along the chord taken, taken along its likelier rival; a sure choice moves nothing."""
    view = see(np.array([0.02, 0.019, 0.0, -1.0]), np.ones(4, bool))
    nails, lights = laid(view.chances, 3, 1, 480)
    moved = dict(zip(nails, lights, strict=True))
    assert moved[0] > 0 > moved[1] - 480
    assert set(moved) == {0, 1}
    assert laid(view.chances, 0, 1, 480)[0] == [1]
    sure = see(np.array([0.5, 0.0, 0.0, -1.0]), np.ones(4, bool))
    assert laid(sure.chances, 3, 0, 480) == ([0], [480])


def test_the_belief_is_on_the_canvas(light, paths):
    """After a surprising choice the score of the chord's neighbours is another than without a belief."""
    fans = fans_of(SETTINGS.scoring)
    canvas = fans.canvas(fans.pictures(light[:1], ORDER)[0])
    made = Sight(SETTINGS)
    made.start(light[:1])
    here = int(paths[0, 0])
    sights, _ = made.step(np.array([here]))
    rivals = np.argsort(-np.where(sights[0] > 0, -np.inf, sights[0]))
    taken = int(next(nail for nail in rivals[5:] if nail != here))
    made.step(np.array([taken]))
    fans.lay(canvas, here, [taken], [fans.strength])
    moved = made._canvases[0] - canvas
    assert moved.max() > 0 > moved.min()


def test_first_sights_are_the_chances_of_the_ends_of_chords(light):
    """Written out for each picture; none depends on the others."""
    starts = starts_of(SETTINGS.scoring, ORDER, 3)
    first = first_sights(SETTINGS, light)
    assert np.allclose(np.exp(first).sum(axis=1), 1, atol=1e-3)
    for planned, found in zip(light, first, strict=True):
        assert np.array_equal(first_sights(SETTINGS, planned[None])[0], found)
        exact = starts.scores(planned[None])[0].astype(float)
        exact = np.exp(0.6 * SETTINGS.gain * (exact - exact.max()))
        rows = zip(starts.spans.tolist(), exact.tolist(), strict=True)
        each = {tuple(sorted((a, (a + span) % 48))): row[a] for span, row in rows for a in range(48)}
        chances = [sum(each[ends] for ends in each if nail in ends) for nail in range(48)]
        chances = np.array(chances) / (2 * sum(each.values()))
        assert np.allclose(np.exp(found), np.maximum(chances, 1e-5), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coverage": "bresenham"}, "coverage antialiased"),
        ({"false_positive_weight": 0.2}, "false_positive_weight of 1"),
        ({"canvas_size": 600}, "at most 256"),
        ({"nails": 40}, "its own board"),
        ({"line_strength": 0.0079}, "at least 0.01"),
        ({"line_strength": "much"}, "finite number"),
    ],
)
def test_threads_that_cannot_be_scored_are_refused(changes, words):
    """In one line that says what to do."""
    with pytest.raises(WeightsError, match=words):
        SightSettings.of(WEAVING.to_dict() | changes, Board(48), Rules(3, 8), ORDER)
