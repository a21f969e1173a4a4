"""Quality of the samples: recognisability, closeness, usefulness, rules. Copying has its own module.

Each judge takes the same comparison (references, samples, random walks) and returns figures with the
details behind them. Figures that depend on the number of samples are computed per round. This module knows
no threshold.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.rules import legal_paths
from nitograph.evaluation.critics import FEATURES, Critic, CriticSettings, train, trained
from nitograph.evaluation.judges.comparison import (
    Comparison,
    Critics,
    Floats,
    Judgement,
    mean,
    quantiles,
)
from nitograph.evaluation.metrics import (
    Estimate,
    density_parts,
    even_weights,
    frechet,
    jackknife,
    mean_interval,
    pooled,
    ratio_interval,
)
from nitograph.evaluation.nearest import Paths
from nitograph.evaluation.order import in_turn
from nitograph.evaluation.pairs import confusion, groups_of
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.weaving.encoder import WeaveSettings

USEFULNESS_SEED = 900


def recognisability(compared: Comparison, critics: Critics) -> Judgement:
    """Share that each critic reads as the requested class, beside its ceiling; classes count the same.

    Where classes count as one, each figure comes with what it is with every class for itself.
    """
    reads = {name: _Reads.of(compared, critic) for name, critic in critics.items()}
    figures, worst = _figures(reads)
    details: dict[str, Any] = {name: found.details() for name, found in reads.items()}
    if worst is not None:
        details["worst_class"] = worst
    if compared.merges:
        alone, details["worst_class_unmerged"] = _figures(
            {k: found.unmerged() for k, found in reads.items()}
        )
        figures = {key: replace(figure, unmerged=alone[key]) for key, figure in figures.items()}
    return figures, details


def _figures(reads: "Mapping[str, _Reads]") -> tuple[dict[str, Figure], str | None]:
    """The figures of each critic, and of critic B by class and group; the name of its worst class."""
    keys = {name: f"critic_{name.lower()}" for name in reads}
    figures = {keys[name]: found.figure(keys[name]) for name, found in reads.items()}
    if "B" not in reads:
        return figures, None
    found, classes = reads["B"], reads["B"].compared.classes
    by_class = [found.figure("worst_class", np.array([i])) for i in range(len(classes))]
    worst = min(range(len(by_class)), key=lambda i: by_class[i].value.value)
    figures["worst_class"] = by_class[worst]
    for key, members in groups_of(classes).items():
        figures[key] = found.figure(key, members)
    return figures, classes[worst]


@dataclass(frozen=True, eq=False)
class _Reads:
    """What one critic reads of samples, references and random walks, and which of them are right."""

    compared: Comparison
    read: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    right: NDArray[np.bool_]
    ceiling: NDArray[np.bool_]
    floor: NDArray[np.bool_]

    @staticmethod
    def of(compared: Comparison, critic: Critic) -> "_Reads":
        """Everything read."""
        kinds = (compared.samples, compared.reference, compared.walks)
        reads = [critic.read(kind.rasters)[1] for kind in kinds]
        return _Reads(compared, (reads[0], reads[1], reads[2]), *map(compared.right, reads, kinds))

    def unmerged(self) -> "_Reads":
        """The same with each class for itself."""
        alone = self.compared.unmerged()
        kinds = (alone.samples, alone.reference, alone.walks)
        return _Reads(alone, self.read, *map(alone.right, self.read, kinds))

    def details(self) -> dict[str, Any]:
        """What is read, class by class, JSON values."""
        compared = self.compared
        labels, tops = compared.samples.labels, compared.reference.labels
        weights = even_weights(tops)
        ceiling = self.ceiling if weights is None else self.ceiling * weights
        classes = len(compared.classes)
        return {
            "accuracy": ends(mean_interval(self.right)),
            "ceiling": ends(mean_interval(ceiling, weights=weights)),
            "by_class": self.shares(self.right, labels),
            "ceiling_by_class": self.shares(self.ceiling, tops),
            "confusion": confusion(labels, self.read[0], classes).tolist(),
            "ceiling_confusion": confusion(tops, self.read[1], classes).tolist(),
        }

    def figure(self, key: str, members: NDArray[np.int64] | None = None) -> Figure:
        """The share of samples that is right ÷ that of references, of all classes or of these."""
        compared = self.compared
        kinds = (compared.samples, compared.reference, compared.walks)
        mine, tops, walks = (
            slice(None) if members is None else np.isin(kind.labels, members) for kind in kinds
        )
        right, ceiling = self.right[mine], self.ceiling[tops]
        weights = even_weights(compared.reference.labels[tops])
        rounds = right.reshape(compared.rounds, -1)
        return Figure(
            key,
            ratio_interval(right, ceiling, weights=weights),
            mean(right),
            mean(ceiling) if weights is None else mean(ceiling * weights),
            [mean(part) for part in rounds],
            mean(self.floor[walks]),
        )

    def shares(self, right: NDArray[np.bool_], labels: NDArray[np.int64]) -> list[float | None]:
        """The share that is right of each class."""
        return [rounded(mean(right[labels == label])) for label in range(len(self.compared.classes))]


def closeness(compared: Comparison, critics: Critics) -> Judgement:
    """Fréchet distance, density and coverage in critic C's features, against halves of the references."""
    critic = critics["C"]
    real, made = critic.read(compared.reference.rasters)[0], critic.read(compared.samples.rasters)[0]
    walks = critic.read(compared.walks.rasters)[0]
    return closeness_in(
        compared, real, made, walks, layer=f"critic C's last hidden layer, {FEATURES} numbers"
    )


