"""Guards of the walk: both paces give the same nails, whatever ends, grows or runs out meanwhile."""

import numpy as np
import pytest

from nitograph.board import Rules
from nitograph.errors import SamplingError
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.sampling import choose
from nitograph.sampling.batch.quick import QUICK
from nitograph.sampling.choose import Terms, Uniforms
from nitograph.sampling.walk import PLAIN, Pace, Walk, walk_on
from tiny import MODEL, random_weights

WEIGHTS = random_weights(seed=9)
COUNT = 11


def walked(weights, pace, *, most=40, masked=True, temperature=1.0, min_lines=1, penalty=1.0, rules=None):
    """The paths of COUNT sequences from a start without a plan, as lists."""
    decoder, slots = BatchDecoder(weights), weights.settings.plan_tokens
    logits = decoder.start(np.arange(COUNT) % 10)
    for slot in range(slots if weights.settings.planned else 0):
        logits = decoder.step(np.arange(COUNT) * (slot + 1) % 4)
    rules = rules or weights.rules
    terms = [Terms(weights.board, rules, early, temperature, 0, 0.0) for early in (True, False)]
    paths = np.zeros((COUNT, most + 1), dtype=np.int64)
    walk = Walk(paths, Uniforms(range(COUNT)), tuple(terms), min_lines, masked, penalty)
    return [path.tolist() for path in walk_on(decoder, logits, walk, pace)]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"most": 1},
        {"min_lines": 25},
        {"temperature": 0.0, "min_lines": 30},
        {"masked": False, "min_lines": 12},
        {"penalty": 1.2},
        {"rules": Rules(5, 40), "min_lines": 39},
    ],
)
def test_both_paces_give_the_same_nails(terms):
    """Paths that end one by one, all at the last chord, or where no nail may follow."""
    found = walked(WEIGHTS, QUICK, **terms)
    assert found == walked(WEIGHTS, PLAIN, **terms)
    assert max(map(len, found)) <= terms.get("most", 40) + 1


def test_ends_are_spread_and_strides_are_long():
    """The test above covers both paths of many lengths and several steps without Python."""
    lengths = {len(path) for path in walked(WEIGHTS, QUICK)}
    assert len(lengths) > 3
    taken = []
    counted = Pace(QUICK.next_nails, lambda *given: taken.append(given) or QUICK.stride(*given))
    longest = max(map(len, walked(WEIGHTS, counted, min_lines=30)))
    assert len(taken) < longest / 2


def test_a_plain_model_walks_too():
    """A design without a compiled walk takes its steps one by one."""
    plain = random_weights(MODEL.replace(design="plain"), seed=9)
    assert walked(plain, QUICK) == walked(plain, PLAIN)


def test_the_cache_grows_and_numbers_are_drawn_anew(monkeypatch):
    """A walk longer than the initial cache, and than the numbers drawn at a time."""
    monkeypatch.setattr(choose, "AHEAD", 19)
    how = {"most": 300, "min_lines": 300}
    found = walked(WEIGHTS, QUICK, **how)
    assert found == walked(WEIGHTS, PLAIN, **how)
    assert {len(path) for path in found} == {301}


def test_what_is_not_finite_on_the_way_is_refused():
    """A nail whose embedding is damaged spoils what follows it, not what came before."""
    wild = random_weights(seed=9)
    wild.tensors["embed.nail"][:] = np.nan
    for pace in (PLAIN, QUICK):
        with pytest.raises(SamplingError, match="not finite; its weights are damaged"):
            walked(wild, pace)
