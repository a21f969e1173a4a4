"""Guards of a model with sight: its shapes, its decoders, its training, and models without it as before."""

import dataclasses

import numpy as np
import pytest
import torch

from cli_help import run
from nitograph.errors import WeightsError
from nitograph.light.zernike import Zernike
from nitograph.model.batch.decoder import BatchDecoder
from nitograph.model.batch.sight import sights_along
from nitograph.model.decoder import Decoder
from nitograph.model.network import Network
from nitograph.model.network_decoder import NetworkDecoder
from nitograph.model.plan import decode_plan
from nitograph.model.settings import ModelSettings, tensor_shapes
from nitograph.model.weights import load, parse
from nitograph.sampling.batch import pace
from nitograph.sampling.sampler import SampleSettings, sample_paths
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from tiny import MODEL, WEAVING, random_weights, small_corpus

SIGHTED = MODEL.replace(sight=True)
QUICK = TrainSettings(epochs=2, batch_size=16, plan_steps=20, plan_rows=8, workers=1)
DECODERS = {
    "numpy": Decoder,
    "batch": BatchDecoder,
    "torch": lambda weights: NetworkDecoder(Network.from_weights(weights)),
}


@pytest.fixture
def weights():
    """A model with sight that has learned nothing, every tensor at work."""
    return random_weights(SIGHTED)


@pytest.fixture
def pictures() -> np.ndarray:
    """Three pictures (3, 24, 24): a blob, a bar, half a disc."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    shown = [np.exp(-8 * (x**2 + (y - 0.3) ** 2)), np.abs(x) < 0.2, (np.hypot(x, y) < 0.7) & (y > 0)]
    return np.stack(shown).astype(np.float32)


def some(count: int, length: int, seed: int = 0):
    """Labels, codes and nails of some sequences."""
    rng = np.random.default_rng(seed)
    nails = rng.integers(2, 30, (count, length)).cumsum(axis=1) % 32
    return rng.integers(0, 11, count), rng.integers(0, 256, (count, 4)), nails


def stepped(decoder, labels, codes, nails, light=None, pictures=None):
    """Logits of the nails after each token from the plan's last code on, (b, t + 1, n + 1)."""
    decoder.start(labels)
    for slot in range(3):
        decoder.step(codes[:, slot])
    found = [decoder.step(codes[:, 3], light, pictures)]
    return np.stack([*found, *[decoder.step(nails[:, at]) for at in range(nails.shape[1])]], axis=1)


def by_network(weights, labels, codes, nails, light, pictures=None):
    """The same by the network at once."""
    network, lengths = Network.from_weights(weights).eval(), np.full(len(nails), nails.shape[1])
    seen = sights_along(weights.sight, light, nails, lengths, pictures)
    give = torch.from_numpy
    with torch.inference_mode():
        return network(give(labels), give(codes), give(nails), give(light), tuple(map(give, seen)))[
            1
        ].numpy()


@pytest.mark.parametrize("kind", DECODERS)
def test_logits_are_the_networks(weights, pictures, kind):
    """For the codes' own light, for given light, and for pictures finer than it."""
    labels, codes, nails = some(3, 40)
    light = Zernike(6).light(pictures)
    for given, finer in ((None, None), (light, None), (light, pictures)):
        own = decode_plan(weights, codes) if given is None else given
        found = stepped(DECODERS[kind](weights), labels, codes, nails, given, finer)
        wanted = by_network(weights, labels, codes, nails, own, finer)
        assert np.abs(found - wanted).max() < 1e-4


