"""Guards of a run's identity: no file of an older run is lost, none is resumed with another's files."""

import itertools
import json
import os
import sys
from pathlib import Path

import pytest
import torch

from cli_help import fails, listing, run
from nitograph.cli import train as train_command
from nitograph.errors import FileError
from nitograph.model.weights import load
from nitograph.training import plan_phase, runs, trainer as trainer_module
from nitograph.training.runs import RunFiles, owner
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from tiny import MODEL

FLAGS = (
    "--device cpu --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 --plan-tokens 4 --plan-width 16 "
    "--plan-steps 3 --plan-rows 8 --batch-size 16 --validation-fraction 0.2 --learning-rate 3e-3"
)
FRESH = f"train --dataset c.npz {FLAGS} --epochs 1"
NAMES = ("string_ai.pt", "string_ai_last.pt", "string_ai.safetensors", "string_ai.jsonl")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, corpus):
    """An empty folder with a corpus; plans in small batches."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan_phase, "PLAN_BATCH", 16)
    corpus.save("c.npz")
    return tmp_path


def good(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints that succeeds in silence on stderr."""
    code, out, err = run(command, capsys)
    assert (code, err) == (0, "")
    return out


def contents() -> set[bytes]:
    """The bytes of all files here."""
    return {path.read_bytes() for path in Path().iterdir() if path.is_file()}


def records() -> list[dict]:
    """The log."""
    return [json.loads(line) for line in Path("string_ai.jsonl").read_text().splitlines()]


def test_a_run_has_one_name(corpus):
    """Kept through checkpoints and in weights; two runs of one command share its first half alone."""
    settings = TrainSettings(batch_size=16)
    one, two = (Trainer(corpus, MODEL, settings) for _ in range(2))
    assert one.run_name.split("-")[0] == two.run_name.split("-")[0]
    assert one.run_name != two.run_name
    other = Trainer(corpus, MODEL, settings.replace(learning_rate=1e-3))
    assert other.run_name.split("-")[0] != one.run_name.split("-")[0]
    one.save("a.pt")
    two.resume("a.pt")
    assert two.run_name == one.run_name == two.weights().facts["run"]
    begun = one.run_name
    one.start_from(two.weights())
    assert one.run_name != begun


def test_all_files_carry_it(capsys):
    """Both checkpoints, the weights and the log; resuming keeps it."""
    good(FRESH, capsys)
    names = {owner(Path(name)) for name in NAMES}
    assert len(names) == 1
    assert names != {None}
    good(f"{FRESH} --resume --epochs 2", capsys)
    assert {owner(Path(name)) for name in NAMES} == names
    assert [r["run"] for r in records() if r["kind"] == "run"] == [*names] * 2


def test_a_fresh_run_loses_nothing(capsys):
    """Three runs in one folder: every file of the ones before is still there, as one run to be resumed."""
    before = set()
    for _ in range(3):
        out = good(FRESH, capsys)
        assert ("renamed files of an older run" in out) == bool(before)
        assert before <= contents()
        before = contents()
    name = next(path for path in Path().glob("string_ai-*.pt"))
    last = name.name.replace("string_ai-", "string_ai_last-")
    good(f"train --dataset c.npz --resume --output {name} --last-output {last} --epochs 2", capsys)


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_no_run_s_are_kept_too(name, capsys):
    """Whatever stands in the way, under a name that is free for all of them."""
    Path(name).write_text("my diary\n")
    Path(name).with_stem(f"{Path(name).stem}-1").write_text("of last year\n")
    good(FRESH, capsys)
    assert {b"my diary\n", b"of last year\n"} <= contents()


def test_a_link_stays(capsys):
    """The new run writes where it leads to, beside what was there."""
    Path("disk").mkdir()
    Path("disk/x.pt").write_text("old")
    Path("string_ai.pt").symlink_to("disk/x.pt")
    good(FRESH, capsys)
    assert Path("string_ai.pt").is_symlink()
    assert owner(Path("disk/x.pt")) is not None
    assert Path("disk/x-1.pt").read_text() == "old"


@pytest.mark.parametrize("name", NAMES)
def test_another_run_s_file_is_refused(name, capsys):
    """Whichever of the four is another's, no file is touched, and the line names it."""
    good(FRESH, capsys)
    other = Path(name).read_bytes()
    good(FRESH, capsys)
    Path(name).write_bytes(other)
    capsys.readouterr()
    fails(f"{FRESH} --resume --epochs 2", 1, "string_ai_last.pt is of run", capsys)


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_file_is_refused(name, capsys):
    """A file that is no run's is not written over either."""
    good(FRESH, capsys)
    Path(name).write_text("my diary\n")
    code, out, err = run(f"{FRESH} --resume --epochs 2", capsys)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert Path(name).read_text() == "my diary\n"


