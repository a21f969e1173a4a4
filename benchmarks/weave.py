"""Speed and fidelity of weaving, compared with a plain NumPy greedy in the same run.

python -m benchmarks.weave --images 200   fidelity on all 200 fixed MNIST test images: many minutes

Try it: python -m benchmarks.weave
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.report import add_quick, report
from nitograph.board import allowed_next
from nitograph.corpus.sources import mnist
from nitograph.light import chords
from nitograph.weaving import encoder
from nitograph.weaving.bound import relaxed_bound
from nitograph.weaving.loops.original_lines import ThickLines, thick_lines
from nitograph.weaving.stepwise import Weaver

FIXED_IMAGES = np.arange(0, 10_000, 50)


def fastest_cpu(work: Callable[[], object], times: int = 5) -> float:
    """The minimum processor time of several runs, seconds."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def line_pixels(lines: ThickLines, number: int) -> np.ndarray:
    """Flat pixel numbers of one thick line."""
    size, found = lines.canvas_size, []
    for begin, end in lines.runs[lines.first[number] : lines.first[number + 1]].astype(int):
        row, start = divmod(int(begin), size + 2)
        steep, row = divmod(row, size)
        places = np.arange(start, start + end - begin)
        found.append(places * size + row if steep else row * size + places)
    return np.concatenate(found)


