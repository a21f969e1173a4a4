"""Small networks that learn to tell made threads from real ones, in PyTorch.

On pictures three convolutions of stride 2 over the logarithm of density; on nails two layers over the
habits of a thread. Each network is fitted on one PyTorch thread with random numbers of its own, so that
several can be fitted beside each other and every figure is the same on any number of cores. This module
decides nothing: `two_sample` says what is learned from, what is held out and what the scores mean.

Try it: python -c "from nitograph.evaluation.judges.discriminators import *; print(PICTURES)"
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nitograph.training.optimizer import AdamW

VERSION = f"2, torch {torch.__version__}"  # raise the number when a change makes other networks
SIDE = 48  # px of a picture
BATCH = 500  # threads scored at once

Data = NDArray[np.generic]
Rows = NDArray[np.int64]
Float64 = NDArray[np.float64]
Network = nn.Module


class Dropout(nn.Module):
    """Dropout whose random numbers come from a generator of its own: networks fitted at once do not mix."""

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self.share, self.rng = share, torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        """Values (b, d), a share of them set to 0 in training and the others raised to make up for it."""
        if not self.training:
            return x
        return x * (torch.rand(x.shape, generator=self.rng) >= self.share) / (1 - self.share)


class PictureDiscriminator(nn.Module):
    """Three convolutions of stride 2, normed over the batch, and one linear layer over what is left.

    The norms matter: without them the network misses the blur of a plan's codes (AUC 0.59 instead of 0.93).
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Flatten(), Dropout(0.3, seed), nn.Linear(48 * (SIDE // 8) ** 2, 1),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (b, 48, 48) → logits (b,)."""
        found: Tensor = self.body(pictures[:, None] - 1.0)[:, 0]
        return found


class NailDiscriminator(nn.Module):
    """Two layers over the habits of a thread (`habits`), each habit brought to one scale first."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm1d(size), nn.Linear(size, 64), nn.ReLU(), Dropout(0.3, seed), nn.Linear(64, 1)
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Habits (b, f) → logits (b,)."""
        found: Tensor = self.body(rows)[:, 0]
        return found


@dataclass(frozen=True)
class Design:
    """One kind of network, and its training: passes over the training set, batch size, peak rate.

    make: the network from the shape of a row and a seed. mapped: whether a map of where it looks is kept.
    """

    make: Callable[[tuple[int, ...], int], Network]
    passes: int
    batch_size: int
    learning_rate: float
    mapped: bool

    def build(self, shape: tuple[int, ...], seed: int) -> Network:
        """A fresh network; PyTorch's own random state is left as it was. For one thread at a time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make(shape, seed)


PICTURES = Design(lambda shape, seed: PictureDiscriminator(seed), 16, 32, 4e-3, mapped=True)
NAILS = Design(lambda shape, seed: NailDiscriminator(shape[0], seed), 20, 32, 2e-3, mapped=False)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """PyTorch computes on the calling thread alone, in this thread and in those begun inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fit(net: Network, design: Design, made: Data, real: Data, *, seed: int) -> None:
    """Train to give made rows (n, …) a high logit and real rows (m, …) a low one: AdamW, one cycle."""
    rows = torch.from_numpy(np.concatenate([made, real]))
    truth = torch.cat([torch.ones(len(made)), torch.zeros(len(real))])
    size = min(design.batch_size, len(rows))
    steps = design.passes * (len(rows) // size)
    optimizer = AdamW(net.parameters(), lr=design.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, design.learning_rate, total_steps=steps)
    rng, order = np.random.default_rng([seed, 12]), np.zeros(0, dtype=np.int64)
    net.train()
    for _ in range(steps):
        if len(order) < size:
            order = rng.permutation(len(rows))
        chosen, order = torch.from_numpy(order[:size]), order[size:]
        loss = F.binary_cross_entropy_with_logits(net(rows[chosen]), truth[chosen])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    net.eval()


def score(net: Network, data: Data) -> Float64:
    """How likely each row (n, …) is made, 0 to 1, (n,)."""
    rows = torch.from_numpy(data)
    with torch.inference_mode():
        found = [torch.sigmoid(net(rows[i : i + BATCH])) for i in range(0, len(rows), BATCH)]
    return np.asarray(torch.cat(found).double().numpy())


def saliency(net: Network, pictures: Data) -> Float64:
    """Mean over pictures (n, h, w) of |∂logit ÷ ∂log density| at each pixel, as a multiple of its mean."""
    total = np.zeros(pictures.shape[1:])
    for first in range(0, len(pictures), BATCH):
        shown = torch.from_numpy(pictures[first : first + BATCH]).clone().requires_grad_()
        torch.autograd.backward(net(shown).sum())
        assert shown.grad is not None
        total += shown.grad.abs().sum(dim=0).double().numpy()
    net.zero_grad(set_to_none=True)
    return np.asarray(total / max(float(total.mean()), 1e-30))
