"""The vocabulary: nails, end of sequence, padding, classes and plan codes as token ids.

Ids in order: nails 0 … n−1, EOS, PAD, one token for each class, one for "any class", then the plan's
codes. A model emits a nail, EOS or (before the first nail) a plan code; never PAD, never a class.
This module knows nothing of networks.

Try it: python -c "from nitograph.model.vocab import Vocabulary; print(Vocabulary(256, ('7',)).eos)"
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SourceError

SHOWN, MOST_NAMED = 5, 60  # names in a message


@dataclass(frozen=True)
class Vocabulary:
    """Token ids of a board of `num_nails` and the classes a model knows."""

    num_nails: int
    classes: tuple[str, ...]
    plan_codes: int = 0

    @property
    def eos(self) -> int:
        """End of sequence."""
        return self.num_nails

    @property
    def pad(self) -> int:
        """Padding; never emitted, never learned."""
        return self.num_nails + 1

    @property
    def first_class(self) -> int:
        """The token of the first class; the others follow."""
        return self.num_nails + 2

    @property
    def any_class(self) -> int:
        """The token that stands for no class in particular."""
        return self.first_class + len(self.classes)

    @property
    def first_code(self) -> int:
        """The token of plan code 0."""
        return self.any_class + 1

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return self.first_code + self.plan_codes

    def class_index(self, label: str) -> int:
        """Index of a class by its name; SourceError with the known names if there is no such class."""
        check_known([label], self.classes)
        return self.classes.index(label)

    def encode(self, nails: Sequence[int] | NDArray[np.integer], label: str) -> NDArray[np.int32]:
        """Class, nails and EOS as token ids, shape (chords + 3,)."""
        head = self.first_class + self.class_index(label)
        return np.concatenate([[head], np.asarray(nails), [self.eos]]).astype(np.int32)

    def decode(self, tokens: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int32]:
        """The nails of a token sequence up to EOS; class, plan and padding left out."""
        ids = np.asarray(tokens, dtype=np.int32)
        ends = np.flatnonzero(ids == self.eos)
        ids = ids[: ends[0]] if len(ends) else ids
        return ids[ids < self.num_nails]


def check_known(labels: Sequence[str], classes: Sequence[str]) -> None:
    """SourceError with all that is not known, and what is, unless all labels are classes."""
    unknown = list(dict.fromkeys(label for label in labels if label not in classes))
    if unknown:
        shown = ", ".join(map(repr, unknown[:SHOWN])) + (", …" if len(unknown) > SHOWN else "")
        raise SourceError(f"this model knows no class {shown}; it knows {listed(classes)}")


def listed(classes: Sequence[str]) -> str:
    """The names of classes for a message: where they are many, signs that follow each other as a range."""
    if len(classes) <= 12:
        return ", ".join(classes)
    runs: list[list[str]] = []
    for name in classes:
        last = runs[-1][-1] if runs else ""
        if len(last) == len(name) == 1 and ord(name) == ord(last) + 1 and name.isalnum() and last.isalnum():
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else " ".join(run) for run in runs]
    shown = " ".join(parts[:MOST_NAMED])
    return shown + (f" and {len(parts) - MOST_NAMED} more" if len(parts) > MOST_NAMED else "")
