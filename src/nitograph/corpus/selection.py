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
    """Pictures (b, h, w) uint8, the seed of their warps (empty: they stay as they are), which are kept, and
    how they are warped: strength, stroke."""

    images: NDArray[np.uint8]
    seed: tuple[int, ...]
    kept: slice
    warping: tuple[float, float] = (1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows of a corpus.

    images: (n, h, w) uint8, what is chosen from. labels, sources: (rows,), class and index into images of
    each row. first_warped: from this row on, pictures are warped. groups: (rows,), who made them, if known.
    warping: strength and stroke of the warps.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    first_warped: int
    seed: int
    groups: NDArray[np.int64] | None = None
    warping: tuple[float, float] = (1.0, 0.0)

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
            found.append(Draft(self.images[chunk], (self.seed, 1, at), kept, self.warping))
        return found


def pictures(drafts: Sequence[Draft]) -> NDArray[np.uint8]:
    """The pictures (b, h, w) of drafts, warped."""
    from nitograph.corpus.warps import warp

    made = []
    for draft in drafts:
        images = draft.images
        if draft.seed:
            strength, stroke = draft.warping
            images = warp(images, np.random.default_rng(draft.seed), strength=strength, stroke=stroke)
        made.append(images[draft.kept])
    return np.concatenate(made)


def choose(images: LabelledImages, settings: CorpusSettings) -> Selection:
    """The selection of these settings; SettingsError if they ask for more rows than there are pictures."""
    if settings.mode == "prototypes":
        return _prototypes(images, settings)
    if settings.balance:
        plain, warped = _filled_order(images.labels, settings)
        return _selection(images, np.concatenate([plain, warped]), len(plain), settings)
    available = len(images) * (1 + settings.augment)
    if settings.samples > available:
        raise SettingsError(
            f"samples must be at most {available} for {len(images)} images with augment "
            f"{settings.augment}, got {settings.samples}; lower samples or raise augment"
        )
    order = _balanced_order(images.labels, np.random.default_rng([settings.seed, 0]))
    rounds = -(-settings.samples // len(order))
    sources = np.concatenate([order] * rounds)[: settings.samples]
    return _selection(images, sources, len(order), settings)


def _selection(
    images: LabelledImages, sources: NDArray[np.int64], first_warped: int, settings: CorpusSettings
) -> Selection:
    groups = None if images.groups is None else images.groups[sources]
    warping = (settings.warp, settings.stroke)
    return Selection(
        images.images, images.labels[sources], sources, first_warped, settings.seed, groups, warping
    )


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


def _filled_order(
    labels: NDArray[np.int64], settings: CorpusSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The images of rows that stay as they are and of those that are warped, when classes are balanced.

    A class of n images gets rows in proportion to n^(1 − balance): each image once, then again in turn.
    Classes come in turn, too.
    """
    rng = np.random.default_rng([settings.seed, 0])
    present, counts = np.unique(labels, return_counts=True)
    weights = counts.astype(np.float64) ** (1.0 - settings.balance)
    wanted = _shares(weights, settings.samples)
    shuffled = rng.permutation(len(labels))
    plain, warped = [], []
    for label, rows in zip(present, wanted, strict=True):
        of_class = shuffled[labels[shuffled] == label]
        repeated = np.resize(of_class, rows)
        plain.append(repeated[: len(of_class)])
        warped.append(repeated[len(of_class) :])
    return _in_turn(plain), _in_turn(warped)


def _shares(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to weights, with this sum; the largest remainders are rounded up."""
    exact = weights / weights.sum() * total
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: total - int(whole.sum())]] += 1
    return whole


def _in_turn(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Columns of unlike length as one, spread evenly over each other."""
    places = [(np.arange(len(column)) + 0.5) / max(len(column), 1) for column in columns]
    order = np.argsort(np.concatenate(places), kind="stable")
    found: NDArray[np.int64] = np.concatenate(columns)[order]
    return found
