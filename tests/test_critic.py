"""Guards of the critic of best-of: NumPy as PyTorch, its pictures, what it likes, its file."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from nitograph.board import Board
from nitograph.errors import FileError
from nitograph.light import chords
from nitograph.model.weights import load_bundled
from nitograph.sampling import critic
from nitograph.sampling.best import best_rows, seeds_of
from nitograph.sampling.critic import SIDE, Critic, bundled, halved, pictures
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many
from tiny import random_weights, some_images

STUDIES = Path(__file__).parents[1] / "docs" / "studies"


@pytest.fixture
def study(monkeypatch):
    """docs/studies/critic.py."""
    monkeypatch.syspath_prepend(str(STUDIES))
    return importlib.import_module("critic")


def shown_at_random(count: int) -> np.ndarray:
    """Pictures of no thread in particular."""
    return np.random.default_rng(0).gamma(1.0, 1.0, (count, SIDE, SIDE)).astype(np.float32)


def test_numpy_is_the_network(study):
    """With its norms folded in, on pictures unlike those that the norms were made for."""
    torch.manual_seed(3)
    net = study.Network(10).train()
    with torch.no_grad():
        for _ in range(20):  # norms that are not the identity
            net(torch.from_numpy(shown_at_random(32)))
        for norm in net.norms:
            norm.weight.normal_(1, 0.3)
            norm.bias.normal_(0, 0.3)
    net.eval()
    ours = Critic(net.folded(), tuple("0123456789"))
    shown = 1.5 * shown_at_random(5)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(shown)).numpy()
    logits, odds = ours.judge(shown)
    assert np.allclose(logits, wanted[:, :-1], atol=1e-4)
    assert np.allclose(odds, wanted[:, -1], atol=1e-4)
    assert np.ptp(wanted) > 0.1


def test_halving_is_a_mean():
    """Of 2×2 neighbours."""
    h = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    assert np.allclose(halved(h)[1, 1, 2], h[1, 2:4, 4:6].mean(axis=(0, 1)))


def test_pictures_are_the_logarithm_of_coverage():
    """As `light.chords` measures it, with the width and the light of the weaving settings."""
    weaving = WeaveSettings(line_radius=1.5, line_strength=0.06)
    thread = Thread([0, 100, 7, 200, 31])
    found = pictures([thread.nails, thread.nails[:2]], Board(256), weaving.to_dict())
    cover = chords.coverage(thread, SIDE, width=weaving.width)
    assert np.allclose(found[0], np.log1p(2 * cover), atol=1e-5)
    assert found[1].sum() < found[0].sum()


def test_the_bundled_critic_is_small_and_reads_woven_digits():
    """It names most woven digits that nobody taught it, and takes scrambled ones for less woven."""
    mine = bundled()
    assert mine.classes == tuple("0123456789")
    assert sum(value.size for value in mine.tensors.values()) * 2 <= 300_000
    source, settings = some_images(120), WeaveSettings()
    made = weave_many(source.images, settings, threads=1)
    paths, labels = [made.path(i) for i in range(120)], [str(label) for label in source.labels]
    logits, odds = mine.judge(pictures(paths, settings.board, settings.to_dict()))
    assert (logits.argmax(axis=1) == source.labels).mean() > 0.9
    rng = np.random.default_rng(1)
    scrambled = [rng.permutation(path) for path in paths]
    worse = mine.judge(pictures(scrambled, settings.board, settings.to_dict()))[1]
    assert (odds > worse).mean() > 0.95
    liked = mine.liking(pictures(paths, settings.board, settings.to_dict()), labels)
    wrong = [str((int(label) + 1) % 10) for label in labels]
    assert (liked > mine.liking(pictures(paths, settings.board, settings.to_dict()), wrong)).mean() > 0.9


def test_unknown_labels_are_judged_by_the_odds_alone():
    """A class that the critic was never taught, and no class."""
    shown = shown_at_random(3)
    odds = bundled().judge(shown)[1]
    found = bundled().liking(shown, ["a", None, "7"])
    assert np.allclose(found[:2], odds[:2], atol=1e-6)
    assert found[2] < odds[2]


def test_the_best_of_each_group(monkeypatch):
    """Is the one that is liked best; of equals the first."""
    values = np.array([1.0, 3.0, 2.0, 5.0, 5.0, 4.0])
    monkeypatch.setattr(Critic, "liking", lambda self, shown, labels: values[: len(shown)])
    paths = [np.array([0, 9, 3])] * 6
    assert best_rows(random_weights(), paths, ["1"] * 6, 3) == [1, 3]
    assert best_rows(random_weights(), paths, ["1"] * 6, 2) == [1, 3, 4]


def test_candidates_have_seeds_of_their_own():
    """The first is the seed itself; neighbours share none; more candidates keep those of fewer."""
    assert seeds_of(42, 1) == [42]
    assert seeds_of(42, 3) == seeds_of(42, 8)[:3]
    drawn = [seed for first in range(50) for seed in seeds_of(first, 8)]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= seed < 2**63 for seed in drawn)


def test_a_critic_that_is_not_there_or_damaged(monkeypatch):
    """Is said in one line."""
    for name, part in (
        ("data/no-critic.npz", "lacks its bundled critic"),
        ("data/guide.html", "is damaged"),
    ):
        bundled.cache_clear()
        monkeypatch.setattr(critic, "BUNDLED", name)
        with pytest.raises(FileError, match=part) as caught:
            bundled()
        assert "\n" not in str(caught.value)
    bundled.cache_clear()


@pytest.mark.slow
def test_the_study_runs(study, tmp_path, monkeypatch):
    """Teaching on a few threads writes what the package reads."""
    monkeypatch.setattr("sys.argv", ["critic.py", "--quick", "--output", str(tmp_path / "critic.jsonl")])
    study.main()
    monkeypatch.setattr(critic, "resources", type("", (), {"files": staticmethod(lambda name: tmp_path)}))
    monkeypatch.setattr(critic, "BUNDLED", "critic.npz")
    bundled.cache_clear()
    assert bundled().judge(shown_at_random(2))[0].shape == (2, len(load_bundled().classes))
    bundled.cache_clear()
