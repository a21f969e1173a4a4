"""Guards of sampling: the rules always hold, seeds reproduce threads, probabilities are right."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import chisquare

from nitograph.board import Board, Rules, allowed_next, violations
from nitograph.errors import NitographError, SamplingError, SettingsError, SourceError, WeightsError
from nitograph.model.decoder import Decoder
from nitograph.model.network import Network
from nitograph.model.network_decoder import NetworkDecoder
from nitograph.model.prepared import prepare
from nitograph.model.weights import Weights, load, load_bundled
from nitograph.sampling import choose
from nitograph.sampling.batch import quick
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import BATCH, MANY, SampleSettings, invent, resolved, sample_paths
from tiny import MODEL, random_weights

FREE = SampleSettings(min_lines=1, top_k=0)
WEIGHTS = {design: random_weights(MODEL.replace(design=design), seed=9) for design in ("plan", "plain")}


def nails(threads):
    """The nails of each thread as lists."""
    return [thread.nails.tolist() for thread in threads]


@st.composite
def any_settings(draw):
    """Sampling settings of every kind, hot and cold, with rules of their own."""
    most = draw(st.integers(1, 60))
    return SampleSettings(
        temperature=draw(st.sampled_from([0.0, 1e-300, 0.3, 1.0, 30.0])),
        plan_temperature=draw(st.sampled_from([0.0, 1.0])),
        top_k=draw(st.sampled_from([0, 1, 2, 7, 1000])),
        min_p=draw(st.sampled_from([0.0, 0.05, 1.0])),
        repetition_penalty=draw(st.sampled_from([0.1, 1.0, 1.12, 10.0])),
        min_lines=draw(st.integers(1, most)),
        max_lines=most,
        min_nail_gap=draw(st.none() | st.integers(1, 16)),
    )


@settings(max_examples=60)
@given(any_settings(), st.sampled_from(list(WEIGHTS)), st.integers(0, 2**63))
def test_rules_always_hold(chosen, design, seed):
    """Whatever the settings, no thread breaks the board's rules or the limits of its length."""
    weights = WEIGHTS[design]
    rules = Rules(chosen.min_nail_gap or weights.rules.min_nail_gap, weights.rules.recent_edges)
    for thread in invent(weights, ["3", None, "8"], [seed, seed + 1, seed + 2], chosen):
        assert violations(thread.nails, weights.board, rules) == []
        assert thread.line_count <= chosen.max_lines
        if thread.line_count < chosen.min_lines:  # only where every nail was forbidden
            assert not allowed_next(thread.nails[None], weights.board, rules).any()


def test_a_seed_brings_the_thread_back(weights):
    """The same seed gives the same thread alone and anywhere in a batch; another does not."""
    labels, seeds = ["1", "2", "1", "7", "1"], [5, 6, 7, 8, 5]
    together = nails(invent(weights, labels, seeds, FREE))
    for row in range(5):
        assert nails(invent(weights, [labels[row]], [seeds[row]], FREE)) == [together[row]]
    assert together[0] == together[4]
    assert together[0] != together[2]


def test_both_decoders_give_the_same_threads(weights):
    """NumPy and PyTorch give the same nails for the same seeds."""
    labels, seeds = ["0", None, "5", "9"], range(20, 24)
    other = NetworkDecoder(Network.from_weights(weights))
    for chosen in (FREE, FREE.replace(temperature=0, min_lines=15), SampleSettings()):
        one = invent(weights, labels, seeds, chosen)
        assert one == invent(weights, labels, seeds, chosen, decoder=other)


def test_more_than_one_batch(plain):
    """Threads beyond the first batch are the same as alone, and progress is reported."""
    count, counts = BATCH + 2, []
    many = invent(plain, ["4"] * count, range(count), FREE.replace(max_lines=3), progress=counts.append)
    assert counts == [BATCH, count]
    assert many[-1] == invent(plain, ["4"], [count - 1], FREE.replace(max_lines=3))[0]


def test_greedy_draws_nothing(plain):
    """Temperature 0 gives the same thread at every seed."""
    cold = FREE.replace(temperature=0)
    assert len({tuple(n) for n in nails(invent(plain, ["6"] * 3, [1, 2, 3], cold))}) == 1