def closeness_in(
    compared: Comparison, real: Floats, made: Floats, walks: Floats, *, layer: str
) -> Judgement:
    """Closeness in the given features of references, samples and random walks; `layer` names them."""
    distances: list[Estimate] = []
    floors: list[float] = []
    parts: dict[str, tuple[list[Floats], list[Floats]]] = {"density": ([], []), "coverage": ([], [])}
    for number in range(compared.rounds):
        half, other = (real[rows] for rows in compared.halves(number))
        mine = made[compared.matched(number)]
        value = frechet(mine, half)
        distances.append(jackknife(value, len(mine), lambda kept: frechet(mine[kept], half)))  # noqa: B023  # called at once
        floors.append(frechet(other, half))
        for place, points in enumerate((mine, other)):
            dense, covered = density_parts(half, points)
            parts["density"][place].append(dense)
            parts["coverage"][place].append(covered)
    half = real[compared.halves(0)[0]]
    of_walks = dict(zip(parts, map(mean, density_parts(half, walks)), strict=True))
    floor, distance = float(np.mean(floors)), pooled(distances)
    figures = {
        "frechet": Figure(
            "frechet",
            distance.times(1 / max(floor, 1e-12)),
            distance.value,
            floor,
            [d.value for d in distances],
            frechet(walks, half),
        )
    }
    for key, (of_samples, of_real) in parts.items():
        ratio = ratio_interval(np.concatenate(of_samples), np.concatenate(of_real))
        rounds = [mean(part) for part in of_samples]
        figures[key] = Figure(
            key, ratio, float(np.mean(rounds)), mean(np.concatenate(of_real)), rounds, of_walks[key]
        )
    details = {
        "features": layer,
        "count": len(half),
        "k": 5,
        "frechet": ends(distance),
        "real_frechet": rounded(floor),
        "real_frechet_by_seed": [rounded(value) for value in floors],
        "coverage_by_class": _covered(compared, parts["coverage"][0]),
        "real_coverage_by_class": _covered(compared, parts["coverage"][1]),
    }
    return figures, details


def _covered(compared: Comparison, rounds: list[Floats]) -> list[float | None]:
    """The share of references of each class that is covered, over all rounds."""
    labels = np.concatenate(
        [compared.reference.labels[compared.halves(i)[0]] for i in range(compared.rounds)]
    )
    covered = np.concatenate(rounds)
    return [rounded(mean(covered[labels == label])) for label in range(len(compared.classes))]


def usefulness(compared: Comparison, images: int, seen: int) -> Judgement:
    """Accuracy on test pictures of a network trained on samples, ÷ one trained on as many woven ones."""
    shown, labels = compared.material.lesson("B", images)
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=len(compared.classes))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    each = np.minimum(counts, compared.per_class)
    right: dict[str, list[NDArray[np.bool_]]] = {"samples": [], "real": []}
    for number in range(compared.rounds):
        settings = CriticSettings(images_seen=seen, seed=USEFULNESS_SEED + number)
        rng = np.random.default_rng([compared.material.seed, 4, number])
        real = np.concatenate(
            [
                order[start + rng.permutation(count)[:most]]
                for start, count, most in zip(starts, counts, each, strict=True)
            ]
        )
        rows = np.arange(compared.size).reshape(compared.per_class, -1) + number * compared.size
        mine = in_turn([rows[:most, label] for label, most in enumerate(each)])
        made, cache, classes = compared.samples, compared.material.cache, len(compared.classes)
        networks = {
            "samples": train(made.rasters[mine], made.labels[mine], settings, classes=classes),
            "real": trained(shown[real], labels[real], settings, cache, classes=classes),
        }
        for name, critic in networks.items():
            read = critic.read(compared.reference.rasters)[1]
            right[name].append(compared.right(read, compared.reference))
    weights = even_weights(compared.reference.labels)
    share = np.ones(len(compared.reference)) if weights is None else weights
    both = {name: np.mean(np.stack(parts), axis=0) * share for name, parts in right.items()}
    figure = Figure(
        "usefulness",
        ratio_interval(both["samples"], both["real"]),
        mean(both["samples"]),
        mean(both["real"]),
        [mean(part * share) for part in right["samples"]],
        1 / len(compared.classes),
    )
    return {"usefulness": figure}, {
        "taught_on": int(each.sum()),
        "real_by_seed": [rounded(mean(part * share)) for part in right["real"]],
    }


def rules(compared: Comparison) -> Judgement:
    """Share of samples that break a rule of the references' board."""
    broken = breaks_a_rule(compared.samples.paths(), compared.material.weaving)
    share = mean_interval(broken)
    figure = Figure(
        "rules", share, share.value, 0.0, [mean(broken[compared.round(i)]) for i in range(compared.rounds)]
    )
    return {"rules": figure}, {
        "mask_on": {"paths": len(broken), "share": ends(share)},
        "chords": quantiles(np.diff(compared.samples.paths().starts) - 1),
        "test_chords": quantiles(np.diff(compared.reference.paths().starts) - 1),
    }


def breaks_a_rule(paths: Paths, weaving: WeaveSettings) -> NDArray[np.bool_]:
    """Which paths break the rules of these weaving settings, (n,)."""
    lengths = np.diff(paths.starts)
    rows = np.full((len(paths), int(lengths.max())), -1, dtype=np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = paths.flat
    return ~legal_paths(rows, weaving.board, weaving.rules)