@pytest.mark.parametrize("kind", DECODERS)
def test_select_reorders_and_repeats(weights, pictures, kind):
    """Within the plan, after it, and among the nails; a decoder begins anew without what it saw."""
    labels, codes, nails = some(4, 12, seed=2)
    whole, rows = DECODERS[kind](weights), np.array([2, 0, 2])
    wanted = stepped(whole, labels, codes, nails)
    assert np.array_equal(stepped(whole, labels, codes, nails), wanted)
    for at in (-2, 0, 5):
        decoder = DECODERS[kind](weights)
        logits = decoder.start(labels)
        kept = np.arange(4)
        for place in range(-4, 12):
            if place == at:
                kept = rows
                decoder.select(rows)
            token = codes[kept, place + 4] if place < 0 else nails[kept, place]
            logits = decoder.step(token)
        assert np.abs(logits - wanted[rows, -1]).max() < 1e-4


def test_each_tensor_matters(weights, pictures):
    """One changed number in any part of sight is noticed by all decoders."""
    labels, codes, nails = some(2, 6)
    for kind in DECODERS.values():
        wanted = stepped(kind(weights), labels, codes, nails)
        for name in ("embed.facts", "sight.gain", "sight.base", "sight.first", "head.light"):
            changed = random_weights(SIGHTED)
            changed.tensors[name][...] *= 1.5
            assert np.abs(stepped(kind(changed), labels, codes, nails) - wanted).max() > 1e-4, name


def test_what_is_not_finite_is_seen_in_the_logits(weights):
    """A broken gain reaches the logits of the compiled decoder, so that the choice can refuse them."""
    for name in ("sight.gain", "sight.base", "embed.facts"):
        broken = random_weights(SIGHTED)
        broken.tensors[name][...] = np.nan
        labels, codes, nails = some(3, 2)
        with np.errstate(all="ignore"):
            assert not np.isfinite(stepped(BatchDecoder(broken), labels, codes, nails)[:, -1]).all()


def test_a_seed_gives_one_thread_by_any_decoder(weights, monkeypatch):
    """Alone, in a batch, compiled and in PyTorch, guided and not."""
    labels, seeds = ["3", None, "7", "7"], [4, 5, 6, 7]
    for guidance in (1.0, 1.5):
        settings = SampleSettings(guidance=guidance)
        monkeypatch.setattr(pace, "MANY", 128)
        wanted = sample_paths(weights, labels, seeds, settings)
        alone = sample_paths(weights, labels[:1], seeds[:1], settings)
        other = sample_paths(weights, labels, seeds, settings, decoder=DECODERS["torch"](weights))
        monkeypatch.setattr(pace, "MANY", 1)
        quick = sample_paths(weights, labels, seeds, settings)
        assert [len(path) > 1 for path in wanted] == [True] * 4
        assert np.array_equal(alone[0], wanted[0])
        for found in (other, quick):
            assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_a_weights_file_holds_its_sight(weights, tmp_path):
    """It is read again as it was; one whose threads cannot be looked at is refused."""
    weights.save(tmp_path / "w.safetensors", half=False)
    again = load(tmp_path / "w.safetensors")
    assert again.settings.sight
    assert again.digest == weights.digest
    assert again.sight == weights.sight
    with pytest.raises(WeightsError, match="coverage antialiased"):
        random_weights(SIGHTED, weaving=WEAVING.to_dict() | {"coverage": "bresenham"})
    data = (tmp_path / "w.safetensors").read_bytes()
    broken = data.replace(b'\\"line_strength\\": 0.2', b'\\"line_strength\\": 9.2')
    assert broken != data
    with pytest.raises(WeightsError, match="line_strength"):
        parse(broken, name="these")


def test_models_without_sight_are_as_before():
    """Their settings, shapes and so their digests know nothing of it."""
    assert "sight" not in MODEL.to_dict()
    assert SIGHTED.to_dict()["sight"]
    assert ModelSettings.from_dict(SIGHTED.to_dict()) == SIGHTED
    assert ModelSettings.from_dict(MODEL.to_dict()) == MODEL
    words = random_weights().vocabulary
    plain, sighted = tensor_shapes(MODEL, words), tensor_shapes(SIGHTED, words)
    assert set(plain) - set(sighted) == {"head.gain"}
    assert set(sighted) - set(plain) == {"embed.facts", "sight.gain", "sight.base", "sight.first"}


