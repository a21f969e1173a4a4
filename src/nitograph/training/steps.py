"""The loss of one training step: nails from a planned picture of some kind, plans, and what was asked
beside.

Everything random in a step comes from the seed and the step's number. This module takes no steps and
knows no schedule.

Try it: python -c "from nitograph.training.steps import step_loss; help(step_loss)"
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nitograph.training.measure import Step
from nitograph.training.objective import Objective
from nitograph.training.settings import TrainSettings


def step_loss(
    objective: Objective, settings: TrainSettings, rows: NDArray[np.int64], *, step: int, rank: int = 0
) -> tuple[Tensor, Step]:
    """The loss of these rows of the training part, and what it is made of."""
    rng = np.random.default_rng([settings.seed, 11, step, rank])
    kind = _kind(objective, settings, rng)
    own_walk = objective.sees_pictures and rng.random() < settings.own_walks
    weight = settings.expected_error if objective.sees_pictures else 0.0
    found = objective.losses("train", rows, kind=kind, rng=rng, own_walk=own_walk, regret=weight > 0)
    nail, nails = found.nail
    loss, plan, plans = nail / nails, torch.zeros(()), 0
    if found.regret is not None:
        loss = loss + weight * found.regret[0] / found.regret[1]
    if found.plan is not None:
        plan, plans = found.plan
        extra = rng.integers(len(objective.parts["train"]), size=settings.plan_rows)
        if len(extra):
            more, count = objective.plan_loss("train", extra, rng)
            plan, plans = plan + more, plans + count
        loss = loss + plan / plans
    plan_nats = float(plan.detach()) / plans if plans else 0.0
    return loss, Step(float(nail.detach()) / nails, plan_nats, nails + plans)


def _kind(objective: Objective, settings: TrainSettings, rng: np.random.Generator) -> str:
    """What one step learns nails from, drawn by the settings' shares."""
    drawn, exact = rng.random(), settings.exact_light
    if drawn < exact:
        return "light"
    seen = settings.exact_pictures if objective.sees_pictures else 0.0
    return "picture" if drawn < exact + seen else "codes"
