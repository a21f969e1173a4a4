"""Classes that nobody can tell apart, and groups of classes: by their names, and by what critics read.

A drawing that is scaled to one size does not show whether o or O is meant, and a stroke may be I or l.
Which classes count as one is not listed but measured, on woven real test pictures alone: two classes do
where critics take each for the other, often, and neither for much else. This module knows no samples.

Try it: python -c "from nitograph.evaluation.pairs import *; print(by_case(('o', 'x', 'O', '7')))"
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLD = (
    0.8  # of real test pictures read as either of a pair, the share read as the right one; less: one class
)
TAKEN = 0.1  # share of the real test pictures of each that is read as the other; less: two classes
EITHER = 0.5  # share of the real test pictures of each that is read as one of the two; less: critics guess
LISTED = 0.05  # the same share, from which on a pair is listed
ENOUGH = 20  # test pictures of each; of fewer, only names that differ by case can count as one
CAPITALS, SMALL = string.ascii_uppercase, string.ascii_lowercase
GROUPS = {"capitals": tuple(CAPITALS), "alphanumerics": tuple(string.digits + CAPITALS + SMALL)}
"""Groups of classes that have a goal of their own, where a model has all of them."""


@dataclass(frozen=True)
class Pair:
    """Two classes, by index, and how well critics tell real test pictures of them apart.

    told: of those read as either, the share read as the right one; 0.5 is not at all. taken: of each, the
    share that is read as the other. either: of the worse, the share that is read as one of the two. judged:
    whether the pictures suffice, or the names differ by case only.
    """

    one: int
    two: int
    told: float
    taken: tuple[float, float]
    either: float = 1.0
    judged: bool = True

    @property
    def same(self) -> bool:
        """Whether they count as one class."""
        return self.judged and self.told < TOLD and min(self.taken) >= TAKEN and self.either >= EITHER


def by_case(classes: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of classes whose names differ by case only, by index."""
    first: dict[str, int] = {}
    found = []
    for index, name in enumerate(classes):
        if name.casefold() in first:
            found.append((first[name.casefold()], index))
        else:
            first[name.casefold()] = index
    return found


def measured(
    classes: Sequence[str], labels: NDArray[np.int64], reads: Sequence[NDArray[np.int64]]
) -> list[Pair]:
    """Pairs as critics tell woven real pictures of `labels` (n,) apart, each of which read them as (n,).

    Those whose names differ by case only, and all others that are taken for each other. Both classes of a
    pair, and all critics, count the same.
    """
    count = len(classes)
    tables = np.stack([confusion(labels, read, count) for read in reads]).astype(np.float64)  # (k, c, c)
    shares = (tables / np.maximum(tables.sum(axis=2, keepdims=True), 1)).mean(axis=0)
    right = np.diagonal(tables, axis1=1, axis2=2)[:, :, None]  # (k, c, 1)
    either = right + tables
    told = np.where(either > 0, right / np.maximum(either, 1), 0.5).mean(axis=0)
    read = np.diagonal(shares)[:, None] + shares  # (c, c): as itself or the other
    pictures = np.bincount(labels, minlength=count)
    named = by_case(classes)
    often = (shares >= LISTED) & (shares.T >= LISTED)
    others = {(int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(often, 1)), strict=True)}
    return [
        Pair(
            one,
            two,
            float(told[one, two] + told[two, one]) / 2,
            (float(shares[one, two]), float(shares[two, one])),
            float(min(read[one, two], read[two, one])),
            (one, two) in named or int(min(pictures[one], pictures[two])) >= ENOUGH,
        )
        for one, two in [*named, *sorted(others.difference(named))]
    ]


def confusion(labels: NDArray[np.int64], read: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Counts (c, c): [class meant][class read]."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (labels, read), 1)
    return table


def merged(count: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """For each class (count,) the first class that it counts as one with, over any number of pairs.

    If all classes would be one, each stays for itself: nothing could be read wrongly then.
    """
    same = np.arange(count)
    for pair in pairs:
        if pair.same:
            ends = same[[pair.one, pair.two]]
            same[same == ends.max()] = ends.min()
    return same if same.any() else np.arange(count)


def together(same: NDArray[np.int64]) -> list[list[int]]:
    """The groups of more than one class, each by index, of what `merged` found."""
    groups = [np.flatnonzero(same == first).tolist() for first in np.unique(same)]
    return [group for group in groups if len(group) > 1]


def groups_of(classes: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """The indices of each of GROUPS that is there whole, and is not all there is."""
    place = {name: index for index, name in enumerate(classes)}
    return {
        key: np.array([place[name] for name in names])
        for key, names in GROUPS.items()
        if len(names) < len(classes) and all(name in place for name in names)
    }


def record(classes: Sequence[str], pairs: Sequence[Pair]) -> Mapping[str, Any]:
    """The rule and what it found, JSON values."""
    same = merged(len(classes), pairs)
    return {
        "told_apart_from": TOLD,
        "taken_for_each_other_from": TAKEN,
        "read_as_either_from": EITHER,
        "pictures_from": ENOUGH,
        "groups": [[classes[i] for i in group] for group in together(same)],
        "pairs": [
            {
                "classes": [classes[p.one], classes[p.two]],
                "told": round(p.told, 4),
                "taken": [round(share, 4) for share in p.taken],
                "same": bool(same[p.one] == same[p.two]),
            }
            for p in pairs
        ],
    }
