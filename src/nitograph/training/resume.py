"""What a checkpoint holds of a run, and how a run resumes from one: exactly, or not at all.

A run has a name: a digest of everything it started with, and a random part, so that two runs of the same
command have different names. Checkpoints, log and published weights all carry it. A checkpoint holds
everything that the next step depends on. This module knows no other files of a run (`runs` does).

Try it: python -c "from nitograph.training.resume import run_name; print(run_name({'seed': 1}, 7))"
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from nitograph.corpus.rows import Corpus
from nitograph.errors import NitographError, WeightsError
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.sharpen import Sharpener
from nitograph.training.checkpoints import matching_checkpoint, read_checkpoint
from nitograph.training.flow import Flow, FlowForm
from nitograph.training.flow_phase import FlowPhase
from nitograph.training.objective import Objective
from nitograph.training.plan_phase import PlanPhase
from nitograph.training.settings import LASTING, TrainSettings
from nitograph.training.teacher import Teacher

PLACE = ("step", "seconds", "best", "history", "ancestor", "plan_of", "threads")  # where a run stands

NEW_PLACE = ("plan_of", "threads")  # checkpoints of older versions lack them


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
    try:
        trainer.network.load_state_dict(state["network"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        if trainer.plan_phase:
            trainer.plan_phase.optimizer.load_state_dict(state["plan_optimizer"])
            trainer.plan_phase.step = int(state["plan_step"])
            trainer.plan_phase.seconds = float(state.get("plan_seconds", 0.0))
            done = trainer.plan_phase.progress >= 1.0
            trainer.plan_phase.ended = bool(state.get("plan_ended", done))
        _restore_flow(trainer, state)
        if state.get("teacher"):
            trainer.objective.learn_plans_from(_restored_teacher(state["teacher"], trainer.corpus))
        for name in PLACE:
            setattr(trainer, name, state.get(name) if name in NEW_PLACE else state[name])
        run = state.get("run")
        trainer.run_name = None if run is None else str(run)
        torch.set_rng_state(state["random"])
    except (KeyError, ValueError, RuntimeError, TypeError, AttributeError):
        raise WeightsError(
            f"{path} is damaged; resume from another checkpoint or start a new run"
        ) from None


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
        flow, fresh.settings, steps=fresh.steps, limit=fresh.limit, rank=fresh.rank, world=fresh.world
    )
    trainer.flow_phase.restore(kept)


def settings_of(path: str | Path) -> tuple[ModelSettings, TrainSettings]:
    """The settings that the run in a checkpoint was last trained with; WeightsError if it is damaged."""
    state = read_checkpoint(path)
    try:
        return ModelSettings.from_dict(state["model"]), TrainSettings.from_dict(state["settings"])
    except (NitographError, KeyError, TypeError, ValueError, AttributeError):
        raise WeightsError(
            f"{path} is damaged; resume from another checkpoint or start a new run"
        ) from None
