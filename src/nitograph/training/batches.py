"""Batches of a corpus for training: rows of similar length together, padded, with their legal next nails.

The order of an epoch depends on the seed and the epoch alone, so that a resumed run sees the same
batches as an uninterrupted one. NumPy only; this module does not know what is learned from a batch.

Try it: python -c "import nitograph.training.batches as b; print(b.epoch_order.__doc__)"
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.rules import legal_steps
from nitograph.corpus.rows import Corpus

POOL = 32  # batches whose rows are sorted together by length


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a corpus.

    rows: (b,) their places in the corpus. labels: (b,). nails: (b, t), padded with nail 0.
    targets: (b, t + 1) the next nail, or EOS, then −1 as padding. allowed: (b, t + 1, n + 1).
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    nails: NDArray[np.int64]
    targets: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many tokens are learned from it, EOS included."""
        return int((self.targets >= 0).sum())


def epoch_order(
    lengths: NDArray[np.integer], batch_size: int, *, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """All rows once, in batches of similar length, the batches in random order; the last may be smaller."""
    rng = np.random.default_rng([seed, epoch])
    rows = rng.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for first in range(0, len(rows), POOL * batch_size):
        pool = rows[first : first + POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def collect(corpus: Corpus, rows: NDArray[np.int64]) -> Batch:
    """The batch of these rows, as wide as the longest of them."""
    counts = corpus.lengths[rows] - 2  # nails in each row
    width = int(counts.max())
    eos = corpus.vocabulary.eos
    tokens = corpus.tokens[rows, 1 : width + 2].astype(np.int64)  # nails, EOS, PAD
    place = np.arange(width + 1)
    targets = np.where(place <= counts[:, None], tokens, -1)
    nails = np.where(place[:width] < counts[:, None], tokens[:, :width], 0)
    allowed = legal_steps(nails, counts, corpus.board, corpus.rules)
    assert tokens[0, counts[0]] == eos  # collect and corpus agree on the layout
    return Batch(rows, corpus.labels[rows], nails, targets, allowed)
