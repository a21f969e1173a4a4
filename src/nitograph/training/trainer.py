"""Training: the plan's autoencoder, the flow that makes plans sharp, then the Transformer on plans and
threads.

`Trainer.run` is a generator of reports; it never prints, can be abandoned at any report, and stopped
between two steps. On a CPU the same corpus, settings and seed reproduce the same bits, with the same number
of threads on the same kind of machine. A checkpoint holds everything that the next step depends on, so k
steps, a stop and N−k more give the same bits as N.

The learning rate warms up, stays constant, and falls to zero over the last half of the epochs, or of the
minutes if they are given. Under torchrun each process takes its share of the rows of each step, so that any
number of processes takes the same steps, except for rounding. Optimisers: AdamW, or Muon for the matrices
inside the blocks. This module knows no flags.

Try it: python -m nitograph train --dataset small.npz --minutes 1
"""

import math
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.corpus.rows import Corpus
from nitograph.errors import SettingsError
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.sharpen import Sharpener
from nitograph.model.weights import Weights
from nitograph.training import beginnings, resume
from nitograph.training.ahead import Ahead
from nitograph.training.batches import epoch_order
from nitograph.training.checkpoints import write_checkpoint
from nitograph.training.measure import Meter, Step, Stop, measure, never, thinned
from nitograph.training.objective import Objective, measure_light
from nitograph.training.optimizer import descend, make_optimizer, trapezoid
from nitograph.training.plan_phase import PlanPhase
from nitograph.training.processes import any_of, join_group, of_first
from nitograph.training.settings import Report, TrainSettings, best_sampling
from nitograph.training.shares import Share
from nitograph.training.steps import Task, gather, step_loss, task_of
from nitograph.training.threads import quickest

PLAN_SHARE = 0.1  # of the minutes, at most, for the plan's autoencoder


