"""The study of docs/weaving.md: error against each setting, on fixed MNIST test images, with its pictures.

Takes some minutes and prints one JSON line per point.

Try it: python docs/pictures/weaving.py some_folder
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import nitograph
from nitograph.api.keywords import Weaving
from nitograph.board import Board
from nitograph.cli import main as command
from nitograph.corpus.sources import mnist
from nitograph.drawing.board import BoardLook, draw as draw_board
from nitograph.drawing.look import NeonSettings
from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import Material
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.woven import rasters
from nitograph.light import chords
from nitograph.thread import Thread
from nitograph.weaving import encoder
from nitograph.weaving.stepwise import Weaver

STRENGTHS = (0.01, 0.015, 0.02, 0.03, 0.045, 0.07, 0.1)
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
RADII = (0.0, 0.5, 1.0, 1.5, 2.0)
SIZES = (32, 48, 64, 96, 128)
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "line_strength": [{"line_strength": s, "max_lines": 900} for s in STRENGTHS],
    "false_positive_weight": [{"false_positive_weight": w} for w in WEIGHTS],
    "nails": [{"nails": n, "min_nail_gap": max(1, n * 6 // 256)} for n in (32, 64, 96, 128, 192, 256, 384)],
    "line_radius": [
        {"line_radius": r, "line_strength": 0.09 / (2 * r + 1), "max_lines": 900} for r in RADII
    ],
    "canvas_size": [
        {"canvas_size": c, "line_radius": 1.5 * c / 64 - 0.5, "blur_radius": 0.85 * c / 64} for c in SIZES
    ],
    "length_power": [{"length_power": p} for p in (-0.3, 0.0, 0.1, 0.3, 0.6, 1.0)],
    "max_lines": [{"max_lines": m} for m in (20, 40, 60, 80, 120, 160, 240)],
}


def measure(images: np.ndarray, settings: encoder.WeaveSettings) -> tuple[float, float]:
    """Mean error against the default target at 64 pixels, and mean chords."""
    wanted = encoder.targets(images, encoder.WeaveSettings())
    woven = encoder.weave_many(images, settings)
    threads = [Thread(woven.path(i), settings.board) for i in range(len(images))]
    shown = [shade(thread, 64, settings) for thread in threads]
    errors = [chords.error(target, raster) for target, raster in zip(wanted, shown, strict=True)]
    return float(np.mean(errors)), float(woven.lengths.mean() - 1)


def shade(thread: Thread, size: int, settings: encoder.WeaveSettings) -> np.ndarray:
    """The raster of a thread with the settings it was woven with, (size, size)."""
    return chords.raster(thread, size, strength=settings.line_strength, width=settings.width)


def read(critic: Critic, settings: encoder.WeaveSettings, every: int) -> float:
    """Accuracy of a critic of plain MNIST, which never saw threads, on woven test digits."""
    test = mnist("test")
    woven = encoder.weave_many(test.images[::every], settings)
    shown = rasters(pack([woven.path(i) for i in range(len(woven))]), settings)
    return float((critic.read(shown)[1] == test.labels[::every]).mean())


def curves(folder: Path, quick: bool) -> None:
    """Two small plots per setting: error (line) and chords (dots) above, accuracy of a critic below."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    images, every = mnist("test").images[:: 5000 if quick else 250], 1000 if quick else 20
    material, critic_settings = (
        Material(),
        CriticSettings().replace(**{"images_seen": 100} if quick else {}),
    )
    critic = trained(*material.lesson("A", 50 if quick else 10_000), critic_settings, material.cache)
    rows = {"height_ratios": [2, 1, 2, 1]}
    figure, axes = plt.subplots(4, 4, figsize=(13, 8.4), constrained_layout=True, gridspec_kw=rows)
    pairs = [(axes[2 * row, column], axes[2 * row + 1, column]) for row in range(2) for column in range(4)]
    for (above, below), (name, points) in zip(pairs, SWEEPS.items(), strict=False):
        found = []
        for changes in points[: 2 if quick else None]:
            settings = encoder.WeaveSettings(**changes)
            error, count = measure(images, settings)
            share = read(critic, settings, every)
            found.append((changes[name], error, count, share))
            line = {"error": round(error, 4), "chords": count, "read": round(share, 4)}
            print(json.dumps({"setting": name, **changes, **line}), flush=True)
        values, errors, counts, shares = zip(*found, strict=True)
        above.plot(values, errors, "o-", color="#0b6e8f")
        above.set(ylabel="error", ylim=(0.15, 1.05 * max(errors)), xticklabels=[])
        beside = above.twinx()
        beside.plot(values, counts, "s:", color="#c2571a", markersize=3)
        beside.set_ylabel("chords", color="#c2571a")
        beside.set_ylim(0, None)
        below.plot(values, shares, "o-", color="#4b7f2b", markersize=3)
        below.set(xlabel=name, ylabel="read", ylim=(min(0.85, *shares), 1))
        for axis in (above, below):
            axis.axvline(encoder.WeaveSettings.default(name), color="0.8", zorder=0)
    for axis in pairs[-1]:
        axis.axis("off")
    figure.savefig(folder / "weaving-study.png", dpi=80)


