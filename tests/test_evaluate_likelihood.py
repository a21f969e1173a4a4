"""Likelihood against one token after the other, and paths without the mask."""

import numpy as np
import pytest

from nitograph.board import Board, Rules, allowed_next
from nitograph.corpus.sources import mnist
from nitograph.evaluation.judges.likelihood import measure
from nitograph.evaluation.judges.samples import breaks_a_rule
from nitograph.evaluation.nearest import pack
from nitograph.model.decoder import Decoder
from nitograph.model.network import Network
from nitograph.model.plan import encode_plan
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import SampleSettings, sample_paths
from nitograph.weaving.encoder import WeaveSettings, targets, weave_many

CLASSES = tuple("0123456789")
WEAVING = WeaveSettings(nails=32, canvas_size=16, max_lines=12, min_nail_gap=3, recent_edges=5)


def fresh(design: str) -> Weights:
    """An untrained model, small and lively enough to tell tokens apart."""
    shape = ModelSettings(
        design=design,
        embed_dim=16,
        heads=2,
        layers=1,
        ff_dim=24,
        plan_tokens=3,
        plan_width=16,
        zernike_order=6,
    )
    network = Network(shape, Board(32), CLASSES, seed=3)
    weights = network.to_weights(Rules(3, 5), max_lines=12, weaving=WEAVING.to_dict())
    rng = np.random.default_rng(0)
    for name, tensor in weights.tensors.items():
        if name.startswith("head.") and tensor.ndim == 2:
            tensor += rng.normal(0, 0.3, tensor.shape).astype(np.float32)
    return weights


def log_share(logits: np.ndarray, chosen: int, allowed: np.ndarray) -> float:
    """−log of a choice's share among the allowed ones."""
    scores = np.where(allowed, logits.astype(np.float64), -np.inf)
    return float(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[chosen])


def plain_nats(
    weights: Weights, image: np.ndarray, label: int, nails: list[int], exact: bool = False
) -> tuple[float, float]:
    """Nats of nails with EOS, and of the plan, by the NumPy decoder, token by token."""
    decoder, plan = Decoder(weights), 0.0
    logits = decoder.start([label])[0]
    if weights.settings.planned:
        size = WEAVING.canvas_size
        places = (2 * np.arange(size) + 1 - size) / (size * 15 / 16)
        light = targets(image[None], WEAVING).reshape(1, -1) @ weights.zernike.projection(places)
        for code in encode_plan(weights, light)[0]:
            plan += log_share(logits, code, np.ones(len(logits), dtype=bool))
            logits = decoder.step([code], light if exact else None)[0]
    nats, eos = 0.0, weights.vocabulary.eos
    for count in range(len(nails) + 1):
        allowed = np.ones(eos + 1, dtype=bool)
        if count:
            allowed[:eos] = allowed_next(np.array([nails[:count]]), weights.board, weights.rules)[0]
        allowed[eos] = count > 1
        chosen = nails[count] if count < len(nails) else eos
        nats += log_share(logits, chosen, allowed)
        if count < len(nails):
            logits = decoder.step([chosen])[0]
    return nats, plan


@pytest.mark.parametrize(("design", "exact"), [("plan", False), ("plan", True), ("plain", False)])
def test_nats_are_those_of_one_token_after_the_other(design: str, exact: bool) -> None:
    """Guards the alignment of logits, mask, plan and padding, for threads of different lengths."""
    weights, source = fresh(design), mnist("test")
    images, labels = source.images[:5], source.labels[:5]
    woven = weave_many(images, WEAVING, threads=1)
    paths = pack([woven.path(i)[: 4 + 2 * i] for i in range(5)])
    found = measure(weights, images, labels, paths, given="light" if exact else "codes")
    for i in range(5):
        nail, plan = plain_nats(weights, images[i], int(labels[i]), paths.path(i).tolist(), exact)
        assert found.nail[i] == pytest.approx(nail, abs=1e-3)
        assert found.plan[i] == pytest.approx(plan, abs=1e-3)
        assert found.nails[i] == len(paths.path(i)) + 1
        assert found.codes[i] == (3 if design == "plan" else 0)
    summary = found.summary()
    tokens = found.nails.sum() + found.codes.sum()
    assert summary["joint_nats_a_token"][0] == pytest.approx(
        (found.nail + found.plan).sum() / tokens, rel=1e-4
    )
    assert ("nats_a_code" in summary) == (design == "plan")


def test_without_the_mask_a_model_that_knows_nothing_breaks_the_rules_and_with_it_never() -> None:
    """Guards that the mask is really off in the one and on in the other."""
    weights, settings = fresh("plan"), SampleSettings(min_lines=6, temperature=1.0, top_k=0)
    off, on = (
        breaks_a_rule(pack(sample_paths(weights, CLASSES, range(10), settings, masked=masked)), WEAVING)
        for masked in (False, True)
    )
    assert off.mean() > 0.5
    assert not on.any()
