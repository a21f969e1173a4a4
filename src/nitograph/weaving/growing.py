"""A thread that grows a slice at a time, over whatever light: what its weavers have in common.

This module knows neither pictures nor light.

Try it: python -c "from nitograph.weaving.growing import Growing; help(Growing)"
"""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nitograph.weaving.settings import WeaveSettings


class Growing(ABC):
    """A path of which the first `_length` nails count; `done` once it has ended."""

    settings: WeaveSettings
    done: bool
    _path: NDArray[np.int32]
    _length: int

    @property
    def chords(self) -> int:
        """How many chords are laid so far."""
        return max(self._length - 1, 0)

    @property
    def nails(self) -> NDArray[np.int32]:
        """The nails laid so far, (chords + 1,); empty before the first chord."""
        return self._path[: self._length if self._length > 1 else 0].copy()

    @abstractmethod
    def advance(self) -> bool:
        """Go on for a slice; False when the thread has ended."""

    def stuck(self) -> bool:
        """Whether the walk ended early for want of a nail that may come next."""
        return self.done and self.settings.no_way_on(self._path[: self._length])

    def run(self) -> Self:
        """Continue to the end."""
        while self.advance():
            pass
        return self
