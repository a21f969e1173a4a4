"""How dark a thread really is, from the light of a wound board: three causes of a dark place told apart.

What a photograph shows of a board is the light that falls there × (the share s that is still bare + the
share 1 − s that is thread × how light the thread itself is). The light is a smooth field, e to the power of
a polynomial of second degree; s follows from the width that a thread hides, by the rule of weaving. All are
found at once, by least squares (Gauss and Newton's method, damped: K. Levenberg, A method for the solution
of certain non-linear problems in least squares, 1944). Eight sectors of the board are left out in turn, and
what that changes says how sure the width is (the jackknife: J. W. Tukey, 1958). This module knows no
photographs, only pictures seen straight on.

Try it: python -c "from nitograph.calibration.tones import *; print(SECTORS)"
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.calibration.pixels import Float64, blurred
from nitograph.calibration.pose import slow
from nitograph.compute.parallel import one_blas_thread
from nitograph.light.frame import pixel_positions

BLUR, REACH = 2.0, 0.93  # pixels of both pictures, and radii that are compared
EVERY = 2  # pixels, one of which is compared
SECTORS = 8
TIMES, STILL = 40, 1e-5
BOUNDS = math.log(20.0)  # of the darkness, either way
STEP = 0.02  # of its logarithm, for the slope
FREE = -1.0, 0.98  # light of what is covered ÷ of what is bare


class Tones(NamedTuple):
    """What was found. field: (6,), the logarithm of the light, of `pose.slow`."""

    darkness: float
    unsure: float  # one standard deviation of its logarithm
    covered: float  # light of thread that hides all ÷ light of the bare board; upside down for light thread
    field: Float64
    error: float  # root mean square, of the light of what is bare

    @one_blas_thread
    def light(self, size: int) -> Float64:
        """The light that falls on the board, of a picture (c, c)."""
        x, y = np.meshgrid(*2 * [pixel_positions(size)])
        return np.asarray(np.exp(slow(x.ravel(), y.ravel()) @ self.field).reshape(size, size))

    def falloff(self) -> float:
        """The least light within the ring ÷ the most."""
        place = pixel_positions(64)
        inside = np.hypot(place[:, None], place) <= 1
        lit = self.light(64)[inside]
        return float(lit.min() / lit.max())


@one_blas_thread
def fitted(seen: Float64, left: Callable[[float], Float64], dark: bool) -> Tones:
    """The tones of a board seen straight on (c, c).

    left: the share of its light that each pixel keeps (c, c), for a thread of this darkness. dark: whether
    the thread is darker than the board.
    """
    fit = _Fit(seen, left, dark)
    every = np.ones(len(fit.seen), dtype=bool)
    best = fit.run(fit.start(), every)
    sector = np.floor((np.arctan2(fit.y, fit.x) / math.tau + 0.5) * SECTORS).astype(int) % SECTORS
    without = np.array([fit.run(best, sector != number)[0] for number in range(SECTORS)])
    unsure = math.sqrt((SECTORS - 1) * float(np.mean((without - without.mean()) ** 2)))
    off = fit.off(best, every) / np.exp(fit.slow @ best[2:])
    return Tones(math.exp(best[0]), unsure, float(best[1]), best[2:], float(np.sqrt(np.mean(off**2))))


class _Fit:
    """Least squares over (log darkness, light of what is covered, field)."""

    def __init__(self, seen: Float64, left: Callable[[float], Float64], dark: bool) -> None:
        place = pixel_positions(len(seen))[EVERY // 2 :: EVERY]
        x, y = np.meshgrid(place, place)
        self.inside = np.hypot(x, y) <= REACH
        self.x, self.y = x[self.inside], y[self.inside]
        self.slow = slow(self.x, self.y)
        self.dark, self.left = dark, left
        self.seen = self._picked(seen)
        self.kept: dict[float, Float64] = {}

    def _picked(self, image: Float64) -> Float64:
        """The pixels of a blurred picture that are compared, (n,)."""
        half = EVERY // 2
        return np.asarray(blurred(image, BLUR)[half::EVERY, half::EVERY][self.inside])

    def bare(self, log_darkness: float) -> Float64:
        """The share of each pixel that shows what is lighter, (n,); between steps as a straight line."""
        place = log_darkness / STEP
        low = math.floor(place)
        for step in (low, low + 1):
            if step not in self.kept:
                light = self.left(math.exp(step * STEP))
                self.kept[step] = self._picked(light if self.dark else 1 - light)
        return self.kept[low] + (place - low) * (self.kept[low + 1] - self.kept[low])

    def start(self) -> Float64:
        """The darkness of the thread's thickness, black, and the light that goes with it."""
        bare = self.bare(0.0)
        level = max(float(np.sum(bare * self.seen) / np.sum(bare * bare)), 1e-6)
        return np.array([0.0, 0.05, math.log(level), 0.0, 0.0, 0.0, 0.0, 0.0])

    @one_blas_thread
    def off(self, at: Float64, which: NDArray[np.bool_]) -> Float64:
        """What is reckoned less what is seen."""
        bare = self.bare(at[0])[which]
        return np.asarray(
            np.exp(self.slow[which] @ at[2:]) * (bare + at[1] * (1 - bare)) - self.seen[which]
        )

    @one_blas_thread
    def run(self, at: Float64, which: NDArray[np.bool_]) -> Float64:
        """The values with the least squares, from `at`."""
        damp, off = 1e-3, self.off(at, which)
        for _ in range(TIMES):
            bare, field = self.bare(at[0])[which], np.exp(self.slow[which] @ at[2:])
            tilt = (self.bare(at[0] + STEP) - self.bare(at[0]))[which] / STEP
            slopes = np.column_stack(
                [
                    field * (1 - at[1]) * tilt,
                    field * (1 - bare),
                    (field * (bare + at[1] * (1 - bare)))[:, None] * self.slow[which],
                ]
            )
            square = slopes.T @ slopes
            change = np.linalg.solve(square + damp * np.diag(np.diag(square) + 1e-12), -slopes.T @ off)
            new = at + np.clip(change, -0.3, 0.3)
            new[0] = np.clip(new[0], -BOUNDS, BOUNDS)
            new[1] = np.clip(new[1], *FREE)
            found = self.off(new, which)
            if found @ found > off @ off:
                damp *= 10
                if damp > 1e6:
                    break
                continue
            still = float(np.abs(new - at).max()) < STILL
            at, off, damp = new, found, damp / 5
            if still:
                break
        return at
