"""The encoder's score of each chord that a thread might take next, on a planned picture. NumPy only.

Light becomes a picture between 0 and 1 on the encoder's canvas (the ripples of a finite series are no
light), every chord laid is taken off it exactly, and a fan (the chords from the nail where the thread
stands to all others) is scored by the rule of `bands`, as the encoder scores. A chord's sum over its band
is, in each column, a difference of running sums down that column. All in whole numbers; `cells` is the
compiled twin, on a canvas of 16-bit cells: what lies too deep for them (a whole white too much light) stays
at their lowest here, too. This module knows no network.

Try it: python -c "from nitograph.light.fans import *; print(Fans(Scoring()).white)"
"""

import functools
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.board import MAX_NAILS, MIN_NAILS, Board
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import SettingsError
from nitograph.light.bands import (
    FINE,
    GROUP,
    NARROW,
    Float64,
    Int32,
    Int64,
    added_gain,
    columns,
    fixed_strength,
    lines_between,
    score_factor,
    totals,
)
from nitograph.light.frame import FRAME, pixel_positions, width_in_board_units
from nitograph.light.zernike import Zernike
from nitograph.settings import Settings, setting

Float32 = NDArray[np.float32]

PART = 4 if sys.byteorder == "little" else 3  # which byte of a 64-bit number counts 2^32
KEPT = 1 << 23  # twice the columns of the fans that are kept, about
MAX_CANVAS = 256  # pixels: sums over the longest band of the highest gain fit 32 bits


@dataclass(frozen=True)
class Scoring(Settings):
    """On which canvas and with which thread chords are scored; values mean what they mean in weaving.

    SettingsError where sums would not fit the whole numbers in which fans are scored.
    """

    nails: int = setting(256, "nails on the ring", low=MIN_NAILS, high=MAX_NAILS)
    canvas_size: int = setting(64, "side of the canvas", unit="pixels", low=8, high=MAX_CANVAS)
    line_radius: float = setting(1.0, "a chord is 2 × this + 1 wide on the canvas", low=0.0, high=64.0)
    line_strength: float = setting(0.03, "light of one chord, 1 is white", low=1e-3, high=1.0)
    length_power: float = setting(0.1, "a score is divided by length to this power", low=-2.0, high=2.0)

    def check(self) -> None:
        """Bands must be narrow, and white must fit 16 bits."""
        if (2 * self.line_radius + 1) * 2**0.5 + 1 > GROUP:
            raise SettingsError(
                f"chords are seen up to a line_radius of 1.97, got {self.line_radius:g}; weave thinner ones"
            )
        if 2 * self.white - self.strength >= NARROW:
            raise SettingsError(
                f"white in steps of a chord's light of {self.line_strength:g} does not fit 16 bits; "
                "weave with a line_strength of 0.03, or of at least 0.05"
            )

    @property
    def board(self) -> Board:
        """The ring of nails."""
        return Board(self.nails)

    @property
    def width(self) -> float:
        """Width of the thread in board radii."""
        return width_in_board_units(2 * self.line_radius + 1, self.canvas_size)

    @property
    def unit(self) -> float:
        """How far scores differ by what a plan leaves out, in proportion.

        That is a share of a chord's score, light × area / area to a power, and this share grows with the
        canvas, on which more can be seen.
        """
        pixels = self.canvas_size * FRAME / 2  # of a board radius, a chord's length
        wide = 2 * self.line_radius + 1
        return float(self.line_strength * wide * pixels**2 / (wide * pixels) ** self.length_power)

    @property
    def strength(self) -> int:
        """The light of one chord in whole numbers."""
        return fixed_strength(self.line_strength)[0]

    @property
    def white(self) -> float:
        """White in the same whole numbers."""
        return fixed_strength(self.line_strength)[1]


class Fan(NamedTuple):
    """The chords from one nail to all others: the edges of all their columns, one after the other.

    nails (f,): which have a chord that covers any column; starts (f,): where the columns of each begin.
    place, part (2m,): in which pixel an edge lies, counted in the running sums, and where in it, in 1/FINE;
    first all lower edges, then all upper ones. added, scale (n,): a score is (twice the light under the
    band + added) · scale. total (n,): coverage of all pixels together, in 1/FINE. chords (n, 4): where the
    columns of each begin and stop, its height, 1 if steep. leaves: whether any band leaves the canvas.
    """

    nails: Int64
    starts: Int64
    place: NDArray[np.unsignedinteger]
    part: NDArray[np.uint8]
    added: Float64
    scale: Float64
    total: Float64
    chords: Int64
    leaves: bool


