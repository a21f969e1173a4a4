"""Given pictures, the model beside the encoder: figures, ways of telling it a picture, the page."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import ModelCandidate
from nitograph.evaluation.judges.comparison import Comparison
from nitograph.evaluation.judges.given_pictures import errors, ways_of, winding
from nitograph.evaluation.judges.likelihood import measure
from nitograph.evaluation.material import Material
from nitograph.evaluation.page import report
from nitograph.evaluation.protocol import Evaluation, evaluate
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import GOALS
from nitograph.model.weights import Weights
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import targets, weave_many
from tiny import WEAVING

QUICK = EvaluationSettings(
    samples_per_class=5, seeds=2, critic_images=100, images_seen=200, lesson_seen=100
)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """MNIST on a board of 32 nails."""
    return Material(WEAVING, Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def compared(material: Material) -> Comparison:
    """Ten references in each half; samples and walks are the references too, nobody asks for more."""
    woven = material.reference(2)
    return Comparison(material, 1, 1, woven, woven, woven)


@pytest.fixture(scope="module")
def found(planned: Weights, material: Material) -> Evaluation:
    """The whole evaluation of a plan model that has learned nothing."""
    return evaluate(ModelCandidate(planned), material, material.training(limit=100), QUICK)


def test_errors_are_what_the_encoder_says_of_its_own_threads(material: Material) -> None:
    """Guards the canvas, the strength and the width of the one measure."""
    images = material.test.images[:5]
    woven = weave_many(images, WEAVING)
    threads = [Thread(woven.path(i), WEAVING.board) for i in range(5)]
    found = errors(threads, targets(images, WEAVING), WEAVING)
    assert found == pytest.approx(1 - woven.explained, abs=1e-3)


def test_rows_are_what_the_sampler_makes_of_the_light(planned: Weights, compared: Comparison) -> None:
    """Guards the figure: exact light at the temperature requested, each picture ÷ the encoder's error."""
    candidate = ModelCandidate(planned, SampleSettings(temperature=0.7))
    figures, details, wound = winding(candidate, compared, {}, seed=4)
    rows, reference = details["rows"], compared.reference
    wanted = targets(compared.material.test.images[reference.rows[:10]], WEAVING)
    plans, labels = of_light(planned, planned.zernike.light(wanted)), [str(k) for k in range(10)]
    made = invent(planned, labels, range(4, 14), candidate.settings, plans=plans)
    own = errors(reference.threads[:10], wanted, WEAVING)
    over = errors(made, wanted, WEAVING) / own
    assert [thread.nails.tolist() for thread in wound.model] == [thread.nails.tolist() for thread in made]
    assert figures["winding"].value.value == pytest.approx(over.mean())
    assert rows[1]["worst_over_encoder"] == pytest.approx(over.max(), rel=1e-5)
    assert figures["winding"].floor == pytest.approx(own.mean())
    assert rows[0]["over_encoder"] == [1.0, 1.0, 1.0]
    pairs = [(row["given"], row["temperature"]) for row in rows[1:]]
    assert pairs == [("light", 0.7), ("light", 0.0), ("codes", 0.7), ("codes", 0.0)]
    assert all(row["over_bound"][0] >= rows[0]["over_bound"][0] > 0 for row in rows[1:])
    cold = replace(candidate, settings=SampleSettings(temperature=0))
    assert len(winding(cold, compared, {})[1]["rows"]) == 3


def test_codes_alone_hide_the_picture(planned: Weights) -> None:
    """Guards that the last way knows the picture's own codes and no more of it."""
    pictures = np.random.default_rng(0).random((2, 24, 24)).astype(np.float32)
    ways = ways_of(planned, pictures)
    assert list(ways) == ["light", "codes"]
    assert np.array_equal(ways["codes"].codes, ways["light"].codes)
    assert ways["codes"].light is ways["codes"].pictures is ways["light"].pictures is None


def test_likelihood_adds_up(planned: Weights, compared: Comparison) -> None:
    """Guards the three figures of a thread: the gain is the class alone minus what is given."""
    nats = winding(ModelCandidate(planned), compared, {})[1]["nats_a_thread"]
    woven = compared.reference.take(np.arange(10))
    images = compared.material.test.images[woven.rows]
    exact = measure(planned, images, woven.labels, woven.paths(), given="light")
    assert nats["light"][0] == pytest.approx(exact.nail.mean(), rel=1e-5)
    for given in ("codes", "light"):
        gained = nats["class"][0] - nats[given][0]
        assert nats[f"gained_by_{given}"][0] == pytest.approx(gained, abs=1e-2)


def test_a_bound_that_cannot_be_had_is_said(
    planned: Weights, compared: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards minutes of work: a board too fine for the bound costs the bound and nothing else."""
    monkeypatch.setattr("nitograph.weaving.bound.MAX_TAPS", 10)
    bare = replace(compared, material=replace(compared.material, cache=Cache()))
    details = winding(ModelCandidate(planned), bare, {})[1]
    assert "smaller canvas_size" in details["bound"]["refused"]
    assert "over_bound" not in details["rows"][0]


@pytest.mark.slow
def test_a_plan_model_is_judged_by_every_goal(found: Evaluation) -> None:
    """Guards the protocol: all verdicts, each figure with interval, rounds, ceiling and floor, none NaN."""
    record = json.loads(json.dumps(found.record, allow_nan=False))
    assert set(record["verdicts"]) == set(GOALS)
    assert record["figures"]["winding"]["threshold"] == "≤ 1.1"
    assert record["winding"]["pictures"] == 50
    assert set(record["winding"]["rows"][4]["read"]) == {"A", "B", "C"}
    assert record["rules"]["mask_off"]["paths"] == 100
    assert len(record["rules"]["mask_off"]["by_seed"]) == 2
    for key, figure in record["figures"].items():
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert len(figure["by_seed"]) == (0 if key in ("winding", "nats_light") else 2), key
        assert (figure["reference"] is None) == (key == "nats_light")
        bare = key in ("rules", "nats_light") or key.startswith("two_sample")
        assert (figure["floor"] is None) == bare
    closeness, frechet = record["closeness"], record["figures"]["frechet"]
    assert [closeness["frechet"][0], closeness["real_frechet"]] == [
        frechet["measured"],
        frechet["reference"],
    ]
    assert record["likelihood"]["gap"][1] < record["likelihood"]["gap"][0] < record["likelihood"]["gap"][2]
    assert {"two-sample tests", "rules, mask off", "likelihood", "winding"} <= set(record["seconds"])


def test_the_page_shows_given_pictures(found: Evaluation) -> None:
    """Guards the part of the page: three rows of pictures in one, a row for each way, nothing fetched."""
    text = report.page(found)
    part = text[text.index("Given pictures, wound") : text.index("Rules and lengths")]
    assert part.count("data:image/png") == 1
    assert [part.count(f"temperature {t}") for t in ("0.85", "0<")] == [2, 2]
    assert "the encoder" in part
    assert "its codes and exact light" in part
    assert not re.search(r"https?:|<script| style=", part)


@pytest.mark.slow
def test_a_plain_model_is_not_asked(plain: Weights, material: Material) -> None:
    """Guards models without a plan, which can wind no given picture: no such goals and no such part."""
    found = evaluate(ModelCandidate(plain), material, material.training(limit=100), QUICK)
    assert found.given_pictures is None
    assert not {"winding", "two_sample_light"} & set(found.record["verdicts"])
    assert "Given pictures" not in report.page(found)