def test_sight_needs_a_plan_and_to_be_told(weights):
    """A plain model has nothing to look at; a network is not run blind, nor decoded without its threads."""
    with pytest.raises(WeightsError, match="take the plan design"):
        MODEL.replace(sight=True, design="plain")
    labels, codes, nails = map(torch.from_numpy, some(2, 3))
    network = Network(SIGHTED, weights.board, weights.classes)
    with pytest.raises(ValueError, match="what is seen"):
        network(labels, codes, nails, torch.zeros(2, Zernike(6).size))
    with pytest.raises(WeightsError, match="from_weights"):
        NetworkDecoder(network)


@pytest.fixture(scope="module")
def corpus():
    """Sixty threads."""
    return small_corpus()


def trained(corpus, model, stop_after=None, resume=None):
    """A trainer after its run, or after so many reports of steps."""
    trainer = Trainer(corpus, model, QUICK)
    if resume is not None:
        trainer.resume(resume)
    for _ in trainer.run(
        report_every=0.0, stop=lambda: stop_after is not None and trainer.step >= stop_after
    ):
        pass
    return trainer


def test_training_learns_to_use_what_it_sees():
    """Every tensor of sight moves; of light that shows the picture, what is seen tells of the next nail."""
    corpus, nats = small_corpus(zernike_order=16), []
    for model in (SIGHTED.replace(zernike_order=16), MODEL.replace(zernike_order=16)):
        trainer = trained(corpus, model)
        trainer.network.eval()
        with torch.inference_mode():
            total, count = trainer.objective.losses("valid", np.arange(6), kind="light").nail
        nats.append(float(total) / count)
        if model.sight:
            fresh = Network(model, corpus.board, corpus.classes, seed=QUICK.seed)
            for name in ("embed.facts", "sight.gain", "sight.base", "sight.first"):
                assert not torch.equal(trainer.network.at(name), fresh.at(name)), name
            weights = trainer.weights()
            assert weights.sight is not None
            assert len(sample_paths(weights, ["7"], [1], SampleSettings())[0]) > 1
    assert nats[0] < nats[1] - 0.3, nats


@pytest.mark.slow
def test_resuming_gives_the_bits_of_the_whole_run(corpus, tmp_path):
    """Stopped in the middle and gone on with, as in one piece."""
    whole = trained(corpus, SIGHTED)
    part = trained(corpus, SIGHTED, stop_after=3)
    assert 0 < part.step < whole.step
    part.save(tmp_path / "last.pt")
    again = trained(corpus, SIGHTED, resume=tmp_path / "last.pt")
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_threads_that_cannot_be_seen_are_not_trained_on(corpus):
    """Said before the first step."""
    weaving = {**corpus.metadata["weaving"], "false_positive_weight": 0.2}
    other = dataclasses.replace(corpus, metadata={**corpus.metadata, "weaving": weaving})
    with pytest.raises(WeightsError, match="false_positive_weight of 1"):
        Trainer(other, SIGHTED, QUICK)


@pytest.mark.slow
def test_the_command_line_trains_with_sight(tmp_path, monkeypatch, capsys):
    """`train --sight` publishes weights that `generate` takes; a resumed run keeps its sight."""
    monkeypatch.chdir(tmp_path)
    small_corpus().save("small.npz")
    train = (
        "train --dataset small.npz --sight --device cpu --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 "
        "--plan-tokens 4 --plan-width 16 --plan-steps 5 --plan-rows 8 --batch-size 8 --epochs 1"
    )
    assert run(train, capsys)[::2] == (0, "")
    assert run("train --dataset small.npz --resume --epochs 2", capsys)[::2] == (0, "")
    weights = load("string_ai.safetensors")
    assert weights.sight is not None
    assert weights.facts["steps"] > 7
    assert run("generate 7 --checkpoint string_ai.safetensors --size 64 -o 7.png", capsys)[::2] == (0, "")
    assert (tmp_path / "7.png").exists()
