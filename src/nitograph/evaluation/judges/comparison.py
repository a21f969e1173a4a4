"""What every judge takes: references, samples and random walks, and the critics that classify them.

This module computes no figure and knows no threshold.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import Material
from nitograph.evaluation.order import in_turn
from nitograph.evaluation.verdicts import Figure, rounded
from nitograph.evaluation.woven import Woven

Critics = Mapping[str, Critic]
"""The critics by name: A, B and C."""

Judgement = tuple[dict[str, Figure], dict[str, Any]]
"""What a judge returns: figures by key, and the details behind them as JSON values."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The threads compared. Rows are classes in turn, round by round; random walks are one round.

    per_class: samples of each class in a round; there may be fewer references of a class, or more. same:
    the class that each class (c,) counts as; None: itself.
    """

    material: Material
    per_class: int
    rounds: int
    reference: Woven
    samples: Woven
    walks: Woven
    same: NDArray[np.int64] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.material.classes

    @property
    def size(self) -> int:
        """Samples in one round."""
        return self.per_class * len(self.classes)

    def right(self, read: NDArray[np.int64], threads: Woven) -> NDArray[np.bool_]:
        """Which threads are read (n,) as their class, or one that counts as the same."""
        same = np.arange(len(self.classes)) if self.same is None else self.same
        return np.asarray(same[read] == same[threads.labels])

    @property
    def merges(self) -> bool:
        """Whether some classes count as one."""
        return self.same is not None and len(np.unique(self.same)) < len(self.same)

    def unmerged(self) -> "Comparison":
        """The same with each class for itself."""
        return replace(self, same=None)

    def round(self, number: int) -> slice:
        """The samples of one round."""
        return slice(number * self.size, (number + 1) * self.size)

    def matched(self, number: int) -> NDArray[np.int64]:
        """The samples of one round, each class as often as in a half of the references."""
        rows = np.arange(self.size).reshape(self.per_class, -1) + number * self.size
        return in_turn([rows[:count, label] for label, count in enumerate(self._half)])

    def halves(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Two disjoint halves of the references, the same in classes, redrawn for each round."""
        at = [np.flatnonzero(self.reference.labels == label) for label in range(len(self.classes))]
        most = max(map(len, at))
        order = np.random.default_rng([self.material.seed, 3, number]).permutation(most)
        drawn = [rows[order[order < len(rows)]] for rows in at]
        counts = self._half
        return (
            in_turn([rows[:count] for rows, count in zip(drawn, counts, strict=True)]),
            in_turn([rows[count : 2 * count] for rows, count in zip(drawn, counts, strict=True)]),
        )

    @property
    def _half(self) -> list[int]:
        """References of each class in a half: no more than there are samples."""
        counts = np.bincount(self.reference.labels, minlength=len(self.classes))
        return [min(self.per_class, int(count) // 2) for count in counts]


def train_critics(material: Material, images: int, seen: int, names: str = "ABC") -> Critics:
    """Critics trained on train pictures: A on plain, B on woven, C on other woven ones (Material.lesson).

    images: the size of the training set of B and C; A has twice as many. seen: pictures seen in training.
    """
    critics = {}
    for name in names:
        design = "strided" if name == "C" else "pooled"
        settings = CriticSettings(design=design, images_seen=seen, seed=ord(name))
        lesson = material.lesson(name, images)
        critics[name] = trained(*lesson, settings, material.cache, classes=len(material.classes))
    return critics


def mean(parts: Any) -> float:
    """Mean of anything NumPy can average."""
    return float(np.mean(parts))


def quantiles(values: NDArray[Any]) -> dict[str, float | None]:
    """A summary of a distribution, JSON values."""
    shown = {"mean": mean(values), "median": float(np.median(values))}
    shown |= {"q99": float(np.quantile(values, 0.99)), "largest": float(values.max())}
    return {name: rounded(value) for name, value in shown.items()}
