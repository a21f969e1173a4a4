"""The encoder's score of each chord that a thread might take next, on a planned picture. NumPy only.

Light becomes a picture between 0 and 1 on the encoder's canvas (the ripples of a finite series are no
light), every chord laid is taken off it exactly, and a fan (the chords from the nail where the thread
stands to all others) is scored by the rule of `bands`, as the encoder scores. A chord's sum over its band
is, in each column, a difference of running sums down that column. All in whole numbers; `cells` is the
compiled twin, on a canvas of 16-bit cells: what lies too deep for them (a whole white too much light) stays
at their lowest here, too. This module knows no network.

Try it: python -c "from nitograph.light.fans import *; print(Fans(Scoring()).margin)"
"""

import functools
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitograph.board import MAX_NAILS, MIN_NAILS, Board
from nitograph.errors import SettingsError
from nitograph.light.bands import (
    FINE,
    GROUP,
    NARROW,
    SHIFT,
    Float64,
    Int32,
    Int64,
    added_gain,
    fixed_strength,
    lines_of_ring,
    score_factor,
    totals,
)
from nitograph.light.frame import FRAME, pixel_positions, width_in_board_units
from nitograph.light.zernike import Zernike
from nitograph.settings import Settings, setting

Float32 = NDArray[np.float32]
Kind = TypeVar("Kind", np.int32, np.float64)

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
    def strength(self) -> int:
        """The light of one chord in whole numbers."""
        return fixed_strength(self.line_strength)[0]

    @property
    def white(self) -> float:
        """White in the same whole numbers."""
        return fixed_strength(self.line_strength)[1]


@dataclass(frozen=True, eq=False)
class Edges:
    """All columns of the chords of a fan, one after the other: (m,) each.

    low: lower edge, height: of the band, both 1/FINE pixel. base: where the column's running sums begin.
    starts (c,): where each chord begins. nails (c,): which have a chord that covers any column at all.
    """

    low: Int32
    height: Int32
    base: Int32
    starts: Int64
    nails: Int64


