"""Boards that are no ring: nails along a rectangle, an ellipse, or wherever a file says, in millimetres.

Positions are in units of half the larger side, so that everything that draws a ring of radius 1 draws these
as well. Which chords such a board has at all is `ShapedBoard.legal`; how soon one may come again is the
rule of every board. This module knows no files, threads or pictures.

Try it: python -c "from nitograph.shapes.board import ShapedBoard; print(ShapedBoard(12).positions())"
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nitograph.board import MIN_NAILS, Board, BoolArray, FloatArray, IntArray
from nitograph.errors import SettingsError
from nitograph.settings import setting
from nitograph.shapes import outline

MAX_SHAPED = 2000  # nails
MIN_SIDE, MAX_SIDE = 10, 20_000  # mm
SHAPES = ("rect", "ellipse", "points")
LONGEST = 10  # times the shorter side is the longer one at most
SAME_SPOT = 0.01  # mm
CLEAR = 1.25  # of a nail's thickness: how far a chord passes from nails that it does not join
CLEAR_SPACING = 1 / 4  # of the spacing of the nails: the same where they stand close
FEW = 5  # nails, from which on neighbours are not joined
WORDS = (
    r"shape=(?P<shape>\w+) width=(?P<width>\S+) height=(?P<height>\S+) nail=(?P<nail>\S+) "
    r"min_chord=(?P<min_chord>\S+)(?: points=(?P<points>\S+))?(?: notches=(?P<notches>\w+))?"
)
SIZES = ("width", "height", "nail", "min_chord")
NOTCHES = ("avoid", "cross")
NOTCHES_HELP = "avoid: no chord leaves the outline of nails from a file; cross: chords may"
PIECES = 360  # of an ellipse that is drawn


@dataclass(frozen=True)
class ShapedBoard(Board):
    """Nails along an outline that is no ring.

    They stand at equal lengths along a rectangle or an ellipse, clockwise from three o'clock, or where
    `points` says, ((x, y), …) in mm from the middle, y down. A radius is half the larger side here. What
    only a ring has raises SettingsError, and so does a board that cannot be made.
    """

    is_ring: ClassVar[bool] = False
    shape: str = setting("rect", "outline of the nails", choices=SHAPES)
    width: float = setting(600.0, "width from nail to nail", unit="mm", low=MIN_SIDE, high=MAX_SIDE)
    height: float = setting(600.0, "height from nail to nail", unit="mm", low=MIN_SIDE, high=MAX_SIDE)
    nail: float = setting(1.5, "thickness of a nail", unit="mm", low=0.05, high=50)
    min_chord: float = setting(0.0, "shortest chord", unit="mm", low=0, high=MAX_SIDE)
    points: tuple[tuple[float, float], ...] = ()
    notches: str = setting("avoid", NOTCHES_HELP, choices=NOTCHES)

    def check(self) -> None:
        """Sides that go together, and a place of its own for every nail."""
        check_count(self.num_nails)
        short, long = sorted((self.width, self.height))
        if long > LONGEST * short:
            raise SettingsError(
                f"the longer side of a board is at most {LONGEST} times the shorter one, got "
                f"{self.width:g} x {self.height:g} mm"
            )
        if len(self.points) != (self.num_nails if self.shape == "points" else 0):
            raise SettingsError(
                f"a board of shape {self.shape} with {self.num_nails} nails cannot have {len(self.points)} "
                "points; a point for each nail goes with shape points only"
            )
        places = self.millimetres()
        if self.shape == "points":
            spans = np.array([places.min(axis=0), places.max(axis=0)])
            off = np.abs(spans - np.array([[-0.5], [0.5]]) * (self.width, self.height)).max()
            if not off < SAME_SPOT:
                raise SettingsError(
                    f"points must span the {self.width:g} x {self.height:g} mm of their board around 0, 0, "
                    f"got some {off:g} mm off"
                )
        check_apart(places, self.nail)

    @staticmethod
    def of_points(
        points: FloatArray, nail: float = 1.5, min_chord: float | None = None, notches: str = "avoid"
    ) -> "ShapedBoard":
        """A board of nails at points (n, 2) in mm, y down: centred, clockwise, the first nail first."""
        check_count(len(points))
        check_apart(points, 0.0)
        placed = outline.in_order(points)
        placed = np.round(placed - (placed.min(axis=0) + placed.max(axis=0)) / 2, 3) + 0.0
        width, height = (round(float(side), 3) for side in np.ptp(placed, axis=0))
        shortest = min_chord_of(width, height) if min_chord is None else min_chord
        listed = tuple((x, y) for x, y in placed.tolist())
        return ShapedBoard(len(placed), "points", width, height, nail, shortest, listed, notches)

    @property
    def size(self) -> float:
        """The larger side, mm: twice the radius."""
        return max(self.width, self.height)

    @property
    def extent(self) -> tuple[float, float]:
        """Half its width and half its height, in radii."""
        return self.width / self.size, self.height / self.size

    @property
    def words(self) -> str:
        """What board it is, for messages."""
        return f"a board of {self.width:g} x {self.height:g} mm with {self.num_nails} nails"

    def millimetres(self) -> FloatArray:
        """x and y of each nail in mm from the middle, y down, shape (n, 2)."""
        if self.shape == "points":
            return np.array(self.points, dtype=np.float64).reshape(-1, 2)
        make = outline.rectangle if self.shape == "rect" else outline.ellipse
        return make(self.num_nails, self.width, self.height)

    def positions(self) -> FloatArray:
        """x and y of each nail in radii, y down, shape (n, 2)."""
        return _places(self).copy()

    def edge(self) -> FloatArray:
        """The outline itself in radii, its end joined to its beginning, (k, 2); of points, the nails."""
        if self.shape == "points":
            return self.positions()
        if self.shape == "rect":
            return outline.corners(self.width, self.height)[:-1] * (2 / self.size)
        return outline.oval(self.width, self.height, PIECES)[:-1] * (2 / self.size)

    def angles(self) -> FloatArray:
        """Only a ring has them."""
        raise SettingsError(f"this needs a ring of nails, got {self.words}")

    def chord_lengths(self) -> FloatArray:
        """Only on a ring do lengths follow from distances in nails."""
        raise SettingsError(f"this needs a ring of nails, got {self.words}")

    def lengths_along(self, path: IntArray) -> FloatArray:
        """Length of each chord of a path (t + 1,), in radii, shape (t,)."""
        runs = np.diff(_places(self)[path], axis=0)
        return np.asarray(np.hypot(runs[:, 0], runs[:, 1]))

    def legal(self, gap: int = 1) -> BoolArray:
        """Which nails a chord may join, whatever came before, (n, n); a gap in nails means nothing here.

        No chord runs along the rim. It is at least `min_chord` long, does not join neighbours (on boards of
        five nails or more), and passes every other nail at 1.25 times the nails' thickness from middle to
        middle, or at a quarter of their spacing where that is less. So two nails of one straight side are
        never joined: others stand right between them. Between points it does not leave the outline, as
        across a notch, unless `notches` says so; inner nails of double rows are inside, not the outline.
        """
        return _legal(self)

    def leaving(self) -> BoolArray:
        """Which nails a chord joins that leaves the outline, (n, n); nowhere if `notches` lets it."""
        return _leaving(self)

    def inside(self, places: FloatArray) -> BoolArray:
        """Which points of a square grid with these x and y, in radii (k,), are within the nails, (k, k)."""
        return outline.inside(_places(self), places, places)

    def perimeter(self) -> float:
        """Length of the line of nails, in radii."""
        return float(outline.gaps(_places(self)).sum())

    def area(self) -> float:
        """Area within the nails, in squared radii."""
        return abs(outline.area(_places(self)))

    def to_record(self) -> dict[str, Any]:
        """What a thread's file says of its board, JSON values."""
        record: dict[str, Any] = {"shape": self.shape, "width_mm": self.width, "height_mm": self.height}
        record |= {"nail_mm": self.nail, "min_chord_mm": self.min_chord}
        record |= {} if self.notches == "avoid" else {"notches": self.notches}
        return record | ({"points_mm": [list(point) for point in self.points]} if self.points else {})

    def to_words(self) -> str:
        """The same in one line without commas and quotes, which a table that is saved again keeps."""
        sizes = f"width={self.width} height={self.height} nail={self.nail} min_chord={self.min_chord}"
        points = "|".join(f"{x}/{y}" for x, y in self.points)
        rest = "" if self.notches == "avoid" else f" notches={self.notches}"
        return f"shape={self.shape} {sizes}" + (f" points={points}" if points else "") + rest

    @staticmethod
    def from_record(record: object, num_nails: int) -> "ShapedBoard":
        """The opposite of `to_record`; SettingsError says what is wrong."""
        if not isinstance(record, dict) or not {"shape", "width_mm", "height_mm"} <= record.keys():
            raise SettingsError("a board is an object with shape, width_mm and height_mm")
        listed = record.get("points_mm", [])
        if not isinstance(listed, list) or len(listed) > MAX_SHAPED or not all(map(_is_point, listed)):
            raise SettingsError(f"points_mm must be a list of at most {MAX_SHAPED} pairs of numbers in mm")
        points = tuple((float(x), float(y)) for x, y in listed)
        sides = record["width_mm"], record["height_mm"]
        nail, shortest = record.get("nail_mm", 1.5), record.get("min_chord_mm", 0.0)
        notches = record.get("notches", "avoid")
        return ShapedBoard(num_nails, record["shape"], *sides, nail, shortest, points, notches)


