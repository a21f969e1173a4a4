"""Guards of repair: the rules hold, the error to the plan never rises, what has no plan is refused."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.api.repair import repaired, search_settings
from nitograph.board import Board, Rules, violations
from nitograph.errors import SettingsError
from nitograph.evaluation.candidates import random_walks
from nitograph.light import chords
from nitograph.sampling.plans import Plans, of_light, of_pictures, shown
from nitograph.sampling.sampler import SampleSettings, invent_with_plans
from nitograph.thread import Thread
from tiny import MODEL, WEAVING, random_weights

WEIGHTS = random_weights()
FREE = SampleSettings(temperature=1, top_k=0)


def error(thread, wanted):
    """What the local search lowers: squared error, light above white included."""
    shown = chords.raster(
        thread, WEAVING.canvas_size, strength=WEAVING.line_strength, width=WEAVING.width, clip=False
    )
    return chords.error(wanted, shown)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 20), st.none() | st.integers(2, 9), st.integers(1, 20))
def test_the_rules_hold_and_the_error_never_rises(seed, least, gap, count):
    """Whatever the walk, the picture and the limits."""
    rng = np.random.default_rng(seed)
    limits = SampleSettings(min_lines=least, min_nail_gap=gap)
    rules = Rules(gap or WEAVING.min_nail_gap, WEAVING.recent_edges)
    walks = random_walks(WEAVING.replace(min_nail_gap=rules.min_nail_gap), [max(count, least)], rng)
    before = [Thread(walk, Board(32), "7", {"made_by": "a test"}) for walk in walks]
    pictures = rng.random((1, 24, 24)).astype(np.float32) * (rng.random((1, 24, 24)) < 0.4)
    plans = Plans(np.zeros((1, 4), np.int64), None, pictures.astype(np.float32))
    (after,) = repaired(WEIGHTS, before, plans, limits)
    assert violations(after.nails, after.board, rules) == []
    assert min(least, before[0].line_count) <= after.line_count <= WEAVING.max_lines
    assert error(after, plans.pictures[0]) <= error(before[0], plans.pictures[0]) + 1e-6
    made = after.provenance["repaired"]
    assert made["after"] <= made["before"] + 1e-6
    assert made["after"] == pytest.approx(error(after, plans.pictures[0]), abs=1e-5)
    assert (after.label, after.provenance["made_by"]) == ("7", "a test")


def test_it_pulls_towards_the_plan():
    """A random walk comes much nearer to a blob; what is repaired already stays."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    wanted = np.exp(-6 * (x**2 + y**2)).astype(np.float32)[None]
    plans = Plans(np.zeros((1, 4), np.int64), None, wanted)
    walk = random_walks(WEAVING, [15], np.random.default_rng(0))[0]
    once = repaired(WEIGHTS, [Thread(walk, Board(32))], plans, FREE)
    made = once[0].provenance["repaired"]
    assert made["after"] < 0.8 * made["before"]
    assert repaired(WEIGHTS, once, plans, FREE) == once


@pytest.mark.parametrize("sight", [False, True])
def test_the_plan_is_the_one_that_was_wound(sight):
    """Codes stand for their light; a given picture is itself, or its light; rows keep their order."""
    weights = random_weights(MODEL.replace(sight=sight))
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    given_ = np.stack([np.exp(-6 * ((x - s) ** 2 + y**2)) for s in (-0.3, 0.3)]).astype(np.float32)
    for plans in (of_light(weights, weights.zernike.light(given_)), of_pictures(weights, given_)):
        drawn = shown(weights, plans)
        assert drawn.shape == (2, 24, 24)
        assert drawn.min() >= 0
        assert drawn.max() <= 1.001
        for row in range(2):
            assert np.corrcoef(drawn[row].ravel(), given_[row].ravel())[0, 1] > 0.9
    threads, wound = invent_with_plans(weights, ["1", "2"], [3, 4], FREE)
    assert shown(weights, wound).shape == (2, 24, 24)
    again = repaired(weights, threads, wound, FREE)
    assert [thread.label for thread in again] == ["1", "2"]


def test_what_cannot_be_repaired():
    """A model without plans, and threads that the local search cannot score, in one line each."""
    plain = random_weights(MODEL.replace(design="plain"))
    with pytest.raises(SettingsError, match="repair needs a plan to pull a thread towards"):
        search_settings(plain, FREE)
    odd = random_weights(weaving=WEAVING.to_dict() | {"false_positive_weight": 0.5})
    with pytest.raises(SettingsError, match="repair cannot search the threads of this model") as caught:
        search_settings(odd, FREE)
    assert "\n" not in str(caught.value)
