"""Commands beside four busy processes: as they are, and with BLAS limited to one thread.

The busy processes are started here; both variants of a command run alternately. The reference is the
command with BLAS limited to one thread by its environment, which shows the unavoidable cost of the other
work.

Try it: python -m benchmarks.busy
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.generate import run
from benchmarks.report import quick, report

BUSY, TURNS = 4, 3
COMMANDS = {
    "gallery of 50": "gallery 0123456789 --count 50 -o a.html",
    "generate 7": "generate 7 -o a.png",
    "generate 7 like a picture": "generate 7 --like mnist:test:0 --size 1024 -o a.png",
    "sample 200": "sample 7 --count 200 -o a.jsonl",
    "render": "render thread.json -o a.png --size 1024",
    "weave": "weave mnist:test:17 -o a.json",
    "prepare 200, warped": "prepare --samples 200 --augment 1 -o a.npz",
}
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Processes that compute endlessly, stopped at the end of the block."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def measure(command: str, folder: str, blas_threads: int | None) -> float:
    """Seconds of one command; blas_threads None: BLAS may use all cores."""
    for name in THREADS:
        os.environ.pop(name, None)
        if blas_threads:
            os.environ[name] = str(blas_threads)
    return run(sys.executable, "-m", "nitograph", *command.split(), folder=folder)[0]


def main(tiny: bool = False) -> None:
    """Measure each command in both variants alternately, after one warm-up run that compiles."""
    commands = {"render": COMMANDS["render"]} if tiny else COMMANDS
    busy, rounds = (1, 1) if tiny else (BUSY, TURNS)
    with tempfile.TemporaryDirectory() as folder:
        measure("generate 7 --size 64 -o thread.png", folder, 1)
        for command in commands.values():
            measure(command, folder, 1)
        with busy_processes(busy):
            for name, command in commands.items():
                turns = [
                    (measure(command, folder, None), measure(command, folder, 1)) for _ in range(rounds)
                ]
                free, one = (median(times) for times in zip(*turns, strict=True))
                report(f"{name} beside {busy} busy processes (reference: one BLAS thread)", free, "s", one)


if __name__ == "__main__":
    main(quick(__doc__))
