"""The two-sample test: what is alike is not told apart, what is not is; figures are what they say."""

import json
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import ModelCandidate, RandomCandidate, stand_in
from nitograph.evaluation.judges import resemblance as judge
from nitograph.evaluation.judges.comparison import Comparison
from nitograph.evaluation.judges.discriminators import NAILS as BY_NAILS, PICTURES as BY_PICTURES, Design
from nitograph.evaluation.judges.habits import APART, BINS, NEAR, VISITS, habits
from nitograph.evaluation.judges.resemblance import resemblance
from nitograph.evaluation.judges.two_sample import (
    SIDE,
    Pair,
    Separation,
    Side,
    auc,
    compare,
    pictures,
    split,
)
from nitograph.evaluation.material import Material
from nitograph.evaluation.page.resemblance import section
from nitograph.evaluation.protocol import draw
from nitograph.evaluation.settings import QUICK, EvaluationSettings
from nitograph.evaluation.woven import Training
from nitograph.light import chords
from nitograph.model.weights import Weights
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, targets
from tiny import WEAVING

NAILS = 64
SMALL = EvaluationSettings(samples_per_class=60, seeds=1)
TINY = EvaluationSettings(samples_per_class=5, seeds=2, two_sample_per_class=5)
Walks = list[np.ndarray]


def walks(count: int, seed: int, *, step: int, length: int = 40) -> Walks:
    """Random walks whose steps lie around `step` nails."""
    rng = np.random.default_rng(seed)
    steps = step + rng.integers(-4, 5, (count, length))
    return [
        row.astype(np.int32) for row in (rng.integers(NAILS, size=(count, 1)) + steps.cumsum(1)) % NAILS
    ]


def told(design: Design, made: Walks, real: Walks, seeds: Sequence[int] = (0, 1)) -> Separation:
    """Walks of two classes in turn, told apart by one design."""

    def side(paths: Walks) -> Side:
        shown = pictures(paths, NAILS, 0.1) if design.mapped else habits(paths, NAILS)
        return Side(shown, np.arange(len(paths)) % 2)

    return compare([Pair(design, side(made), side(real))], seeds)[0]


@pytest.mark.parametrize("design", [BY_PICTURES, BY_NAILS], ids=["pictures", "nails"])
def test_other_walks_are_told_apart_and_like_ones_are_not(design: Design) -> None:
    """Guards the power of both networks, and that neither finds anything where there is nothing."""
    real = walks(120, 1, step=20)
    other = told(design, walks(120, 2, step=12), real).score
    assert other.auc.value > 0.9
    assert other.accuracy.value > 0.8
    like = told(design, walks(120, 3, step=20), real).score
    assert like.auc.low < like.auc.value < like.auc.high
    assert like.auc.low < 0.6


