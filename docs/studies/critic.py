"""The bundled critic of `--best-of`, taught to tell woven train digits from invented ones and to read them.

Half of its threads are woven from MNIST train images (never the last 5,000, which are for choosing
settings), half are invented by the weights, at their own sampling settings; which class a thread shows is
learned from the woven ones alone. A tenth of each is held out; a line of JSON with what the critic makes of
those is appended to `--output`, and the tensors are written beside it in half precision, norms folded in:
what `nitograph.sampling.critic` reads.

Try it: python docs/studies/critic.py --weights string_ai.safetensors --output runs/critic.jsonl
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from records import keep
from torch import Tensor, nn

from nitograph.corpus.sources import mnist
from nitograph.evaluation.judges.two_sample import auc
from nitograph.model.weights import Weights, load, load_bundled
from nitograph.sampling.critic import SIDE, pictures
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.weaving.encoder import WeaveSettings, weave_many

SEED = 20261127  # of this critic alone
HELD_OUT, VALIDATION = 0.1, 5000  # share of each side; train images that nothing is taught on
FIRST_SEED = 50_000_000  # of the invented threads, far from seeds that people use
WIDTHS = (24, 48, 64)


@dataclass(frozen=True)
class Sizes:
    """Threads of each side, passes over them, threads a step, peak learning rate."""

    threads: int = 4000
    passes: int = 12
    batch: int = 64
    rate: float = 4e-3


QUICK = Sizes(threads=60, passes=1, batch=16)


class Network(nn.Module):
    """The network of sampling.critic.Critic, before its norms are folded in."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        ins = (4, *WIDTHS[:-1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(ins, WIDTHS, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in WIDTHS)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear((SIDE // 8) ** 2 * WIDTHS[-1], classes + 1)

    def forward(self, shown: Tensor) -> Tensor:
        """Pictures (b, 48, 48) → logits of the classes and the log-odds of "woven", (b, classes + 1)."""
        h = cells_of(shown - 1)
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            h = F.relu(norm(convolution(h)))
            if i + 1 < len(WIDTHS):
                h = F.avg_pool2d(h, 2)
        found: Tensor = self.out(self.dropout(h.permute(0, 2, 3, 1).flatten(1)))
        return found

    def folded(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of a Critic: each norm is multiplied into its convolution."""
        tensors: dict[str, Tensor] = {}
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = convolution.weight * scale[:, None, None, None]  # (out, in, 3, 3)
            tensors[f"conv.{i}.weight"] = weight.permute(2, 3, 1, 0).flatten(0, 1)
            tensors[f"conv.{i}.bias"] = norm.bias - norm.running_mean * scale
        tensors |= {"out.weight": self.out.weight.T, "out.bias": self.out.bias}
        return {name: value.detach().numpy().copy() for name, value in tensors.items()}


def cells_of(shown: Tensor) -> Tensor:
    """2×2 pixels side by side: (b, h, w) → (b, 4, h / 2, w / 2), in the order of model.sharpen.cells_of."""
    b, h, w = shown.shape
    return shown.reshape(b, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3).reshape(b, 4, h // 2, w // 2)


@dataclass(frozen=True, eq=False)
class Threads:
    """Pictures (n, 48, 48), class indices (n,), and whether each is woven (n,)."""

    shown: NDArray[np.float32]
    labels: NDArray[np.int64]
    woven: NDArray[np.float32]

    def take(self, rows: NDArray[np.integer]) -> "Threads":
        """Some of them."""
        return Threads(self.shown[rows], self.labels[rows], self.woven[rows])


def woven_threads(weights: Weights, count: int) -> Threads:
    """Threads of `count` train images, drawn from all but the last ones."""
    source = mnist("train")
    usable = len(source.images) - VALIDATION
    rows = np.random.default_rng([SEED, 1]).permutation(usable)[:count]
    made = weave_many(source.images[rows], WeaveSettings.from_dict(dict(weights.weaving)))
    paths = [made.path(i) for i in range(len(made))]
    shown = pictures(paths, weights.board, weights.weaving)
    return Threads(shown, source.labels[rows], np.ones(count, np.float32))


def invented_threads(weights: Weights, count: int, settings: SampleSettings) -> Threads:
    """As many threads as the weights invent, classes in turn."""
    labels = np.arange(count) % len(weights.classes)
    names = [weights.classes[label] for label in labels]
    made = invent(weights, names, range(FIRST_SEED, FIRST_SEED + count), settings)
    shown = pictures([thread.nails for thread in made], weights.board, weights.weaving)
    return Threads(shown, labels, np.zeros(count, np.float32))


def losses(found: Tensor, batch: Threads) -> Tensor:
    """Cross-entropy of "woven", and of the class of those that are."""
    woven = torch.from_numpy(batch.woven)
    told = F.binary_cross_entropy_with_logits(found[:, -1], woven)
    read = F.cross_entropy(found[:, :-1], torch.from_numpy(batch.labels), reduction="none")
    return told + (read * woven).sum() / woven.sum().clamp_min(1)


def taught(train: Threads, classes: int, sizes: Sizes) -> Network:
    """A critic taught on threads, with AdamW and one cycle of the rate."""
    torch.manual_seed(SEED)
    net, count = Network(classes), len(train.labels)
    size = min(sizes.batch, count)
    steps = sizes.passes * (count // size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=sizes.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, sizes.rate, total_steps=steps)
    rng, order = np.random.default_rng([SEED, 2]), np.zeros(0, dtype=np.int64)
    for _ in range(steps):
        if len(order) < size:
            order = rng.permutation(count)
        rows, order = order[:size], order[size:]
        batch = train.take(rows)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses(net(torch.from_numpy(batch.shown)), batch))
        optimizer.step()
        schedule.step()
    return net.eval()


def judged(net: Network, held: Threads) -> dict[str, Any]:
    """What the critic makes of held-out threads."""
    with torch.inference_mode():
        parts = np.array_split(np.arange(len(held.labels)), max(1, len(held.labels) // 500))
        found = torch.cat([net(torch.from_numpy(held.shown[rows])) for rows in parts]).numpy()
    right, woven = found[:, :-1].argmax(axis=1) == held.labels, held.woven == 1
    apart = auc(found[woven, -1], found[~woven, -1])
    return {
        "auc": round(apart.value, 4),
        "reads_woven": round(float(right[woven].mean()), 4),
        "reads_invented": round(float(right[~woven].mean()), 4),
    }


def main() -> None:
    """Teach it, write it, say what it makes of held-out threads."""
    parser = argparse.ArgumentParser(description="Teach the critic of best-of.")
    parser.add_argument("--weights", type=Path, help="whose threads it learns to see through (bundled)")
    parser.add_argument("--output", type=Path, default=Path("runs/critic.jsonl"))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to test that it runs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = QUICK if args.quick else Sizes()
    weights = load(args.weights) if args.weights else load_bundled()
    began = time.monotonic()
    sides = [
        woven_threads(weights, sizes.threads),
        invented_threads(weights, sizes.threads, SampleSettings()),
    ]
    every = Threads(
        *(np.concatenate([getattr(s, part) for s in sides]) for part in ("shown", "labels", "woven"))
    )
    order = np.random.default_rng([SEED, 3]).permutation(len(every.labels))
    cut = round(len(order) * HELD_OUT)
    drawn = time.monotonic()
    net = taught(every.take(order[cut:]), len(weights.classes), sizes)
    seconds = {"threads": round(drawn - began), "teaching": round(time.monotonic() - drawn)}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Any] = {name: value.astype(np.float16) for name, value in net.folded().items()}
    np.savez(args.output.with_suffix(".npz"), classes=np.array(weights.classes), **tensors)
    numbers = sum(value.size for value in tensors.values())
    found = judged(net, every.take(order[:cut]))
    keep(args.output, {"weights": weights.digest[:16], "numbers": numbers, **found, "seconds": seconds})


if __name__ == "__main__":
    main()