def test_light_is_wound_instead_of_a_plan(planned):
    """A given picture changes the thread; the plain design refuses it in one line."""
    light = np.random.default_rng(0).normal(size=(2, planned.zernike.size)).astype(np.float32)
    cold = FREE.replace(temperature=0, plan_temperature=0)
    drawn = nails(invent(planned, [None, None], [0, 0], cold, plans=of_light(planned, light)))
    assert drawn[0] != drawn[1]
    assert drawn != nails(invent(planned, [None, None], [0, 0], cold))
    with pytest.raises(SettingsError, match="plain model cannot draw a given picture"):
        of_light(random_weights(MODEL.replace(design="plain")), light[:1])


def test_provenance_makes_it_again(planned):
    """Weights, seed and settings of a thread's JSON are enough to sample it again."""
    first = invent(planned, ["7"], [11], SampleSettings(temperature=1.3))[0]
    made = first.provenance
    assert made["weights"] == planned.digest
    assert made["sampling"]["max_lines"] == planned.max_lines
    again = invent(planned, [first.label], [made["seed"]], SampleSettings.from_dict(made["sampling"]))
    assert again == [first]


class Fixed:
    """A decoder that always gives the same logits."""

    def __init__(self, logits):
        self.row = np.asarray(logits, dtype=np.float32)
        self.rows = 0

    def start(self, labels):
        """Begin."""
        self.rows = len(labels)
        return np.tile(self.row, (self.rows, 1))

    def step(self, tokens, light=None):
        """Append."""
        assert len(tokens) == self.rows
        return np.tile(self.row, (self.rows, 1))

    def select(self, rows):
        """Keep."""
        self.rows = len(rows)


EAGER = np.zeros(33)
EAGER[32] = 50.0  # EOS


@pytest.mark.parametrize(("least", "most"), [(1, 20), (7, 20), (20, 20)])
def test_the_end_comes_when_it_may(plain, least, most):
    """A model biased to EOS ends after min_lines chords; one biased against it, at max_lines."""
    chosen = FREE.replace(min_lines=least, max_lines=most)
    ended = invent(plain, ["1", "2"], [0, 1], chosen, decoder=Fixed(EAGER))
    assert [thread.line_count for thread in ended] == [least, least]
    endless = invent(plain, ["1", "2"], [0, 1], chosen, decoder=Fixed(-EAGER))
    assert [thread.line_count for thread in endless] == [most, most]


def test_one_chord_and_five_thousand(plain):
    """The shortest thread and a very long one are sampled; chords come again when the rules let them."""
    for most in (1, 5_000):
        chosen = FREE.replace(min_lines=most, max_lines=most)
        (thread,) = invent(plain, ["1"], [0], chosen, decoder=Fixed(-EAGER))
        assert thread.line_count == most
        assert violations(thread.nails, thread.board, Rules(2, 10)) == []


def test_dead_ends(plain):
    """Where every nail is forbidden the thread ends, however short; with no first chord it is an error."""
    narrow = Weights(plain.settings, Board(32), Rules(16, 1000), plain.classes, plain.tensors, max_lines=20)
    (thread,) = invent(narrow, ["1"], [0], FREE.replace(min_lines=10), decoder=Fixed(-EAGER))
    assert thread.line_count == 1
    with pytest.raises(SettingsError, match="at most 16 on a board of 32 nails, got 17; lower the gap"):
        invent(plain, ["1"], [0], FREE.replace(min_nail_gap=17))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite(plain, value, temperature):
    """NaN or infinity anywhere is an error of one line, never a silent argmax."""
    bad = np.zeros(33)
    bad[5] = value
    with pytest.raises(SamplingError, match="not finite; its weights are damaged"):
        invent(plain, ["1"], [0], FREE.replace(temperature=temperature), decoder=Fixed(bad))


def test_weights_that_overflow(plain):
    """Finite weights whose logits overflow end in the same line, without NumPy's warnings.

    What is summed is positive throughout, so that the sum overflows in whatever order a BLAS takes it.
    """
    tensors = {name: np.zeros_like(value) for name, value in plain.tensors.items()}
    for name, value in (("embed.class", 1), ("embed.nail", 1), ("head.norm", 1), ("head.nail", 6e37)):
        tensors[name] = np.full_like(plain.tensors[name], value)
    wild = Weights(plain.settings, plain.board, plain.rules, plain.classes, tensors, max_lines=20)
    assert np.isfinite(prepare(wild).nail_head).all()
    with pytest.raises(SamplingError, match="not finite"):
        invent(wild, ["1"], [0], FREE)


