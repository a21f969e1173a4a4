"""Guards against the outside: kills at any moment, full disks, several processes, hostile files."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from nitograph.corpus.rows import ARRAYS, load_corpus
from nitograph.errors import FileError
from nitograph.model import weights as weights_file
from nitograph.training.checkpoints import checkpoint_weights
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from tiny import MODEL

MODEL_FLAGS = [
    *("--embed-dim", "16", "--heads", "2", "--layers", "1", "--ff-dim", "16", "--plan-tokens", "4"),
    *(
        "--plan-width",
        "16",
        "--plan-rows",
        "8",
        "--batch-size",
        "8",
        "--device",
        "cpu",
        "--save-every",
        "0",
    ),
]


def start(*words: str, cwd: Path, module: str = "nitograph", **more) -> subprocess.Popen:
    """`python -m MODULE WORDS` as a process of its own."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def wait_for(condition, process: subprocess.Popen) -> None:
    """Until the condition holds, however slow the machine is; fails where the process ends before."""
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.02)


def kill(process: subprocess.Popen) -> None:
    """kill -9."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


PREPARE = [
    *("prepare", "--samples", "9000", "--nails", "32", "--canvas-size", "16", "--max-lines", "12"),
    *("--zernike-order", "4"),
]


@pytest.mark.slow
def test_kill_during_prepare(tmp_path):
    """Killed while weaving there is no corpus; the same command again uses the finished parts."""
    with start(*PREPARE, "-o", "a.npz", cwd=tmp_path) as process:
        wait_for(lambda: list(tmp_path.glob(".a.npz.parts/*/0.npz")), process)
        kill(process)
    assert not (tmp_path / "a.npz").exists()
    (part,) = tmp_path.glob(".a.npz.parts/*/0.npz")
    written = part.stat().st_mtime_ns
    part.write_bytes(part.read_bytes())
    os.utime(part, ns=(written, written))
    with start(*PREPARE, "-o", "a.npz", cwd=tmp_path) as process:
        assert process.wait() == 0
    assert len(load_corpus(tmp_path / "a.npz")) == 9000
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["plan", "step"])
def test_kill_during_training(tmp_path, corpus, stage):
    """Killed at any moment, the last checkpoint loads and --resume continues to the end."""
    corpus.save(tmp_path / "c.npz")
    steps = ["--plan-steps", "1000" if stage == "plan" else "3"]
    words = ["train", "--dataset", "c.npz", *MODEL_FLAGS, *steps, "--epochs", "4000"]
    last = tmp_path / "string_ai_last.pt"

    def kept() -> int:
        """Steps of the stage that the last checkpoint holds; that can be read at any moment."""
        return torch.load(last, weights_only=True)["plan_step" if stage == "plan" else "step"]

    with start(*words, cwd=tmp_path) as process:
        wait_for(lambda: last.exists() and kept() > 0, process)
        time.sleep(random.Random(stage).random() * 0.3)
        kill(process)
    state = torch.load(last, weights_only=True)
    checkpoint_weights(last)
    words[-1] = str(state["step"] // 7 + 2)
    with start(*words, "--resume", cwd=tmp_path) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, ""), out
    assert torch.load(last, weights_only=True)["step"] > state["step"]
    logged = [json.loads(line) for line in (tmp_path / "string_ai.jsonl").read_text().splitlines()]
    assert logged[-1]["kind"] == "done"
    weights_file.load(tmp_path / "string_ai.safetensors")


def test_kill_during_generate(tmp_path, planned):
    """Killed at random moments, no picture and no JSON is ever half written."""
    planned.save(tmp_path / "w.safetensors")
    words = ["generate", "7", "--checkpoint", "w.safetensors", "--size", "2048", "-o", "a.png"]
    drawn = random.Random(0)
    for _ in range(3):
        with start(*words, cwd=tmp_path) as process:
            time.sleep(0.3 + drawn.random())
            kill(process)
        picture, thread = tmp_path / "a.png", tmp_path / "a.json"
        if picture.exists():
            assert picture.read_bytes()[-8:-4] == b"IEND"
        if thread.exists():
            assert json.loads(thread.read_text())["label"] == "7"
    with start(*words, cwd=tmp_path) as process:
        assert process.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["torchrun", "first", "second"])
def test_sigterm_under_torchrun(tmp_path, corpus, whom):
    """Whichever process is asked to stop: all do after the step, the state is saved and reported once."""
    corpus.save(tmp_path / "c.npz")
    words = ["--standalone", "--nproc-per-node", "2", "-m", "nitograph", "train", "--dataset", "c.npz"]
    words += [*MODEL_FLAGS, "--plan-steps", "3", "--epochs", "100000", "--save-every", "1000"]
    log, last = tmp_path / "string_ai.jsonl", tmp_path / "string_ai_last.pt"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with start(*words, cwd=tmp_path, module="torch.distributed.run", env=environment) as process:
        wait_for(lambda: log.exists() and '"kind": "valid"' in log.read_text(), process)
        target = {"torchrun": process.pid}.get(whom) or child(process.pid, "0" if whom == "first" else "1")
        os.kill(target, signal.SIGTERM)
        out, err = process.communicate()
    assert process.returncode != 0
    state = torch.load(last, weights_only=True)
    reached = max(json.loads(line)["step"] for line in log.read_text().splitlines())
    assert state["step"] >= reached > 0
    assert out.count(f"stopped at step {state['step']}; --resume continues") == 1
    assert err.count("nitograph train: stopped") == 1


def child(parent: int, rank: str) -> int:
    """The process of this rank among those that torchrun has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            mine = f"PPid:\t{parent}\n" in (folder / "status").read_text()
            if mine and f"\0RANK={rank}\0".encode() in (folder / "environ").read_bytes():
                return int(folder.name)
    raise AssertionError(f"torchrun has no process of rank {rank}")


