"""The losses on rows of a corpus: nats of nails and of plan codes, error of the light.

An Objective holds the parts of a corpus and, once the autoencoder is trained, the plans of all rows. It
gives losses that can be summed over batches. It takes no optimiser steps and knows no schedule.

Try it: python -c "from nitograph.training.objective import Objective; help(Objective.losses)"
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nitograph.corpus.rows import Corpus
from nitograph.corpus.stack import scratch
from nitograph.errors import SettingsError
from nitograph.light.zernike import turn
from nitograph.model.batch.sight import sights_along
from nitograph.model.network import Network, turned
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.sight import SightSettings
from nitograph.model.weights import Weights
from nitograph.training.batches import Batch, collect

CHUNK = 4096
LIGHT_ROWS, LIGHT_BATCH = 2000, 100  # rows that measure_light looks at, and how many at once
Loss = tuple[Tensor, int]


class Objective:
    """Losses over the parts of one corpus.

    forward: the network, perhaps compiled. class_dropout: share of rows that lose their class in training.
    plan_turn: standard deviation, in radians, of the random rotation of pictures for `plan_loss`.
    """

    def __init__(
        self,
        network: Network,
        forward: Any,
        parts: dict[str, Corpus],
        device: torch.device,
        *,
        class_dropout: float,
        plan_turn: float = 0.0,
    ) -> None:
        self.network, self.forward, self.parts, self.device = network, forward, parts, device
        self.class_dropout, self.plan_turn = class_dropout, plan_turn
        self.collect: Callable[[Corpus, NDArray[np.int64]], Batch] = collect  # a study may replace it
        self.sight: SightSettings | None = None
        if network.settings.sight:
            corpus = next(iter(parts.values()))
            weaving, order = corpus.weaving.to_dict(), network.settings.zernike_order
            self.sight = SightSettings.of(weaving, corpus.board, corpus.rules, order)
        self.codes: dict[str, NDArray[np.int64]] = {}
        self.recoded: dict[str, NDArray[np.float16]] = {}

    def encode(self, weights: Weights) -> None:
        """Compute the plan codes of all rows, and the light they stand for, with a trained autoencoder."""
        self.autoencoder = weights
        for name, part in self.parts.items():
            codes = scratch((len(part), weights.settings.plan_tokens), np.int64, part.on_disk)
            recoded = scratch(part.light.shape, np.float16, part.on_disk)
            for first in range(0, len(part), CHUNK):
                rows = slice(first, first + CHUNK)
                codes[rows] = encode_plan(weights, part.light[rows].astype(np.float32))
                recoded[rows] = decode_plan(weights, codes[rows])
            self.codes[name], self.recoded[name] = codes, recoded

    def losses(
        self,
        name: str,
        rows: NDArray[np.int64],
        *,
        exact: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Loss, Loss | None]:
        """Summed nats, with their count, of the nails and EOS and of the plans of some rows of a part.

        exact: condition on the pictures' own light instead of the plans'. rng: draws the rows that lose
        their class; without it none do. The plans' loss is None in a plain model.
        """
        part = self.parts[name]
        batch = self.collect(part, rows)
        codes: Tensor | None = None
        picture: tuple[Any, ...] = (None,)  # the light, and what is seen where the network has sight
        if self.network.settings.planned:
            codes = self._tensor(self.codes[name][rows])
            light = (part.light if exact else self.recoded[name])[rows].astype(np.float32)
            picture = (self._tensor(light), *self._seen(batch, light))
        labels, nails = self._labels(batch.labels, rng), self._tensor(batch.nails)
        with self._precision():
            plans, logits = self.forward(labels, codes, nails, *picture)
        legal = logits.float().masked_fill(~self._tensor(batch.allowed), -torch.inf)
        targets = self._tensor(batch.targets)
        nail = F.cross_entropy(legal.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
        if plans is None or codes is None:
            return (nail, batch.count), None
        return (nail, batch.count), _code_loss(plans, codes)

    def _seen(self, batch: Batch, light: NDArray[np.float32]) -> tuple[tuple[Tensor, ...], ...]:
        """What a network with sight is shown beside this light; nothing for another."""
        if self.sight is None:
            return ()
        lengths = (batch.targets >= 0).sum(axis=1) - 1
        return (tuple(map(self._tensor, sights_along(self.sight, light, batch.nails, lengths))),)

    def plan_loss(self, name: str, rows: NDArray[np.int64], rng: np.random.Generator) -> Loss:
        """Summed nats of the plans of some rows alone, with their count."""
        codes = self._tensor(
            self._turned_codes(name, rows, rng) if self.plan_turn else self.codes[name][rows]
        )
        with self._precision():
            plans = self.network.plan_logits(self._labels(self.parts[name].labels[rows], rng), codes)
        return _code_loss(plans, codes)

    def _turned_codes(
        self, name: str, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Plans of the same pictures, each rotated by a random angle; exact in Zernike functions."""
        angles = rng.normal(0, self.plan_turn, (len(rows), 1)).astype(np.float32)
        phase = angles * self.autoencoder.zernike.pairs[:, 1].astype(np.float32)
        light = turn(self.parts[name].light[rows].astype(np.float32), np.cos(phase), np.sin(phase))
        return encode_plan(self.autoencoder, light)

    def light_loss(self, light: Tensor) -> Tensor:
        """Squared error of light (b, k) after its round trip through the plan, relative to its power."""
        light = light.to(self.device)
        return (self.network.autoencode(light) - light).square().sum() / light.square().sum()

    def _labels(self, labels: NDArray[np.int64], rng: np.random.Generator | None) -> Tensor:
        if rng is not None:
            dropped = rng.random(len(labels)) < self.class_dropout
            labels = np.where(dropped, len(self.network.classes), labels)
        return self._tensor(labels)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _precision(self) -> Any:
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()


