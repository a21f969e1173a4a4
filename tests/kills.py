"""kill -9 at random moments of every command that writes: what lies there afterwards is whole.

Each output stands before the kill as an old file; after it every output must be that old file, byte by
byte, or exactly the new one, and the next run must end with the new ones and nothing else. Outputs that
are folders begin anew, are killed and finished by the same command, to the same bytes. Training is resumed
after each kill, and must end. Moments near the end, where files are written, are drawn more often.

Try it: PYTHONPATH=src:tests python tests/kills.py --kills 20 --command sample
"""

import argparse
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from nitograph.thread import Thread
from nitograph.training.checkpoints import checkpoint_weights
from test_reliability import MODEL_FLAGS
from tiny import random_weights, small_corpus

OLD = b"what stood here before"
SMALL = "--nails 32 --canvas-size 16 --max-lines 9 --zernike-order 4"
COMMANDS = {
    "generate": "generate 7 --checkpoint w.safetensors --size 512 --export svg,csv,html -o o.png",
    "sample": "sample 7 --count 600 --checkpoint w.safetensors -o o.jsonl",
    "render": "render t.json --size 1024 -o o.png",
    "gallery": "gallery 7 --count 30 --checkpoint w.safetensors -o o.html",
    "animate": "animate t.json --size 128 --seconds 1 --hold 0 -o o.gif",
    "weave": "weave p.png --nails 64 --canvas-size 64 --max-lines 200 -o o.json",
    "export": "export t.json -o o.svg -o o.pdf -o o.dxf -o o.csv -o o.gcode -o o.html",
    "prepare": f"prepare --samples 5000 {SMALL} -o o.npz",
    "preview": "preview --dataset c.npz --count 60 -o o.png",
    "evaluate": "evaluate --threads l.jsonl --dataset c.npz --samples-per-class 5 --seeds 1 "
    "--lesson-seen 100 --critic-images 500 --images-seen 500 --two-sample-per-class 5 "
    "-o o.json --page o.html",
}
FOLDERS = {
    "sample, shards": "sample any --count 2000 --shard-size 600 --checkpoint w.safetensors -o o",
    "prepare, shards": f"prepare --samples 5000 {SMALL} -o o",
}
TRAIN = ["train", "--dataset", "c.npz", *MODEL_FLAGS, "--patience", "0", "--plan-steps", "20", "--epochs"]
INPUTS = ("w.safetensors", "t.json", "p.png", "c.npz", "l.jsonl", "cache")
NUMBER = re.compile(rb"[\d.]+")


@dataclass
class Row:
    """What came of the kills of one command."""

    kills: int = 0
    old: int = 0
    new: int = 0
    mixed: int = 0
    faults: int = 0


@dataclass(frozen=True)
class Plan:
    """How often a command is killed, at which random moments, and for how many seconds at most."""

    kills: int
    drawn: random.Random
    seconds: float

    def rounds(self, row: Row) -> Iterator[None]:
        """Once more until there are enough kills, or no time is left."""
        began = time.monotonic()
        while row.kills < self.kills and time.monotonic() - began < self.seconds:
            yield

    def moment(self, lasts: float) -> float:
        """Seconds after the start of a command that takes so many; the later, the likelier."""
        return lasts * math.sqrt(self.drawn.random())


def run(folder: Path, words: list[str], *, after: float | None = None) -> int:
    """The exit code of a command, killed after so many seconds."""
    with subprocess.Popen(
        [sys.executable, "-m", "nitograph", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"NITOGRAPH_CACHE": str(folder / "cache")},
    ) as process:
        try:
            return process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()


def finished(folder: Path, words: list[str]) -> float:
    """Seconds that a command takes, which must succeed."""
    began = time.monotonic()
    code = run(folder, words)
    if code:
        raise SystemExit(f"nitograph {' '.join(words)}: exit code {code}")
    return time.monotonic() - began


def outputs(folder: Path) -> dict[str, bytes]:
    """All files but the inputs and what a command keeps of its work, by name within the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in INPUTS
    }


def same(found: bytes, wanted: bytes, name: str) -> bool:
    """Whether these are the same; an evaluation's outputs hold times and are compared without numbers."""
    if name == "evaluate":
        found, wanted = NUMBER.sub(b"", found), NUMBER.sub(b"", wanted)
    return found == wanted


