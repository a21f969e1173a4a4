"""The pictures that are learned from, and those for tests: own drawings, and what weights know already.

A class of too few drawings to keep any for tests is tested on warped variants of them, which says less. A
class that is kept is learned again from pictures that its own weights plan: there are no others. This
module reads no files.

Try it: python -c "from nitograph.learning.drawings import *; help(kept)"
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources import LabelledImages, join
from nitograph.corpus.warps import warp
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.plans import shown
from nitograph.sampling.sampler import SampleSettings, invent_with_plans
from nitograph.weaving.settings import WeaveSettings

FEWEST = 2  # test pictures of a class, below which it is tested on variants
VARIANTS = 8  # of them, for a class
KEPT, KEPT_TESTS = 60, 16  # pictures of each class that is kept: to learn from, for tests
AT_ONCE = 256  # pictures planned before it is said how many are done
PLAN_ONLY = SampleSettings(max_lines=3, min_lines=1)  # the thread is not needed


@dataclass(frozen=True, eq=False)
class Drawings:
    """Pictures to learn from and for tests, both of the same classes.

    own: names of the classes that are learned; the others are kept. varied: names of those that are tested
    on warped variants of their own drawings.
    """

    train: LabelledImages
    test: LabelledImages
    own: tuple[str, ...]
    varied: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes."""
        return self.train.classes

    def part(self, *, own: bool) -> LabelledImages:
        """The train pictures of the classes that are learned, or of the others."""
        mine = np.isin(self.train.labels, [self.classes.index(name) for name in self.own])
        return self.train.take(np.flatnonzero(mine == own))

    def of(self, split: str) -> LabelledImages:
        """The "train" or the "test" pictures."""
        return self.train if split == "train" else self.test


def drawings(train: LabelledImages, test: LabelledImages | None, *, seed: int) -> Drawings:
    """Own drawings; test: those that the source keeps for tests, if it can."""
    rng = np.random.default_rng([seed, 21])
    both = train if test is None else join([train, test])  # of one size and one list of classes
    images, labels = both.images[len(train) :], both.labels[len(train) :]
    parts, named, varied = [images[labels < len(train.classes)]], [labels[labels < len(train.classes)]], []
    for label, name in enumerate(train.classes):
        if np.count_nonzero(labels == label) < FEWEST:
            mine = np.flatnonzero(train.labels == label)
            parts.append(warp(train.images[np.resize(mine, VARIANTS)], rng))
            named.append(np.full(VARIANTS, label))
            varied.append(name)
    tests = replace(
        train if test is None else test,
        images=np.concatenate(parts),
        labels=np.concatenate(named),
        classes=train.classes,
        groups=None,
    )
    return Drawings(train, tests, train.classes, tuple(varied))


def with_kept(
    own: Drawings, weights: Weights, *, seed: int, progress: Callable[[int], None] = lambda done: None
) -> Drawings:
    """The same with the other classes of these weights, as pictures that they plan.

    progress is called with how many of them are planned.
    """
    others = planned_classes(own, weights)
    if not others:
        return own
    first = KEPT * len(others)
    train = kept(weights, others, KEPT, seed=seed, progress=progress)
    test = kept(
        weights, others, KEPT_TESTS, seed=seed + first, progress=lambda done: progress(first + done)
    )
    return replace(own, train=join([own.train, train]), test=join([own.test, test]))


def planned_classes(own: Drawings, weights: Weights) -> list[str]:
    """The classes that are kept: those that the weights know and nobody drew."""
    return [name for name in weights.classes if name not in own.classes]


def kept(
    weights: Weights,
    classes: Sequence[str],
    count: int,
    *,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> LabelledImages:
    """Pictures of classes that weights know, `count` of each as they plan them; SettingsError."""
    if not weights.settings.planned:
        raise SettingsError(
            "only a model of the plan design can keep its classes, as others have no picture of them; "
            "learn without keeping them, or start from other weights"
        )
    names = list(classes) * count
    gamma = WeaveSettings.from_dict(dict(weights.weaving)).gamma
    greys = []
    for at in range(0, len(names), AT_ONCE):
        part = names[at : at + AT_ONCE]
        seeds = range(seed + at, seed + at + len(part))
        _, plans = invent_with_plans(weights, part, seeds, PLAN_ONLY)
        assert plans is not None
        planned: NDArray[np.float32] = shown(weights, plans) ** np.float32(
            1 / gamma
        )  # weaving takes it again
        greys.append(np.rint(255 * np.clip(planned, 0, 1)).astype(np.uint8))
        progress(at + len(part))
    labels = np.tile(np.arange(len(classes)), count)
    return LabelledImages(np.concatenate(greys), labels, tuple(classes), "kept", weights.digest)
