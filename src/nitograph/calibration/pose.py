"""From which side a camera saw a board: a projective map from the ring to the photograph, and its lens.

First an ellipse is taken for a circle seen from far away, and the rotation is found by comparing rings of
pixels with those of the board as reckoned; then all eight numbers of the map, and one for a lens that bends
lines, are improved together, from soft pictures to sharp ones (B. D. Lucas and T. Kanade, An iterative
image registration technique with an application to stereo vision, 1981; S. Baker and I. Matthews,
Lucas-Kanade 20 years on, 2004). Slow changes of the light across the board are left out of every
comparison. This module knows no threads, only pictures.

Try it: python -c "from nitograph.calibration.pose import *; print(slow(np.zeros(1), np.zeros(1)))"
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.calibration.pixels import Float64, blurred, reduced, sampled
from nitograph.calibration.ring import Ellipse, around
from nitograph.compute.parallel import one_blas_thread
from nitograph.light.frame import pixel_positions

INNER, OUTER = 0.15, 0.9  # radii between which rings are compared for the rotation
RINGS, ANGLES = 24, 256
SOFT = 0.05  # blur of these pictures; this and all below in radii of the ring
LEVELS = ((0.06, 0.8), (0.03, 0.86), (0.016, 0.9), (0.009, 0.93))  # blur, and radius that is looked at
COARSE = LEVELS[:2]  # tell which ellipse is the ring
LENS_UNTIL = 0.02  # blur below which the lens is looked for
SAMPLES = 4.0, 150  # along the board in a comparison: for each blur that fits into it, and at most
TIMES, STILL = 20, 1e-4  # steps at most, and the change that is none
FARTHEST = 0.12  # change of the map in one step
MOST_BENT = 0.2


@dataclass(frozen=True)
class Pose:
    """How points of the board, (x, y) in radii of the ring, y down, come to lie in a photograph.

    matrix: (3, 3), to places from the photograph's middle in halves of its longer side. bend: how much
    farther from there the lens puts them, per square of that distance. shape: (h, w) of the photograph.
    """

    matrix: Float64
    bend: float
    shape: tuple[int, int]

    @classmethod
    @one_blas_thread
    def of(cls, ellipse: Ellipse, turn: float, mirrored: bool, shape: tuple[int, int]) -> "Pose":
        """A board seen from far away, turned by `turn` radians clockwise within its ellipse."""
        half = max(shape) / 2
        axes = _rotation(ellipse.turn) @ np.diag([ellipse.a / half, ellipse.b / half]) @ _rotation(turn)
        matrix = np.eye(3)
        matrix[:2, :2] = axes @ np.diag([-1.0 if mirrored else 1.0, 1.0])
        matrix[:2, 2] = (ellipse.x - shape[1] / 2) / half, (ellipse.y - shape[0] / 2) / half
        return cls(matrix, 0.0, shape)

    def at(self, x: Float64, y: Float64) -> tuple[Float64, Float64]:
        """Pixels of the photograph where these points of the board lie."""
        (a, b, c), (d, e, f), (g, h, i) = self.matrix
        deep = g * x + h * y + i
        u, v = (a * x + b * y + c) / deep, (d * x + e * y + f) / deep
        far = 1 + self.bend * (u * u + v * v)
        half = max(self.shape) / 2
        return u * far * half + self.shape[1] / 2, v * far * half + self.shape[0] / 2

    @one_blas_thread
    def moved(self, change: Float64) -> "Pose":
        """The map after a small change (9,) of the board's points before it, and of the bend."""
        step = np.eye(3)
        step.reshape(-1)[:8] += change[:8]
        return Pose(self.matrix @ step, float(self.bend + change[8]), self.shape)

    @property
    def mirrored(self) -> bool:
        """Whether the photograph shows the board's other side."""
        return bool(np.linalg.det(self.matrix) < 0)

    @property
    def radius(self) -> float:
        """Radius of the ring in the photograph, pixels: of a circle as large."""
        x, y = self.at(*_circle(64))
        area = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
        return math.sqrt(area / math.pi)

    def shows(self, radius: float) -> bool:
        """Whether the board lies in the photograph as far as this circle."""
        x, y = self.at(*_circle(64, radius))
        return bool(x.min() > 0 and y.min() > 0 and x.max() < self.shape[1] and y.max() < self.shape[0])

    @one_blas_thread
    def is_possible(self) -> bool:
        """Whether all of the board lies before the camera, and most in the photograph; not too small."""
        x, y = _circle(64, 1.1)
        before = bool((self.matrix[2] @ np.stack([x, y, np.ones_like(x)]) > 0.1).all())
        return before and self.shows(0.8) and self.radius > 0.1 * max(self.shape)


class Reckoned:
    """A picture of the board (c, c) as the frame lies, and soft copies of it."""

    def __init__(self, light: Float64) -> None:
        self.light = light
        self._soft: dict[float, Float64] = {}

    def soft(self, blur: float) -> Float64:
        """Blurred; in radii."""
        if blur not in self._soft:
            self._soft[blur] = blurred(self.light, blur / self.pixel)
        return self._soft[blur]

    @property
    def pixel(self) -> float:
        """Side of a pixel, in radii."""
        places = pixel_positions(len(self.light))
        return float(places[1] - places[0])

    def sampled(self, blur: float, x: Float64, y: Float64) -> Float64:
        """Its values at points of the board."""
        half = len(self.light) / 2
        return sampled(self.soft(blur), x / self.pixel + half, y / self.pixel + half)


