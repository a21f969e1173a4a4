"""Threads of labelled pictures with their 28×28 rasters, and a model's training threads.

All threads are rasterised in the same way, so that only their nails differ. This module weaves nothing and
knows no sources of pictures.

Try it: python -c "from nitograph.evaluation.woven import *; print(rasters(pack([[0]]), WeaveSettings()))"
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.rows import Corpus
from nitograph.evaluation.nearest import Paths, pack, pack_rows
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.light.loops import add_path
from nitograph.thread import Thread
from nitograph.weaving.settings import WeaveSettings

UInt8 = NDArray[np.uint8]
SIDE = 28  # px of a raster, the side of an MNIST picture


def rasters(paths: Paths, weaving: WeaveSettings) -> UInt8:
    """Threads as a critic sees them, (n, 28, 28) grey.

    This is chords.raster with the strength and width of the weaving settings, in the target's frame,
    clipped at 1 and scaled to 255. Critics see nothing else of a thread. The bands of all chords are
    computed once.
    """
    ring = chords.all_chords(weaving.nails, SIDE, weaving.width)
    shown = np.empty((len(paths), SIDE, SIDE), dtype=np.uint8)
    for row in range(len(paths)):
        cover = np.zeros((SIDE, SIDE), dtype=np.int64)
        add_path(ring.lines[chords.numbers(paths.path(row), weaving.nails)], cover)
        light = (cover / FINE).astype(np.float32) * np.float32(weaving.line_strength)
        shown[row] = np.rint(255 * np.minimum(light, np.float32(1)))
    return shown


@dataclass(frozen=True, eq=False)
class Woven:
    """Threads of labelled images: rows are indices into the source, labels class indices."""

    threads: list[Thread]
    rasters: UInt8
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.threads)

    def take(self, chosen: NDArray[np.integer]) -> "Woven":
        """The chosen threads only."""
        threads = [self.threads[i] for i in chosen]
        return Woven(threads, self.rasters[chosen], self.labels[chosen], self.rows[chosen])

    def paths(self) -> Paths:
        """Their nails."""
        return pack([thread.nails for thread in self.threads])


@dataclass(frozen=True, eq=False)
class Training:
    """A model's training threads: nails, class indices, and images if available."""

    paths: Paths
    labels: NDArray[np.int64]
    images: UInt8 | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @staticmethod
    def of_corpus(corpus: Corpus, classes: tuple[str, ...], *, limit: int | None = None) -> "Training":
        """The threads that a corpus file has of these classes, of its first `limit` rows."""
        place = np.array([classes.index(name) if name in classes else -1 for name in corpus.classes])
        labels = place[corpus.labels[:limit]]
        rows = np.flatnonzero(labels >= 0)
        lengths = corpus.lengths[rows] - 2
        return Training(pack_rows(corpus.tokens[rows, 1:], lengths), labels[rows])
