"""What samples are compared with: woven pictures of any classes, their 28×28 rasters, a model's threads.

Test pictures give the references and ceilings, train pictures train the critics, and the last train
pictures serve to choose settings; by default they are MNIST's. All threads are rasterised in the same way,
so that only their nails differ. Woven threads are cached under the hash of images, settings and a probe of
the encoder. A class may have fewer pictures than another, and counts no less then. This module knows no
critics.

Try it: python -c "from nitograph.evaluation.material import *; print(Material().reference(2).labels)"
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.rows import CorpusSettings
from nitograph.corpus.selection import choose, pictures as warped
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.corpus.warps import warp
from nitograph.errors import SettingsError
from nitograph.evaluation.cache import Cache, digest
from nitograph.evaluation.nearest import in_both, pack_rows
from nitograph.evaluation.order import (
    apart,
    filled_classes,
    in_turn,
    of_classes,
    one_of_each,
    spare,
    squared,
    turns,
)
from nitograph.evaluation.woven import SIDE, Training, UInt8, Woven, rasters
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

Pictures = Callable[[str], LabelledImages]
"""The "train" and the "test" pictures of a source, by these names."""

BLOCK = 1000  # images woven and cached together
HELD = 12  # of so many train pictures the last is for choosing settings; no critic is trained on it
DIGITS = tuple("0123456789")
FEWEST = 2  # test pictures of a class that is judged
SCARCE = 40  # train pictures of a class, below which critics B and C share them
FILLED = 200  # pictures per class that a critic of scarce classes learns from, warped ones included


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled pictures of some classes, woven on demand with one model's weaving settings.

    pictures: where they come from. classes: those that are judged. in_turn: whether train pictures are
    taken one of each class in turn, as they must be where a source lists class after class; MNIST's are
    taken as they come. name: of the source, for people.
    """

    weaving: WeaveSettings = field(default_factory=WeaveSettings)
    cache: Cache = field(default_factory=Cache)
    seed: int = 0
    pictures: Pictures = mnist
    classes: tuple[str, ...] = DIGITS
    in_turn: bool = False
    name: str = "MNIST"

    @staticmethod
    def of(
        pictures: Pictures, weaving: WeaveSettings, cache: Cache, *, known: Sequence[str] | None = None
    ) -> "Material":
        """What a source has of the classes that are known (None: of all); SettingsError below two."""
        train, test = filled_classes(pictures("train"), 1), filled_classes(pictures("test"), FEWEST)
        judged = tuple(name for name in test if name in train and (known is None or name in known))
        if len(judged) < 2:
            source = pictures("test")
            wanted = "" if known is None else f" that the model knows ({', '.join(known[:12])})"
            raise SettingsError(
                f"evaluation needs at least two classes{wanted} with {FEWEST} test pictures and some to "
                f"train critics, but {source.name} has {len(judged)}; give another source"
            )
        name = pictures("test").name
        return Material(weaving, cache, 0, pictures, judged, True, name)

    @functools.cached_property
    def train(self) -> LabelledImages:
        """Train pictures of the judged classes; the last of HELD are for choosing settings."""
        found = of_classes(self.pictures("train"), self.classes)
        if not self.in_turn:
            return found
        rng = np.random.default_rng([self.seed, 6])
        return found.take(apart(found, HELD, rng))

    @functools.cached_property
    def test(self) -> LabelledImages:
        """Test pictures of the judged classes."""
        return of_classes(self.pictures("test"), self.classes)

    @property
    def held(self) -> int:
        """How many train pictures, the last, no critic learns from."""
        if not self.in_turn:
            return len(self.train) // HELD
        return int(spare(self.train.labels, HELD).sum()) // HELD

    @functools.cached_property
    def rarest(self) -> int:
        """Test pictures of the class that has the fewest."""
        return int(np.bincount(self.test.labels, minlength=len(self.classes)).min())

    def reference(self, per_class: int) -> Woven:
        """Test threads, up to `per_class` of each class in turn: fewer where a class has no more."""
        return self._woven(self.test, self._of_each_class(self.test, 0, per_class))

    def unseen(self, per_class: int, *, after: int) -> Woven:
        """More test threads, `per_class` of each class, none of them in `reference(after)`."""
        if after + per_class > self.rarest:
            raise SettingsError(
                f"{after + per_class} test pictures of every class are needed, but the rarest has "
                f"{self.rarest}; lower samples_per_class or two_sample_per_class"
            )
        return self._woven(self.test, self._of_each_class(self.test, after, after + per_class))

    def parted(self, per_class: int) -> tuple[Woven, Woven]:
        """Two sets of test threads with none in common, up to `per_class` of each class in either."""
        order = self._by_class(self.test.labels, np.random.default_rng([self.seed, 1]))
        each = [min(per_class, len(rows) // 2) for rows in order]
        first = [rows[:count] for rows, count in zip(order, each, strict=True)]
        second = [rows[count : 2 * count] for rows, count in zip(order, each, strict=True)]
        return self._woven(self.test, in_turn(first)), self._woven(self.test, in_turn(second))

    def validation(self, per_class: int) -> Woven:
        """Threads of the last train pictures, up to `per_class` of each class, for choosing settings."""
        first = len(self.train) - self.held
        rows = np.arange(first, len(self.train))
        order = self._by_class(self.train.labels[rows], np.random.default_rng([self.seed, 2]))
        fewest = min(range(len(order)), key=lambda label: len(order[label]))
        if len(order[fewest]) < FEWEST:
            raise SettingsError(
                f"choosing settings needs {FEWEST} pictures of every class that no critic learns from, but "
                f"{self.name} has {len(order[fewest])} of {self.classes[fewest]}; give more pictures"
            )
        return self._woven(self.train, rows[in_turn([rows[:per_class] for rows in order])])

    def critic_training(self, first: int, count: int) -> Woven:
        """Threads of `count` train pictures from `first` on; never of those for choosing settings."""
        if first + count > len(self.train) - self.held:
            raise SettingsError(
                f"critics train on the first {len(self.train) - self.held} train images at most, "
                f"got {count} from {first} on; lower critic_images"
            )
        return self._woven(self.train, np.arange(first, first + count))

    def plain(self, count: int) -> tuple[UInt8, NDArray[np.int64]]:
        """The first train pictures, unwoven (count, h, w), and their labels (count,)."""
        return self.train.images[:count], self.train.labels[:count]

    def lesson(self, critic: str, images: int) -> tuple[UInt8, NDArray[np.int64]]:
        """What critic "A", "B" or "C" learns from: rasters, plain for A, and class indices.

        B and C learn from `images` pictures, none of them both; A from twice as many. Where pictures are
        taken in turn there may be fewer; where they are scarce, B and C share them, and each learns from
        its own warped variants as well.
        """
        if not self.in_turn:
            if critic == "A":
                return self.plain(2 * images)
            woven = self.critic_training(images if critic == "C" else 0, images)
            return woven.rasters, woven.labels
        shown, labels = self._lesson_pictures(critic, images)
        if critic == "A":
            return squared(shown, SIDE), labels
        return rasters(pack_rows(*self.nails(shown)), self.weaving), labels

    def _lesson_pictures(self, critic: str, images: int) -> tuple[UInt8, NDArray[np.int64]]:
        """The pictures of `lesson` before they are woven."""
        labels = self.train.labels[: len(self.train) - self.held]
        at = turns(labels)
        scarce = int(np.bincount(labels, minlength=len(self.classes)).min()) < SCARCE
        if critic != "A" and not scarce:
            rows = np.flatnonzero(at % 2 == (critic == "C"))[:images]
        else:
            rows = np.arange(len(labels))[: images if critic != "A" else 2 * images]
        shown, wanted = self.train.images[rows], min(images, FILLED * len(self.classes))
        if len(rows) >= wanted:
            return shown, labels[rows]
        again = np.resize(rows, wanted - len(rows))
        more = warp(self.train.images[again], np.random.default_rng([self.seed, 5, ord(critic)]))
        return np.concatenate([shown, more]), labels[np.concatenate([rows, again])]

    def training(self, corpus: CorpusSettings | None = None, *, limit: int | None = None) -> Training:
        """A model's training threads: of all train pictures, and of the warps of its corpus.

        limit: only the first `limit` of them.
        """
        source = self.pictures("train")
        if self.in_turn:
            source = source.take(one_of_each(source.labels))
        images, labels = source.images, source.labels
        if corpus is not None and corpus.mode == "examples":
            chosen = choose(self.pictures("train"), corpus)
            drafts = chosen.drafts(chosen.first_warped, len(chosen))
            if drafts:
                images = np.concatenate([images, warped(drafts)])
                labels = np.concatenate([labels, chosen.labels[chosen.first_warped :]])
        found = replace(source, images=images[:limit], labels=labels[:limit], groups=None)
        found = of_classes(found, self.classes)
        return Training(pack_rows(*self.nails(found.images)), found.labels, found.images)

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

    def hygiene(self, reference: Woven, training: Training) -> dict[str, int]:
        """Counts that must be zero: images and threads that are in both test and training."""
        train = {image.tobytes() for image in self.train.images}
        return {
            "images_in_both": sum(image.tobytes() in train for image in self.test.images),
            "sequences_in_both": int(in_both(reference.paths(), training.paths).sum()),
        }

    @functools.cached_property
    def _encoder(self) -> str:
        """A hash of how the encoder weaves four pictures, since another version may weave differently."""
        probe = weave_many(mnist("test").images[:4], self.weaving, threads=1)
        return digest({"nails": probe.nails})

    def _weave(self, images: UInt8) -> dict[str, NDArray[Any]]:
        return {"nails": weave_many(images, self.weaving).nails.astype(np.int16)}

    def _woven(self, source: LabelledImages, rows: NDArray[np.int64]) -> Woven:
        nails, lengths = self.nails(source.images[rows])
        labels = source.labels[rows]
        threads = [
            Thread(nails[i, : lengths[i]].astype(np.int32), self.weaving.board, self.classes[labels[i]])
            for i in range(len(rows))
        ]
        return Woven(threads, rasters(pack_rows(nails, lengths), self.weaving), labels, rows)

    def _of_each_class(self, source: LabelledImages, first: int, last: int) -> NDArray[np.int64]:
        order = self._by_class(source.labels, np.random.default_rng([self.seed, 1]))
        return in_turn([rows[first:last] for rows in order])

    def _by_class(self, labels: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        shuffled = rng.permutation(len(labels))
        return [shuffled[labels[shuffled] == label] for label in range(len(self.classes))]
