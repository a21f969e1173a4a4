"""Settings of a G-code job: the machine's dialect, the job, speeds, heights and positions.

This module knows no G-code; `machines` and `job` use it.

Try it: python -c "from nitograph.exporting.gcode.settings import GcodeSettings as G; print(G.names())"
"""

from dataclasses import dataclass

from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting

WORK_HEIGHTS = {"plot": 0.0, "wind": 3.0, "drill": -6.0}
"""Default height of the tool at work, mm above the board."""


@dataclass(frozen=True)
class GcodeSettings(Settings):
    """Machine, job, speeds and heights."""

    profile: str = setting("grbl", "the machine's dialect", choices=("grbl", "marlin", "polar"))
    job: str = setting(
        "plot",
        "draw the thread with a pen, wind it, or drill the nail holes",
        choices=("plot", "wind", "drill"),
    )
    start_at: int = setting(
        1, "first step to do, numbered as in the winding list (when drilling, a step is a hole)", low=1
    )
    pause_steps: int | None = setting(None, "pause after every so many steps", unit="steps", low=1)
    pause_metres: float | None = setting(
        None, "pause each time that so much more thread is laid", unit="metres", low=0.1, high=10_000
    )
    feed: float = setting(2000.0, "speed at work", unit="mm/min", low=1, high=100_000)
    travel_feed: float = setting(4000.0, "speed above the board", unit="mm/min", low=1, high=100_000)
    plunge_feed: float = setting(
        300.0, "speed downwards into the board", unit="mm/min", low=1, high=100_000
    )
    lift: str | None = setting(
        None,
        "what lifts the tool; default: servo for GRBL, Z for other machines and for drilling",
        choices=("servo", "z"),
    )
    safe_height: float = setting(15.0, "height clear of the nails", unit="mm", low=-500, high=500)
    work_height: float | None = setting(
        None,
        "height at work; default: 0 for a pen, 3 for a thread feeder, -6 for a drill",
        unit="mm",
        low=-500,
        high=500,
    )
    servo_up: int = setting(
        30, "servo value with the tool up: S of M3, or degrees of M280", low=0, high=10_000
    )
    servo_down: int = setting(90, "servo value with the tool down", low=0, high=10_000)
    dwell: float = setting(0.25, "wait after each servo move", unit="seconds", low=0, high=60)
    spindle: int = setting(
        10_000, "speed of the drill; 0 waits for you to switch it on", unit="turns/min", low=0, high=100_000
    )
    reach: float = setting(
        4.0, "how far the feeder passes inside and outside of the nail circle", unit="mm", low=0.1, high=500
    )
    feeder_diameter: float = setting(
        1.2, "diameter of the tube that feeds the thread", unit="mm", low=0, high=50
    )
    arcs: bool = setting(True, "write arcs as G2 and G3 instead of short straight moves")
    home: bool = setting(True, "Marlin: find home (G28) first")
    centre_x: float | None = setting(
        None,
        "X of the board's middle; default: 0, for Marlin so that the board fits into the corner",
        unit="mm",
        low=-1e5,
        high=1e5,
    )
    centre_y: float | None = setting(
        None, "Y of the board's middle, likewise", unit="mm", low=-1e5, high=1e5
    )
    park_x: float | None = setting(
        None, "X to park at (polar: radius); default: below the board", unit="mm", low=-1e5, high=1e5
    )
    park_y: float | None = setting(
        None, "Y to park at (polar: angle of the table, degrees)", unit="mm", low=-1e5, high=1e5
    )
    table_direction: str = setting(
        "cw", "polar: direction of the table for growing A, seen from above", choices=("cw", "ccw")
    )
    table_speed: float = setting(
        3600.0, "polar: maximum speed of the table", unit="degrees/min", low=1, high=1e6
    )
    tolerance: float = setting(
        0.1, "maximum error of a curve or chord made of short moves", unit="mm", low=0.001, high=5
    )

    def idle(self) -> dict[str, str]:
        """What another profile or job, or another way to lift, would use."""
        found: dict[str, str] = {}

        def only(condition: bool, reason: str, *names: str) -> None:
            if not condition:
                found.update(dict.fromkeys(names, reason))

        polar, job = self.profile == "polar", self.job
        only(job != "drill", "drilling has its own speed, plunge_feed", "feed")
        only(self.lifts_by == "z", "a servo lifts", "plunge_feed", "safe_height", "work_height")
        only(self.lifts_by == "servo", "Z lifts", "servo_up", "servo_down", "dwell")
        only(job == "drill", f"job is {job}", "spindle")
        only(job != "drill", "drilling lays no thread", "pause_metres")
        only(job == "wind", f"job is {job}", "reach", "feeder_diameter", "arcs")
        only(not polar, "profile is polar", "arcs", "centre_x", "centre_y")
        only(polar, f"profile is {self.profile}", "table_direction", "table_speed")
        only(job != "drill", "between holes the table turns at a speed of its own", "table_speed")
        only(self.profile == "marlin", f"profile is {self.profile}", "home")
        curved = (job == "plot" and polar) or (job == "wind" and not polar and not self.arcs)
        only(curved, "no curve is made of short moves", "tolerance")
        return found

    def check(self) -> None:
        """Heights, servo values and jobs that exclude each other."""
        if self.lifts_by == "z" and self.working_height >= self.safe_height:
            raise SettingsError(
                f"work_height must be below safe_height, {self.safe_height:g} mm, got "
                f"{self.working_height:g}; lower the one or raise the other"
            )
        if self.lifts_by == "servo" and self.servo_up == self.servo_down:
            raise SettingsError(f"servo_up and servo_down must differ, got {self.servo_up} for both")
        if self.job == "drill" and self.lift == "servo":
            raise SettingsError("a drill is lifted by Z, got lift servo; leave lift out for drilling")

    @property
    def lifts_by(self) -> str:
        """ "servo" or "z"."""
        return self.lift or ("servo" if self.profile == "grbl" and self.job != "drill" else "z")

    @property
    def working_height(self) -> float:
        """The height at work, mm; by default that of the job."""
        return WORK_HEIGHTS[self.job] if self.work_height is None else self.work_height
