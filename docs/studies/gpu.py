"""Training on a GPU beside the CPU: the same losses, and tokens per second in each form.

For the same weights and rows: the loss and its gradient on the CPU in single precision, on CUDA in single
precision, and on CUDA in bfloat16 by autocast, as `train --device cuda` has it. Then steps on CUDA: plain,
with lessons gathered ahead, and compiled. The share of the peak counts six floating-point operations for
each weight and token.

Run: python docs/studies/gpu.py --dataset DATASET.npz
"""

import argparse

import numpy as np
import torch

from nitograph.corpus import load_corpus
from nitograph.corpus.rows import Corpus
from nitograph.model.weights import load_bundled
from nitograph.training.settings import TrainSettings
from nitograph.training.steps import gather, step_loss, task_of
from nitograph.training.trainer import Trainer


def trainer_of(corpus: Corpus, settings: TrainSettings, device: str) -> Trainer:
    """A trainer that goes on from the bundled weights."""
    weights = load_bundled()
    trainer = Trainer(corpus, weights.settings, settings.replace(flow_steps=0), device=device)
    trainer.start_from(weights)
    trainer.objective.encode(trainer.weights())
    return trainer


def loss_and_gradient(trainer: Trainer, *, mixed: bool) -> tuple[float, torch.Tensor]:
    """Of a first step, without taking it; mixed: as in training on CUDA."""
    trainer.objective.mixed = mixed
    task = task_of(trainer.objective, trainer.settings, np.arange(32), step=0)
    loss, _ = step_loss(trainer.objective, trainer.settings, task, gather(trainer.objective, task))
    torch.autograd.backward(loss)
    found = [p.grad.float().cpu().flatten() for p in trainer.network.parameters() if p.grad is not None]
    return float(loss.detach()), torch.cat(found)


def main() -> None:
    """Compare, then time."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=0.2, help="of each form")
    parser.add_argument("--peak", type=float, default=790e12, help="operations a second")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    corpus, device = load_corpus(args.dataset), args.device
    fixed = TrainSettings(plan_from="codes", validation_rows=32, workers=0)
    one, exact = loss_and_gradient(trainer_of(corpus, fixed, "cpu"), mixed=False)
    for name, mixed in (("single", False), ("bfloat16", True)):
        loss, gradient = loss_and_gradient(trainer_of(corpus, fixed, device), mixed=mixed)
        cosine = float(torch.nn.functional.cosine_similarity(exact, gradient, dim=0))
        print(
            f"{device} {name}: loss {loss:.5f}, CPU {one:.5f}; gradients' cosine {cosine:.6f}", flush=True
        )
    for name in ("plain", "ahead", "compiled"):
        settings = fixed.replace(batch_size=args.batch, minutes=args.minutes, compile=name == "compiled")
        trainer = trainer_of(corpus, settings, device)
        trainer.ahead.early = name != "plain"
        rates = [r.tokens_per_second for r in trainer.run(report_every=1.0) if r.kind == "step"]
        rate = float(np.median(rates[len(rates) // 2 :]))
        size = sum(p.numel() for p in trainer.network.parameters())
        print(
            f"{name}: {rate:,.0f} tokens/s, {600 * size * rate / args.peak:.2f} % of the peak", flush=True
        )


if __name__ == "__main__":
    main()