def test_a_checkpoint_alone_is_resumed(capsys):
    """On another machine, say: without the other three files."""
    good(FRESH, capsys)
    for name in set(NAMES) - {"string_ai_last.pt"}:
        Path(name).unlink()
    good(f"{FRESH} --resume --epochs 2", capsys)
    assert len({owner(Path(name)) for name in NAMES if Path(name).exists()}) == 1


def test_the_kill_before_the_first_step(capsys, monkeypatch):
    """Whenever a fresh run is killed, what is resumed is that run, never the older one that was there."""
    good(FRESH, capsys)
    older = owner(Path("string_ai_last.pt"))

    def killed(*args, **more):
        raise KeyboardInterrupt

    for place in (
        (runs.RunFiles, "set_aside"),
        (Trainer, "save"),
        (RunFiles, "write_log"),
        (Trainer, "run"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(*place, killed)
            assert run(FRESH, capsys)[0] == 130
        names = {owner(Path(name)) for name in NAMES if Path(name).exists()}
        assert len(names) <= 1
        if place[1] in ("write_log", "run"):
            assert names != {older}
            good(f"{FRESH} --resume", capsys)


def test_the_plan_phase_is_kept_from_the_start(capsys, monkeypatch):
    """Before the first step, and soon again: after five seconds, ten, twenty, up to the interval."""
    now, saved, save = [0.0], [], Trainer.save

    def noted(self, path):
        if path.name == "string_ai_last.pt":
            saved.append(now[0])
        save(self, path)

    class Clock:
        """One second passes per call."""

        @staticmethod
        def monotonic():
            now[0] += 1.0
            return now[0]

    monkeypatch.setattr(Trainer, "save", noted)
    for module in (train_command, plan_phase, trainer_module):
        monkeypatch.setattr(module, "time", Clock)
    good(f"{FRESH} --plan-steps 200 --save-every 100", capsys)
    assert saved[0] <= 2.0
    apart = [after - before for before, after in itertools.pairwise(saved[:-1])]
    assert apart[0] <= 12
    assert apart == sorted(apart)
    assert 100 <= apart[-1] <= 110


def test_a_finished_run_says_so(capsys):
    """With exit code 0 and no file changed; with more to do it continues, to the bits of one longer run."""
    good(FRESH, capsys)
    before = listing()
    out = good("train --dataset c.npz --resume", capsys)
    assert out == "finished: step 3, 0.0 min; raise --epochs (or --minutes) to continue\n"
    assert listing() == before
    out = good("train --dataset c.npz --resume --epochs 2", capsys)
    assert "step 6, epoch 2.00" in out
    assert [r["step"] for r in records() if r["kind"] in ("valid", "done")] == [3, 6, 6]
    out = good("train --dataset c.npz --resume --minutes 0.01", capsys)
    assert "finished" in out or "epoch" in out


def test_what_owes_a_validation_is_not_finished(capsys, corpus):
    """Resuming from the last step, saved before its validation, runs the validation."""
    good(FRESH, capsys)
    state = torch.load("string_ai_last.pt", weights_only=True)
    state["history"] = []
    torch.save(state, "string_ai_last.pt")
    assert "held-out" in good("train --dataset c.npz --resume", capsys)


def test_resuming_takes_the_run_s_settings(capsys):
    """Settings need not be repeated; given ones count, and those that cannot change are refused."""
    good(f"{FRESH} --minutes 0.01", capsys)
    reached = torch.load("string_ai_last.pt", weights_only=True)["history"][-1]["epoch"]
    more = int(reached) + 2  # epochs, however many were run in that time
    good(f"train --dataset c.npz --resume --epochs {more} --learning-rate 1e-3", capsys)
    facts = torch.load("string_ai_last.pt", weights_only=True)["settings"]
    assert (facts["epochs"], facts["minutes"], facts["learning_rate"]) == (more, None, 1e-3)
    assert (facts["plan_rows"], facts["batch_size"]) == (8, 16)
    fails("train --dataset c.npz --resume --batch-size 8", 1, "another settings (batch_size)", capsys)
    fails("train --dataset c.npz --resume --layers 3", 1, "another model (layers)", capsys)


def test_two_trainings_in_one_place(capsys, monkeypatch):
    """The older one ends with one line, and writes nothing over what the newer one keeps."""
    go_on = Trainer.run

    def slow(self, **more):
        for count, report in enumerate(go_on(self, **more)):
            yield report
            if count == 0:
                files = RunFiles("string_ai.pt", "string_ai_last.pt")
                files.set_aside()
                files.write_log([{"kind": "run", "run": "the-newer"}])

    monkeypatch.setattr(Trainer, "run", slow)
    code, _, err = run(FRESH, capsys)
    assert (code, err.count("\n")) == (1, 1)
    assert "another run now writes string_ai.jsonl" in err
    assert Path("string_ai.jsonl").read_text() == '{"kind": "run", "run": "the-newer"}\n'
    assert not Path("string_ai_last.pt").exists()


def test_runs_of_older_versions(capsys):
    """Files without names are resumed as before, and stay without."""
    good(FRESH, capsys)
    state = torch.load("string_ai_last.pt", weights_only=True)
    del state["run"]
    for name in NAMES[:2]:
        torch.save(state, name)
    lines = Path("string_ai.jsonl").read_text().splitlines(keepends=True)
    Path("string_ai.jsonl").write_text("".join(lines[1:]))
    Path("string_ai.safetensors").unlink()
    for epochs in (2, 3):
        good(f"train --dataset c.npz --resume --epochs {epochs}", capsys)
        assert {owner(Path(name)) for name in NAMES} == {None}
    assert load("string_ai.safetensors").facts["run"] is None
    assert [r["step"] for r in records() if r["kind"] == "valid"] == [3, 6, 9]


@pytest.mark.parametrize("line", ["", "{", "[1]", "7", '{"run": 7}', "\xff", "[" * 100_000], ids=repr)
def test_logs_that_are_none(line):
    """Whatever the first line is, the log is of no run, and its good lines are read."""
    Path("a.jsonl").write_bytes(line.encode("latin-1") + b"\n")
    assert owner(Path("a.jsonl")) is None
    if line != "\xff":
        Path("a.jsonl").write_text(f'{line}\n{{"kind": "step", "step": 1}}\n{{"kind": "st')
        assert RunFiles("a.pt", "b.pt").records()[-1] == {"kind": "step", "step": 1}


def test_places_that_cannot_be(tmp_path):
    """Each of the four places is looked at before any work."""
    Path("a.jsonl").mkdir()
    with pytest.raises(FileError, match=r"a\.jsonl is a folder"):
        RunFiles("a.pt", "b.pt")
    os.mkfifo("c.safetensors")
    with pytest.raises(FileError, match=r"c\.safetensors is a device or a pipe"):
        RunFiles("c.pt", "b.pt")


def test_curves_of_a_run(capsys):
    """At the end, after a stop and of a finished run; checked before any work begins."""
    from PIL import Image

    out = good(f"{FRESH} --plot a.png", capsys)
    assert "a.png: the curves of string_ai.jsonl" in out
    with Image.open("a.png") as drawn:
        assert drawn.size[0] > 1000
    whole = Path("a.png").read_bytes()
    Path("a.png").unlink()
    good("train --dataset c.npz --resume --plot a.png", capsys)
    assert Path("a.png").read_bytes() == whole
    for place, part in (
        ("a.jpg", "the plot is written as .png"),
        ("none/a.png", "there is no folder"),
        ("c.npz", "the plot is written as .png"),
    ):
        fails(f"{FRESH} --plot {place}", 1, part, capsys)
    Path("d.png").symlink_to("string_ai.pt")
    fails(f"{FRESH} --plot d.png", 1, "the plot and the file of the run would both be written to", capsys)


def test_curves_need_matplotlib(capsys, monkeypatch):
    """And where there is none, that is said before the work."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    fails(f"{FRESH} --plot a.png", 1, "nitograph[sheets]", capsys)


def test_no_curve_yet(capsys, monkeypatch):
    """Stopped at once there is nothing to draw; that is said, and the stop is the exit code."""
    monkeypatch.setattr(Trainer, "run", lambda self, stop, **more: iter(()))
    code, out, _ = run(f"{FRESH} --plot a.png", capsys)
    assert code == 143
    assert "string_ai.jsonl has no curves yet; a.png was not written" in out
    assert not Path("a.png").exists()
