"""What each choice of the model is worth: the same seed, corpus and processor time, one thing changed.

Each run begins from fresh weights but for the plan's autoencoder, which the bundled weights lend, and takes
`--minutes` of one core's processor time, so that other work on the machine does not matter. A line of JSON
a run, appended to `--output`; runs that are there already are left out.

python docs/studies/ablation.py --minutes 4 --output runs/ablation.jsonl
python docs/studies/ablation.py --minutes 20 --only plan plain --output runs/designs.jsonl
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from records import finished, keep

from nitograph.corpus import prepare
from nitograph.corpus import rows as corpus
from nitograph.corpus.sources import mnist
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import CLASSES, Material, rasters
from nitograph.evaluation.nearest import pack
from nitograph.light import chords
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import Weights, load_bundled
from nitograph.sampling.invent import SampleSettings, invent
from nitograph.training import batches, objective
from nitograph.training import trainer as training
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from nitograph.weaving.encoder import WeaveSettings, targets

SAMPLES, PICTURES = 300, 60
WEAVINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "strength 0.045": {"line_strength": 0.045},
    "start at nail 0": {"quality": "fast"},
    "searched": {"quality": "best"},
}


def no_mask(trainer: Trainer) -> None:
    """Illegal next nails stay in the softmax while training; validation keeps the mask."""

    def collect(part: corpus.Corpus, rows: Any) -> batches.Batch:
        batch = batches.collect(part, rows)
        if part is trainer.train:
            batch.allowed[:] = True
        return batch

    objective.collect = collect  # type: ignore[assignment]  # for this run


def blind(trainer: Trainer) -> None:
    """The light still missing is no input; it stays in the scores of the chords."""
    still(trainer.network, "embed.light")


def no_integrals(trainer: Trainer) -> None:
    """Chords are scored by a plain head alone; the light still missing stays an input."""
    for name in ("head.gain", "head.light", "head.reach"):
        still(trainer.network, name)


def smooth_nails(trainer: Trainer) -> None:
    """Nail embeddings and head begin as random Fourier series of the nail's angle, smooth on the ring."""
    network = trainer.network
    count = network.board.num_nails
    angle = 2 * np.pi * np.arange(count)[:, None] / count
    order = np.arange(1, 33)
    waves = np.concatenate([np.cos(angle * order), np.sin(angle * order)], axis=1) / np.tile(order**0.5, 2)
    rng = np.random.default_rng(5)
    with torch.no_grad():
        for name, turned in (("embed.nail", False), ("head.nail", True)):
            series = waves @ rng.normal(size=(waves.shape[1], network.settings.embed_dim))
            series *= 0.02 / series.std()
            parameter = network.at(name)
            value = torch.from_numpy(series).float()
            (parameter[:, :count] if turned else parameter).copy_(value.T if turned else value)


def still(network: Network, name: str) -> None:
    """Hold a parameter at zero."""
    parameter = network.at(name)
    parameter.data.zero_()
    parameter.requires_grad_(False)


def no_fall(progress: float, *, warm: float = 0.02, fall: float = 0.5) -> float:
    """The learning rate stays at its peak."""
    return min(1.0, (progress + 1e-3) / warm)


Hook = Callable[[Trainer], None]
RUNS: dict[str, tuple[str, dict[str, Any], dict[str, Any], Hook | None]] = {
    "plan": ("default", {}, {}, None),
    "no line integrals": ("default", {}, {}, no_integrals),
    "missing light no input": ("default", {}, {}, blind),
    "dropout 0.1": ("default", {"dropout": 0.1}, {}, None),
    "no mask": ("default", {}, {}, no_mask),
    "strength 0.045": ("strength 0.045", {}, {}, None),
    "searched": ("searched", {}, {}, None),
    "start at nail 0": ("start at nail 0", {}, {}, None),
    "averaged": ("default", {}, {}, None),
    "no fall of the rate": ("default", {}, {}, None),
    "averaged, no fall": ("default", {}, {}, None),
    "fourier nails": ("default", {}, {}, smooth_nails),
    "always the class": ("default", {}, {"class_dropout": 0.0}, None),
    "only exact light": ("default", {}, {"exact_light": 1.0}, None),
    "adamw": ("default", {}, {"optimizer": "adamw"}, None),
    "no further plans": ("default", {}, {"plan_rows": 0}, None),
    "plain": ("default", {"design": "plain"}, {"plan_rows": 0}, None),
}


def rows_of(name: str, samples: int) -> corpus.Corpus:
    """The corpus of one way of weaving, kept in runs/."""
    path = Path("runs") / f"ablation-{name.replace(' ', '-')}-{samples}.npz"
    if not path.exists():
        settings = corpus.CorpusSettings(samples=samples)
        prepare.build(mnist("train"), settings, WeaveSettings(**WEAVINGS[name])).save(path)
    return corpus.load(path)


