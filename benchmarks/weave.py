"""Figures of weaving, ours beside a plain NumPy greedy in the same run: one JSON line a figure.

python -m benchmarks.weave             speed, and fidelity on 20 images: about a minute
python -m benchmarks.weave --images 200   fidelity on all 200 fixed MNIST test images: many minutes
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.report import told
from nitograph import chords, classic, weave
from nitograph.board import allowed_next
from nitograph.bound import relaxed_bound
from nitograph.sources import mnist
from nitograph.weaver import Weaver

FIXED_IMAGES = np.arange(0, 10_000, 50)


def quickest(work: Callable[[], object], times: int = 5) -> float:
    """The least processor time of several runs, seconds."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def line_pixels(lines: classic.ThickLines, number: int) -> np.ndarray:
    """Flat pixel numbers of one thick line."""
    size, found = lines.canvas_size, []
    for begin, end in lines.runs[lines.first[number] : lines.first[number + 1]].astype(int):
        row, start = divmod(int(begin), size + 2)
        steep, row = divmod(row, size)
        places = np.arange(start, start + end - begin)
        found.append(places * size + row if steep else row * size + places)
    return np.concatenate(found)


class PlainOriginal:
    """The original's greedy in plain NumPy: all lines of a nail gathered at once, summed by reduceat."""

    def __init__(self, settings: weave.WeaveSettings) -> None:
        self.settings, count = settings, settings.nails
        lines = classic.thick_lines(count, settings.canvas_size, int(settings.line_radius))
        self.pixels = [[line_pixels(lines, a * count + b) for b in range(count)] for a in range(count)]
        self.together = [np.concatenate(row) for row in self.pixels]
        sizes = np.array([[len(places) for places in row] for row in self.pixels])
        self.starts = np.cumsum(sizes, axis=1) - sizes
        self.length = sizes**settings.length_power

    def weave(self, wanted: np.ndarray) -> list[int]:
        """The nails for one target (c, c)."""
        s = self.settings
        target, shown = wanted.reshape(-1).astype(np.float64), np.zeros(wanted.size)
        path, over = [s.start_nail or 0], s.false_positive_weight
        while len(path) <= s.max_lines:
            here, places = path[-1], self.together[path[-1]]
            before = target[places] - shown[places]
            after = target[places] - np.minimum(shown[places] + s.line_strength, 1.0)
            fall = np.where(before > 0, 1, over) * before**2 - np.where(after > 0, 1, over) * after**2
            scores = np.add.reduceat(fall, self.starts[here]) / self.length[here]
            scores[~allowed_next(np.array([path]), s.board, s.rules)[0]] = -np.inf
            nail = int(np.argmax(scores))
            if scores[nail] == -np.inf or (scores[nail] <= s.stop_score and len(path) > s.min_lines):
                break
            places = self.pixels[here][nail]
            shown[places] = np.minimum(shown[places] + s.line_strength, 1.0)
            path.append(nail)
        return path


def speed_of_original() -> None:
    """The original's settings, the same nails, against plain NumPy."""
    settings = weave.PRESETS["original"]
    images = mnist("train").images[:16]
    wanted = weave.targets(images, settings)
    woven = weave.weave_targets(wanted, settings, threads=1)
    oracle = PlainOriginal(settings)
    plain = oracle.weave(wanted[0])
    reference = 1e3 * quickest(lambda: oracle.weave(wanted[0]), 3)
    ours = 1e3 * quickest(lambda: weave.weave_targets(wanted, settings, threads=1)) / len(images)
    same = plain == woven.path(0).tolist()
    told("weave a digit, the original's settings", ours, "ms", reference, same_nails=same)
    key = (settings.nails, settings.canvas_size, int(settings.line_radius))
    told("table of 65,536 thick lines", 1e3 * quickest(lambda: classic.thick_lines.__wrapped__(*key)), "ms")


def speed_of_default() -> None:
    """The default settings, pictures prepared included; and the seconds for 60,000 on two cores."""
    images, settings = mnist("train").images[:256], weave.WeaveSettings()
    weave.weave_many(images[:8], settings)
    ours = quickest(lambda: weave.weave_many(images, settings, threads=1)) / len(images)
    told("weave a digit, default settings, picture prepared", 1e3 * ours, "ms of one core")
    told("60,000 digits on two cores, from the above", ours * 60_000 / 2, "s")
    prepared = quickest(lambda: weave.targets(images, settings)) / len(images)
    told("prepare a digit", 1e3 * prepared, "ms of one core")
    best = settings.replace(quality="best")
    few = weave.targets(images[:16], settings)
    weave.weave_targets(few[:1], best)
    greedy = quickest(lambda: weave.weave_targets(few, settings, threads=1), 3)
    whole = quickest(lambda: weave.weave_targets(few, best, threads=1), 3)
    told("local search of a digit", 1e3 * (whole - greedy) / 16, "ms of one core")


def speed_of_photographs() -> None:
    """A smooth 600-pixel picture at the photo preset, and how time grows."""
    for nails, size, lines in ((288, 600, 3000), (576, 600, 3000), (288, 300, 3000), (288, 600, 1500)):
        settings = weave.PRESETS["photo"].replace(nails=nails, canvas_size=size, max_lines=lines)
        place = chords.pixel_positions(size)
        waves = 0.5 + 0.25 * (np.sin(9 * place[:, None] + 3 * place**2) + np.cos(7 * place - 4))
        wanted = waves.astype(np.float32)
        Weaver(wanted, settings).advance()
        weavers = [Weaver(wanted, settings) for _ in range(3)]
        seconds = min(quickest(weaver.run, 1) for weaver in weavers)
        laid = weavers[0].chords
        told(f"photograph {size}×{size}, {nails} nails", seconds, "s of one core", chords=laid)


def fidelity(count: int) -> None:
    """Mean and worst error ÷ bound over the first `count` of the fixed MNIST test images."""
    images = mnist("test").images[FIXED_IMAGES[:: len(FIXED_IMAGES) // count]]
    default = weave.WeaveSettings()
    finest = default.replace(line_strength=0.015, max_lines=600, quality="best")
    wanted = weave.targets(images, default)
    bounds = [relaxed_bound(target, default) for target in wanted]
    upper = np.array([found.upper for found in bounds])
    loose = np.mean([found.upper / found.lower for found in bounds])
    told("bound, mean error", float(upper.mean()), "1", images=count, above_certificate=round(loose, 4))
    for name, settings in (
        ("fast", default.replace(quality="fast")),
        ("default", default),
        ("best", default.replace(quality="best")),
        ("best, strength 0.015", finest),
    ):
        woven = weave.weave_targets(wanted, settings)
        ratios = (1 - woven.explained) / upper
        facts = {
            "worst": round(float(ratios.max()), 4),
            "error": round(float(1 - woven.explained.mean()), 4),
            "chords": round(float(woven.lengths.mean() - 1), 1),
        }
        told(f"error ÷ bound, {name}", float(ratios.mean()), "1", **facts)


def main() -> None:
    """All figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=20, help="images for fidelity, up to 200")
    count = parser.parse_args().images
    speed_of_original()
    speed_of_default()
    speed_of_photographs()
    fidelity(count)


if __name__ == "__main__":
    main()
