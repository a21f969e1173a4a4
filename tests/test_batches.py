"""Guards of batches: every row once, the right targets, and what was laid is always allowed."""

import numpy as np
import pytest

from nitograph.training.batches import collect, epoch_order


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_every_row_once_an_epoch(size):
    """An epoch takes each row once, in batches of the size asked for but the last."""
    lengths = np.random.default_rng(0).integers(4, 100, 501)
    order = epoch_order(lengths, size, seed=1, epoch=0)
    assert sorted(np.concatenate(order).tolist()) == list(range(501))
    assert len(order) == -(-501 // size)
    assert sorted(len(rows) for rows in order)[1:] == [size] * (len(order) - 1)


def test_order_depends_on_seed_and_epoch_alone():
    """The same epoch comes again the same; another epoch or seed is another order."""
    lengths = np.random.default_rng(0).integers(4, 100, 200)
    orders = [
        np.concatenate(epoch_order(lengths, 8, seed=seed, epoch=epoch)).tolist()
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 3


def test_rows_of_like_length_come_together():
    """Sorting within pools leaves far less padding than a random order."""
    lengths = np.random.default_rng(0).integers(4, 200, 2000)
    padding = sum(
        int((lengths[rows].max() - lengths[rows]).sum())
        for rows in epoch_order(lengths, 16, seed=0, epoch=0)
    )
    shuffled = np.random.default_rng(1).permutation(2000).reshape(-1, 16)
    unsorted = sum(int((lengths[rows].max() - lengths[rows]).sum()) for rows in shuffled)
    assert padding < unsorted / 8


def test_targets_padding_and_legal_steps(corpus):
    """Each token's target is the next nail, then EOS, then nothing; every target is among the allowed."""
    rows = np.array([5, 0, 17, 59])
    batch = collect(corpus, rows)
    eos = corpus.vocabulary.eos
    assert batch.nails.shape[1] + 1 == batch.targets.shape[1] == batch.allowed.shape[1]
    for at, row in enumerate(rows):
        path = corpus.thread(int(row)).nails.tolist()
        rest = batch.targets.shape[1] - len(path) - 1
        assert batch.targets[at].tolist() == [*path, eos] + [-1] * rest
        assert batch.nails[at].tolist() == path + [0] * rest
        assert batch.allowed[at, np.arange(len(path) + 1), [*path, eos]].all()
        assert not batch.allowed[at, :2, eos].any()
        assert not batch.allowed[at, np.arange(1, len(path)), path[:-1]].any()
    assert batch.labels.tolist() == corpus.labels[rows].tolist()
    assert batch.count == (corpus.lengths[rows] - 1).sum()
