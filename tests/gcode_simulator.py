"""A machine made of arithmetic: runs G-code and says which nails a pen, a thread or a drill met.

It shares nothing with the writer. Where zero is, where nail 0 stands and which way the nails are counted it
takes from the sentences at the head of the file, as a maker would. Everything that a real controller would
refuse is an error here: unknown words, a cut without a feed, an arc whose radii differ, moving sideways
while a drill is down.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Spot = tuple[float, float]
WORD = re.compile(r"([A-Z])(-?\d+(?:\.\d+)?)")
ARC_STEP = math.radians(2)


class RefusedError(Exception):
    """What a controller would stop at."""


@dataclass
class Board:
    """What the head of a file says of its board, in mm, y up."""

    nails: Array
    radius: float
    nail_diameter: float
    zero: float
    centre: Spot
    table: int

    @staticmethod
    def stated(text: str) -> "Board":
        head = " ".join(re.findall(r"^; (.*)$", text.partition("G21")[0], re.M))
        size = re.search(r"Nail circle (\S+) mm across, (\d+) nails of (\S+) mm; nail 0", head)
        place = re.search(r"nail 0 (?:at|nearest) the (top|right)(?: \((\S+) degrees (\w+)\))?", head)
        count = re.search(r"counted (clockwise|counterclockwise), all seen from the (?:front|back)", head)
        assert size is not None, head
        assert place is not None, head
        assert count is not None, head
        off = float(place[2] or 0) * (-1 if place[3] == "clockwise" else 1)
        first = math.radians((90 if place[1] == "top" else 0) + off)
        way = -1 if count[1] == "clockwise" else 1
        radius, number = float(size[1]) / 2, int(size[2])
        angles = first + way * 2 * math.pi * np.arange(number) / number
        nails = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        zero = re.search(r"X(\S+) Y(\S+) is the middle", head)
        table = re.search(r"growing (\w+) seen from above; A0 has nail 0 under the tool", head)
        assert (zero is None) != (table is None)
        centre = (float(zero[1]), float(zero[2])) if zero else (0.0, 0.0)
        grows = 0 if table is None else (1 if table[1] == "clockwise" else -1)
        return Board(nails, radius, float(size[3]), first, centre, grows)


@dataclass
class Run:
    """What happened: every move as points over the board, whether the tool was down, its mode."""

    board: Board
    moves: list[tuple[list[Spot], bool, str]] = field(default_factory=list)
    plunges: list[tuple[float, float]] = field(default_factory=list)
    pauses: int = 0
    minutes: float = 0.0
    codes: list[str] = field(default_factory=list)

    def work(self) -> Array:
        """The tool's way at work as one polyline (k, 2); an error where it was lifted in between."""
        spells = [number for number, (_, down, _) in enumerate(self.moves) if down]
        if not spells or spells[-1] - spells[0] + 1 != len(spells):
            raise RefusedError("the tool was lifted in the middle of the work")
        parts = [self.moves[number][0] for number in spells]
        return np.array(parts[0][:1] + [point for part in parts for point in part[1:]])


