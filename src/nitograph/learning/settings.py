"""How symbols of one's own are learned. This module does not know how that is done.

Try it: python -m nitograph learn --help
"""

from dataclasses import dataclass

from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class LearnSettings(Settings):
    """How long, from how many rows, and how fast."""

    minutes: float = setting(10.0, "how long to train; judging comes after it", unit="minutes", low=0.01)
    rows: int = setting(
        6000,
        "threads to learn from, warped variants of the drawings included, the same of each class",
        low=50,
        high=1_000_000,
    )
    kept_rows: int = setting(
        6000, "threads of kept classes to learn from, as many again", low=50, high=1_000_000
    )
    learning_rate: float = setting(1e-3, "peak learning rate", low=1e-8, high=1)
    seed: int = setting(42, "seed of the warps, the kept pictures and the training", low=0, high=2**53)
