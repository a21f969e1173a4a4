"""What a checkpoint holds of a run, and how a run resumes from one: exactly, or not at all.

A run has a name: a digest of everything it started with, and a random part, so that two runs of the same
command have different names. Checkpoints, log and published weights all carry it. A checkpoint holds
everything that the next step depends on. This module knows no other files of a run (`runs` does).

Try it: python -c "from nitograph.training.resume import run_name; print(run_name({'seed': 1}, 7))"
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from nitograph.corpus.rows import Corpus
from nitograph.errors import SettingsError, WeightsError
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.sharpen import Sharpener
from nitograph.training.checkpoints import matching_checkpoint, read_checkpoint
from nitograph.training.flow import Flow, FlowForm
from nitograph.training.flow_phase import FlowPhase
from nitograph.training.measure import TOLD
from nitograph.training.objective import Objective
from nitograph.training.plan_phase import PlanPhase
from nitograph.training.settings import LASTING, TrainSettings
from nitograph.training.teacher import Teacher
from nitograph.untrusted import reading


def _whole(value: Any) -> int:
    """A whole number from 0 to 2⁶³ − 1; ValueError if it is none."""
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError("no whole number")
    return value


def _number(value: Any) -> float:
    """A number from 0, which may be infinite; ValueError if it is none."""
    if type(value) not in (int, float) or not value >= 0:
        raise ValueError("no number")
    return float(value)


def _name(value: Any) -> str | None:
    """A name or None; ValueError if it is neither."""
    if value is not None and not isinstance(value, str):
        raise ValueError("no name")
    return value


def _count(value: Any) -> int | None:
    """A number of threads or None; ValueError if it is neither."""
    if value is not None and not 1 <= _whole(value) <= MAX_THREADS:
        raise ValueError("no number of threads")
    return value if value is None else int(value)


def _history(value: Any) -> list[dict[str, Any]]:
    """Records that say of which kind they are and at which step; of validations also what is told of them.

    ValueError if they do not.
    """
    for past in value:
        if not isinstance(past["kind"], str) or type(past["step"]) is not int:
            raise ValueError("no history")
        if past["kind"] == "valid":
            numbers = [past[name] for name in TOLD if name != "best"]
            if type(past["best"]) is not bool or {*map(type, numbers)} - {int, float, type(None)}:
                raise ValueError("no history of validations")
    return list(value)


PLACE: dict[str, Callable[[Any], Any]] = {
    "step": _whole, "seconds": _number, "best": _number, "history": _history, "ancestor": _name,
    "plan_of": _name, "threads": _count,
}  # fmt: skip
"""Where a run stands, and what each part must be."""

NEW_PLACE = ("plan_of", "threads")  # checkpoints of older versions lack them

MAX_THREADS = 1024
RATES = ("lr", "weight_decay", "momentum", "scale", "muon")  # settings of an optimiser


class Run(Protocol):
    """What is kept of a run: a trainer.Trainer, and whatever else has these parts and each of PLACE."""

    run_name: str | None
    model: ModelSettings
    settings: TrainSettings
    corpus: Corpus
    network: Network
    objective: Objective
    optimizer: torch.optim.Optimizer
    plan_phase: PlanPhase | None
    flow_phase: FlowPhase | None
    sharpener: Sharpener | None
    device: torch.device

    @property
    def max_lines(self) -> int:
        """The maximum number of chords for the model."""


def run_name(started_with: Mapping[str, Any], random_part: int) -> str:
    """The name of a run: eight hexadecimal digits of what it started with, eight of its random part."""
    text = json.dumps(started_with, sort_keys=True, ensure_ascii=False)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-{random_part:08x}"


def capture(trainer: Run) -> dict[str, Any]:
    """Everything that a checkpoint of this run holds: its weights and what the next step depends on."""
    plan = trainer.plan_phase
    return {
        "run": trainer.run_name,
        "model": trainer.model.to_dict(),
        "settings": trainer.settings.to_dict(),
        "corpus": dict(trainer.corpus.metadata),
        "network": trainer.network.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "plan_optimizer": plan.optimizer.state_dict() if plan else None,
        "plan_step": plan.step if plan else 0,
        "plan_seconds": plan.seconds if plan else 0.0,
        "plan_ended": plan.ended if plan else True,
        "flow": _captured_flow(trainer.flow_phase),
        "sharpener": _captured_sharpener(trainer.sharpener),
        **{name: getattr(trainer, name) for name in PLACE},
        "teacher": _captured_teacher(trainer.objective.teacher),
        "random": torch.get_rng_state(),
        "max_lines": trainer.max_lines,
    }


def restore(trainer: Run, path: str | Path) -> None:
    """Bring a fresh trainer to where a checkpoint was written; WeightsError if it does not fit.

    A run from a version that gave no names stays without one.
    """
    settings = {name: getattr(trainer.settings, name) for name in LASTING}
    state = matching_checkpoint(
        path, model=trainer.model.to_dict(), corpus=trainer.corpus.metadata, settings=settings
    )
    with reading(WeightsError(f"{path} is damaged; resume from another checkpoint or start a new run")):
        trainer.network.load_state_dict(state["network"])
        _restore_optimizer(trainer.optimizer, state["optimizer"])
        if trainer.plan_phase:
            _restore_optimizer(trainer.plan_phase.optimizer, state["plan_optimizer"])
            trainer.plan_phase.step = _whole(state["plan_step"])
            trainer.plan_phase.seconds = _number(state.get("plan_seconds", 0.0))
            done = trainer.plan_phase.progress >= 1.0
            trainer.plan_phase.ended = bool(state.get("plan_ended", done))
        _restore_flow(trainer, state)
        if state.get("teacher"):
            trainer.objective.learn_plans_from(_restored_teacher(state["teacher"], trainer.corpus))
        for name, checked in PLACE.items():
            setattr(trainer, name, checked(state.get(name) if name in NEW_PLACE else state[name]))
        trainer.run_name = _name(state.get("run"))
        torch.set_rng_state(state["random"])


def _captured_teacher(teacher: Teacher | None) -> dict[str, Any] | None:
    """A teacher of plans, whole: the file it came from may be gone when the run resumes."""
    if teacher is None:
        return None
    network = teacher.network
    tensors = dict(network.state_dict())
    return {"model": network.settings.to_dict(), "classes": list(network.classes), "tensors": tensors}


def _restored_teacher(kept: Mapping[str, Any], corpus: Corpus) -> Network:
    teacher = Network(ModelSettings.from_dict(kept["model"]), corpus.board, tuple(kept["classes"]))
    teacher.load_state_dict(kept["tensors"])
    return teacher


def _captured_flow(phase: FlowPhase | None) -> dict[str, Any] | None:
    return None if phase is None else {"form": vars(phase.flow.form).copy(), **phase.state()}


def _captured_sharpener(sharpener: Sharpener | None) -> dict[str, Any] | None:
    if sharpener is None:
        return None
    return {name: torch.from_numpy(tensor.copy()) for name, tensor in sharpener.tensors.items()}


def _restore_flow(trainer: Run, state: Mapping[str, Any]) -> None:
    """The flow's phase, or its absence (as in versions without), and a flow that was taken over."""
    kept, taken = state.get("flow"), state.get("sharpener")
    if taken:
        trainer.sharpener = Sharpener({name: tensor.numpy() for name, tensor in taken.items()})
    fresh, trainer.flow_phase = trainer.flow_phase, None
    if not kept or fresh is None:
        return
    flow = Flow(FlowForm(**kept["form"]), len(trainer.corpus.classes)).to(trainer.device)
    trainer.flow_phase = FlowPhase(
        flow, fresh.settings, steps=fresh.steps, limit=fresh.limit, share=fresh.share
    )
    trainer.flow_phase.restore(kept)


def settings_of(path: str | Path) -> tuple[ModelSettings, TrainSettings]:
    """The settings that the run in a checkpoint was last trained with; WeightsError if it is damaged."""
    state = read_checkpoint(path)
    damaged = WeightsError(f"{path} is damaged; resume from another checkpoint or start a new run")
    try:
        with reading(damaged):
            return ModelSettings.from_dict(state["model"]), TrainSettings.from_dict(state["settings"])
    except SettingsError:
        raise damaged from None


def _restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimiser; any error if it is not of these parameters and settings."""
    groups = optimizer.param_groups
    fresh = [{name: type(group[name]) for name in RATES if name in group} for group in groups]
    optimizer.load_state_dict(state)
    for group, kinds in zip(optimizer.param_groups, fresh, strict=True):
        if any(type(group[name]) is not kind for name, kind in kinds.items()):
            raise ValueError("its settings are of other kinds")
    for parameter, parts in optimizer.state.items():
        for part in parts.values():
            if part.ndim and part.shape != parameter.shape:
                raise ValueError("its state is of another shape")
