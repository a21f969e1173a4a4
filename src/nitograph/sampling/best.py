"""Best of several: the seeds of further candidates, and the one that the bundled critic likes best.

The first candidate of a seed is the thread that the seed gives anyway; the others have seeds of their own,
drawn from it, each of which brings its candidate back alone. This module draws no threads.

Try it: python -m nitograph generate 7 --best-of 4
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.model.weights import Weights
from nitograph.sampling.critic import bundled, pictures

CANDIDATE_STREAM = 3  # the first part of the spawn keys of further candidates


def seeds_of(seed: int, count: int) -> list[int]:
    """The seeds of `count` candidates: `seed`, then numbers below 2^63 that follow from it."""
    keys = (np.random.SeedSequence(seed, spawn_key=(CANDIDATE_STREAM, k)) for k in range(1, count))
    return [seed, *(int(key.generate_state(1, np.uint64)[0] >> np.uint64(1)) for key in keys)]


def best_rows(
    weights: Weights, paths: Sequence[NDArray[np.integer]], labels: Sequence[str | None], count: int
) -> list[int]:
    """Of each `count` paths in a row the one that the critic likes best, as indices into `paths`."""
    liking = bundled().liking(pictures(paths, weights.board, weights.weaving), labels)
    return [first + int(liking[first : first + count].argmax()) for first in range(0, len(paths), count)]
