"""A thread on a real board: millimetres, the maker's numbering, which side of each nail, how much thread.

Everything is as the maker sees it from the side that `side` names: x to the right, y DOWN, both in
millimetres from the middle of the nail circle (`y_up` flips points for machines). Nails have DISPLAY
numbers: row k of `centres` is the nail that the maker calls k. The numbers of the file format (0 at three
o'clock, clockwise from the front) appear only in `numbers` and `file_nails`.

It knows no file format and nothing of machines.

Try it: python -c "from nitograph.thread import Thread; from nitograph.exporting.workpiece import *;
print(Workpiece(Thread([0, 100, 7])).statement())"
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import HEX, Colour, colour_of
from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting
from nitograph.shapes import outline
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

SPECIFIC_VOLUME = 1.1
"""cm³ per gram of yarn, including air: Peirce's value for cotton; polyester is similar."""

MAX_TITLE = 200  # characters

TEX = {"tex": 1.0, "dtex": 0.1, "denier": 1 / 9}
CLOCKWISE, COUNTERCLOCKWISE = 1, -1


def thread_width(text: str) -> float:
    """The width in mm that `tex:30`, `dtex:300`, `denier:270` or `mm:0.2` means.

    A yarn of t tex weighs t grams per kilometre; modelled as a cylinder of specific volume v = 1.1 cm³/g it
    is √(4·v·t / 1000π) = 0.0374·√t mm thick: F. T. Peirce, "The geometry of cloth structure", Journal of
    the Textile Institute 28 (1937), T45. SettingsError if the text is none of these.
    """
    kind, _, number = text.strip().lower().partition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if kind not in (*TEX, "mm") or not (math.isfinite(value) and value > 0):
        raise SettingsError(f"a thread is given as tex:30, dtex:300, denier:270 or mm:0.2, got {text!r}")
    if kind == "mm":
        return value
    return math.sqrt(4 * SPECIFIC_VOLUME * value * TEX[kind] / (1000 * math.pi))


@dataclass(frozen=True)
class WorkpieceSettings(Settings):
    """The real board, its thread and how its nails are counted."""

    diameter: float = setting(
        600.0,
        "diameter of the circle through the middles of the nails; of other boards the larger side",
        unit="mm",
        low=10,
        high=20_000,
    )
    nail_diameter: float = setting(1.5, "thickness of a nail", unit="mm", low=0.05, high=50)
    thread_width: float = setting(0.15, "thickness of the thread", unit="mm", low=0.01, high=20)
    origin: str = setting("top", "position of nail 0, as you see the board", choices=("top", "right"))
    direction: str = setting(
        "cw", "direction in which nails are counted, as you see the board", choices=("cw", "ccw")
    )
    side: str = setting(
        "front",
        "side that you work on; from the back everything is mirrored",
        choices=("front", "back"),
    )
    wraps: int = setting(0, "extra full turns round each nail", unit="turns", low=0, high=10)
    tail: float = setting(100.0, "thread left for the knot at each end", unit="mm", low=0, high=10_000)
    spare: float = setting(15.0, "extra thread to have ready", unit="%", low=0, high=200)
    seconds_per_chord: float = setting(5.0, "time per chord", unit="seconds", low=0.01, high=600)
    title: str | None = setting(None, "what the piece is called; default: the label of its thread")

    def check(self) -> None:
        """The title is written into every file, so it must be one line."""
        if self.title is not None and not (self.title.isprintable() and 0 < len(self.title) <= MAX_TITLE):
            raise SettingsError(
                f"title must be one line of 1 to {MAX_TITLE} printable characters, got {self.title[:40]!r}"
            )

    @classmethod
    def of(cls, thread: Thread) -> Self:
        """The defaults for a thread: with the thickness and the board that a photograph was woven for."""
        found, board = thread.millimetres(), thread.board
        made = cls() if found is None else cls(thread_width=found[0], diameter=found[1])
        if not isinstance(board, ShapedBoard):
            return made
        return made.replace(diameter=board.size, nail_diameter=board.nail)