def measure_light(network: Network, corpus: Corpus) -> None:
    """Set the scale of each coefficient, and the light of one chord, from rows of the corpus.

    The scale is a root mean square, one for the sine and cosine of a pair; the light of a chord is the
    least-squares fit of the threads' light to their pictures'. SettingsError where the orders differ.
    """
    rows = np.random.default_rng(0).permutation(len(corpus))[:LIGHT_ROWS]
    light = torch.from_numpy(corpus.light[rows].astype(np.float32))
    scale = network.at("light.scale")
    if light.shape[1] != len(scale):
        raise SettingsError(
            f"corpus and model must have the same number of light coefficients, got {light.shape[1]} and "
            f"{len(scale)}; give both the same zernike_order"
        )
    power, half = light.square().mean(dim=0), len(scale) // 2
    pair = torch.sqrt((power[:half] + power[half:]) / 2).clamp_min(1e-4)
    scale.copy_(torch.cat([pair, pair]))
    top = bottom = 0.0
    for first in range(0, len(rows), LIGHT_BATCH):
        woven = _thread_light(network, corpus, rows[first : first + LIGHT_BATCH])
        top += float((light[first : first + LIGHT_BATCH] * woven).sum())
        bottom += float(woven.square().sum())
    network.at("light.chord").fill_(top / max(bottom, 1e-9))


def _thread_light(network: Network, corpus: Corpus, rows: NDArray[np.int64]) -> Tensor:
    """The light of whole threads, each chord with unit light per unit length: (b, k)."""
    batch = collect(corpus, rows)
    nails, real = torch.from_numpy(batch.nails), torch.from_numpy(batch.targets[:, 1:-1] >= 0)
    steps, here = (nails[:, 1:] - nails[:, :-1]) % network.board.num_nails, nails[:, :-1]
    fan, cosine, sine = (network.at(name).cpu() for name in ("fan", "cosine", "sine"))
    chords = turned(fan[steps], cosine[here], -sine[here])
    total: Tensor = (chords * real[:, : steps.shape[1], None]).sum(dim=1)
    return total


def _code_loss(logits: Tensor, codes: Tensor) -> Loss:
    loss = F.cross_entropy(logits.float().flatten(0, 1), codes.flatten(), reduction="sum")
    return loss, codes.numel()
