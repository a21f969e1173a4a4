"""The evaluation itself: the ideal passes, each of five impostors fails a figure that names its fault."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nitograph.cli import main
from nitograph.compute.rules import legal_paths
from nitograph.errors import SettingsError
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import STAND_INS, ListedCandidate, random_walks, stand_in
from nitograph.evaluation.material import DIGITS, Material
from nitograph.evaluation.metrics import Estimate
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.page import report
from nitograph.evaluation.protocol import Evaluation, evaluate
from nitograph.evaluation.settings import QUICK, EvaluationSettings
from nitograph.evaluation.verdicts import GOALS, Figure
from nitograph.evaluation.woven import Training, rasters
from nitograph.light import chords
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings

SMALL = EvaluationSettings(
    samples_per_class=15, seeds=1, critic_images=1500, images_seen=9000, lesson_seen=2000
)
NAMED = {
    "copier": ("copies", "nearness", "near_copies", "pictures", "longest_run"),
    "rewinder": ("pictures",),
    "prototypes": ("duplicates", "coverage", "two_sample_pictures"),
    "random": ("critic_b", "critic_c", "frechet", "coverage", "usefulness", "two_sample_pictures"),
    "swapped": ("critic_b", "critic_c", "usefulness"),
}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """MNIST, woven with few chords on a small canvas, kept for all tests of this file."""
    weaving = WeaveSettings(canvas_size=48, max_lines=110, line_strength=0.045)
    return Material(weaving, Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def training(material: Material) -> Training:
    """The first training threads."""
    return material.training(limit=1500)


@pytest.fixture(scope="module")
def judged(material: Material, training: Training) -> Callable[[str], Evaluation]:
    """The evaluation of a stand-in, made once."""
    done: dict[str, Evaluation] = {}

    def of(name: str) -> Evaluation:
        if name not in done:
            each = SMALL.samples_per_class
            candidate = stand_in(name, material, training, per_class=each, after=2 * each)
            done[name] = evaluate(candidate, material, training, SMALL)
        return done[name]

    return of


@pytest.mark.slow
def test_unseen_woven_handwriting_fails_nothing(judged: Callable[[str], Evaluation]) -> None:
    """Guards against goals that even an ideal model could not reach."""
    found = judged("woven")
    assert "fail" not in found.verdicts.values(), found.verdicts
    for key in ("duplicates", "copies", "rules", "frechet", "coverage"):
        assert found.verdicts[key] == "pass"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_every_impostor_fails_the_figures_that_name_its_fault(
    name: str, judged: Callable[[str], Evaluation]
) -> None:
    """Guards the purpose: it cannot be fooled by copying, repetition, noise or wrong labels."""
    found = judged(name)
    assert {key: found.verdicts[key] for key in NAMED[name]} == dict.fromkeys(NAMED[name], "fail")
    assert not found.record["reached"]


def test_a_copier_passes_what_only_looks_at_pictures(judged: Callable[[str], Evaluation]) -> None:
    """Guards that the copier is caught as a copier: its pictures are as real as any."""
    verdicts = judged("copier").verdicts
    assert all(verdicts[key] != "fail" for key in ("critic_b", "frechet", "coverage", "rules"))


def test_every_goal_is_judged_and_the_record_is_json(judged: Callable[[str], Evaluation]) -> None:
    """Guards that no figure is forgotten, and that nothing in the record is NaN."""
    record = judged("woven").record
    assert set(record["verdicts"]) == {key for key, goal in GOALS.items() if not goal.planned}
    again = json.loads(json.dumps(record, allow_nan=False))
    assert again["hygiene"] == {"images_in_both": 0, "sequences_in_both": 0, "training_threads": 1500}
    assert again["seconds"]["all"] > 0
    assert again["clean"]
    assert all(len(again["recognisability"][name]["confusion"]) == 10 for name in "ABC")


def test_the_same_evaluation_twice_gives_the_same_figures(
    judged: Callable[[str], Evaluation], material: Material, training: Training
) -> None:
    """Guards seeds: nothing hangs on the time of day."""
    each = SMALL.samples_per_class
    again = evaluate(
        stand_in("random", material, training, per_class=each, after=2 * each), material, training, SMALL
    )
    assert again.record["figures"] == judged("random").record["figures"]


def test_the_page_is_one_file_that_fetches_nothing(judged: Callable[[str], Evaluation]) -> None:
    """Guards the offline page: no addresses, no script, a policy, every figure and its verdict."""
    found = judged("prototypes")
    text = report.page(found)
    assert not re.search(r"https?:|<script|<link|\bon\w+=| style=", text.replace("data:image/png", ""))
    assert "default-src 'none'" in text
    assert "@@" not in text
    assert "This is the shortened form" in text
    assert "Copies were looked for among" not in text
    assert text.index("Can a network tell?") < text.index("Class by class")
    for key, verdict in found.verdicts.items():
        assert GOALS[key].title.replace("&", "&amp;") in text
        assert f'class="{verdict}"' in text


def test_names_cannot_break_the_page(judged: Callable[[str], Evaluation]) -> None:
    """Guards escaping: a candidate is named after a file, and a file may have any name."""
    found = judged("woven")
    name = found.record["candidate"]
    found.record["candidate"] = "<script>x</script>"
    text = report.page(found)
    found.record["candidate"] = name
    assert "<script>" not in text


def test_rasters_are_those_of_chords_and_nothing_else(material: Material) -> None:
    """Guards the one fixed rasteriser: strength and width of the weaving settings, clipped at white."""
    thread = material.reference(2).threads[3]
    look = {"strength": material.weaving.line_strength, "width": material.weaving.width}
    wanted = np.rint(255 * chords.raster(thread, 28, **look))
    assert np.array_equal(rasters(pack([thread.nails]), material.weaving)[0], wanted)


def test_references_unseen_and_validation_images_are_apart(material: Material) -> None:
    """Guards the split: no image serves twice, and no critic learns from a validation image."""
    reference, unseen = material.reference(4), material.unseen(3, after=4)
    assert not set(reference.rows) & set(unseen.rows)
    assert reference.labels.tolist() == list(range(10)) * 4
    assert material.held == 5000
    assert material.validation(2).rows.min() >= len(material.train) - material.held
    with pytest.raises(SettingsError, match="lower critic_images"):
        material.critic_training(54_000, 2_000)
    with pytest.raises(SettingsError, match="lower samples_per_class"):
        material.unseen(800, after=200)


def test_random_walks_are_legal_and_as_long_as_asked(material: Material) -> None:
    """Guards the random impostor: it must fail for its pictures, not for broken rules."""
    walks = random_walks(material.weaving, [3, 20, 90], np.random.default_rng(1))
    assert [len(walk) for walk in walks] == [4, 21, 91]
    rows = np.full((3, 91), -1)
    for row, walk in zip(rows, walks, strict=True):
        row[: len(walk)] = walk
    assert legal_paths(rows, material.weaving.board, material.weaving.rules).all()


def test_too_few_threads_are_said_in_one_line() -> None:
    """Guards files of threads that end too early."""
    candidate = ListedCandidate([Thread([0, 9, 30], label="3")], "few.jsonl")
    candidate.threads(["3"], [0])
    with pytest.raises(SettingsError, match=r"few.jsonl has no more threads of class 3"):
        candidate.threads(["3"], [1])
    with pytest.raises(SettingsError, match=r"few.jsonl has 0 threads of class 0, but 2 are needed"):
        candidate.require(2, DIGITS)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((0.97, 0.96, 0.98), "fail"), ((0.985, 0.97, 0.995), "open"), ((0.99, 0.9, 1.0), "pass")],
)
def test_verdicts_follow_the_interval(values: tuple[float, float, float], verdict: str) -> None:
    """Guards pass, open and fail: the value decides for, the whole interval decides against."""
    assert GOALS["critic_b"].at_least == 0.99
    assert Figure("critic_b", Estimate(*values), 0.9).verdict == verdict
    less = Estimate(*(-value for value in (values[0], values[2], values[1])))
    assert GOALS["duplicates"].at_most == 0
    assert Figure("duplicates", less, 0.0).verdict == "pass"
    assert Figure("duplicates", Estimate(*values), 0.0).verdict == "fail"


def test_the_command_refuses_what_excludes_itself(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards one-line errors before long work: two candidates, one file for both, an unknown axis."""
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--stand-in", "woven", "--sweep"]) == 1
    assert main(["evaluate", "--page", "evaluation.json"]) == 1
    assert main(["evaluate", "--sweep", "warmth=1"]) == 1
    few = tmp_path / "few.jsonl"
    few.write_text(Thread([0, 9, 30], label="3").to_json())
    assert main(["evaluate", "--threads", "few.jsonl"]) == 1
    few.unlink()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert "few.jsonl has 0 threads of class 0" in lines[3]
    assert "exclude each other" in lines[0]
    assert "the page is written as .html or .htm" in lines[1]
    assert "warmth" in lines[2]
    assert not list(tmp_path.iterdir())


def test_the_quick_form_is_a_base_for_other_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards `--quick`: all of its amounts, and what is given beside it."""
    monkeypatch.chdir(tmp_path)
    asked: list[EvaluationSettings] = []

    def stop(*args: object) -> None:
        asked.extend(arg for arg in args if isinstance(arg, EvaluationSettings))
        raise SettingsError("far enough")

    monkeypatch.setattr("nitograph.cli.evaluate._evaluate", stop)
    for flags in ("", "--quick", "--quick --seeds 2"):
        assert main(["evaluate", "--stand-in", "woven", *flags.split()]) == 1
    assert asked == [EvaluationSettings(), QUICK, QUICK.replace(seeds=2)]
    assert [settings.form for settings in asked] == ["full", "quick", "other"]


def test_stand_ins_of_the_command_are_those_of_the_module() -> None:
    """Guards the flag's choices, which are written out so that help needs no imports."""
    assert set(STAND_INS) == {"woven", *NAMED}
    assert len(DIGITS) == 10
