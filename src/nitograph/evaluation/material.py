"""What samples are measured against: woven MNIST, its pictures of 28×28, and the threads a model learned.

Test images give references and ceilings, train images teach the critics, the last of them serve for
choosing settings. All threads are rastered in one fixed way, so that nothing but the nails differs. Weaving
is kept in the cache under the hash of images, settings and what the encoder makes of them today.

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
from nitograph.light.bands import FINE, add_path
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

UInt8 = NDArray[np.uint8]
Progress = Callable[[int], None]
SIDE = 28  # px of a raster, the side of an MNIST picture
BLOCK = 1000  # images woven and kept together
VALIDATION = 5000  # last MNIST train images, for choosing settings; no critic learns from them
CLASSES = tuple("0123456789")


def rasters(paths: Paths, weaving: WeaveSettings) -> UInt8:
    """The one fixed look of threads to a critic, (n, 28, 28) grey.

    chords.raster with strength and width of the weaving settings, on the target's own frame: light above 1
    cut off, 255 for 1. Nothing else of a thread reaches a critic. The bands of all chords are made once.
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
        """These only."""
        threads = [self.threads[i] for i in chosen]
        return Woven(threads, self.rasters[chosen], self.labels[chosen], self.rows[chosen])

    def paths(self) -> Paths:
        """Their nails."""
        return pack([thread.nails for thread in self.threads])


@dataclass(frozen=True, eq=False)
class Training:
    """Threads that a model learned: their nails and class indices, and their images where at hand."""

    paths: Paths
    labels: NDArray[np.int64]
    images: UInt8 | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @staticmethod
    def of_corpus(corpus: Corpus, *, most: int | None = None) -> "Training":
        """The threads of a corpus file."""
        return Training(
            pack_rows(corpus.tokens[:most, 1:], corpus.lengths[:most] - 2), corpus.labels[:most]
        )


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

    def reference(self, each: int) -> Woven:
        """Test threads, `each` of every class, in turn; SettingsError where there are too few."""
        return self._woven(self.test, self._of_each_class(self.test, 0, each))

    def unseen(self, each: int, *, after: int) -> Woven:
        """Further test threads, `each` of every class, none of those in `reference(after)`."""
        return self._woven(self.test, self._of_each_class(self.test, after, after + each))

    def validation(self, each: int) -> Woven:
        """Threads of the last MNIST train images, `each` of every class, for choosing settings."""
        first = len(self.train) - VALIDATION
        rows = np.arange(first, len(self.train))
        order = self._by_class(self.train.labels[rows], np.random.default_rng([self.seed, 2]))
        return self._woven(self.train, rows[_columns(order, 0, each)])

    def lesson(self, first: int, count: int) -> Woven:
        """Threads of `count` MNIST train images from `first` on; never of the validation images."""
        if first + count > len(self.train) - VALIDATION:
            raise SettingsError(
                f"critics may learn from the first {len(self.train) - VALIDATION} MNIST train images, "
                f"wanted {count} from {first} on; lower critic_images"
            )
        return self._woven(self.train, np.arange(first, first + count))

    def plain(self, count: int) -> tuple[UInt8, NDArray[np.int64]]:
        """MNIST train images as they are, (count, 28, 28), and labels (count,)."""
        return self.train.images[:count], self.train.labels[:count]

    def training(self, corpus: CorpusSettings | None = None, *, most: int | None = None) -> "Training":
        """The threads a model learned: of all MNIST train images, and of the warps of its corpus.

        most: no more than this many, the first.
        """
        images, labels = self.train.images[:most], self.train.labels[:most]
        if corpus is not None and corpus.mode == "examples" and corpus.samples > len(self.train):
            warped, named, _ = (part[len(self.train) :] for part in select(self.train, corpus))
            images, labels = np.concatenate([images, warped])[:most], np.concatenate([labels, named])[:most]
        return Training(pack_rows(*self.nails(images)), labels, images)

    def nails(self, images: UInt8) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Woven nails (n, width), −1 after the end, and how many of each row, (n,); blocks are kept."""
        width = self.weaving.max_lines + 1
        rows = np.full((len(images), width), -1, dtype=np.int16)
        for first in range(0, len(images), BLOCK):
            part = images[first : first + BLOCK]
            made_from = {"images": part, "weaving": self.weaving.to_dict(), "encoder": self._encoder}
            kept = self.cache.fetch("woven", made_from, functools.partial(self._weave, part))
            rows[first : first + BLOCK] = kept["nails"]
        return rows, (rows >= 0).sum(axis=1)

    def hygiene(self, reference: Woven, training: "Training") -> dict[str, int]:
        """Counts that must be zero: images, and sequences, that are both in test and in training."""
        taught = {image.tobytes() for image in self.train.images}
        return {
            "images_in_both": sum(image.tobytes() in taught for image in self.test.images),
            "sequences_in_both": int(in_both(reference.paths(), training.paths).sum()),
        }

    @functools.cached_property
    def _encoder(self) -> str:
        """What the encoder makes of four pictures: another version may weave otherwise."""
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
        mixed = rng.permutation(len(labels))
        return [mixed[labels[mixed] == label] for label in range(len(CLASSES))]


def _columns(order: list[NDArray[np.int64]], first: int, last: int) -> NDArray[np.int64]:
    """Places `first` to `last` of each class's order, class after class in turn, ((last − first) · 10,)."""
    fewest = min(len(rows) for rows in order)
    if last > fewest:
        raise SettingsError(
            f"{last} images of every class are needed, but there are {fewest} of the rarest; "
            "lower samples_per_class"
        )
    return np.stack([rows[first:last] for rows in order], axis=1).ravel()
