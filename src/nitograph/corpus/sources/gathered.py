"""Pictures gathered one by one into a source: which class, who made them, what was wrong with some.

A picture that cannot be read is named and does not stop the rest; blank ones are counted. This module reads
no files.

Try it: python -c "from nitograph.corpus.sources.gathered import Gathered; print(Gathered('mine').name)"
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.greys import is_blank
from nitograph.corpus.sources.images import LabelledImages, check_filled, checked, part_of
from nitograph.errors import NitographError, SourceError

SHOWN = 3  # odd files that are named


class Gathered:
    """The pictures of a source as they come, all of one size."""

    def __init__(self, name: str, classes: Sequence[str] = ()) -> None:
        self.name = name
        self._classes: dict[str, int] = {found: at for at, found in enumerate(classes)}
        self._groups: dict[str, int] = {}
        self._pictures: list[NDArray[np.uint8]] = []
        self._rows: list[tuple[int, int]] = []
        self._odd: list[str] = []
        self._blank, self.turned = 0, 0

    def add(self, picture: NDArray[np.uint8], label: str, group: str) -> None:
        """A picture (h, w), light on dark, of a class, made by somebody or something of that name."""
        if is_blank(picture):
            self._blank += 1
            return
        self._pictures.append(picture)
        label_index = self._classes.setdefault(label, len(self._classes))
        self._rows.append((label_index, self._groups.setdefault(group, len(self._groups))))

    def blank(self) -> None:
        """A picture with nothing on it."""
        self._blank += 1

    def odd(self, error: NitographError | str) -> None:
        """A file that cannot be used, and why."""
        self._odd.append(str(error))

    def part(self, split: str, *notes: str, called: str | None = None) -> LabelledImages:
        """The pictures of a split; SourceError if a class has none, or there are none at all.

        called: what the name says of the split.
        """
        if not self._pictures:
            reason = f": {self._odd[0]}" if self._odd else "; all are blank" if self._blank else ""
            raise SourceError(f"{self.name} has no picture that can be used{reason}")
        images, rows = np.stack(self._pictures), np.array(self._rows, dtype=np.int64)
        classes = tuple(self._classes)
        digest = hashlib.sha256(images.tobytes() + rows.tobytes() + "\0".join(classes).encode())
        whole = LabelledImages(
            images,
            rows[:, 0],
            classes,
            f"{self.name}:{called or split}",
            digest.hexdigest(),
            rows[:, 1],
            tuple(self._notes(notes)),
        )
        check_filled(checked(whole))
        return part_of(whole, split, list(self._groups))

    def _notes(self, more: Sequence[str]) -> list[str]:
        """What is to be said of the pictures."""
        notes = list(more)
        if self.turned:
            notes.append(f"{self.turned} pictures dark on light: turned")
        if self._blank:
            notes.append(f"{self._blank} blank pictures left out")
        if self._odd:
            further = f", and {len(self._odd) - SHOWN} more" if len(self._odd) > SHOWN else ""
            notes.append(f"{len(self._odd)} left out: {'; '.join(self._odd[:SHOWN])}{further}")
        return notes