@pytest.mark.parametrize(
    ("chosen", "part"),
    [
        (SampleSettings(min_lines=30, max_lines=20), "min_lines must not be above max_lines"),
        (SampleSettings(min_lines=21), "min_lines must not be above max_lines, got 21 and 20"),
        (SampleSettings(min_nail_gap=10**9), "min_nail_gap must be at most"),
    ],
)
def test_impossible_settings(plain, chosen, part):
    """Settings that no thread can obey are refused in one line."""
    with pytest.raises(NitographError, match=part) as caught:
        invent(plain, ["1"], [0], chosen)
    assert "\n" not in str(caught.value)


def test_unknown_class(plain):
    """A class that the model does not know is an error that lists those it knows."""
    with pytest.raises(SourceError, match="knows no class 'x'; it knows 0, 1, 2"):
        invent(plain, ["x"], [0])


DRAWS = 20_000


def draws(logits, allowed=None, **how):
    """How often each token is chosen for one row of logits."""
    rng = np.random.Generator(np.random.PCG64(1))
    size = len(logits)
    rows = np.tile(np.asarray(logits, dtype=np.float32), (DRAWS, 1))
    may = np.tile(np.ones(size, bool) if allowed is None else np.asarray(allowed), (DRAWS, 1))
    return np.bincount(choose.choose(rows, may, rng.random(DRAWS), **how), minlength=size)


def softmax(logits, temperature=1.0):
    """Probabilities from logits."""
    raised = np.exp((np.asarray(logits) - np.max(logits)) / temperature)
    return raised / raised.sum()


LOGITS = np.array([0.3, -1.0, 2.0, 1.1, 0.0, 1.9])


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"temperature": 0.5}, [0, 1, 2, 3, 4, 5]),
        ({"temperature": 2.0, "top_k": 3}, [2, 3, 5]),
        ({"top_k": 1}, [2]),
        ({"min_p": 0.3}, [2, 3, 5]),
        ({"min_p": 0.17, "temperature": 2.0, "top_k": 5}, [0, 2, 3, 4, 5]),
    ],
)
def test_probabilities(how, left):
    """Tokens come as often as softmax over what temperature, top-k and min-p leave (chi-square)."""
    found, chance = draws(LOGITS, **how), np.zeros(6)
    chance[left] = softmax(LOGITS[left], how.get("temperature", 1.0))
    assert found[chance == 0].sum() == 0
    if len(left) > 1:
        assert chisquare(found[left], DRAWS * chance[left]).pvalue > 1e-3


def test_probabilities_over_allowed_tokens():
    """Forbidden tokens never come, and top-k counts among the allowed."""
    allowed = np.array([True, True, False, True, True, False])
    found = draws(LOGITS, allowed, top_k=2)
    assert found[[1, 2, 4, 5]].sum() == 0
    assert chisquare(found[[0, 3]], DRAWS * softmax(LOGITS[[0, 3]])).pvalue > 1e-3


def test_the_chance_test_can_fail():
    """The chi-square above tells temperature 1 from 1.1."""
    assert chisquare(draws(LOGITS, temperature=1.1), DRAWS * softmax(LOGITS)).pvalue < 1e-3


def test_nothing_allowed():
    """A row without any allowed token is an error, not token 0."""
    with pytest.raises(SamplingError, match="no nail may follow"):
        choose.choose(np.zeros((2, 3), np.float32), np.array([[True] * 3, [False] * 3]), np.zeros(2))


def test_repetition_penalty_makes_used_nails_rarer(plain):
    """A penalty spreads the thread over more nails; under 1 it does the opposite."""
    logits = np.zeros(33)
    logits[:8], logits[32] = 2.0, -40.0
    used = []
    for penalty in (0.5, 1.0, 4.0):
        chosen = FREE.replace(repetition_penalty=penalty, min_lines=20, max_lines=20, temperature=1.0)
        threads = invent(plain, ["1"] * 8, range(8), chosen, decoder=Fixed(logits))
        used.append(np.mean([len(set(thread.nails.tolist())) for thread in threads]))
    assert used[0] < used[1] < used[2]


def test_a_decoder_is_asked_no_more_than_needed(plain):
    """Finished sequences leave the batch, so that they cost no more time."""
    rows = []

    class Counting(Decoder):
        """Counts rows."""

        def step(self, tokens, light=None):
            """Append."""
            rows.append(len(tokens))
            return super().step(tokens, light)

    threads = invent(plain, ["1"] * 6, range(6), FREE.replace(temperature=3.0), decoder=Counting(plain))
    lengths = sorted(thread.line_count for thread in threads)
    assert rows == sorted(rows, reverse=True)
    assert len(rows) <= lengths[-1] + 1
    assert sum(rows) < 6 * lengths[-1] or len(set(lengths)) == 1


