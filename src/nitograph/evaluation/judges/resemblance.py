"""Can nobody tell? Samples against woven test pictures in the two-sample test, on pictures and on nails.

Three sets of threads stand against the same woven test pictures: the samples; threads woven of other test
images (the control, which nobody should tell apart); and for a plan model the threads that it winds from
the exact light of the control's images, which is the winder's own figure. This module trains no network
itself.

Try it: python -m nitograph evaluate --stand-in woven --samples-per-class 20 --seeds 1
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.evaluation.candidates import Candidate, ModelCandidate
from nitograph.evaluation.judges.comparison import Comparison
from nitograph.evaluation.judges.discriminators import NAILS, PICTURES, VERSION
from nitograph.evaluation.judges.habits import habits
from nitograph.evaluation.judges.two_sample import (
    Pair,
    Score,
    Separation,
    Side,
    compare,
    pictures,
)
from nitograph.evaluation.material import Material
from nitograph.evaluation.metrics import Estimate
from nitograph.evaluation.nearest import Paths
from nitograph.evaluation.order import in_turn
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.evaluation.woven import Woven
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import targets

SEEDS = 2  # at most; no more than there are rounds
SHOWN = 14  # threads of each side that are kept for the page
DESIGNS = {"pictures": PICTURES, "nails": NAILS}
SETS = ("samples", "woven", "light")


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows: the made and the real threads that look made most, with their scores; the map."""

    made: Sequence[Thread]
    made_chance: Sequence[float]
    real: Sequence[Thread]
    real_chance: Sequence[float]
    where: NDArray[np.float64]


def resemblance(
    candidate: Candidate, compared: Comparison, settings: EvaluationSettings
) -> tuple[dict[str, Figure], dict[str, Any], Shown]:
    """The two-sample figures, their details, and what gave the samples away."""
    count = per_class(settings)
    material, seeds = compared.material, range(min(SEEDS, compared.rounds))
    real, control = material.parted(count)
    mine = _first_of_each(compared.samples.labels, real.labels)
    made: dict[str, tuple[Sequence[Thread], NDArray[np.int64]]] = {
        "samples": ([compared.samples.threads[row] for row in mine], compared.samples.labels[mine])
    }
    if isinstance(candidate, ModelCandidate) and candidate.weights.settings.planned:
        made["light"] = (_wound(candidate, material, control, settings.first_seed), control.labels)
    results = _compare(made, real, material, seeds)
    scores: dict[str, dict[str, Score]] = {
        name: {kind: found.score for kind, found in kinds.items()} for name, kinds in results.items()
    }
    scores["woven"] = _control(control, real, material, seeds)
    figures = {
        f"two_sample_{kind}": _figure(f"two_sample_{kind}", scores["samples"][kind], scores["woven"][kind])
        for kind in DESIGNS
    }
    if "light" in scores:
        light = _figure("two_sample_light", scores["light"]["pictures"], scores["woven"]["pictures"])
        figures["two_sample_light"] = light
    seen = results["samples"]["pictures"]
    details = {
        "threads_of_each_side": len(real),
        "learned_from": seen.counts[0],
        "held_out": seen.counts[1],
        "seeds": len(seeds),
        "rows": [
            {"threads": name, **{kind: _row(score) for kind, score in scores[name].items()}}
            for name in SETS
            if name in scores
        ],
    }
    return figures, details, _shown(seen, made["samples"][0], real.threads)