def lend_plan(network: Network, weights: Weights) -> None:
    """The autoencoder and the scales of light of finished weights."""
    lent = {n: torch.from_numpy(t.copy()) for n, t in weights.tensors.items() if n.startswith("plan.")}
    lent["light.scale"] = torch.from_numpy(weights.tensors["light.scale"].copy())
    network.load_state_dict(lent, strict=False)


def train(name: str, minutes: float, samples: int) -> tuple[Weights, dict[str, Any]]:
    """One run; its weights and the held-out nats."""
    weaving, model, changes, hook = RUNS[name]
    rows = rows_of(weaving, samples)
    settings = TrainSettings(
        minutes=minutes, batch_size=32, optimizer="muon", workers=1, validation_fraction=0.05, seed=7
    ).replace(**changes)
    training.time = SimpleNamespace(monotonic=time.process_time)  # type: ignore[assignment]  # CPU time
    kept = objective.collect, training.trapezoid
    if "no fall" in name:
        training.trapezoid = no_fall
    trainer = Trainer(rows, ModelSettings(dropout=0.0).replace(**model), settings)
    if trainer.model.planned:
        lend_plan(trainer.network, load_bundled())
        trainer.plan_step = settings.plan_steps
    if hook is not None:
        hook(trainer)
    mean = {n: p.detach().clone() for n, p in trainer.network.named_parameters()}
    for report in trainer.run(report_every=0.0, validate_every=1e9):
        if "averaged" in name and report.kind == "step":
            for n, p in trainer.network.named_parameters():
                mean[n].lerp_(p.detach(), 0.05 if report.progress > 0.1 else 1.0)
    if "averaged" in name:
        trainer.network.load_state_dict(mean, strict=False)
    last = trainer.validate()
    objective.collect, training.trapezoid = kept
    chords_each = float(trainer.valid.lengths[: settings.validation_rows].mean() - 3)
    told = {"steps": trainer.step, "nats_a_nail": last.nail_loss, "chords": chords_each}
    told["nats_a_thread"] = (last.nail_loss or 0.0) * (chords_each + 2)
    if last.plan_loss is not None:
        told["nats_a_code"] = last.plan_loss
    return trainer.weights(), told


def judge(weights: Weights, critic: Critic) -> dict[str, Any]:
    """What is read in its samples and wound pictures, beside woven ones, and the error of the latter."""
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    material = Material(weaving, Cache.of_user())
    reference = material.reference(PICTURES // 10)
    labels = [CLASSES[i % 10] for i in range(SAMPLES)]
    own = invent(weights, labels, range(SAMPLES), SampleSettings(guidance=1.0))
    found = {"read": read(critic, own, np.arange(SAMPLES) % 10, weaving)}
    found["read_woven"] = read(critic, reference.threads, reference.labels, weaving)
    if not weights.settings.planned:
        return found
    wanted = targets(material.test.images[reference.rows], weaving)
    grid = weights.zernike.projection(chords.pixel_positions(weaving.canvas_size)).astype(np.float32)
    light = wanted.reshape(len(wanted), -1) @ grid
    wound = invent(weights, [None] * len(light), range(len(light)), light=light)
    errors = [
        [
            chords.error(
                target,
                chords.raster(t, weaving.canvas_size, strength=weaving.line_strength, width=weaving.width),
            )
            for target, t in zip(wanted, threads, strict=True)
        ]
        for threads in (wound, reference.threads)
    ]
    found["error_wound"], found["error_woven"] = (float(np.mean(e)) for e in errors)
    found["read_wound"] = read(critic, wound, reference.labels, weaving)
    return found


def read(critic: Critic, threads: Any, labels: Any, weaving: WeaveSettings) -> float:
    """Share of threads that a critic reads as their labels."""
    shown = rasters(pack([t.nails for t in threads]), weaving)
    return float((critic.read(shown)[1] == labels).mean())


def main() -> None:
    """All runs that are not in the file yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=4.0, help="processor time of a run")
    parser.add_argument("--samples", type=int, default=60_000, help="rows of each corpus")
    parser.add_argument("--only", nargs="*", default=list(RUNS), help="these runs")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation.jsonl"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    done = finished(args.output, "run")
    material = Material(WeaveSettings(), Cache.of_user())
    critic = trained(*material.plain(15_000), CriticSettings(), material.cache)
    for name in args.only:
        if name in done:
            continue
        weights, told = train(name, args.minutes, args.samples)
        keep(args.output, {"run": name, "minutes": args.minutes, **told, **judge(weights, critic)})


if __name__ == "__main__":
    main()
