"""G-code: drawing the thread with a pen, winding it with a thread feeder, or drilling the nail holes.

Winding: the feeder moves straight inside the ring to the gap before the nail, out through it, on an arc
round the back of the nail and in through the gap after it, in the direction of the workpiece's turns. It
never comes nearer to a nail than half the nail plus half the feeder. This module knows no dialect;
`machines` does.

Try it: python -m nitograph export thread.json -o job.gcode --job wind --profile grbl
"""

import itertools
import math
import textwrap
from collections.abc import Sequence

import numpy as np

from nitograph import __version__
from nitograph.errors import SettingsError
from nitograph.exporting.gcode.machines import Grbl, Machine, Marlin, Point, Polar, number
from nitograph.exporting.gcode.pauses import begun, change, left_after, pauses
from nitograph.exporting.gcode.round import ways_round
from nitograph.exporting.gcode.settings import GcodeSettings as GcodeSettings
from nitograph.exporting.winding_list import needs
from nitograph.exporting.workpiece import FloatArray, Workpiece, y_up

WIDTH = 68
"""Maximum length of a comment: some senders and firmwares cut lines at 80 characters."""


def gcode(workpiece: Workpiece, settings: GcodeSettings | None = None) -> str:
    """The whole job as text; SettingsError if it is impossible on that board."""
    settings = settings or GcodeSettings()
    job = {"plot": plot, "wind": wind, "drill": drill}[settings.job]
    last = workpiece.num_nails if settings.job == "drill" else workpiece.last_step
    if settings.start_at > last:
        kind = "holes" if settings.job == "drill" else "steps"
        raise SettingsError(
            f"this job has {last} {kind}, got start_at {settings.start_at}; give one of 1 to {last}"
        )
    if settings.job == "wind":
        check_clearance(workpiece, settings)
    if settings.job == "drill" and workpiece.spacing <= workpiece.settings.nail_diameter:
        raise SettingsError(
            f"holes of {workpiece.settings.nail_diameter:g} mm every {workpiece.spacing:.2f} mm run into "
            "each other; use thinner nails, fewer of them or a larger board"
        )
    machine = machine_for(workpiece, settings)
    job(workpiece, machine)
    if isinstance(machine, Grbl):
        check_extents(machine)
    finish(machine)
    return "\n".join(
        [*head(workpiece, machine, last), *opening(machine), *machine.lines, machine.ending, ""]
    )


def machine_for(workpiece: Workpiece, settings: GcodeSettings) -> Machine:
    """The machine that the profile names, for that board."""
    if settings.profile == "polar":
        if workpiece.shaped:
            raise SettingsError(
                f"a polar machine works on a ring of nails, got {workpiece.shaped.words}; use "
                "profile grbl or marlin"
            )
        zero = y_up(workpiece.centres[0])
        return Polar(settings, workpiece.radius, math.atan2(zero[1], zero[0]))
    kind = Marlin if settings.profile == "marlin" else Grbl
    return kind(settings, workpiece.radius)


def check_clearance(workpiece: Workpiece, settings: GcodeSettings) -> None:
    """SettingsError if the feeder cannot pass between nails or round them."""
    nail, feeder = workpiece.settings.nail_diameter, settings.feeder_diameter
    if workpiece.spacing < nail + feeder:
        raise SettingsError(
            f"nails of {nail:g} mm every {workpiece.spacing:.2f} mm leave no gap for a feeder of "
            f"{feeder:g} mm; use a larger board, fewer or thinner nails, or a thinner feeder"
        )
    most = float(workpiece.half.min()) / 2
    if not (nail + feeder) / 2 < settings.reach < most:
        raise SettingsError(
            f"reach must lie between {(nail + feeder) / 2:g} mm, where the feeder would touch the nail, "
            f"and {most:g} mm, half way to the middle; got {settings.reach:g}"
        )


