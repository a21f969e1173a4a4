"""The study of docs/weaving.md: error against each setting, on fixed MNIST test images, with its pictures.

python docs/pictures/weaving.py docs/pictures     a few minutes; prints one JSON line a point
"""

import json
import sys
from pathlib import Path

import numpy as np

from nitograph import chords, weave
from nitograph.photo import PhotoSettings, prepare_photo
from nitograph.sources import mnist
from nitograph.thread import Thread
from nitograph.weaver import Weaver

IMAGES = np.arange(0, 10_000, 250)
STRENGTHS = (0.01, 0.015, 0.02, 0.03, 0.045, 0.07, 0.1)
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
RADII = (0.0, 0.5, 1.0, 1.5, 2.0)
SIZES = (32, 48, 64, 96, 128)
SWEEPS: dict[str, list[dict[str, object]]] = {
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


def measure(images: np.ndarray, settings: weave.WeaveSettings) -> tuple[float, float]:
    """Mean error against the default target at 64 pixels, and mean chords."""
    wanted = weave.targets(images, weave.WeaveSettings())
    woven = weave.weave_many(images, settings)
    look = {"strength": settings.line_strength, "width": settings.width}
    threads = [Thread(woven.path(i), settings.board) for i in range(len(images))]
    shown = [chords.raster(thread, 64, **look) for thread in threads]
    errors = [chords.error(target, raster) for target, raster in zip(wanted, shown, strict=True)]
    return float(np.mean(errors)), float(woven.lengths.mean() - 1)


def curves(folder: Path) -> None:
    """One small plot a setting: error (line) and chords (dots)."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    images = mnist("test").images[IMAGES]
    figure, axes = plt.subplots(2, 4, figsize=(13, 5.6), constrained_layout=True)
    for axis, (name, points) in zip(axes.flat, SWEEPS.items(), strict=False):
        found = []
        for changes in points:
            error, count = measure(images, weave.WeaveSettings(**changes))
            found.append((changes[name], error, count))
            print(
                json.dumps({"setting": name, **changes, "error": round(error, 4), "chords": count}),
                flush=True,
            )
        values, errors, counts = zip(*found, strict=True)
        axis.plot(values, errors, "o-", color="#0b6e8f")
        axis.set(xlabel=name, ylabel="error", ylim=(0.15, 1.05 * max(errors)))
        beside = axis.twinx()
        beside.plot(values, counts, "s:", color="#c2571a", markersize=3)
        beside.set_ylabel("chords", color="#c2571a")
        beside.set_ylim(0, None)
        axis.axvline(weave.WeaveSettings.default(name), color="0.8", zorder=0)
    axes.flat[-1].axis("off")
    figure.savefig(folder / "weaving-study.png", dpi=80)


def digits(folder: Path) -> None:
    """Targets above threads: the original's settings, the default, the search, half the strength."""
    from PIL import Image

    test = mnist("test")
    images = test.images[[int(np.flatnonzero(test.labels == k)[3]) for k in range(10)]]
    default = weave.WeaveSettings()
    rows = [np.hstack(list(weave.targets(images, default.replace(canvas_size=128, blur_radius=1.7))))]
    kinds = (
        weave.PRESETS["original"],
        default,
        default.replace(quality="best"),
        default.replace(line_strength=0.015, max_lines=600, quality="best"),
    )
    for settings in kinds:
        woven = weave.weave_many(images, settings)
        look = {"strength": settings.line_strength, "width": settings.width}
        shown = [chords.raster(Thread(woven.path(i), settings.board), 128, **look) for i in range(10)]
        rows.append(np.hstack(shown))
    Image.fromarray((np.vstack(rows) * 255).astype(np.uint8)).save(folder / "weaving-digits.png")


def photographs(folder: Path) -> None:
    """scikit-image's cameraman and astronaut, light thread on dark and dark thread on light."""
    from PIL import Image
    from skimage import color, data

    woman = (color.rgb2gray(data.astronaut()) * 255).astype(np.uint8)
    kinds = (
        (woman, PhotoSettings(equalize=0.3, zoom=0.6, centre_x=0.42, centre_y=0.3)),
        (data.camera(), PhotoSettings(invert=True, equalize=0.5)),
    )
    shown = []
    for grey, photo in kinds:
        settings = weave.PRESETS["photo"]
        weaver = Weaver(weave.targets(prepare_photo(grey, photo)[None], settings)[0], settings).run()
        look = {"strength": settings.line_strength, "width": settings.width}
        raster = chords.raster(weaver.thread(), 600, **look)
        shown.append(1 - raster if photo.invert else raster)
    grey = (np.hstack(shown) * 255).astype(np.uint8)
    Image.fromarray(grey).quantize(64).save(folder / "weaving-photographs.png", optimize=True)


def main() -> None:
    """All pictures into the folder named."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    digits(folder)
    photographs(folder)
    curves(folder)


if __name__ == "__main__":
    main()