class Fans:
    """The fans of a board and canvas; `fans_of` keeps them.

    lines (n, n, 6): the band of the chord between each two nails, as in `bands`.
    """

    def __init__(self, scoring: Scoring) -> None:
        self.scoring, n, size = scoring, scoring.nails, scoring.canvas_size
        self.strength, self.white = scoring.strength, scoring.white
        ring = lines_of_ring(n, size, scoring.width)
        total, squares = totals(ring, size)
        self.lines = _of_both_ends(ring, n)
        self.counts = self.lines[..., 4] - self.lines[..., 3]
        added = (
            added_gain(total, squares, self.strength) - self.strength * total
        )  # gains are 2 · left − strength
        self.added = _of_both_ends(added, n)
        self.factor = _of_both_ends(score_factor(total, self.strength, self.white, scoring.length_power), n)
        ends = (ring[:, 0] + ring[:, 1] * (ring[:, 4] - ring[:, 3])) >> SHIFT
        edge = np.concatenate([ring[:, 0] >> SHIFT, ends])
        out = max(0, -int(edge.min()), int((edge + np.tile(ring[:, 2], 2)).max()) - size * FINE)
        self.margin = 1 + (out >> 5)  # pixels beside the canvas that bands reach

    def wanted(self, pictures: NDArray[np.floating]) -> Int32:
        """Pictures (b, c, c) as light wanted: cut to 0 … 1, white as `white`."""
        shown = np.clip(np.asarray(pictures, np.float32), 0, 1)
        return np.asarray(np.rint(shown * np.float32(self.white)), dtype=np.int32)

    def pictures(self, light: NDArray[np.floating], order: int) -> Int32:
        """Light in Zernike coefficients (b, k) as light wanted, (b, c, c)."""
        shown = np.asarray(light, np.float32) @ _pixels_of(order, self.scoring.canvas_size)
        return self.wanted(shown.reshape(len(shown), *2 * (self.scoring.canvas_size,)))

    def scores(self, left: NDArray[np.integer], here: int) -> Float64:
        """The score of the chord from nail `here` to each nail, (n,); 0 for itself. left: (c, c)."""
        fan = self._edges(here)
        flat = self._running(left)
        found = self._up_to(flat, fan.base, fan.low + fan.height)
        found -= self._up_to(flat, fan.base, fan.low)
        out = np.zeros(self.scoring.nails)
        out[fan.nails] = 2 * np.add.reduceat(found, fan.starts)
        out += self.added[here]
        out *= self.factor[here]
        return out

    def lay(self, left: Int32, a: int, nails: ArrayLike, lights: ArrayLike) -> None:
        """Take the chords from nail `a` to `nails` (m,), of `lights` (m,), off a canvas (c, c), in place.

        Lights are multiples of FINE, `strength` a whole chord's; below 0 they give light back.
        """
        size = self.scoring.canvas_size
        top, rise, height, first, stop, steep = self.lines[a, np.asarray(nails)].T
        counts = stop - first
        chord = np.repeat(np.arange(len(counts)), counts)  # of each column of all of them
        along = np.arange(len(chord)) - (np.cumsum(counts) - counts)[chord]
        low = ((top[chord] + rise[chord] * along) >> SHIFT)[:, None]
        high = np.minimum(low + height[chord, None], size * FINE)
        low = np.maximum(low, 0)
        v = (low >> 5) + np.arange(int(height.max(initial=0)) // FINE + 2)
        share = np.maximum(np.minimum(high, v * FINE + FINE) - np.maximum(low, v * FINE), 0)
        share *= (np.asarray(lights) // FINE)[chord, None]
        by_u, by_v = np.where(steep, size, 1)[chord, None], np.where(steep, 1, size)[chord, None]
        place = (first[chord] + along)[:, None] * by_u + np.minimum(v, size - 1) * by_v
        taken = np.bincount(place.ravel(), share.ravel(), left.size).reshape(left.shape)
        left -= taken.astype(np.int32)
        np.maximum(left, (self.strength - NARROW) // 2, out=left)

    def starts(self, light: NDArray[np.floating], order: int) -> Float64:
        """The score of every first chord, (b, n, n), on light (b, k) as it is, in closed form.

        Row a holds the chords from nail a. Nothing is cut to 0 … 1 here, so it is near to `scores` only.
        """
        zernike, n = Zernike(order), self.scoring.nails
        waves, mix = zernike.waves(n)
        cosine, sine = zernike.turns(n)
        half, light = light.shape[1] // 2, np.asarray(light, np.float64)
        re, im = light[:, None, :half], light[:, None, half:]
        seen = (re * cosine + im * sine) @ mix[:, :half].T + (im * cosine - re * sine) @ mix[:, half:].T
        along = (seen @ waves.T).reshape(len(light), n, n)  # from nail a to nail a + j
        pixels = self.scoring.canvas_size * FRAME / 2  # of a board radius
        wide, strength = self.scoring.width * pixels, self.scoring.line_strength
        area = 2 * np.sin(np.pi * np.arange(n) / n) * pixels * wide  # of the chord's band
        # A band cuts pixels: their squared coverage comes to less than its area, by a third of an edge.
        found = 2 * strength * wide * pixels * along - strength**2 * area * (1 - 1 / (3 * wide))
        found /= np.maximum(area, 1.0) ** self.scoring.length_power
        nails = np.arange(n)
        return np.take_along_axis(found, ((nails - nails[:, None]) % n)[None], axis=2)

    def _running(self, left: NDArray[np.integer]) -> Int64:
        """Running sums down the columns, then along the rows, each beside the next pixel as one number."""
        size, first = self.scoring.canvas_size, self.margin
        pairs = np.zeros((2, size, size + 2 * first, 2), np.int32)
        for part, pixels in zip(pairs, (left.T, left), strict=True):
            part[:, first : first + size, 1] = pixels
            sums = part[:, first + 1 : first + size + 1, 0]
            np.cumsum(pixels, axis=1, out=sums)
            sums *= FINE
            part[:, first + size + 1 :, 0] = sums[:, -1:]
        return pairs.reshape(-1).view(np.int64)

    def _up_to(self, flat: Int64, base: Int32, edge: Int32) -> Int32:
        """Light of the column at `base` up to `edge`, times FINE."""
        found = flat.take(base + (edge >> 5)).view(np.int32).reshape(-1, 2)
        light: Int32 = found[:, 1] * (edge & (FINE - 1))
        light += found[:, 0]
        return light

    def _edges(self, here: int) -> Edges:
        """Every column of the fan's chords."""
        counts = self.counts[here]
        nails = np.flatnonzero(counts)
        counts = counts[nails]
        starts = np.cumsum(counts) - counts
        top, rise, height, first, _, steep = self.lines[here, nails].T
        place = np.arange(int(counts.sum()), dtype=np.int32)
        low = np.repeat(rise, counts)
        low *= place
        low += np.repeat(top - rise * starts, counts).astype(np.int32)
        low >>= SHIFT
        size = self.scoring.canvas_size
        wide = size + 2 * self.margin
        base = place * np.int32(wide)
        base += np.repeat((steep * size + first - starts) * wide + self.margin, counts).astype(np.int32)
        return Edges(low, np.repeat(height, counts), base, starts, nails)


@functools.lru_cache(maxsize=4)
def fans_of(scoring: Scoring) -> Fans:
    """The Fans of some settings, kept for the next call."""
    return Fans(scoring)


def _of_both_ends(values: NDArray[Kind], n: int) -> NDArray[Kind]:
    """Values of chords (m, …) for each pair of nails, (n, n, …); 0 from a nail to itself."""
    a, b = np.triu_indices(n, 1)
    found = np.zeros((n, n, *values.shape[1:]), values.dtype)
    found[a, b] = found[b, a] = values
    return found


@functools.lru_cache(maxsize=4)
def _pixels_of(order: int, size: int) -> Float32:
    """Matrix from Zernike coefficients to pixels, (k, c · c)."""
    places = pixel_positions(size)
    area = float(places[1] - places[0]) ** 2
    return (Zernike(order).projection(places) / area).T.astype(np.float32)
