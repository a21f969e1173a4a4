"""Evaluation of any classes: unequal counts, letters and their capitals, names of any kind, scarcity."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nitograph.cli import main
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.errors import SettingsError
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import RandomCandidate, stand_in
from nitograph.evaluation.judges.comparison import Comparison
from nitograph.evaluation.judges.samples import recognisability
from nitograph.evaluation.material import Material
from nitograph.evaluation.metrics import even_weights, ratio_interval
from nitograph.evaluation.order import apart, in_turn, of_classes, one_of_each, turns
from nitograph.evaluation.page import confusions, report
from nitograph.evaluation.pairs import Pair, by_case, groups_of, measured, merged, record, together
from nitograph.evaluation.protocol import Evaluation, evaluate
from nitograph.evaluation.settings import EvaluationSettings, amounts
from nitograph.evaluation.verdicts import GOALS, GOALS_OF_ANY
from nitograph.evaluation.woven import Training, Woven
from tiny import WEAVING, random_weights

NAMES = ("<b>", "&", "o", "O", "heart", "λ", "/", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K")
COUNTS = [7, 9] + [12] * 16  # test pictures of each
TINY = EvaluationSettings(
    samples_per_class=6, seeds=1, critic_images=300, images_seen=400, lesson_seen=200,
    two_sample_per_class=6,
)  # fmt: skip


def pictures(split: str) -> LabelledImages:
    """MNIST's images under other names, class after class, as a folder lists them; test counts differ."""
    source = mnist(split)
    counts = COUNTS if split == "test" else [50] * len(NAMES)
    labels = np.repeat(np.arange(len(NAMES)), counts)
    order = np.argsort(source.labels[:2000], kind="stable")[: len(labels)]
    return replace(source, images=source.images[order], labels=labels, classes=NAMES, name=f"own:{split}")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Eighteen classes on a board of 32 nails."""
    return Material.of(pictures, WEAVING, Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def found(material: Material) -> Evaluation:
    """The whole evaluation of random walks."""
    training = material.training(limit=90)
    walks = RandomCandidate(WEAVING, np.full(5, 9))
    return evaluate(walks, material, training, TINY)


def test_classes_have_their_turn_until_they_are_used_up() -> None:
    """Guards the one order of all rows: equal counts as before, unequal ones without a gap."""
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert turns(labels).tolist() == [0, 1, 2, 0, 0, 1]
    assert labels[one_of_each(labels)].tolist() == [0, 1, 2, 0, 2, 0]
    assert in_turn([np.array([5, 6]), np.array([7]), np.array([8, 9])]).tolist() == [5, 7, 8, 6, 9]
    assert in_turn([]).tolist() == []


def test_the_last_pictures_are_of_other_groups() -> None:
    """Guards writers: those kept for choosing settings wrote nothing that a critic learns from."""
    images = pictures("train")
    groups = np.arange(len(images)) // 10
    images = replace(images, groups=groups)
    order = apart(images, 15, np.random.default_rng(3))
    assert sorted(order.tolist()) == list(range(len(images)))
    assert not set(groups[order[:-60]]) & set(groups[order[-60:]])
    assert len(set(images.labels[order[:18]])) == 18
    few = images.take(np.arange(49, 152))  # one of the first class, fifty of the next two, two of the last
    assert set(few.labels[apart(few, 15, np.random.default_rng(3))[-6:]]) <= {1, 2}


def test_classes_keep_their_names_where_some_are_left_out() -> None:
    """Guards labels: indices into the classes that are judged, whatever the source counts."""
    found = of_classes(pictures("test"), ("O", "&"))
    assert np.bincount(found.labels).tolist() == [COUNTS[3], COUNTS[1]]
    same = pictures("test")
    assert of_classes(same, NAMES) is same


def test_a_class_may_have_fewer_pictures(material: Material) -> None:
    """Guards unequal counts: all references there are, sets apart, halves that match what is sampled."""
    assert material.classes == NAMES
    reference = material.reference(10)
    assert np.bincount(reference.labels).tolist() == [7, 9] + [10] * 16
    one, two = material.parted(5)
    assert np.bincount(one.labels).tolist() == [3, 4] + [5] * 16 == np.bincount(two.labels).tolist()
    assert not set(one.rows) & set(two.rows)
    samples = replace(reference, labels=np.tile(np.arange(18), 8))
    compared = Comparison(material, 4, 2, reference, samples, samples)
    first, second = compared.halves(1)
    assert not set(first) & set(second)
    matched = samples.labels[compared.matched(1)]
    assert matched.tolist() == reference.labels[first].tolist() == reference.labels[second].tolist()
    assert np.bincount(matched).tolist() == [3, 4] + [4] * 16
    assert compared.matched(1).min() >= 4 * 18
    with pytest.raises(SettingsError, match="the rarest has 7"):
        material.unseen(5, after=5)


def test_equal_counts_are_halved_as_they_always_were(tmp_path) -> None:
    """Guards the digits' figures: the halves of ten classes are those of the first version, row by row."""
    material = Material(WEAVING, Cache(tmp_path))
    reference = material.reference(6)
    compared = Comparison(material, 3, 2, reference, reference, reference)
    order = np.random.default_rng([0, 3, 1]).permutation(6)
    rows = order[:, None] * 10 + np.arange(10)
    halves = compared.halves(1)
    assert halves[0].tolist() == rows[:3].ravel().tolist()
    assert halves[1].tolist() == rows[3:].ravel().tolist()
    assert compared.matched(1).tolist() == list(range(30, 60))


