"""Classes that nobody can tell apart, and groups of classes: by their names, and by what critics read.

A small letter and its capital are one class where they differ by size only, as pictures that are all
drawn to one size do not show it: o and O, s and S. Which pairs these are is not listed but measured, on
woven real test pictures: of those that a critic reads as either, it must take enough for the right one.
This module knows no samples.

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
CAPITALS, SMALL = string.ascii_uppercase, string.ascii_lowercase
GROUPS = {"capitals": tuple(CAPITALS), "alphanumerics": tuple(string.digits + CAPITALS + SMALL)}
"""Groups of classes that have a goal of their own, where a model has all of them."""


@dataclass(frozen=True)
class Pair:
    """Two classes, by index, that differ by case, and how well critics tell them apart: 0.5 not at all."""

    one: int
    two: int
    told: float

    @property
    def same(self) -> bool:
        """Whether they count as one class."""
        return self.told < TOLD


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
    """Each pair of `by_case`, as critics tell woven real pictures of `labels` (n,) that they read as (n,).

    Both classes of a pair, and all critics, count the same.
    """
    found = []
    for one, two in by_case(classes):
        shares = []
        for read in reads:
            either = (read == one) | (read == two)
            shares += [
                float((read[mine] == label).mean()) if (mine := either & (labels == label)).any() else 0.5
                for label in (one, two)
            ]
        found.append(Pair(one, two, float(np.mean(shares))))
    return found


def merged(count: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """For each class (count,) the class that it counts as."""
    same = np.arange(count)
    for pair in pairs:
        if pair.same:
            same[pair.two] = same[pair.one]
    return same


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
    return {
        "told_apart_from": TOLD,
        "pairs": [
            {"classes": [classes[p.one], classes[p.two]], "told": round(p.told, 4), "same": p.same}
            for p in pairs
        ],
    }
