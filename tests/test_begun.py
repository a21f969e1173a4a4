"""Guards of begun threads: their nails stay, their plan suits them, what cannot be finished is refused."""

import numpy as np
import pytest
from scipy.stats import chisquare

from nitograph.board import Board, Rules, violations
from nitograph.errors import SettingsError
from nitograph.model.decoder import Decoder
from nitograph.sampling.begun import begun_nails, feed, suited, uniforms_after
from nitograph.sampling.choose import Terms, Uniforms
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.thread import Thread
from tiny import MODEL, WEAVING, random_weights

RULES = Rules(WEAVING.min_nail_gap, WEAVING.recent_edges)
FREE = SampleSettings(temperature=1, top_k=0, guidance=1.5)
MODELS = {
    "plain": random_weights(MODEL.replace(design="plain"), seed=1),
    "plan": random_weights(),
    "sight": random_weights(MODEL.replace(sight=True)),
}


def cut(thread: Thread, chords: int) -> Thread:
    """Its first chords."""
    return thread.replace(nails=thread.nails[: chords + 1])


@pytest.mark.parametrize("more", [{}, {"beam": 3}, {"beam": 2, "temperature": 0}, {"penalty": "short=2"}])
@pytest.mark.parametrize("kind", MODELS)
def test_the_begun_nails_stay_and_the_rules_hold(kind, more):
    """The rest is invented, differs from seed to seed, and obeys the board and the limits of length."""
    begun = Thread([3, 20, 7, 28, 12], Board(32), "7")
    chosen = FREE.replace(min_lines=8, **more)
    threads = invent(MODELS[kind], ["7", "7", None], [1, 2, 3], chosen, begun=begun)
    for thread in threads:
        assert thread.nails[:5].tolist() == begun.nails.tolist()
        assert violations(thread.nails, thread.board, RULES) == []
        assert 8 <= thread.line_count <= WEAVING.max_lines
        assert thread.provenance["continued"]["nails"] == 5
    assert threads[0] != threads[1] or more.get("temperature") == 0


def test_one_chord_and_all_but_one(planned):
    """The shortest and the longest beginning."""
    begun = invent(planned, ["7"], [5], FREE.replace(min_lines=20))[0]
    for chords in (1, 19):
        (thread,) = invent(planned, ["7"], [6], FREE, begun=cut(begun, chords))
        assert thread.nails[: chords + 1].tolist() == begun.nails[: chords + 1].tolist()
        assert chords <= thread.line_count <= 20


@pytest.mark.parametrize("kind", MODELS)
def test_a_thread_cut_off_and_continued_with_its_own_seed_is_itself(kind):
    """Its numbers go on where they were; the plan is given here, where one is needed."""
    weights = MODELS[kind]
    plans = None
    if kind != "plain":
        light = np.random.default_rng(0).normal(size=(1, weights.zernike.size)).astype(np.float32)
        plans = of_light(weights, light)
    (whole,) = invent(weights, ["4"], [9], FREE.replace(min_lines=15), plans=plans)
    (again,) = invent(weights, ["4"], [9], FREE.replace(min_lines=15), plans=plans, begun=cut(whole, 6))
    assert again == whole
    (other,) = invent(weights, ["4"], [10], FREE.replace(min_lines=15), plans=plans, begun=cut(whole, 6))
    assert other != whole


def test_numbers_after_some_draws_are_the_same_numbers():
    """Beyond what is drawn at a time, too."""
    for draws in (0, 1, 255, 256, 300):
        whole = Uniforms([4, 5])
        for _ in range(draws):
            whole.next(slice(None), 1.0)
        assert np.array_equal(
            uniforms_after([4, 5], draws).next(slice(None), 1.0), whole.next(slice(None), 1.0)
        )


def test_what_is_fed_is_as_likely_as_the_model_says(plain):
    """The log-probability of the begun nails is the sum over them, after the board's rules."""
    nails, decoder, other = [3, 20, 7, 28], Decoder(plain), Decoder(plain)
    terms = Terms(plain.board, plain.rules, False, 1.0, 0, 0.0)
    logits, found = feed(decoder, decoder.start(np.array([2, 5])), nails, terms)
    for row, label in enumerate((2, 5)):
        seen, total = other.start(np.array([label]))[0].astype(float), 0.0
        for at, nail in enumerate(nails):
            may = np.ones(33, bool)
            for each in range(32):
                path = np.array([*nails[:at], each])
                if at and (path[-1] == path[-2] or violations(path, plain.board, plain.rules)):
                    may[each] = False
            total += seen[nail] - np.log(np.exp(seen[may]).sum())
            seen = other.step(np.array([nail]))[0].astype(float)
        assert found[row] == pytest.approx(total, abs=1e-4)
        assert np.allclose(logits[row], seen, atol=1e-4)


def test_a_plan_is_taken_as_often_as_it_is_likely():
    """Chi-square over many seeds, group by group."""
    chances = np.log(np.array([0.5, 0.3, 0.2, 0.1, 0.1, 0.8]))
    seeds = list(range(6000))
    drawn = suited(np.tile(chances[:3], 6000), seeds) % 3
    assert chisquare(np.bincount(drawn, minlength=3), 6000 * np.exp(chances[:3])).pvalue > 1e-3
    assert suited(chances, [0, 1])[1] in (3, 4, 5)


def test_the_plan_suits_the_beginning():
    """What is taken of sixteen plans makes the begun nails likelier than plans do on average."""
    weights, chances = MODELS["sight"], []

    class Spy(Decoder):
        """Notes which rows are kept."""

    import nitograph.sampling.sampler as sampler

    def watched(found, seeds):
        rows = suited(found, seeds)
        chances.append((found[rows].mean(), found.mean()))
        return rows

    begun = invent(weights, ["7"], [5], FREE.replace(min_lines=15))[0]
    kept, sampler.suited = sampler.suited, watched
    try:
        invent(weights, ["7"] * 6, range(6), FREE, begun=cut(begun, 12), decoder=Spy(weights))
    finally:
        sampler.suited = kept
    taken, mean = np.mean(chances, axis=0)
    assert taken > mean


@pytest.mark.parametrize(
    ("thread", "part"),
    [
        (
            Thread([0, 9], Board(40)),
            "on the model's board, a ring of 32 nails, got one on a ring of 40 nails",
        ),
        (Thread([0, 9, 10], Board(32)), "breaks them at step 1: gap 1 is below 2"),
        (Thread([0, 9, 0], Board(32)), "breaks them at step 1: chord 0–9 came 1 chords before"),
        (Thread([0, 9, 18, 27] * 5 + [0, 5], Board(32)), "fewer chords than max_lines, got 21 and 20"),
    ],
)
def test_what_cannot_be_finished(planned, thread, part):
    """Is refused in one line, before anything is drawn."""
    with pytest.raises(SettingsError, match=part) as caught:
        invent(planned, ["7"], [1], FREE, begun=thread)
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError):
        begun_nails(thread, Board(32), RULES, 20)
