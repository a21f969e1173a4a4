"""What each choice of the model is worth: the same seed, corpus and processor time, one thing changed.

Each run starts from random weights, except for the plan's autoencoder, which is that of the bundled
weights, and takes `--minutes` of one core's processor time, so that other work on the machine does not
matter. Each run appends a line of JSON to `--output`; runs that are already there are skipped.

python docs/studies/ablation.py --minutes 20 --only plan plain --output runs/designs.jsonl

Try it: python docs/studies/ablation.py --minutes 4 --output runs/ablation.jsonl
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from records import arguments, finished, keep

from nitograph.corpus import Corpus, CorpusSettings, build, load_corpus, mnist
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.critics import Critic, CriticSettings, trained
from nitograph.evaluation.material import DIGITS, Material
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.woven import rasters
from nitograph.light import chords
from nitograph.model.network import Network
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import Weights, load_bundled
from nitograph.sampling.plans import of_light
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.training import batches
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from nitograph.weaving.encoder import WeaveSettings, targets


@dataclass(frozen=True)
class Sizes:
    """Sizes: rows of the corpus, samples, wound pictures, the critic's training images, validation rows."""

    rows: int = 60_000
    samples: int = 300
    pictures: int = 60
    critic_images: int = 15_000
    validation_rows: int = 1024


QUICK = Sizes(rows=80, samples=10, pictures=10, critic_images=100, validation_rows=4)
WEAVINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "strength 0.045": {"line_strength": 0.045},
    "start at nail 0": {"quality": "fast"},
    "searched": {"quality": "best"},
}


def no_mask(trainer: Trainer) -> None:
    """Train without the legal mask; validation keeps it."""

    def unmasked(part: Corpus, rows: NDArray[np.int64]) -> batches.Batch:
        batch = batches.collect(part, rows)
        if part is trainer.train:
            batch.allowed[:] = True
        return batch

    trainer.objective.collect = unmasked


def blind(trainer: Trainer) -> None:
    """The missing light is no input; it stays in the scores of the chords."""
    hold_at_zero(trainer.network, "embed.light")


def no_integrals(trainer: Trainer) -> None:
    """Chords are scored by a plain head alone; the missing light stays an input."""
    for name in ("head.gain", "head.light", "head.reach"):
        hold_at_zero(trainer.network, name)


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


def hold_at_zero(network: Network, name: str) -> None:
    """Hold a parameter at zero."""
    parameter = network.at(name)
    parameter.data.zero_()
    parameter.requires_grad_(False)


def no_decay(trainer: Trainer) -> None:
    """The learning rate stays at its peak after the warm-up."""
    trainer.schedule = lambda progress: min(1.0, (progress + 1e-3) / 0.02)


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
    "no fall of the rate": ("default", {}, {}, no_decay),
    "averaged, no fall": ("default", {}, {}, no_decay),
    "fourier nails": ("default", {}, {}, smooth_nails),
    "always the class": ("default", {}, {"class_dropout": 0.0}, None),
    "only exact light": ("default", {}, {"exact_light": 1.0}, None),
    "adamw": ("default", {}, {"optimizer": "adamw"}, None),
    "no further plans": ("default", {}, {"plan_rows": 0}, None),
    "plain": ("default", {"design": "plain"}, {"plan_rows": 0}, None),
}


def rows_of(name: str, samples: int, folder: Path) -> Corpus:
    """The corpus of one way of weaving, cached in the folder."""
    path = folder / f"ablation-{name.replace(' ', '-')}-{samples}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        settings = CorpusSettings(samples=samples)
        build(mnist("train"), settings, WeaveSettings(**WEAVINGS[name])).save(path)
    return load_corpus(path)


def copy_autoencoder(network: Network, weights: Weights) -> None:
    """Copy the autoencoder and the scales of light from trained weights."""
    copied = {n: torch.from_numpy(t.copy()) for n, t in weights.tensors.items() if n.startswith("plan.")}
    copied["light.scale"] = torch.from_numpy(weights.tensors["light.scale"].copy())
    network.load_state_dict(copied, strict=False)


def train(name: str, minutes: float, sizes: Sizes, folder: Path) -> tuple[Weights, dict[str, Any]]:
    """One run; its weights and the held-out nats."""
    weaving, model, changes, hook = RUNS[name]
    rows = rows_of(weaving, sizes.rows, folder)
    settings = TrainSettings(
        minutes=minutes, batch_size=32, optimizer="muon", workers=1, validation_fraction=0.05, seed=7
    ).replace(validation_rows=sizes.validation_rows, **changes)
    trainer = Trainer(rows, ModelSettings(dropout=0.0).replace(**model), settings)
    trainer.clock = time.process_time
    if trainer.model.planned:
        copy_autoencoder(trainer.network, load_bundled())
    if trainer.plan_phase:
        trainer.plan_phase.skip()
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
    chords_each = float(trainer.valid.lengths[: settings.validation_rows].mean() - 3)
    facts = {"steps": trainer.step, "nats_a_nail": last.nail_loss, "chords": chords_each}
    facts["nats_a_thread"] = (last.nail_loss or 0.0) * (chords_each + 2)
    if last.plan_loss is not None:
        facts["nats_a_code"] = last.plan_loss
    return trainer.weights(), facts


def judge(weights: Weights, critic: Critic, sizes: Sizes) -> dict[str, Any]:
    """The critic's accuracy on samples, wound and woven pictures, and the errors of the latter two."""
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    material = Material(weaving, Cache.of_user())
    reference = material.reference(sizes.pictures // 10)
    labels = [DIGITS[i % 10] for i in range(sizes.samples)]
    own = invent(weights, labels, range(sizes.samples), SampleSettings(guidance=1.0))
    found = {"read": read(critic, own, np.arange(sizes.samples) % 10, weaving)}
    found["read_woven"] = read(critic, reference.threads, reference.labels, weaving)
    if not weights.settings.planned:
        return found
    wanted = targets(material.test.images[reference.rows], weaving)
    grid = weights.zernike.projection(chords.pixel_positions(weaving.canvas_size)).astype(np.float32)
    light = wanted.reshape(len(wanted), -1) @ grid
    wound = invent(weights, [None] * len(light), range(len(light)), plans=of_light(weights, light))
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
    """Do all runs that are not in the file yet."""
    args = arguments("What each choice of the model is worth.", list(RUNS), 4.0).parse_args()
    output = args.output or Path("runs/ablation.jsonl")
    sizes, minutes = (QUICK, 0.01) if args.quick else (Sizes(), args.minutes)
    torch.set_num_threads(1)
    done = finished(output, "run")
    material = Material(WeaveSettings(), Cache.of_user())
    settings = CriticSettings().replace(**{"images_seen": 100} if args.quick else {})
    critic = trained(*material.lesson("A", sizes.critic_images // 2), settings, material.cache)
    for name in args.only:
        if name in done:
            continue
        weights, facts = train(name, minutes, sizes, output.parent)
        keep(output, {"run": name, "minutes": minutes, **facts, **judge(weights, critic, sizes)})


if __name__ == "__main__":
    main()