def prepare_folder(folder: Path) -> None:
    """Inputs of every command."""
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "label": "7", "nails": [0, 9, 20, 3, 11, 30, 5]}')
    Image.linear_gradient("L").save(folder / "p.png")
    corpus = small_corpus()
    corpus.save(folder / "c.npz")
    threads = [corpus.thread(row) for row in range(len(corpus))]
    listed = [Thread(thread.nails, thread.board, str(at % 10)) for at, thread in enumerate(threads)]
    (folder / "l.jsonl").write_text("".join(f"{thread.to_json()}\n" for thread in listed))


def killed(folder: Path, name: str, plan: Plan) -> Row:
    """Kill one command at random moments between its start and its end."""
    words, row = COMMANDS[name].split(), Row()
    finished(folder, words)
    lasts, wanted = finished(folder, words), outputs(folder)
    assert wanted
    for _ in plan.rounds(row):
        for output in wanted:
            (folder / output).write_bytes(OLD)
        if run(folder, words, after=plan.moment(lasts)) != -signal.SIGKILL:
            continue  # it had ended before
        row.kills += 1
        found = {key: data for key, data in outputs(folder).items() if not key.startswith(".")}
        fresh = [key for key in wanted if key in found and same(found[key], wanted[key], name)]
        stale = [key for key in wanted if found.get(key) == OLD]
        row.faults += found.keys() != wanted.keys() or len(fresh) + len(stale) != len(wanted)
        row.old += len(stale) == len(wanted)
        row.new += len(fresh) == len(wanted)
        row.mixed += 0 < len(fresh) < len(wanted)
    finished(folder, words)
    row.faults += not _all_same(outputs(folder), wanted, name) or bool(list(folder.glob(".*")))
    return row


def _all_same(found: dict[str, bytes], wanted: dict[str, bytes], name: str) -> bool:
    return found.keys() == wanted.keys() and all(same(found[key], wanted[key], name) for key in wanted)


def killed_folder(folder: Path, name: str, plan: Plan) -> Row:
    """Kill a command that writes a folder, and again what goes on with it; then let it end."""
    words, row = FOLDERS[name].split(), Row()
    finished(folder, words)
    shutil.rmtree(folder / "o")
    lasts, wanted = finished(folder, words), outputs(folder)
    assert wanted
    for _ in plan.rounds(row):
        shutil.rmtree(folder / "o", ignore_errors=True)
        for _twice in range(2):
            if run(folder, words, after=plan.moment(lasts)) != -signal.SIGKILL:
                continue  # it had ended before
            row.kills += 1
            found = outputs(folder)
            row.old += not found
            row.new += found == wanted
            row.mixed += bool(found) and found != wanted
        row.faults += run(folder, words) != 0 or outputs(folder) != wanted
    return row


def killed_training(folder: Path, plan: Plan) -> Row:
    """Kill a training run again and again, each time resuming it; then let it end."""
    row, last = Row(), folder / "string_ai_last.pt"
    lasts = finished(folder, [*TRAIN, "1"])
    for path in folder.glob("string_ai*"):
        path.unlink()
    for _ in plan.rounds(row):
        resumed = ["--resume"] if last.exists() else []
        moment = plan.drawn.uniform(0.3, 1.5) * lasts
        if run(folder, [*TRAIN, "100000", *resumed], after=moment) != -signal.SIGKILL:
            row.faults += 1
            break
        row.kills += 1
        if last.exists():
            checkpoint_weights(last)
            row.new += 1
        else:
            row.old += 1
    step, resumed = (
        (torch.load(last, weights_only=True)["step"], ["--resume"]) if last.exists() else (0, [])
    )
    row.faults += run(folder, [*TRAIN, str(step // 7 + 2), *resumed]) != 0
    row.faults += torch.load(last, weights_only=True)["step"] <= step
    row.faults += any(name.startswith(".") for name in outputs(folder))
    return row


def row_of(name: str, plan: Plan) -> Row:
    """The kills of one command, in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare_folder(folder)
        if name == "train":
            return killed_training(folder, plan)
        return (killed_folder if name in FOLDERS else killed)(folder, name, plan)


def main() -> int:
    """Print a row for each command; 1 if anything was not whole."""
    every = [*COMMANDS, *FOLDERS, "train"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of kills of each command")
    parser.add_argument("--command", action="append", choices=every)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(
        "| command | kills | all old | all new | some new | not whole |\n|---|---|---|---|---|---|",
        flush=True,
    )
    faults = 0
    for name in args.command or every:
        drawn = random.Random(f"{name} {args.seed}")
        row = row_of(name, Plan(args.kills, drawn, args.seconds))
        print(f"| {name} | {row.kills} | {row.old} | {row.new} | {row.mixed} | {row.faults} |", flush=True)
        faults += row.faults
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
