"""Where a ring of nails may be in a photograph: ellipses along which the light changes, the best first.

A wound board differs from its surroundings all along the ring: the thread ends there. For each size and
lean of an ellipse, the change of the light across it is summed along it for every place at once, by the
fast transform (a Hough transform for ellipses: D. H. Ballard, Generalizing the Hough transform to detect
arbitrary shapes, Pattern Recognition 13, 1981). Table edges, plates and round boards are found as well;
which ellipse is the ring, `pose` finds out. This module knows no thread.

Try it: python -c "from nitograph.calibration.ring import *; print(len(ellipses(np.eye(99))))"
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.calibration.pixels import Float64, blurred, sampled

SMALLEST, LARGEST = 0.13, 0.54  # larger half axis of a ring, in longer sides of the photograph
STEP = 1.045  # from one size to the next
LEANS = (1.0, 0.9, 0.8, 0.7, 0.6)  # smaller half axis ÷ larger
TURNS = 6  # directions of the larger half axis that are tried
SOFT = 1.2  # px, blur before the light's change is taken
TYPICAL = 75  # per cent of pixels that change less: a change as large counts half
APART = 0.12  # of its size: nearer ones are one
POINTS = 180  # along an ellipse


class Ellipse(NamedTuple):
    """One ellipse in a picture: its middle, its half axes a ≥ b, and the direction of a, radians; in px."""

    x: float
    y: float
    a: float
    b: float
    turn: float

    def at(self, angles: Float64) -> tuple[Float64, Float64]:
        """Points on it, by their angle before it was leaned."""
        u, v = self.a * np.cos(angles), self.b * np.sin(angles)
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return self.x + u * cos - v * sin, self.y + u * sin + v * cos

    def outward(self, angles: Float64) -> tuple[Float64, Float64]:
        """The unit vectors that point away from it there."""
        u, v = self.b * np.cos(angles), self.a * np.sin(angles)
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        length = np.hypot(u, v)
        return (u * cos - v * sin) / length, (u * sin + v * cos) / length


def around(count: int) -> Float64:
    """Angles evenly all round, radians, (count,)."""
    return np.asarray(np.arange(count, dtype=np.float64) * (math.tau / count))


def ellipses(light: Float64, most: int = 12) -> list[tuple[Ellipse, float]]:
    """Up to `most` different ellipses in a small picture (h, w), each with how clear it is, 0 to 1."""
    slopes = _slopes(light)
    spectrum = np.fft.fft2(slopes[0] + 1j * slopes[1])
    longer = max(light.shape)
    found: list[tuple[Ellipse, float]] = []
    count = int(math.log(LARGEST / SMALLEST) / math.log(STEP)) + 1
    for size in longer * SMALLEST * STEP ** np.arange(count):
        for lean in LEANS:
            for turn in np.arange(TURNS if lean < 1 else 1) * math.pi / TURNS:
                ellipse = Ellipse(0.0, 0.0, float(size), float(size * lean), float(turn))
                found += _places(spectrum, ellipse)
    found.sort(key=lambda each: -each[1])
    refined = [_refined(slopes, ellipse) for ellipse, _ in _different(found, 3 * most)]
    refined.sort(key=lambda each: -each[1])
    return _different(refined, most)


def _slopes(light: Float64) -> tuple[Float64, Float64]:
    """How the logarithm of the light changes along x and y, large changes bounded, (h, w) each."""
    soft = np.log(blurred(light, SOFT) + 0.02)
    down, across = np.gradient(soft)
    length = np.hypot(across, down)
    bound = length + np.percentile(length, TYPICAL) + 1e-9
    return across / bound, down / bound


def _places(spectrum: NDArray[np.complex128], ellipse: Ellipse) -> list[tuple[Ellipse, float]]:
    """The clearest places for an ellipse of this shape, wholly in the picture: one for each sign."""
    height, width = spectrum.shape
    angles = around(POINTS)
    x, y = ellipse.at(angles)
    reach_x, reach_y = float(x.max()), float(y.max())
    left, right = max(math.ceil(reach_x * 0.97), 0), width - math.ceil(reach_x * 0.97)
    top, bottom = max(math.ceil(reach_y * 0.97), 0), height - math.ceil(reach_y * 0.97)
    if left >= right or top >= bottom:
        return []
    nx, ny = ellipse.outward(angles)
    kernel = np.zeros((height, width), dtype=np.complex128)
    columns, rows = np.rint(x).astype(int) % width, np.rint(y).astype(int) % height
    np.add.at(kernel, (rows, columns), (nx + 1j * ny) / POINTS)
    score = np.fft.ifft2(spectrum * np.conj(np.fft.fft2(kernel))).real[top:bottom, left:right]
    found = []
    for at in (int(score.argmax()), int(score.argmin())):
        row, column = divmod(at, score.shape[1])
        middle = ellipse._replace(x=left + column + 0.5, y=top + row + 0.5)
        found.append((middle, abs(float(score[row, column]))))
    return found


def _different(found: list[tuple[Ellipse, float]], most: int) -> list[tuple[Ellipse, float]]:
    """The first `most` that are not near one before them."""
    kept: list[tuple[Ellipse, float]] = []
    angles = around(8)
    outlines: list[Float64] = []
    for ellipse, clear in found:
        outline = _outline(ellipse, angles)
        if all(np.abs(outline - other).max() > APART * ellipse.a for other in outlines):
            kept.append((ellipse, clear))
            outlines.append(outline)
        if len(kept) == most:
            break
    return kept


def _outline(ellipse: Ellipse, angles: Float64) -> Float64:
    """Its support by direction, which does not depend on how it is written down, (2n,)."""
    u = ellipse.a * np.cos(angles - ellipse.turn)
    v = ellipse.b * np.sin(angles - ellipse.turn)
    return np.asarray(np.hypot(u, v) + ellipse.x * np.cos(angles) + ellipse.y * np.sin(angles))


def _clear(slopes: tuple[Float64, Float64], ellipse: Ellipse) -> float:
    """How clear an ellipse is: the mean change of light across it, of one sign all along."""
    angles = around(POINTS)
    x, y = ellipse.at(angles)
    nx, ny = ellipse.outward(angles)
    return abs(float(np.mean(sampled(slopes[0], x, y) * nx + sampled(slopes[1], x, y) * ny)))


def _refined(slopes: tuple[Float64, Float64], ellipse: Ellipse) -> tuple[Ellipse, float]:
    """The ellipse moved, sized and leaned in ever smaller steps while that makes it clearer."""
    best, step = _clear(slopes, ellipse), 0.04 * ellipse.a
    while step > 0.3:
        better = False
        for field, scale in (("x", 1.0), ("y", 1.0), ("a", 1.0), ("b", 1.0), ("turn", 1.5 / ellipse.a)):
            for sign in (1, -1):
                moved = ellipse._replace(**{field: getattr(ellipse, field) + sign * scale * step})
                if not 0.5 * moved.a <= moved.b <= 1.02 * moved.a:
                    continue
                clear = _clear(slopes, moved)
                if clear > best:
                    ellipse, best, better = moved, clear, True
        step = step if better else step / 2
    return ellipse, best