class Trainer:
    """A run of training over one corpus. Raises SettingsError where corpus and settings do not fit."""

    def __init__(
        self, corpus: Corpus, model: ModelSettings, settings: TrainSettings, *, device: str = "cpu"
    ) -> None:
        self.corpus, self.model, self.settings = corpus, model, settings
        self.device, self.rank, self.world = torch.device(device), *join_group(device)
        self.share = Share(self.rank, self.world)
        if settings.workers:
            torch.set_num_threads(settings.workers)
        self.train, self.valid = corpus.split(settings.validation_fraction, seed=settings.seed)
        self.steps_per_epoch = _steps_per_epoch(len(self.train), settings.batch_size, self.world)
        torch.manual_seed(settings.seed + self.rank)
        self.network = Network(model, corpus.board, corpus.classes, seed=settings.seed).to(self.device)
        self.objective = Objective(
            self.network,
            torch.compile(self.network, dynamic=True) if settings.compile else self.network,
            {"train": self.train, "valid": self.valid},
            self.device,
            class_dropout=settings.class_dropout,
            plan_turn=settings.plan_turn,
        )
        self.optimizer = make_optimizer(self.network, settings, plan=False)
        self.plan_phase: PlanPhase | None = None
        if model.planned:
            measure_light(self.network, self.train)
            self.plan_phase = PlanPhase(
                self.objective,
                self.train.light,
                settings,
                limit=beginnings.limit(settings, PLAN_SHARE),
                share=self.share,
            )
        self.sharpener: Sharpener | None = None  # taken over from other weights
        self.flow_phase = beginnings.fresh_flow(self)
        self.step, self.seconds, self.best = 0, 0.0, math.inf
        self.history: list[dict[str, Any]] = []
        self.clock: Callable[[], float] = time.monotonic  # s; a study may count processor time
        self.schedule: Callable[[float], float] = trapezoid  # progress → share of the peak learning rate
        self.ancestor: str | None = None  # digest of the weights that training started from
        self.plan_of: str | None = None  # digest of the weights whose plan was taken over
        self.threads: int | None = None  # on the CPU, where they were measured
        self.measures_threads = False  # before the first step, unless the settings say how many
        self.sampled_with: dict[str, float] = {}  # what its weights are best sampled with, if it is known
        self._random_part = int(of_first(secrets.randbits(32), self.world, self.device))
        self.run_name: str | None = self._name()
        self._orders: dict[int, list[NDArray[np.int64]]] = {}  # of the present epoch
        self.ahead = Ahead(self._task_of, self.objective, early=self.device.type != "cpu")

    @property
    def total_steps(self) -> int:
        """Steps of the Transformer in all epochs."""
        return self.steps_per_epoch * self.settings.epochs

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1, by steps or by minutes."""
        if self.settings.minutes is None:
            return min(1.0, self.step / self.total_steps)
        before = self._seconds_before
        return min(1.0, max(0.0, self.seconds - before) / max(60 * self.settings.minutes - before, 1e-9))

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do, the last validation included."""
        planned = self.plan_phase is None or self.plan_phase.finished
        planned = planned and (self.flow_phase is None or self.flow_phase.finished)
        return planned and (self.progress >= 1.0 or self.stale) and not self._owes_validation()

    @property
    def max_lines(self) -> int:
        """The maximum number of chords for the model: the corpus's limit, or its longest thread."""
        return max(int(self.corpus.lengths.max()) - 3, self.corpus.weaving.max_lines)

    def run(
        self, *, report_every: float = 2.0, validate_every: float = 240.0, stop: Stop = never
    ) -> Iterator[Report]:
        """Train to the end, yielding reports; validation after each epoch or `validate_every` seconds.

        Once `stop()` is true in any process, the reports end after the current step.
        """

        def stop_requested() -> bool:
            return any_of(stop(), self.world, self.device)

        if self.plan_phase:
            yield from self.plan_phase.run(
                report_every=report_every,
                stop_requested=stop_requested,
                clock=self._shared_clock,
                schedule=self.schedule,
            )
        if stop_requested():
            return
        if self.plan_phase:
            self.objective.encode(self.weights())
        if self.flow_phase and not self.flow_phase.finished:
            yield from self.flow_phase.run(
                *(self.objective.plans(name) for name in ("train", "valid")),
                report_every=report_every,
                stop_requested=stop_requested,
                clock=self._shared_clock,
            )
            if stop_requested():
                return
        yield from self._run_steps(report_every, validate_every, stop_requested)

    def _run_steps(
        self, report_every: float, validate_every: float, stop_requested: Stop
    ) -> Iterator[Report]:
        """The Transformer's steps, from where the run stands to its end."""
        if not self.step:
            self.seconds = self._seconds_before
        self._take_threads()
        started, base = self.clock(), self.seconds

        def elapsed() -> float:
            """Seconds of training, the same in all processes, so that all validate together."""
            return of_first(base + self.clock() - started, self.world, self.device)

        meter, reported, validated = Meter(started), started, base
        if self._owes_validation():
            yield from self._validation(stop_requested)
        while self.progress < 1.0 and not self.stale:
            meter.add(self._train_step())
            self.step += 1
            self.seconds = elapsed()
            if stop_requested():
                return
            now = self.clock()
            if now - reported >= report_every:
                yield self._report("step", *meter.read(now))
                reported = self.clock()
                meter = Meter(reported)
            ends = self.progress >= 1.0 or self.step % self.steps_per_epoch == 0
            if ends or self.seconds - validated >= validate_every:
                yield from self._validation(stop_requested)
                if stop_requested():
                    return
                validated, reported = elapsed(), self.clock()
                meter.began, meter.tokens = reported, 0
        yield self._report("done", 0.0)

    @property
    def stale(self) -> bool:
        """Whether the last `patience` validations brought no better loss, so that the run ends."""
        better = [past["best"] for past in self.history if past["kind"] == "valid"][::-1]
        since = better.index(True) if True in better else len(better)
        return bool(self.settings.patience) and since >= self.settings.patience

    def validate(self) -> Report:
        """Nats per token on held-out rows (on training rows where none are held out)."""
        return next(self._validation(never))

    def _validation(self, stop_requested: Stop) -> Iterator[Report]:
        """One report, or none if a stop is requested."""
        part = "valid" if len(self.valid) else "train"
        rows = np.arange(len(getattr(self, part)))[: self.settings.validation_rows]
        found = measure(self.objective, part, rows, stop_requested)
        if found is not None:
            overall = of_first(found.overall, self.world, self.device)  # all must end together
            best = overall < self.best
            self.best = min(self.best, overall)
            yield self._report("valid", 0.0, found.nail, found.plan, best=best)

    def weights(self) -> Weights:
        """The model as it is now."""
        facts = {
            "nitograph": __version__,
            "run": self.run_name,
            "train": self.settings.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "rows": len(self.train),
            "steps": self.step,
            "minutes": round(self.seconds / 60, 2),
            "started_from": self.ancestor,
            "plan_of": self.plan_of,
            "history": thinned([past for past in self.history if past["kind"] == "valid"]),
        }
        flow = self.flow_phase
        sharpener = flow.sharpener() if flow and flow.finished else self.sharpener
        return self.network.to_weights(
            self.corpus.rules,
            max_lines=self.max_lines,
            weaving=self.corpus.metadata["weaving"],
            facts=facts,
            sharpener=sharpener,
            sampling=best_sampling(sight=self.model.sight, sharp=sharpener is not None) | self.sampled_with,
        )

    def save(self, path: str | Path) -> None:
        """Write a checkpoint from which training continues exactly; completely or not at all."""
        write_checkpoint(path, resume.capture(self))

    def resume(self, path: str | Path) -> None:
        """Continue from a checkpoint of `save`; WeightsError if it is of another model or corpus."""
        resume.restore(self, path)

    def start_from(self, weights: Weights) -> None:
        """Start from trained weights, as beginnings.start_from."""
        beginnings.start_from(self, weights)
        self.run_name = self._name()

    def take_plan(self, weights: Weights) -> bool:
        """Take over the plan of these weights where it fits, as beginnings.take_plan; whether it does."""
        taken = beginnings.take_plan(self, weights)
        self.run_name = self._name()
        return taken

    def _name(self) -> str:
        started_with = {
            "model": self.model.to_dict(),
            "settings": self.settings.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "ancestor": self.ancestor,
            "plan_of": self.plan_of,
        }
        return resume.run_name(started_with, self._random_part)

    @property
    def _seconds_before(self) -> float:
        """Seconds that the phases before the Transformer took."""
        return sum(phase.seconds for phase in (self.plan_phase, self.flow_phase) if phase)

    def _shared_clock(self) -> float:
        """The first process's time, so that phases limited in time end together."""
        return of_first(self.clock(), self.world, self.device)

    def _owes_validation(self) -> bool:
        """Whether the checkpoint was written between an epoch's last step and its validation."""
        if not self.step or (self.step % self.steps_per_epoch and self.progress < 1.0):
            return False
        return not any(past["kind"] == "valid" and past["step"] == self.step for past in self.history)

    def _rows_of(self, step: int) -> NDArray[np.int64]:
        """The rows that a step learns from."""
        epoch, at = divmod(step, self.steps_per_epoch)
        if epoch not in self._orders:
            size, seed = self.settings.batch_size, self.settings.seed
            self._orders = {epoch: epoch_order(self.train.lengths, size, seed=seed, epoch=epoch)}
        return self._orders[epoch][at]

    def _task_of(self, step: int) -> Task:
        rows = self._rows_of(step)
        return task_of(self.objective, self.settings, rows, step=step, share=self.share)

    def _take_threads(self) -> None:
        """As many CPU threads as do a step soonest; a resumed run keeps what it found.

        Only where `measures_threads` was set and no number was: bits depend on it.
        """
        if self.world > 1:
            return  # torchrun says how many
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        elif self.measures_threads and not self.settings.workers and self.device.type == "cpu":
            self._measure_threads()

    def _measure_threads(self) -> None:
        rows = np.arange(min(len(self.train), self.settings.batch_size))
        random = torch.get_rng_state()

        def work() -> None:
            task = task_of(self.objective, self.settings, rows, step=0)
            loss, _ = step_loss(self.objective, self.settings, task, gather(self.objective, task))
            torch.autograd.backward(loss)
            self.optimizer.zero_grad(set_to_none=True)

        self.threads = quickest(work, torch.get_num_threads())
        torch.set_rng_state(random)

    def _train_step(self) -> Step:
        if self.world > 1:  # so that dropout does not depend on how often a run was resumed
            torch.manual_seed(self.settings.seed + self.world * self.step + self.rank)
        self.network.train()
        task, lesson = self.ahead.take(self.step)
        loss, step = step_loss(self.objective, self.settings, task, lesson, share=self.share)
        descend(self.optimizer, loss, self._rate(), world=self.world, place=f"step {self.step}")
        return step

    def _rate(self) -> float:
        return self.settings.learning_rate * self.schedule(self.progress)

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


def _steps_per_epoch(rows: int, batch_size: int, world: int) -> int:
    """Steps per epoch; SettingsError if a step has not a row for each of `world` processes."""
    if batch_size < world:
        raise SettingsError(
            f"batch_size must be at least the number of processes, which share it, got {batch_size} for "
            f"{world}; raise batch_size or start fewer processes"
        )
    return -(-rows // batch_size)
