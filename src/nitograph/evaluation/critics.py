"""Critics: small classifiers of 28×28 pictures, trained by the evaluation itself in PyTorch.

There are two architectures, so that a model tuned on one is still judged by the other: "pooled"
(convolutions and max-pooling) for critics A and B and for usefulness, "strided" (strided convolutions,
group norm) for critic C, whose last hidden layer of 64 numbers is the feature space of all distances. Seeds
fix the weights and the order of training: the same machine and threads give the same critic. This module
knows nothing of threads.

Try it: python -c "from nitograph.evaluation.critics import *; print(build('strided', seed=0))"
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nitograph.evaluation.cache import Cache
from nitograph.settings import Settings, setting
from nitograph.training.optimizer import AdamW

VERSION = 1  # raise it when a change makes the same settings give another critic
FEATURES = 64
DIGITS = 10  # classes, where nothing else is said
PREDICT_BATCH = 1000

UInt8 = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class CriticSettings(Settings):
    """How one critic is trained."""

    design: str = setting("pooled", "architecture", choices=("pooled", "strided"))
    images_seen: int = setting(60_000, "pictures seen in training, repeats included", low=100)
    batch_size: int = setting(64, "pictures per step", low=8, high=4096)
    learning_rate: float = setting(2e-3, "peak learning rate", low=1e-6, high=1.0)
    shift: int = setting(1, "largest random shift of a picture", unit="pixels", low=0, high=4)
    seed: int = setting(0, "seed of the weights and of the training order", low=0)


class Pooled(nn.Module):
    """Three 3×3 convolutions with max-pooling, one hidden layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(48 * 49, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (b, 1, 28, 28) in 0 to 1 → features (b, 64) and logits (b, classes)."""
        h = self.body(x)
        return h, self.head(h)


class Strided(nn.Module):
    """Strided 5×5 and 3×3 convolutions, one residual step, group norm, one hidden layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 24, 5, stride=2, padding=2), nn.GroupNorm(4, 24), nn.GELU())
        self.down = nn.Sequential(nn.Conv2d(24, 64, 3, stride=2, padding=1), nn.GroupNorm(8, 64), nn.GELU())
        self.more = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.GroupNorm(8, 64), nn.GELU())
        self.last = nn.Sequential(nn.Conv2d(64, 96, 3, stride=2), nn.GELU(), nn.Flatten())
        self.squeeze = nn.Sequential(nn.Linear(96 * 9, FEATURES), nn.GELU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (b, 1, 28, 28) in 0 to 1 → features (b, 64) and logits (b, classes)."""
        h = self.down(self.stem(x))
        h = self.squeeze(self.last(h + self.more(h)))
        return h, self.head(h)


@dataclass(frozen=True, eq=False)
class Critic:
    """A trained network as two functions of pictures (n, 28, 28) uint8."""

    net: nn.Module

    def read(self, pictures: UInt8) -> tuple[NDArray[np.float32], Labels]:
        """Features (n, 64) and the class read, (n,)."""
        features, read = [], []
        with torch.inference_mode():
            for first in range(0, len(pictures), PREDICT_BATCH):
                h, logits = self.net(_tensor(pictures[first : first + PREDICT_BATCH]))
                features.append(h.numpy())
                read.append(logits.argmax(dim=1).numpy())
        return np.concatenate(features), np.concatenate(read)


def build(design: str, *, seed: int, classes: int = DIGITS) -> nn.Module:
    """A network with new weights; PyTorch's global random state stays unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return (Strided if design == "strided" else Pooled)(classes)


def train(pictures: UInt8, labels: Labels, settings: CriticSettings, *, classes: int = DIGITS) -> Critic:
    """A critic trained on pictures (n, 28, 28) and labels (n,) with AdamW and a one-cycle schedule."""
    net = build(settings.design, seed=settings.seed, classes=classes)
    size = min(settings.batch_size, len(pictures))
    steps = max(1, settings.images_seen // size)
    optimizer = AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    rng = np.random.default_rng([settings.seed, 1])
    order = np.zeros(0, dtype=np.int64)
    for _ in range(steps):
        if len(order) < size:
            order = np.concatenate([order, rng.permutation(len(pictures))])
        rows, order = order[:size], order[size:]
        _, logits = net(_tensor(_shifted(pictures[rows], settings.shift, rng)))
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits, torch.from_numpy(labels[rows])).backward()  # type: ignore[no-untyped-call]  # torch declares no types here
        optimizer.step()
        schedule.step()
    return Critic(net.eval())


def trained(
    pictures: UInt8, labels: Labels, settings: CriticSettings, cache: Cache, *, classes: int = DIGITS
) -> Critic:
    """`train`, cached under the hash of pictures, labels, settings and PyTorch's version."""
    made_from: dict[str, Any] = {"pictures": pictures, "labels": labels, "settings": settings.to_dict()}
    made_from |= {"version": VERSION, "torch": torch.__version__}
    if classes != DIGITS:  # critics of ten classes keep the name that they had before there were others
        made_from["classes"] = classes

    def make() -> dict[str, NDArray[Any]]:
        net = train(pictures, labels, settings, classes=classes).net
        return {name: value.numpy() for name, value in net.state_dict().items()}

    net = build(settings.design, seed=settings.seed, classes=classes)
    kept = cache.fetch("critic", made_from, make)
    net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in kept.items()})
    return Critic(net.eval())


def _tensor(pictures: UInt8) -> Tensor:
    return torch.from_numpy(pictures[:, None].astype(np.float32) / np.float32(255))


def _shifted(pictures: UInt8, max_shift: int, rng: np.random.Generator) -> UInt8:
    """Each picture moved by up to `max_shift` pixels, filled with black."""
    if not max_shift:
        return pictures
    n, height, width = pictures.shape
    padded = np.pad(pictures, ((0, 0), (max_shift, max_shift), (max_shift, max_shift)))
    down, right = rng.integers(0, 2 * max_shift + 1, (2, n))
    rows = down[:, None, None] + np.arange(height)[:, None]
    columns = right[:, None, None] + np.arange(width)
    return np.asarray(padded[np.arange(n)[:, None, None], rows, columns])