def test_critics_learn_from_different_pictures(material: Material, monkeypatch) -> None:
    """Guards B and C: no picture in both, each class as often; scarce ones are shared and warped."""
    kept = len(material.train) - material.held
    (mine, labels), (others, _) = (material._lesson_pictures(name, 200) for name in "BC")
    assert not {image.tobytes() for image in mine} & {image.tobytes() for image in others}
    assert set(np.bincount(labels)) <= {11, 12}
    monkeypatch.setattr("nitograph.evaluation.material.SCARCE", 60)
    shown, labels = material._lesson_pictures("B", 10_000)
    assert len(shown) == 200 * 18
    assert np.array_equal(shown[:kept], material.train.images[:kept])
    assert not np.array_equal(shown, material._lesson_pictures("C", 10_000)[0])


def test_what_is_not_known_is_not_judged() -> None:
    """Guards models of some of a source's classes, and a source that has nothing that a model knows."""
    some = Material.of(pictures, WEAVING, Cache(), known=("heart", "λ", "7"))
    assert some.classes == ("heart", "λ")
    with pytest.raises(SettingsError, match=r"at least two classes that the model knows \(7\)"):
        Material.of(pictures, WEAVING, Cache(), known=("7",))


def test_names_that_differ_by_case_are_always_asked_about() -> None:
    """Guards the page: a letter and its capital are listed, told apart or not."""
    assert by_case(("o", "x", "O", "X", "0")) == [(0, 2), (1, 3)]
    labels = np.arange(5)
    pairs = measured(("o", "x", "O", "X", "0"), labels, [labels])
    assert [(pair.one, pair.two, pair.same) for pair in pairs] == [(0, 2, False), (1, 3, False)]


def test_classes_count_as_one_where_each_is_taken_for_the_other() -> None:
    """Guards the rule: what critics read of real test pictures, both ways and often."""
    classes = ("o", "x", "O", "I", "l", "/")
    labels = np.repeat(np.arange(6), 20)
    read = labels.copy()
    read[[0, 1, 2, 3, 4, 5]] = 2  # o as O
    read[[40, 41, 42]] = 0  # O as o
    read[60:68], read[80:84] = 4, 3  # I as l, l as I: one class
    read[84:92] = 5  # l as /, never the other way: two
    pairs = {(pair.one, pair.two): pair for pair in measured(classes, labels, [read, read])}
    assert set(pairs) == {(0, 2), (3, 4)}
    assert pairs[0, 2].told == pytest.approx((14 / 20 + 17 / 20) / 2)
    assert pairs[3, 4].taken == pytest.approx((0.4, 0.2))
    assert merged(6, list(pairs.values())).tolist() == [0, 1, 0, 3, 3, 5]
    half = measured(classes, labels, [read, labels])  # the other critic knows them all
    assert not any(pair.same for pair in half)
    few = np.concatenate([np.arange(60), np.arange(60, 120, 2)])  # ten of I and l
    found = {(p.one, p.two): p.same for p in measured(classes, labels[few], [read[few]])}
    assert found[0, 2]
    assert not found[3, 4]


