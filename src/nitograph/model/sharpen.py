"""A plan's blurred picture made sharp: what the codes leave out is drawn, not averaged. NumPy only.

The codes of a plan stand for light that is a mean over many pictures. A flow (Y. Lipman et al., "Flow
Matching for Generative Modeling", ICLR 2023) leads from noise at time 0 to one residual, sharp picture less
the coarse one, along x = (1 − t) · noise + t · residual; a small convolutional network names the residual
expected at the end (scaled as by T. Karras et al., NeurIPS 2022). It works on cells of 2×2 pixels, and once
on cells of 4×4, sees the coarse picture and knows the class; `doubt` tells it that some codes may be wrong,
so that it may mend what no picture looks like. Pictures are 32×32, light 0 to 1, on the frame of the
encoder's targets; a 64×64 target shrunk to that and enlarged again differs from itself by a thousandth of
its energy. Enlarged, such pictures are what a model with sight can look at (`pictures` of a decoder's
step). This module does not know how the network was trained, nor what codes are; nothing uses it by itself.

Try it: python -c "from nitograph.model.sharpen import *; print(enlarged(np.ones((1, 32, 32))).shape)"
"""

import functools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import in_threads, one_blas_thread
from nitograph.light.frame import pixel_positions
from nitograph.light.zernike import Zernike
from nitograph.model.settings import WAVES as WAVES

SIDE = 32
CONDITIONS = 2 * WAVES + 1
PART = 8  # pictures that are drawn together

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sharpener:
    """A flow at rest.

    tensors: `spread` (1,) standard deviation of a residual; `class` (classes + 1, CONDITIONS) what is added
    to the conditions; convolutions `in.weight` (9, 8, c) and, for the blocks `fine.i` and `wide.i`, `first`
    and `last` (9, c, c), `norm` (c,), `condition` (CONDITIONS, c); `down` (4c, w), `up` (w, 4c), `out.norm`
    (c,), `out.weight` (c, 4). The first fine block stands before the wide ones, the others behind.
    """

    tensors: dict[str, Float32]

    @property
    def spread(self) -> float:
        """Standard deviation of a residual."""
        return float(self.tensors["spread"][0])

    def blocks(self, kind: str) -> int:
        """How many blocks of a kind, "fine" or "wide"."""
        return sum(name.startswith(f"{kind}.") and name.endswith(".norm") for name in self.tensors)

    @one_blas_thread
    def draw(
        self,
        coarse: NDArray[np.floating],
        labels: NDArray[np.integer],
        noise: Float32,
        *,
        doubt: float = 0.0,
        steps: int = 6,
    ) -> Float32:
        """Sharp pictures of coarse ones and noise, (b, 32, 32) each; labels (b,), the last: any class.

        In parts of PART pictures, which fit a processor's cache, in threads if there are several.
        """
        shown, noise = np.asarray(coarse, np.float32), np.asarray(noise, np.float32)
        classes, found = np.asarray(labels), np.empty_like(noise)

        def work(room: Room, part: slice) -> None:
            found[part] = self._drawn(shown[part], classes[part], noise[part], doubt, steps, room)

        parts = [slice(first, first + PART) for first in range(0, len(shown), PART)]
        if len(parts) == 1:
            work(Room(), parts[0])
        else:
            for _ in in_threads(work, Room, parts):
                pass
        return found

    def _drawn(
        self, shown: Float32, labels: NDArray[np.integer], noise: Float32, doubt: float, steps: int,
        room: "Room",
    ) -> Float32:  # fmt: skip
        x, grid = cells(noise), times(steps)
        given = cells((shown - np.float32(0.5)) * 2)
        for now, after in pairwise(grid):
            goal = self.end(x, given, now, labels, doubt, room)
            x = x + (goal - x) * np.float32((after - now) / (1 - now))
        return np.clip(shown + np.float32(self.spread) * pixels(x), 0, 1)

    def end(
        self, x: Float32, given: Float32, time: float, labels: NDArray[np.integer], doubt: float,
        room: "Room",
    ) -> Float32:  # fmt: skip
        """The residual expected at time 1 of x at `time`, both in units of `spread`, (b, 16, 16, 4)."""
        root = np.float32(np.hypot(time, 1 - time))
        condition = conditions(time, doubt) + self.tensors["class"][labels]
        found = self.network(np.concatenate([x / root, given], axis=3), condition, room)
        return np.asarray(x * np.float32(time / root**2) + found * np.float32((1 - time) / root))

    def network(self, x: Float32, condition: Float32, room: "Room | None" = None) -> Float32:
        """(b, 16, 16, 8) and (b, CONDITIONS) → (b, 16, 16, 4)."""
        t, room = self.tensors, room or Room()
        h = convolved(x, t["in.weight"], room)
        h = self._block(h, condition, "fine.0", room)
        low: Float32 = cells_of(h) @ t["down"]
        for i in range(self.blocks("wide")):
            low = self._block(low, condition, f"wide.{i}", room)
        h += pixels_of(low @ t["up"])
        for i in range(1, self.blocks("fine")):
            h = self._block(h, condition, f"fine.{i}", room)
        return normed(h, t["out.norm"]) @ t["out.weight"]

    def _block(self, h: Float32, condition: Float32, name: str, room: "Room") -> Float32:
        t = self.tensors
        u = convolved(normed(h, t[f"{name}.norm"]), t[f"{name}.first"], room)
        u += (condition @ t[f"{name}.condition"])[:, None, None]
        below = np.exp(-u)
        below += np.float32(1)
        u /= below
        found = convolved(u, t[f"{name}.last"], room)
        found += h
        return found