def slow(x: Float64, y: Float64) -> Float64:
    """What light across a board may do by itself: level, slope and curve, (n, 6)."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


@one_blas_thread
def turns(photo: Float64, ellipse: Ellipse, board: Reckoned) -> list[tuple[float, Pose]]:
    """For both sides of the board the best rotation within an ellipse, with its likeness, −1 to 1."""
    radii = np.linspace(INNER, OUTER, RINGS)
    angles = around(ANGLES)
    x, y = (radii[:, None] * each for each in (np.cos(angles), np.sin(angles)))
    flat = Pose.of(ellipse, 0.0, False, photo.shape[:2])
    soft = blurred(photo, SOFT * math.sqrt(ellipse.a * ellipse.b))
    weight = np.repeat(np.sqrt(radii), ANGLES)
    left, _ = np.linalg.qr(slow(x.ravel(), y.ravel()) * weight[:, None])

    def ringwise(values: Float64) -> NDArray[np.complex128]:
        found = values.ravel() * weight
        found = found - left @ (left.T @ found)
        return np.fft.rfft(
            (found / max(float(np.linalg.norm(found)), 1e-12)).reshape(RINGS, ANGLES), axis=1
        )

    seen = ringwise(sampled(soft, *flat.at(x, y)))
    found = []
    for mirrored in (False, True):
        wanted = ringwise(board.sampled(SOFT, -x if mirrored else x, y))
        likeness = np.fft.irfft((seen * np.conj(wanted)).sum(axis=0), ANGLES)
        best = int(likeness.argmax())
        found.append(
            (float(likeness[best]), Pose.of(ellipse, float(angles[best]), mirrored, photo.shape[:2]))
        )
    return found


def improved(
    photo: Float64, pose: Pose, board: Reckoned, levels: tuple[tuple[float, float], ...] = LEVELS
) -> tuple[float, Pose]:
    """The map that makes photograph and board most alike, near `pose`; with the likeness, −1 to 1."""
    likeness = -1.0
    for blur, reach in levels:
        radius = pose.radius
        factor = max(int(blur * radius / 2), 1)
        soft = blurred(reduced(photo, factor), blur * radius / factor)
        level = _Level(soft, factor, board, blur, reach)
        likeness, kept = -1.0, pose
        for _ in range(TIMES):
            found, change = level.step(pose, lens=blur < LENS_UNTIL)
            if found > likeness:
                likeness, kept = found, pose
            if np.abs(change).max() < STILL:
                break
            change *= min(1.0, FARTHEST / float(np.abs(change[:8]).max()))
            pose = pose.moved(change)
            if abs(pose.bend) > MOST_BENT or not pose.is_possible():
                break
        pose = kept
    return likeness, pose


class _Level:
    """One blur of photograph and board, compared at points all over the board."""

    def __init__(self, soft: Float64, factor: int, board: Reckoned, blur: float, reach: float) -> None:
        count = min(int(SAMPLES[0] * reach / blur), SAMPLES[1])
        along = (2 * np.arange(count) + 1 - count) / count * reach
        x, y = np.meshgrid(along, along)
        inside = np.hypot(x, y) <= reach
        self.x, self.y = x[inside], y[inside]
        self.soft, self.factor = soft, factor
        self.down, self.across = (np.asarray(slope, np.float64) for slope in np.gradient(soft))
        wanted = board.sampled(blur, self.x, self.y)
        self.slow = slow(self.x, self.y)
        self.model = np.hstack([self.slow, wanted[:, None], wanted[:, None] * self.slow[:, 1:3]])
        self.wanted = wanted

    @one_blas_thread
    def step(self, pose: Pose, *, lens: bool) -> tuple[float, Float64]:
        """How alike both are now, and the change (9,) of the map that makes them more so."""
        x, y = (place / self.factor for place in pose.at(self.x, self.y))
        seen = sampled(self.soft, x, y)
        across, down = sampled(self.across, x, y), sampled(self.down, x, y)
        slopes = np.empty((len(seen), 9))
        for number in range(9):
            change = np.zeros(9)
            change[number] = 1e-4
            moved_x, moved_y = pose.moved(change).at(self.x, self.y)
            slopes[:, number] = across * (moved_x / self.factor - x) + down * (moved_y / self.factor - y)
        slopes *= 1e4
        if not lens:
            slopes[:, 8] = 0.0
        system = np.hstack([self.model, -slopes])
        square = system.T @ system
        damp = 1e-9 * np.diag(np.diag(square)) + 1e-15 * np.trace(square) * np.eye(len(square))
        solved = np.linalg.solve(square + damp, system.T @ seen)
        return likeness(seen, self.wanted, self.slow), solved[-9:] * (1.0 if lens else np.r_[np.ones(8), 0])


@one_blas_thread
def likeness(seen: Float64, wanted: Float64, base: Float64) -> float:
    """Correlation of two pictures (n,) once what changes slowly, (n, k), has been taken out of both."""
    left, _ = np.linalg.qr(base)
    seen, wanted = (values - left @ (left.T @ values) for values in (seen, wanted))
    length = float(np.linalg.norm(seen) * np.linalg.norm(wanted))
    return float(seen @ wanted) / length if length > 1e-12 else 0.0


def _rotation(angle: float) -> Float64:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _circle(count: int, radius: float = 1.0) -> tuple[Float64, Float64]:
    angles = around(count)
    return radius * np.cos(angles), radius * np.sin(angles)
