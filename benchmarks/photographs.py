"""Photographs on a real board beside two peers' rules: what is seen of the picture, and how long it takes.

Five pictures of scikit-image, 200 nails, a thread of 0.2 mm on 600 mm, at most 3,000 chords. `judge`
measures what each board shows, with a rasteriser of its own; `peers` has the peers' rules. Each figure is
held against the better of both peers for that picture. The last is the processor time of a whole process.

python -m benchmarks.photographs --chords 1000                     with fewer chords
python -m benchmarks.photographs --quality best --pictures camera  longer search, one picture

Try it: python -m benchmarks.photographs --quick
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import judge, peers
from benchmarks.report import add_quick, report
from nitograph.light.frame import FRAME
from nitograph.weaving.encoder import targets
from nitograph.weaving.photograph import SWEEPS, PhotoWeaver
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS

NAILS = 200
PICTURES = ("camera", "astronaut", "face", "cat", "rocket")
MEASURES = ("rmse_1mm", "rmse_3mm", "ssim_1mm", "ms_ssim_3mm")
BEST_LOW = ("rmse_1mm", "rmse_3mm")

Grey = NDArray[np.uint8]


def picture(name: str) -> Grey:
    """One of scikit-image's pictures as a grey square."""
    from PIL import Image
    from skimage import data

    pixels = getattr(data, {"face": "astronaut", "cat": "chelsea"}.get(name, name))()
    pixels = pixels[:256, 96:352] if name == "face" else pixels
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    side = min(grey.shape)
    top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    return np.ascontiguousarray(grey[top : top + side, left : left + side])


def resized(grey: Grey, side: int) -> NDArray[np.float64]:
    """The picture at another size, 0 black to 1 white."""
    from PIL import Image

    return np.asarray(Image.fromarray(grey).resize((side, side), Image.Resampling.LANCZOS)) / 255.0


def ours(grey: Grey, chords: int, canvas: int, quality: str = "default") -> NDArray[np.int64]:
    """Our nails: the picture is widened at its edges, so that the ring touches it as a peer's does."""
    edge = round(len(grey) * (1 / FRAME - 1) / 2)
    settings = PRESETS["photo"].replace(nails=NAILS, max_lines=chords, canvas_size=canvas, quality=quality)
    wanted = targets(255 - np.pad(grey, edge, mode="edge")[None], settings)[0]
    thread = PhotoWeaver(wanted, settings, RealBoard(thread_width=0.2, diameter=600.0)).run().thread()
    return thread.nails.astype(np.int64)


def beside_peers(
    name: str, chords: int, canvas: int, side: int, quality: str = "default"
) -> NDArray[np.float64]:
    """Print what each board shows of one picture; returns ours ÷ the best peer's, (4,)."""
    grey, ring = picture(name), peers.ring(NAILS)
    wanted = resized(grey, side)
    walks = {peer.name: peers.weave(resized(grey, canvas), peer, NAILS, chords) for peer in peers.PEERS}
    verdicts = {who: judge.judge(wanted, judge.shown(ring[walk], side=side)) for who, walk in walks.items()}
    start = time.process_time()
    walk = ours(grey, chords, canvas, quality)
    seconds = time.process_time() - start
    found = judge.judge(wanted, judge.shown(ring[walk], side=side))
    ratios = []
    for what in MEASURES:
        value = getattr(found, what)
        best = (min if what in BEST_LOW else max)(getattr(verdict, what) for verdict in verdicts.values())
        ratios.append(value / best)
        each = {who: round(getattr(verdict, what), 4) for who, verdict in verdicts.items()}
        better = best / value if what in BEST_LOW else value / best
        report(
            f"{name}, {what} (best peer)", value, "of 1", best, ratio=better, chords=len(walk) - 1, **each
        )
    report(f"{name}, {quality}, processor time of weaving", seconds, "s")
    return np.array(ratios)


def whole_process(grey: Grey, chords: int) -> float:
    """Processor seconds of `nitograph weave` from start to end, once its loops are compiled."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(grey).save(Path(folder) / "picture.png")
        command = [sys.executable, "-m", "nitograph", "weave", "picture.png", "-o", "thread.json"]
        command += ["--nails", str(NAILS), "--max-lines", str(chords)]
        times = []
        for _ in range(2):
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit("weave failed")
            times.append(usage.ru_utime + usage.ru_stime)
    return min(times)


def main(tiny: bool, chords: int, names: Sequence[str] = PICTURES, quality: str = "default") -> None:
    """The pictures, the geometric means of the ratios, and the time of a whole process over all of them."""
    names, canvas, side = (PICTURES[:1], 48, 100) if tiny else (names, peers.SIDE, judge.SIDE)
    chords = 60 if tiny else chords
    ratios = np.array([beside_peers(name, chords, canvas, side, quality) for name in names])
    for what, ratio in zip(MEASURES, np.exp(np.log(ratios).mean(axis=0)), strict=True):
        report(f"ours ÷ best peer, geometric mean: {what}", float(ratio), "×")
    if len(names) < len(PICTURES) and not tiny:
        return
    seconds = whole_process(picture("camera"), chords)
    report(f"weave, {chords} chords, whole process, processor time", seconds, "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--chords", type=int, default=3000, help="chords at most (default %(default)s)")
    parser.add_argument(
        "--pictures", nargs="+", choices=PICTURES, default=PICTURES, help="some of them (default all)"
    )
    parser.add_argument("--quality", choices=sorted(SWEEPS), default="default", help="how long we search")
    add_quick(parser)
    chosen = parser.parse_args()
    main(chosen.quick, chosen.chords, chosen.pictures, chosen.quality)