class Room:
    """Arrays in which convolutions gather neighbours, one for each shape; not to be shared by threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], tuple[Float32, Float32]] = {}

    def neighbours(self, x: Float32) -> Float32:
        """The 3×3 neighbours of each place of x (b, h, w, c), rows first, zeros around: (b · h · w, 9c).

        The array is overwritten by the next call.
        """
        b, h, w, c = x.shape
        if x.shape not in self._kept:
            wide = np.zeros((b, h + 2, w + 2, c), np.float32)
            self._kept[x.shape] = wide, np.empty((b, h, w, 3, 3 * c), np.float32)
        wide, rows = self._kept[x.shape]
        wide[:, 1:-1, 1:-1] = x
        by_b, by_y, by_x, by_c = wide.strides  # three places of a row lie in memory as one run
        rows[...] = np.lib.stride_tricks.as_strided(wide, rows.shape, (by_b, by_y, by_x, by_y, by_c))
        return rows.reshape(-1, 9 * c)


def times(steps: int) -> NDArray[np.float64]:
    """Where the flow is looked at, from 0 to 1."""
    return np.linspace(0, 1, steps + 1)


def conditions(time: float, doubt: float) -> Float32:
    """What a step is conditioned on: waves of the time, the doubt."""
    k = np.arange(1, WAVES + 1) * (np.pi / 2)
    return np.concatenate([np.cos(k * time), np.sin(k * time), [doubt]]).astype(np.float32)


@one_blas_thread
def normed(h: Float32, weight: Float32) -> Float32:
    """h (…, c) over its root mean square, times a weight (c,)."""
    power = np.vecdot(h, h)
    power /= np.float32(h.shape[-1])
    power += np.float32(1e-6)
    found = h / np.sqrt(power, out=power)[..., None]
    found *= weight
    return np.asarray(found)


@one_blas_thread
def convolved(x: Float32, weight: Float32, room: Room | None = None) -> Float32:
    """3×3 convolution with zeros around: (b, h, w, c) and (9, c, d), rows first, → (b, h, w, d)."""
    rows = (room or Room()).neighbours(x)
    return (rows @ weight.reshape(rows.shape[1], -1)).reshape(*x.shape[:3], -1)


def cells_of(x: Float32) -> Float32:
    """2×2 neighbours side by side: (b, h, w, c) → (b, h / 2, w / 2, 4c)."""
    b, h, w, c = x.shape
    parts = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(b, h // 2, w // 2, 4 * c)


def pixels_of(x: Float32) -> Float32:
    """The opposite: (b, h, w, 4c) → (b, 2h, 2w, c)."""
    b, h, w, c = x.shape
    parts = x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(b, 2 * h, 2 * w, c // 4)


def cells(pictures: Float32) -> Float32:
    """(b, 32, 32) → (b, 16, 16, 4)."""
    return cells_of(pictures[..., None])


def pixels(x: Float32) -> Float32:
    """(b, 16, 16, 4) → (b, 32, 32)."""
    return pixels_of(x)[..., 0]


@one_blas_thread
def coarse_pictures(light: NDArray[np.floating], order: int) -> Float32:
    """Light (b, k) as pictures (b, 32, 32), cut to 0 … 1."""
    shown = np.clip(np.asarray(light, np.float32) @ _basis(order), 0, 1)
    return np.asarray(shown.reshape(-1, SIDE, SIDE))


@one_blas_thread
def enlarged(pictures: NDArray[np.floating]) -> Float32:
    """(b, 32, 32) → (b, 64, 64), by cubic interpolation (R. Keys, 1981), cut to 0 … 1."""
    matrix = _enlarging()
    found = matrix @ np.asarray(pictures, np.float32) @ matrix.T
    return np.asarray(np.clip(found, 0, 1))


def shrunk(pictures: NDArray[np.floating]) -> Float32:
    """(b, 64, 64) → (b, 32, 32), means of 2×2."""
    blocks = np.asarray(pictures, np.float32).reshape(-1, SIDE, 2, SIDE, 2)
    return np.asarray(blocks.mean(axis=(2, 4)))


@functools.lru_cache(maxsize=2)
def _basis(order: int) -> Float32:
    places = pixel_positions(SIDE)
    area = float(places[1] - places[0]) ** 2
    return np.ascontiguousarray((Zernike(order).projection(places) / area).T, dtype=np.float32)


@functools.lru_cache(maxsize=1)
def _enlarging() -> Float32:
    """Matrix (64, 32): each pixel of the larger picture lies a quarter beside one of the smaller."""
    a, matrix = -0.5, np.zeros((2 * SIDE, SIDE))
    for row in range(2 * SIDE):
        at = (row + 0.5) / 2 - 0.5
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            x = abs(at - tap)
            inner, outer = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
            matrix[row, min(max(tap, 0), SIDE - 1)] += inner if x <= 1 else outer if x < 2 else 0.0
    return matrix.astype(np.float32)
