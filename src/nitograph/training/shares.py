"""What one of several processes takes of a step's rows, so that all together do what one alone would do.

The rows of a step, and everything that is drawn for them, are the same in all processes; each works on
every world-th row from its rank on, with what was drawn for these rows. This module communicates nothing.

Try it: python -c "from nitograph.training.shares import Share; help(Share)"
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Drawn(np.random.Generator):
    """A generator that draws for `count` rows and gives what belongs to some of them, `mine`.

    An array whose first dimension is the number of `mine` is such a draw; anything else is drawn as it is.
    """

    def __init__(self, rng: np.random.Generator, count: int, mine: NDArray[np.int64]) -> None:
        super().__init__(rng.bit_generator)
        self._count, self._mine = count, mine

    def random(self, size: Any = None, *more: Any, **named: Any) -> Any:
        """As Generator.random."""
        return self._share(super().random, size, *more, **named)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """As Generator.normal."""
        return self._share(lambda whole: super(Drawn, self).normal(loc, scale, whole), size)

    def standard_normal(self, size: Any = None, *more: Any, **named: Any) -> Any:
        """As Generator.standard_normal."""
        return self._share(super().standard_normal, size, *more, **named)

    def integers(self, low: Any, high: Any = None, size: Any = None, *more: Any, **named: Any) -> Any:
        """As Generator.integers."""
        return self._share(
            lambda whole: super(Drawn, self).integers(low, high, whole, *more, **named), size
        )

    def _share(self, draw: Any, size: Any, *more: Any, **named: Any) -> Any:
        shape = (size,) if isinstance(size, int) else size
        if shape is None or len(shape) == 0 or shape[0] != len(self._mine):
            return draw(size, *more, **named)
        return draw((self._count, *shape[1:]), *more, **named)[self._mine]


class Part(NamedTuple):
    """Some rows of a step. weight: 0 where there are fewer rows than processes: these are another's."""

    rows: NDArray[np.int64]
    rng: np.random.Generator
    weight: int


class Share(NamedTuple):
    """The share of the process of this rank among `world` of them."""

    rank: int = 0
    world: int = 1

    def of(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Part:
        """The rows of this process, and a generator of what is drawn for them; of one alone, all."""
        if self.world == 1:
            return Part(rows, rng, 1)
        mine = np.arange(self.rank, len(rows), self.world)
        weight = min(len(mine), 1)
        mine = mine if weight else np.zeros(1, np.int64)
        return Part(rows[mine], Drawn(rng, len(rows), mine), weight)


ALONE = Share()