def test_critics_that_know_nothing_merge_nothing() -> None:
    """Guards the ceiling: no constant answer, no guesses, no chain over everything hides classes."""
    classes = tuple(f"c{i}" for i in range(8))
    labels = np.repeat(np.arange(8), 40)
    guessed = np.random.default_rng(1).integers(8, size=(2, len(labels)))
    twelve = np.tile(np.arange(12), 480 // 12)
    for read in ([np.full(len(labels), 3)], [(labels + 1) % 8]):
        assert not any(pair.same for pair in measured(classes, labels, read))
    assert merged(8, measured(classes, labels, list(guessed))).tolist() == list(range(8))
    names = tuple(map(str, range(12)))
    assert merged(12, measured(names, np.repeat(np.arange(12), 40), [twelve])).tolist() == list(range(12))
    chain = [Pair(0, 1, 0.5, (0.3, 0.3)), Pair(2, 3, 0.5, (0.3, 0.3)), Pair(1, 2, 0.5, (0.3, 0.3))]
    assert merged(5, chain).tolist() == [0, 0, 0, 0, 4]
    assert merged(4, chain).tolist() == [0, 1, 2, 3]
    assert together(merged(5, chain)) == [[0, 1, 2, 3]]


class Reader:
    """A critic that reads in a picture's first pixel what it shows."""

    def read(self, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """No features, and the classes."""
        return np.zeros((len(shown), 1)), shown[:, 0, 0].astype(np.int64)


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0, "pass"), (1, "fail")], ids=["read as meant", "read as the next"]
)
def test_figures_stand_beside_those_of_every_class_for_itself(shift: int, verdict: str) -> None:
    """Guards what merging does: I and l count as one, openly; what bears another's name fails."""
    classes = ("I", "l", "A", "B", "C", "D")
    labels = np.tile(np.arange(6), 20)

    def threads(read: np.ndarray) -> Woven:
        return Woven([], read[:, None, None], labels, np.arange(len(labels)))

    confused = np.where(labels < 2, np.arange(len(labels)) // 6 % 2, labels)  # half of I and l as the other
    pairs = measured(classes, labels, [confused])
    made = threads(np.where(labels < 2, 1, labels) if shift == 0 else (labels + shift) % 6)
    compared = Comparison(
        SimpleNamespace(classes=classes), 20, 1, threads(confused), made, threads(labels), merged(6, pairs)
    )
    figures, details = recognisability(compared, {"B": Reader()})
    figure = figures["critic_b"]
    assert figure.reference == 1.0
    assert figure.verdict == figures["worst_class"].verdict == verdict
    assert figure.unmerged is not None
    assert figure.unmerged.reference == pytest.approx(5 / 6)
    assert figure.to_dict()["unmerged"]["measured"] == pytest.approx(5 / 6 if shift == 0 else 0, abs=1e-5)
    if shift == 0:
        assert details["worst_class_unmerged"] == "I"
        assert figures["worst_class"].to_dict()["unmerged"]["value"] == 0
    found = record(classes, pairs)
    assert found["groups"] == [["I", "l"]]
    assert "I/l" in confusions.pairs_section(found)
    assert "each class for itself: " in report._row(figure)[4]


def test_groups_have_goals_of_their_own() -> None:
    """Guards capitals and the 62: only where all of them are there, and not all that is there."""
    capitals = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    every = tuple("0123456789") + capitals + tuple("abcdefghijklmnopqrstuvwxyz")
    assert groups_of(capitals) == {}
    assert {key: len(rows) for key, rows in groups_of((*every, "&")).items()} == {
        "capitals": 26, "alphanumerics": 62,
    }  # fmt: skip
    assert [every[i] for i in groups_of(every)["capitals"]] == list(capitals)
    assert (GOALS_OF_ANY["critic_b"].at_least, GOALS_OF_ANY["worst_class"].at_least) == (0.97, 0.85)
    assert (GOALS["critic_b"].at_least, GOALS["worst_class"].at_least) == (0.99, 0.94)


def test_classes_count_the_same_whatever_their_number() -> None:
    """Guards the mean: a class of two pictures weighs as much as one of six."""
    labels = np.array([0] * 6 + [1] * 2)
    right = np.array([1.0] * 6 + [0.0] * 2)
    weights = even_weights(labels)
    assert weights is not None
    assert ratio_interval([0.5], right, weights=weights).value == pytest.approx(1.0)
    assert even_weights([0, 1, 1, 0]) is None


def test_many_classes_share_out_what_ten_have() -> None:
    """Guards the time of 62 classes: as many samples in a round, more to learn from."""
    assert amounts(3) == amounts(10) == EvaluationSettings()
    many = amounts(62)
    assert (many.samples_per_class, many.two_sample_per_class, many.critic_images) == (48, 40, 15_500)
    assert many.images_seen == pytest.approx(60_000 * 6.2**0.5, abs=1)
    assert many.form_for(62) == "full"
    assert many.form == "other"
    assert amounts(62, quick=True).form_for(62) == "quick"
    assert amounts(400).samples_per_class == 20


def test_any_classes_are_judged_by_the_goals_of_letters(found: Evaluation) -> None:
    """Guards the protocol on other classes: every figure, its threshold, and what was found of pairs."""
    record = found.record
    assert record["classes"] == list(NAMES)
    assert record["source"] == "own:test"
    assert record["figures"]["critic_b"]["threshold"] == "≥ 0.97"
    assert record["figures"]["worst_class"]["threshold"] == "≥ 0.85"
    pairs = record["confusable"]["pairs"]
    assert pairs[0]["classes"] == ["o", "O"]
    assert not any(pair["same"] for pair in pairs[1:])  # a dozen pictures are too few to say so
    assert record["closeness"]["count"] == 3 + 4 + 16 * 6
    assert len(record["recognisability"]["B"]["by_class"]) == 18


def test_the_page_shows_every_class(found: Evaluation) -> None:
    """Guards the page: a sheet of each class under its name, which cannot break it."""
    text = report.page(found)
    for name in NAMES:
        shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert f"<figcaption>{shown}</figcaption>" in text
    assert "<b>&" not in text
    assert "Classes that count as one" in text
    assert "o/O" in text


def test_the_command_says_what_it_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards one-line errors before long work: no such source, one that shares no class with the model."""
    monkeypatch.chdir(tmp_path)
    random_weights().save("w.safetensors")
    (tmp_path / "marks").mkdir()
    for stem in ("train", "t10k"):
        for kind, array in (
            ("images-idx3", np.eye(8)[None].repeat(4, 0)),
            ("labels-idx1", np.arange(4) % 2),
        ):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            body = (array * 255 if array.ndim > 1 else array).astype(np.uint8).tobytes()
            (tmp_path / "marks" / f"{stem}-{kind}-ubyte").write_bytes(head + body)
    (tmp_path / "marks" / "classes.txt").write_text("star\nmoon\n")
    assert main(["evaluate", "--source", "nothing:here"]) == 1
    assert main(["evaluate", "--checkpoint", "w.safetensors", "--source", "idx:marks"]) == 1
    assert main(["evaluate", "--stand-in", "woven", "--source", "idx:marks"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "there is no source 'nothing:here'" in lines[0]
    assert "two classes that the model knows (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)" in lines[1]
    assert "a stand-in needs 5 test pictures of every class in each of 5 sets" in lines[2]


def test_stand_ins_work_on_any_classes(material: Material) -> None:
    """Guards the evaluation's own test: labels are the source's, and every class has its threads."""
    training = material.training()
    for name in ("woven", "swapped", "prototypes", "copier", "rewinder"):
        made = stand_in(name, material, training, per_class=2, after=4)
        threads = made.threads([label for label in NAMES for _ in range(2)], range(36))
        assert [thread.label for thread in threads] == [label for label in NAMES for _ in range(2)]
    few = Training(training.paths.take(np.arange(3)), training.labels[:3])
    with pytest.raises(SettingsError, match="copier needs a training thread of every class"):
        stand_in("copier", material, few, per_class=2, after=4)
