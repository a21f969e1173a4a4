"""Labelled pictures as a value: checked, joined with others, parted into train and test by what made them.

A group is whoever or whatever made pictures that belong together: a writer, a font, a file. Splits never
part a group. This module reads no files.

Try it: python -c "from nitograph.corpus.sources import find; print(find('mnist', 'test').classes)"
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SourceError

SPLITS = ("train", "test", "all")
HELD = 5  # of so many groups of a class, one is a test group
LONGEST = 60  # characters of a class's name
JOINERS = "\u200c\u200d"  # within signs that are made of several, as families among emoji


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures of one size with their classes.

    images: (n, h, w) uint8, light on dark. labels: (n,) int64, an index into classes.
    name says where they come from; sha256 is the hash of the uncompressed image and label data.
    groups: (n,) int64, who made each; None where nobody knows, so that each picture stands alone.
    notes: what was recognised, turned or left out, each in a few words. parts: name and size of what was
    joined.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    name: str
    sha256: str
    groups: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.integer]) -> "LabelledImages":
        """These pictures only, of all classes."""
        groups = None if self.groups is None else self.groups[rows]
        return dataclasses.replace(
            self, images=self.images[rows], labels=self.labels[rows], groups=groups, parts=()
        )

    def noting(self, *notes: str) -> "LabelledImages":
        """The same with further notes."""
        return dataclasses.replace(self, notes=self.notes + notes)


def checked(images: LabelledImages) -> LabelledImages:
    """The same, once shapes, labels and names are sound; SourceError."""
    name, classes = images.name, images.classes
    if images.images.ndim != 3 or images.labels.ndim != 1 or 0 in images.images.shape:
        raise SourceError(
            f"{name} must have images of 3 dimensions and labels of 1, none empty, "
            f"got shapes {images.images.shape} and {images.labels.shape}"
        )
    if len(images) != len(images.labels):
        raise SourceError(
            f"{name} has {len(images)} images but {len(images.labels)} labels; they must match"
        )
    if images.groups is not None and images.groups.shape != images.labels.shape:
        raise SourceError(f"{name} must have one group for each of {len(images)} images")
    lowest, highest = int(images.labels.min()), int(images.labels.max())
    if lowest < 0 or highest >= len(classes):
        wrong = lowest if lowest < 0 else highest
        raise SourceError(f"{name} must have labels from 0 to {len(classes) - 1}, got {wrong}")
    check_names(classes, name)
    return images


def is_name(name: object) -> bool:
    """Whether a class can be called that: text that can be seen, also of several joined signs."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or name != name.strip():
        return False
    return all(
        sign.isprintable() or sign in JOINERS or "\U000e0020" <= sign <= "\U000e007f" for sign in name
    )


def check_names(classes: Sequence[str], name: str) -> None:
    """SourceError unless classes have names that can be asked for, each its own."""
    for found in classes:
        if not is_name(found):
            raise SourceError(
                f"{name} has a class named {found!r:.80}; a name is 1 to {LONGEST} visible signs"
            )
    twice = [found for at, found in enumerate(classes) if found in classes[:at]]
    if twice:
        raise SourceError(f"{name} has two classes named {twice[0]!r}; give each a name of its own")


def without_blank(images: LabelledImages) -> LabelledImages:
    """The same without pictures of one grey only, which no thread can show; their number is noted."""
    flat = images.images.reshape(len(images), -1)
    blank = flat.min(axis=1) == flat.max(axis=1)
    if not blank.any():
        return images
    if blank.all():
        raise SourceError(
            f"{images.name} holds nothing but blank pictures; give pictures with something on them"
        )
    kept = images.take(np.flatnonzero(~blank))
    return kept.noting(f"{int(blank.sum())} blank pictures left out")


def check_filled(images: LabelledImages) -> None:
    """SourceError if a class has no picture."""
    lacking = np.setdiff1d(np.arange(len(images.classes)), images.labels)
    if len(lacking):
        raise SourceError(f"{images.name} has no picture of class {images.classes[lacking[0]]!r}; add some")


def part_of(images: LabelledImages, split: str, keys: Sequence[str] | None = None) -> LabelledImages:
    """The train or test pictures of a source that does not part them itself, or all.

    Of the groups of each class, every fifth is for tests, in an order that follows from their names `keys`
    alone; a class of fewer keeps all its pictures for training. SourceError if nothing is left for tests.
    """
    if split == "all":
        return images
    groups = np.arange(len(images)) if images.groups is None else images.groups
    names = keys if keys is not None else [str(number) for number in range(int(groups.max()) + 1)]
    order = sorted(range(len(names)), key=lambda group: hashlib.sha256(names[group].encode()).digest())
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    pairs = np.unique(np.stack([images.labels, rank[groups]], axis=1), axis=0)
    made_by = np.split(pairs[:, 1], np.flatnonzero(np.diff(pairs[:, 0])) + 1)  # of each class, by rank
    held: set[int] = set()
    for mine in sorted(map(np.ndarray.tolist, made_by), key=len):
        missing = len(mine) // HELD - len(held.intersection(mine))
        held.update([group for group in mine if group not in held][: max(0, missing)])
    for mine in made_by:
        if held.issuperset(mine.tolist()):
            held.discard(int(mine[0]))
    test = np.isin(rank[groups], sorted(held))
    rows = np.flatnonzero(test if split == "test" else ~test)
    if not len(rows):
        raise SourceError(
            f"{images.name} has no test pictures: a class needs {HELD} that can be told apart; "
            "add some, or take another source for tests"
        )
    found = images.take(rows)
    return (
        found.noting(f"{int(test.sum())} pictures kept for tests")
        if test.any() and split == "train"
        else found
    )


def join(sources: Sequence[LabelledImages]) -> LabelledImages:
    """Several sources as one: classes of the same name are one class, in the order in which they come.

    Pictures of another size than those of the first are resized to it.
    """
    if len(sources) == 1:
        return sources[0]
    classes = tuple(dict.fromkeys(name for source in sources for name in source.classes))
    place = {name: index for index, name in enumerate(classes)}
    labels = [np.array([place[name] for name in source.classes])[source.labels] for source in sources]
    size = sources[0].images.shape[1:]
    groups, first = [], 0
    for source in sources:
        mine = np.arange(len(source)) if source.groups is None else source.groups
        groups.append(mine + first)
        first += int(mine.max()) + 1
    alone = all(source.groups is None for source in sources)
    digest = hashlib.sha256("".join(source.sha256 for source in sources).encode())
    return LabelledImages(
        np.concatenate([_resized(source.images, *size) for source in sources]),
        np.concatenate(labels),
        classes,
        "+".join(source.name for source in sources),
        digest.hexdigest(),
        None if alone else np.concatenate(groups),
        tuple(f"{source.name}: {note}" for source in sources for note in source.notes),
        tuple((source.name, len(source)) for source in sources),
    )


def _resized(images: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Pictures (n, h, w) in another size."""
    if images.shape[1:] == (height, width):
        return images
    from PIL import Image

    sized = (Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS) for image in images)
    return np.stack([np.asarray(image) for image in sized])
