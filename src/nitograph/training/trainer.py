"""Training: the plan's autoencoder first, then the Transformer on plans and threads.

`Trainer.run` is a generator of reports; it never prints, can be left at any report, and stopped between two
steps. A checkpoint holds everything that the next step depends on, so k steps, a stop and N−k more give on
a CPU the same bits as N.
The learning rate warms up, stays, and falls to zero over the last half, by steps or by the minutes given,
whichever is further on. Under torchrun each process takes its share of the batches and gradients are
averaged. Optimisers: AdamW, or Muon for the matrices inside the blocks. This module knows no flags.

Try it: python -m nitograph train --dataset small.npz --minutes 1
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nitograph import __version__
from nitograph.corpus.rows import Corpus
from nitograph.errors import SettingsError, WeightsError
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import Weights
from nitograph.training.batches import epoch_order
from nitograph.training.checkpoints import checkpoint_of, write_checkpoint
from nitograph.training.objective import Objective, measure_light
from nitograph.training.optimizer import make_optimizer, take_step, trapezoid
from nitograph.training.processes import join_group, of_first
from nitograph.training.settings import LASTING, Report, TrainSettings

PLAN_BATCH = 512
VALIDATION_BATCH = 128

Stop = Callable[[], bool]


def never() -> bool:
    """No wish to stop."""
    return False


class Trainer:
    """A run of training over one corpus. Raises SettingsError where corpus and settings do not fit."""

    def __init__(
        self, corpus: Corpus, model: ModelSettings, settings: TrainSettings, *, device: str = "cpu"
    ) -> None:
        self.corpus, self.model, self.settings = corpus, model, settings
        self.device, self.rank, self.world = torch.device(device), *join_group(device)
        if settings.workers:
            torch.set_num_threads(settings.workers)
        self.train, self.valid = corpus.split(settings.validation_fraction, seed=settings.seed)
        torch.manual_seed(settings.seed + self.rank)
        self.network = Network(model, corpus.board, corpus.classes, seed=settings.seed).to(self.device)
        forward = torch.compile(self.network, dynamic=True) if settings.compile else self.network
        parts = {"train": self.train, "valid": self.valid}
        self.objective = Objective(
            self.network,
            forward,
            parts,
            self.device,
            class_dropout=settings.class_dropout,
            plan_turn=settings.plan_turn,
        )
        self.optimizer = make_optimizer(self.network, settings, plan=False)
        self.plan_optimizer = make_optimizer(self.network, settings, plan=True) if model.planned else None
        self.step, self.plan_step, self.seconds, self.best = 0, 0, 0.0, math.inf
        self.history: list[dict[str, Any]] = []
        self.ancestor: str | None = None  # digest of the weights that training began from
        if model.planned:
            measure_light(self.network, self.train)
        per_epoch = -(-len(self.train) // settings.batch_size)
        if per_epoch < self.world:
            raise SettingsError(
                f"{self.world} processes need at least as many batches, but {len(self.train)} rows make "
                f"{per_epoch} of {settings.batch_size}; lower batch_size or start fewer"
            )
        self.steps_per_epoch = per_epoch // self.world

    @property
    def total_steps(self) -> int:
        """Steps of the Transformer in all epochs."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1, by steps or by minutes."""
        if self.settings.minutes is None:
            return min(1.0, self.step / self.total_steps)
        return min(1.0, self.seconds / (60 * self.settings.minutes))

    def run(
        self, *, report_every: float = 2.0, validate_every: float = 240.0, stop: Stop = never
    ) -> Iterator[Report]:
        """Train to the end, yielding reports; validation after each epoch or `validate_every` seconds.

        Once `stop()` is true in the first process, the reports end after the step that is under way.
        """

        def told() -> bool:
            return bool(of_first(stop(), self.world, self.device))

        yield from self._train_plan(report_every, told)
        if told():
            return
        if self.model.planned:
            self.objective.encode(self.weights())
        started, base = time.monotonic(), self.seconds
        reported, validated, counted = started, started, 0
        sums: dict[str, list[float]] = {"nail": [], "plan": []}
        if self._owes_validation():
            yield from self._validation(told)
        while self.progress < 1.0:
            order = self._order(self.step // self.steps_per_epoch)
            for at in range(self.step % self.steps_per_epoch, self.steps_per_epoch):
                nail, plan, count = self._train_step(order[at], self._rate())
                self.step += 1
                self.seconds = of_first(base + time.monotonic() - started, self.world, self.device)
                if told():
                    return
                counted += count * self.world
                sums["nail"].append(nail)
                sums["plan"].append(plan)
                now = time.monotonic()
                if now - reported >= report_every:
                    speed = counted / (now - reported)
                    nail_loss, plan_loss = (float(np.mean(values)) for values in sums.values())
                    yield self._report("step", speed, nail_loss, plan_loss)
                    reported, counted, sums = time.monotonic(), 0, {"nail": [], "plan": []}
                if self.progress >= 1.0 or now - validated >= validate_every:
                    break
            if self.progress >= 1.0 or now - validated >= validate_every or at + 1 == self.steps_per_epoch:
                yield from self._validation(told)
                if told():
                    return
                validated = reported = time.monotonic()
                counted = 0
        yield self._report("done", 0.0)

    def validate(self) -> Report:
        """Nats a token on held-out rows (on training rows where none are held out)."""
        return next(self._validation(never))

    def _validation(self, stop: Stop) -> Iterator[Report]:
        """One report, or none where it is stopped."""
        part = "valid" if len(self.valid) else "train"
        rows = np.arange(len(getattr(self, part)))[: self.settings.validation_rows]
        totals = np.zeros((2, 2))  # nats and tokens of nails, of plans
        self.network.eval()
        with torch.inference_mode():
            for first in range(0, len(rows), VALIDATION_BATCH):
                if stop():
                    return
                found = self.objective.losses(part, rows[first : first + VALIDATION_BATCH])
                for total, loss in zip(totals, found, strict=True):
                    total += (0.0, 0) if loss is None else (float(loss[0]), loss[1])
        self.network.train()
        (nats, count), (plan_nats, codes) = totals.tolist()
        overall = (nats + plan_nats) / (count + codes)
        best = overall < self.best
        self.best = min(self.best, overall)
        yield self._report("valid", 0.0, nats / count, plan_nats / codes if codes else None, best=best)

    def weights(self) -> Weights:
        """The model as it is now."""
        facts = {
            "nitograph": __version__,
            "train": self.settings.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "rows": len(self.train),
            "steps": self.step,
            "minutes": round(self.seconds / 60, 2),
            "started_from": self.ancestor,
            "history": [h for h in self.history if h["kind"] == "valid"][-50:],
        }
        longest = int(self.corpus.lengths.max()) - 3
        return self.network.to_weights(
            self.corpus.rules,
            max_lines=max(longest, self.corpus.weaving.max_lines),
            weaving=self.corpus.metadata["weaving"],
            facts=facts,
        )

    def save(self, path: str | Path) -> None:
        """Write a checkpoint from which training goes on exactly; whole or not at all."""
        state = {
            "model": self.model.to_dict(),
            "settings": self.settings.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "plan_optimizer": self.plan_optimizer.state_dict() if self.plan_optimizer else None,
            "step": self.step,
            "plan_step": self.plan_step,
            "seconds": self.seconds,
            "best": self.best,
            "history": self.history,
            "ancestor": self.ancestor,
            "random": torch.get_rng_state(),
            "max_lines": self.weights().max_lines,
        }
        write_checkpoint(path, state)

    def start_from(self, weights: Weights) -> None:
        """Begin from a model at rest, as Network.start_from; its plan's autoencoder stays as it is."""
        self.network.start_from(weights)
        self.plan_step, self.ancestor = self.settings.plan_steps, weights.digest

    def resume(self, path: str | Path) -> None:
        """Go on from a checkpoint of `save`; WeightsError where it is of another model or corpus."""
        settings = {name: getattr(self.settings, name) for name in LASTING}
        state = checkpoint_of(
            path, model=self.model.to_dict(), corpus=self.corpus.metadata, settings=settings
        )
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.plan_optimizer:
                self.plan_optimizer.load_state_dict(state["plan_optimizer"])
            for name in ("step", "plan_step", "seconds", "best", "history", "ancestor"):
                setattr(self, name, state[name])
            torch.set_rng_state(state["random"])
        except (KeyError, ValueError, RuntimeError, TypeError, AttributeError):
            raise WeightsError(f"{path} is damaged; resume from another checkpoint or train anew") from None

    def _train_plan(self, report_every: float, stop: Stop) -> Iterator[Report]:
        """The autoencoder: squared error of the light, relative to its power."""
        if not self.model.planned or self.plan_optimizer is None:
            return
        light = torch.from_numpy(self.train.light.astype(np.float32))
        errors: list[float] = []
        began = reported = time.monotonic()
        while self.plan_step < self.settings.plan_steps and not stop():
            rng = np.random.default_rng([self.settings.seed, 7, self.plan_step, self.rank])
            batch = light[rng.integers(len(light), size=PLAN_BATCH)]
            rate = self.settings.learning_rate * trapezoid(self.plan_step / self.settings.plan_steps)
            loss = self.objective.light_loss(batch)
            self._apply(self.plan_optimizer, loss, rate)
            self.plan_step += 1
            errors.append(float(loss.detach()))
            now = time.monotonic()
            if now - reported >= report_every or self.plan_step == self.settings.plan_steps:
                done, reported = self.plan_step / self.settings.plan_steps, now
                yield Report(
                    "plan", self.plan_step, done, 0.0, now - began, rate, light_error=float(np.mean(errors))
                )
                errors = []

    def _owes_validation(self) -> bool:
        """Whether the checkpoint was written between an epoch's last step and its validation."""
        if not self.step or (self.step % self.steps_per_epoch and self.progress < 1.0):
            return False
        return not any(past["kind"] == "valid" and past["step"] == self.step for past in self.history)

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        order = epoch_order(
            self.train.lengths, self.settings.batch_size, seed=self.settings.seed, epoch=epoch
        )
        return order[self.rank :: self.world][: self.steps_per_epoch]

    def _train_step(self, rows: NDArray[np.int64], rate: float) -> tuple[float, float, int]:
        rng = np.random.default_rng([self.settings.seed, 11, self.step, self.rank])
        self.network.train()
        exact = rng.random() < self.settings.exact_light
        (nail, nails), planned = self.objective.losses("train", rows, exact=exact, rng=rng)
        loss, plan, plans = nail / nails, torch.zeros(()), 0
        if planned is not None:
            plan, plans = planned
            extra = rng.integers(len(self.train), size=self.settings.plan_rows)
            if len(extra):
                more, count = self.objective.plan_loss("train", extra, rng)
                plan, plans = plan + more, plans + count
            loss = loss + plan / plans
        self._apply(self.optimizer, loss, rate)
        return float(nail.detach()) / nails, float(plan.detach()) / plans if plans else 0.0, nails + plans

    def _apply(self, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
        if not take_step(optimizer, loss, rate, self.world):
            raise WeightsError(
                f"training diverged at step {self.step}: the gradient is not finite; lower learning_rate "
                "and resume from the last checkpoint"
            )

    def _rate(self) -> float:
        return self.settings.learning_rate * trapezoid(self.progress)

    def _report(
        self,
        kind: str,
        speed: float,
        nail: float | None = None,
        plan: float | None = None,
        best: bool = False,
    ) -> Report:
        plan = plan if self.model.planned else None
        epoch = self.step / self.steps_per_epoch
        report = Report(
            kind, self.step, self.progress, epoch, self.seconds, self._rate(), speed, nail, plan, best=best
        )
        if kind != "step":
            self.history.append(vars(report).copy())
        return report
