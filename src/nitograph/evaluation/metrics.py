"""Distances between two sets of pictures in a critic's features, with confidence intervals. NumPy only.

Fréchet distance (M. Heusel et al., NIPS 2017), density and coverage (M. F. Naeem et al., "Reliable Fidelity
and Diversity Metrics for Generative Models", ICML 2020), bootstrap intervals of means, and a grouped
jackknife where repeated items would bias a bootstrap. This module knows no pictures and no critics.

Try it: python -c "from nitograph.evaluation.metrics import *; print(mean_interval([0, 1, 1, 1]))"
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitograph.compute.parallel import one_blas_thread

Float64 = NDArray[np.float64]
RESAMPLES = 1000
CONFIDENCE = 0.95
GROUPS = 10
NORMAL_95 = 1.96
ROWS = 1000  # points compared with all others at once
INFINITE = 1e9  # stands for a ratio to zero, which JSON could not hold


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> "Estimate":
        """The same figure in another unit; factor > 0."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


@one_blas_thread
def frechet(one: ArrayLike, two: ArrayLike) -> float:
    """Fréchet distance of Gaussians fitted to features (n, d) and (m, d): |μ−ν|² + tr(S + T − 2√(ST)).

    It decreases as n and m grow, so only values of equal counts can be compared.
    """
    a, b = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    apart = a.mean(axis=0) - b.mean(axis=0)
    s, t = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    values, vectors = np.linalg.eigh(s)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ t @ root), 0)).sum()
    return float(max(0.0, apart @ apart + np.trace(s) + np.trace(t) - 2 * shared))


def density_parts(real: ArrayLike, made: ArrayLike, *, k: int = 5) -> tuple[Float64, Float64]:
    """What each generated point adds to density, (m,), and whether each real point is covered, (n,).

    A real point's ball reaches its k-th nearest real neighbour, not counting itself. Density is the mean of
    the first array, coverage that of the second. real: (n, d), n > k; made: (m, d).
    """
    points, others = np.asarray(real, dtype=np.float64), np.asarray(made, dtype=np.float64)
    counts, covered = np.zeros(len(others), dtype=np.int64), np.zeros(len(points))
    for first in range(0, len(points), ROWS):
        some = points[first : first + ROWS]
        within = np.sort(_squares(some, points), axis=1)[:, k]
        inside = _squares(some, others) < within[:, None]
        counts += inside.sum(axis=0)
        covered[first : first + ROWS] = inside.any(axis=1)
    return np.asarray(counts / k), covered


@one_blas_thread
def _squares(a: Float64, b: Float64) -> Float64:
    """Squared distances of rows, (n, d) and (m, d) → (n, m)."""
    found = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.maximum(found, 0))


def mean_interval(parts: ArrayLike, *, weights: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Mean of independent parts (n,), or Σ parts ÷ Σ weights if weights (n,) are given, bootstrapped."""
    values = np.asarray(parts, dtype=np.float64).ravel()
    counts = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64).ravel()
    drawn = _resampled(values, counts, seed)
    return _estimate(float(values.sum() / counts.sum()), drawn)


def ratio_interval(
    parts: ArrayLike, reference: ArrayLike, *, weights: ArrayLike | None = None, seed: int = 0
) -> Estimate:
    """Mean of `parts` ÷ mean of `reference`, bootstrapped independently; weights: of the reference (n,)."""
    top, bottom = (np.asarray(x, dtype=np.float64).ravel() for x in (parts, reference))
    counts = np.ones(len(bottom)) if weights is None else np.asarray(weights, dtype=np.float64)
    mean = bottom.mean() if weights is None else (bottom * counts).sum() / counts.sum()
    value = _quotient(top.mean(), mean)
    above = _resampled(top, np.ones(len(top)), seed)
    below = _resampled(bottom * counts, counts, seed + 1)
    return _estimate(float(value), np.asarray(_quotient(above, below)))


def even_weights(labels: ArrayLike) -> Float64 | None:
    """Weights (n,) with which each class counts the same; None where it does so without."""
    _, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(set(counts.tolist())) < 2:
        return None
    return np.asarray(counts.mean() / counts[member])


def jackknife(
    value: float, count: int, without: Callable[[NDArray[np.int64]], float], *, seed: int = 0
) -> Estimate:
    """The figure ± 1.96 standard errors from leaving out a tenth of `count` items at a time.

    without(kept) computes the figure of the items kept. This suits figures that depend on the count, such
    as a Fréchet distance: only the spread comes from the smaller sets (J. Tukey, 1958).
    """
    order = np.random.default_rng(seed).permutation(count)
    found = np.array([without(np.sort(np.delete(order, slice(i, None, GROUPS)))) for i in range(GROUPS)])
    spread = NORMAL_95 * float(np.sqrt((GROUPS - 1) * np.var(found)))
    return Estimate(value, value - spread, value + spread)


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of independent figures of one kind; half-widths add in quadrature."""
    value = float(np.mean([e.value for e in estimates]))
    half = float(np.sqrt(np.sum([((e.high - e.low) / 2) ** 2 for e in estimates]))) / len(estimates)
    return Estimate(value, value - half, value + half)


def difference(one: Estimate, two: Estimate) -> Estimate:
    """One figure minus another, independent one; half-widths add in quadrature."""
    half = float(np.hypot(one.high - one.low, two.high - two.low)) / 2
    return Estimate(one.value - two.value, one.value - two.value - half, one.value - two.value + half)


def _resampled(values: Float64, counts: Float64, seed: int) -> Float64:
    rng = np.random.default_rng(seed)
    found = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        rows = rng.integers(len(values), size=len(values))
        found[i] = values[rows].sum() / counts[rows].sum()
    return found


def _quotient(top: ArrayLike, bottom: ArrayLike) -> Float64:
    """top ÷ bottom; 1 if both are zero, INFINITE if only the bottom is."""
    a, b = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    safe = np.where(b == 0, 1.0, b)
    return np.where(b == 0, np.where(a == 0, 1.0, INFINITE), a / safe)


def _estimate(value: float, drawn: Float64) -> Estimate:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value, float(low), float(high))
