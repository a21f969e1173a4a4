"""The Transformer in PyTorch: class, plan and nails in one causal sequence.

    class · code … code · nail nail nail … EOS

All query heads share one head of keys and values (N. Shazeer, 2019), which decodes several times faster.
At each nail a plan model sees the light still missing from its planned picture (the plan's light minus
the light of the chords so far) in the frame of that nail, and scores each next chord by the line
integral, along it, of a light map that it predicts. Both are closed forms over Zernike coefficients
(light.zernike). A model with sight is shown the encoder's own score of each next chord as well
(model.sight): the facts of the fan join the nail's token, and the sights are weighed into the logits by
gains read off the state; its light map is then only what is not seen. A plain model has neither: class
token, then nails. Parameter names are those of settings.tensor_shapes, so that a state dict is a weights
file. This module knows no data and no loop.

Try it: python -c "from nitograph.model.network import Network; help(Network.forward)"
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nitograph.board import Board, Rules
from nitograph.errors import WeightsError
from nitograph.light.zernike import Zernike
from nitograph.model.plan import code_digits
from nitograph.model.settings import (
    CODE_DIGITS,
    CODE_LEVELS,
    LIGHT_GAIN,
    NORM_EPS,
    PLAN_CODES,
    ROPE_BASE,
    ModelSettings,
    tensor_shapes,
)
from nitograph.model.sight import SightSettings
from nitograph.model.vocab import Vocabulary
from nitograph.model.weights import Weights


class Network(nn.Module):
    """The model of a board, some classes and ModelSettings, with fresh weights from `seed`."""

    def __init__(
        self, settings: ModelSettings, board: Board, classes: tuple[str, ...], *, seed: int = 0
    ) -> None:
        super().__init__()
        self.settings, self.board, self.classes = settings, board, classes
        self.sees_by: SightSettings | None = None  # where it comes from weights with sight
        codes = PLAN_CODES if settings.planned else 0
        self.vocabulary = Vocabulary(board.num_nails, classes, codes)
        shapes = tensor_shapes(settings, self.vocabulary)
        generator = torch.Generator().manual_seed(seed)
        for name, shape in shapes.items():
            _register(self, name, _fresh(name, shape, settings, generator))
        self.blocks: list[Any] = [self.get_submodule(f"layer.{i}") for i in range(settings.layers)]
        head_dim = settings.embed_dim // settings.heads
        inverse = ROPE_BASE ** (-torch.arange(0, head_dim, 2).double() / head_dim)
        self.register_buffer("inverse_frequency", inverse.float(), persistent=False)
        if settings.planned:
            zernike = Zernike(settings.zernike_order)
            cosine, sine = zernike.turns(board.num_nails)
            for key, table in (("fan", zernike.fan(board.num_nails)), ("cosine", cosine), ("sine", sine)):
                self.register_buffer(key, torch.from_numpy(table).float(), persistent=False)
            levels = torch.from_numpy(code_digits(np.arange(PLAN_CODES)))
            self.register_buffer("digits", levels, persistent=False)

    def at(self, name: str) -> Tensor:
        """A parameter or buffer by its name in the weights file."""
        path, _, leaf = name.rpartition(".")
        found: Tensor = getattr(self.get_submodule(path), leaf)
        return found

    def rows(self, name: str, ids: Tensor) -> Tensor:
        """Rows (…, d) of a learned table (n, d) for ids (…).

        Not by indexing: all threads sum its gradient at once, in an order that changes from run to run. The
        gradient of an embedding is summed by one thread per row of the table.
        """
        return F.embedding(ids, self.at(name))

    def forward(
        self,
        labels: Tensor,
        codes: Tensor | None,
        nails: Tensor,
        light: Tensor | None,
        seen: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Logits of a batch of whole sequences.

        labels: (b,) class indices, len(classes) meaning any class. codes: (b, p) plan codes, or None in
        a plain model. nails: (b, t), padded with any nail. light: (b, k) Zernike coefficients
        of the planned pictures. seen: for a model with sight, what batch.sight.sights_along sees at each
        nail: sights (b, t, n), facts (b, t, FACTS) and first sights (b, n). Returns plan logits
        (b, p, PLAN_CODES) or None, and nail logits (b, t + 1, n + 1), where row j is for the nail (or EOS,
        the last column) after j nails.
        """
        if self.settings.sight and seen is None:
            raise ValueError("a model with sight must be given what is seen")
        x = self.rows("embed.class", labels)[:, None]  # (b, 1, d)
        missing = None
        if codes is not None and light is not None:
            x = torch.cat([x, self.embed_codes(codes)], dim=1)  # (b, 1+p, d)
            missing = self.missing_light(nails, light)  # (b, t, k)
        embedded = self.embed_nails(nails, missing)
        if seen is not None:
            embedded = embedded + seen[1] @ self.at("embed.facts")
        x = torch.cat([x, embedded], dim=1)  # (b, 1+p+t, d)
        h = self.trunk(x)
        before = self.settings.prefix - 1
        plan = h[:, :before] @ self.at("head.code") if codes is not None else None
        logits = self.score_nails(h[:, before:], nails, missing)
        if seen is not None:
            sights, _, first = seen
            added = torch.cat(
                [self.first_sights(first), self.weigh_sights(h[:, before + 1 :], sights)], dim=1
            )
            logits = logits + F.pad(added, (0, 1))
        return plan, logits

    def plan_logits(self, labels: Tensor, codes: Tensor) -> Tensor:
        """Logits of the plan alone, (b, p, PLAN_CODES); `labels` and `codes` as in forward."""
        x = torch.cat([self.rows("embed.class", labels)[:, None], self.embed_codes(codes[:, :-1])], dim=1)
        return self.trunk(x) @ self.at("head.code")

    def embed_codes(self, codes: Tensor) -> Tensor:
        """(b, j ≤ p) codes of the first j slots → (b, j, d)."""
        count = codes.shape[1]
        digits = self.at("digits")[codes]  # (b, j, CODE_DIGITS)
        by_slot = torch.einsum("bjc,jcd->bjd", digits, self.at("embed.digits")[:count])
        return self.rows("embed.code", codes) + by_slot + self.at("embed.slot")[:count]

    def embed_nails(self, nails: Tensor, missing: Tensor | None) -> Tensor:
        """(b, t) nails and the scaled light missing at each → (b, t, d)."""
        x = self.rows("embed.nail", nails)
        return x if missing is None else x + missing @ self.at("embed.light")

    def missing_light(self, nails: Tensor, light: Tensor) -> Tensor:
        """The light missing when the thread is at each nail, scaled, in that nail's frame: (b, t, k)."""
        steps = (nails[:, 1:] - nails[:, :-1]) % self.board.num_nails
        chords = turned(
            self.at("fan")[steps], self.at("cosine")[nails[:, :-1]], -self.at("sine")[nails[:, :-1]]
        )
        laid = F.pad(chords.cumsum(dim=1), (0, 0, 1, 0))  # (b, t, k)
        missing = light[:, None] - self.at("light.chord") * laid
        return turned(missing, self.at("cosine")[nails], self.at("sine")[nails]) / self.at("light.scale")

    def trunk(self, x: Tensor, cache: "Cache | None" = None) -> Tensor:
        """The blocks and the last norm: (b, t, d) → (b, t, d)."""
        start = cache.length if cache else 0
        angles = torch.arange(start, start + x.shape[1], device=x.device)[:, None] * self.at(
            "inverse_frequency"
        )
        rotary = angles.cos(), angles.sin()
        drop = self.settings.dropout if self.training else 0.0
        x = F.dropout(x, drop)
        for index, block in enumerate(self.blocks):
            x = x + F.dropout(self._attend(block, x, rotary, index, cache), drop)
            h = norm(x, block.feed.norm) @ block.feed.up
            x = x + F.dropout(squared_relu(h) @ block.feed.down, drop)
        if cache is not None:
            cache.length += x.shape[1]
        return norm(x, self.at("head.norm"))

    def _attend(
        self, block: Any, x: Tensor, rotary: tuple[Tensor, Tensor], index: int, cache: "Cache | None"
    ) -> Tensor:
        b, t, d = x.shape
        e = d // self.settings.heads
        qkv = norm(x, block.attention.norm) @ block.attention.qkv  # (b, t, d + 2e)
        q = qkv[..., :d].view(b, t, -1, e).transpose(1, 2)  # (b, heads, t, e)
        k, v = qkv[..., None, d:].transpose(1, 2).chunk(2, dim=-1)  # (b, 1, t, e)
        q, k = rotate(q, *rotary), rotate(k, *rotary)
        if cache is not None:
            k, v = cache.extend(index, k, v)
        k, v = k.expand(-1, q.shape[1], -1, -1), v.expand(-1, q.shape[1], -1, -1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
        mixed: Tensor = y.transpose(1, 2).reshape(b, t, d) @ block.attention.out
        return mixed

    def score_nails(self, h: Tensor, nails: Tensor, missing: Tensor | None) -> Tensor:
        """Logits (b, t + 1, n + 1) from the states (b, t + 1, d) before and at each of t nails."""
        logits = h @ self.at("head.nail")
        if missing is None or nails.shape[1] == 0:
            return logits
        return logits + F.pad(self.score_chords(h[:, 1:], nails, missing), (0, 1, 1, 0))

    def score_chords(self, h: Tensor, nails: Tensor, missing: Tensor) -> Tensor:
        """Line integral of the predicted light along the chords to all nails: (b, t, n)."""
        predicted = h @ self.at("head.light")
        if not self.settings.sight:  # what is missing is seen exactly otherwise
            predicted = missing * (LIGHT_GAIN * self.at("head.gain")) + predicted
        fan = predicted @ (self.at("fan") * self.at("light.scale")).T + self.at("head.reach")
        n = self.board.num_nails
        turn = (torch.arange(n, device=nails.device) - nails[..., None]) % n
        return fan.gather(-1, turn)

    def first_sights(self, first: Tensor) -> Tensor:
        """What the sights of first nails (b, n) add to their logits, (b, 1, n)."""
        return (self.at("sight.first") * first)[:, None]

    def weigh_sights(self, h: Tensor, sights: Tensor) -> Tensor:
        """What sights (b, t, n) add to logits, by gains read off the states (b, t, d); sight.weighed."""
        gains = (self.at("sight.base") + h @ self.at("sight.gain"))[..., None, :]  # (b, t, 1, SIGHTS)
        below = sights.clamp(max=0.0)
        bend = sights.roll(1, -1) + sights.roll(-1, -1) - 2 * sights
        total = gains[..., 0] * (sights / 2)
        for k, form in enumerate((1 - torch.sqrt(1 - below), torch.exp(below), bend / 4), start=1):
            total = total + gains[..., k] * form
        return total

    def autoencode(self, light: Tensor) -> Tensor:
        """The light (b, k) after a round trip through the plan, with straight-through rounding."""
        h = self._mlp("encode", light / self.at("light.scale"))
        smooth = torch.tanh(h)
        steps = (CODE_LEVELS - 1) / 2
        hard = torch.round((smooth + 1) * steps) / steps - 1
        return self._mlp("decode", smooth + (hard - smooth).detach()) * self.at("light.scale")

    def _mlp(self, part: str, h: Tensor) -> Tensor:
        weight, bias = self.get_submodule(f"plan.{part}.weight"), self.get_submodule(f"plan.{part}.bias")
        for layer in range(3):
            h = h @ getattr(weight, str(layer)) + getattr(bias, str(layer))
            h = F.relu(h) if layer < 2 else h
        return h

    def to_weights(self, rules: Rules, **more: Any) -> Weights:
        """The weights of this network; `more`: the remaining fields of Weights."""
        tensors = {
            name: value.detach().float().cpu().numpy().copy() for name, value in self.state_dict().items()
        }
        return Weights(self.settings, self.board, rules, self.classes, tensors, **more)

    def start_from(self, weights: Weights) -> None:
        """Copy the tensors of `weights`; classes are matched by name, new classes keep their fresh rows.

        A network with sight can start from weights without: what it sees by stays fresh. WeightsError
        where the weights have another shape or board.
        """
        mine, theirs = self.settings, weights.settings.replace(dropout=self.settings.dropout)
        if mine.sight and theirs.planned:
            theirs = theirs.replace(sight=True)
        if theirs != mine or weights.board != self.board:
            different = [name for name in theirs.names() if getattr(theirs, name) != getattr(mine, name)]
            raise WeightsError(
                "the weights to start from are of another model "
                f"({', '.join(different) or 'its board'}); use their settings, or train without them"
            )
        tensors = _copied(weights)
        rows = self.at("embed.class").detach().clone()
        for row, label in enumerate((*self.classes, None)):
            if label is None or label in weights.classes:
                known = len(weights.classes) if label is None else weights.classes.index(label)
                rows[row] = tensors["embed.class"][known]
        fresh = self.state_dict()
        self.load_state_dict(
            {name: tensors.get(name, fresh[name]) for name in fresh} | {"embed.class": rows}
        )

    @staticmethod
    def from_weights(weights: Weights) -> "Network":
        """A network with the tensors of `weights`."""
        network = Network(weights.settings, weights.board, weights.classes)
        network.sees_by = weights.sight
        network.load_state_dict(_copied(weights))
        return network


class Cache:
    """Keys and values of the tokens so far, for each layer: (b, 1, length, d/heads)."""

    def __init__(self, layers: int) -> None:
        self.length = 0
        self.kept: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append new keys and values of one layer; returns all of that layer."""
        old = self.kept[layer]
        if old is not None:
            k, v = torch.cat([old[0], k], dim=2), torch.cat([old[1], v], dim=2)
        self.kept[layer] = (k, v)
        return k, v

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may be repeated."""
        self.kept = [None if kv is None else (kv[0][rows], kv[1][rows]) for kv in self.kept]


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Root-mean-square norm over the last axis (B. Zhang, R. Sennrich, NeurIPS 2019)."""
    return F.rms_norm(x, (x.shape[-1],), weight, NORM_EPS)


class _SquaredRelu(torch.autograd.Function):
    """relu(h)² with one product in the backward pass, where autograd takes three passes over memory."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        kept = F.relu(h)
        ctx.save_for_backward(kept)
        return kept * kept

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        kept: Tensor = ctx.saved_tensors[0]
        return grad * kept * 2


def squared_relu(h: Tensor) -> Tensor:
    """relu(h)² (D. So et al., "Primer", NeurIPS 2021)."""
    squared: Tensor = _SquaredRelu.apply(h)  # type: ignore[no-untyped-call]  # torch declares no types here
    return squared


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions (J. Su et al., 2021): turn the halves of each head, (b, heads, t, d/heads)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)


