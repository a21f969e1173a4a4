"""The loss of one training step: nails from a planned picture of some kind, plans, and what was asked
beside.

Everything random in a step comes from the seed and the step's number. This module takes no steps and
knows no schedule.

Try it: python -c "from nitograph.training.steps import step_loss; help(step_loss)"
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nitograph.training.measure import Step
from nitograph.training.objective import Lesson, Loss, Objective
from nitograph.training.processes import sums_of
from nitograph.training.settings import TrainSettings
from nitograph.training.shares import ALONE, Part, Share

NOTHING: Loss = (torch.zeros(()), 0)


class Task(NamedTuple):
    """What one step learns nails from, drawn from the seed and the step's number."""

    rng: np.random.Generator  # of what is drawn later in the step
    kind: str  # one of objective.KINDS
    own_walk: bool
    mine: Part  # of the step's rows


def task_of(
    objective: Objective,
    settings: TrainSettings,
    rows: NDArray[np.int64],
    *,
    step: int,
    share: Share = ALONE,
) -> Task:
    """The task of a step over these rows of the training part; share: of the rows, among processes."""
    rng = np.random.default_rng([settings.seed, 11, step, 0])
    kind = _kind(objective, settings, rng)
    own_walk = objective.sees_pictures and rng.random() < settings.own_walks
    return Task(rng, kind, own_walk, share.of(rows, rng))


def gather(objective: Objective, task: Task) -> Lesson:
    """The lesson of a task; where it is none of own walks, in any thread and before the step's turn."""
    rows, rng, _ = task.mine
    if task.own_walk:
        return objective.lesson_of_walks("train", rows, rng, kind=task.kind)
    return objective.lesson("train", rows, kind=task.kind)


def step_loss(
    objective: Objective,
    settings: TrainSettings,
    task: Task,
    lesson: Lesson,
    *,
    share: Share = ALONE,
) -> tuple[Tensor, Step]:
    """The loss of a task and its lesson, and what it is made of.

    The losses' mean over processes is that of all rows, and so is the Step.
    """
    weight = settings.expected_error if objective.sees_pictures else 0.0
    rng, mine = task.rng, task.mine
    found = objective.losses(
        "train", mine.rows, kind=task.kind, rng=mine.rng, lesson=lesson, regret=weight > 0
    )
    parts = [_weighed(found.nail, mine.weight), NOTHING, _weighed(found.regret, mine.weight)]
    if found.plan is not None:
        parts[1] = _weighed(found.plan, mine.weight)
        drawn = rng.integers(len(objective.parts["train"]), size=settings.plan_rows)
        if len(drawn):
            extra = share.of(drawn, rng)
            more = _weighed(objective.plan_loss("train", extra.rows, extra.rng), extra.weight)
            parts[1] = parts[1][0] + more[0], parts[1][1] + more[1]
    numbers = [number for loss, count in parts for number in (float(loss.detach()), count)]
    nail, nails, plan, plans, _, costs = sums_of(numbers, share.world, objective.device)
    total = parts[0][0] / (nails / share.world)
    if costs:
        total = total + weight * parts[2][0] / (costs / share.world)
    if plans:
        total = total + parts[1][0] / (plans / share.world)
    return total, Step(nail / nails, plan / plans if plans else 0.0, int(nails + plans))


def _weighed(loss: Loss | None, weight: int) -> Loss:
    """A sum with its count, or nothing where there is none, or where it is another process's."""
    return NOTHING if loss is None else (loss[0] * weight, loss[1] * weight)


def _kind(objective: Objective, settings: TrainSettings, rng: np.random.Generator) -> str:
    """What one step learns nails from, drawn by the settings' shares."""
    drawn, exact = rng.random(), settings.exact_light
    if drawn < exact:
        return "light"
    seen = settings.exact_pictures if objective.sees_pictures else 0.0
    return "picture" if drawn < exact + seen else "codes"
