"""Figures, what each is held to, and the verdict. The thresholds stand here and nowhere else.

A figure passes where its value reaches the threshold; it fails where even the friendly end of its interval
does not; between the two it is open: more samples would decide. This module computes no figure.

Try it: python -c "from nitograph.evaluation.verdicts import GOALS; print(*GOALS, sep='\\n')"
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nitograph.evaluation.metrics import Estimate


@dataclass(frozen=True)
class Goal:
    """What one figure is held to: at least `least`, or at most `most`."""

    title: str
    meaning: str
    least: float | None = None
    most: float | None = None
    planned: bool = False  # asked of plan models only

    def says(self) -> str:
        """The threshold in words."""
        if self.least is not None:
            return f"≥ {self.least:g}"
        return f"≤ {self.most:g}" if self.most is not None else "reported"


GOALS: dict[str, Goal] = {
    "critic_a": Goal(
        "Critic A ÷ ceiling", "read rightly by a network that never saw thread, ÷ woven test digits", 0.97
    ),
    "critic_b": Goal(
        "Critic B ÷ ceiling", "read rightly by a network taught on woven digits, ÷ woven test digits", 0.99
    ),
    "critic_c": Goal(
        "Critic C ÷ ceiling",
        "the same by another architecture on other images, never used to select or tune",
        0.98,
    ),
    "worst_digit": Goal(
        "Worst digit ÷ ceiling",
        "critic B on the digit it reads worst, ÷ the same digit woven (0.94 is 0.93 where that is 0.987)",
        0.94,
    ),
    "frechet": Goal(
        "Fréchet distance ÷ floor",
        "distance to woven test digits in critic C's features, ÷ real against real at equal counts",
        most=2.0,
    ),
    "density": Goal("Density ÷ real", "samples lie where real ones are dense, ÷ real against real", 0.9),
    "coverage": Goal("Coverage ÷ real", "share of real ones with a sample near, ÷ real against real", 0.9),
    "usefulness": Goal(
        "Usefulness ÷ real",
        "woven test digits read by a network taught on samples only, ÷ taught on as many woven ones",
        0.97,
    ),
    "two_sample_pictures": Goal(
        "Two-sample AUC on pictures",
        "how well a network taught on both tells the picture of a sample from that of a woven test digit; "
        "0.5: not at all",
        most=0.62,
    ),
    "two_sample_nails": Goal(
        "Two-sample AUC on nails", "the same by a network that reads the nails in their order", most=0.60
    ),
    "duplicates": Goal("Duplicates", "share of samples that are exactly like another", most=0.0),
    "copies": Goal(
        "Copies", "share of samples with the nails, or all the chords, of a training thread", most=0.0
    ),
    "nearness": Goal(
        "Nearness to training ÷ test",
        "mean Jaccard index with the nearest training thread, ÷ the same of test threads",
        most=1.05,
    ),
    "near_copies": Goal(
        "Near copies", "share of samples nearer to training than 99 % of test threads are", most=0.03
    ),
    "pictures": Goal(
        "Nearness as pictures ÷ test",
        "distance of test threads to the nearest training picture, blurred to 7×7, ÷ the same of samples: "
        "a training picture wound afresh has few chords of it, but its look",
        most=1.25,
    ),
    "longest_run": Goal(
        "Longest run ÷ test",
        "mean longest stretch of nails shared with a training thread, ÷ the same of test threads",
        most=1.25,
    ),
    "rules": Goal("Rules broken", "share of samples that break a rule of the board, mask on", most=0.0),
    "winding": Goal(
        "Wound picture ÷ encoder's",
        "error of a given test picture as the model winds it, ÷ the encoder's own error",
        most=1.1,
        planned=True,
    ),
    "two_sample_light": Goal(
        "Two-sample AUC, exact light",
        "on pictures, where the model winds the exact light of other test digits and plans nothing",
        most=0.56,
        planned=True,
    ),
}


@dataclass(frozen=True)
class Figure:
    """One figure. value is what is judged; measured ÷ reference where it is a ratio.

    reference: what woven test digits get. floor: what random legal walks get. by_seed: each round.
    """

    key: str
    value: Estimate
    measured: float
    reference: float | None = None
    by_seed: Sequence[float] = field(default_factory=tuple)
    floor: float | None = None

    @property
    def goal(self) -> Goal:
        """What it is held to."""
        return GOALS[self.key]

    @property
    def verdict(self) -> str:
        """pass, open or fail."""
        goal, value = self.goal, self.value
        if goal.least is not None:
            reached, hope = value.value >= goal.least, value.high >= goal.least
        else:
            most = math.inf if goal.most is None else goal.most
            reached, hope = value.value <= most, value.low <= most
        return "pass" if reached else "open" if hope else "fail"

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "title": self.goal.title,
            "meaning": self.goal.meaning,
            "value": rounded(self.value.value),
            "low": rounded(self.value.low),
            "high": rounded(self.value.high),
            "measured": rounded(self.measured),
            "reference": None if self.reference is None else rounded(self.reference),
            "floor": None if self.floor is None else rounded(self.floor),
            "by_seed": [rounded(value) for value in self.by_seed],
            "threshold": self.goal.says(),
            "verdict": self.verdict,
        }


def rounded(value: float) -> float | None:
    """Six significant digits; None for what JSON cannot hold."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def ends(estimate: Estimate) -> list[float | None]:
    """A figure and the ends of its interval, JSON values."""
    return [rounded(x) for x in (estimate.value, estimate.low, estimate.high)]
