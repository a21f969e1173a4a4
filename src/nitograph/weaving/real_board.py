"""Thread as it is: the real thread and board of a photograph, and the tones that its chords can reach.

A chord takes from each pixel the share of its light that the thread covers; several multiply. So many
chords cannot show every tone: `fitted_tones` finds the range in which all of them are used and none drown.
This module does not know how chords are chosen, and needs no compiler.

Try it: python -c "from nitograph.weaving.real_board import RealBoard; print(RealBoard())"
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.light.frame import FRAME, pixel_positions, width_in_board_units
from nitograph.settings import Settings, setting

Float32 = NDArray[np.float32]

BLACK, LEAST_WHITE, MOST_WHITE = 0.03, 0.72, 0.95  # bounds of tones, shares of a bare board's light
GREY_BLACK, MOST_BLACK = 0.35, 0.7  # black is lifted as far, then light parts are left bare, then further
MOST_BARE = 0.6  # of the wanted thread: what is lighter may be left bare
CROSSING = 0.45  # of the mean density of thread that a wholly light picture has at least
BARE = 0.93  # of empty ground: threads have to cross it, and a drawing needs them
EMPTY, GROUND = 1.5 / 255, 0.05  # wanted thread that is none, and the share of it that makes a ground
CROWDED = 1.95  # mean density that all chords reach ÷ (chords × thread width ÷ half the nails' perimeter)


@dataclass(frozen=True)
class RealBoard(Settings):
    """The real thread and board of a photograph, and from how far it is looked at."""

    thread_width: float = setting(0.2, "thickness of the thread", unit="mm", low=0.01, high=20)
    diameter: float = setting(600.0, "diameter of the ring of nails", unit="mm", low=10, high=20_000)
    view_mm: float = setting(
        3.0, "blur of the eye on the board, one standard deviation", unit="mm", low=0.1, high=100
    )
    darkness: float = setting(
        1.0,
        "how dark the thread is: the width that it hides ÷ its thickness, as calibrate finds it",
        low=0.05,
        high=4,
    )
    light: str = setting(
        "real",
        "real: each chord takes its share of the light left; added: chords add up, as for digits",
        choices=("real", "added"),
    )

    def check(self) -> None:
        """A thread is thinner than its board."""
        if max(self.thread_width, self.hidden_width) * 4 > self.diameter:
            raise SettingsError(
                f"a thread must be thinner than a quarter of its board, got {self.thread_width:g} mm on "
                f"{self.diameter:g} mm"
            )

    @property
    def hidden_width(self) -> float:
        """Width of a dark opaque thread that takes as much light as this one, mm."""
        return self.thread_width * self.darkness

    def check_fits(self, nails: Board) -> None:
        """SettingsError if the thread does not pass between neighbouring nails."""
        places = nails.positions() * (self.diameter / 2)
        gap = float(np.hypot(*(places - np.roll(places, 1, axis=0)).T).min())
        if self.thread_width >= gap:
            raise SettingsError(
                f"a thread of {self.thread_width:g} mm does not pass between nails that stand {gap:.3g} mm "
                "apart; use fewer nails, a thinner thread or a larger board"
            )

    def pixel(self, canvas_size: int) -> float:
        """Side of a pixel of the canvas, mm."""
        return self.diameter / (FRAME * canvas_size)

    def band(self, canvas_size: int) -> float:
        """Width of a chord's band on the canvas, pixels: what the thread hides, at least one."""
        return max(1.0, self.hidden_width / self.pixel(canvas_size))

    def density(self, max_lines: float, perimeter: float = 2 * math.pi) -> float:
        """The mean density of thread that so many chords reach; perimeter: as `fitted_tones` has it."""
        return CROWDED * max_lines * self.hidden_width / (perimeter / 2 * self.diameter / 2)

    def width(self, canvas_size: int) -> float:
        """The same in board radii."""
        return width_in_board_units(self.band(canvas_size), canvas_size)


@dataclass(frozen=True)
class Tones:
    """Which light of the board stands for black and for white of the picture, shares of a bare board's."""

    black: float
    white: float
    bare: float = 0.0  # wanted thread up to which white is shown

    def light(self, wanted: Float32) -> Float32:
        """The light for a picture of wanted thread, 1 where most and 0 where none; any shape."""
        if self.bare > 0:
            wanted = np.maximum(wanted - np.float32(self.bare), 0) / np.float32(1 - self.bare)
        return np.asarray(self.white + (self.black - self.white) * wanted, dtype=np.float32)

    def density(self, wanted: Float32) -> float:
        """The mean density of thread that this light takes."""
        return float(-np.log(self.light(wanted)).mean())

    def to_dict(self) -> dict[str, float]:
        """Plain values, ready for JSON."""
        named = {"black": self.black, "white": self.white} | ({"bare": self.bare} if self.bare else {})
        return {name: round(value, 4) for name, value in named.items()}


def wanted_light(
    wanted: Float32, max_lines: int, board: RealBoard, nails: Board | None = None
) -> tuple[Float32, Tones]:
    """The light that is wanted of the board, and its tones, from a picture of wanted thread (c, c).

    Where a drawing or a cut-out has empty ground, the board stays nearly bare; the tones are those
    of the rest. nails: where they stand, a ring by default.
    """
    around = nails or Board()
    inside, empty = around.inside(pixel_positions(len(wanted))), wanted <= EMPTY
    length = around.perimeter()
    if empty[inside].mean() < GROUND:
        tones = fitted_tones(wanted[inside], max_lines, board, length)
        return tones.light(wanted), tones
    shown = inside & ~empty
    share = float(shown.sum() / inside.sum())
    tones = fitted_tones(wanted[shown], max_lines / max(share, 1e-3), board, length)
    return np.where(empty, np.float32(BARE), tones.light(wanted)), tones


def fitted_tones(
    wanted: Float32, max_lines: float, board: RealBoard, perimeter: float = 2 * math.pi
) -> Tones:
    """The tones that `max_lines` chords reach where this thread, any shape, is all that is wanted.

    On their way to dark parts chords cross light ones, the more of them the lighter a picture is: that much
    thread lies on white, and no lighter tone can be had. Too few chords for the range below: black is
    lifted, at last light parts are left bare. More than it takes: white is lowered, though not below
    LEAST_WHITE. perimeter: of the line of nails, in radii of the board.
    """
    reached = board.density(max_lines, perimeter)
    white = math.exp(-CROSSING * (1 - float(wanted.mean())) * reached)
    white = min(max(white, LEAST_WHITE), MOST_WHITE)
    if Tones(BLACK, white).density(wanted) <= reached:
        white = _solved(lambda tone: Tones(BLACK, tone).density(wanted) > reached, LEAST_WHITE, white)
        return Tones(BLACK, white)
    if Tones(GREY_BLACK, white).density(wanted) <= reached:
        black = _solved(lambda tone: Tones(tone, white).density(wanted) > reached, BLACK, GREY_BLACK)
        return Tones(black, white)
    bare = _solved(lambda part: Tones(GREY_BLACK, white, part).density(wanted) > reached, 0.0, MOST_BARE)
    black = _solved(lambda tone: Tones(tone, white, bare).density(wanted) > reached, GREY_BLACK, MOST_BLACK)
    return Tones(black, white, bare)


def _solved(too_dark: Callable[[float], bool], low: float, high: float) -> float:
    """The tone between `low` and `high` from which on it is no longer too dark, by halving."""
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if too_dark(middle) else (low, middle)
    return high