def digits(folder: Path) -> None:
    """Targets above threads: the original's settings, the default, the search, half the strength."""
    from PIL import Image

    test = mnist("test")
    images = test.images[[int(np.flatnonzero(test.labels == k)[3]) for k in range(10)]]
    default = encoder.WeaveSettings()
    rows = [np.hstack(list(encoder.targets(images, default.replace(canvas_size=128, blur_radius=1.7))))]
    kinds = (
        encoder.PRESETS["original"],
        default,
        default.replace(quality="best"),
        default.replace(line_strength=0.015, max_lines=600, quality="best"),
    )
    for settings in kinds:
        woven = encoder.weave_many(images, settings)
        rows.append(
            np.hstack([shade(Thread(woven.path(i), settings.board), 128, settings) for i in range(10)])
        )
    Image.fromarray((np.vstack(rows) * 255).astype(np.uint8)).save(folder / "weaving-digits.png")


def photographs(folder: Path, quick: bool) -> None:
    """A face and the cameraman as boards: as it was (light that adds up), now, and by a peer's rule."""
    from PIL import Image

    sys.path.append(str(Path(__file__).parents[2]))  # the project's root, where the benchmarks are
    from benchmarks import photographs as measured
    from benchmarks.photos import peers

    ring, board = Board(measured.NAILS), BoardLook(thread_width=0.2, diameter=600)
    chords_of: Weaving = {"max_lines": 100 if quick else 3000}
    sheet = []
    for name in ("face", "camera"):
        grey = measured.picture(name)
        settings = encoder.PRESETS["photo"].replace(nails=ring.num_nails, min_nail_gap=7, **chords_of)
        added = settings.replace(canvas_size=600, line_strength=0.08)
        old = Weaver(encoder.targets(255 - grey[None], added)[0], added).run().thread()
        new = measured.ours(grey, settings.max_lines, settings.canvas_size)
        peer = peers.PEERS[0]
        theirs = peers.weave(measured.resized(grey, peers.SIDE), peer, ring.num_nails, settings.max_lines)
        threads = [Thread(nails, ring) for nails in (old.nails, new, theirs)]
        sheet.append(
            np.hstack([draw_board(thread, NeonSettings(size=480), board).rgb() for thread in threads])
        )
    image = Image.fromarray(np.vstack(sheet)).convert("L").quantize(12)
    image.save(folder / "weaving-photographs.png", optimize=True)
    kept: Weaving = {"quality": "fast" if quick else "best"}
    face = nitograph.weave(measured.picture("face"), **(chords_of | kept))
    portrait = nitograph.draw(face, size=640).reduced(640).rgb()
    Image.fromarray(portrait).quantize(48).save(folder / "portrait.png", optimize=True)


def colours(folder: Path, quick: bool) -> None:
    """A cat in four colours of thread, as `weave cat.png --threads 4 --max-lines 5000` draws it."""
    from PIL import Image
    from skimage import data

    source, thread, made = (folder / name for name in ("cat.png", "cat.json", "made.png"))
    Image.fromarray(data.chelsea()).save(source)
    words = ["weave", str(source), "-o", str(thread), "--preview", str(made), "--threads", "4"]
    if command([*words, "--max-lines", "400" if quick else "5000"]):
        raise SystemExit("weave of the cat failed")
    with Image.open(made) as board:
        small = board.convert("RGB").resize((720, 720), Image.Resampling.LANCZOS)
    small.save(folder / "colours.jpg", quality=80, optimize=True, progressive=True)
    for path in (source, thread, made):
        path.unlink()


def main() -> None:
    """Write all pictures into the given folder."""
    parser = argparse.ArgumentParser(description="The study of docs/weaving.md.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--quick", action="store_true", help="few points, to test that it runs")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    digits(args.folder)
    photographs(args.folder, args.quick)
    colours(args.folder, args.quick)
    curves(args.folder, args.quick)


if __name__ == "__main__":
    main()
