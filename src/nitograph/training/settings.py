"""The settings and reports of training, without PyTorch: help and checks work where that is missing.

This module does not know how training is done.

Try it: python -m nitograph train --help
"""

from dataclasses import dataclass

from nitograph.settings import Settings, setting

LASTING = ("seed", "validation_fraction", "batch_size", "optimizer")  # a resumed run must keep them

SEEN_NAILS = {"temperature": 1.0, "top_k": 0}
SHARP_PLANS = {"plan_temperature": 0.8, "guidance": 1.12, "plan_steps": 4}


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How a model is trained."""

    epochs: int = setting(15, "passes over the training rows", low=1, high=100_000)
    minutes: float | None = setting(
        None, "stop after this time instead of epochs", unit="minutes", low=0.01
    )
    batch_size: int = setting(32, "threads per step", low=1, high=65536)
    plan_rows: int = setting(
        128, "additional plans per step, learned without their threads", low=0, high=65536
    )
    plan_turn: float = setting(
        0.0,
        "standard deviation of the random rotation of each additional plan",
        unit="radians",
        low=0,
        high=3.2,
    )
    plan_from: str = setting(
        "weights",
        "where the plan comes from: weights (those to start from, or the package's where shape and classes "
        "fit: their autoencoder as it is, their chances of each code as the teacher), codes (their "
        "autoencoder, the chances learned from the corpus), or the corpus (the autoencoder learned, too)",
        choices=("weights", "codes", "corpus"),
    )
    plan_steps: int = setting(
        4000, "steps of the plan's autoencoder, before the Transformer's", low=1, high=10_000_000
    )
    flow_steps: int | None = setting(
        None,
        "steps of the flow that makes plans sharp (default 8000, or none where the plan comes with one)",
        low=0,
        high=10_000_000,
    )
    flow_batch: int = setting(32, "pictures per step of the flow", low=1, high=65536)
    learning_rate: float = setting(2e-3, "peak learning rate", low=1e-8, high=1)
    weight_decay: float = setting(0.05, "decoupled weight decay of the matrices", low=0, high=10)
    optimizer: str = setting("muon", "optimiser", choices=("adamw", "muon"))
    validation_fraction: float = setting(0.10, "share of source images held out", low=0, high=0.9)
    validation_rows: int = setting(1024, "rows used for one validation, at most", low=1, high=10_000_000)
    patience: int = setting(
        5, "validations without a better loss after which a run ends (0: none)", low=0, high=10_000
    )
    class_dropout: float = setting(
        0.10, "share of rows trained without their class, for guidance", low=0, high=1
    )
    exact_light: float = setting(
        0.3, "share of steps conditioned on the pictures' own light instead of the plans'", low=0, high=1
    )
    exact_pictures: float = setting(
        0.5, "share of steps in which a model with sight looks at the pictures themselves", low=0, high=1
    )
    own_walks: float = setting(
        0.0,
        "share of steps learned from the model's own walks, corrected by the encoder (needs sight)",
        low=0,
        high=1,
    )
    expected_error: float = setting(
        0.0,
        "weight of what the nails are expected to cost against the encoder's best ones (needs sight)",
        low=0,
        high=100,
    )
    workers: int = setting(0, "CPU threads (0: as many as a few steps show to pay)", low=0, high=4096)
    seed: int = setting(42, "seed of the weights, the split and the order", low=0, high=2**63 - 1)
    compile: bool = setting(False, "compile the network first (torch.compile)")


@dataclass(frozen=True)
class Report:
    """Where training stands. Losses are nats per token; None where not measured."""

    kind: str  # "plan" | "flow" | "step" | "valid" | "done"
    step: int
    progress: float
    epoch: float
    seconds: float
    learning_rate: float
    tokens_per_second: float = 0.0
    nail_loss: float | None = None
    plan_loss: float | None = None
    light_error: float | None = None
    flow_loss: float | None = None
    flow_held_out: float | None = None
    best: bool = False


def best_sampling(*, sight: bool, sharp: bool) -> dict[str, float]:
    """How weights are best sampled, by docs/log.md; what is not named keeps the program's default."""
    return (SEEN_NAILS if sight else {}) | (SHARP_PLANS if sharp else {})
