"""Symbols of one's own: drawings and what is kept, rows, a whole run, a stop and its resumption, lookup."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nitograph.api.models import find_weights
from nitograph.cli import learn, main
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.errors import SettingsError
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.io.locks import sole_writer
from nitograph.learning.course import GUIDANCE
from nitograph.learning.drawings import drawings, kept, with_kept
from nitograph.learning.rows import corpus_of, rows_of
from nitograph.learning.settings import LearnSettings
from nitograph.learning.verdict import READABLE, _by_class, _word, amounts
from nitograph.model.weights import Weights, load
from tiny import WEAVING, random_weights

NAMES = ("heart", "&", "λ")
FEW = LearnSettings(minutes=0.02, rows=60, kept_rows=50)
LITTLE = EvaluationSettings(samples_per_class=5, seeds=1, critic_images=100, images_seen=200)


def pictures(split: str, counts: tuple[int, ...]) -> LabelledImages:
    """MNIST's first 0s, 1s and 2s under other names."""
    source = mnist(split)
    rows = [np.flatnonzero(source.labels == i)[:count] for i, count in enumerate(counts)]
    flat = np.concatenate(rows)
    return LabelledImages(source.images[flat], source.labels[flat], NAMES, f"own:{split}", "0" * 64)


def write_idx(folder: Path) -> None:
    """The same as a folder of IDX files."""
    folder.mkdir()
    for split, stem, count in (("train", "train", 12), ("test", "t10k", 6)):
        found = pictures(split, (count,) * 3)
        for kind, array in (("images-idx3", found.images), ("labels-idx1", found.labels.astype(np.uint8))):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            (folder / f"{stem}-{kind}-ubyte").write_bytes(head + array.tobytes())
    (folder / "classes.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A folder with drawings and weights, small amounts everywhere; the command that learns there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NITOGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("nitograph.learning.verdict.amounts", lambda classes: LITTLE)
    write_idx(tmp_path / "drawn")
    random_weights().save("w.safetensors")
    return [
        "learn",
        "idx:drawn",
        "--start-from",
        "w.safetensors",
        "--minutes",
        "0.02",
        "--rows",
        "60",
        "--kept-rows",
        "50",
    ]


def test_a_class_without_tests_is_tested_on_variants() -> None:
    """Guards icons, of which there is one picture: judged all the same, and said to be variants."""
    train, test = pictures("train", (6, 1, 3)), pictures("test", (4, 1, 0))
    found = drawings(train, test, seed=1)
    assert found.varied == ("&", "λ")
    assert np.bincount(found.test.labels).tolist() == [4, 9, 8]
    assert found.own == found.classes == NAMES
    alone = drawings(train, None, seed=1)
    assert alone.varied == NAMES
    assert not {image.tobytes() for image in alone.test.images} & {i.tobytes() for i in train.images}
    small = replace(test, images=test.images[:, ::2, ::2])
    assert drawings(train, small, seed=1).test.images.shape[1:] == (28, 28)
    renamed = replace(test, classes=("λ", "?", "heart"))
    assert np.bincount(drawings(train, renamed, seed=1).test.labels).tolist() == [8, 8, 4]


def test_what_is_kept_is_what_the_weights_plan(planned: Weights, plain: Weights) -> None:
    """Guards --keep: pictures of every other class, none of those that are learned anew."""
    own = drawings(pictures("train", (3, 3, 3)), pictures("test", (3, 3, 3)), seed=1)
    done: list[int] = []
    found = with_kept(own, planned, seed=5, progress=done.append)
    assert done == sorted(set(done))
    assert done[-1] == len(found.train) + len(found.test) - len(own.train) - len(own.test)
    assert found.classes == (*NAMES, *map(str, range(10)))
    assert found.own == NAMES
    counts = np.bincount(found.train.labels)
    assert (counts[:3] == 3).all()
    assert (counts[3:] == 60).all()
    assert np.array_equal(kept(planned, ["7"], 2, seed=3).images, kept(planned, ["7"], 2, seed=3).images)
    assert with_kept(replace(own, train=replace(own.train, classes=tuple("0123456789"))), planned, seed=5)
    with pytest.raises(SettingsError, match="only a model of the plan design"):
        kept(plain, ["7"], 1, seed=0)


def test_rows_are_half_new_and_half_kept(planned: Weights) -> None:
    """Guards the corpus: all classes alike on either side, and no source that both sides share."""
    own = drawings(pictures("train", (5, 1, 9)), None, seed=1)
    found = corpus_of(with_kept(own, planned, seed=5), FEW, WEAVING, order=6)
    counts = np.bincount(found.labels, minlength=13)
    assert counts[:3].tolist() == [20, 20, 20]
    assert counts[3:].tolist() == [5] * 10
    mine = set(found.sources[found.labels < 3])
    assert not mine & set(found.sources[found.labels >= 3])
    assert len(mine) == 15
    assert found.metadata["own"] == list(NAMES)
    assert found.metadata["corpus"]["warp"] == 2
    many = drawings(pictures("train", (8, 9, 9)), None, seed=1)
    assert rows_of(many, FEW, 6).warp == 1
    assert found.thread(59).label in NAMES
    assert found.thread(60).label not in NAMES


def test_the_verdict_is_said_only_where_drawings_are_read() -> None:
    """Guards the words of the page: unclear is not a failure, and nearly as often is enough."""
    assert [_word(read, 1.0) for read in (0.95, 0.6, 0.2)] == ["learned", "partly", "not learned"]
    assert _word(0.1, READABLE - 0.1) == "unclear"
    details = {"B": {"by_class": [1.0, 0.0], "ceiling_by_class": [1.0, 0.0], "confusion": [[9, 0], [9, 0]]}}
    usual_guess = [row["verdict"] for row in _by_class(("heart", "&"), details, 0.5)]
    assert usual_guess == ["unclear", "unclear"]
    assert _by_class(("heart", "&"), details, 0.8)[0]["verdict"] == "learned"
    assert amounts(3).samples_per_class == 50
    assert amounts(87).samples_per_class == 10


def test_a_run_that_hardly_trained_is_said() -> None:
    """Guards whoever learns beside other work: the figures are bad for want of steps, not of drawings."""
    assert learn._too_few(learn.FEW_STEPS, FEW) == ""
    said = learn._too_few(7, replace(FEW, minutes=1.5))
    assert said.startswith("only 7 steps of training fitted into 1.5 minutes, so expect little; ")
    assert "\n" not in said


@pytest.mark.slow
def test_symbols_are_learned_judged_and_found(bench: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Guards the whole way: three files, nothing left over, and `generate` finds what was learned."""
    assert main([*bench, "--keep"]) == 0
    said = capsys.readouterr().out
    assert "36 drawings to learn from, 3 classes: heart, &, λ\n" in said
    assert "classes learned; read" in said
    text = Path("mine.html").read_text(encoding="utf-8")
    assert ("steps of training fitted" in said) == ("steps of training fitted" in text)
    for name in ("heart", "&amp;", "λ", "7 (kept)"):
        assert name in text
    assert "default-src 'none'" in text
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")
    assert not Path("mine.learning").exists()
    own = load("mine.safetensors")
    assert own.classes == (*NAMES, *map(str, range(10)))
    assert own.sampling["guidance"] == GUIDANCE
    assert find_weights(wanted=["heart"]).digest == own.digest
    assert find_weights(wanted=["λ", "7"]).digest == own.digest
    assert find_weights(wanted=["77"]).digest != own.digest  # kept, not learned
    assert find_weights(wanted=["cat"]).digest != own.digest
    assert find_weights().digest != own.digest
    assert main(["generate", "heart", "--size", "64", "-o", "heart.png"]) == 0


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_stopped(
    bench: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards Ctrl-C: in training and in judging; the same command resumes, another one is refused."""

    @contextmanager
    def stopped_soon():
        asked = []

        def stop() -> int:
            asked.append(1)
            return signal.SIGINT if len(asked) > 4 else 0

        yield stop

    with monkeypatch.context() as patch:
        patch.setattr("nitograph.cli.learn.interrupt_deferred", stopped_soon)
        assert main([*bench, "--minutes", "5"]) == 130
    assert "with --resume goes on" in capsys.readouterr().out
    assert Path("mine.learning/last.pt").exists()
    assert main([*bench, "--minutes", "5"]) == 1
    assert "mine.learning holds an interrupted run" in capsys.readouterr().err
    assert main([*bench, "--resume", "--minutes", "4"]) == 1
    assert "of a run with other drawings or settings" in capsys.readouterr().err
    random_weights(seed=1).save("other.safetensors")
    assert main([*bench, "--resume", "--minutes", "5", "--start-from", "other.safetensors"]) == 1
    assert "of a run that began from other weights" in capsys.readouterr().err

    def gone(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(learn, "_judge", gone)
        assert main([*bench, "-o", "two.safetensors"]) == 130
    trained = load("two.learning/best.safetensors").digest
    assert main([*bench, "-o", "two.safetensors", "--resume"]) == 0
    assert load("two.safetensors").digest == trained
    assert not Path("two.learning").exists()


def test_one_run_at_a_time(bench: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Guards two runs of one output: the second is refused, and the first keeps its folder."""
    with sole_writer(Path("mine.learning") / learn.LOCK, "mine.safetensors"):
        assert main(bench) == 1
        assert "another process is writing mine.safetensors" in capsys.readouterr().err
    assert not Path("mine.learning").exists()


@pytest.mark.parametrize("name", ["heart.png", "rows/heart.png", "best"])
def test_a_folder_of_other_things_is_left_alone(
    bench: list[str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Guards drawings that lie where a run would keep its work, which it removes at its end."""
    mine = Path("mine.learning") / name
    mine.parent.mkdir(parents=True)
    if mine.suffix:
        mine.write_bytes(b"drawn by hand")
    else:
        mine.mkdir()
    assert main(bench) == 1
    assert "in it is of no run; move it away" in capsys.readouterr().err
    assert mine.exists()


@pytest.mark.slow
def test_the_study_of_real_drawings_runs(tmp_path: Path) -> None:
    """Guards docs/studies/own_symbols.py: a line for each task, tests apart, a sheet beside."""
    random_weights().save(tmp_path / "w.safetensors")
    found = pictures("train", (8, 8, 8))
    np.savez(tmp_path / "d.npz", images=found.images, labels=found.labels, names=np.array(NAMES))
    np.savez(tmp_path / "i.npz", images=found.images[::8], names=np.array(NAMES))
    script = Path(__file__).parents[1] / "docs" / "studies" / "own_symbols.py"
    flags = "--quick --drawings d.npz --icons i.npz --weights w.safetensors --output out/found.jsonl"
    environment = os.environ | {"NITOGRAPH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, str(script), *flags.split()], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = (tmp_path / "out" / "found.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["drawings, default", "icons, default"]
    assert [json.loads(line)["drawings"] for line in lines] == [24, 3]
    assert (tmp_path / "out" / "found-icons-default.png").exists()


def test_what_cannot_be_learned_is_said_in_one_line(
    bench: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards messages before any work: a wrong ending, no such source, one file for two outputs."""
    assert main([*bench, "-o", "mine.pt"]) == 1
    assert main(["learn", "nothing:here"]) == 1
    assert main([*bench, "--page", "mine.png"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "the weights is written as .safetensors" in lines[0]
    assert "there is no source" in lines[1]