class PlainOriginal:
    """The original's greedy in NumPy, in two variants.

    `weave` scores line by line, as the original did; `weave_together` gathers the pixels of all lines of a
    nail and sums them with reduceat.
    """

    def __init__(self, settings: encoder.WeaveSettings) -> None:
        self.settings, count = settings, settings.nails
        lines = thick_lines(count, settings.canvas_size, int(settings.line_radius))
        self.pixels = [[line_pixels(lines, a * count + b) for b in range(count)] for a in range(count)]
        self.together = [np.concatenate(row) for row in self.pixels]
        sizes = np.array([[len(places) for places in row] for row in self.pixels])
        self.starts = np.cumsum(sizes, axis=1) - sizes
        self.length = sizes**settings.length_power

    def weave(self, wanted: np.ndarray) -> list[int]:
        """The nails for one target (c, c), line by line."""
        return self._walk(wanted, self._scores_one_by_one)

    def weave_together(self, wanted: np.ndarray) -> list[int]:
        """The nails for one target (c, c), all lines of a nail at once."""
        return self._walk(wanted, self._scores_together)

    def _fall(self, target: np.ndarray, shown: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The decrease of the weighted squared error at the pixels of one more line."""
        s, over = self.settings, self.settings.false_positive_weight
        before = target[places] - shown[places]
        after = target[places] - np.minimum(shown[places] + s.line_strength, 1.0)
        fall = np.where(before > 0, 1, over) * before**2 - np.where(after > 0, 1, over) * after**2
        return np.asarray(fall)

    def _scores_one_by_one(self, here: int, target: np.ndarray, shown: np.ndarray) -> np.ndarray:
        falls = np.array([self._fall(target, shown, places).sum() for places in self.pixels[here]])
        return np.asarray(falls / self.length[here])

    def _scores_together(self, here: int, target: np.ndarray, shown: np.ndarray) -> np.ndarray:
        fall = self._fall(target, shown, self.together[here])
        return np.asarray(np.add.reduceat(fall, self.starts[here]) / self.length[here])

    def _walk(self, wanted: np.ndarray, score: Callable[..., np.ndarray]) -> list[int]:
        s = self.settings
        target, shown = wanted.reshape(-1).astype(np.float64), np.zeros(wanted.size)
        path = [s.start_nail or 0]
        while len(path) <= s.max_lines:
            here = path[-1]
            scores = score(here, target, shown)
            scores[~allowed_next(np.array([path]), s.board, s.rules)[0]] = -np.inf
            nail = int(np.argmax(scores))
            if scores[nail] == -np.inf or (scores[nail] <= s.stop_score and len(path) > s.min_lines):
                break
            places = self.pixels[here][nail]
            shown[places] = np.minimum(shown[places] + s.line_strength, 1.0)
            path.append(nail)
        return path


def speed_of_original(tiny: bool) -> None:
    """The original's settings compared with plain NumPy; both must give the same nails."""
    settings = encoder.PRESETS["original"]
    if tiny:
        settings = settings.replace(nails=32, min_nail_gap=2, max_lines=9, min_lines=9, recent_edges=4)
    images = mnist("train").images[: 2 if tiny else 64]
    wanted = encoder.targets(images, settings)
    woven = encoder.weave_targets(wanted, settings, threads=1)
    oracle = PlainOriginal(settings)
    same = oracle.weave(wanted[0]) == oracle.weave_together(wanted[0]) == woven.path(0).tolist()
    plain = 1e3 * fastest_cpu(lambda: oracle.weave(wanted[0]), 1 if tiny else 3)
    together = 1e3 * fastest_cpu(lambda: oracle.weave_together(wanted[0]), 1 if tiny else 3)
    ours = 1e3 * fastest_cpu(lambda: encoder.weave_targets(wanted, settings, threads=1)) / len(images)
    report("weave a digit, original's settings, ÷ plain NumPy", ours, "ms", plain, same_nails=same)
    report("weave a digit, original's settings, ÷ NumPy in bulk", ours, "ms", together)
    key = (settings.nails, settings.canvas_size, int(settings.line_radius))
    report(
        f"table of {settings.nails**2:,} thick lines",
        1e3 * fastest_cpu(lambda: thick_lines.__wrapped__(*key)),
        "ms",
    )


def speed_of_default(tiny: bool) -> None:
    """The default settings, including preparing pictures, and an estimate for 60,000 on two cores."""
    images, settings = mnist("train").images[: 8 if tiny else 256], encoder.WeaveSettings()
    encoder.weave_many(images[:8], settings)
    ours = fastest_cpu(lambda: encoder.weave_many(images, settings, threads=1)) / len(images)
    report("weave a digit, default settings, picture prepared", 1e3 * ours, "ms of one core")
    report("60,000 digits on two cores, from the above", ours * 60_000 / 2, "s")
    prepared = fastest_cpu(lambda: encoder.targets(images, settings)) / len(images)
    report("prepare a digit", 1e3 * prepared, "ms of one core")
    best = settings.replace(quality="best")
    few = encoder.targets(images[: 2 if tiny else 16], settings)
    encoder.weave_targets(few[:1], best)
    times = 1 if tiny else 3
    greedy = fastest_cpu(lambda: encoder.weave_targets(few, settings, threads=1), times)
    whole = fastest_cpu(lambda: encoder.weave_targets(few, best, threads=1), times)
    report("local search of a digit", 1e3 * (whole - greedy) / len(few), "ms of one core")


def speed_of_photographs(tiny: bool) -> None:
    """A smooth 600-pixel picture with the photo preset, and how the time grows."""
    full = ((288, 600, 3000), (576, 600, 3000), (288, 300, 3000), (288, 600, 1500))
    for nails, size, lines in ((64, 60, 30),) if tiny else full:
        settings = encoder.PRESETS["photo"].replace(nails=nails, canvas_size=size, max_lines=lines)
        place = chords.pixel_positions(size)
        waves = 0.5 + 0.25 * (np.sin(9 * place[:, None] + 3 * place**2) + np.cos(7 * place - 4))
        wanted = waves.astype(np.float32)
        Weaver(wanted, settings).advance()
        weavers = [Weaver(wanted, settings) for _ in range(3)]
        seconds = min(fastest_cpu(weaver.run, 1) for weaver in weavers)
        laid = weavers[0].chords
        report(f"photograph {size}×{size}, {nails} nails", seconds, "s of one core", chords=laid)


def fidelity(count: int, default: encoder.WeaveSettings) -> None:
    """Mean and worst error ÷ bound over the first `count` of the fixed MNIST test images."""
    images = mnist("test").images[FIXED_IMAGES[:: len(FIXED_IMAGES) // count]]
    finest = default.replace(line_strength=0.015, max_lines=600, quality="best")
    wanted = encoder.targets(images, default)
    bounds = [relaxed_bound(target, default) for target in wanted]
    upper = np.array([found.upper for found in bounds])
    loose = np.mean([found.upper / found.lower for found in bounds])
    report("bound, mean error", float(upper.mean()), "1", images=count, above_certificate=round(loose, 4))
    for name, settings in (
        ("fast", default.replace(quality="fast")),
        ("default", default),
        ("best", default.replace(quality="best")),
        ("best, strength 0.015", finest),
    ):
        woven = encoder.weave_targets(wanted, settings)
        ratios = (1 - woven.explained) / upper
        facts = {
            "worst": round(float(ratios.max()), 4),
            "error": round(float(1 - woven.explained.mean()), 4),
            "chords": round(float(woven.lengths.mean() - 1), 1),
        }
        report(f"error ÷ bound, {name}", float(ratios.mean()), "1", **facts)


def main() -> None:
    """Measure and print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=20, help="images for fidelity, up to 200")
    add_quick(parser)
    args = parser.parse_args()
    speed_of_original(args.quick)
    speed_of_default(args.quick)
    speed_of_photographs(args.quick)
    small = {"nails": 32, "min_nail_gap": 2, "canvas_size": 24, "line_strength": 0.2}
    default = encoder.WeaveSettings().replace(**small if args.quick else {})
    fidelity(1 if args.quick else args.images, default)


if __name__ == "__main__":
    main()
