"""The classifier two-sample test: can a small network tell one set of threads from another?

It learns on 70 % of both sets, made and real in equal numbers of each class, and scores the rest (D. Lopez-
Paz, M. Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017). AUC is the chance that of one made and
one real thread the made one has the higher score: 0.5 is indistinguishable. The same test of real threads
against other real ones is the control: what so small a set lets a network find where there is nothing. This
module weaves nothing and knows no goals.

Try it: python -c "from nitograph.evaluation.judges.two_sample import *; print(auc([0.2, 0.9], [0.1, 0.4]))"
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitograph.compute.parallel import in_threads
from nitograph.errors import SettingsError
from nitograph.evaluation.judges.discriminators import (
    SIDE,
    Data,
    Design,
    Float64,
    Network,
    Rows,
    fit,
    one_torch_thread,
    saliency,
    score,
)
from nitograph.evaluation.metrics import NORMAL_95, Estimate
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.light.loops import add_path

LEARN = 0.7  # share of both sets that the network learns from

Nails = Sequence[NDArray[np.integer]]


@dataclass(frozen=True, eq=False)
class Side:
    """One set of threads as a network sees them, rows (n, …), with their class indices (n,)."""

    data: Data
    labels: NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Pair:
    """What one network is to tell apart, and which network."""

    design: Design
    made: Side
    real: Side


@dataclass(frozen=True, eq=False)
class Suspects:
    """Held-out threads of one side: rows (m,) and how likely each is made (m,), the likeliest first.

    A thread that several seeds held out has the mean of its scores.
    """

    rows: Rows
    chance: Float64


@dataclass(frozen=True)
class Score:
    """How well the sides were told apart: means over the seeds with 95 % intervals, and the AUC of each.

    The seeds hold out overlapping sets, so an interval is as wide as that of one seed.
    """

    auc: Estimate
    accuracy: Estimate
    by_seed: Sequence[float]


@dataclass(frozen=True, eq=False)
class Separation:
    """What one comparison gave.

    where (48, 48): how much each pixel moves the logit, mean 1; None where no map is kept. counts: threads
    of each side in the training set, and held out.
    """

    score: Score
    made: Suspects
    real: Suspects
    where: Float64 | None
    counts: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Verdict:
    """One seed: scores of the held-out rows of (made, real), and the map."""

    rows: tuple[Rows, Rows]
    chances: tuple[Float64, Float64]
    where: Float64 | None
    learned: int


def compare(comparisons: Sequence[Pair], seeds: Sequence[int]) -> list[Separation]:
    """Every comparison with every seed, several at once; SettingsError where a set is too small."""
    fitted = []
    for pair in comparisons:
        for seed in seeds:
            parts = split(pair.made.labels, pair.real.labels, seed)
            fitted.append((pair, parts, seed, pair.design.build(pair.made.data.shape[1:], seed)))
    with one_torch_thread():
        verdicts = list(in_threads(lambda _, part: _verdict(*part), lambda: None, fitted))
    size = len(seeds)
    return [_summary(verdicts[i * size : (i + 1) * size]) for i in range(len(comparisons))]


def pictures(threads: Nails, num_nails: int, width: float) -> NDArray[np.float32]:
    """log(1 + how many chords lie over each pixel), (n, 48, 48); width: of a chord, in board radii."""
    ring = chords.all_chords(num_nails, SIDE, width)
    shown = np.empty((len(threads), SIDE, SIDE), dtype=np.float32)
    for row, nails in enumerate(threads):
        cover = np.zeros((SIDE, SIDE), dtype=np.int64)
        add_path(ring.lines[chords.numbers(np.asarray(nails), num_nails)], cover)
        shown[row] = np.log1p(cover / FINE)
    return shown


def auc(made: ArrayLike, real: ArrayLike) -> Estimate:
    """The chance that a made score is above a real one, ties half; interval by E. DeLong et al., 1988."""
    one, two = (np.asarray(scores, dtype=np.float64) for scores in (made, real))
    parts = _share_below(one, two), 1 - _share_below(two, one)
    value = float(parts[0].mean())
    variance = sum(float(np.var(part)) / max(len(part) - 1, 1) for part in parts)
    half = NORMAL_95 * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def split(made: ArrayLike, real: ArrayLike, seed: int) -> tuple[tuple[Rows, Rows], tuple[Rows, Rows]]:
    """Rows of (made, real) to learn from and to hold out, by labels: each class as often on either side."""
    rng = np.random.default_rng([seed, 11])
    learn: tuple[list[Rows], list[Rows]] = ([], [])
    held: tuple[list[Rows], list[Rows]] = ([], [])
    for label in np.unique(made):
        sides = [rng.permutation(np.flatnonzero(np.asarray(side) == label)) for side in (made, real)]
        count = min(map(len, sides))
        first = round(count * LEARN)
        for side, rows in enumerate(sides):
            learn[side].append(rows[:first])
            held[side].append(rows[first:count])
    if not sum(map(len, learn[0])) or not sum(map(len, held[0])):
        raise SettingsError(
            "a two-sample test needs at least two threads of one class on either side; raise "
            "samples_per_class or two_sample_per_class"
        )
    return (np.concatenate(learn[0]), np.concatenate(learn[1])), (
        np.concatenate(held[0]),
        np.concatenate(held[1]),
    )


def _verdict(
    pair: Pair, parts: tuple[tuple[Rows, Rows], tuple[Rows, Rows]], seed: int, net: Network
) -> _Verdict:
    """Fit one network on the training set, and score what was held out."""
    learn, held = ((pair.made.data[made], pair.real.data[real]) for made, real in parts)
    fit(net, pair.design, *learn, seed=seed)
    chances = score(net, held[0]), score(net, held[1])
    where = saliency(net, np.concatenate(held)) if pair.design.mapped else None
    return _Verdict(parts[1], chances, where, len(learn[0]))


def _summary(verdicts: Sequence[_Verdict]) -> Separation:
    found = [auc(*v.chances) for v in verdicts]
    right = [_accuracy(*v.chances) for v in verdicts]
    maps = [v.where for v in verdicts if v.where is not None]
    made, real = (_suspects([(v.rows[i], v.chances[i]) for v in verdicts]) for i in (0, 1))
    return Separation(
        Score(_mean(found), _mean(right), [estimate.value for estimate in found]),
        made,
        real,
        np.mean(maps, axis=0) if maps else None,
        (verdicts[0].learned, len(verdicts[0].rows[0])),
    )


def _suspects(held: Sequence[tuple[Rows, Float64]]) -> Suspects:
    rows, place = np.unique(np.concatenate([rows for rows, _ in held]), return_inverse=True)
    sums = np.bincount(place, weights=np.concatenate([scores for _, scores in held]))
    chance = sums / np.bincount(place)
    order = np.argsort(-chance, kind="stable")
    return Suspects(rows[order], chance[order])


def _share_below(one: Float64, two: Float64) -> Float64:
    """For each score of `one` the share of `two` that is below it, ties half."""
    order = np.sort(two)
    below, up_to = (np.searchsorted(order, one, side=side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * len(two)))


def _accuracy(made: Float64, real: Float64) -> Estimate:
    right = np.concatenate([made > 0.5, real <= 0.5])
    value = float(right.mean())
    half = NORMAL_95 * float(np.sqrt(value * (1 - value) / len(right)))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    ends = [(e.value, e.low, e.high) for e in estimates]
    value, low, high = np.mean(ends, axis=0)
    return Estimate(float(value), float(low), float(high))
