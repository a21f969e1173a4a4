"""Scale: training from shards beside the same corpus in memory, weaving on a cluster of this machine, and
sampling by one process and by one per core, with the peak memory of a small and of a large run.

Variants take turns within one run. Peaks are of the whole tree of processes of a command.

Try it: python -m benchmarks.scale
"""

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import quick, report, seconds
from nitograph.compute.cores import cores
from nitograph.corpus.rows import Corpus, load_corpus
from nitograph.model.settings import ModelSettings
from nitograph.sampling.sampler import MANY as MANY_COMPILED
from nitograph.sampling.stream import UNIT
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer

ROWS, STEPS, TURNS = 8000, 4, 3
FEW, MANY = 2 * UNIT, 4 * UNIT  # threads sampled: whole units for each of two workers


def command(*words: str, folder: str) -> None:
    """Run `nitograph WORDS` in a folder."""
    subprocess.run([sys.executable, "-m", "nitograph", *words], cwd=folder, check=True, capture_output=True)


def resident(process: int) -> int:
    """Memory that a process and its children hold, in KiB, shared pages counted once for each."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:  # it has ended
            continue
        if str(process) in (fields["Pid"], fields["PPid"]):
            total += int(fields.get("VmRSS", "0").split()[0])
    return total


def sampled(count: int, workers: int, folder: str) -> tuple[float, float]:
    """Seconds and peak MiB of sampling so many threads."""
    words = [
        "sample",
        "7",
        "--count",
        str(count),
        "--workers",
        str(workers),
        "-o",
        f"{count}-{workers}.jsonl",
    ]
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "nitograph", *words], cwd=folder, stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    return time.perf_counter() - began, peak / 1024


def steps(corpus: Corpus, tiny: bool) -> Iterator[float]:
    """Tokens per second of the trainer's steps over a corpus, some steps at a time."""
    settings = TrainSettings(
        batch_size=4 if tiny else 64, plan_steps=1, epochs=1000, validation_fraction=0.05, plan_rows=0
    )
    reports = Trainer(corpus, ModelSettings(), settings).run(report_every=0.0, validate_every=math.inf)
    tokens = spent = count = 0.0
    before = None
    for entry in reports:
        if entry.kind == "step" and before is not None and before.kind == "step":
            took = entry.seconds - before.seconds
            tokens, spent, count = tokens + entry.tokens_per_second * took, spent + took, count + 1
            if count == STEPS:
                yield tokens / spent
                tokens = spent = count = 0.0
        before = entry


def train_from_disk(folder: str, rows: int, tiny: bool) -> None:
    """Tokens per second from shards, and beside them from memory."""
    short = ("--max-lines", "8") if tiny else ()
    for output in ("corpus", "corpus.npz"):
        command("prepare", "--samples", str(rows), *short, "-o", output, folder=folder)
    both = [steps(load_corpus(Path(folder) / name), tiny) for name in ("corpus", "corpus.npz")]
    speeds = [[next(each) for each in both] for _ in range(1 if tiny else TURNS)]
    disk, memory = (max(found) for found in zip(*speeds, strict=True))
    report("training from shards (reference: from memory)", disk, "tokens/s", memory, rows=rows)


def weave_on_a_cluster(folder: str, rows: int, tiny: bool) -> None:
    """Seconds of a corpus woven by Dask's processes, and beside it by threads here; the same bytes."""
    short = ("--max-lines", "8") if tiny else ()
    times = []
    for engine in ("dask", "local"):
        words = ("prepare", "--samples", str(rows), *short, "--engine", engine, "-o", f"{engine}.npz")
        times.append(seconds(lambda words=words: command(*words, folder=folder)))  # type: ignore[misc]
    one, other = (Path(folder, f"{engine}.npz").read_bytes() for engine in ("dask", "local"))
    report("weaving by Dask on this machine (reference: here)", times[0], "s", times[1], same=one == other)


def sample_many(folder: str, few: int, many: int) -> None:
    """Threads per second of one process and of one per core, and the peaks of a small and a large run.

    Speeds are those of the threads by which the two runs differ, so that starting is not counted.
    """
    command("sample", "7", "--count", str(min(few, MANY_COMPILED)), "-o", "warm.jsonl", folder=folder)
    one = None
    for workers in sorted({1, cores()}):
        (short, small), (long, large) = (sampled(count, workers, folder) for count in (few, many))
        speed = (many - few) / max(long - short, 1e-3)
        report(f"sampling, workers: {workers} (reference: 1)", speed, "threads/s", one)
        report(f"peak memory at {many} threads (reference: {few}), workers: {workers}", large, "MiB", small)
        one = speed


def main(tiny: bool) -> None:
    """Measure all three."""
    with tempfile.TemporaryDirectory() as folder:
        sample_many(folder, *((2, 4) if tiny else (FEW, MANY)))
        train_from_disk(folder, 60 if tiny else ROWS, tiny)
        weave_on_a_cluster(folder, 60 if tiny else ROWS, tiny)


if __name__ == "__main__":
    main(quick(__doc__))
