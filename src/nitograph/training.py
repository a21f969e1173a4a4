"""Training: the plan's autoencoder first, then the Transformer on plans and threads.

`Trainer.run` is a generator of reports; it never prints and can be left at any report. A checkpoint holds
everything that the next step depends on, so k steps, a stop and N−k more give on a CPU the same bits as N.
The learning rate warms up, stays, and falls to zero over the last half, by steps or by the minutes given,
whichever is further on. Under torchrun each process takes its share of the batches and gradients are
averaged. Optimisers: AdamW, or Muon for the matrices inside the blocks. This module knows no flags.

Try it: python -m nitograph train --dataset small.npz --minutes 1
"""

import math
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nitograph import __version__
from nitograph.batches import collect, epoch_order
from nitograph.corpus import Corpus
from nitograph.errors import FileError, NitographError, SettingsError, WeightsError
from nitograph.files import replacing
from nitograph.network import Network, turned
from nitograph.optimizer import make_optimizer
from nitograph.plan import encode_plan
from nitograph.settings import Settings, setting
from nitograph.weave import WeaveSettings
from nitograph.weights import ModelSettings, Weights

FORMAT = "nitograph-checkpoint/1"
PLAN_BATCH = 512
VALIDATION_BATCH = 128
LASTING = ("seed", "validation_fraction", "batch_size", "optimizer")  # a resumed run must keep them


@dataclass(frozen=True)
class TrainSettings(Settings):
    """How a model is trained."""

    epochs: int = setting(15, "passes over the training rows", low=1, high=100_000)
    minutes: float | None = setting(
        None, "stop after this time instead of epochs", unit="minutes", low=0.01
    )
    batch_size: int = setting(64, "threads in a step", low=1, high=65536)
    plan_rows: int = setting(192, "further plans in a step, without their threads", low=0, high=65536)
    plan_steps: int = setting(
        4000, "steps of the plan's autoencoder, before the rest", low=1, high=10_000_000
    )
    learning_rate: float = setting(2e-3, "peak learning rate", low=1e-8, high=1)
    weight_decay: float = setting(0.05, "decoupled weight decay of the matrices", low=0, high=10)
    optimizer: str = setting("adamw", "rule of the steps", choices=("adamw", "muon"))
    validation_fraction: float = setting(0.10, "share of source images held out", low=0, high=0.9)
    validation_rows: int = setting(1024, "most rows used for one validation", low=1, high=10_000_000)
    class_dropout: float = setting(0.10, "share of rows trained without their class", low=0, high=1)
    exact_light: float = setting(0.3, "share of rows wound from the picture's own light", low=0, high=1)
    workers: int = setting(0, "threads of the CPU (0: all)", low=0, high=4096)
    seed: int = setting(42, "seed of the weights, the split and the order", low=0, high=2**63 - 1)
    compile: bool = setting(False, "compile the network first (torch.compile)")


@dataclass(frozen=True)
class Report:
    """Where training stands. Losses are nats a token; None where not measured."""

    kind: str  # "plan" | "step" | "valid" | "done"
    step: int
    progress: float
    epoch: float
    seconds: float
    learning_rate: float
    tokens_per_second: float = 0.0
    nail_loss: float | None = None
    plan_loss: float | None = None
    light_error: float | None = None
    best: bool = False


