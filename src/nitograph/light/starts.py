"""The score of every chord with which a thread might begin, on planned light, in closed form. NumPy only.

The light along a chord depends on how many nails it spans and, as a sum of waves up to the light's order,
on the nail where it begins. So each chord is scored once, from the end from which it goes clockwise, and
all chords of one span are one product with a table of waves. Nothing is cut to 0 … 1 and pixels are
averaged: these scores are only near to those of `fans`. This module knows no network.

Try it: python -c "from nitograph.light.starts import *; print(Starts(Scoring(), 24, 6).spans[-1])"
"""

import functools

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.light.fans import Scoring
from nitograph.light.frame import FRAME
from nitograph.light.zernike import Zernike

Float32 = NDArray[np.float32]


class Starts:
    """The first chords of a board on light of an order, those that span at least `gap` nails.

    spans (s,): how many nails each kind of chord spans, gap to n // 2. weights (s,): how often a chord
    of that span stands in `scores`, inverted; only a diameter stands there twice.
    """

    def __init__(self, scoring: Scoring, order: int, gap: int) -> None:
        n, zernike = scoring.nails, Zernike(order)
        self.spans = np.arange(gap, n // 2 + 1)
        self.weights = np.where(2 * self.spans == n, np.float32(0.5), np.float32(1))
        beta = self.spans * (np.pi / n)
        pixels = scoring.canvas_size * FRAME / 2  # of a board radius
        wide, strength = scoring.width * pixels, scoring.line_strength
        area = 2 * np.sin(beta) * pixels * wide  # of the chord's band
        per_light = 2 * strength * wide * pixels / np.maximum(area, 1.0) ** scoring.length_power
        # A band cuts pixels: their squared coverage comes to less than its area, by a third of an edge.
        own = strength**2 * area * (1 - 1 / (3 * wide)) / np.maximum(area, 1.0) ** scoring.length_power
        self._own = own[:, None].astype(np.float32)
        self._n = n
        radial, frequency = zernike.pairs.T
        reach = zernike.norms * 2 / (radial + 1) * np.sin((radial + 1) * beta[:, None]) * per_light[:, None]
        columns = [np.flatnonzero(frequency == m) for m in range(order + 1)]
        most, half = max(map(len, columns)), len(radial)
        self._columns = np.array([[*own, *[half] * (most - len(own))] for own in columns])
        padded = np.concatenate([reach, np.zeros((len(beta), 1))], axis=1)
        self._reach = np.ascontiguousarray(padded[:, self._columns].transpose(1, 0, 2))  # (F, s, most)
        self._phase = np.exp(-1j * np.arange(order + 1)[:, None] * beta)
        angles = np.arange(order + 1)[:, None] * (2 * np.pi / n * np.arange(n))
        self._waves = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)

    @one_blas_thread
    def scores(self, light: NDArray[np.floating]) -> Float32:
        """Scores (b, s, n) on light (b, 2M): in row i, column a is the chord from nail a to a + spans[i].

        Each of the b is worked out by itself, so that it does not depend on the others.
        """
        b, half = len(light), light.shape[1] // 2
        values = np.zeros((b, half + 1, 2))
        values[:, :half] = light.reshape(b, 2, half).transpose(0, 2, 1)
        seen = (self._reach @ values[:, self._columns]).view(np.complex128)[..., 0]
        seen *= self._phase
        parts = np.concatenate([seen.real, seen.imag], axis=1).astype(np.float32)
        found = parts.transpose(0, 2, 1) @ self._waves
        found -= self._own
        return np.asarray(found)

    def ends(self, values: Float32) -> Float32:
        """Sums over the chords that end in each nail, (b, n), of values (b, s, n) laid out as scores."""
        n = self._n
        weighed = values * self.weights[:, None]
        twice = np.concatenate([weighed, weighed], axis=2)
        batch, row, step = twice.strides
        back = np.lib.stride_tricks.as_strided(  # row i: values of the chords that arrive at each nail
            twice[:, :, n - int(self.spans[0]) :], weighed.shape, (batch, row - step, step)
        )
        return np.asarray(weighed.sum(axis=1) + back.sum(axis=1))


@functools.lru_cache(maxsize=4)
def starts_of(scoring: Scoring, order: int, gap: int) -> Starts:
    """The Starts of some settings, kept for the next call."""
    return Starts(scoring, order, gap)
