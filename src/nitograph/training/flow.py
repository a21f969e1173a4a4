"""The flow that makes plans sharp, in PyTorch: the network of model.sharpen, and its loss.

The flow is to draw the residual between the picture that a plan's codes stand for and the picture itself,
32×32. A share of the rows it learns from have one to three codes of another picture of their class, and are
told so (`doubt`). This module knows no schedule and takes no steps.

Try it: python -c "from nitograph.training.flow import Flow, FlowForm; print(Flow(FlowForm(), 10).named())"
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nitograph.model.plan import decode_plan
from nitograph.model.sharpen import CONDITIONS, WAVES, Sharpener, coarse_pictures
from nitograph.model.weights import Weights

DOUBTFUL, CLASS_DROPOUT = 0.3, 0.1  # shares of training rows
BLOCK = ("norm", "first", "condition", "last")


@dataclass(frozen=True)
class FlowForm:
    """The shape of a flow: channels and blocks on cells of 2×2 pixels, and of 4×4."""

    fine: int = 24
    wide: int = 64
    fine_blocks: int = 2
    wide_blocks: int = 2


class Flow(nn.Module):
    """The network of sharpen.Sharpener; its tensors have the same names and shapes."""

    def __init__(self, form: FlowForm, classes: int, *, seed: int = 0) -> None:
        super().__init__()
        self.form, self.classes, self.tensors = form, classes, nn.ParameterDict()
        self.register_buffer("spread", torch.ones(1))
        self._generator = torch.Generator().manual_seed(seed)
        c, w = form.fine, form.wide
        self._add("class", classes + 1, CONDITIONS, spread=0.5)
        self._add("in.weight", 9, 8, c, spread=1 / math.sqrt(72))
        for kind, count, width in (("fine", form.fine_blocks, c), ("wide", form.wide_blocks, w)):
            for i in range(count):
                self._add(f"{kind}.{i}.norm", width, spread=None)
                self._add(f"{kind}.{i}.first", 9, width, width, spread=1 / math.sqrt(9 * width))
                self._add(f"{kind}.{i}.condition", CONDITIONS, width, spread=0.2)
                self._add(f"{kind}.{i}.last", 9, width, width, spread=0.5 / math.sqrt(9 * width))
        self._add("down", 4 * c, w, spread=1 / math.sqrt(4 * c))
        self._add("up", w, 4 * c, spread=0.5 / math.sqrt(w))
        self._add("out.norm", c, spread=None)
        self._add("out.weight", c, 4, spread=0.0)

    def _add(self, name: str, *shape: int, spread: float | None) -> None:
        """A fresh tensor; without a spread all ones."""
        value = (
            torch.ones(shape) if spread is None else torch.randn(shape, generator=self._generator) * spread
        )
        self.tensors[name.replace(".", "_")] = nn.Parameter(value)

    def at(self, name: str) -> Tensor:
        """A tensor by its name in a Sharpener."""
        found: Tensor = self.tensors[name.replace(".", "_")]
        return found

    def named(self) -> list[str]:
        """The names of all tensors but `spread` as a Sharpener has them."""
        plain = ["class", "in.weight", "down", "up", "out.norm", "out.weight"]
        kinds = (("fine", self.form.fine_blocks), ("wide", self.form.wide_blocks))
        return plain + [
            f"{kind}.{i}.{part}" for kind, count in kinds for i in range(count) for part in BLOCK
        ]

    def sharpener(self) -> Sharpener:
        """The flow at rest."""
        tensors = {name: self.at(name).detach().cpu().numpy().copy() for name in self.named()}
        return Sharpener({"spread": self.get_buffer("spread").cpu().numpy().copy(), **tensors})

    @staticmethod
    def from_sharpener(found: Sharpener) -> "Flow":
        """A flow with the tensors of one at rest."""
        t = found.tensors
        form = FlowForm(
            t["in.weight"].shape[2], t["down"].shape[1], found.blocks("fine"), found.blocks("wide")
        )
        flow = Flow(form, len(t["class"]) - 1)
        with torch.no_grad():
            for name in flow.named():
                flow.at(name).copy_(torch.from_numpy(t[name]))
            flow.get_buffer("spread").copy_(torch.from_numpy(t["spread"]))
        return flow

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        """(b, 8, 16, 16) and (b, CONDITIONS) → (b, 4, 16, 16)."""
        h = self._block(self._convolve(x, "in.weight"), conditions, "fine.0")
        low = torch.einsum("bchw,cd->bdhw", cells_of(h), self.at("down"))
        for i in range(self.form.wide_blocks):
            low = self._block(low, conditions, f"wide.{i}")
        h = h + pixels_of(torch.einsum("bchw,cd->bdhw", low, self.at("up")))
        for i in range(1, self.form.fine_blocks):
            h = self._block(h, conditions, f"fine.{i}")
        return torch.einsum("bchw,cd->bdhw", self._norm(h, "out.norm"), self.at("out.weight"))

    def _block(self, h: Tensor, conditions: Tensor, name: str) -> Tensor:
        u = self._convolve(self._norm(h, f"{name}.norm"), f"{name}.first")
        u = u + (conditions @ self.at(f"{name}.condition"))[:, :, None, None]
        return h + self._convolve(F.silu(u), f"{name}.last")

    def _convolve(self, x: Tensor, name: str) -> Tensor:
        weight = self.at(name)  # (9, c, d)
        return F.conv2d(x, weight.reshape(3, 3, *weight.shape[1:]).permute(3, 2, 0, 1), padding=1)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        power = x.square().mean(1, keepdim=True) + 1e-6
        return x * power.rsqrt() * self.at(name)[:, None, None]


class Drawn(NamedTuple):
    """What a flow is to draw: sharp and coarse pictures (b, 32, 32), labels (b,), doubt (b,) 0 or 1."""

    sharp: NDArray[np.float32]
    coarse: NDArray[np.float32]
    labels: NDArray[np.int64]
    doubt: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Plans:
    """Pictures (n, 32, 32) uint8 and the codes (n, p) of their plans, with labels (n,)."""

    pictures: NDArray[np.uint8]
    codes: NDArray[np.int64]
    labels: NDArray[np.int64]
    autoencoder: Weights

    def __len__(self) -> int:
        return len(self.pictures)

    @cached_property
    def _of_class(self) -> dict[int, NDArray[np.int64]]:
        return {int(label): np.flatnonzero(self.labels == label) for label in np.unique(self.labels)}

    def rows(self, rng: np.random.Generator, rows: NDArray[np.int64], *, doubtful: float = 0.0) -> Drawn:
        """Some rows; a share of them `doubtful`, with codes of another picture of the class."""
        given, doubt = self.codes[rows].copy(), (rng.random(len(rows)) < doubtful).astype(np.float32)
        which, count = rng.random((len(rows), 2)).T  # drawn for all rows, so that they can be shared out
        order = rng.random(given.shape).argsort(axis=1)
        for row in np.flatnonzero(doubt):
            others = self._of_class[int(self.labels[rows[row]])]
            slots = order[row, : 1 + int(3 * count[row])]
            given[row, slots] = self.codes[others[int(which[row] * len(others))]][slots]
        light = decode_plan(self.autoencoder, given)
        coarse = coarse_pictures(light, self.autoencoder.settings.zernike_order)
        sharp = self.pictures[rows].astype(np.float32) / np.float32(255)
        return Drawn(sharp, coarse, self.labels[rows], doubt)

    def spread(self) -> float:
        """Standard deviation of the residuals."""
        some = np.arange(0, len(self), max(1, len(self) // 1000))
        found = self.rows(np.random.default_rng(0), some)
        return float((found.sharp - found.coarse).std())


def flow_loss(flow: Flow, drawn: Drawn, rng: np.random.Generator) -> Tensor:
    """Mean squared error of the residual expected at the end, over its own scale, at random times."""
    spread, device = np.float32(flow.get_buffer("spread").item()), flow.at("class").device

    def give(array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(device)

    end = cells_of(give((drawn.sharp - drawn.coarse) / spread)[:, None])
    given = cells_of(give((drawn.coarse - np.float32(0.5)) * 2)[:, None])
    noise = give(rng.standard_normal(tuple(end.shape), dtype=np.float32))
    t = give(rng.random((len(drawn.sharp), 1), dtype=np.float32))
    k = torch.arange(1, WAVES + 1, device=device) * (math.pi / 2)
    waves = torch.cat([torch.cos(k * t), torch.sin(k * t), give(drawn.doubt)[:, None]], 1)
    t = t[:, :, None, None]
    x, root = (1 - t) * noise + t * end, torch.sqrt(t**2 + (1 - t) ** 2)
    goal = (end - x * (t / root**2)) / ((1 - t) / root).clamp_min(1e-3)
    conditions = waves + F.embedding(give(drawn.labels), flow.at("class"))
    found = flow(torch.cat([x / root, given], 1), conditions)
    loss: Tensor = (found - goal).square().mean()
    return loss


def cells_of(x: Tensor) -> Tensor:
    """2×2 neighbours side by side: (b, c, h, w) → (b, 4c, h / 2, w / 2)."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h // 2, w // 2)


def pixels_of(x: Tensor) -> Tensor:
    """The opposite: (b, 4c, h, w) → (b, c, 2h, 2w)."""
    b, c, h, w = x.shape
    return x.reshape(b, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // 4, 2 * h, 2 * w)
