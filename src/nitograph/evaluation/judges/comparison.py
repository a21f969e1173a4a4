"""What every judge takes: references, samples and random walks, and the critics that classify them.

This module computes no figure and knows no threshold.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import CLASSES, Material, Woven
from nitograph.evaluation.verdicts import Figure, rounded

Critics = Mapping[str, Critic]
"""The critics by name: A, B and C."""

Judgement = tuple[dict[str, Figure], dict[str, Any]]
"""What a judge returns: figures by key, and the details behind them as JSON values."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The threads compared. Rows are classes in turn, round by round; random walks are one round."""

    material: Material
    per_class: int
    rounds: int
    reference: Woven
    samples: Woven
    walks: Woven

    @property
    def size(self) -> int:
        """Samples in one round, and references in one half."""
        return self.per_class * len(CLASSES)

    def round(self, number: int) -> slice:
        """The samples of one round."""
        return slice(number * self.size, (number + 1) * self.size)

    def halves(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Two disjoint halves of the references, each balanced over the classes, redrawn for each round."""
        order = np.random.default_rng([self.material.seed, 3, number]).permutation(2 * self.per_class)
        rows = order[:, None] * len(CLASSES) + np.arange(len(CLASSES))
        return rows[: self.per_class].ravel(), rows[self.per_class :].ravel()


def train_critics(material: Material, images: int, seen: int, names: str = "ABC") -> Critics:
    """Critics trained on MNIST train images: A on plain, B on woven, C on other woven ones.

    images: the size of the training set of B and C; A has twice as many. seen: pictures seen in training.
    """
    critics = {}
    for name in names:
        design = "strided" if name == "C" else "pooled"
        settings = CriticSettings(design=design, images_seen=seen, seed=ord(name))
        if name == "A":
            pictures, labels = material.plain(2 * images)
        else:
            woven = material.critic_training(images if name == "C" else 0, images)
            pictures, labels = woven.rasters, woven.labels
        critics[name] = trained(pictures, labels, settings, material.cache)
    return critics


def mean(parts: Any) -> float:
    """Mean of anything NumPy can average."""
    return float(np.mean(parts))


def quantiles(values: NDArray[Any]) -> dict[str, float | None]:
    """A summary of a distribution, JSON values."""
    shown = {"mean": mean(values), "median": float(np.median(values))}
    shown |= {"q99": float(np.quantile(values, 0.99)), "largest": float(values.max())}
    return {name: rounded(value) for name, value in shown.items()}