def turned(light: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """zernike.turn for tensors."""
    re, im = light.chunk(2, dim=-1)
    return torch.cat([re * cosine + im * sine, im * cosine - re * sine], dim=-1)


def _copied(weights: Weights) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value.copy()) for name, value in weights.tensors.items()}


def _register(root: nn.Module, name: str, value: Tensor) -> None:
    *path, leaf = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    if name.startswith("light."):
        root.register_buffer(leaf, value)
    else:
        root.register_parameter(leaf, nn.Parameter(value))


def _fresh(
    name: str, shape: tuple[int, ...], settings: ModelSettings, generator: torch.Generator
) -> Tensor:
    """A new tensor: norms, gains and scales 1, residual branches and heads small, the rest 1/sqrt(in)."""
    if name.endswith(".norm") or name.startswith("light."):
        return torch.ones(shape)
    if name == "sight.base":
        return torch.tensor([1.4, 0.0, 0.0, 0.0])  # 70 nats a unit of score, best of a few on woven digits
    if name.startswith("sight."):
        return torch.ones(shape) if name == "sight.first" else torch.zeros(shape)
    if name == "head.gain":
        order = torch.from_numpy(Zernike(settings.zernike_order).pairs[:, 0]).repeat(2)
        return torch.exp(-0.5 * (0.04 * (order + 1)) ** 2).float()
    if ".bias." in name or name in ("head.light", "head.reach"):
        return torch.zeros(shape)
    spread = 0.02 if name.startswith(("embed.", "head.")) else 1 / math.sqrt(shape[0])
    if name.startswith("plan."):
        spread = math.sqrt(2 / shape[0])
    elif name.endswith((".out", ".down")):
        spread /= math.sqrt(2 * settings.layers)
    return torch.randn(shape, generator=generator) * spread


__all__ = ["CODE_DIGITS", "Cache", "Network"]