def test_temperature_0_is_greedy_for_the_plan_too(planned):
    """At temperature 0 nothing is drawn, so all seeds give one thread; a plan temperature given is kept."""
    cold = SampleSettings(temperature=0, max_lines=12)
    one, two = invent(planned, ["1", "1"], [1, 2], cold)
    assert np.array_equal(one.nails, two.nails)
    assert resolved(cold, planned).plan_temperature == 0
    assert resolved(SampleSettings(), planned).plan_temperature == 1
    assert resolved(cold.replace(plan_temperature=0.5), planned).plan_temperature == 0.5


class Spy(Decoder):
    """Keeps the tokens that it is fed."""

    def __init__(self, weights):
        super().__init__(weights)
        self.fed = []

    def step(self, tokens, light=None):
        """Append."""
        self.fed.append(np.asarray(tokens).tolist())
        return super().step(tokens, light)


def test_guidance_pulls_each_class_by_its_share(planned, tmp_path):
    """A share of a half makes 2.5 of a guidance of 4; shares are part of the identity of weights."""
    pulled = dataclasses.replace(planned, pull={"3": 0.5})
    pulled.save(tmp_path / "w.safetensors", half=False)
    again = load(tmp_path / "w.safetensors")
    assert again.pull == {"3": 0.5}
    assert again.digest == pulled.digest != planned.digest
    free = SampleSettings(temperature=1.0, max_lines=8)

    def nails(weights, label, guidance):
        found = invent(weights, [label] * 6, range(6), free.replace(guidance=guidance))
        return [thread.nails.tolist() for thread in found]

    assert nails(again, "3", 4.0) == nails(planned, "3", 2.5) != nails(planned, "3", 4.0)
    assert nails(again, "4", 4.0) == nails(planned, "4", 4.0)
    for pull in ({"Ж": 1.0}, {"3": -1.0}, {"3": float("nan")}):
        with pytest.raises(WeightsError, match="pull"):
            dataclasses.replace(planned, pull=pull)


def test_guidance_moves_away_from_the_model_of_no_class(planned):
    """Guided logits are the twin's plus g times the difference; both are fed all codes but the last."""

    settings = SampleSettings(temperature=0, guidance=3.0, max_lines=5)
    (thread,) = invent(planned, ["1"], [0], settings, decoder=(spy := Spy(planned)))
    decoder, codes = Decoder(planned), []
    logits = decoder.start([planned.vocabulary.class_index("1"), len(planned.classes)])
    for _ in range(planned.settings.plan_tokens):
        codes.append(int((logits[1] + 3.0 * (logits[0] - logits[1])).argmax()))
        logits = decoder.step([codes[-1]] * 2)
    slots = planned.settings.plan_tokens
    assert spy.fed[: slots - 1] == [[code, code] for code in codes[:-1]]
    assert spy.fed[slots - 1] == codes[-1:]
    assert all(len(tokens) == 1 for tokens in spy.fed[slots:])
    assert thread.provenance["sampling"]["guidance"] == 3.0


def test_the_mask_off_lifts_the_rules_and_nothing_else(planned):
    """Without the mask the guided plan and the first nail are the same, and then rules are broken."""
    labels, seeds, slots = ["1", "2", "3"], range(3), planned.settings.plan_tokens
    settings = SampleSettings(min_lines=20, temperature=3.0)
    on, off = Spy(planned), Spy(planned)
    masked = sample_paths(planned, labels, seeds, settings, decoder=on)
    free = sample_paths(planned, labels, seeds, settings, decoder=off, masked=False)
    assert [path.tolist() for path in masked] == nails(invent(planned, labels, seeds, settings))
    assert off.fed[: slots + 1] == on.fed[: slots + 1]
    assert [len(tokens) for tokens in off.fed] == [6] * (slots - 1) + [3] * 21
    assert all(violations(path, planned.board, planned.rules) for path in free)


@pytest.mark.parametrize("count", [MANY, 2 * BATCH + 3])
def test_many_threads_are_those_alone(weights, count):
    """Compiled, in parts and in threads: every thread is the one that its seed gives alone."""
    labels = [None, "3", "7"] * count
    chosen, counts = SampleSettings(repetition_penalty=1.1), []
    many = invent(weights, labels[:count], range(count), chosen, progress=counts.append)
    assert counts == [*range(BATCH, count, BATCH), count]
    for row in (0, 1, 31, 32, 63, count - 1):
        assert many[row] == invent(weights, [labels[row]], [row], chosen)[0]
    other = NetworkDecoder(Network.from_weights(weights))
    assert many == invent(weights, labels[:count], range(count), chosen, decoder=other)


