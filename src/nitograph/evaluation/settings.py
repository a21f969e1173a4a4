"""How many threads an evaluation samples and how long its critics train; QUICK is the form for daily work.

Both forms are those of ten classes; `amounts` shares them out among more. This module loads no PyTorch, so
that the help text appears at once, and knows nothing of the figures.

Try it: python -m nitograph evaluate --help
"""

import math
from dataclasses import dataclass

from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """How much is sampled, and what the critics are trained on."""

    samples_per_class: int = setting(100, "threads per class and round", low=5, high=400)
    seeds: int = setting(3, "rounds of sampling, each with its own seeds", low=1, high=100)
    two_sample_per_class: int = setting(
        250, "maximum threads per class of each side of the two-sample test", low=5, high=440
    )
    first_seed: int = setting(
        100_000, "seed of the first thread; the others count up from it", low=0, high=2**53
    )
    critic_images: int = setting(
        15_000,
        "woven train images to train critic B on, and as many others for C",
        low=100,
        high=27_500,
    )
    images_seen: int = setting(
        60_000, "pictures each critic sees in training, repeats included", low=100, high=10_000_000
    )
    lesson_seen: int = setting(
        12_000, "the same for the network trained on samples alone", low=100, high=10_000_000
    )
    training_threads: int = setting(
        0, "training threads among which copies are looked for, the first; 0: all", low=0, high=10_000_000
    )

    @property
    def form(self) -> str:
        """The form for ten classes."""
        return self.form_for(TEN)

    def form_for(self, classes: int) -> str:
        """`full`, `quick` or `other`: whether anything is measured less than by default."""
        quick, full = amounts(classes, quick=True), amounts(classes)
        if all(getattr(self, name) == getattr(quick, name) for name in _QUICK):
            return "quick"
        counted = [name for name in _QUICK if name != "training_threads"]
        less = any(getattr(self, name) < getattr(full, name) for name in counted)
        return "other" if less or self.training_threads else "full"


_QUICK = {
    "samples_per_class": 100,
    "seeds": 1,
    "two_sample_per_class": 100,
    "critic_images": 10_000,
    "images_seen": 30_000,
    "lesson_seen": 12_000,
    "training_threads": 20_000,
}
QUICK = EvaluationSettings(**_QUICK)

TEN = 10  # classes that both forms are made for
ROUND = 3000  # samples in a round, where there are many classes
FEWEST = 20  # samples of a class in a round, all the same
LEARNED = 250  # pictures of each class for a critic


def amounts(classes: int, *, quick: bool = False) -> EvaluationSettings:
    """The full or the quick form for so many classes.

    Up to ten it is that of ten. Of more, fewer samples of each are drawn, so that there are ROUND in a
    round, and two-sample tests have as many threads as for ten; critics learn from more pictures, and
    longer, by the root of the number of classes.
    """
    base = QUICK if quick else EvaluationSettings()
    if classes <= TEN:
        return base
    longer = math.sqrt(classes / TEN)
    most = base.declaration("critic_images").high or math.inf
    return base.replace(
        samples_per_class=max(FEWEST, min(base.samples_per_class, ROUND // classes)),
        two_sample_per_class=max(FEWEST, base.two_sample_per_class * TEN // classes),
        critic_images=int(min(most, max(base.critic_images, LEARNED * classes))),
        images_seen=round(base.images_seen * longer),
        lesson_seen=round(base.lesson_seen * longer),
    )
