"""What a beam, penalties, the best of several and a repair gain, measured on validation images.

A run is one way to decode: `--threads` invented threads, classes in turn, each with a seed of its own (the
same in every run). They are compared with as many woven from the last MNIST train images, which no critic
has learned from: read by critic B (÷ what it reads of woven ones), its coverage, density and Fréchet
distance (÷ floor), the two-sample AUC on pictures and on nails, every penalty per thread, chords, and
milliseconds of processor time a thread. The threads of "best of 1, 2, 4 …" are drawn once. A line of JSON a
run, appended to `--output`; runs that are there already are left out.

Try it: python docs/studies/decoding.py --weights string_ai.safetensors --only plain "best of" --threads 200
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from records import arguments, finished, keep

from nitograph.api.inventing import Wish, threads_of
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import RandomCandidate
from nitograph.evaluation.critics import Critic
from nitograph.evaluation.judges.comparison import Comparison, train_critics
from nitograph.evaluation.judges.discriminators import NAILS, PICTURES
from nitograph.evaluation.judges.habits import habits
from nitograph.evaluation.judges.samples import closeness_in, recognisability
from nitograph.evaluation.judges.two_sample import Pair, Side, compare, pictures
from nitograph.evaluation.material import DIGITS, Material
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.settings import QUICK as QUICK_EVALUATION
from nitograph.evaluation.woven import Woven, rasters
from nitograph.model.weights import Weights, load, load_bundled
from nitograph.sampling.best import seeds_of
from nitograph.sampling.critic import bundled, pictures as rastered
from nitograph.sampling.penalties import charged
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings

FIRST_SEED = 70_000_000
COUNTS = (1, 2, 4, 8)  # of "best of"
RUNS: dict[str, tuple[SampleSettings, bool]] = {
    "plain": (SampleSettings(), False),
    "repair": (SampleSettings(), True),
    "temperature 0": (SampleSettings(temperature=0.0, plan_temperature=0.8), False),
    "beam 4": (SampleSettings(beam=4), False),
    "beam 4, temperature 0.5": (SampleSettings(beam=4, temperature=0.5), False),
    "beam 4, temperature 0": (SampleSettings(beam=4, temperature=0.0, plan_temperature=0.8), False),
    "short 2": (SampleSettings(penalty="short=2"), False),
    "crowding 1": (SampleSettings(penalty="crowding=1"), False),
    "overdraw 1": (SampleSettings(penalty="overdraw=1"), False),
    "metres 1": (SampleSettings(penalty="metres=1"), False),
    "beam 4, short 2": (SampleSettings(beam=4, penalty="short=2"), False),
    "best of": (SampleSettings(), False),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Court:
    """What every run is judged by."""

    weights: Weights
    material: Material
    per_class: int
    valid: Woven
    critics: Mapping[str, Critic]
    walks: Woven

    @property
    def names(self) -> list[str]:
        """The classes that are asked for, in turn."""
        return list(DIGITS) * self.per_class

    @property
    def seeds(self) -> range:
        """A seed for each."""
        return range(FIRST_SEED, FIRST_SEED + len(self.names))

    def woven(self, threads: Sequence[Thread]) -> Woven:
        """Invented threads as the evaluation takes them."""
        paths = pack([thread.nails for thread in threads])
        labels = np.array([DIGITS.index(str(thread.label)) for thread in threads])
        return Woven(list(threads), rasters(paths, self.material.weaving), labels, np.arange(len(threads)))

    def judge(self, threads: Sequence[Thread]) -> dict[str, Any]:
        """All figures of some threads."""
        made = self.woven(threads)
        compared = Comparison(self.material, self.per_class, 1, self.valid, made, self.walks)
        figures, _ = recognisability(compared, self.critics)
        real, seen, walked = (self.critics["B"].read(k.rasters)[0] for k in (self.valid, made, self.walks))
        figures |= closeness_in(compared, real, seen, walked, layer="critic B's last hidden layer")[0]
        names = ("critic_b", "coverage", "density", "frechet")
        found: dict[str, Any] = {name: round(figures[name].value.value, 3) for name in names}
        found |= self._told(made)
        board = self.weights.board
        costs = [charged(thread.nails, board) for thread in threads]
        found |= {name: round(float(np.mean([c[name] for c in costs])), 2) for name in costs[0]}
        return found | {"chords": round(float(np.mean([t.line_count for t in threads])), 1)}

    def _told(self, made: Woven) -> dict[str, Any]:
        """Two-sample AUCs against the validation threads, with half the width of their intervals."""
        weaving = self.material.weaving
        nails, paths = weaving.nails, [[t.nails for t in kind.threads] for kind in (made, self.valid)]
        shown = [pictures(side, nails, weaving.width) for side in paths]
        rows = [habits(side, nails) for side in paths]
        pairs = [
            Pair(design, Side(one, made.labels), Side(two, self.valid.labels))
            for design, (one, two) in ((PICTURES, shown), (NAILS, rows))
        ]
        aucs = [found.score.auc for found in compare(pairs, [0, 1])]
        found = {f"auc_{k}": round(a.value, 3) for k, a in zip(("pictures", "nails"), aucs, strict=True)}
        return found | {"auc_half_width": round((aucs[0].high - aucs[0].low) / 2, 3)}


def court(weights: Weights, per_class: int) -> Court:
    """Validation threads, critic B, random walks."""
    material = Material(WeaveSettings.from_dict(dict(weights.weaving)), Cache.of_user())
    valid = material.validation(2 * per_class)
    critics = train_critics(material, QUICK_EVALUATION.critic_images, QUICK_EVALUATION.images_seen, "B")
    lengths = np.array([thread.line_count for thread in valid.threads])
    random = RandomCandidate(material.weaving, lengths)
    walks = random.threads(list(DIGITS) * per_class, range(10 * per_class))
    mine = Court(weights, material, per_class, valid, critics, valid)
    return dataclasses.replace(mine, walks=mine.woven(walks))


def timed(work: Callable[[], list[Thread]]) -> tuple[list[Thread], float]:
    """The threads, and milliseconds of processor time for each."""
    began = time.process_time()
    threads = work()
    return threads, round(1000 * (time.process_time() - began) / len(threads), 1)


def best_of(mine: Court, output: Path, done: set[str]) -> None:
    """The best of N for every N, from candidates that are drawn once."""
    most = COUNTS[-1]
    names = [name for name in mine.names for _ in range(most)]
    seeds = [candidate for seed in mine.seeds for candidate in seeds_of(seed, most)]
    threads, spent = timed(lambda: invent(mine.weights, names, seeds))
    shown = rastered([t.nails for t in threads], mine.weights.board, mine.weights.weaving)
    liking: NDArray[np.float64] = bundled().liking(shown, names).reshape(-1, most)
    for count in COUNTS:
        name = f"best of {count}"
        if name in done:
            continue
        rows = np.arange(len(liking)) * most + liking[:, :count].argmax(axis=1)
        keep(output, {"run": name, **mine.judge([threads[row] for row in rows]), "ms": spent * count})


def main() -> None:
    """All runs that are not in the file yet."""
    parser = arguments("Measure ways to decode on validation images.", list(RUNS), 0.0)
    parser.add_argument("--weights", type=Path, help="weights to decode (bundled)")
    parser.add_argument("--threads", type=int, default=1000, help="threads of a run, a multiple of ten")
    args = parser.parse_args()
    torch.set_num_threads(1)
    output = args.output or Path("runs/decoding.jsonl")
    weights = load(args.weights) if args.weights else load_bundled()
    mine, done = court(weights, 2 if args.quick else args.threads // 10), finished(output, "run")
    for name in args.only:
        settings, repair = RUNS[name]
        if name == "best of":
            best_of(mine, output, done)
        elif name not in done:
            wish = Wish(repair=repair)
            threads, spent = timed(lambda: threads_of(weights, mine.names, mine.seeds, settings, wish))  # noqa: B023
            keep(output, {"run": name, **mine.judge(threads), "ms": spent})


if __name__ == "__main__":
    main()
