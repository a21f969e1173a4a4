"""The neon picture: time compared with Matplotlib's layers, memory, and how both grow.

Prints one JSON line per figure. Every time is the minimum of several runs, alternating with the reference.

Try it: python -m benchmarks.neon
"""

import io
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.report import quick, report, seconds
from nitograph.board import Board
from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings
from nitograph.thread import Thread


def digit_like(chords: int, nails: int = 256, seed: int = 1) -> Thread:
    """A random thread concentrated in a few bundles, like that of a digit."""
    rng = np.random.default_rng(seed)
    path = [nails // 8]
    while len(path) <= chords:
        target = (path[-1] + nails // 2 + (nails // 6 if len(path) % 40 < 20 else 0)) % nails
        nail = int(target + rng.normal(0, nails / 30)) % nails
        if abs(nail - path[-1]) % nails > 6:
            path.append(nail)
    return Thread(path, Board(nails), label="7")


def ours(thread: Thread, look: NeonSettings) -> bytes:
    """From thread to PNG file."""
    return neon.draw(thread, look).png()


def layers(thread: Thread, look: NeonSettings) -> bytes:
    """The same with Matplotlib's LineCollection layers and Pillow's PNG, as in the first Nitograph."""
    from PIL import Image

    from nitograph.drawing.classic import classic

    file = io.BytesIO()
    Image.fromarray(classic(thread, look).rgb()).save(file, "png")
    return file.getvalue()


def peak(size: int, chords: int, palette: str) -> float:
    """Peak memory in MB of a fresh process that makes one picture."""
    command = [sys.executable, "-m", "benchmarks.neon", "--peak", str(size), str(chords), palette]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def used() -> float:
    """Peak memory of this process so far, MB (not ru_maxrss, which a child begins with its parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(tiny: bool) -> None:
    """Measure and print all figures."""
    side, few, rounds = (256, 9, 1) if tiny else (4096, 150, 3)
    thread, look = digit_like(few), NeonSettings(size=side)
    times = [
        (seconds(lambda: ours(thread, look)), seconds(lambda: layers(thread, look))) for _ in range(rounds)
    ]
    mine, theirs = (min(column) for column in zip(*times, strict=True))
    report(f"{side}² picture with PNG, {few} chords; Matplotlib's layers", mine, "s", round(theirs, 4))
    start = time.process_time()
    picture = neon.draw(thread, look)
    drawn = time.process_time()
    picture.png()
    report("processor time of the drawing, all cores", drawn - start, "s")
    report("processor time of the PNG, all cores", time.process_time() - drawn, "s")
    report("drawing alone", min(seconds(lambda: neon.draw(thread, look)) for _ in range(rounds)), "s")
    report("PNG alone", min(seconds(lambda: picture.png()) for _ in range(rounds)), "s")
    report(
        "size of the file", len(ours(thread, look)) / 1e6, "MB", round(len(layers(thread, look)) / 1e6, 3)
    )
    gradient = look.replace(palette="aurora")
    coloured = min(seconds(lambda: ours(thread, gradient)) for _ in range(rounds))
    report("the same as a gradient in RGB", coloured, "s")
    growth((64,) if tiny else (64, 256, 1024, 2048, 8192, 16384), (1,) if tiny else (1, 1000, 5000, 20_000))
    sizes = ((64, 9),) if tiny else ((64, 150), (1024, 150), (4096, 150), (8192, 150), (16384, 150))
    for size, chords in sizes:
        report(f"peak memory of a process, {size}²", peak(size, chords, "cyan"), "MB")
    last = ((64, 9), (64, 20)) if tiny else ((8192, 150), (4096, 20_000))
    report(f"peak memory of a process, {last[0][0]}² RGB", peak(*last[0], "aurora"), "MB")
    report(f"peak memory of a process, {last[1][0]}², {last[1][1]} chords", peak(*last[1], "cyan"), "MB")


def growth(sizes: Sequence[int], counts: Sequence[int]) -> None:
    """Time by the side of the picture, 150 chords, and by the number of chords, at most 4096²."""
    thread, look = digit_like(150), NeonSettings()
    for size in sizes:
        sized = look.replace(size=size)
        report(f"{size}² with PNG", seconds(partial(ours, thread, sized)), "s")
    side = min(4096, max(sizes))
    for chords in counts:
        sized = look.replace(size=side)
        report(f"{side}² with PNG, {chords} chords", seconds(partial(ours, digit_like(chords), sized)), "s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        ours(digit_like(int(sys.argv[3])), NeonSettings(size=int(sys.argv[2]), palette=sys.argv[4]))
        print(used())
    else:
        main(quick(__doc__))