def check_extents(machine: Grbl) -> None:
    """SettingsError if the tool would leave a machine that homes into its corner."""
    low = min(machine.extents()[0])
    if low < machine.lowest - 1e-9:
        raise SettingsError(
            f"the tool would go to {number(low)} mm, outside a machine that homes into its corner at 0; "
            f"raise centre_x or centre_y by {math.ceil(-low)} mm, or leave home out"
        )


def plot(workpiece: Workpiece, machine: Machine) -> None:
    """A polyline from nail to nail for each thread, the pen lifted for pauses only."""
    paused = pauses(workpiece, machine.settings)
    for part, first in begun(workpiece, machine.settings):
        points = y_up(part.piece.polyline)
        path = part.piece.path.tolist()
        machine.say(f"start: nail {path[first - 1]}")
        machine.travel(_point(points[first - 1]))
        if part.colour and len(workpiece.parts) > 1:
            machine.pause(f"{change(part.colour)}, then go on")
        machine.lower()
        stops = [step for step in range(first, len(path) - 1) if part.tied + step in paused]
        for start, stop in itertools.pairwise([first - 1, *stops, len(path) - 1]):
            notes = [f"step {part.tied + at} nail {path[at]}" for at in range(start + 1, stop + 1)]
            machine.draw(points[start + 1 : stop + 1], notes)
            machine.lift()
            if stop in stops:
                machine.pause(paused[part.tied + stop])
                machine.lower()


def wind(workpiece: Workpiece, machine: Machine) -> None:
    """Wind round each nail in its direction; the operator ties each thread on and off."""
    paused = pauses(workpiece, machine.settings)
    for part, first in begun(workpiece, machine.settings):
        piece = part.piece
        ways = Rounds(piece, machine) if workpiece.shaped is None else OutlineRounds(piece, machine)
        path, turns = piece.path.tolist(), piece.turns.tolist()
        machine.say(f"start: nail {path[first - 1]}")
        machine.travel(ways.place(first - 1))
        machine.lower()
        held = f"{'tie' if first == 1 else 'hold'} the thread at nail {path[first - 1]}"
        if part.colour and len(workpiece.parts) > 1:
            machine.say(held)
            machine.pause(f"{change(part.colour)}, then go on")
        else:
            machine.pause(f"{held}, then go on")
        for step in range(first, len(path)):
            machine.say(f"step {part.tied + step} nail {path[step]} {'cw' if turns[step] > 0 else 'ccw'}")
            for _ in range(1 + piece.settings.wraps):
                ways.go(step)
            if part.tied + step in paused and step < len(path) - 1:
                machine.pause(paused[part.tied + step])
        machine.pause(f"tie the thread off at nail {path[-1]}, cut it, then go on")
        machine.lift()


class Rounds:
    """The feeder's way round the nails of a ring."""

    def __init__(self, piece: Workpiece, machine: Machine) -> None:
        reach, radius = machine.settings.reach, piece.radius
        self.machine = machine
        self.inside, self.outside = radius - reach, radius + reach
        self.beside = min(math.pi / piece.num_nails, reach / radius)
        centres = y_up(piece.centres)
        angles = np.arctan2(centres[:, 1], centres[:, 0])
        self.angles: list[float] = angles[piece.path].tolist()
        self.turns: list[int] = piece.turns.tolist()

    def place(self, step: int) -> Point:
        """Where the feeder waits inside the nail of a step."""
        return _on(self.inside, self.angles[step])

    def go(self, step: int) -> None:
        """Once round the nail of that step."""
        turn = self.turns[step]
        before, after = self.angles[step] + turn * self.beside, self.angles[step] - turn * self.beside
        self.machine.move(_on(self.inside, before))
        self.machine.move(_on(self.outside, before))
        self.machine.arc(_on(self.outside, after), turn)
        self.machine.move(_on(self.inside, after))


