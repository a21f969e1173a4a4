"""Figures, the goal of each, and the verdict. All thresholds are here and nowhere else.

A figure passes if its value reaches the threshold and fails if even the better end of its interval does
not. In between it is open: more samples would decide. The ten digits have goals of their own where other
classes, of which some are read less well even in real handwriting, have others. This module computes no
figure.

Try it: python -c "from nitograph.evaluation.verdicts import GOALS; print(*GOALS, sep='\\n')"
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nitograph.evaluation.metrics import Estimate


@dataclass(frozen=True)
class Goal:
    """The goal of one figure: at least `at_least`, or at most `at_most`."""

    title: str
    meaning: str
    at_least: float | None = None
    at_most: float | None = None
    planned: bool = False  # for models of the plan design only

    def threshold(self) -> str:
        """The threshold as text."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else "reported"


GOALS: dict[str, Goal] = {
    "critic_a": Goal(
        "Critic A ÷ ceiling",
        "accuracy of a network that never saw threads, ÷ that on woven test pictures",
        0.97,
    ),
    "critic_b": Goal(
        "Critic B ÷ ceiling",
        "accuracy of a network trained on woven pictures, ÷ that on woven test pictures",
        0.99,
    ),
    "critic_c": Goal(
        "Critic C ÷ ceiling",
        "the same for another architecture trained on other images, never used to select or tune",
        0.98,
    ),
    "worst_class": Goal(
        "Worst class ÷ ceiling",
        "critic B on its worst class, ÷ the same class woven (0.94 is 0.93 where that is 0.987)",
        0.94,
    ),
    "frechet": Goal(
        "Fréchet distance ÷ floor",
        "distance to woven test pictures in critic C's features, ÷ real against real at equal counts",
        at_most=2.0,
    ),
    "density": Goal(
        "Density ÷ real", "how densely real threads surround the samples, ÷ real against real", 0.9
    ),
    "coverage": Goal(
        "Coverage ÷ real", "share of real threads with a sample nearby, ÷ real against real", 0.9
    ),
    "usefulness": Goal(
        "Usefulness ÷ real",
        "accuracy on woven test pictures of a network trained on samples, ÷ one trained on as many woven",
        0.97,
    ),
    "two_sample_pictures": Goal(
        "Two-sample AUC on pictures",
        "how well a network trained on both tells the rasters of samples from those of woven test "
        "pictures; 0.5: not at all",
        at_most=0.62,
    ),
    "two_sample_nails": Goal(
        "Two-sample AUC on nails",
        "the same by a network that is told how the nails follow each other",
        at_most=0.60,
    ),
    "duplicates": Goal("Duplicates", "share of samples that equal another sample", at_most=0.0),
    "copies": Goal(
        "Copies", "share of samples with the nails, or all the chords, of a training thread", at_most=0.0
    ),
    "nearness": Goal(
        "Nearness to training ÷ test",
        "mean Jaccard index with the nearest training thread, ÷ that of test threads",
        at_most=1.05,
    ),
    "near_copies": Goal(
        "Near copies",
        "share of samples nearer to training threads than 99 % of test threads are",
        at_most=0.03,
    ),
    "pictures": Goal(
        "Nearness as pictures ÷ test",
        "distance of test threads to the nearest training picture, averaged to 7×7, ÷ that of samples: "
        "a training picture woven again shares few chords with it, but looks the same",
        at_most=1.25,
    ),
    "longest_run": Goal(
        "Longest run ÷ test",
        "mean longest run of nails shared with a training thread, ÷ that of test threads",
        at_most=1.25,
    ),
    "rules": Goal(
        "Rules broken",
        "share of samples that break a rule of the board, sampled with the mask",
        at_most=0.0,
    ),
    "winding": Goal(
        "Wound picture ÷ encoder's",
        "error of test pictures wound by the model, ÷ the encoder's error",
        at_most=1.1,
        planned=True,
    ),
    "nats_light": Goal(
        "Nats per nail, exact light",
        "of woven test pictures, where the model is given their exact light; illegal nails are masked",
        at_most=1.2,
        planned=True,
    ),
    "two_sample_light": Goal(
        "Two-sample AUC, exact light",
        "on pictures, where the model winds the exact light of other test pictures and plans nothing",
        at_most=0.56,
        planned=True,
    ),
}

READ, WORST = 0.97, 0.85  # where classes are not the ten digits

GOALS_OF_ANY = GOALS | {
    "critic_b": replace(GOALS["critic_b"], at_least=READ),
    "critic_c": replace(GOALS["critic_c"], at_least=READ),
    "worst_class": replace(
        GOALS["worst_class"], at_least=WORST, meaning="critic B on its worst class, ÷ the same class woven"
    ),
    "capitals": Goal("Capitals ÷ ceiling", "critic B on the 26 capitals, ÷ that on woven ones", READ),
    "alphanumerics": Goal(
        "Letters and digits ÷ ceiling", "critic B on the 62 letters and digits, ÷ that on woven ones", READ
    ),
}
"""The goals of models of other classes than the ten digits."""


@dataclass(frozen=True)
class Figure:
    """One figure. `value` is judged; it is measured ÷ reference for ratios.

    reference: the figure of woven test pictures. floor: that of random legal walks. by_seed: that of each
    round. goals: those that it is judged by. unmerged: what it is, where classes count as one, with each of
    them for itself.
    """

    key: str
    value: Estimate
    measured: float
    reference: float | None = None
    by_seed: Sequence[float] = field(default_factory=tuple)
    floor: float | None = None
    goals: Mapping[str, Goal] = field(default_factory=lambda: GOALS, repr=False)
    unmerged: "Figure | None" = None

    @property
    def goal(self) -> Goal:
        """The goal of this figure."""
        return self.goals[self.key]

    def judged_by(self, goals: Mapping[str, Goal]) -> "Figure":
        """The same by other goals."""
        return replace(self, goals=goals)

    @property
    def verdict(self) -> str:
        """pass, open or fail."""
        goal, value = self.goal, self.value
        if goal.at_least is not None:
            reached, reachable = value.value >= goal.at_least, value.high >= goal.at_least
        else:
            limit = math.inf if goal.at_most is None else goal.at_most
            reached, reachable = value.value <= limit, value.low <= limit
        return "pass" if reached else "open" if reachable else "fail"

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "title": self.goal.title,
            "meaning": self.goal.meaning,
            **self._judged(),
            "floor": None if self.floor is None else rounded(self.floor),
            "by_seed": [rounded(value) for value in self.by_seed],
            "threshold": self.goal.threshold(),
            "verdict": self.verdict,
            **({} if self.unmerged is None else {"unmerged": self.unmerged._judged()}),
        }

    def _judged(self) -> dict[str, float | None]:
        """The judged value with its interval, and what it is the quotient of."""
        return {
            "value": rounded(self.value.value),
            "low": rounded(self.value.low),
            "high": rounded(self.value.high),
            "measured": rounded(self.measured),
            "reference": None if self.reference is None else rounded(self.reference),
        }


def rounded(value: float) -> float | None:
    """Six significant digits; None for what JSON cannot represent."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def ends(estimate: Estimate) -> list[float | None]:
    """A figure and the ends of its interval, JSON values."""
    return [rounded(x) for x in (estimate.value, estimate.low, estimate.high)]
