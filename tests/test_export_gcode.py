"""G-code read back by a machine of its own: every profile and job gives the thread that went in."""

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from gcode_simulator import Controller, RefusedError, Run, clearance, drawn_nails, simulate, wound_nails
from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.exporting.gcode import machines
from nitograph.exporting.gcode.job import GcodeSettings, gcode
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.thread import Thread

PROFILES = ("grbl", "marlin", "polar")
CASES = [(3, 1, 600), (3, 20, 100), (5, 9, 40), (64, 200, 600), (255, 300, 800), (2000, 1000, 8000)]


def workpiece(nails: int = 64, chords: int = 57, diameter: float = 600, **more: Any) -> Workpiece:
    """A walk of pseudo-random chords on a board of so many nails, on large ones none of them very short."""
    gap = 1 + nails // 100
    steps = np.random.default_rng(nails + chords).integers(gap, nails - gap + 1, chords)
    path = np.concatenate([[0], np.cumsum(steps)]) % nails
    return Workpiece(Thread(path, Board(nails)), WorkpieceSettings(diameter=diameter, **more))


def check_plot(made: Workpiece, run: Run, settings: GcodeSettings, start: int = 1) -> None:
    nails, stray = drawn_nails(run, within=0.002 + (1e-4 if made.num_nails % 4 else 1.2e-5) * made.radius)
    assert nails == made.path.tolist()[start - 1 :]
    assert stray <= settings.tolerance + 2e-4 * made.radius


def check_wind(made: Workpiece, run: Run, start: int = 1) -> None:
    first, rounds = wound_nails(run)
    assert first == made.path[start - 1]
    turns = zip(made.path.tolist()[start:], made.turns.tolist()[start:], strict=True)
    assert rounds == [step for step in turns for _ in range(1 + made.settings.wraps)]
    assert run.pauses == 2


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_pen_draws_the_thread(profile: str, case: tuple[int, int, int]) -> None:
    """One stroke, never lifted, through the same nails in the same order, straight within the tolerance."""
    made = workpiece(*case)
    chosen = GcodeSettings(profile=profile)
    check_plot(made, simulate(gcode(made, chosen)), chosen)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_feeder_winds_the_thread(profile: str, case: tuple[int, int, int]) -> None:
    """Round the same nails, each on the side that the list says, without touching one of them."""
    made = workpiece(*case)
    chosen = GcodeSettings(profile=profile, job="wind")
    run = simulate(gcode(made, chosen))
    check_wind(made, run)
    if case[0] < 1000 or profile != "polar":
        assert clearance(run) >= (made.settings.nail_diameter + chosen.feeder_diameter) / 2 - 0.01


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("nails", [3, 64, 2000])
def test_drill_makes_each_hole_once(profile: str, nails: int) -> None:
    """As many plunges as nails, in the order of their numbers, each on its nail."""
    made = workpiece(nails, 1, 8000 if nails > 1000 else 600)
    run = simulate(gcode(made, GcodeSettings(profile=profile, job="drill")))
    np.testing.assert_allclose(run.plunges, made.centres * [1, -1], atol=1e-3 + 1e-5 * made.radius)
    np.testing.assert_allclose(run.plunges, run.board.nails, atol=1e-3 + 1e-4 * made.radius)
    assert not any(down for _, down, _ in run.moves)


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["grbl", "polar"])
@pytest.mark.parametrize("job", ["plot", "wind"])
def test_twenty_thousand_chords(profile: str, job: str) -> None:
    """The largest job keeps every chord."""
    made = workpiece(300, 20_000, 900 if job == "wind" else 100)
    chosen = GcodeSettings(profile=profile, job=job, tolerance=2.0)
    run = simulate(gcode(made, chosen))
    if job == "plot":
        check_plot(made, run, chosen)
    else:
        check_wind(made, run)