class _Scratch(threading.local):
    """What scores are computed in, each thread's own: fresh memory would cost as much as the sums.

    pixels (w, w), sums (2, w, w): of a canvas. place, found, factor: of the edges of a fan.
    """

    def __init__(self, wide: int) -> None:
        self.place: NDArray[np.intp] = np.zeros(0, np.intp)
        self.pixels, self.sums = np.zeros((wide, wide), np.int64), np.zeros((2, wide, wide), np.int64)

    def take_up(self, edges: int) -> None:
        """Have room for so many edges."""
        if len(self.place) < edges:
            self.place, self.found = np.zeros(edges, np.intp), np.zeros(edges, np.int64)
            self.factor = np.ones(edges, np.int64)


class Fans:
    """The fans of a board and canvas; `fans_of` keeps them. Each is made when it is first looked at.

    A canvas here is the light still wanted (w, w), int64: the pixels with a margin of zeros around.
    """

    def __init__(self, scoring: Scoring) -> None:
        self.scoring, n, size = scoring, scoring.nails, scoring.canvas_size
        self.strength, self.white = scoring.strength, scoring.white
        half, ring = size / 2, size / 2 * FRAME
        self._nails, width = half + ring * scoring.board.positions(), scoring.width * half * FRAME
        self._lowest, highest = int(width * FINE), int(width * 2**0.5 * FINE) + 1  # bands, with some room
        self._shares = _shares(self._lowest, highest)
        cells = self._shares.shape[2]
        beside = max(0, int(ring + width * 2**-0.5 - half))  # how many pixels bands reach out
        self._margin = 2 + beside + cells - 1 - self._lowest // FINE
        self._wide = size + 2 * self._margin
        self._steps = np.arange(cells) * self._wide, np.arange(cells) - self._wide**2
        self._scratch = _Scratch(self._wide)
        self._fan = functools.lru_cache(max(16, KEPT // (n * size)))(self._new_fan)

    def canvas(self, left: Int32) -> Int64:
        """A canvas of the light still wanted, (c, c), or several, (b, c, c)."""
        size, first = self.scoring.canvas_size, self._margin
        found = np.zeros((*left.shape[:-2], self._wide, self._wide), np.int64)
        found[..., first : first + size, first : first + size] = left
        return found

    def pixels(self, canvas: Int64) -> Int64:
        """The light still wanted of a canvas, a view of it."""
        first = self._margin
        return canvas[..., first:-first, first:-first]

    def wanted(self, pictures: NDArray[np.floating]) -> Int32:
        """Pictures (b, c, c) as light wanted: cut to 0 … 1, white as `white`."""
        shown = np.clip(np.asarray(pictures, np.float32), 0, 1)
        return np.asarray(np.rint(shown * np.float32(self.white)), dtype=np.int32)

    @one_blas_thread
    def pictures(self, light: NDArray[np.floating], order: int) -> Int32:
        """Light in Zernike coefficients (b, k) as light wanted, (b, c, c)."""
        shown = np.asarray(light, np.float32) @ _pixels_of(order, self.scoring.canvas_size)
        return self.wanted(shown.reshape(len(shown), *2 * (self.scoring.canvas_size,)))

    def scores(self, canvas: Int64, here: int) -> Float64:
        """The score of the chord from nail `here` to each nail, (n,); 0 for itself."""
        fan = self._fan(here)
        light = self._under(canvas, fan)
        light *= 2
        out = fan.added.copy()
        out[fan.nails] += light
        out *= fan.scale
        return out

    def sums(self, canvas: Int64, here: int) -> Float64:
        """Σ coverage (1/FINE) · canvas over the chord from nail `here` to each nail, (n,); 0 for itself."""
        fan = self._fan(here)
        out = np.zeros(self.scoring.nails)
        out[fan.nails] = self._under(canvas, fan)
        return out

    def totals(self, here: int) -> Float64:
        """Coverage (1/FINE) of all pixels together by each of these chords, (n,)."""
        return self._fan(here).total

    def lay(self, canvas: Int64, a: int, nails: Sequence[int], lights: Sequence[int]) -> None:
        """Take the chords from nail `a` to `nails`, of `lights`, off a canvas, in place.

        Lights are multiples of FINE, `strength` a whole chord's; below 0 they give light back.
        """
        fan, flat = self._fan(a), canvas.reshape(-1)
        for nail, light in zip(nails, lights, strict=True):
            first, stop, height, steep = fan.chords[nail].tolist()
            own = slice(first, stop)
            at = fan.place[own].astype(np.intp)[:, None] + self._steps[steep]
            share = self._shares[height - self._lowest].take(fan.part[own], axis=0)
            share *= light // FINE
            flat[at] -= share
        if fan.leaves:
            pixels = self.pixels(canvas).copy()
            canvas[...] = 0
            self.pixels(canvas)[...] = pixels
        np.maximum(canvas, (self.strength - NARROW) // 2, out=canvas)

    def _under(self, canvas: Int64, fan: Fan) -> Int64:
        """Σ coverage · canvas over each chord of a fan that covers any column, (f,)."""
        own = self._scratch
        own.take_up(len(fan.part))
        place, found, factor = (buffer[: len(fan.part)] for buffer in (own.place, own.found, own.factor))
        place[:] = fan.place
        factor.view(np.uint8)[PART::8] = fan.part  # 1 + 2^32 · part
        self._add_up(canvas, own)
        own.sums.reshape(-1).take(place, out=found, mode="clip")
        found *= factor
        below, above = found.reshape(2, -1)
        above -= below
        light: Int64 = np.add.reduceat(above, fan.starts)
        light += 1 << 31  # what the lower half has borrowed
        light >>= 32
        return light

    @staticmethod
    def _add_up(canvas: Int64, own: "_Scratch") -> None:
        """Light above each pixel, then left of each, times FINE · 2^32, plus its own, into own.sums."""
        np.multiply(canvas, FINE << 32, out=own.pixels)
        np.add.accumulate(own.pixels[:-1], axis=0, out=own.sums[0, 1:])
        np.add.accumulate(own.pixels[:, :-1], axis=1, out=own.sums[1, :, 1:])
        own.sums += canvas  # the first row and column stay 0, as the margin is

    def _new_fan(self, here: int) -> Fan:
        scoring, size, n = self.scoring, self.scoring.canvas_size, self.scoring.nails
        others = np.delete(np.arange(n), here)
        ends = self._nails[np.minimum(others, here)], self._nails[np.maximum(others, here)]
        bands = np.zeros((n, 6), np.int32)
        bands[others] = lines_between(*ends, scoring.width * (size / 2) * FRAME, size)
        found, height, steep = columns(bands), bands[:, 2], bands[:, 5]
        total, squares = totals(found, size)
        wide, first = self._wide, self._margin
        more = steep * (wide - 1)
        each = np.stack([1 + more, wide - more, steep * wide**2], dtype=np.int32)
        by_u, by_v, base = np.repeat(each, found.counts, axis=1)
        base += first * (wide + 1)
        base += found.u * by_u
        part = np.stack([found.low, found.high])
        place = part >> 5
        place *= by_v
        place += base
        part &= FINE - 1
        nails = np.flatnonzero(found.counts)
        return Fan(
            nails=nails,
            starts=found.starts[nails],
            place=place.ravel().astype(np.min_scalar_type(2 * wide**2)),
            part=part.ravel().astype(np.uint8),
            added=added_gain(total, squares, self.strength) - self.strength * total,  # 2 · left − strength
            scale=score_factor(total, self.strength, self.white, scoring.length_power),
            total=total.astype(np.float64),
            chords=np.stack([found.starts, found.starts + found.counts, height, steep], axis=1),
            leaves=bool((total != height * found.counts).any()),
        )


@functools.lru_cache(maxsize=4)
def fans_of(scoring: Scoring) -> Fans:
    """The Fans of some settings, kept for the next call."""
    return Fans(scoring)


def _shares(lowest: int, highest: int) -> Int64:
    """Coverage (1/FINE) of pixels by a band from 0 … FINE − 1 on, (heights, FINE, pixels); see `bands`."""
    low = np.arange(FINE)[:, None]
    high = low + np.arange(lowest, highest + 1)[:, None, None]
    edge = np.arange((highest + FINE - 2) // FINE + 1) * FINE
    return np.asarray(np.maximum(np.minimum(high, edge + FINE) - np.maximum(low, edge), 0), np.int64)


@functools.lru_cache(maxsize=4)
def _pixels_of(order: int, size: int) -> Float32:
    """Matrix from Zernike coefficients to pixels, (k, c · c)."""
    return Zernike(order).pixels(pixel_positions(size))
