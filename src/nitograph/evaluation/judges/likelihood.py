"""How well a model predicts real threads it never saw: nats per token, by PyTorch on whole sequences.

A plan model writes a picture's plan codes c, then the nails x. The codes of a test image are known, so
−log p(c) − log p(x | c) is exactly the joint −log p(c, x). Other codes could lead to the same thread, so it
is an upper bound of −log p(x); for a plain model, which has no codes, it is exact. Illegal nails are masked
before normalising, as in sampling.

What a nail costs hangs on what the model is shown of the picture: the light that its codes stand for, its
exact light, or, in a model with sight, the picture itself. Where a flow draws the plans that a model writes
(`model.sharpen`), p(x | c) would be a mean over all pictures that it might draw; what is measured with the
codes is the model without its flow, and no bound for it. This module knows no rasters and no critics.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nitograph.compute.rules import legal_steps
from nitograph.evaluation.metrics import Estimate, mean_interval
from nitograph.evaluation.nearest import Paths
from nitograph.evaluation.verdicts import ends
from nitograph.model.batch.sight import sights_along
from nitograph.model.network import Network
from nitograph.model.plan import decode_plan
from nitograph.model.weights import Weights
from nitograph.sampling.plans import Plans, of_pictures
from nitograph.weaving.encoder import WeaveSettings, targets

BATCH = 64

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nats:
    """Nats and token counts of each thread, for its nails (EOS included) and its plan codes, (n,) each."""

    nail: Float64
    nails: Float64
    plan: Float64
    codes: Float64
    uniform: Float64  # nats of its nails if all legal steps were equally likely

    def means(self) -> dict[str, Estimate]:
        """Means with intervals by name; figures with a count of zero are left out."""
        kinds = {
            "nats_a_nail": (self.nail, self.nails),
            "nats_a_code": (self.plan, self.codes),
            "joint_nats_a_token": (self.nail + self.plan, self.nails + self.codes),
            "joint_nats_a_thread": (self.nail + self.plan, np.ones(len(self.nail))),
            "floor_nats_a_nail": (self.uniform, self.nails),
        }
        return {
            name: mean_interval(nats, weights=counts)
            for name, (nats, counts) in kinds.items()
            if counts.sum()
        }

    def summary(self) -> dict[str, Any]:
        """The same as JSON values, with the counts of threads and tokens."""
        counts = {"threads": len(self.nail), "tokens": int((self.nails + self.codes).sum())}
        return counts | {name: ends(mean) for name, mean in self.means().items()}


def measure(
    weights: Weights,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    paths: Paths,
    *,
    given: str = "codes",
) -> Nats:
    """Nats of woven threads under a model; images: (n, h, w) they were woven from; labels: class indices.

    given: what a plan model is shown behind the picture's codes: "codes", the light decoded from them;
    "light", the picture's own; "picture", itself too, which only a model with sight looks at.
    """
    network = Network.from_weights(weights).eval()
    order = np.argsort(np.diff(paths.starts), kind="stable")
    found = np.zeros((5, len(paths)))
    with torch.inference_mode():
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            nails, lengths = _padded(paths, rows)
            plan = _plan(weights, images[rows], given)
            found[:, rows] = _batch(network, weights, labels[rows], nails, lengths, plan)
    return Nats(*found)


def _padded(paths: Paths, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nails (b, t) padded with nail 0, and lengths (b,)."""
    lengths = np.diff(paths.starts)[rows]
    nails = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
    for i, row in enumerate(rows):
        nails[i, : lengths[i]] = paths.path(int(row))
    return nails, lengths


def _plan(weights: Weights, images: NDArray[np.uint8], given: str) -> Plans | None:
    """Codes of the pictures and what is shown of them; None for a plain model."""
    if not weights.settings.planned:
        return None
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    plans = of_pictures(weights, targets(images, weaving))
    if given == "codes":
        return Plans(plans.codes, decode_plan(weights, plans.codes))
    return plans if given == "picture" else plans._replace(pictures=None)


def _batch(
    network: Network,
    weights: Weights,
    labels: NDArray[np.int64],
    nails: NDArray[np.int64],
    lengths: NDArray[np.int64],
    plan: Plans | None,
) -> Float64:
    codes, light, seen = None, None, None
    if plan is not None and plan.light is not None:
        codes, light = torch.from_numpy(plan.codes), torch.from_numpy(plan.light)
        if weights.sight is not None:
            looked = sights_along(weights.sight, plan.light, nails, lengths, plan.pictures)
            seen = tuple(map(torch.from_numpy, looked))
    plan_logits, logits = network(torch.from_numpy(labels), codes, torch.from_numpy(nails), light, seen)
    following = _following(nails, lengths, weights.vocabulary.eos)
    allowed = legal_steps(nails, lengths, weights.board, weights.rules)
    legal = logits.float().masked_fill(~torch.from_numpy(allowed), -torch.inf)
    nats = F.cross_entropy(
        legal.transpose(1, 2), torch.from_numpy(following), ignore_index=-1, reduction="none"
    )
    inside = following >= 0
    uniform = (np.log(allowed.sum(axis=2)) * inside).sum(axis=1)
    coded = np.zeros(len(nails))
    if plan_logits is not None and codes is not None:
        coded = (
            F.cross_entropy(plan_logits.float().transpose(1, 2), codes, reduction="none")
            .sum(dim=1)
            .numpy()
            .astype(np.float64)
        )
    slots = 0 if codes is None else codes.shape[1]
    nail = nats.double().sum(dim=1).numpy()
    return np.stack([nail, inside.sum(axis=1), coded, np.full(len(nails), slots), uniform])


def _following(nails: NDArray[np.int64], lengths: NDArray[np.int64], eos: int) -> NDArray[np.int64]:
    """The target token after j nails, (b, t + 1): a nail, then EOS, then −1."""
    place = np.arange(nails.shape[1] + 1)
    wanted = np.pad(nails, ((0, 0), (0, 1)))
    wanted = np.where(place == lengths[:, None], eos, wanted)
    return np.where(place > lengths[:, None], -1, wanted)