@settings(max_examples=25)
@given(
    nails=st.integers(3, 120),
    seed=st.integers(0, 99),
    profile=st.sampled_from(PROFILES),
    board=st.fixed_dictionaries(
        {
            "origin": st.sampled_from(["top", "right"]),
            "direction": st.sampled_from(["cw", "ccw"]),
            "side": st.sampled_from(["front", "back"]),
            "wraps": st.integers(0, 2),
        }
    ),
    table=st.sampled_from(["cw", "ccw"]),
    arcs=st.booleans(),
)
def test_every_numbering_and_table(
    nails: int, seed: int, profile: str, board: dict[str, Any], table: str, arcs: bool
) -> None:
    """What the head says of origin, direction, side and table is true, for all of them and all wraps."""
    made = workpiece(nails, 5 + seed, **board)
    chosen = GcodeSettings(profile=profile, table_direction=table, arcs=arcs)
    check_plot(made, simulate(gcode(made, chosen)), chosen)
    run = simulate(gcode(made, chosen.replace(job="wind")))
    check_wind(made, run)
    assert clearance(run) >= (made.settings.nail_diameter + chosen.feeder_diameter) / 2 - 0.01


@pytest.mark.parametrize("profile", PROFILES)
def test_start_at(profile: str) -> None:
    """A restart does exactly the steps from there on, with its own way in, and says that it is one."""
    made = workpiece()
    for start in (2, 30, 57):
        chosen = GcodeSettings(profile=profile, start_at=start)
        text = gcode(made, chosen)
        assert "A restart" in text
        check_plot(made, simulate(text), chosen, start)
        text = gcode(made, chosen.replace(job="wind"))
        check_wind(made, simulate(text), start)
        assert f"hold the thread at nail {made.path[start - 1]}" in text
    run = simulate(gcode(made, GcodeSettings(profile=profile, job="drill", start_at=60)))
    assert len(run.plunges) == 5


def test_a_restart_says_what_is_left() -> None:
    """Chords and thread of the steps still to do, which with those done are the whole piece."""
    made = workpiece()
    for job in ("plot", "wind"):
        head = re.sub(r"\n; ", " ", gcode(made, GcodeSettings(job=job, start_at=30)))
        chords, metres = re.search(r"(\d+) chords are left, ([\d.]+) m of thread", head).groups()  # type: ignore[union-attr]  # there
        assert int(chords) == made.chords - 29
        assert float(metres) == pytest.approx(made.length - made.metres[29], abs=0.051)
    drilled = gcode(made, GcodeSettings(job="drill", start_at=60))
    assert "5 holes are left" in re.sub(r"\n; ", " ", drilled)


@pytest.mark.parametrize("job", ["plot", "wind", "drill"])
def test_pauses(job: str) -> None:
    """Every so many steps and each time so much thread is laid, never at the end; the way is the same."""
    made, plain = workpiece(), GcodeSettings(job=job, spindle=500)
    before = simulate(gcode(made, plain))
    text = gcode(made, plain.replace(pause_steps=8))
    words = {"drill": r"M0 ; (\d+) holes"}.get(job, r"M0 ; step (\d+) done")
    last = made.num_nails if job == "drill" else made.chords
    assert [int(step) for step in re.findall(words, text)] == list(range(8, last, 8))
    paused = simulate(text)
    assert paused.plunges == before.plunges
    if job == "drill":
        return
    ways = [
        [spot for points, down, _ in run.moves if down for spot in points[1:]] for run in (before, paused)
    ]
    assert ways[0] == ways[1]
    steps = [int(step) for step in re.findall(words, gcode(made, plain.replace(pause_metres=2.5)))]
    assert [int(made.metres[step] / 2.5) for step in steps] == list(range(1, 1 + len(steps)))
    assert len(steps) == int(made.metres[-2] / 2.5)


