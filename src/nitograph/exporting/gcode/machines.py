"""Machines and their G-code dialects: GRBL, Marlin, and a polar machine whose table turns the board.

A machine takes points of the board (mm from the middle of the nail circle, x right, y UP, as seen from the
working side) and writes lines; it sums up the tool path and the time. It knows nothing of threads.

Try it: python -m nitograph export thread.json -o job.gcode --profile polar --job wind
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nitograph.exporting.gcode.settings import GcodeSettings

FloatArray = NDArray[np.float64]
Point = tuple[float, float]

DECIMALS = 3
"""Decimals of every coordinate, in mm or degrees."""


def number(value: float) -> str:
    """A coordinate as short as it can be."""
    text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def plain(text: str) -> str:
    """A comment that every machine reads: in ASCII, and without what ends or begins one."""
    return text.encode("ascii", "replace").decode().translate(str.maketrans(";()%", ",[]?"))


class Machine(ABC):
    """The lines so far, the position of the tool, its path at work (mm) and the time (minutes)."""

    modes: tuple[str, ...] = ("G21 G90 G17 G94",)
    ending = "M2"

    def __init__(self, settings: GcodeSettings, radius: float) -> None:
        self.settings, self.radius = settings, radius
        self.lines: list[str] = []
        self.minutes = self.way = 0.0
        self.feed_now: float | None = None

    @abstractmethod
    def frame(self) -> str:
        """One sentence: which axes there are and where their zero is."""

    @abstractmethod
    def travel(self, to: Point) -> None:
        """Go there above the board."""

    @abstractmethod
    def move(self, to: Point) -> None:
        """Go there at work, inside the ring: straight, or as the table turns."""

    @abstractmethod
    def arc(self, to: Point, turn: int) -> None:
        """Go there at work on the circle round the board's middle; turn +1 is clockwise."""

    @abstractmethod
    def draw(self, points: FloatArray, notes: Sequence[str]) -> None:
        """Draw straight through points (k, 2) from where the tool is; one note for each."""

    @abstractmethod
    def park(self) -> None:
        """Leave the board free."""

    def say(self, text: str) -> None:
        """A comment of its own line."""
        self.lines.append(f"; {plain(text)}")

    def line(self, code: str, note: str = "") -> None:
        """One line of code, with its note."""
        self.lines.append(f"{code} ; {plain(note)}" if note else code)

    def feed(self, feed: float, minutes: float) -> str:
        """The feed word of a move: only where it changes."""
        self.minutes += minutes
        if feed == self.feed_now:
            return ""
        self.feed_now = feed
        return f" F{number(feed)}"

    def rapid(self, minutes: float) -> str:
        """The feed word of a rapid move; none if the machine has its own speed for it."""
        self.minutes += minutes
        return ""

    def lift(self) -> None:
        """Raise the tool."""
        if self.settings.lifts_by == "servo":
            self._servo(self.settings.servo_up)
        else:
            word = self.rapid(self._depth() / self.settings.travel_feed)
            self.line(f"G0 Z{number(self.settings.safe_height)}{word}")

    def lower(self) -> None:
        """Lower the tool to work."""
        if self.settings.lifts_by == "servo":
            self._servo(self.settings.servo_down)
        else:
            feed = self.settings.plunge_feed
            word = self.feed(feed, self._depth() / feed)
            self.line(f"G1 Z{number(self.settings.working_height)}{word}")

    def pause(self, text: str) -> None:
        """Wait until the operator has done that."""
        self.line("M0", text)

    def _depth(self) -> float:
        return self.settings.safe_height - self.settings.working_height

    def _servo(self, value: int) -> None:
        self.line(f"M3 S{value}")
        self.wait(self.settings.dwell)

    def wait(self, seconds: float) -> None:
        """Wait."""
        if seconds > 0:
            self.minutes += seconds / 60
            self.line(f"G4 P{number(seconds)}")


