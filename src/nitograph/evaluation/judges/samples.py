"""How good are the samples: recognisability, closeness, usefulness, rules (copying stands apart).

Each judge takes the same court (references, samples, random walks) and gives figures with the details
behind them. Rounds stay apart where a figure depends on the count of samples. This module decides no
threshold.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.rules import legal_paths
from nitograph.evaluation.critics import FEATURES, CriticSettings, train, trained
from nitograph.evaluation.judges.court import Court, Floats, Found, Panel, mean, quantiles
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

LESSON_SEED = 900


def recognisability(court: Court, panel: Panel) -> Found:
    """Share read as the class that was asked for, by each critic, beside its ceiling."""
    figures: dict[str, Figure] = {}
    details: dict[str, Any] = {}
    for name, critic in panel.critics.items():
        read = critic.read(court.samples.rasters)[1]
        ceiling = critic.read(court.reference.rasters)[1] == court.reference.labels
        floor = critic.read(court.walks.rasters)[1] == court.walks.labels
        right = read == court.samples.labels
        ratio = ratio_interval(right, ceiling)
        rounds = [float(right[court.round(i)].mean()) for i in range(court.rounds)]
        key = f"critic_{name.lower()}"
        figures[key] = Figure(key, ratio, float(right.mean()), float(ceiling.mean()), rounds, mean(floor))
        digits, tops = _by_class(right), _by_class(ceiling)
        details[name] = {
            "accuracy": ends(mean_interval(right)),
            "ceiling": ends(mean_interval(ceiling)),
            "by_class": [rounded(float(x.mean())) for x in digits],
            "ceiling_by_class": [rounded(float(x.mean())) for x in tops],
            "confusion": _confusion(court.samples.labels, read),
            "ceiling_confusion": _confusion(
                court.reference.labels, critic.read(court.reference.rasters)[1]
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
                [mean(part) for part in digits[worst].reshape(court.rounds, -1)],
                mean(_by_class(floor)[worst]),
            )
            details["worst_digit"] = CLASSES[worst]
    return figures, details


def closeness(court: Court, panel: Panel) -> Found:
    """Fréchet distance, density and coverage in critic C's features, against halves of the references."""
    critic = panel.critics["C"]
    real, made = critic.read(court.reference.rasters)[0], critic.read(court.samples.rasters)[0]
    walks = critic.read(court.walks.rasters)[0]
    return near(court, real, made, walks, layer=f"critic C's last hidden layer, {FEATURES} numbers")


def near(court: Court, real: Floats, made: Floats, walks: Floats, *, layer: str) -> Found:
    """Closeness in given features of references, samples and random walks."""
    distances: list[Estimate] = []
    floors: list[float] = []
    parts: dict[str, tuple[list[Floats], list[Floats]]] = {"density": ([], []), "coverage": ([], [])}
    for number in range(court.rounds):
        half, other = (real[rows] for rows in court.halves(number))
        mine = made[court.round(number)]
        value = frechet(mine, half)
        distances.append(jackknife(value, len(mine), lambda kept: frechet(mine[kept], half)))  # noqa: B023  # called at once
        floors.append(frechet(other, half))
        for place, points in enumerate((mine, other)):
            dense, covered = density_parts(half, points)
            parts["density"][place].append(dense)
            parts["coverage"][place].append(covered)
    half = real[court.halves(0)[0]]
    worthless = dict(zip(parts, map(mean, density_parts(half, walks)), strict=True))
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
            key, ratio, float(np.mean(rounds)), mean(np.concatenate(of_real)), rounds, worthless[key]
        )
    classes = [np.stack(parts["coverage"][i]).reshape(court.rounds, court.each, -1) for i in (0, 1)]
    details = {
        "features": layer,
        "count": court.size,
        "k": 5,
        "frechet": ends(distance),
        "real_frechet": rounded(floor),
        "real_frechet_by_seed": [rounded(value) for value in floors],
        "coverage_by_class": [rounded(float(x)) for x in classes[0].mean(axis=(0, 1))],
        "real_coverage_by_class": [rounded(float(x)) for x in classes[1].mean(axis=(0, 1))],
    }
    return figures, details


def usefulness(court: Court, images: int, seen: int) -> Found:
    """Accuracy on woven test digits of a network taught on samples alone, and on as many woven ones."""
    lesson = court.material.lesson(0, images)
    order = np.argsort(lesson.labels, kind="stable")
    counts = np.bincount(lesson.labels, minlength=len(CLASSES))
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    right: dict[str, list[NDArray[np.bool_]]] = {"samples": [], "real": []}
    for number in range(court.rounds):
        settings = CriticSettings(images_seen=seen, seed=LESSON_SEED + number)
        rng = np.random.default_rng([court.material.seed, 4, number])
        real = np.concatenate(
            [
                order[start + rng.permutation(count)[: court.each]]
                for start, count in zip(starts, counts, strict=True)
            ]
        )
        mine = court.round(number)
        taught = {
            "samples": train(court.samples.rasters[mine], court.samples.labels[mine], settings),
            "real": trained(lesson.rasters[real], lesson.labels[real], settings, court.material.cache),
        }
        for name, critic in taught.items():
            right[name].append(critic.read(court.reference.rasters)[1] == court.reference.labels)
    both = {name: np.mean(np.stack(parts), axis=0) for name, parts in right.items()}
    ratio = ratio_interval(both["samples"], both["real"])
    rounds = [mean(part) for part in right["samples"]]
    figure = Figure(
        "usefulness", ratio, mean(both["samples"]), mean(both["real"]), rounds, 1 / len(CLASSES)
    )
    return {"usefulness": figure}, {
        "taught_on": court.size,
        "real_by_seed": [rounded(mean(p)) for p in right["real"]],
    }


def rules(court: Court) -> Found:
    """Share of samples that break a rule of the board the references were woven on."""
    broken = breaks_a_rule(court.samples.paths(), court.material.weaving)
    share = mean_interval(broken)
    figure = Figure(
        "rules", share, share.value, 0.0, [mean(broken[court.round(i)]) for i in range(court.rounds)]
    )
    return {"rules": figure}, {
        "mask_on": {"paths": len(broken), "share": ends(share)},
        "chords": quantiles(np.diff(court.samples.paths().starts) - 1),
        "test_chords": quantiles(np.diff(court.reference.paths().starts) - 1),
    }


def breaks_a_rule(paths: Paths, weaving: WeaveSettings) -> NDArray[np.bool_]:
    """Which paths a board with these weaving settings would not allow, (n,)."""
    lengths = np.diff(paths.starts)
    rows = np.full((len(paths), int(lengths.max())), -1, dtype=np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = paths.flat
    return ~legal_paths(rows, weaving.board, weaving.rules)


def _by_class(right: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Rows are classes in turn."""
    return list(right.reshape(-1, len(CLASSES)).T)


def _confusion(labels: NDArray[np.int64], read: NDArray[np.int64]) -> list[list[int]]:
    """Counts, [class asked for][class read]."""
    table = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    np.add.at(table, (labels, read), 1)
    return [[int(count) for count in row] for row in table]
