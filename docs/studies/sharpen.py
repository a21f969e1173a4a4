"""Train the flow that makes plans sharp (nitograph.model.sharpen) on MNIST and the bundled weights' plans.

The flow draws the residual between the picture that a plan's codes stand for and the picture itself, 32×32.
A share of the training rows (`doubtful`) have one to three codes taken from another picture of their class,
and are told so. Minutes are of processor time; a run that was stopped goes on from its state file, beside
the results and named after the run; the trained tensors lie there as an .npz. A line of JSON a run
(held-out loss; a network that says nothing has about 1), appended to `--output`; runs that are there
already are left out.

Try it: python docs/studies/sharpen.py --minutes 15 --output runs/sharpen.jsonl
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from records import arguments, finished, keep

from nitograph.corpus.sources import mnist
from nitograph.light.zernike import Zernike
from nitograph.model.plan import encode_plan
from nitograph.model.sharpen import shrunk
from nitograph.model.weights import Weights, load_bundled
from nitograph.training.flow import Flow, FlowForm, Plans
from nitograph.training.flow_phase import FlowPhase
from nitograph.training.settings import TrainSettings
from nitograph.weaving.encoder import WeaveSettings, targets

CHUNK, SAVE_EVERY = 2000, 60.0  # pictures, seconds of processor time
NO_END = 10**7  # steps; the minutes end a run


@dataclass(frozen=True)
class Trial:
    """A flow's shape, and the share of its training rows with codes of another picture."""

    form: FlowForm = field(default_factory=FlowForm)
    doubtful: float = 0.3


FORMS = {
    "default": Trial(),
    "without doubt": Trial(doubtful=0.0),
    "small": Trial(FlowForm(fine=12, wide=32)),
}


@dataclass(frozen=True)
class Sizes:
    """How many training pictures and held-out ones."""

    pictures: int | None = None
    held_out: int = 512


QUICK = Sizes(pictures=40, held_out=20)


def plans(part: str, weights: Weights, count: int | None) -> Plans:
    """The first pictures of a part of MNIST as the encoder sees them, and their plans."""
    source, zernike = mnist(part), Zernike(weights.settings.zernike_order)
    images, sharp, codes = source.images[:count], [], []
    for first in range(0, len(images), CHUNK):
        wanted = targets(images[first : first + CHUNK], WeaveSettings())
        sharp.append(np.rint(shrunk(wanted) * 255).astype(np.uint8))
        codes.append(encode_plan(weights, zernike.light(wanted)))
    return Plans(np.concatenate(sharp), np.concatenate(codes), source.labels[:count], weights)


def train(name: str, minutes: float, sizes: Sizes, state: Path) -> dict[str, Any]:
    """Train one form to the end; what came of it."""
    weights, trial = load_bundled(), FORMS[name]
    flow = Flow(trial.form, len(weights.classes))
    phase = FlowPhase(flow, TrainSettings(), steps=NO_END, limit=60 * minutes, doubtful=trial.doubtful)
    state.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        phase.restore(torch.load(state, weights_only=True))
    parts = plans("train", weights, sizes.pictures), plans("test", weights, sizes.held_out)
    for _ in phase.run(
        *parts, report_every=SAVE_EVERY, stop_requested=lambda: False, clock=time.process_time
    ):
        new = state.with_suffix(".new")
        torch.save(phase.state(), new)
        new.replace(state)
        tensors: dict[str, Any] = dict(phase.sharpener().tensors)
        np.savez(state.with_suffix(".npz"), **tensors)
    count = sum(value.numel() for value in flow.parameters())
    return {"steps": phase.step, "parameters": count, "held_out": round(phase.held_out(parts[1]), 4)}


def main() -> None:
    """All runs that are not in the file yet."""
    args = arguments("Train the flow that makes plans sharp.", list(FORMS), 15.0).parse_args()
    output = args.output or Path("runs/sharpen.jsonl")
    sizes, minutes = (QUICK, 0.01) if args.quick else (Sizes(), args.minutes)
    torch.set_num_threads(1)
    done = finished(output, "run")
    for name in args.only:
        if name not in done:
            state = output.with_name(f"sharpen-{name.replace(' ', '-')}.pt")
            keep(output, {"run": name, "minutes": minutes, **train(name, minutes, sizes, state)})


if __name__ == "__main__":
    main()
