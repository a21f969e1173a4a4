"""The first phase of training: the autoencoder that turns a picture's light into plan codes and back.

It must be finished before the Transformer is trained, which learns to write its codes. The phase counts its
steps and its time, so that it can be stopped and resumed at any of them; it knows nothing of threads.

Try it: python -m nitograph train --dataset small.npz --plan-steps 500 --epochs 1
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from nitograph.training.objective import Objective
from nitograph.training.optimizer import descend, make_optimizer, trapezoid
from nitograph.training.processes import sums_of
from nitograph.training.settings import Report, TrainSettings
from nitograph.training.shares import ALONE, Share

PLAN_BATCH = 512


class PlanPhase:
    """The steps of the plan's autoencoder over the light (rows, k) of the training pictures."""

    def __init__(
        self,
        objective: Objective,
        light: NDArray[np.float16],
        settings: TrainSettings,
        *,
        limit: float | None = None,
        share: Share = ALONE,
    ) -> None:
        self.objective, self.light, self.settings = objective, light, settings
        self.limit, self.share = limit, share
        self.optimizer = make_optimizer(objective.network, settings, plan=True)
        self.step, self.seconds, self.ended = 0, 0.0, False

    @property
    def progress(self) -> float:
        """How much of it is done, 0 to 1, by steps or by time."""
        spent = self.seconds / self.limit if self.limit else 0.0
        return min(1.0, max(self.step / self.settings.plan_steps, spent))

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.ended

    def skip(self) -> None:
        """Keep the autoencoder as it is, without any further step."""
        self.ended = True

    def run(
        self,
        *,
        report_every: float,
        stop_requested: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        schedule: Callable[[float], float] = trapezoid,
    ) -> Iterator[Report]:
        """Take the remaining steps; reports give the light's squared error, relative to its power."""
        if self.finished:
            return
        errors: list[float] = []
        base, began = self.seconds, clock()
        reported = began
        while not self.finished and not stop_requested():
            rate = self.settings.learning_rate * schedule(self.progress)
            errors.append(self._advance(rate))
            now = clock()
            self.seconds = base + now - began
            self.ended = self.progress >= 1.0
            if now - reported >= report_every or self.finished:
                yield self._report(rate, float(np.mean(errors)))
                reported, errors = now, []

    def _advance(self, rate: float) -> float:
        """One step at this learning rate; the error before it."""
        rng, world = np.random.default_rng([self.settings.seed, 7, self.step, 0]), self.share.world
        mine = self.share.of(rng.integers(len(self.light), size=PLAN_BATCH), rng)
        light = torch.from_numpy(self.light[mine.rows].astype(np.float32))
        loss, power = self.objective.light_loss(light), float(light.square().sum()) * mine.weight
        wrong, whole = sums_of([float(loss.detach()) * power, power], world, self.objective.device)
        if world > 1:  # of one process, the loss is that of all
            loss = loss * (world * power / whole)
        descend(self.optimizer, loss, rate, world=world, place=f"plan step {self.step}")
        self.step += 1
        return wrong / whole

    def _report(self, rate: float, error: float) -> Report:
        return Report("plan", self.step, self.progress, 0.0, self.seconds, rate, light_error=error)
