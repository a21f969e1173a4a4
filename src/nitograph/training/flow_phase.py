"""The second phase of training: the flow that draws sharp what the codes of a plan leave out.

It needs the autoencoder of the first phase, and pictures in the corpus; it knows nothing of threads, and
the Transformer needs nothing of it, so that the order of the two is free. The phase counts its steps and
its time, and can be stopped and resumed at any step. What is kept is a running mean of the tensors.

Try it: python -m nitograph train --dataset small.npz --plan-from corpus --flow-steps 100 --epochs 1
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from nitograph.model.sharpen import Sharpener
from nitograph.training.flow import CLASS_DROPOUT, DOUBTFUL, Flow, Plans, flow_loss
from nitograph.training.optimizer import AdamW, descend
from nitograph.training.processes import sums_of
from nitograph.training.settings import Report, TrainSettings
from nitograph.training.shares import ALONE, Share

HELD_OUT = 512  # pictures
RATE, MOMENT = 1.5, 0.995  # of the settings' learning rate; how slowly the running mean follows
FALL = 0.6  # share of the phase in which the rate falls


class FlowPhase:
    """The steps of a flow over the pictures of a corpus.

    steps: how many in all. limit: seconds after which it ends at the latest, or None. doubtful: share of
    training rows with codes of another picture. share: of each step's pictures, for this process.
    """

    def __init__(
        self,
        flow: Flow,
        settings: TrainSettings,
        *,
        steps: int,
        limit: float | None = None,
        doubtful: float = DOUBTFUL,
        share: Share = ALONE,
    ) -> None:
        self.flow, self.settings, self.steps, self.limit = flow, settings, steps, limit
        self.doubtful, self.share = doubtful, share
        self.smooth = {name: value.clone() for name, value in flow.state_dict().items()}
        self.optimizer = AdamW(flow.parameters(), lr=0.0, betas=(0.9, 0.98))
        self.step, self.seconds, self.ended = 0, 0.0, False

    @property
    def progress(self) -> float:
        """How much of it is done, 0 to 1, by steps or by time."""
        spent = self.seconds / self.limit if self.limit else 0.0
        return min(1.0, max(self.step / self.steps, spent))

    @property
    def finished(self) -> bool:
        """Whether it has ended."""
        return self.ended

    def run(
        self,
        train: Plans,
        held: Plans,
        *,
        report_every: float,
        stop_requested: Callable[[], bool],
        clock: Callable[[], float],
    ) -> Iterator[Report]:
        """Take the remaining steps; the last report has the error on held-out pictures as well."""
        if not self.step and float(self.flow.get_buffer("spread")) == 1.0:
            self._set_spread(train.spread())
        base, began = self.seconds, clock()
        reported, losses = began, []
        while not self.ended and not stop_requested():
            losses.append(self._advance(train))
            now = clock()
            self.seconds = base + now - began
            self.ended = self.progress >= 1.0
            if self.ended or now - reported >= report_every:
                found = self.held_out(held) if self.ended and len(held) else None
                yield self._report(float(np.mean(losses)), found)
                reported, losses = now, []

    def sharpener(self) -> Sharpener:
        """The running mean, at rest."""
        own = {name: value.clone() for name, value in self.flow.state_dict().items()}
        self.flow.load_state_dict(self.smooth)
        found = self.flow.sharpener()
        self.flow.load_state_dict(own)
        return found

    def held_out(self, held: Plans) -> float:
        """The error of the running mean on held-out pictures."""
        rng = np.random.default_rng(1)
        drawn = held.rows(rng, np.arange(min(len(held), HELD_OUT)))
        with torch.inference_mode():
            return float(flow_loss(Flow.from_sharpener(self.sharpener()), drawn, rng))

    def state(self) -> dict[str, Any]:
        """All that its next step depends on."""
        kept = {name: getattr(self, name) for name in ("smooth", "step", "seconds", "ended")}
        return {"flow": self.flow.state_dict(), "optimizer": self.optimizer.state_dict(), **kept}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.flow.load_state_dict(state["flow"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name in ("smooth", "step", "seconds", "ended"):
            setattr(self, name, state[name])

    def _set_spread(self, spread: float) -> None:
        self.flow.get_buffer("spread").fill_(spread)
        self.smooth["spread"] = self.flow.get_buffer("spread").clone()

    def _advance(self, train: Plans) -> float:
        rng, world = np.random.default_rng([self.settings.seed, 13, self.step, 0]), self.share.world
        rows, rng, weight = self.share.of(rng.integers(len(train), size=self.settings.flow_batch), rng)
        drawn = train.rows(rng, rows, doubtful=self.doubtful)
        dropped = rng.random(len(rows)) < CLASS_DROPOUT
        drawn = drawn._replace(labels=np.where(dropped, self.flow.classes, drawn.labels))
        loss, part = flow_loss(self.flow, drawn, rng), weight * len(rows) / self.settings.flow_batch
        (whole,) = sums_of([float(loss.detach()) * part], world, self.flow.at("class").device)
        if world > 1:  # of one process, the loss is that of all
            loss = loss * (world * part)
        descend(self.optimizer, loss, self._rate(), world=world, place=f"flow step {self.step}")
        keep = min(MOMENT, self.step / (self.step + 20))
        for name, value in self.flow.state_dict().items():
            self.smooth[name].lerp_(value, 1 - keep)
        self.step += 1
        return whole

    def _rate(self) -> float:
        share = min(1.0, (self.step + 1) / 100, (1 - self.progress) / FALL + 1e-3)
        return RATE * self.settings.learning_rate * share

    def _report(self, loss: float, held_out: float | None) -> Report:
        return Report(
            "flow", self.step, self.progress, 0.0, self.seconds, self._rate(), flow_loss=loss,
            flow_held_out=held_out,
        )  # fmt: skip
