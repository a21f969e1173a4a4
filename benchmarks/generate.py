"""`nitograph generate 7` from a cold start: wall time, memory and the time of each stage.

The reference is `python -c "import torch"` on the same machine in the same run.

Try it: python -m benchmarks.generate
"""

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.report import quick, report

STAGES = """
import time; t0 = time.perf_counter()
def lap(name):
    global t0
    now = time.perf_counter(); print(f"{name}\\t{now - t0}"); t0 = now
import numpy; lap("import numpy")
import nitograph.cli.generate; lap("import nitograph")
from nitograph.model.weights import load_bundled; w = load_bundled(); w.digest; lap("weights")
from nitograph.sampling.sampler import invent; threads = invent(w, ["7"], [42]); lap("decode")
from nitograph.drawing import look, neon
picture = neon.draw(threads, look.NeonSettings(size=SIZE)); lap("draw")
picture.png(); lap("PNG")
"""


def run(*command: str, folder: str) -> tuple[float, float]:
    """Seconds and peak MiB of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main(tiny: bool) -> None:
    """Alternate cold starts, then the stages of one."""
    ours, theirs = [], []
    size, times = ("128", 1) if tiny else ("4096", 5)
    flags = ["--size", size] if tiny else []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(times):
            ours.append(run(sys.executable, "-m", "nitograph", "generate", "7", *flags, folder=folder))
            theirs.append(run(sys.executable, "-c", "import torch", folder=folder))
        stages = [sys.executable, "-c", STAGES.replace("SIZE", size)]
        listed = subprocess.run(stages, cwd=folder, capture_output=True, text=True, check=True)
    seconds, memory = min(ours)
    report("generate 7, cold start (reference: import torch)", seconds, "s", min(theirs)[0])
    report("generate 7, peak memory (reference: import torch)", memory, "MiB", min(theirs)[1])
    for line in listed.stdout.splitlines():
        stage, value = line.split("\t")
        report(f"  stage: {stage}", float(value), "s")


if __name__ == "__main__":
    main(quick(__doc__))