def board_of_words(text: str, num_nails: int) -> ShapedBoard:
    """The opposite of `ShapedBoard.to_words`; SettingsError if it is none."""
    found = re.fullmatch(WORDS, text)
    if not found:
        raise SettingsError(f"a board is stated with its shape, width, height and nails, got {text[:60]!r}")
    points = [part.split("/") for part in (found["points"] or "").split("|") if part]
    try:
        places = tuple((float(x), float(y)) for x, y in points)
        width, height, nail, shortest = (float(found[name]) for name in SIZES)
    except ValueError:
        raise SettingsError(f"a board is stated in numbers of mm, got {text[:60]!r}") from None
    notches = found["notches"] or "avoid"
    return ShapedBoard(num_nails, found["shape"], width, height, nail, shortest, places, notches)


def min_chord_of(width: float, height: float) -> float:
    """The shortest chord of a board if nobody says, mm; on a ring of 600 mm for photographs it is 65."""
    return round(0.11 * min(width, height), 1)


def check_count(nails: int) -> None:
    """SettingsError for fewer or more nails than such a board may have."""
    if not MIN_NAILS <= nails <= MAX_SHAPED:
        raise SettingsError(
            f"a board that is no ring has {MIN_NAILS} to {MAX_SHAPED} nails, got {nails}; give another "
            "number or another spacing"
        )


