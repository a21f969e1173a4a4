"""Critics and the cache that keeps them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nitograph.corpus.sources import mnist
from nitograph.evaluation.cache import Cache, digest
from nitograph.evaluation.critics import CriticSettings, build, train, trained

SMALL = CriticSettings(images_seen=3000, batch_size=32)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Some plain MNIST images and labels."""
    source = mnist("test")
    return source.images[:count], source.labels[:count]


@pytest.mark.slow
@pytest.mark.parametrize("design", ["pooled", "strided"])
def test_a_critic_learns_and_its_seed_decides_what(design: str) -> None:
    """Guards that both architectures learn, and that the same seed gives the same critic."""
    pictures, labels = digits(1000)
    settings = SMALL.replace(design=design)
    first, again = (train(pictures, labels, settings) for _ in range(2))
    features, read = first.read(pictures)
    assert features.shape == (1000, 64)
    assert (read == labels).mean() > 0.6
    assert np.array_equal(features, again.read(pictures)[0])


def test_building_a_critic_leaves_the_random_state_of_others_alone() -> None:
    """Guards against global random state: what another draws next stays the same."""
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    build("pooled", seed=1)
    assert torch.equal(torch.rand(3), wanted)


def test_a_kept_critic_is_the_one_that_was_trained(tmp_path: Path) -> None:
    """Guards the way through the cache: names, forms and numbers of all tensors."""
    pictures, labels = digits(100)
    settings = SMALL.replace(images_seen=200)
    cache = Cache(tmp_path)
    fresh, kept = (trained(pictures, labels, settings, cache) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 1
    assert np.array_equal(fresh.read(pictures)[0], kept.read(pictures)[0])
    trained(pictures, (labels + 1) % 10, settings, cache)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_file_in_the_cache_is_made_again(tmp_path: Path) -> None:
    """Guards that a cut or foreign file costs time and nothing else."""
    cache, made = Cache(tmp_path), []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        assert cache.fetch("x", {"of": np.ones(2)}, make)["a"].tolist() == [0, 1, 2]
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:-20])
    assert cache.fetch("x", {"of": np.ones(2)}, make)["a"].tolist() == [0, 1, 2]
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """Guards evaluations where the user's cache folder is a file, or full."""
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    assert cache.fetch("x", {"of": 1}, lambda: {"a": np.zeros(1)})["a"] == 0


def test_the_folder_of_the_cache_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards NITOGRAPH_CACHE, and the user's own folder where it is not set."""
    monkeypatch.setenv("NITOGRAPH_CACHE", str(tmp_path / "here"))
    assert Cache.of_user().folder == tmp_path / "here"
    monkeypatch.delenv("NITOGRAPH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache.of_user().folder == tmp_path / "nitograph"


def test_a_hash_tells_types_forms_and_values_apart() -> None:
    """Guards the key of the cache."""
    arrays = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, dtype=np.int64), np.ones(4)]
    assert len({digest({"a": array}) for array in arrays}) == 4
    with pytest.raises(TypeError):
        digest({"a": object()})