class Grbl(Machine):
    """Cartesian, X right and Y up; rapid moves at the machine's own speed."""

    lowest = -math.inf
    """The smallest coordinate there is; below it stands the frame of the machine."""

    def __init__(self, settings: GcodeSettings, radius: float) -> None:
        super().__init__(settings, radius)
        self.centre = (settings.centre_x or 0.0, settings.centre_y or 0.0)
        self.here: Point = (0.0, 0.0)
        self.seen: list[Point] = []

    def frame(self) -> str:
        x, y = map(number, self.centre)
        zero = "X0 Y0 is" if self.centre == (0.0, 0.0) else f"X{x} Y{y} is"
        return f"{zero} the middle of the nail circle, X to the right, Y up, in mm."

    def travel(self, to: Point) -> None:
        word = self.rapid(math.dist(self.here, to) / self.settings.travel_feed)
        self.here = to
        self.line(f"G0{self._at(to)}{word}")

    def move(self, to: Point) -> None:
        self._cut(f"G1{self._at(to)}", math.dist(self.here, to), to)

    def arc(self, to: Point, turn: int) -> None:
        swept = -turn * (_angle(to) - _angle(self.here)) % math.tau
        radius = math.hypot(*self.here)
        if self.settings.arcs:
            before = _angle(self.here)
            for part in range(17):
                angle = before - turn * swept * part / 16
                self._see((radius * math.cos(angle), radius * math.sin(angle)))
            toward = f" I{number(-self.here[0])} J{number(-self.here[1])}"
            self._cut(f"{'G2' if turn > 0 else 'G3'}{self._at(to)}{toward}", radius * swept, to)
            return
        pieces = max(1, math.ceil(swept / (2 * math.acos(max(0.0, 1 - self.settings.tolerance / radius)))))
        start = _angle(self.here)
        for part in range(1, pieces):
            angle = start - turn * swept * part / pieces
            self.move((radius * math.cos(angle), radius * math.sin(angle)))
        self.move(to)

    def draw(self, points: FloatArray, notes: Sequence[str]) -> None:
        for to, note in zip(points.tolist(), notes, strict=True):
            self._cut(f"G1{self._at(to)}", math.dist(self.here, to), (to[0], to[1]), note)

    def park(self) -> None:
        s = self.settings
        x = 0.0 if s.park_x is None else s.park_x - self.centre[0]
        below = max(-(self.radius + s.reach + 5), self.lowest - self.centre[1])
        y = below if s.park_y is None else s.park_y - self.centre[1]
        self.travel((x, y))

    def _cut(self, code: str, length: float, to: Point, note: str = "") -> None:
        word = self.feed(self.settings.feed, length / self.settings.feed)
        self.way += length
        self.here = to
        self.line(code + word, note)

    def extents(self) -> tuple[Point, Point]:
        """The smallest and the largest X and Y of all moves so far."""
        xs, ys = zip(*self.seen, strict=True)
        return (min(xs), min(ys)), (max(xs), max(ys))

    def _see(self, to: Sequence[float]) -> None:
        self.seen.append((to[0] + self.centre[0], to[1] + self.centre[1]))

    def _at(self, to: Sequence[float]) -> str:
        self._see(to)
        return f" X{number(to[0] + self.centre[0])} Y{number(to[1] + self.centre[1])}"


class Marlin(Grbl):
    """Cartesian, origin in a corner of the bed; rapid moves have a feed; waits in milliseconds."""

    modes = ("G21", "G90")
    ending = "M400"

    def __init__(self, settings: GcodeSettings, radius: float) -> None:
        super().__init__(settings, radius)
        corner = radius + settings.reach + 10
        x, y = settings.centre_x, settings.centre_y
        self.centre = (corner if x is None else x, corner if y is None else y)
        self.here = (-self.centre[0], -self.centre[1])
        if settings.home:
            self.lowest = 0.0

    def rapid(self, minutes: float) -> str:
        return self.feed(self.settings.travel_feed, minutes)

    def pause(self, text: str) -> None:
        self.line(f"M0 {plain(text).lower()}")  # a capital S or P before a number would be a time to wait

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self.minutes += seconds / 60
            self.line(f"G4 P{round(seconds * 1000)}")

    def _servo(self, value: int) -> None:
        self.line("M400")
        self.line(f"M280 P0 S{value}")
        self.wait(self.settings.dwell)