class Controller:
    """Modal state of a controller; `run` reads a whole file."""

    def __init__(self, text: str, *, servo_down: int = 90) -> None:
        self.text, self.servo_down = text, servo_down
        self.out = Run(Board.stated(text))
        self.x = self.y = 0.0
        self.z = math.inf
        self.feed: float | None = None
        self.down = self.inverse = self.ended = False
        self.modes: set[str] = set()

    def run(self) -> Run:
        for raw in self.text.splitlines():
            if len(raw) > 80 or not raw.isascii():
                raise RefusedError(f"a line that firmwares cut or cannot read: {raw}")
            code = raw.partition(";")[0].strip()
            if code:
                self.one(code)
        if self.down:
            raise RefusedError("the job ends with the tool down")
        return self.out

    def one(self, code: str) -> None:
        if self.ended:
            raise RefusedError(f"{code} after the end")
        if code.startswith(("M0", "M0 ")):
            self.out.pauses += 1
            return
        words = WORD.findall(code)
        if "".join(letter + value for letter, value in words) != code.replace(" ", ""):
            raise RefusedError(f"cannot read {code}")
        commands = [letter + value for letter, value in words if letter in "GM"]
        given = {letter: float(value) for letter, value in words if letter not in "GM"}
        self.out.codes += commands
        if len(commands) > 1 and not set(commands) <= {"G21", "G90", "G17", "G93", "G94"}:
            raise RefusedError(f"two commands in {code}")
        for command in commands:
            self.command(command, given)

    def command(self, command: str, given: dict[str, float]) -> None:
        if command in ("G0", "G1", "G2", "G3"):
            if not {"G21", "G90"} <= self.modes:
                raise RefusedError("a move before units and distance mode are set")
            self.move(command, given)
        elif command == "G28":
            self.x = self.y = 0.0
        elif command == "G4":
            self.out.minutes += given["P"] / 60 / (1000 if "M400" in self.text else 1)
        elif command in ("G21", "G90", "G17", "G93", "G94"):
            self.modes.add(command)
            self.inverse = command == "G93" or (self.inverse and command != "G94")
        elif (command == "M3" and given["S"] < 1000) or command == "M280":
            self.down = given["S"] == self.servo_down
        elif command == "M2":
            self.ended = True
        elif command not in ("M3", "M5", "M400"):
            raise RefusedError(f"unknown command {command}")

    def move(self, command: str, given: dict[str, float]) -> None:
        if "F" in given:
            self.feed = given["F"]
        if command != "G0" and (self.feed is None or (self.inverse and "F" not in given)):
            raise RefusedError(f"{command} without a feed")
        if "Z" in given:
            self.height(given["Z"], command)
            return
        axis = "A" if self.out.board.table else "Y"
        target = given.get("X", self.x), given.get(axis, self.y)
        points = self.arc(command, target, given) if command in ("G2", "G3") else self.straight(target)
        self.x, self.y = target
        if command == "G0" and self.down:
            raise RefusedError("a rapid move with the tool down")
        length = sum(map(math.dist, points, points[1:]))
        if command != "G0":
            assert self.feed is not None
            self.out.minutes += 1 / self.feed if self.inverse else length / self.feed
        self.out.moves.append((points, self.down, command))

    def height(self, z: float, command: str) -> None:
        if command == "G1":
            assert self.feed is not None
            self.out.minutes += 1 / self.feed if self.inverse else abs(self.z - z) / self.feed
        if command == "G1" and z < self.z:
            self.down = True
            if z < 0:
                self.out.plunges.append(self.over(self.x, self.y))
        elif z >= self.z or not math.isfinite(self.z):
            self.down = False
        self.z = z

    def over(self, x: float, y: float) -> tuple[float, float]:
        """The point of the board under the tool."""
        board = self.out.board
        if not board.table:
            return x - board.centre[0], y - board.centre[1]
        angle = board.zero + board.table * math.radians(y)
        return x * math.cos(angle), x * math.sin(angle)

    def straight(self, to: Spot) -> list[Spot]:
        if not self.out.board.table:
            return [self.over(self.x, self.y), self.over(*to)]
        wide, turned = to[0] - self.x, to[1] - self.y
        steps = max(4 if wide and turned else 1, math.ceil(abs(math.radians(turned)) / ARC_STEP))
        return [self.over(self.x + k / steps * wide, self.y + k / steps * turned) for k in range(steps + 1)]

    def arc(self, command: str, to: Spot, given: dict[str, float]) -> list[Spot]:
        middle = self.x + given["I"], self.y + given["J"]
        radius, other = math.dist(middle, (self.x, self.y)), math.dist(middle, to)
        if abs(radius - other) > 0.005:
            raise RefusedError(f"an arc of two radii, {radius} and {other}")
        start = math.atan2(self.y - middle[1], self.x - middle[0])
        sign = -1 if command == "G2" else 1
        swept = (sign * (math.atan2(to[1] - middle[1], to[0] - middle[0]) - start)) % math.tau
        steps = max(2, math.ceil(swept / ARC_STEP))
        angles = [start + sign * swept * k / steps for k in range(steps + 1)]
        return [
            self.over(middle[0] + radius * math.cos(a), middle[1] + radius * math.sin(a)) for a in angles
        ]


