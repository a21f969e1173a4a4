"""Guards of the way from handwriting to a picture on the command line, small but whole."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba.core import event
from PIL import Image

from cli_help import run
from nitograph.api.models import find_weights, make_decoder
from nitograph.cli import compiling
from nitograph.cli.progress import progress
from nitograph.corpus.rows import load_corpus
from nitograph.errors import SettingsError, WeightsError
from nitograph.model import weights as weights_file
from nitograph.model.decoder import Decoder
from nitograph.thread import Thread
from tiny import random_weights

PREPARE = (
    "prepare --split test --samples 40 --nails 32 --canvas-size 24 --max-lines 20 --min-nail-gap 2 "
    "--recent-edges 10 --line-strength 0.2 --zernike-order 6 --output small.npz"
)
TRAIN = (
    "train --dataset small.npz --device cpu --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 "
    "--plan-tokens 4 --plan-width 16 --plan-steps 5 --plan-rows 8 --batch-size 8 "
    "--validation-fraction 0.2 --save-every 0"
)


def done(command: str, capsys) -> str:
    """What a command that succeeds prints; nothing may stand on stderr."""
    code, out, err = run(command, capsys)
    assert (code, err) == (0, "")
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder in which the commands follow each other."""
    return tmp_path_factory.mktemp("pipeline")


def test_prepare(folder, monkeypatch, capsys):
    """A corpus with every setting in it, no parts left behind, the same bytes at the second call."""
    monkeypatch.chdir(folder)
    out = done(PREPARE, capsys)
    assert out.startswith("small.npz: 40 threads of 40 images")
    rows = load_corpus("small.npz")
    assert (rows.board.num_nails, len(rows), rows.metadata["source"]) == (32, 40, "mnist:test")
    assert [path.name for path in folder.iterdir()] == ["small.npz"]
    before = Path("small.npz").read_bytes()
    done(PREPARE, capsys)
    assert Path("small.npz").read_bytes() == before


@pytest.mark.slow
def test_a_cap_alone_lowers_the_floor(folder, monkeypatch, capsys):
    """`--max-lines 12 --preset original` is enough said; the original's floor of 240 gives way."""
    monkeypatch.chdir(folder)
    done("prepare --preset original --samples 10 --canvas-size 32 --max-lines 12 -o capped.npz", capsys)
    assert (load_corpus("capped.npz").lengths == 15).all()
    Path("capped.npz").unlink()


def test_preview(folder, monkeypatch, capsys):
    """A contact sheet of the corpus; more than there are shows all."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(folder)
    assert "4 of 40 threads" in done("preview --dataset small.npz --count 4", capsys)
    with Image.open("dataset_preview.png") as sheet:
        assert sheet.size[0] > 200


def test_train_then_resume(folder, monkeypatch, capsys):
    """Checkpoints, weights and a log; a resumed run continues from there and logs one line per step."""
    monkeypatch.chdir(folder)
    out = done(f"{TRAIN} --epochs 1", capsys)
    assert "32 + 8 threads, cpu" in out
    assert {"string_ai.pt", "string_ai_last.pt", "string_ai.safetensors", "string_ai.jsonl"} <= {
        path.name for path in folder.iterdir()
    }
    with Path("string_ai.jsonl").open("a") as log:
        log.write(
            '{"kind": "step", "step": 99, "progress": 1.0}\n{"kind": "st'
        )  # a kill after the checkpoint
    done(f"{TRAIN} --epochs 2 --resume", capsys)
    logged = [json.loads(line) for line in Path("string_ai.jsonl").read_text().splitlines()]
    assert [report["step"] for report in logged if report["kind"] == "valid"] == [4, 8]
    assert max(report["step"] for report in logged) == 8
    assert weights_file.load("string_ai.safetensors").facts["rows"] == 32


def test_train_from_weights(folder, monkeypatch, capsys):
    """Training begins from a weights file and says so in the new one; with resuming it is refused."""
    monkeypatch.chdir(folder)
    more = "--output second.pt --last-output second_last.pt"
    done(f"{TRAIN} --epochs 1 --start-from string_ai.safetensors {more}", capsys)
    facts = weights_file.load("second.safetensors").facts
    assert facts["started_from"] == weights_file.load("string_ai.safetensors").digest
    code, _, err = run(f"{TRAIN} --resume --start-from bundled", capsys)
    assert code == 1
    assert "either resumes or starts from weights" in err


def test_sample_and_generate_agree(folder, monkeypatch, capsys):
    """Thread i of `sample --seed S` is the one of `generate --seed S+i`; any class can be requested."""
    monkeypatch.chdir(folder)
    done("sample 3 --count 3 --seed 5 -o many.jsonl", capsys)
    done("sample any --count 1 -o any.jsonl", capsys)
    lines = Path("many.jsonl").read_text().splitlines()
    done("generate 3 --seed 6 --size 96", capsys)
    drawn = Thread.from_json(Path("digit_3_4k.json").read_text())
    assert Thread.from_json(lines[1]) == drawn
    assert json.loads(lines[1])["digit"] == 3
    assert drawn.provenance["weights"] == find_weights(None).digest
    assert Thread.from_json(Path("any.jsonl").read_text()).label is None


def test_the_picture_comes_back(folder, monkeypatch, capsys):
    """The same seed gives the same files; rendering the JSON gives the same picture."""
    monkeypatch.chdir(folder)
    done("generate 3 --seed 6 --size 96 -o one.png", capsys)
    done("generate 3 --seed 6 --size 96 -o two.png --sequence-output other.json", capsys)
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
    assert Path("one.json").read_bytes() == Path("other.json").read_bytes()
    done("render one.json --size 96 -o three.png", capsys)
    with Image.open("one.png") as one, Image.open("three.png") as three:
        assert np.array_equal(np.asarray(one), np.asarray(three))


def test_words_and_pictures(folder, monkeypatch, capsys):
    """A word is one board a character; a picture given is wound by the model and named in the JSON."""
    monkeypatch.chdir(folder)
    done("generate 204 --size 96", capsys)
    assert [t["label"] for t in json.loads(Path("digit_204_4k.json").read_text())["threads"]] == list("204")
    done("generate 7 --like mnist:test:0 --size 96 -o like.png", capsys)
    assert json.loads(Path("like.json").read_text())["provenance"]["picture"] == "mnist:test:0"
    done("generate --image mnist:test:0 --size 96 -o image.png", capsys)
    assert json.loads(Path("image.json").read_text())["label"] is None


def test_greedy_needs_no_seed(folder, monkeypatch, capsys):
    """`--temperature 0 --top-k 1` gives the same nails at every seed, whatever writes the plan."""
    monkeypatch.chdir(folder)
    for seed in (1, 2):
        done(f"sample 4 --temperature 0 --top-k 1 --seed {seed} -o cold{seed}.jsonl", capsys)
    found = [Thread.from_json(Path(f"cold{seed}.jsonl").read_text()) for seed in (1, 2)]
    assert found[0] == found[1]


def test_which_weights_are_used(tmp_path, monkeypatch):
    """The folder's own model before the bundled one; its published weights unless they are older."""
    monkeypatch.chdir(tmp_path)
    mine, fresh = random_weights(seed=1), random_weights(seed=2)
    monkeypatch.setattr(weights_file, "load_bundled", lambda: fresh)
    assert find_weights(None) is fresh
    Path("string_ai.pt").write_bytes(b"no checkpoint, and newer")
    mine.save("string_ai.safetensors", half=False)
    assert find_weights(None).digest == mine.digest
    long_ago = time.time() - 1000
    os.utime("string_ai.safetensors", (long_ago, long_ago))
    with pytest.raises(Exception, match=r"string_ai.pt is not a Nitograph checkpoint"):
        find_weights(None)


