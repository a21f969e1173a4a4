"""What every judge takes: references, samples and random walks, and the critics that look at them.

Try it: python -m nitograph evaluate --stand-in random --samples-per-class 20 --seeds 1
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import CLASSES, Material, Woven
from nitograph.evaluation.verdicts import Figure, rounded

Found = tuple[dict[str, Figure], dict[str, Any]]
Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Court:
    """What every judge sees. Rows are classes in turn, round after round; random walks are one round."""

    material: Material
    each: int
    rounds: int
    reference: Woven
    samples: Woven
    walks: Woven

    @property
    def size(self) -> int:
        """Samples in one round, and references in one half."""
        return self.each * len(CLASSES)

    def round(self, number: int) -> slice:
        """The samples of one round."""
        return slice(number * self.size, (number + 1) * self.size)

    def halves(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Two disjoint halves of the references, each balanced over the classes, drawn anew each round."""
        order = np.random.default_rng([self.material.seed, 3, number]).permutation(2 * self.each)
        rows = order[:, None] * len(CLASSES) + np.arange(len(CLASSES))
        return rows[: self.each].ravel(), rows[self.each :].ravel()


@dataclass(frozen=True, eq=False)
class Panel:
    """The critics A, B and C."""

    critics: dict[str, Critic]

    @staticmethod
    def taught(material: Material, images: int, seen: int, names: str = "ABC") -> "Panel":
        """Critics trained on MNIST train images: A on plain, B on woven, C on other woven ones."""
        critics = {}
        for name in names:
            design = "strided" if name == "C" else "pooled"
            settings = CriticSettings(design=design, images_seen=seen, seed=ord(name))
            if name == "A":
                pictures, labels = material.plain(2 * images)
            else:
                lesson = material.lesson(images if name == "C" else 0, images)
                pictures, labels = lesson.rasters, lesson.labels
            critics[name] = trained(pictures, labels, settings, material.cache)
        return Panel(critics)


def mean(parts: Any) -> float:
    """Mean of anything NumPy can average."""
    return float(np.mean(parts))


def quantiles(values: NDArray[Any]) -> dict[str, float | None]:
    """What is told of a spread of numbers, JSON values."""
    shown = {"mean": mean(values), "median": float(np.median(values))}
    shown |= {"q99": float(np.quantile(values, 0.99)), "largest": float(values.max())}
    return {name: rounded(value) for name, value in shown.items()}
