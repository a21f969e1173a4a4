"""How much an evaluation samples, and how much its critics learn. No PyTorch, so that a help text is quick.

Try it: python -m nitograph evaluate --help
"""

from dataclasses import dataclass

from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """How much is sampled, and what the critics learn from."""

    samples_per_class: int = setting(100, "threads of each class in one round", low=5, high=400)
    seeds: int = setting(3, "rounds, each with seeds of its own", low=1, high=100)
    first_seed: int = setting(100_000, "seed of the first thread; the others follow", low=0, high=2**53)
    critic_images: int = setting(
        15_000, "woven MNIST train images for critic B, and as many others for C", low=100, high=27_500
    )
    images_seen: int = setting(
        60_000, "pictures shown to a critic in training, repeats counted", low=100, high=10_000_000
    )
    lesson_seen: int = setting(
        12_000, "the same for a network taught on samples alone", low=100, high=10_000_000
    )
