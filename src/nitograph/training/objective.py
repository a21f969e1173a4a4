"""The losses on rows of a corpus: nats of nails and of plan codes, error of the light.

An Objective holds the parts of a corpus and, once the autoencoder is trained, the plans of all rows. It
gives losses that can be summed over batches. Nails are learned from planned pictures of three kinds: the
light that the codes stand for, the picture's own light, or, by a model with sight, the picture itself.
Where there is a teacher, plans are learned from its chances of each code instead of from the codes alone.
It takes no optimiser steps and knows no schedule.

Try it: python -c "from nitograph.training.objective import Objective; help(Objective.losses)"
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

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
from nitograph.model.sharpen import enlarged
from nitograph.model.sight import SightSettings
from nitograph.model.weights import Weights
from nitograph.training.batches import Batch, collect
from nitograph.training.expert import corrected, lengths_of, own_walks, regrets
from nitograph.training.flow import Plans
from nitograph.training.teacher import Teacher

CHUNK = 4096
KINDS = ("codes", "light", "picture")  # of the planned picture that nails are learned from
LIGHT_ROWS, LIGHT_BATCH = 2000, 100  # rows that measure_light looks at, and how many at once
Loss = tuple[Tensor, int]


class Lesson(NamedTuple):
    """Some rows of a part, gathered for the network.

    codes: (b, p). light: (b, k). pictures: (b, c, c), finer than the light, or None. seen: sights, facts
    and first sights of a network with sight, or nothing.
    """

    batch: Batch
    codes: NDArray[np.int64]
    light: NDArray[np.float32]
    pictures: NDArray[np.float32] | None
    seen: tuple[NDArray[np.float32], ...]


class Losses(NamedTuple):
    """Sums over a batch, with their counts: nats of nails and EOS; nats of codes, None in a plain model;
    and, if it was measured, what the nails cost against the encoder's best ones, expected, in nats of
    sight.
    """

    nail: Loss
    plan: Loss | None
    regret: Loss | None


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
        self.teacher: Teacher | None = None
        self.mixed = True  # on CUDA, matrices are multiplied in bfloat16

    @property
    def sees_pictures(self) -> bool:
        """Whether nails can be learned from pictures: by sight, from a corpus that keeps them."""
        return self.sight is not None and all(part.pictures is not None for part in self.parts.values())

    def learn_plans_from(self, teacher: Network) -> None:
        """Take this network, whose autoencoder must be the network's own, as the teacher of plans."""
        self.teacher = Teacher(teacher, self.network.classes, self.device)

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

    def plans(self, name: str) -> Plans:
        """Pictures, plans and labels of a part, for the flow."""
        part = self.parts[name]
        assert part.pictures is not None  # sees_pictures says so first
        return Plans(part.pictures, self.codes[name], part.labels, self.autoencoder)

    def lesson(self, name: str, rows: NDArray[np.int64], *, kind: str = "codes") -> Lesson:
        """Some rows of a part with the planned picture of a kind; may be called in any thread."""
        part = self.parts[name]
        codes, light, pictures = self._planned(name, rows, kind)
        return self._shown(self.collect(part, rows), codes, light, pictures)

    def lesson_of_walks(
        self, name: str, rows: NDArray[np.int64], rng: np.random.Generator, *, kind: str = "codes"
    ) -> Lesson:
        """As `lesson`, of walks of the network for these rows' plans, corrected by the encoder."""
        assert self.sight is not None
        part = self.parts[name]
        plans = self._planned(name, rows, kind)
        most = int(part.lengths.max()) - 3
        walks = own_walks(self.network, self.sight, (part.labels[rows], *plans), most=most, rng=rng)
        return self._shown(corrected(part, self.sight, rows, walks, _enlarged(part, rows)), *plans)

    def _shown(
        self,
        batch: Batch,
        codes: NDArray[np.int64],
        light: NDArray[np.float32],
        pictures: NDArray[np.float32] | None,
    ) -> Lesson:
        """With what a network with sight is shown: of this light, or of finer pictures."""
        if self.sight is None:
            return Lesson(batch, codes, light, pictures, ())
        seen = sights_along(self.sight, light, batch.nails, lengths_of(batch), pictures)
        return Lesson(batch, codes, light, pictures, tuple(seen))

    def losses(
        self,
        name: str,
        rows: NDArray[np.int64],
        *,
        kind: str = "codes",
        rng: np.random.Generator | None = None,
        lesson: Lesson | None = None,
        regret: bool = False,
    ) -> Losses:
        """Losses of some rows of a part.

        kind: the planned picture, one of KINDS. rng: for training; draws the rows that lose their class.
        Without it none do, and no teacher is asked. lesson: of these rows and this kind, if it was gathered
        before; of the network's own walks, if need be. regret: measure what the nails' distribution costs,
        too.
        """
        part = self.parts[name]
        batch, codes, light, _, shown = self.lesson(name, rows, kind=kind) if lesson is None else lesson
        labels, nails = self._labels(batch.labels, rng), self._tensor(batch.nails)
        with self._precision():
            if self.network.settings.planned:
                given, seen = self._tensor(codes), [tuple(map(self._tensor, shown))] if shown else []
                plans, logits = self.forward(labels, given, nails, self._tensor(light), *seen)
                plan = _code_loss(plans, self._wanted(labels, given, rng))
            else:
                (_, logits), plan = self.forward(labels, None, nails, None), None
        legal = logits.float().masked_fill(~self._tensor(batch.allowed), -torch.inf)
        targets = self._tensor(batch.targets)
        nail = F.cross_entropy(legal.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
        costs = None
        if regret and self.sight is not None:
            cost = self._tensor(regrets(self.sight, batch, _enlarged(part, rows)))
            costs = (legal.softmax(-1) * cost).sum(), batch.count
        return Losses((nail, batch.count), plan, costs)

    def _planned(
        self, name: str, rows: NDArray[np.int64], kind: str
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32] | None]:
        """Codes, light and finer pictures, if any, of rows; nothing in a plain model."""
        part = self.parts[name]
        if not self.network.settings.planned:
            return np.zeros((len(rows), 0), np.int64), np.zeros((len(rows), 0), np.float32), None
        light = (self.recoded[name] if kind == "codes" else part.light)[rows].astype(np.float32)
        return self.codes[name][rows], light, _enlarged(part, rows) if kind == "picture" else None

    def _wanted(self, labels: Tensor, codes: Tensor, rng: np.random.Generator | None) -> Tensor:
        """What plans are learned from: codes (b, p), or in training a teacher's chances of them."""
        if self.teacher is None or rng is None:
            return codes
        return self.teacher.chances(labels, codes)

    def plan_loss(self, name: str, rows: NDArray[np.int64], rng: np.random.Generator) -> Loss:
        """Summed nats of as many plans alone, with their count, of the classes of some rows of a part.

        They are the rows' own, or, where there is a teacher, plans that it draws.
        """
        labels = self._labels(self.parts[name].labels[rows], rng)
        with self._precision():
            if self.teacher is not None:
                codes, wanted = self.teacher.draw(labels, rng)
            else:
                turned = self._turned_codes(name, rows, rng) if self.plan_turn else self.codes[name][rows]
                wanted = codes = self._tensor(turned)
            plans = self.network.plan_logits(labels, codes)
        return _code_loss(plans, wanted)

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
        mixed = self.mixed and self.device.type == "cuda"
        return torch.autocast("cuda", torch.bfloat16) if mixed else nullcontext()


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


def _enlarged(part: Corpus, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The pictures of some rows as sight looks at them, (b, 64, 64)."""
    assert part.pictures is not None  # sees_pictures says so first
    return enlarged(part.pictures[rows].astype(np.float32) / 255)


def _code_loss(logits: Tensor, wanted: Tensor) -> Loss:
    """Summed nats, with their count, of codes (b, p), or of chances of each code (b, p, PLAN_CODES)."""
    loss = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(0, 1), reduction="sum")
    return loss, wanted.shape[0] * wanted.shape[1]
