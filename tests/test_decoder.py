"""Guards of the NumPy decoder: it is the network, token by token."""

import numpy as np
import pytest
import torch

from nitograph.board import allowed_next
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.model.decoder import CACHE_STEP, Decoder
from nitograph.model.network import Network
from nitograph.model.network_decoder import NetworkDecoder
from nitograph.model.plan import decode_plan, encode_plan
from nitograph.model.settings import PLAN_CODES
from nitograph.model.weights import load_bundled
from tiny import MODEL, random_weights

BOTH = {
    "numpy": Decoder,
    "batch": BatchDecoder,
    "torch": lambda weights: NetworkDecoder(Network.from_weights(weights)),
}


def draw(weights, count, length, seed=0):
    """Labels (any class among them), codes (or None) and nails of some sequences."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(weights.classes) + 1, count)
    codes = rng.integers(0, PLAN_CODES, (count, 4)) if weights.settings.planned else None
    steps = rng.integers(1, 32, (count, length))
    return labels, codes, steps.cumsum(axis=1) % 32


def stepped(decoder, labels, codes, nails, light=None):
    """Logits after each token: of the plan (p, b, codes) and of the nails (t + 1, b, n + 1)."""
    found = [decoder.start(labels)]
    for slot in range(0 if codes is None else codes.shape[1]):
        last = slot + 1 == codes.shape[1]
        found.append(decoder.step(codes[:, slot], light if last else None))
    plan = len(found) - 1
    found += [decoder.step(nails[:, at]) for at in range(nails.shape[1])]
    return found[:plan], np.stack(found[plan:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOTH)
def test_logits_are_the_networks(weights, kind):
    """Over sequences longer than the initial cache all logits agree within 1e-4 with the network."""
    labels, codes, nails = draw(weights, 3, CACHE_STEP + 9)
    network = Network.from_weights(weights).eval()
    for light in lights(weights, codes):
        given = [None if a is None else torch.from_numpy(np.asarray(a)) for a in (codes, light)]
        with torch.inference_mode():
            plan, wanted = network(torch.from_numpy(labels), given[0], torch.from_numpy(nails), given[1])
        found_plan, found = stepped(BOTH[kind](weights), labels, codes, nails, light)
        assert np.abs(found.swapaxes(0, 1) - wanted.numpy()).max() < 1e-4
        if codes is not None:
            assert np.abs(np.stack(found_plan, 1) - plan.numpy()).max() < 1e-4
            with torch.inference_mode():
                alone = network.plan_logits(torch.from_numpy(labels), given[0])
            assert torch.allclose(alone, plan, atol=1e-4)


def lights(weights, codes):
    """What may stand for the picture: the codes' own light or another; nothing in a plain model."""
    if codes is None:
        return [None]
    own = decode_plan(weights, codes)
    return [own, np.random.default_rng(5).normal(size=own.shape).astype(np.float32)]


def test_codes_stand_for_their_light(planned):
    """Without a given light the decoder draws what the codes stand for."""
    labels, codes, nails = draw(planned, 3, 5)
    for kind in BOTH.values():
        _, own = stepped(kind(planned), labels, codes, nails)
        _, given = stepped(kind(planned), labels, codes, nails, decode_plan(planned, codes))
        assert np.abs(own - given).max() < 1e-5


def test_the_comparison_can_fail(planned):
    """One changed number in any part of the model is noticed."""
    labels, codes, nails = draw(planned, 2, 6)
    _, wanted = stepped(Decoder(planned), labels, codes, nails)
    unused = {name for name in planned.tensors if name.startswith("plan.encode")}
    for name in set(planned.tensors) - unused - {"head.code"}:
        changed = random_weights()
        changed.tensors[name][...] *= 1.5
        _, found = stepped(Decoder(changed), labels, codes, nails)
        assert np.abs(found - wanted).max() > 1e-4, name


@pytest.mark.parametrize("kind", BOTH)
def test_select_reorders_and_repeats(weights, kind):
    """After keeping rows in a new order, one twice, each continues as it would have alone."""
    labels, codes, nails = draw(weights, 4, 12, seed=2)
    rows = np.array([2, 0, 2])
    decoder = BOTH[kind](weights)
    stepped(decoder, labels, codes, nails[:, :5])
    decoder.select(rows)
    found = np.stack([decoder.step(nails[rows, at]) for at in range(5, 12)])
    _, wanted = stepped(BOTH[kind](weights), labels, codes, nails)
    assert np.abs(found - wanted[6:][:, rows]).max() < 1e-4


def test_select_within_the_plan(planned):
    """Rows can be kept while the plan is being written."""
    labels, codes, nails = draw(planned, 3, 4, seed=3)
    for kind in BOTH.values():
        decoder = kind(planned)
        decoder.start(labels)
        decoder.step(codes[:, 0])
        decoder.select(np.array([1]))
        for slot in range(1, 4):
            decoder.step(codes[[1], slot])
        found = decoder.step(nails[[1], 0])
        _, wanted = stepped(kind(planned), labels, codes, nails)
        assert np.abs(found - wanted[1, [1]]).max() < 1e-4


