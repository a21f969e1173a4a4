"""How many threads an evaluation samples and how long its critics train; QUICK is the form for daily work.

This module loads no PyTorch, so that the help text appears at once, and knows nothing of the figures.

Try it: python -m nitograph evaluate --help
"""

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
        "woven MNIST train images to train critic B on, and as many others for C",
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
        """`full`, `quick` or `other`: whether anything is measured less than by default."""
        if all(getattr(self, name) == value for name, value in _QUICK.items()):
            return "quick"
        less = any(
            getattr(self, name) < self.default(name) for name in _QUICK if name != "training_threads"
        )
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
