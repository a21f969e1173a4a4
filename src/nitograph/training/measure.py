"""Measures of training: means over the steps since the last report, and nats per token on held-out rows.

This module takes no training steps.

Try it: python -c "from nitograph.training.measure import Meter; help(Meter)"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nitograph.training.objective import Objective

VALIDATION_BATCH = 128
KEPT = 12  # validations told of in a weights file
TOLD = ("step", "seconds", "nail_loss", "plan_loss", "best")

Stop = Callable[[], bool]


def never() -> bool:
    """Stop is never requested."""
    return False


@dataclass
class Step:
    """The result of one step: nats per nail and per plan code, and tokens learned from."""

    nail: float
    plan: float
    tokens: int


@dataclass
class Meter:
    """Losses since the last report, and tokens since `began`, a time in seconds."""

    began: float
    tokens: int = 0
    steps: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Count one more step."""
        self.tokens += step.tokens
        self.steps.append(step)

    def read(self, now: float) -> tuple[float, float, float]:
        """Tokens per second, mean nats per nail, mean nats per plan code."""
        nail, plan = (float(np.mean([getattr(s, name) for s in self.steps])) for name in ("nail", "plan"))
        return self.tokens / (now - self.began), nail, plan


@dataclass(frozen=True)
class HeldOut:
    """Nats per nail, per plan code (None in a plain model), and per token of both together."""

    nail: float
    plan: float | None
    overall: float


def thinned(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """At most KEPT of these validations, evenly spread to the last one, with what people look for."""
    count = len(history)
    rows = sorted({count - 1 - round(k * (count - 1) / (KEPT - 1)) for k in range(KEPT)}) if count else []
    return [{name: _short(history[row][name]) for name in TOLD} for row in rows]


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def measure(
    objective: Objective, part: str, rows: NDArray[np.int64], stop_requested: Stop
) -> HeldOut | None:
    """Nats of these rows of a part without dropout; None if a stop is requested meanwhile.

    Nails are given the planned picture as in generation: where the network looks at pictures, those.
    """
    kind = "picture" if objective.sees_pictures else "codes"
    totals = np.zeros((2, 2))  # nats and tokens of nails, of plans
    objective.network.eval()
    with torch.inference_mode():
        for first in range(0, len(rows), VALIDATION_BATCH):
            if stop_requested():
                return None
            found = objective.losses(part, rows[first : first + VALIDATION_BATCH], kind=kind)
            for total, loss in zip(totals, (found.nail, found.plan), strict=True):
                total += (0.0, 0) if loss is None else (float(loss[0]), loss[1])
    objective.network.train()
    (nats, count), (plan_nats, codes) = totals.tolist()
    plan = plan_nats / codes if codes else None
    return HeldOut(nats / count, plan, (nats + plan_nats) / (count + codes))