class Trainer:
    """A run of training over one corpus. Raises SettingsError where corpus and settings do not fit."""

    def __init__(
        self, corpus: Corpus, model: ModelSettings, settings: TrainSettings, *, device: str = "cpu"
    ) -> None:
        self.corpus, self.model, self.settings = corpus, model, settings
        self.device, self.rank, self.world = torch.device(device), *_process_group(device)
        if settings.workers:
            torch.set_num_threads(settings.workers)
        self.train, self.valid = corpus.split(settings.validation_fraction, seed=settings.seed)
        torch.manual_seed(settings.seed + self.rank)
        self.network = Network(model, corpus.board, corpus.classes, seed=settings.seed).to(self.device)
        self.forward: Any = torch.compile(self.network, dynamic=True) if settings.compile else self.network
        self.optimizer = make_optimizer(self.network, settings, plan=False)
        self.plan_optimizer = make_optimizer(self.network, settings, plan=True) if model.planned else None
        self.step, self.plan_step, self.seconds, self.best = 0, 0, 0.0, math.inf
        self.history: list[dict[str, Any]] = []
        self.codes: dict[str, NDArray[np.int64]] = {}
        self.recoded: dict[str, NDArray[np.float16]] = {}
        if model.planned:
            self._measure_light()
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

    def run(self, *, report_every: float = 2.0, validate_every: float = 240.0) -> Iterator[Report]:
        """Train to the end, yielding reports; validation after each epoch or `validate_every` seconds."""
        yield from self._train_plan(report_every)
        if self.model.planned:
            self._encode_plans()
        started, base = time.monotonic(), self.seconds
        reported, validated, counted = started, started, 0
        sums: dict[str, list[float]] = {"nail": [], "plan": []}
        if self._owes_validation():
            yield self.validate()
        while self.progress < 1.0:
            order = self._order(self.step // self.steps_per_epoch)
            for at in range(self.step % self.steps_per_epoch, self.steps_per_epoch):
                nail, plan, count = self._train_step(order[at], self._rate())
                self.step += 1
                self.seconds = self._agree(base + time.monotonic() - started)
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
                yield self.validate()
                validated = reported = time.monotonic()
                counted = 0
        yield self._report("done", 0.0)

    def validate(self) -> Report:
        """Nats a token on held-out rows (on training rows where none are held out)."""
        part = "valid" if len(self.valid) else "train"
        corpus: Corpus = getattr(self, part)
        rows = np.arange(len(corpus))[: self.settings.validation_rows]
        self.network.eval()
        totals = np.zeros(4)
        with torch.inference_mode():
            for first in range(0, len(rows), VALIDATION_BATCH):
                batch = rows[first : first + VALIDATION_BATCH]
                totals += self._losses(corpus, part, batch, exact=False)
        self.network.train()
        nail, plan = totals[0] / totals[1], totals[2] / max(totals[3], 1)
        overall = (totals[0] + totals[2]) / (totals[1] + totals[3])
        best = bool(overall < self.best)
        self.best = min(self.best, float(overall))
        return self._report("valid", 0.0, float(nail), float(plan) if totals[3] else None, best=best)

    def weights(self) -> Weights:
        """The model as it is now."""
        facts = {
            "nitograph": __version__,
            "train": self.settings.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "rows": len(self.train),
            "steps": self.step,
            "minutes": round(self.seconds / 60, 2),
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
            "format": FORMAT,
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
            "random": torch.get_rng_state(),
            "max_lines": self.weights().max_lines,
        }
        with replacing(path) as temporary:
            try:
                torch.save(state, temporary)
            except RuntimeError:  # what torch makes of any fault of the disk
                raise FileError(f"cannot write {path}: the disk is full or the file too large") from None

    def resume(self, path: str | Path) -> None:
        """Go on from a checkpoint of `save`; WeightsError where it is of another model or corpus."""
        state = read_checkpoint(path)
        ours = {
            "model": self.model.to_dict(),
            "corpus": dict(self.corpus.metadata),
            "settings": {name: getattr(self.settings, name) for name in LASTING},
        }
        for key, mine in ours.items():
            theirs = state.get(key)
            theirs = theirs if isinstance(theirs, dict) else {}
            different = sorted(name for name in mine if mine[name] != theirs.get(name))
            if different:
                raise WeightsError(
                    f"{path} was trained with another {key} ({', '.join(different)}); "
                    "resume with the same settings and dataset, or train anew"
                )
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.plan_optimizer:
                self.plan_optimizer.load_state_dict(state["plan_optimizer"])
            for name in ("step", "plan_step", "seconds", "best", "history"):
                setattr(self, name, state[name])
            torch.set_rng_state(state["random"])
        except (KeyError, ValueError, RuntimeError, TypeError, AttributeError):
            raise WeightsError(f"{path} is damaged; resume from another checkpoint or train anew") from None

    def _measure_light(self) -> None:
        """Set the scale of each coefficient, and the light of one chord, from the training rows."""
        net, rows = self.network, np.random.default_rng(0).permutation(len(self.train))[:2000]
        light = torch.from_numpy(self.train.light[rows].astype(np.float32))
        half = light.shape[1] // 2
        if light.shape[1] != len(net.at("light.scale")):
            raise SettingsError(
                f"the corpus keeps light of {light.shape[1]} coefficients, the model wants "
                f"{len(net.at('light.scale'))}; give both the same zernike_order"
            )
        power = light.square().mean(dim=0)
        pair = torch.sqrt((power[:half] + power[half:]) / 2).clamp_min(1e-4)
        net.at("light.scale").copy_(torch.cat([pair, pair]))
        top = bottom = 0.0
        for first in range(0, len(rows), 100):
            batch = collect(self.train, rows[first : first + 100])
            nails, wound = torch.from_numpy(batch.nails), None
            real = torch.from_numpy(batch.targets[:, 1:-1] >= 0)[..., None]
            steps = (nails[:, 1:] - nails[:, :-1]) % net.board.num_nails
            fan, cos, sin = (net.at(name).cpu() for name in ("fan", "cosine", "sine"))
            wound = (
                turned(fan[steps], cos[nails[:, :-1]], -sin[nails[:, :-1]]) * real[:, : steps.shape[1]]
            ).sum(1)
            top += float((light[first : first + 100] * wound).sum())
            bottom += float(wound.square().sum())
        net.at("light.chord").fill_(top / max(bottom, 1e-9))

    def _train_plan(self, report_every: float) -> Iterator[Report]:
        """The autoencoder: squared error of the light, relative to its power."""
        if not self.model.planned or self.plan_optimizer is None:
            return
        light = torch.from_numpy(self.train.light.astype(np.float32))
        parameters = [p for group in self.plan_optimizer.param_groups for p in group["params"]]
        errors: list[float] = []
        began = reported = time.monotonic()
        while self.plan_step < self.settings.plan_steps:
            rng = np.random.default_rng([self.settings.seed, 7, self.plan_step, self.rank])
            batch = light[rng.integers(len(light), size=PLAN_BATCH)].to(self.device)
            rate = self.settings.learning_rate * trapezoid(self.plan_step / self.settings.plan_steps)
            loss = (self.network.autoencode(batch) - batch).square().sum() / batch.square().sum()
            self._apply(self.plan_optimizer, parameters, loss, rate)
            self.plan_step += 1
            errors.append(float(loss.detach()))
            now = time.monotonic()
            if now - reported >= report_every or self.plan_step == self.settings.plan_steps:
                done, reported = self.plan_step / self.settings.plan_steps, now
                yield Report(
                    "plan", self.plan_step, done, 0.0, now - began, rate, light_error=float(np.mean(errors))
                )
                errors = []

    def _encode_plans(self) -> None:
        """The plan codes of all rows, and the light they stand for, from the finished autoencoder."""
        from nitograph.plan import decode_plan

        weights = self.weights()
        for part in ("train", "valid"):
            light = getattr(self, part).light
            chunks = [light[i : i + 4096].astype(np.float32) for i in range(0, len(light), 4096)]
            codes = [encode_plan(weights, chunk) for chunk in chunks]
            width = self.model.plan_tokens
            self.codes[part] = np.concatenate(codes) if codes else np.zeros((0, width), np.int64)
            again = [decode_plan(weights, c).astype(np.float16) for c in codes]
            self.recoded[part] = (
                np.concatenate(again) if again else np.zeros((0, light.shape[1]), np.float16)
            )

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
        nail, nails, plan, plans = self._losses(self.train, "train", rows, exact=exact, rng=rng)
        loss = nail / nails
        if plans:
            extra = rng.integers(len(self.train), size=self.settings.plan_rows)
            if len(extra):
                more, count = self._plan_loss("train", extra, rng)
                plan, plans = plan + more, plans + count
            loss = loss + plan / plans
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self._apply(self.optimizer, parameters, loss, rate)
        return float(nail.detach()) / nails, float(plan.detach()) / plans if plans else 0.0, nails + plans

    def _losses(
        self,
        corpus: Corpus,
        part: str,
        rows: NDArray[np.int64],
        *,
        exact: bool,
        rng: np.random.Generator | None = None,
    ) -> tuple[Any, int, Any, int]:
        """Summed nats of nails and plans over some rows, each with its count of tokens."""
        batch = collect(corpus, rows)
        codes = light = None
        if self.model.planned:
            codes = self._tensor(self.codes[part][rows])
            source = corpus.light if exact else self.recoded[part]
            light = self._tensor(source[rows].astype(np.float32))
        with self._precision():
            plan_logits, logits = self.forward(
                self._labels(batch.labels, rng), codes, self._tensor(batch.nails), light
            )
        targets = self._tensor(batch.targets)
        legal = logits.float().masked_fill(~self._tensor(batch.allowed), -torch.inf)
        nail = F.cross_entropy(legal.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
        if plan_logits is None or codes is None:
            return self._plain(nail, rng), batch.count, 0.0, 0
        plan = F.cross_entropy(plan_logits.float().flatten(0, 1), codes.flatten(), reduction="sum")
        return self._plain(nail, rng), batch.count, self._plain(plan, rng), codes.numel()

    def _plan_loss(
        self, part: str, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Tensor, int]:
        codes = self._tensor(self.codes[part][rows])
        with self._precision():
            logits = self.network.plan_logits(self._labels(self.train.labels[rows], rng), codes)
        return F.cross_entropy(
            logits.float().flatten(0, 1), codes.flatten(), reduction="sum"
        ), codes.numel()

    def _apply(self, optimizer: Any, parameters: list[Tensor], loss: Tensor, rate: float) -> None:
        loss.backward()  # type: ignore[no-untyped-call]  # torch declares no types here
        if self.world > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= self.world
        size = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        if not torch.isfinite(size):
            raise WeightsError(
                f"training diverged at step {self.step}: the gradient is not finite; lower learning_rate "
                "and resume from the last checkpoint"
            )
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def _labels(self, labels: NDArray[np.int64], rng: np.random.Generator | None) -> Tensor:
        if rng is not None:
            labels = np.where(
                rng.random(len(labels)) < self.settings.class_dropout, len(self.corpus.classes), labels
            )
        return self._tensor(labels)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _plain(self, loss: Tensor, rng: np.random.Generator | None) -> Any:
        return loss if rng is not None else float(loss)

    def _precision(self) -> Any:
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def _rate(self) -> float:
        return self.settings.learning_rate * trapezoid(self.progress)

    def _agree(self, seconds: float) -> float:
        """The same clock in all processes."""
        if self.world == 1 or self.settings.minutes is None:
            return seconds
        clock = torch.tensor([seconds], dtype=torch.float64, device=self.device)
        dist.broadcast(clock, 0)
        return float(clock)

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


def trapezoid(progress: float, *, warm: float = 0.02, fall: float = 0.5) -> float:
    """Factor of the learning rate: up over the first 2 %, flat, to zero over the last half."""
    return max(0.0, min(1.0, (progress + 1e-3) / warm, (1 - progress) / fall))


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The state in a checkpoint file, read without running any code in it; FileError where it is none."""
    if not Path(path).is_file():
        raise FileError(f"no checkpoint {path}; check the name and the folder")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's guesses about foreign files
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds for foreign files, and all mean the same here
        raise FileError(f"{path} is no Nitograph checkpoint, or it is damaged") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FileError(f"{path} is no Nitograph checkpoint of form {FORMAT}")
    return state


def checkpoint_weights(path: str | Path) -> Weights:
    """The weights in a checkpoint; WeightsError where its parts do not fit each other."""
    state = read_checkpoint(path)
    try:
        weaving = WeaveSettings.from_dict(state["corpus"]["weaving"])
        tensors = {name: value.float().numpy() for name, value in state["network"].items()}
        model = ModelSettings.from_dict(state["model"])
        facts = {"train": state["settings"], "steps": state["step"], "corpus": state["corpus"]}
        return Weights(
            model,
            weaving.board,
            weaving.rules,
            tuple(state["corpus"]["classes"]),
            tensors,
            max_lines=state["max_lines"],
            weaving=weaving.to_dict(),
            facts=facts,
        )
    except NitographError as error:
        raise WeightsError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError):
        raise WeightsError(f"{path} is a damaged checkpoint; use another or train anew") from None


def find_device(name: str) -> str:
    """The device to use for auto, cuda, mps or cpu; SettingsError where it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there.get(name, False):
        raise SettingsError(f"device {name} is not available here; use cpu or auto")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return name


def leave_group() -> None:
    """Leave torchrun's group, if there is one; at the end of a process."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _process_group(device: str) -> tuple[int, int]:
    """Rank and number of processes; joins torchrun's group where there is one."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return (dist.get_rank(), world) if world > 1 else (0, 1)
