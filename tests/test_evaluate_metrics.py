"""Closeness and intervals against plain versions of themselves."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from nitograph.evaluation.metrics import (
    density_parts,
    difference,
    frechet,
    jackknife,
    mean_interval,
    pooled,
    ratio_interval,
)


def cloud(seed: int, count: int = 60, size: int = 5) -> np.ndarray:
    """Random features with some correlation."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size)) @ rng.normal(size=(size, size))


def test_frechet_is_the_textbook_formula() -> None:
    """Guards the root of the product of covariances, which is taken without SciPy."""
    a, b = cloud(1), cloud(2, 80) + 0.5
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(axis=0) - b.mean(axis=0)
    wanted = gap @ gap + np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    assert frechet(a, b) == pytest.approx(wanted, rel=1e-6)


def test_frechet_of_a_set_with_itself_is_nothing_and_of_a_shift_its_square() -> None:
    """Guards the two cases whose answer is known without a formula."""
    a = cloud(3)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, a + 2.0) == pytest.approx(4.0 * a.shape[1])


@pytest.mark.parametrize("k", [1, 5])
def test_density_and_coverage_match_the_loops_of_their_definition(k: int) -> None:
    """Guards the vectorised balls against Naeem et al.'s definition, point by point."""
    real, made = cloud(4, 30), cloud(5, 20)
    dense, covered = density_parts(real, made, k=k)
    count, hit = np.zeros(len(made)), np.zeros(len(real))
    for i, point in enumerate(real):
        away = sorted(np.linalg.norm(point - other) for j, other in enumerate(real) if j != i)
        for j, other in enumerate(made):
            if np.linalg.norm(point - other) < away[k - 1]:
                count[j] += 1 / k
                hit[i] = 1
    assert dense == pytest.approx(count)
    assert covered == pytest.approx(hit)


def test_repeated_points_cover_little_however_dense_they_lie() -> None:
    """Guards that ten prototypes cannot pass for variety."""
    real = cloud(6, 400)
    made = np.repeat(real[:4], 100, axis=0)
    assert density_parts(real, made)[1].mean() < 0.1


def test_intervals_of_means_are_as_wide_as_theory_says() -> None:
    """Guards the bootstrap: about ±1.96 standard errors around the mean."""
    parts = np.random.default_rng(7).random(500) < 0.9
    found = mean_interval(parts)
    error = 1.96 * np.sqrt(0.09 / 500)
    assert found.value == pytest.approx(parts.mean())
    assert found.high - found.low == pytest.approx(2 * error, rel=0.25)


def test_a_weighted_mean_is_a_sum_over_a_sum() -> None:
    """Guards nats a token: long threads count by their tokens."""
    assert mean_interval([2.0, 30.0], weights=[1, 10]).value == pytest.approx(32 / 11)


def test_ratios_carry_the_doubt_of_both_sides() -> None:
    """Guards that a ceiling measured on few images widens the interval."""
    rng = np.random.default_rng(8)
    parts, few, many = rng.random(1000) < 0.9, rng.random(50) < 0.9, rng.random(5000) < 0.9
    wide, narrow = ratio_interval(parts, few), ratio_interval(parts, many)
    assert wide.high - wide.low > narrow.high - narrow.low
    assert narrow.value == pytest.approx(parts.mean() / many.mean())


def test_a_ratio_to_nothing_is_no_crash() -> None:
    """Guards ceilings of zero, as in a class that a poor critic never reads."""
    assert ratio_interval([0, 0], [0, 0]).value == 1
    assert ratio_interval([1, 0], [0, 0]).value > 1e6


def test_the_jackknife_finds_the_standard_error_of_a_mean() -> None:
    """Guards the interval of the Fréchet distance, on a figure whose error is known."""
    values = np.random.default_rng(9).normal(size=400)
    found = jackknife(values.mean(), 400, lambda kept: float(values[kept].mean()))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 / 20, rel=0.6)
    assert pooled([found, found]).value == pytest.approx(values.mean())


def test_a_difference_is_as_unsure_as_both_together() -> None:
    """Guards the gap of likelihoods: errors of independent figures add in squares."""
    one, two = np.random.default_rng(8).normal(size=(2, 4000)) * [[3.0], [4.0]] + [[7.0], [5.0]]
    found = difference(mean_interval(one), mean_interval(two))
    assert found.value == pytest.approx(one.mean() - two.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 5 / np.sqrt(4000), rel=0.08)
