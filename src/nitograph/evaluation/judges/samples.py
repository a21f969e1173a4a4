"""Quality of the samples: recognisability, closeness, usefulness, rules. Copying has its own module.

Each judge takes the same comparison (references, samples, random walks) and returns figures with the
details behind them. Figures that depend on the number of samples are computed per round. This module knows
no threshold.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.rules import legal_paths
from nitograph.evaluation.critics import FEATURES, CriticSettings, train, trained
from nitograph.evaluation.judges.comparison import (
    Comparison,
    Critics,
    Floats,
    Judgement,
    mean,
    quantiles,
)
from nitograph.evaluation.material import CLASSES
from nitograph.evaluation.metrics import (
    Estimate,
    density_parts,
    frechet,
    jackknife,
    mean_interval,
    pooled,
    ratio_interval,
)
from nitograph.evaluation.nearest import Paths
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.weaving.encoder import WeaveSettings

USEFULNESS_SEED = 900


def recognisability(compared: Comparison, critics: Critics) -> Judgement:
    """Share that each critic reads as the requested class, beside its ceiling."""
    figures: dict[str, Figure] = {}
    details: dict[str, Any] = {}
    for name, critic in critics.items():
        read = critic.read(compared.samples.rasters)[1]
        ceiling = critic.read(compared.reference.rasters)[1] == compared.reference.labels
        floor = critic.read(compared.walks.rasters)[1] == compared.walks.labels
        right = read == compared.samples.labels
        ratio = ratio_interval(right, ceiling)
        rounds = [float(right[compared.round(i)].mean()) for i in range(compared.rounds)]
        key = f"critic_{name.lower()}"
        figures[key] = Figure(key, ratio, float(right.mean()), float(ceiling.mean()), rounds, mean(floor))
        digits, tops = _by_class(right), _by_class(ceiling)
        details[name] = {
            "accuracy": ends(mean_interval(right)),
            "ceiling": ends(mean_interval(ceiling)),
            "by_class": [rounded(float(x.mean())) for x in digits],
            "ceiling_by_class": [rounded(float(x.mean())) for x in tops],
            "confusion": _confusion(compared.samples.labels, read),
            "ceiling_confusion": _confusion(
                compared.reference.labels, critic.read(compared.reference.rasters)[1]
            ),
        }
        if name == "B":
            ratios = [ratio_interval(x, top) for x, top in zip(digits, tops, strict=True)]
            worst = min(range(len(ratios)), key=lambda i: ratios[i].value)
            figures["worst_digit"] = Figure(
                "worst_digit",
                ratios[worst],
                mean(digits[worst]),
                mean(tops[worst]),
                [mean(part) for part in digits[worst].reshape(compared.rounds, -1)],
                mean(_by_class(floor)[worst]),
            )
            details["worst_digit"] = CLASSES[worst]
    return figures, details


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
        mine = made[compared.round(number)]
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
    classes = [
        np.stack(parts["coverage"][i]).reshape(compared.rounds, compared.per_class, -1) for i in (0, 1)
    ]
    details = {
        "features": layer,
        "count": compared.size,
        "k": 5,
        "frechet": ends(distance),
        "real_frechet": rounded(floor),
        "real_frechet_by_seed": [rounded(value) for value in floors],
        "coverage_by_class": [rounded(float(x)) for x in classes[0].mean(axis=(0, 1))],
        "real_coverage_by_class": [rounded(float(x)) for x in classes[1].mean(axis=(0, 1))],
    }
    return figures, details


def usefulness(compared: Comparison, images: int, seen: int) -> Judgement:
    """Accuracy on test digits of a network trained on samples, ÷ one trained on as many woven digits."""
    woven = compared.material.critic_training(0, images)
    order = np.argsort(woven.labels, kind="stable")
    counts = np.bincount(woven.labels, minlength=len(CLASSES))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    right: dict[str, list[NDArray[np.bool_]]] = {"samples": [], "real": []}
    for number in range(compared.rounds):
        settings = CriticSettings(images_seen=seen, seed=USEFULNESS_SEED + number)
        rng = np.random.default_rng([compared.material.seed, 4, number])
        real = np.concatenate(
            [
                order[start + rng.permutation(count)[: compared.per_class]]
                for start, count in zip(starts, counts, strict=True)
            ]
        )
        mine = compared.round(number)
        networks = {
            "samples": train(compared.samples.rasters[mine], compared.samples.labels[mine], settings),
            "real": trained(woven.rasters[real], woven.labels[real], settings, compared.material.cache),
        }
        for name, critic in networks.items():
            right[name].append(critic.read(compared.reference.rasters)[1] == compared.reference.labels)
    both = {name: np.mean(np.stack(parts), axis=0) for name, parts in right.items()}
    ratio = ratio_interval(both["samples"], both["real"])
    rounds = [mean(part) for part in right["samples"]]
    figure = Figure(
        "usefulness", ratio, mean(both["samples"]), mean(both["real"]), rounds, 1 / len(CLASSES)
    )
    return {"usefulness": figure}, {
        "taught_on": compared.size,
        "real_by_seed": [rounded(mean(p)) for p in right["real"]],
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


def _by_class(right: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The rows of each class; rows are classes in turn."""
    return list(right.reshape(-1, len(CLASSES)).T)


def _confusion(labels: NDArray[np.int64], read: NDArray[np.int64]) -> list[list[int]]:
    """Counts, [class requested][class read]."""
    table = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    np.add.at(table, (labels, read), 1)
    return [[int(count) for count in row] for row in table]