def test_decoders_by_device(plain):
    """auto and cpu are NumPy's decoder; a device that is not there is one line."""
    assert isinstance(make_decoder(plain, "auto"), Decoder)
    assert isinstance(make_decoder(plain, "cpu"), Decoder)
    torch = pytest.importorskip("torch")
    if not torch.backends.mps.is_available():
        with pytest.raises(SettingsError, match="device mps is not available here"):
            make_decoder(plain, "mps")


def test_progress_is_silent_where_nobody_watches(capsys, monkeypatch):
    """No bar in files and pipes; a bar with the count on a terminal."""
    with progress("weaving", 10) as advance:
        advance(5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress("weaving", 10) as advance:
        advance(10)


def test_waiting_for_the_compiler_gives_a_notice(capsys, monkeypatch):
    """Once, on a terminal, and only where something is compiled; not in files and pipes."""
    monkeypatch.setattr(compiling, "DELAY", 0.2)

    def compile_for_a_while():
        with event.trigger_event("numba:compile"):
            time.sleep(0.6)

    for watched, work, line in (
        (False, compile_for_a_while, ""),
        (True, lambda: time.sleep(0.6), ""),
        (True, compile_for_a_while, compiling.NOTICE + "\n"),
    ):
        monkeypatch.setattr("sys.stderr.isatty", lambda watched=watched: watched)
        with compiling.compiling_notice():
            time.sleep(0.2)
            work()
        assert capsys.readouterr().err == line


def test_divergence_keeps_the_last_good_checkpoint(folder, monkeypatch, capsys):
    """An error in training is one line, and the checkpoint before it is not written over."""
    from nitograph.training import trainer

    monkeypatch.chdir(folder)
    before = Path("string_ai_last.pt").read_bytes()

    def diverge(*args, **more):
        raise WeightsError("training diverged at step 9")

    monkeypatch.setattr(trainer, "descend", diverge)
    code, _, err = run(f"{TRAIN} --epochs 3 --resume", capsys)
    assert (code, err) == (1, "nitograph train: training diverged at step 9\n")
    assert Path("string_ai_last.pt").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("board", "chords"),
    [("--nails 3 --min-nail-gap 1", 3), ("--nails 32 --max-lines 1", 1), ("--nails 600 --max-lines 9", 9)],
)
def test_extreme_boards(tmp_path, monkeypatch, capsys, board, chords):
    """Three nails and many, one chord: woven, learned and invented like any other."""
    monkeypatch.chdir(tmp_path)
    done(
        f"prepare --split test --samples 20 --canvas-size 16 --zernike-order 4 -o small.npz {board}", capsys
    )
    assert (load_corpus("small.npz").lengths - 3).max() == chords
    done(f"{TRAIN} --epochs 1", capsys)
    done("sample 7 --count 2 -o made.jsonl", capsys)
    made = [Thread.from_json(line) for line in Path("made.jsonl").read_text().splitlines()]
    assert all(1 <= thread.line_count <= max(chords, 3) for thread in made)


SCRIPTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "script", ["prepare_dataset.py", "preview_dataset.py", "train_ai.py", "generate.py"]
)
def test_classic_scripts(tmp_path, script):
    """The four scripts of the first Nitograph run from an empty folder and show their own name."""
    shown = subprocess.run(
        [sys.executable, str(SCRIPTS / script), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"usage: {script}" in shown.stdout