def test_threads_that_gave_themselves_away_come_first() -> None:
    """Guards what the page shows: walks of another kind lead the made ones; nobody stands twice."""
    made = walks(60, 2, step=20) + walks(60, 3, step=12)
    found = told(BY_PICTURES, made, walks(120, 1, step=20))
    for suspects in (found.made, found.real):
        assert np.all(np.diff(suspects.chance) <= 0)
        assert len(set(suspects.rows.tolist())) == len(suspects.rows)
    assert np.mean(found.made.rows[: len(found.made.rows) // 3] >= 60) > 0.8


def test_figures_are_the_same_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards seeds: neither cores, nor PyTorch's threads, nor its own random state change a figure."""
    made, real = walks(40, 2, step=12), walks(40, 1, step=20)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    one = told(BY_PICTURES, made, real)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    monkeypatch.setattr("nitograph.compute.parallel.cores", lambda: 1)
    torch.manual_seed(5)
    two = told(BY_PICTURES, made, real)
    assert one.score == two.score
    assert np.array_equal(one.made.chance, two.made.chance)
    assert one.where is not None
    assert two.where is not None
    assert one.where.shape == (SIDE, SIDE)
    assert one.where.mean() == pytest.approx(1)
    assert np.array_equal(one.where, two.where)
    assert told(BY_NAILS, made, real).where is None


def test_classes_come_in_equal_numbers_and_nothing_learned_is_judged() -> None:
    """Guards the split: a class that one side has more of must not give it away."""
    made, real = np.array([0] * 30 + [1] * 10), np.array([0] * 10 + [1] * 30)
    learn, held = split(made, real, 0)
    for part in (learn, held):
        assert np.array_equal(np.bincount(made[part[0]]), np.bincount(real[part[1]]))
    for side in range(2):
        assert not set(learn[side]) & set(held[side])
    assert (len(learn[0]), len(held[0])) == (14, 6)
    with pytest.raises(SettingsError, match="two threads of one class"):
        split(np.array([0]), np.array([0]), 0)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    """Guards the figure against the plain count, ties included, and its interval against resampling."""
    rng = np.random.default_rng(0)
    made, real = rng.integers(0, 6, 80) / 5, rng.integers(0, 4, 60) / 5
    pairs = np.array([[(a > b) + 0.5 * (a == b) for b in real] for a in made])
    found = auc(made, real)
    assert found.value == pytest.approx(pairs.mean())
    drawn = [pairs[rng.integers(80, size=80)][:, rng.integers(60, size=60)].mean() for _ in range(2000)]
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(drawn), rel=0.15)


def test_pictures_are_the_logarithm_of_coverage() -> None:
    """Guards what the network sees: the one rasteriser, not cut off at white."""
    nails = walks(1, 5, step=20)[0]
    shown = pictures([nails], NAILS, 0.1)[0]
    cover = chords.coverage(Thread(nails, Board(NAILS)), SIDE, width=0.1)
    assert np.allclose(np.expm1(shown), cover, atol=1e-4)


def test_habits_are_shares_of_what_is_counted() -> None:
    """Guards what the network on nails is told, against plain counting, and a path of any length."""
    nails = walks(1, 5, step=20)[0]
    (found,) = habits([nails], NAILS) ** 2
    ring = [min((b - a) % NAILS, (a - b) % NAILS) for a, b in zip(nails, nails[2:], strict=False)]
    bins = [sum(d * BINS // (NAILS // 2 + 1) == k for d in ring) / len(ring) for k in range(BINS)]
    assert found[BINS : 2 * BINS] == pytest.approx(bins, abs=1e-6)
    near = found[len(APART) * BINS :][: NEAR + 1]
    assert near == pytest.approx([ring.count(k) / len(ring) for k in range(NEAR + 1)], abs=1e-6)
    visits = found[(len(APART) + 1) * BINS + NEAR + 1 :][: VISITS + 1]
    used = [min(nails.tolist().count(nail), VISITS) for nail in range(NAILS)]
    assert visits == pytest.approx([used.count(k) / NAILS for k in range(VISITS + 1)], abs=1e-6)
    short = habits([nails, nails[:2], [3]], NAILS)
    assert np.isfinite(short).all()
    assert len({row.tobytes() for row in short}) == 3


def test_a_habit_that_no_picture_shows_is_found() -> None:
    """Guards the power of the network on nails: the same chords in another order."""
    real = walks(150, 1, step=20)
    turned = [np.concatenate([path[20:], path[:20]]) for path in walks(150, 2, step=20)]
    plain = [np.sort(path) for path in walks(150, 3, step=20)]
    assert told(BY_NAILS, plain, real).score.auc.value > 0.95
    assert told(BY_NAILS, turned, real).score.auc.value > 0.6  # a long step in the middle


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """MNIST, woven with few chords on a small canvas."""
    weaving = WeaveSettings(canvas_size=48, max_lines=110, line_strength=0.045)
    return Material(weaving, Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def verdicts(material: Material) -> Callable[[str], dict[str, str]]:
    """Verdicts of a stand-in, from the two-sample judge alone."""
    training: Training = material.training(limit=1500)

    def of(name: str) -> dict[str, str]:
        each = SMALL.samples_per_class
        candidate = stand_in(name, material, training, per_class=each, after=each)
        samples = draw(candidate, material, SMALL)
        compared = Comparison(material, each, 1, material.reference(2), samples, samples)
        figures, _, _ = resemblance(candidate, compared, SMALL)
        return {key: figure.verdict for key, figure in figures.items()}

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "on_pictures", "on_nails"),
    [
        ("woven", "pass", "pass"),
        ("rewinder", None, "fail"),  # its pictures are real handwriting; its first nail is always the same
        ("random", "fail", "fail"),
        ("prototypes", "fail", "fail"),
    ],
)
def test_the_ideal_passes_and_impostors_fail(
    name: str, on_pictures: str | None, on_nails: str, verdicts: Callable[[str], dict[str, str]]
) -> None:
    """Guards the goals: real handwriting reaches them, and what is not is told apart."""
    found = verdicts(name)
    assert found["two_sample_nails"] == on_nails
    assert on_pictures in (None, found["two_sample_pictures"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """MNIST on a board of 32 nails."""
    return Material(WEAVING, Cache(tmp_path_factory.mktemp("cache")))


def comparison_of(material: Material, threads: ModelCandidate | RandomCandidate) -> Comparison:
    """Five samples per class in each of two rounds; references and walks are not looked at."""
    samples = draw(threads, material, TINY)
    return Comparison(material, 5, 2, material.reference(1), samples, samples)


def test_a_plan_model_winds_the_light_of_images_that_are_no_reference(
    planned: Weights, tiny: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the winder's own figure: the control's images, their light, seeds and settings as sampled."""
    seen: dict[str, list[list[int]]] = {}
    plain_compare = judge._compare

    def spy(made, real, *rest):  # type: ignore[no-untyped-def]  # passes through
        seen.update({name: [t.nails.tolist() for t in threads] for name, (threads, _) in made.items()})
        seen["real"] = [t.nails.tolist() for t in real.threads]
        return plain_compare(made, real, *rest)

    monkeypatch.setattr(judge, "_compare", spy)
    candidate = ModelCandidate(planned)
    figures, details, shown = resemblance(candidate, comparison_of(tiny, candidate), TINY)
    control = tiny.unseen(5, after=5)
    plans = of_light(planned, planned.zernike.light(targets(tiny.test.images[control.rows], WEAVING)))
    labels = [str(label) for label in control.labels]
    made = invent(planned, labels, range(TINY.first_seed, TINY.first_seed + 50), plans=plans)
    assert seen["light"] == [thread.nails.tolist() for thread in made]
    assert seen["woven"] == [thread.nails.tolist() for thread in control.threads]
    assert seen["real"] == [thread.nails.tolist() for thread in tiny.reference(5).threads]
    assert list(figures) == ["two_sample_pictures", "two_sample_nails", "two_sample_light"]
    rows = {row["threads"]: row for row in json.loads(json.dumps(details, allow_nan=False))["rows"]}
    assert list(rows) == ["samples", "woven", "light"]
    for key, name, kind in (("light", "light", "pictures"), ("nails", "samples", "nails")):
        figure = figures[f"two_sample_{key}"]
        assert figure.value.value == pytest.approx(rows[name][kind]["auc"][0], rel=1e-5)
        assert figure.reference == pytest.approx(rows["woven"][kind]["auc"][0], rel=1e-5)
        assert len(figure.by_seed) == 2
    text = section(details, shown)
    assert text.count("data:image/png") == 3
    assert "95 of 100" in text
    assert not re.search(r"https?:|<script| style=", text)


def test_the_control_is_kept_and_other_candidates_plan_nothing(
    tiny: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards minutes: real against real is measured once; without a plan there is no third row."""
    candidate = RandomCandidate(WEAVING, np.array([9, 12]))
    first = resemblance(candidate, comparison_of(tiny, candidate), TINY)
    compared = judge._compare
    names: list[str] = []

    def spy(made, *rest):  # type: ignore[no-untyped-def]  # passes through
        names.extend(made)
        return compared(made, *rest)

    monkeypatch.setattr(judge, "_compare", spy)
    again = resemblance(candidate, comparison_of(tiny, candidate), TINY)
    assert names == ["samples"]
    assert again[0] == first[0]
    assert again[1] == first[1]
    assert list(first[0]) == ["two_sample_pictures", "two_sample_nails"]


def test_as_many_threads_as_there_are_samples() -> None:
    """Guards files of few threads: nobody is asked for more than the other figures need."""
    assert judge.per_class(EvaluationSettings()) == 250
    assert judge.per_class(EvaluationSettings(samples_per_class=50, seeds=2)) == 100


def test_the_form_says_whether_less_was_measured() -> None:
    """Guards that a quick figure is never taken for one of the full protocol."""
    assert EvaluationSettings().form == "full"
    assert EvaluationSettings(seeds=5, first_seed=3).form == "full"
    assert QUICK.form == "quick"
    assert QUICK.replace(first_seed=3).form == "quick"
    assert QUICK.replace(seeds=2).form == "other"
    assert EvaluationSettings(samples_per_class=99).form == "other"
    assert EvaluationSettings(training_threads=20_000).form == "other"