class OutlineRounds:
    """The same on a board that is no ring: straight moves, clear of all nails."""

    def __init__(self, piece: Workpiece, machine: Machine) -> None:
        self.machine = machine
        self.ways = ways_round(piece, machine.settings)

    def place(self, step: int) -> Point:
        """Where the feeder waits inside the nail of a step."""
        return _point(self.ways[step][-1])

    def go(self, step: int) -> None:
        """Once round the nail of that step."""
        for to in self.ways[step]:
            self.machine.move(_point(to))


def drill(workpiece: Workpiece, machine: Machine) -> None:
    """Drill every nail hole once, in order around the ring."""
    if machine.settings.spindle:
        machine.line(f"M3 S{machine.settings.spindle}")
        machine.wait(2.0)
    else:
        machine.pause("switch the drill on, then go on")
    centres, paused = y_up(workpiece.centres), pauses(workpiece, machine.settings)
    for nail in range(machine.settings.start_at - 1, workpiece.num_nails):
        machine.say(f"step {nail + 1} nail {nail}")
        machine.travel(_point(centres[nail]))
        machine.lower()
        machine.lift()
        if nail + 1 in paused:
            machine.pause(paused[nail + 1])


def head(workpiece: Workpiece, machine: Machine, last: int) -> list[str]:
    """Header comments: the job, the origin, the work and the time."""
    s = machine.settings
    name = {"plot": "pen plot", "wind": "winding", "drill": "drilling"}[s.job]
    lift = (
        f"The servo lifts: S{s.servo_up} up, S{s.servo_down} down."
        if s.lifts_by == "servo"
        else f"Z0 is the face of the board; Z{number(s.safe_height)} safe, "
        f"Z{number(s.working_height)} at work."
    )
    work = (
        f"{last - s.start_at + 1} holes, {number(s.plunge_feed)} mm/min downwards"
        if s.job == "drill"
        else f"Tool path {machine.way / 1000:.2f} m, at {number(s.feed)} mm/min"
    )
    said = [
        *([f"{workpiece.name}."] if workpiece.name else []),
        f"Nitograph {__version__}: {name} for {s.profile}, steps {s.start_at} to {last}.",
        workpiece.statement().replace("°", " degrees"),
        machine.frame().replace("nail circle", "board" if workpiece.shaped else "nail circle"),
        lift,
        f"{work}, about {duration(machine.minutes)} without pauses.",
    ]
    said += needs(workpiece)
    if isinstance(machine, Grbl):
        (left, below), (right, above) = machine.extents()
        said.append(
            f"It moves from X{number(left)} to X{number(right)}, Y{number(below)} to Y{number(above)}."
        )
    if s.job == "wind":
        said.append(
            f"The feeder, {number(s.feeder_diameter)} mm across, passes {number(s.reach)} mm inside and "
            "outside of the nails."
        )
    if s.start_at > 1:
        done = f"A restart: everything before step {s.start_at} is assumed to be done"
        said.append(f"{done}; {left_after(workpiece, s)}.")
    ascii_only = (text.encode("ascii", "replace").decode() for text in said)
    return [f"; {line}" for text in ascii_only for line in textwrap.wrap(text, WIDTH)]


def opening(machine: Machine) -> list[str]:
    """Modes, homing, and raising the tool before any move."""
    s = machine.settings
    lines = list(machine.modes)
    if s.profile == "marlin" and s.home:
        lines.append("G28")
    before = len(machine.lines)
    machine.lift()
    raised = machine.lines[before:]
    del machine.lines[before:]
    return lines + raised


def finish(machine: Machine) -> None:
    """Park and switch off."""
    if machine.settings.job == "drill" and machine.settings.spindle:
        machine.line("M5")
    machine.say("park")
    machine.park()
    if machine.settings.lifts_by == "servo" and machine.settings.profile != "marlin":
        machine.line("M5")


def duration(minutes: float) -> str:
    """Hours and minutes in words."""
    whole = max(1, round(minutes))
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"


def _on(radius: float, angle: float) -> Point:
    return radius * math.cos(angle), radius * math.sin(angle)


def _point(row: FloatArray | Sequence[float]) -> Point:
    return float(row[0]), float(row[1])