@pytest.mark.parametrize("profile", ["grbl", "marlin"])
@pytest.mark.parametrize("job", ["plot", "wind", "drill"])
def test_head_says_the_extents(profile: str, job: str) -> None:
    """The least and the largest X and Y of the code are those of the head; a corner is never passed."""
    text = gcode(workpiece(), GcodeSettings(profile=profile, job=job))
    said = re.search(r"from X(\S+) to X(\S+), Y(\S+) to Y(\d+(?:\.\d+)?)", re.sub(r"\n; ", " ", text))
    values = [float(value) for value in said.groups()]  # type: ignore[union-attr]  # there
    for axis, (least, most) in zip("XY", (values[:2], values[2:]), strict=True):
        ends = [float(value) for value in re.findall(rf"^G[0-3].*?{axis}(-?[\d.]+)", text, re.MULTILINE)]
        assert least <= min(ends) + 1e-9
        assert max(ends) <= most + 1e-9
        assert most - max(ends) < 0.5
        assert profile == "grbl" or least >= 0


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("job", ["plot", "wind", "drill"])
def test_comments_name_steps_and_nails(profile: str, job: str) -> None:
    """The comments tell the steps and nails of the winding list, in order."""
    made = workpiece()
    text = gcode(made, GcodeSettings(profile=profile, job=job, start_at=4))
    noted = [(int(a), int(b)) for a, b in re.findall(r"; step (\d+) nail (\d+)", text)]
    wanted = [step - 1 for step in range(4, 65)] if job == "drill" else made.path.tolist()[4:]
    assert noted == list(enumerate(wanted, 4))
    assert made.statement() in re.sub(r"\n; ", " ", text)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("job", ["plot", "wind", "drill"])
def test_head_tells_way_and_time(profile: str, job: str) -> None:
    """The way at work and the time at the head are those that the machine really takes."""
    made = workpiece(chords=300)
    text = gcode(made, GcodeSettings(profile=profile, job=job, travel_feed=100_000))
    run = simulate(text)
    head = re.sub(r"\n; ", " ", text)
    hours, minutes = re.search(r"about (?:(\d+) h )?(\d+) min", head).groups()  # type: ignore[union-attr]  # there
    assert int(hours or 0) * 60 + int(minutes) == pytest.approx(run.minutes, rel=0.02, abs=1)
    if job == "drill":
        assert "64 holes" in head
        return
    way = float(re.search(r"Tool path (\S+) m", head)[1])  # type: ignore[index]  # there
    walked = sum(
        math.dist(*pair) for points, down, _ in run.moves if down for pair in itertools.pairwise(points)
    )
    assert way == pytest.approx(walked / 1000, rel=0.001, abs=0.01)


def test_each_profile_speaks_its_dialect() -> None:
    """GRBL lifts by servo and ends with M2, Marlin homes and uses Z, the table is timed by G93."""
    made = workpiece()
    grbl, marlin, polar = (simulate(gcode(made, GcodeSettings(profile=name))).codes for name in PROFILES)
    assert {"G94", "M3", "M5", "M2"} <= set(grbl)
    assert "G28" in marlin
    assert not {"M2", "M3", "G94"} & set(marlin)
    assert {"G93", "M2"} <= set(polar)
    assert "G28" not in simulate(gcode(made, GcodeSettings(profile="marlin", home=False))).codes
    servo = gcode(made, GcodeSettings(profile="marlin", lift="servo"))
    assert "M280 P0 S90" in servo
    check_plot(made, simulate(servo), GcodeSettings())
    by_z = gcode(made, GcodeSettings(lift="z"))
    assert "G1 Z0 F300" in by_z
    check_plot(made, simulate(by_z), GcodeSettings())


def test_table_turns_the_shorter_way() -> None:
    """No move turns the table more than half way round, and its angle runs on without a jump back."""
    made = workpiece(chords=300)
    for job in ("plot", "wind"):
        text = gcode(made, GcodeSettings(profile="polar", job=job))
        turned = [float(a) for a in re.findall(r"G1 X\S+ A(\S+)", text)]
        assert max(abs(a - b) for a, b in itertools.pairwise(turned)) <= 180.001
        assert max(map(abs, turned)) > 360