@dataclass(frozen=True)
class Step:
    """One nail of the path.

    step: 0 for the nail where the thread is tied. nail: display number. turn: +1 clockwise round the nail
    as you see it, −1 the other way. enters, leaves: the neighbour nails; the thread goes out through the
    gap between `nail` and `enters`, passes behind the nail and comes back in through the gap between
    `nail` and `leaves`; both are None where it passes in front of the nail instead, which a notch of an
    outline may make it do. metres: thread used so far, including the turn at this nail.
    """

    step: int
    nail: int
    turn: int
    enters: int | None
    leaves: int | None
    metres: float


class Part(NamedTuple):
    """One thread of a workpiece: the step at which it is tied, what it is by itself, and its colour."""

    tied: int
    piece: "Workpiece"
    colour: Colour | None

    @property
    def last(self) -> int:
        """The step at which it is tied off."""
        return self.tied + self.piece.last_step


@dataclass(frozen=True, eq=False)
class Workpiece:
    """One thread on one real board. Arrays are computed on first use; m is the number of chords."""

    thread: Thread
    settings: WorkpieceSettings = field(default_factory=WorkpieceSettings)

    @property
    def num_nails(self) -> int:
        """How many nails the board has."""
        return self.thread.board.num_nails

    @property
    def chords(self) -> int:
        """How many chords there are."""
        return self.thread.line_count

    @property
    def last_step(self) -> int:
        """The number of the last step."""
        return len(self.path) - 1

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its threads in order of winding: one."""
        return (Part(0, self, colour_of(self.thread)),)

    @property
    def shaped(self) -> ShapedBoard | None:
        """The board, if it is no ring."""
        return self.thread.board if isinstance(self.thread.board, ShapedBoard) else None

    @property
    def radius(self) -> float:
        """Radius of the nail circle, mm; of other boards half the larger side."""
        return self.settings.diameter / 2

    @property
    def half(self) -> FloatArray:
        """Half the width and half the height of the board from nail to nail, mm, (2,)."""
        return np.array(self.thread.board.extent) * self.radius

    @cached_property
    def spacing(self) -> float:
        """Distance between the middles of neighbouring nails, mm; the least one where they differ."""
        if self.shaped:
            return outline.nearest_pair(self.centres)[0]
        return self.settings.diameter * math.sin(math.pi / self.num_nails)

    @property
    def zero(self) -> int:
        """The file's number of the nail that the maker calls 0: the one nearest the origin."""
        if self.shaped:
            aside = np.hypot(*(self.shaped.positions() - self._origin_point).T)
            return int(np.round(aside, 6).argmin())
        return (self._origin_quarters * self.num_nails + 2) // 4 % self.num_nails

    @property
    def sense(self) -> int:
        """+1 if display numbers run in the direction of the file's numbers, −1 if against it."""
        return 1 if (self.settings.direction == "cw") == (self.settings.side == "front") else -1

    @property
    def _origin_point(self) -> FloatArray:
        """The middle of the board's top or right side, from the front as in the file, in radii, (2,)."""
        across, up = self.thread.board.extent
        if self.settings.origin == "top":
            return np.array([0.0, -up])
        return np.array([across if self.settings.side == "front" else -across, 0.0])

    @property
    def _origin_quarters(self) -> int:
        if self.settings.origin == "top":
            return 3
        return 0 if self.settings.side == "front" else 2

    @cached_property
    def file_nails(self) -> IntArray:
        """The file's number of each nail, by display number, shape (n,)."""
        return ((self.zero + self.sense * np.arange(self.num_nails)) % self.num_nails).astype(np.int32)

    @cached_property
    def numbers(self) -> IntArray:
        """The display number of each nail, by the file's number, shape (n,)."""
        return (self.sense * (np.arange(self.num_nails) - self.zero) % self.num_nails).astype(np.int32)

    @cached_property
    def path(self) -> IntArray:
        """The nails of the path by display number, shape (m + 1,)."""
        return self.numbers[self.thread.nails]

    @cached_property
    def centres(self) -> FloatArray:
        """Middle of each nail by display number, mm, y down, seen from the working side, shape (n, 2)."""
        return self._seen(self.thread.board.positions()[self.file_nails] * self.radius)

    @cached_property
    def outward(self) -> FloatArray:
        """Direction away from the board at each nail by display number, y down, shape (n, 2)."""
        if not self.shaped:
            return self.centres / self.radius
        return self._seen(outline.normals(self.shaped.positions())[self.file_nails])

    @property
    def edge(self) -> FloatArray:
        """The outline of a board that is no ring, mm, y down, its end joined to its beginning, (k, 2)."""
        return self._seen(self.shaped.edge() * self.radius) if self.shaped else self.centres

    def _seen(self, points: FloatArray) -> FloatArray:
        """Points (k, 2) as they are from the front, seen from the working side."""
        return points if self.settings.side == "front" else points * np.array([-1.0, 1.0])

    @cached_property
    def polyline(self) -> FloatArray:
        """The thread drawn from nail middle to nail middle, mm, y down, shape (m + 1, 2)."""
        return self.centres[self.path]

    @cached_property
    def turns(self) -> NDArray[np.int8]:
        """Which way the thread goes round each nail: +1 clockwise as seen, −1 the other, shape (m + 1,).

        Of the four tangents between two nails (Birsak et al. 2018) the stable one is used: the thread
        always passes BEHIND the nail, on the outer side, so that its tension presses it against the nail.
        That is the side of the bend from the chord before to the chord after. If the thread goes straight
        back, the bend is half a turn either way, and clockwise is used. The first and the last nail are
        tied and use the side of their neighbour.
        """
        runs = np.diff(self.polyline, axis=0)
        bend = runs[:-1, 0] * runs[1:, 1] - runs[:-1, 1] * runs[1:, 0]
        inner = np.where(bend < 0, COUNTERCLOCKWISE, CLOCKWISE)
        ends = inner if len(inner) else np.array([CLOCKWISE])
        return np.concatenate([ends[:1], inner, ends[-1:]]).astype(np.int8)

    @cached_property
    def behind(self) -> NDArray[np.bool_]:
        """Whether the thread passes behind each nail, (m + 1,): always where the outline has no notch."""
        found = np.ones(len(self.path), dtype=np.bool_)
        if self.shaped and len(found) > 2:
            turned = self.arcs[1:-1] - math.tau * self.settings.wraps
            heading = self.directions[:-1] + self.turns[1:-1] * turned / 2
            spots = np.stack([np.sin(heading), -np.cos(heading)], axis=1) * self.turns[1:-1, None]
            found[1:-1] = (spots * self.outward[self.path[1:-1]]).sum(axis=1) > -1e-9
        return found

    @property
    def bend_radius(self) -> float:
        """Radius of the thread's centre line round a nail, mm."""
        return (self.settings.nail_diameter + self.settings.thread_width) / 2

    @cached_property
    def directions(self) -> FloatArray:
        """Heading of each straight run, radians clockwise from the right as seen, shape (m,).

        Between two nails of radius r at distance d the thread runs parallel to the line of their middles
        when it keeps its turn, and leans by asin(2r / d) when it changes from one turn to the other.
        """
        runs = np.diff(self.polyline, axis=0)
        before, after = self.turns[:-1].astype(np.float64), self.turns[1:]
        lean = np.minimum(2 * self.bend_radius / np.hypot(runs[:, 0], runs[:, 1]), 1.0)
        return np.arctan2(runs[:, 1], runs[:, 0]) + np.arcsin(lean) * (before - after) / 2

    @cached_property
    def tangents(self) -> FloatArray:
        """Where each straight run leaves its nail and touches the next, mm, y down, shape (m, 2, 2)."""
        heading = self.directions
        left = np.stack([np.sin(heading), -np.cos(heading)], axis=1) * self.bend_radius
        ends = np.stack([self.polyline[:-1], self.polyline[1:]], axis=1)
        sides = np.stack([self.turns[:-1], self.turns[1:]], axis=1)[:, :, None]
        return np.asarray(ends + sides * left[:, None, :])

    @cached_property
    def arcs(self) -> FloatArray:
        """How far the thread goes round each nail, radians ≥ 0, `wraps` included, shape (m + 1,).

        The first and the last nail count one full turn, for the knot.
        """
        swept = (self.turns[1:-1] * np.diff(self.directions)) % math.tau
        swept[swept > math.tau - 1e-9] = 0.0
        return np.concatenate([[math.tau], swept, [math.tau]]) + math.tau * self.settings.wraps

    @cached_property
    def run_lengths(self) -> FloatArray:
        """Length of each straight run between its tangent points, mm, shape (m,)."""
        runs = np.diff(self.tangents, axis=1)[:, 0]
        return np.hypot(runs[:, 0], runs[:, 1])

    @cached_property
    def metres(self) -> FloatArray:
        """Thread used once it has passed each nail, metres, including the first tail, shape (m + 1,)."""
        laid = self.arcs * self.bend_radius
        laid[0] += self.settings.tail
        laid[1:] += self.run_lengths
        return np.asarray(np.cumsum(laid) / 1000)

    @property
    def length(self) -> float:
        """Thread in the finished piece, metres: runs, arcs and both tails."""
        return float(self.metres[-1]) + self.settings.tail / 1000

    @property
    def length_to_have(self) -> float:
        """Thread to have ready, metres: `length` and the spare."""
        return self.length * (1 + self.settings.spare / 100)

    @property
    def seconds(self) -> float:
        """Time to wind it at the pace of the settings."""
        return self.chords * self.settings.seconds_per_chord

    def steps(self) -> Iterator[Step]:
        """Every nail of the path in order, including the first, tied one."""
        n = self.num_nails
        clockwise = 1 if self.settings.direction == "cw" else -1
        columns = self.path, self.turns, self.metres, self.behind
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for step, (nail, turn, metres, behind) in enumerate(rows):
            ahead = turn * clockwise
            enters, leaves = ((nail - ahead) % n, (nail + ahead) % n) if behind else (None, None)
            yield Step(step, nail, turn, enters, leaves, metres)

    @property
    def ground(self) -> str | None:
        """The colour of the board as #rrggbb, if the thread's file says one."""
        said = self.thread.provenance.get("board_colour")
        return said if isinstance(said, str) and HEX.fullmatch(said) else None

    @property
    def name(self) -> str | None:
        """What the piece is called, in one printable line: its title, or the label of its thread."""
        name = self.settings.title or self.thread.label
        return "".join(sign if sign.isprintable() else "?" for sign in name) if name else None

    def heading(self, kind: str) -> str:
        """The title of a file: what it is, and the piece's name if it has one."""
        return f"{kind}: {self.name}" if self.name else kind

    def statement(self) -> str:
        """One sentence for the header of every file: size, numbering, side and thread."""
        s = self.settings
        way = "clockwise" if s.direction == "cw" else "counterclockwise"
        wide, high = (float(f"{2 * side:.6g}") for side in self.half)
        board = f"Board {wide:g} x {high:g} mm from nail to nail" if self.shaped else ""
        board = board or f"Nail circle {s.diameter:g} mm across"
        return (
            f"{board}, {self.num_nails} nails of {s.nail_diameter:g} mm; "
            f"nail 0 {self._origin_words()}, counted {way}, all seen from the {s.side}; "
            f"thread {s.thread_width:.3g} mm, {self.chords} chords{self._in_colours()}."
        )

    def _in_colours(self) -> str:
        return f" in {len(self.parts)} colours" if len(self.parts) > 1 else ""

    def _origin_words(self) -> str:
        place = "top" if self.settings.origin == "top" else "right"
        if self.shaped:
            return f"nearest the middle of the {'top' if place == 'top' else 'right side'}"
        quarters = 4 * self.zero - self._origin_quarters * self.num_nails
        off = (quarters / self.num_nails + 2) % 4 - 2
        if off == 0:
            return f"at the {place}"
        clockwise = (off > 0) == (self.settings.side == "front")
        return (
            f"nearest the {place} ({abs(off) * 90:.2f}° {'clockwise' if clockwise else 'counterclockwise'})"
        )


def y_up(points: FloatArray) -> FloatArray:
    """The same points (…, 2) with y up, as machines and CAD expect; clockwise stays clockwise."""
    return np.asarray(points * np.array([1.0, -1.0]))