def check_apart(places: FloatArray, nail: float) -> None:
    """SettingsError if two nails (n, 2), mm, stand on one spot or closer than their thickness."""
    apart, a, b = outline.nearest_pair(places)
    if not apart >= SAME_SPOT:
        raise SettingsError(f"nails {a} and {b} stand on one spot; every nail needs a place of its own")
    if apart < nail:
        raise SettingsError(
            f"nails {a} and {b} stand {apart:.2f} mm apart, closer than their thickness of {nail:g} mm; "
            "use fewer or thinner nails, or a larger board"
        )


def _is_point(value: object) -> bool:
    if not isinstance(value, Sequence) or len(value) != 2:
        return False
    return all(type(part) in (int, float) and abs(part) <= MAX_SIDE for part in value)


@functools.lru_cache(maxsize=8)
def _places(board: ShapedBoard) -> NDArray[np.float64]:
    """`positions`, not to be written to."""
    places = board.millimetres() * (2 / board.size)
    places.flags.writeable = False
    return places


@functools.lru_cache(maxsize=4)
def _legal(board: ShapedBoard) -> NDArray[np.bool_]:
    """`legal`, not to be written to."""
    places, nails = board.millimetres(), np.arange(board.num_nails)
    runs = places[:, None] - places[None, :]
    spacing = float(np.median(outline.gaps(places)))
    clear = min(CLEAR * board.nail, CLEAR_SPACING * spacing)
    legal = np.hypot(runs[..., 0], runs[..., 1]) >= max(board.min_chord, SAME_SPOT)
    legal &= board.distance(nails[:, None], nails[None, :]) > (1 if board.num_nails >= FEW else 0)
    legal &= ~outline.passed(places, clear)
    legal &= ~_leaving(board)
    legal.flags.writeable = False
    return legal


@functools.lru_cache(maxsize=4)
def _leaving(board: ShapedBoard) -> NDArray[np.bool_]:
    """`leaving`, not to be written to."""
    found = np.zeros((board.num_nails, board.num_nails), dtype=np.bool_)
    if board.shape == "points" and board.notches == "avoid":
        places = board.millimetres()
        found = outline.leaving(places, outline.without_teeth(places))
    found.flags.writeable = False
    return found