def test_sweep_keeps_its_tolerance() -> None:
    """The moves of a chord on a turning table stay within the tolerance, and no chord needs thousands."""
    for nails in (3, 4, 17, 256, 2000):
        for gap in range(1, nails // 2 + 1, max(1, nails // 40)):
            angle = math.tau * gap / nails
            for tolerance in (0.01, 0.1, 5.0):
                radii, shares = machines.sweep(300.0, angle, tolerance)
                ends = zip([300.0, *radii], radii, [0.0, *shares], shares, strict=False)
                off = 0.0
                for r0, r1, s0, s1 in ends:
                    part = np.linspace(0, 1, 33)
                    phi = (s0 + (s1 - s0) * part - 0.5) * angle
                    apart = (r0 + (r1 - r0) * part) * np.cos(phi) - 300 * math.cos(angle / 2)
                    off = max(off, np.abs(apart).max())
                assert off <= tolerance * 1.01
                assert len(radii) < 600
                assert (radii[-1], shares[-1]) == (pytest.approx(300), pytest.approx(1))


def test_work_and_park_positions() -> None:
    """Middle and parking place are where the settings put them; Marlin keeps the board on positive axes."""
    made = workpiece()
    text = gcode(made, GcodeSettings(centre_x=100, centre_y=-50, park_x=7, park_y=8))
    assert "\nG0 X7 Y8\n" in text
    check_plot(made, simulate(text), GcodeSettings())
    text = gcode(made, GcodeSettings(profile="marlin", job="wind"))
    assert min(float(value) for value in re.findall(r"[XY](-?[\d.]+)", text)) > 0
    text = gcode(made, GcodeSettings(profile="polar", park_x=400, park_y=90))
    assert "\nG0 X400 A90\n" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "marlin", "work_height": 20}, "work_height must be below safe_height"),
        ({"profile": "polar", "safe_height": 0}, "work_height must be below safe_height"),
        ({"feed": 0}, "feed must be at least 1"),
        ({"feed": math.nan}, "feed must be a finite number"),
        ({"servo_up": 90}, "servo_up and servo_down must differ"),
        ({"job": "drill", "lift": "servo"}, "a drill is lifted by Z"),
        ({"start_at": 58}, "this job has 57 steps, got start_at 58"),
        ({"start_at": 0}, "start_at must be at least 1"),
        ({"job": "drill", "start_at": 65}, "this job has 64 holes, got start_at 65"),
        ({"job": "wind", "reach": 1.3}, "reach must lie between"),
        ({"job": "wind", "reach": 151}, "reach must lie between"),
        ({"job": "wind", "feeder_diameter": 40}, "leave no gap for a feeder"),
        ({"profile": "heidenhain"}, "profile must be one of"),
    ],
    ids=str,
)
def test_impossible_settings(changes: dict[str, Any], message: str) -> None:
    """What no machine can do is refused in one line that says the rule and what came."""
    with pytest.raises(SettingsError, match=message) as caught:
        gcode(workpiece(), GcodeSettings(**changes))
    assert "\n" not in str(caught.value)


def test_boards_too_tight() -> None:
    """Holes that overlap and nails without a gap are refused; a pen does not mind them."""
    tight = workpiece(2000, 10, 600)
    for job, message in [("drill", "run into"), ("wind", "no gap for a feeder")]:
        with pytest.raises(SettingsError, match=message):
            gcode(tight, GcodeSettings(job=job))
    chosen = GcodeSettings()
    check_plot(tight, simulate(gcode(tight, chosen)), chosen)


def test_the_simulator_can_fail() -> None:
    """The other half of every test above: wrong nails, wrong sides, collisions and bad code are seen."""
    made = workpiece()
    chosen = GcodeSettings()
    wrong = made.thread.nails.tolist()
    wrong[20] = (wrong[20] + 32) % 64 if (wrong[20] + 32) % 64 not in wrong[19:22] else wrong[20] - 1
    other = Workpiece(made.thread.replace(nails=wrong), made.settings)
    with pytest.raises(AssertionError):
        check_plot(other, simulate(gcode(made, chosen)), chosen)
    wound = gcode(made, chosen.replace(job="wind"))
    assert wound.count("\nG2 ")
    swapped = wound.replace("\nG2 ", "\nGX ").replace("\nG3 ", "\nG2 ").replace("\nGX ", "\nG3 ")
    with pytest.raises(RefusedError, match="one way round"):
        check_wind(made, simulate(swapped))
    lines = wound.splitlines()
    (fifth, *_) = [number for number, line in enumerate(lines) if line.startswith("; step 5 ")]
    lines.insert(fifth, "G1 X" + " Y".join(f"{value:.3f}" for value in made.centres[3] * [1, -1]))
    assert clearance(simulate("\n".join(lines))) < 0.01
    for bad in ("G1 X1 Q", "G5 X1", "G91", "M104 S200"):
        with pytest.raises(RefusedError):
            Controller(wound).one(bad)
    no_feed = re.sub(r" F\d+", "", wound)
    with pytest.raises(RefusedError, match="without a feed"):
        simulate(no_feed)