class Polar(Machine):
    """The tool moves along X, the distance from the middle; the table turns the board by A, degrees.

    Every move states its duration (G93, inverse time), so that the thread runs at the same speed near the
    rim and near the middle. The table always turns the shorter way and its angle is never wrapped. Source
    of G93: NIST RS274/NGC Interpreter, version 3 (2000), section 3.5.19.
    """

    modes = ("G21 G90 G17 G93",)

    def __init__(self, settings: GcodeSettings, radius: float, zero: float) -> None:
        super().__init__(settings, radius)
        self.zero = zero
        self.sense = 1 if settings.table_direction == "cw" else -1
        self.r, self.turned = 0.0, 0.0

    def frame(self) -> str:
        way = "clockwise" if self.sense > 0 else "counterclockwise"
        return (
            "X is the distance from the middle of the nail circle in mm, A the turn of the table in "
            f"degrees, growing {way} seen from above; A0 has nail 0 under the tool."
        )

    def travel(self, to: Point) -> None:
        r, turned = self._target(to)
        self.minutes += math.hypot((r - self.r), r * (turned - self.turned)) / self.settings.travel_feed
        self._set(r, turned, "G0")

    def move(self, to: Point) -> None:
        r, turned = self._target(to)
        self._cut(r, turned, math.hypot(r - self.r, r * (turned - self.turned)))

    def arc(self, to: Point, turn: int) -> None:
        swept = -turn * (_angle(to) - self.zero - self.turned) % math.tau
        self._cut(self.r, self.turned - turn * swept, self.r * swept)

    def draw(self, points: FloatArray, notes: Sequence[str]) -> None:
        for to, note in zip(points.tolist(), notes, strict=True):
            r, turned = self._target((to[0], to[1]))
            start, swept = self.turned, turned - self.turned
            radii, shares = sweep(round(r, 6), round(abs(swept), 9), self.settings.tolerance)
            before = (self.r * math.cos(start), self.r * math.sin(start))
            for radius, share in zip(radii, shares, strict=True):
                angle = start + swept * share
                after = (radius * math.cos(angle), radius * math.sin(angle))
                self._cut(radius, angle, math.dist(before, after), note)
                before, note = after, ""

    def park(self) -> None:
        s = self.settings
        r = self.radius + s.reach + 20 if s.park_x is None else s.park_x
        turned = self.turned if s.park_y is None else self.sense * math.radians(s.park_y)
        self._set(r, turned, "G0")

    def feed(self, feed: float, minutes: float) -> str:
        self.minutes += minutes
        return f" F{number(max(1 / max(minutes, 1e-9), 0.001))}"

    def _target(self, to: Point) -> Point:
        apart = _angle(to) - self.zero - self.turned
        return math.hypot(*to), self.turned + math.remainder(apart, math.tau)

    def _cut(self, r: float, turned: float, length: float, note: str = "") -> None:
        table = math.degrees(abs(turned - self.turned)) / self.settings.table_speed
        self.way += length
        word = self.feed(self.settings.feed, max(length / self.settings.feed, table))
        self._set(r, turned, "G1", word, note)

    def _set(self, r: float, turned: float, code: str, word: str = "", note: str = "") -> None:
        self.r, self.turned = r, turned
        self.line(f"{code} X{number(r)} A{number(self.sense * math.degrees(turned))}{word}", note)


@lru_cache(maxsize=4096)
def sweep(radius: float, angle: float, tolerance: float) -> tuple[list[float], list[float]]:
    """A chord of a circle as moves of a polar machine: radius (mm) and share of the angle at each end.

    angle: what the chord spans, radians, over 0 to π. Between two ends the machine keeps both speeds even,
    so its track bows off the chord by p(1 + 2tan²φ)Δφ²/8, p the chord's distance from the middle and φ the
    angle from its nearest point; the steps Δφ share that bow evenly, and are as many as keep it within
    `tolerance`. A chord that passes the middle within half of it goes in, turns there, and comes out.
    """
    nearest = radius * math.cos(angle / 2)
    if nearest <= tolerance / 2:
        return [0.0, 0.0, radius], [0.0, 1.0, 1.0]
    end = math.asinh(math.tan(angle / 2))
    slope = np.sinh(np.linspace(-end, end, 513))
    phi = np.arctan(slope)
    density = np.sqrt(nearest * (1 + 2 * slope**2) / (8 * tolerance))
    moves = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(phi))])
    count = max(2, math.ceil(moves[-1]))
    while True:
        ends = np.interp(np.linspace(0, moves[-1], count + 1), moves, phi)
        radii = nearest / np.cos(ends)
        if _bow(radii, ends, nearest) <= tolerance:
            return radii[1:].tolist(), (ends[1:] / angle + 0.5).tolist()
        count += 1 + count // 20


def _bow(radii: FloatArray, ends: FloatArray, nearest: float) -> float:
    """Maximum distance of the moves between those ends from the chord, mm, at seven points of each."""
    share = np.linspace(0, 1, 9)[1:-1, None]
    track = (radii[:-1] + share * np.diff(radii)) * np.cos(ends[:-1] + share * np.diff(ends))
    return float(np.abs(track - nearest).max())


def _angle(point: Sequence[float]) -> float:
    return math.atan2(point[1], point[0])
