"""Train the flow that makes plans sharp (nitograph.model.sharpen) on MNIST and the bundled weights' plans.

The flow draws the residual between the picture that a plan's codes stand for and the picture itself, 32×32.
A share of the training rows (`doubtful`) have one to three codes taken from another picture of their class,
and are told so. Minutes are of processor time; a run that was stopped goes on from its state file, beside
the results and named after the run; the trained tensors lie there as an .npz. A line of JSON a run
(held-out loss; a network that says nothing has about 1), appended to `--output`; runs that are there
already are left out.

Try it: python docs/studies/sharpen.py --minutes 15 --output runs/sharpen.jsonl
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from records import arguments, finished, keep
from torch import Tensor, nn

from nitograph.corpus.sources import mnist
from nitograph.light.zernike import Zernike
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.sharpen import CONDITIONS, WAVES, coarse_pictures, shrunk
from nitograph.model.weights import Weights, load_bundled
from nitograph.weaving.encoder import WeaveSettings, targets

CHUNK, CLASS_DROPOUT, SAVE_EVERY = 2000, 0.1, 60.0  # pictures, share of rows, seconds of processor time


@dataclass(frozen=True)
class Form:
    """The shape of a flow: channels and blocks on cells of 2×2 pixels and of 4×4, and doubtful rows."""

    fine: int = 24
    wide: int = 64
    fine_blocks: int = 2
    wide_blocks: int = 2
    doubtful: float = 0.3


FORMS = {"default": Form(), "without doubt": Form(doubtful=0.0), "small": Form(12, 32)}


@dataclass(frozen=True)
class Sizes:
    """How much of everything: training pictures, held-out ones, pictures a step, peak learning rate."""

    pictures: int | None = None
    held_out: int = 512
    batch: int = 32
    rate: float = 3e-3


QUICK = Sizes(pictures=40, held_out=20, batch=8)


@dataclass(frozen=True, eq=False)
class Plans:
    """Pictures (n, 32, 32) from 0 to 1 and the codes (n, p) of their plans, with labels (n,)."""

    sharp: NDArray[np.float32]
    codes: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: Weights

    def rows(
        self, rng: np.random.Generator, rows: NDArray[np.int64], doubtful: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Sharp and coarse pictures of some rows, their labels, and 1 where the codes are doubtful."""
        given, doubt = self.codes[rows].copy(), (rng.random(len(rows)) < doubtful).astype(np.float32)
        for row in np.flatnonzero(doubt):
            others = np.flatnonzero(self.labels == self.labels[rows[row]])
            slots = rng.choice(given.shape[1], size=rng.integers(1, 4), replace=False)
            given[row, slots] = self.codes[rng.choice(others)][slots]
        coarse = coarse_pictures(decode_plan(self.weights, given), self.weights.settings.zernike_order)
        return self.sharp[rows], coarse, self.labels[rows], doubt


def plans(part: str, weights: Weights, count: int | None) -> Plans:
    """The first pictures of a part of MNIST as the encoder sees them, and their plans."""
    source, zernike = mnist(part), Zernike(weights.settings.zernike_order)
    images, sharp, codes = source.images[:count], [], []
    for first in range(0, len(images), CHUNK):
        wanted = targets(images[first : first + CHUNK], WeaveSettings())
        sharp.append(shrunk(wanted))
        codes.append(encode_plan(weights, zernike.light(wanted)))
    return Plans(np.concatenate(sharp), np.concatenate(codes), source.labels[:count], weights)


class Flow(nn.Module):
    """The network of sharpen.Sharpener in PyTorch; its tensors have the same names and shapes."""

    def __init__(self, form: Form, classes: int) -> None:
        super().__init__()
        self.form, self.tensors = form, nn.ParameterDict()
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
        value = torch.ones(shape) if spread is None else torch.randn(shape) * spread
        self.tensors[name.replace(".", "_")] = nn.Parameter(value)

    def at(self, name: str) -> Tensor:
        """A tensor by its name in a Sharpener."""
        found: Tensor = self.tensors[name.replace(".", "_")]
        return found

    def named(self) -> list[str]:
        """The names of all tensors as a Sharpener has them."""
        plain = ["class", "in.weight", "down", "up", "out.norm", "out.weight"]
        kinds = (("fine", self.form.fine_blocks), ("wide", self.form.wide_blocks))
        parts = ("norm", "first", "condition", "last")
        return plain + [f"{k}.{i}.{part}" for k, count in kinds for i in range(count) for part in parts]

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


def cells_of(x: Tensor) -> Tensor:
    """2×2 neighbours side by side: (b, c, h, w) → (b, 4c, h / 2, w / 2)."""
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h // 2, w // 2)