def simulate(text: str, **more: Any) -> Run:
    """Run a whole file."""
    return Controller(text, **more).run()


def near(board: Board, points: Array) -> tuple[NDArray[np.int64], Array]:
    """The nearest nail of each point and its distance, for points (k, 2)."""
    order = np.argsort(np.arctan2(board.nails[:, 1], board.nails[:, 0]))
    angles = np.arctan2(board.nails[order, 1], board.nails[order, 0])
    place = np.searchsorted(angles, np.arctan2(points[:, 1], points[:, 0]))
    around = order[(place[:, None] + np.array([-1, 0, 1])) % len(order)]
    apart = np.linalg.norm(board.nails[around] - points[:, None], axis=2)
    best = apart.argmin(axis=1)
    rows = np.arange(len(points))
    return around[rows, best], apart[rows, best]


def drawn_nails(run: Run, *, within: float) -> tuple[list[int], float]:
    """The nails that a pen went through in order, and how far it strayed from straight in between, mm."""
    way = run.work()
    nails, apart = near(run.board, way)
    (stops,) = np.nonzero(apart <= within)
    if stops[0] != 0 or stops[-1] != len(way) - 1:
        raise RefusedError("the pen starts or ends beside a nail")
    starts = way[stops[:-1]].repeat(np.diff(stops), axis=0)
    runs = np.diff(way[stops], axis=0).repeat(np.diff(stops), axis=0)
    off = way[1:] - starts
    cross = np.abs(runs[:, 0] * off[:, 1] - runs[:, 1] * off[:, 0])
    return nails[stops].tolist(), float((cross / np.hypot(*runs.T)).max())


def wound_nails(run: Run) -> tuple[int, list[tuple[int, int]]]:
    """Where the thread starts, and each time the feeder went round a nail: (nail, +1 clockwise or −1).

    The feeder crosses the nail circle outwards through one gap and inwards through another. What stands
    between those gaps, on the side where it went, is what the thread now lies around.
    """
    board, way = run.board, run.work()
    count = len(board.nails)
    radius = np.hypot(*way.T)
    first = math.atan2(board.nails[0, 1], board.nails[0, 0])
    ahead = math.atan2(board.nails[1, 1], board.nails[1, 0])
    sense = 1 if math.sin(ahead - first) > 0 else -1
    angle = np.unwrap(np.arctan2(way[:, 1], way[:, 0]))
    places = sense * (angle - first) * count / math.tau
    crossings = np.nonzero((radius[1:] > board.radius) != (radius[:-1] > board.radius))[0]
    share = (board.radius - radius[crossings]) / (radius[crossings + 1] - radius[crossings])
    at = places[crossings] + share * (places[crossings + 1] - places[crossings])
    gaps = np.floor(at).astype(int)
    if len(gaps) % 2 or radius[0] > board.radius:
        raise RefusedError("the thread does not start and end inside the ring")
    rounds = []
    for out, back in zip(gaps[::2].tolist(), gaps[1::2].tolist(), strict=True):
        if abs(back - out) != 1:
            raise RefusedError(f"one way round {abs(back - out)} nails")
        rounds.append((max(out, back) % count, -sense * (back - out)))
    return int(near(board, way[:1])[0][0]), rounds


def clearance(run: Run) -> float:
    """The least distance of the way at work from the middle of any nail, mm; every segment, every nail."""
    way, nails = run.work(), run.board.nails
    least = math.inf
    for cut in range(0, len(way) - 1, 2000):
        runs = np.diff(way[cut : cut + 2001], axis=0)[:, None]
        start = way[cut : cut + len(runs), None]
        square = np.maximum((runs**2).sum(axis=2), 1e-18)
        share = np.clip(((nails - start) * runs).sum(axis=2) / square, 0, 1)[..., None]
        least = min(least, float(np.linalg.norm(start + share * runs - nails, axis=2).min()))
    return least