def test_more_processes_than_rows_of_a_step(corpus, monkeypatch):
    """Where there is not a row for each process, one line says what to do."""
    from nitograph.errors import SettingsError
    from nitograph.training import trainer

    monkeypatch.setattr(trainer, "join_group", lambda device: (0, 9))
    with pytest.raises(
        SettingsError, match="at least the number of processes, which share it, got 8 for 9"
    ):
        Trainer(corpus, MODEL, TrainSettings(batch_size=8))


FULL = """
import resource, signal, sys
from nitograph.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "command", "name"),
    [
        (500, "generate 7 --checkpoint w.safetensors --size 256 -o a.png", "a.png"),
        (100, "sample 7 --checkpoint w.safetensors -o a.jsonl", "a.jsonl"),
        (900, "prepare --samples 20 --nails 32 --canvas-size 16 --max-lines 12 -o a.npz", "parts"),
        (
            9000,
            f"train --dataset c.npz {' '.join(MODEL_FLAGS)} --plan-steps 1 --epochs 1",
            "string_ai_last.pt",
        ),
    ],
)
def test_full_disk(tmp_path, corpus, planned, room, command, name):
    """Where the disk is full each command ends with one line that names the file; no half file stays."""
    planned.save(tmp_path / "w.safetensors")
    corpus.save(tmp_path / "c.npz")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "cannot write" in done.stderr
    assert name in done.stderr
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left <= {"w.safetensors", "c.npz", "string_ai.jsonl"}


HOSTILE = """
import resource, sys
from nitograph import thread
from nitograph.training import checkpoints
from nitograph.corpus import load_corpus
from nitograph.model import weights
from nitograph.errors import NitographError
from nitograph.io.files import read_text
here = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (here + 600 * 2**20,) * 2)
readers = {
    ".npz": load_corpus,
    ".safetensors": weights.load,
    ".pt": checkpoints.checkpoint_weights,
    ".json": lambda path: thread.Thread.from_json(read_text(path), name=path),
}
for path in sys.argv[1:]:
    try:
        readers["." + path.rsplit(".", 1)[1]](path)
        print(path, "was read")
    except NitographError as error:
        assert "\\n" not in str(error), path
"""


@pytest.mark.slow
def test_hostile_files_take_little_memory(tmp_path, corpus, planned):
    """Files that claim or unpack to gigabytes are refused by every reader in 600 MB of further memory."""
    corpus.save(tmp_path / "ok.npz")
    planned.save(tmp_path / "ok.safetensors")
    np.savez_compressed(tmp_path / "zeros.npz", **{n: np.zeros(2**26, np.int8) for n in ARRAYS})
    (tmp_path / "deep.json").write_text("[" * 3_000_000)
    (tmp_path / "many.json").write_text('{"num_nails": 9, "nails": [' + "0,3," * 3_000_000 + "0]}")
    (tmp_path / "head.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{" * 1000)
    torch.save({"format": "x", "a": torch.zeros(1).expand(2**34)}, tmp_path / "wide.pt")
    for kind in ("npz", "safetensors"):
        whole = (tmp_path / f"ok.{kind}").read_bytes()
        (tmp_path / f"cut.{kind}").write_bytes(whole[:-100])
    names = [path.name for path in tmp_path.iterdir() if path.stem != "ok"]
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, *names], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_device_is_never_replaced():
    """Writing to /dev/null is refused, as root too; the device stays a device."""
    from nitograph.io.files import write_bytes

    with pytest.raises(FileError, match="is a device or a pipe"):
        write_bytes("/dev/null", b"x")
    assert not Path("/dev/null").is_file()
