"""Which pictures become the rows of a corpus: balanced over classes, drawn with a seed, warped variants.

A selection is made at once, its pictures only as they are asked for, so that millions of rows need little
memory: `drafts` are the pictures of some rows before they are warped, small enough to be sent elsewhere.
This module weaves nothing.

Try it: python -m nitograph prepare --samples 500 --output small.npz
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.rows import CorpusSettings
from nitograph.corpus.sources import LabelledImages
from nitograph.errors import SettingsError

WARPED_AT_ONCE = 4000  # rows whose warps are drawn from one generator; what a seed gives depends on it


class Draft(NamedTuple):
    """Pictures (b, h, w) uint8, the seed of their warps (empty: they stay as they are), which are kept."""

    images: NDArray[np.uint8]
    seed: tuple[int, ...]
    kept: slice


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows of a corpus.

    images: (n, h, w) uint8, what is chosen from. labels, sources: (rows,), class and index into images of
    each row. first_warped: from this row on, pictures are warped.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    first_warped: int
    seed: int

    def __len__(self) -> int:
        return len(self.sources)

    def drafts(self, first: int, end: int) -> list[Draft]:
        """The pictures of rows `first` to `end`, not warped yet."""
        found, plain = [], min(end, self.first_warped)
        if first < plain:
            found.append(Draft(self.images[self.sources[first:plain]], (), slice(None)))
        start = max(first, self.first_warped)
        start -= (start - self.first_warped) % WARPED_AT_ONCE
        for at in range(start, end, WARPED_AT_ONCE):
            chunk = self.sources[at : at + WARPED_AT_ONCE]
            kept = slice(max(first - at, 0), min(end - at, len(chunk)))
            found.append(Draft(self.images[chunk], (self.seed, 1, at), kept))
        return found


def pictures(drafts: Sequence[Draft]) -> NDArray[np.uint8]:
    """The pictures (b, h, w) of drafts, warped."""
    from nitograph.corpus.warps import warp

    return np.concatenate(
        [
            (warp(draft.images, np.random.default_rng(draft.seed)) if draft.seed else draft.images)[
                draft.kept
            ]
            for draft in drafts
        ]
    )


def lively(images: LabelledImages) -> NDArray[np.bool_]:
    """Which images (n,) show anything: in a picture that is even all over there is nothing to weave."""
    flat = images.images.reshape(len(images), -1)
    return np.asarray(flat.min(axis=1) < flat.max(axis=1))


def choose(images: LabelledImages, settings: CorpusSettings) -> Selection:
    """The selection of these settings, without images that are even all over.

    SettingsError if they ask for more rows than there are pictures.
    """
    if settings.mode == "prototypes":
        return _prototypes(images, settings)
    shown = lively(images)
    count = int(shown.sum())
    available = count * (1 + settings.augment)
    if settings.samples > available:
        raise SettingsError(
            f"samples must be at most {available} for {count} images with augment "
            f"{settings.augment}, got {settings.samples}; lower samples or raise augment"
        )
    order = _balanced_order(images.labels, np.random.default_rng([settings.seed, 0]))
    order = order[shown[order]]
    rounds = -(-settings.samples // len(order))
    sources = np.concatenate([order] * rounds)[: settings.samples]
    return Selection(images.images, images.labels[sources], sources, len(order), settings.seed)


def select(
    images: LabelledImages, settings: CorpusSettings
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The pictures of a corpus: images (rows, h, w), labels (rows,), sources (rows,).

    Examples come in turn from each class, in an order drawn with the seed, then their warped variants.
    """
    chosen = choose(images, settings)
    return pictures(chosen.drafts(0, len(chosen))), chosen.labels, chosen.sources


def _prototypes(images: LabelledImages, settings: CorpusSettings) -> Selection:
    """Averages over random pools of each class, repeated in turn up to the number of samples."""
    rng = np.random.default_rng([settings.seed, 2])
    made, labels = [], []
    for _ in range(settings.prototype_count):
        for label in range(len(images.classes)):
            of_class = np.flatnonzero(images.labels == label)
            if not len(of_class):
                continue
            pool = rng.permutation(of_class)[: max(1, settings.prototype_pool // settings.prototype_count)]
            made.append(np.rint(images.images[pool].mean(axis=0)).astype(np.uint8))
            labels.append(label)
    rows = np.arange(settings.samples) % len(made)
    return Selection(np.stack(made), np.array(labels, dtype=np.int64)[rows], rows, len(rows), settings.seed)


def _balanced_order(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The order of all images, one of each class in turn until a class is used up."""
    shuffled = rng.permutation(len(labels))
    within_class = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_class = shuffled[labels[shuffled] == label]
        within_class[of_class] = np.arange(len(of_class))
    return np.lexsort((labels, within_class))