def _first_of_each(labels: NDArray[np.int64], real: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first rows of `labels` in which each class is as often as in `real`, in turn."""
    counts = np.bincount(real)
    rows = [np.flatnonzero(labels == label)[:count] for label, count in enumerate(counts)]
    return in_turn(rows)


def per_class(settings: EvaluationSettings) -> int:
    """Threads of each class on each side of the test: no more than there are samples."""
    return min(settings.two_sample_per_class, settings.samples_per_class * settings.seeds)


def _wound(candidate: ModelCandidate, material: Material, pictured: Woven, seed: int) -> list[Thread]:
    """What the model winds from the exact light of these threads' images and their classes."""
    wanted = targets(material.test.images[pictured.rows], material.weaving)
    weights, labels = candidate.weights, [material.classes[label] for label in pictured.labels]
    plans = of_light(weights, weights.zernike.light(wanted))
    seeds = range(seed, seed + len(labels))
    return invent(weights, labels, seeds, candidate.settings, plans=plans, decoder=candidate.decoder)


def _compare(
    made: Mapping[str, tuple[Sequence[Thread], NDArray[np.int64]]],
    real: Woven,
    material: Material,
    seeds: Sequence[int],
) -> dict[str, dict[str, Separation]]:
    """Each named set of made threads against the real ones, by each design."""
    nails, width = material.weaving.nails, material.weaving.width
    sides = {name: ([t.nails for t in threads], labels) for name, (threads, labels) in made.items()}
    against = [thread.nails for thread in real.threads]

    def seen(kind: str, paths: Sequence[NDArray[np.int32]], labels: NDArray[np.int64]) -> Side:
        shown = pictures(paths, nails, width) if kind == "pictures" else habits(paths, nails)
        return Side(shown, labels)

    pairs, names = [], []
    for kind, design in DESIGNS.items():
        standard = seen(kind, against, real.labels)
        for name, (paths, labels) in sides.items():
            pairs.append(Pair(design, seen(kind, paths, labels), standard))
            names.append((name, kind))
    found: dict[str, dict[str, Separation]] = {name: {} for name in sides}
    for (name, kind), results in zip(names, compare(pairs, seeds), strict=True):
        found[name][kind] = results
    return found


def _control(control: Woven, real: Woven, material: Material, seeds: Sequence[int]) -> dict[str, Score]:
    """Real against real: it depends on no candidate, and is kept in the cache."""

    def make() -> dict[str, NDArray[Any]]:
        results = _compare({"woven": (control.threads, control.labels)}, real, material, seeds)["woven"]
        return {kind: _packed(found.score) for kind, found in results.items()}

    made_from = {"version": VERSION, "seeds": len(seeds), "width": material.weaving.width}
    made_from |= {"nails": material.weaving.nails}
    for name, side in (("control", control), ("real", real)):
        paths: Paths = side.paths()
        made_from |= {
            f"{name}_nails": paths.flat,
            f"{name}_starts": paths.starts,
            f"{name}_labels": side.labels,
        }
    kept = material.cache.fetch("two_sample", made_from, make)
    return {kind: _unpacked(kept[kind]) for kind in DESIGNS}


def _packed(score: Score) -> NDArray[np.float64]:
    """A score as numbers: AUC and accuracy with their intervals, then the AUC of each seed."""
    both = [end for e in (score.auc, score.accuracy) for end in (e.value, e.low, e.high)]
    return np.array([*both, *score.by_seed])


def _unpacked(kept: NDArray[np.float64]) -> Score:
    numbers = [float(number) for number in kept]
    return Score(Estimate(*numbers[:3]), Estimate(*numbers[3:6]), numbers[6:])


def _figure(key: str, score: Score, control: Score) -> Figure:
    return Figure(key, score.auc, score.auc.value, control.auc.value, score.by_seed)


def _row(score: Score) -> dict[str, Any]:
    return {
        "auc": ends(score.auc),
        "accuracy": ends(score.accuracy),
        "by_seed": [rounded(value) for value in score.by_seed],
    }


def _shown(results: Separation, made: Sequence[Thread], real: Sequence[Thread]) -> Shown:
    assert results.where is not None
    sides = []
    for suspects, threads in ((results.made, made), (results.real, real)):
        sides.append(([threads[row] for row in suspects.rows[:SHOWN]], suspects.chance[:SHOWN].tolist()))
    return Shown(*sides[0], *sides[1], results.where)
