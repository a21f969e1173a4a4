"""kill -9 at random moments of every command that writes: what lies there afterwards is whole.

Each output stands before the kill as an old file; after it every output must be that old file, byte by
byte, or exactly the new one, and the next run must end with the new ones and nothing else. Training is
resumed after each kill, and must end.

Try it: PYTHONPATH=src python tests/kills.py --kills 20 --command sample
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from nitograph.training.checkpoints import checkpoint_weights
from test_reliability import MODEL_FLAGS
from tiny import random_weights, small_corpus

OLD = b"what stood here before"
COMMANDS = {
    "generate": "generate 7 --checkpoint w.safetensors --size 512 --export svg,csv,html -o o.png",
    "sample": "sample 7 --count 50 --checkpoint w.safetensors -o o.jsonl",
    "render": "render t.json --size 1024 -o o.png",
    "gallery": "gallery 7 --count 30 --checkpoint w.safetensors -o o.html",
    "animate": "animate t.json --size 128 --seconds 1 --hold 0 -o o.gif",
    "weave": "weave p.png --nails 64 --canvas-size 64 --max-lines 200 -o o.json",
    "export": "export t.json -o o.svg -o o.pdf -o o.dxf -o o.csv -o o.html",
    "prepare": "prepare --samples 900 --nails 32 --canvas-size 16 --max-lines 9 --zernike-order 4 -o o.npz",
    "preview": "preview --dataset c.npz --count 60 -o o.png",
}
TRAIN = ["train", "--dataset", "c.npz", *MODEL_FLAGS, "--plan-steps", "20", "--epochs"]
INPUTS = ("w.safetensors", "t.json", "p.png", "c.npz")


@dataclass
class Row:
    """What came of the kills of one command."""

    kills: int = 0
    old: int = 0
    new: int = 0
    mixed: int = 0
    faults: int = 0


def run(folder: Path, words: list[str], *, after: float | None = None) -> int:
    """The exit code of a command, killed after so many seconds."""
    command = [sys.executable, "-m", "nitograph", *words]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            return process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()


def outputs(folder: Path) -> dict[str, bytes]:
    """All files but the inputs and what an interrupted `prepare` keeps."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name not in INPUTS
    }


def prepare_folder(folder: Path) -> None:
    """Inputs of every command."""
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "label": "7", "nails": [0, 9, 20, 3, 11, 30, 5]}')
    Image.linear_gradient("L").save(folder / "p.png")
    small_corpus().save(folder / "c.npz")


def killed(folder: Path, words: list[str], kills: int, drawn: random.Random) -> Row:
    """Kill one command at random moments between its start and its end."""
    run(folder, words)
    began = time.monotonic()
    run(folder, words)
    lasts, wanted, row = time.monotonic() - began, outputs(folder), Row()
    while row.kills < kills:
        for name in wanted:
            (folder / name).write_bytes(OLD)
        if run(folder, words, after=drawn.uniform(0, lasts)) != -signal.SIGKILL:
            continue  # it had ended before
        row.kills += 1
        found = {name: data for name, data in outputs(folder).items() if not name.startswith(".")}
        whole = found.keys() == wanted.keys() and all(
            data in (OLD, wanted[name]) for name, data in found.items()
        )
        fresh = sum(found.get(name) == wanted[name] for name in wanted)
        row.faults += not whole
        row.old += fresh == 0
        row.new += fresh == len(wanted)
        row.mixed += 0 < fresh < len(wanted)
    run(folder, words)
    row.faults += outputs(folder) != wanted
    return row


def killed_training(folder: Path, kills: int, drawn: random.Random) -> Row:
    """Kill a training run again and again, each time resuming it; then let it end."""
    row, last = Row(), folder / "string_ai_last.pt"
    began = time.monotonic()
    run(folder, [*TRAIN, "1"])
    lasts = time.monotonic() - began
    last.unlink()
    while row.kills < kills:
        resumed = ["--resume"] if last.exists() else []
        if (
            run(folder, [*TRAIN, "100000", *resumed], after=drawn.uniform(0.3, 1.5) * lasts)
            != -signal.SIGKILL
        ):
            row.faults += 1
            break
        row.kills += 1
        if last.exists():
            checkpoint_weights(last)
            row.new += 1
        else:
            row.old += 1
    step = torch.load(last, weights_only=True)["step"]
    row.faults += run(folder, [*TRAIN, str(step // 7 + 2), "--resume"]) != 0
    row.faults += torch.load(last, weights_only=True)["step"] <= step
    row.faults += any(name.startswith(".") for name in outputs(folder))
    return row


def main() -> int:
    """Print a row for each command; 1 if anything was not whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command (default %(default)s)")
    parser.add_argument("--command", action="append", choices=[*COMMANDS, "train"])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(
        "| command | kills | all old | all new | some new | not whole |\n|---|---|---|---|---|---|",
        flush=True,
    )
    faults = 0
    for name in args.command or [*COMMANDS, "train"]:
        folder, drawn = Path(tempfile.mkdtemp()), random.Random(f"{name} {args.seed}")
        try:
            prepare_folder(folder)
            row = (
                killed_training(folder, args.kills, drawn)
                if name == "train"
                else killed(folder, COMMANDS[name].split(), args.kills, drawn)
            )
        finally:
            shutil.rmtree(folder)
        print(f"| {name} | {row.kills} | {row.old} | {row.new} | {row.mixed} | {row.faults} |", flush=True)
        faults += row.faults
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
