"""Which pictures are judged, and in what order: of some classes, one of each in turn, groups together.

A group is whoever or whatever made pictures that belong together: a writer, a font, a file. This module
weaves nothing and reads no files.

Try it: python -c "from nitograph.evaluation.order import *; print(turns(np.array([0, 0, 0, 1, 1])))"
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources import LabelledImages

Rows = NDArray[np.int64]


def of_classes(images: LabelledImages, classes: tuple[str, ...]) -> LabelledImages:
    """The pictures of these classes, whose indices their labels are then."""
    if images.classes == classes:
        return images
    place = np.array([classes.index(name) if name in classes else -1 for name in images.classes])
    labels = place[images.labels]
    kept = images.take(np.flatnonzero(labels >= 0))
    return replace(kept, labels=labels[labels >= 0], classes=classes)


def filled_classes(images: LabelledImages, fewest: int) -> tuple[str, ...]:
    """The classes that have at least so many pictures, in their order."""
    counts = np.bincount(images.labels, minlength=len(images.classes))
    return tuple(name for name, count in zip(images.classes, counts, strict=True) if count >= fewest)


def turns(labels: NDArray[np.integer]) -> Rows:
    """How many of its class are before each row, (n,)."""
    found = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        found[rows] = np.arange(len(rows))
    return found


def one_of_each(labels: NDArray[np.integer]) -> Rows:
    """The rows (n,) in an order in which each class has its turn, until it is used up."""
    return np.lexsort((labels, turns(labels)))


def in_turn(rows: Sequence[Rows]) -> Rows:
    """The rows of each class, one of each class in turn, until a class has no more."""
    most = max(map(len, rows), default=0)
    return np.array([mine[at] for at in range(most) for mine in rows if at < len(mine)], dtype=np.int64)


def spare(labels: NDArray[np.integer], share: int) -> NDArray[np.bool_]:
    """Which rows (n,) are of a class that can spare one in `share`, as it has so many."""
    return np.asarray(np.bincount(labels)[labels] >= share)


def apart(images: LabelledImages, share: int, rng: np.random.Generator) -> Rows:
    """An order of all pictures: first one of each class in turn, at the end one in `share` of other groups.

    The last are of whole groups, but for one where the groups do not add up to their number, and of classes
    that can spare them.
    """
    spared = spare(images.labels, share)
    held = int(spared.sum()) // share
    groups = np.arange(len(images)) if images.groups is None else images.groups
    names, member = np.unique(groups, return_inverse=True)
    rank = np.where(spared, rng.permutation(len(names))[member], -1)
    order = np.argsort(rank, kind="stable")
    first, last = order[: len(order) - held], order[len(order) - held :]
    return np.concatenate([first[one_of_each(images.labels[first])], last])


def squared(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pictures (n, h, w) as (n, side, side)."""
    if images.shape[1:] == (side, side):
        return images
    from nitograph.weaving.targets import prepare

    greys = prepare(images, side, 0.0, 1.0, stretch=False)
    return np.asarray(np.rint(greys * 255).astype(np.uint8))