@pytest.mark.parametrize("kind", BOTH)
def test_a_batch_is_its_rows(weights, kind):
    """A sequence alone gives the same logits as in a batch, to the last bits."""
    labels, codes, nails = draw(weights, 5, 10, seed=4)
    _, together = stepped(BOTH[kind](weights), labels, codes, nails)
    for row in (0, 3):
        own = None if codes is None else codes[[row]]
        _, alone = stepped(BOTH[kind](weights), labels[[row]], own, nails[[row]])
        assert np.abs(alone[:, 0] - together[:, row]).max() < 1e-5


@pytest.mark.parametrize("kind", BOTH)
def test_start_begins_anew(weights, kind):
    """A decoder can be used again; nothing of the sequences before is left."""
    labels, codes, nails = draw(weights, 2, 8, seed=5)
    decoder = BOTH[kind](weights)
    first = stepped(decoder, labels, codes, nails)[1]
    assert np.array_equal(stepped(decoder, labels, codes, nails)[1], first)


def test_given_light_replaces_the_codes_light(planned):
    """With the light of a picture the codes only steer; the nails see the picture itself."""
    labels, _, nails = draw(planned, 1, 3)
    light = np.random.default_rng(1).normal(size=(1, planned.zernike.size)).astype(np.float32)
    codes = encode_plan(planned, light)
    _, own = stepped(Decoder(planned), labels, codes, nails)
    _, given = stepped(Decoder(planned), labels, codes, nails, light)
    assert np.abs(own[0] - given[0]).max() < 1e-6  # before the first nail no light is seen
    assert np.abs(own[1:] - given[1:]).max() > 1e-4


def test_one_head_and_many(planned):
    """The shared keys and values work for one head as for eight."""
    for heads in (1, 8):
        weights = random_weights(MODEL.replace(heads=heads), seed=heads)
        labels, codes, nails = draw(weights, 2, 6)
        found = [stepped(kind(weights), labels, codes, nails)[1] for kind in BOTH.values()]
        assert all(np.abs(found[0] - other).max() < 1e-4 for other in found[1:])


@pytest.mark.parametrize("kind", BOTH)
def test_the_bundled_model_in_a_batch(kind):
    """At full size, along legal walks, rows leaving and coming again, all decoders have NumPy's logits."""
    weights, rng = load_bundled(), np.random.default_rng(8)
    one, other = Decoder(weights), BOTH[kind](weights)
    labels, paths = rng.integers(0, 11, 13), np.zeros((13, 0), np.int64)
    # PyTorch decodes the plan itself; last digits of its light round some pixel of the canvas otherwise.
    near = 1e-3 if kind == "torch" else 1e-4
    assert np.abs(one.start(labels) - other.start(labels)).max() < 1e-4
    for at in range(90):
        if at in (30, 60):
            rows = rng.permutation(len(labels))[:9] if at == 30 else np.array([4, 0, 4])
            labels, paths = labels[rows], paths[rows]
            one.select(rows)
            other.select(rows)
        tokens = rng.integers(0, 256, len(labels))
        if at + 1 >= weights.settings.prefix:
            if paths.shape[1]:
                legal = allowed_next(paths, weights.board, weights.rules)
                tokens = np.where(legal, rng.random(legal.shape), 0).argmax(axis=1)
            paths = np.concatenate([paths, tokens[:, None]], axis=1)
        # On so wild a walk sights, and so logits, are large, and their last digits exceed 1e-4.
        assert np.allclose(other.step(tokens), one.step(tokens), rtol=5e-5, atol=near)


def test_a_batch_longer_than_the_models_threads(planned):
    """The cache of a batch grows, too, after sequences have left."""
    labels, codes, nails = draw(planned, 4, 4 * CACHE_STEP)
    one, other = Decoder(planned), BatchDecoder(planned)
    for decoder in (one, other):
        stepped(decoder, labels, codes, nails[:, :3])
        decoder.select(np.array([3, 1]))
    for at in range(3, 4 * CACHE_STEP):
        tokens = nails[[3, 1], at]
        assert np.abs(one.step(tokens) - other.step(tokens)).max() < 1e-4


def test_numbers_that_are_none_reach_the_logits(planned):
    """What is not finite anywhere in the blocks is seen in the logits of the compiled decoder, too."""
    for name in ("layer.0.attention.qkv", "layer.1.feed.up", "layer.1.attention.out", "embed.light"):
        broken = random_weights()
        broken.tensors[name][...] = np.nan
        labels, codes, nails = draw(broken, 3, 2)
        with np.errstate(all="ignore"):
            assert not np.isfinite(stepped(BOTH["batch"](broken), labels, codes, nails)[1][-1]).any()
