"""What a run takes over from weights before its first step: all of them, or what they know of plans.

A plan is three things: the autoencoder, whose tensors are copied; the chances of each code, which a
network of those weights teaches (Objective); the flow that draws plans sharp, which is copied or trained
on. This module takes no steps.

Try it: python -m nitograph train --dataset small.npz --start-from bundled --minutes 1
"""

from typing import TYPE_CHECKING

import torch

from nitograph.model.network import Network
from nitograph.model.sharpen import Sharpener
from nitograph.model.weights import Weights
from nitograph.training.flow import Flow, FlowForm
from nitograph.training.flow_phase import FlowPhase
from nitograph.training.settings import TrainSettings

if TYPE_CHECKING:
    from nitograph.training.trainer import Trainer

FLOW_SHARE, FLOW_STEPS = 0.3, 8000  # of the minutes at most, and steps, where the settings leave it open
PLAN_SHAPE = ("design", "plan_tokens", "plan_width", "zernike_order")  # what two plans must have in common
TRUNK_SHAPE = ("embed_dim", "heads", "layers", "ff_dim")  # and two trunks
PLAN = ("plan.", "light.scale")  # tensors, by how their names begin
TRUNK = ("layer.", "head.norm", "head.code", "embed.class", "embed.code", "embed.slot", "embed.digits")


def limit(settings: TrainSettings, share: float) -> float | None:
    """Seconds of a phase that may take this share of the minutes; None where epochs count."""
    return None if settings.minutes is None else 60 * settings.minutes * share


def fresh_flow(trainer: "Trainer") -> FlowPhase | None:
    """A flow to be learned; None without pictures to learn it from, or where none is wanted.

    It takes as many steps as the settings say, or, where they leave it open, up to a share of the minutes.
    """
    settings = trainer.settings
    steps = FLOW_STEPS if settings.flow_steps is None else settings.flow_steps
    if not (steps and trainer.objective.sees_pictures):
        return None
    flow = Flow(FlowForm(), len(trainer.corpus.classes), seed=settings.seed).to(trainer.device)
    seconds = limit(settings, FLOW_SHARE) if settings.flow_steps is None else None
    return FlowPhase(flow, settings, steps=steps, limit=seconds, share=trainer.share)


def start_from(trainer: "Trainer", weights: Weights) -> None:
    """Start from trained weights, as Network.start_from.

    The plan's autoencoder keeps its weights, unless it is to be learned from the corpus: it goes on, then.
    Weights that know all classes teach plans. The flow of others, if they have one, is trained on, with
    classes that it does not know as any class.
    """
    trainer.network.start_from(weights)
    trainer.ancestor = weights.digest
    if trainer.plan_phase and trainer.settings.plan_from != "corpus":
        trainer.plan_phase.skip()
    if trainer.settings.plan_from == "weights" and _knows_classes(trainer, weights):
        _learn_from(trainer, weights)
    elif trainer.settings.plan_from == "weights" and trainer.flow_phase:
        _take_flow(trainer, weights)


def take_plan(trainer: "Trainer", weights: Weights) -> bool:
    """Take over the plan of these weights, if shape and classes fit: True, and no plan phase then.

    Where the trunk's shape fits as well, it is copied with all that reads and writes codes, so that the
    prior is theirs from the first step; nails start fresh, on any board. Otherwise it is learned from the
    teacher alone.
    """
    fits = not _differs(trainer, weights, PLAN_SHAPE) and _knows_classes(trainer, weights)
    if not (trainer.plan_phase and fits):
        return False
    taken = PLAN if _differs(trainer, weights, TRUNK_SHAPE) else PLAN + TRUNK
    with torch.no_grad():
        for name, tensor in weights.tensors.items():
            if name == "embed.class" and name in taken:
                tensor = tensor[_own_classes(trainer, weights)]
            if name.startswith(taken):
                trainer.network.at(name).copy_(torch.from_numpy(tensor))
    trainer.plan_phase.skip()
    trainer.plan_of = weights.digest
    if trainer.settings.plan_from == "weights":
        _learn_from(trainer, weights)
    return True


def _knows_classes(trainer: "Trainer", weights: Weights) -> bool:
    return weights.settings.planned and set(trainer.corpus.classes) <= set(weights.classes)


def _own_classes(trainer: "Trainer", weights: Weights) -> list[int]:
    """Which rows of these weights' classes are this run's, and that of no class."""
    return [*map(weights.classes.index, trainer.corpus.classes), len(weights.classes)]


def _take_flow(trainer: "Trainer", weights: Weights) -> None:
    """Go on with the flow of these weights, in the time of a fresh one."""
    if weights.sharpener is None or not weights.settings.planned:
        return
    rows = [
        weights.classes.index(name) if name in weights.classes else len(weights.classes)
        for name in (*trainer.corpus.classes, None)
    ]
    tensors = dict(weights.sharpener.tensors)
    tensors["class"] = tensors["class"][rows]
    _go_on_from(trainer, Sharpener(tensors))


def _go_on_from(trainer: "Trainer", sharpener: Sharpener) -> None:
    """The flow phase begins with this flow."""
    phase = trainer.flow_phase
    assert phase is not None
    flow = Flow.from_sharpener(sharpener).to(trainer.device)
    trainer.flow_phase = FlowPhase(
        flow, phase.settings, steps=phase.steps, limit=phase.limit, share=phase.share
    )


def _differs(trainer: "Trainer", weights: Weights, shape: tuple[str, ...]) -> bool:
    mine, theirs = trainer.model, weights.settings
    return any(getattr(mine, name) != getattr(theirs, name) for name in shape)


def _learn_from(trainer: "Trainer", weights: Weights) -> None:
    """The weights' prior over codes as the teacher; their flow, if they have one, as this run's."""
    trainer.objective.learn_plans_from(Network.from_weights(weights))
    if weights.sharpener is None:
        return
    tensors = dict(weights.sharpener.tensors)
    tensors["class"] = tensors["class"][_own_classes(trainer, weights)]
    trainer.sharpener = Sharpener(tensors)
    if trainer.flow_phase and trainer.settings.flow_steps is None:
        trainer.flow_phase = None  # nothing is left to learn
    elif trainer.flow_phase:
        _go_on_from(trainer, trainer.sharpener)
