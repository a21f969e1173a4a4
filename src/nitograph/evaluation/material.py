"""What samples are compared with: woven MNIST, its 28×28 pictures, and a model's training threads.

Test images give the references and ceilings, train images train the critics, and the last train images
serve to choose settings. All threads are rasterised in the same way, so that only their nails differ. Woven
threads are cached under the hash of images, settings and a probe of the encoder. This module knows no
critics.

Try it: python -c "from nitograph.evaluation.material import *; print(Material().reference(2).labels)"
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.prepare import select
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.errors import SettingsError
from nitograph.evaluation.cache import Cache, digest
from nitograph.evaluation.nearest import Paths, in_both, pack, pack_rows
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.light.loops import add_path
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

UInt8 = NDArray[np.uint8]
Progress = Callable[[int], None]
SIDE = 28  # px of a raster, the side of an MNIST picture
BLOCK = 1000  # images woven and cached together
VALIDATION = 5000  # last MNIST train images, for choosing settings; no critic is trained on them
CLASSES = tuple("0123456789")


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
    def of_corpus(corpus: Corpus, *, limit: int | None = None) -> "Training":
        """The threads of a corpus file, or the first `limit` of them."""
        lengths = corpus.lengths[:limit] - 2
        return Training(pack_rows(corpus.tokens[:limit, 1:], lengths), corpus.labels[:limit])


@dataclass(frozen=True, eq=False)
class Material:
    """MNIST, woven on demand with one model's weaving settings."""

    weaving: WeaveSettings = field(default_factory=WeaveSettings)
    cache: Cache = field(default_factory=Cache)
    seed: int = 0

    @functools.cached_property
    def train(self) -> LabelledImages:
        """MNIST's train images."""
        return mnist("train")

    @functools.cached_property
    def test(self) -> LabelledImages:
        """MNIST's test images."""
        return mnist("test")

    def reference(self, per_class: int) -> Woven:
        """Test threads, `per_class` of each class in turn; SettingsError if there are too few."""
        return self._woven(self.test, self._of_each_class(self.test, 0, per_class))

    def unseen(self, per_class: int, *, after: int) -> Woven:
        """More test threads, `per_class` of each class, none of them in `reference(after)`."""
        return self._woven(self.test, self._of_each_class(self.test, after, after + per_class))

    def validation(self, per_class: int) -> Woven:
        """Threads of the last MNIST train images, `per_class` of each class, for choosing settings."""
        first = len(self.train) - VALIDATION
        rows = np.arange(first, len(self.train))
        order = self._by_class(self.train.labels[rows], np.random.default_rng([self.seed, 2]))
        return self._woven(self.train, rows[_columns(order, 0, per_class)])

    def critic_training(self, first: int, count: int) -> Woven:
        """Threads of `count` MNIST train images from `first` on; never of the validation images."""
        if first + count > len(self.train) - VALIDATION:
            raise SettingsError(
                f"critics train on the first {len(self.train) - VALIDATION} MNIST train images at most, "
                f"got {count} from {first} on; lower critic_images"
            )
        return self._woven(self.train, np.arange(first, first + count))

    def plain(self, count: int) -> tuple[UInt8, NDArray[np.int64]]:
        """Unwoven MNIST train images (count, 28, 28) and their labels (count,)."""
        return self.train.images[:count], self.train.labels[:count]

    def training(self, corpus: CorpusSettings | None = None, *, limit: int | None = None) -> "Training":
        """A model's training threads: of all MNIST train images, and of the warps of its corpus.

        limit: only the first `limit` of them.
        """
        images, labels = self.train.images[:limit], self.train.labels[:limit]
        if corpus is not None and corpus.mode == "examples" and corpus.samples > len(self.train):
            warped, named, _ = (part[len(self.train) :] for part in select(self.train, corpus))
            images, labels = (
                np.concatenate([images, warped])[:limit],
                np.concatenate([labels, named])[:limit],
            )
        return Training(pack_rows(*self.nails(images)), labels, images)

    def nails(self, images: UInt8) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Woven nails (n, width), −1 after the end, and nail counts (n,) of the rows; cached in blocks."""
        width = self.weaving.max_lines + 1
        rows = np.full((len(images), width), -1, dtype=np.int16)
        for first in range(0, len(images), BLOCK):
            part = images[first : first + BLOCK]
            made_from = {"images": part, "weaving": self.weaving.to_dict(), "encoder": self._encoder}
            kept = self.cache.fetch("woven", made_from, functools.partial(self._weave, part))
            rows[first : first + BLOCK] = kept["nails"]
        return rows, (rows >= 0).sum(axis=1)

    def hygiene(self, reference: Woven, training: "Training") -> dict[str, int]:
        """Counts that must be zero: images and threads that are in both test and training."""
        train = {image.tobytes() for image in self.train.images}
        return {
            "images_in_both": sum(image.tobytes() in train for image in self.test.images),
            "sequences_in_both": int(in_both(reference.paths(), training.paths).sum()),
        }

    @functools.cached_property
    def _encoder(self) -> str:
        """A hash of how the encoder weaves four pictures, since another version may weave differently."""
        probe = weave_many(self.test.images[:4], self.weaving, threads=1)
        return digest({"nails": probe.nails})

    def _weave(self, images: UInt8) -> dict[str, NDArray[Any]]:
        return {"nails": weave_many(images, self.weaving).nails.astype(np.int16)}

    def _woven(self, source: LabelledImages, rows: NDArray[np.int64]) -> Woven:
        nails, lengths = self.nails(source.images[rows])
        labels = source.labels[rows]
        threads = [
            Thread(nails[i, : lengths[i]].astype(np.int32), self.weaving.board, CLASSES[labels[i]])
            for i in range(len(rows))
        ]
        return Woven(threads, rasters(pack_rows(nails, lengths), self.weaving), labels, rows)

    def _of_each_class(self, source: LabelledImages, first: int, last: int) -> NDArray[np.int64]:
        order = self._by_class(source.labels, np.random.default_rng([self.seed, 1]))
        return _columns(order, first, last)

    def _by_class(self, labels: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        shuffled = rng.permutation(len(labels))
        return [shuffled[labels[shuffled] == label] for label in range(len(CLASSES))]


def _columns(order: list[NDArray[np.int64]], first: int, last: int) -> NDArray[np.int64]:
    """Entries `first` to `last` of each class's order, classes in turn, ((last − first) · 10,)."""
    fewest = min(len(rows) for rows in order)
    if last > fewest:
        raise SettingsError(
            f"{last} images of every class are needed, but the rarest has {fewest}; lower samples_per_class"
        )
    return np.stack([rows[first:last] for rows in order], axis=1).ravel()
