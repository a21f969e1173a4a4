"""Guards of readers: MNIST, IDX files and pictures, whole, cut, damaged or hostile."""

import contextlib
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.corpus.sources import load, mnist, parse_idx, read_idx
from nitograph.errors import SourceError


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in IDX form."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, zipped: bool) -> np.ndarray:
    """Two train files of five small images."""
    images = np.random.default_rng(0).integers(0, 256, (5, 7, 6), dtype=np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", np.arange(5, dtype=np.uint8))):
        data, end = idx(array), ".gz" if zipped else ""
        (folder / f"train-{name}-ubyte{end}").write_bytes(gzip.compress(data) if zipped else data)
    return images


def test_bundled_mnist_is_whole():
    """Both bundled splits have their known hashes, sizes and classes."""
    train, test = mnist("train"), mnist("test")
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.classes == tuple("0123456789")
    assert train.sha256 != test.sha256


@pytest.mark.parametrize("zipped", [False, True])
def test_own_idx_files(tmp_path, zipped):
    """Anybody's IDX files are read from their folder, gzipped or not."""
    images = write_mnist(tmp_path, zipped)
    assert np.array_equal(mnist("train", tmp_path).images, images)
    with pytest.raises(SourceError, match="t10k-images"):
        mnist("test", tmp_path)


def test_split_and_place_must_exist():
    """An unknown split, a number too large or a wrong name is one clear line."""
    for name in ("mnist:valid:1", "mnist:test:10000", "mnist:test", "mnist:test:x", "mnist:test:-1"):
        with pytest.raises(SourceError) as caught:
            load(name)
        assert "\n" not in str(caught.value)
    assert load("mnist:train:17")[1] == "8"


@settings(max_examples=200)
@given(
    cut=st.integers(0, 40), flips=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 255)), max_size=4)
)
def test_damaged_idx_is_refused_or_read(cut, flips):
    """Cut and flipped IDX data gives an array or a SourceError, never another error or a huge array."""
    data = bytearray(idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)))
    for place, value in flips:
        data[place] = value
    with contextlib.suppress(SourceError):
        assert parse_idx(bytes(data[: len(data) - cut])).size <= 40


def test_hostile_idx_header_takes_no_memory():
    """A header that promises 2^96 bytes, and gzip data that is cut, are refused."""
    with pytest.raises(SourceError, match="holds 0"):
        parse_idx(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1))


def test_cut_gzip(tmp_path):
    """A cut gzip file is one line."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(np.zeros((9, 9), np.uint8)))[:-9])
    with pytest.raises(SourceError, match="gzip"):
        read_idx(path)