def pixels_of(x: Tensor) -> Tensor:
    """The opposite: (b, 4c, h, w) → (b, c, 2h, 2w)."""
    b, c, h, w = x.shape
    return x.reshape(b, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // 4, 2 * h, 2 * w)


class Run:
    """A flow on its way: one step after the other, with a smoothed copy of its tensors."""

    def __init__(self, form: Form, train: Plans, sizes: Sizes) -> None:
        torch.manual_seed(0)
        self.form, self.train, self.sizes = form, train, sizes
        self.classes = int(train.labels.max()) + 1
        self.flow = Flow(form, self.classes)
        self.smooth = {name: value.clone() for name, value in self.flow.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.flow.parameters(), lr=0.0, betas=(0.9, 0.98))
        some = np.arange(0, len(train.sharp), max(1, len(train.sharp) // 1000))
        own, coarse, _, _ = train.rows(np.random.default_rng(0), some, 0.0)
        self.spread = float((own - coarse).std())
        self.step, self.seconds = 0, 0.0

    def loss(
        self, plans: Plans, rows: NDArray[np.int64], rng: np.random.Generator, *, train: bool
    ) -> Tensor:
        """Mean squared error of the residual that is expected at the end, over its own scale."""
        own, coarse, labels, doubt = plans.rows(rng, rows, self.form.doubtful if train else 0.0)
        if train:
            labels = np.where(rng.random(len(labels)) < CLASS_DROPOUT, self.classes, labels)
        give = torch.from_numpy
        end = cells_of(give((own - coarse) / np.float32(self.spread))[:, None])
        given = cells_of(give((coarse - np.float32(0.5)) * 2)[:, None])
        noise = give(rng.standard_normal(tuple(end.shape), dtype=np.float32))
        t = give(rng.random((len(own), 1), dtype=np.float32))
        k = torch.arange(1, WAVES + 1) * (math.pi / 2)
        waves = torch.cat([torch.cos(k * t), torch.sin(k * t), give(doubt)[:, None]], 1)
        t = t[:, :, None, None]
        x, root = (1 - t) * noise + t * end, torch.sqrt(t**2 + (1 - t) ** 2)
        goal = (end - x * (t / root**2)) / ((1 - t) / root).clamp_min(1e-3)
        found = self.flow(torch.cat([x / root, given], 1), waves + self.flow.at("class")[give(labels)])
        loss: Tensor = (found - goal).square().mean()
        return loss

    def advance(self, progress: float) -> None:
        """One step; the rate warms up, stays and falls to zero over the last six tenths."""
        rng = np.random.default_rng([9, self.step])
        rows = rng.integers(len(self.train.sharp), size=self.sizes.batch)
        torch.autograd.backward(self.loss(self.train, rows, rng, train=True))
        nn.utils.clip_grad_norm_(self.flow.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.sizes.rate * min(1.0, (self.step + 1) / 100, (1 - progress) / 0.6 + 1e-3)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        keep_share = min(0.995, self.step / (self.step + 20))
        for name, value in self.flow.state_dict().items():
            self.smooth[name].lerp_(value, 1 - keep_share)
        self.step += 1

    def held_out(self, held: Plans) -> float:
        """The loss of the smoothed tensors on held-out pictures."""
        own = {name: value.clone() for name, value in self.flow.state_dict().items()}
        self.flow.load_state_dict(self.smooth)
        with torch.inference_mode():
            rows = np.arange(len(held.sharp))
            found = float(self.loss(held, rows, np.random.default_rng(1), train=False))
        self.flow.load_state_dict(own)
        return found

    def save(self, state: Path) -> None:
        """All that the next step depends on, and beside it the tensors of a Sharpener."""
        kept: dict[str, Any] = {"flow": self.flow.state_dict(), "optimizer": self.optimizer.state_dict()}
        kept |= {"smooth": self.smooth, "step": self.step, "seconds": self.seconds}
        new = state.with_suffix(".new")
        torch.save(kept, new)
        new.replace(state)
        tensors: dict[str, Any] = {
            name: self.smooth[f"tensors.{name.replace('.', '_')}"].numpy() for name in self.flow.named()
        }
        np.savez(state.with_suffix(".npz"), spread=np.array([self.spread], np.float32), **tensors)

    def resume(self, state: Path) -> None:
        """Go on from a state that was saved."""
        kept = torch.load(state, weights_only=True)
        self.flow.load_state_dict(kept["flow"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.smooth, self.step, self.seconds = kept["smooth"], kept["step"], kept["seconds"]


def train(name: str, minutes: float, sizes: Sizes, state: Path) -> dict[str, Any]:
    """Train one form to the end; what came of it."""
    weights = load_bundled()
    run = Run(FORMS[name], plans("train", weights, sizes.pictures), sizes)
    held = plans("test", weights, sizes.held_out)
    state.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        run.resume(state)
    began, base = time.process_time(), run.seconds
    saved = began
    while run.seconds < 60 * minutes:
        run.advance(run.seconds / (60 * minutes))
        run.seconds = base + time.process_time() - began
        if time.process_time() - saved > SAVE_EVERY:
            run.save(state)
            saved = time.process_time()
    run.save(state)
    count = sum(value.numel() for value in run.flow.parameters())
    return {"steps": run.step, "parameters": count, "held_out": round(run.held_out(held), 4)}


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