def test_many_given_pictures(planned):
    """Light is given to the part of the batch that it belongs to."""
    light = np.random.default_rng(0).normal(size=(MANY, planned.zernike.size)).astype(np.float32)
    many = invent(planned, [None] * MANY, range(MANY), FREE, plans=of_light(planned, light))
    assert many[-1] == invent(planned, [None], [MANY - 1], FREE, plans=of_light(planned, light[-1:]))[0]


def test_the_bundled_model_many_times():
    """At full size the compiled walk gives the threads of the one in NumPy."""
    weights = load_bundled()
    many = invent(weights, ["8"] * MANY, range(MANY), SampleSettings(max_lines=40))
    assert many[40:44] == invent(weights, ["8"] * 4, range(40, 44), SampleSettings(max_lines=40))


@settings(max_examples=100)
@given(any_settings(), st.integers(0, 2**32), st.booleans(), st.integers(0, 12), st.integers(1, 16))
def test_the_compiled_choice_is_the_choice(chosen, seed, early, length, gap):
    """The same draws give the same nails, with ties, zeros and forbidden nails among the logits."""
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(6, 33)) * rng.choice([0.1, 3.0, 40.0])).astype(np.float32)
    logits[:2] = np.round(logits[:2])
    logits[2] *= 0
    logits[:3] *= np.where(rng.random((3, 33)) < 0.5, -1, 1).astype(np.float32)  # −0 is 0
    recent = (rng.integers(1, 32, (6, length)).cumsum(axis=1) % 32).astype(np.int64)
    how = (chosen.temperature, chosen.top_k, chosen.min_p)
    terms = choose.Terms(Board(32), Rules(gap, 10), early, *how)
    found = []
    for choose_nails in (choose.choose_nails, quick.choose_nails):
        uniform = np.random.default_rng(seed).random(6)
        try:
            with np.errstate(all="ignore"):
                tokens = choose_nails(logits.copy(), recent, uniform, terms)
            found.append(tokens.tolist())
        except SamplingError as error:
            found.append(str(error))
    assert found[0] == found[1]


def test_uniform_numbers_are_each_seeds_own():
    """The numbers of PCG64 with the seed, whatever the batch; none at temperature 0."""
    one, many = choose.Uniforms([5]), choose.Uniforms([4, 5])
    rng = np.random.Generator(np.random.PCG64(5))
    for count in range(2 * choose.AHEAD + 3):
        assert many.next(np.array([1]), 0.0) == 0
        drawn = rng.random()
        assert one.next(slice(None), 1.0) == drawn
        assert many.next(np.array([1, 0])[: 1 + count % 2], 0.5)[0] == drawn


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_compiled_choice_refuses_what_is_not_finite(plain, value):
    """One damaged logit in one row of many is an error, even of a nail that is forbidden."""
    wild = random_weights(plain.settings)
    wild.tensors["head.nail"][:, 5] = value
    with pytest.raises(SamplingError, match="not finite; its weights are damaged"):
        invent(wild, ["1"] * MANY, range(MANY), FREE)


@pytest.mark.parametrize("how", [choose.choose_nails, quick.choose_nails], ids=["plain", "compiled"])
@pytest.mark.parametrize(("draw", "token"), [(0.0, 2), (np.nextafter(1.0, 0.0), 5)])
def test_the_ends_of_the_draw(how, draw, token):
    """The smallest and the largest uniform number never choose a token of probability 0."""
    logits = np.full((1, 9), -50, dtype=np.float32)
    logits[0, [2, 5]] = 3.0
    terms = choose.Terms(Board(8), Rules(1, 1), False, 1.0, 0, 0.1)
    recent = np.zeros((1, 0), dtype=np.int64)
    assert how(logits, recent, np.array([draw]), terms).tolist() == [token]


def test_a_penalty_lowers_what_was_used_whatever_its_sign():
    """Positive logits are divided, negative ones multiplied, a nail used twice counts once, others stay."""
    logits = np.array([[2.0, -2.0, 0.0, 1.0], [4.0, -4.0, 1.0, -1.0]], dtype=np.float32)
    choose.penalise(logits, np.array([[0, 1, 0], [3, 2, 3]]), 2.0)
    assert logits.tolist() == [[1.0, -4.0, 0.0, 1.0], [4.0, -4.0, 0.5, -2.0]]
