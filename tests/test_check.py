"""The check before making, and the two commands of makers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nitograph.board import Board
from nitograph.cli import main
from nitograph.exporting.check import CheckSettings, check, free_from, touches
from nitograph.exporting.cover import cover
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.thread import Thread

DIGIT = Path(__file__).parent / "data" / "export_digit.json"


def kinds(piece, **settings):
    return {warning.kind for warning in check(piece, CheckSettings(**settings)).warnings}


def walk(nails, steps):
    return Thread(np.cumsum([0, *steps]) % nails, Board(nails))


def touched_by_hand(piece):
    """The naive version: every straight run against every nail of the ring."""
    found = []
    for k, (start, end) in enumerate(piece.tangents):
        run = end - start
        along = np.clip((piece.centres - start) @ run / max(run @ run, 1e-12), 0, 1)
        distance = np.hypot(*(piece.centres - start - along[:, None] * run).T)
        distance[[piece.path[k], piece.path[k + 1]]] = np.inf
        if distance.min() < piece.bend_radius * (1 - 1e-9):
            found.append(k)
    return found


@given(
    nails=st.integers(3, 90),
    steps=st.lists(st.integers(1, 10_000), min_size=1, max_size=30),
    nail=st.floats(0.2, 6.0),
)
def test_touching_chords_equal_the_naive_search(nails, steps, nail):
    """Looking at the neighbours of a chord's ends finds what looking at every nail finds."""
    thread = walk(nails, [1 + step % (nails - 1) for step in steps])
    piece = Workpiece(thread, WorkpieceSettings(diameter=400, nail_diameter=nail))
    if piece.spacing <= 2 * piece.bend_radius:
        return  # nails so thick that thread does not pass between: another warning says so
    assert touches(piece).chords.tolist() == touched_by_hand(piece)


@given(nails=st.integers(20, 300), nail=st.floats(0.3, 4.0), seed=st.integers(0, 9))
def test_chords_from_the_stated_span_on_are_free(nails, nail, seed):
    """No chord over at least the nails that the check states touches one between."""
    settings = WorkpieceSettings(diameter=600, nail_diameter=nail)
    span = free_from(Workpiece(Thread([0, 1], Board(nails)), settings))
    if span is None:
        return
    steps = np.random.default_rng(seed).integers(span, nails - span + 1, 40)
    assert not len(touches(Workpiece(walk(nails, steps), settings)).chords)


def test_a_short_chord_lies_against_the_nail_between():
    """A chord over two nails touches the one between, and the warning names it."""
    piece = Workpiece(Thread([0, 128, 130, 3], Board(256)), WorkpieceSettings(origin="right"))
    report = check(piece)
    warning = report.warnings[0]
    assert warning.kind == "touches-nail"
    assert "step 2, from 128 to 130, which lies against nail 129" in warning.text
    assert report.facts["touching_chords"] == 1


def test_a_sound_board_has_no_warnings():
    """A board with wide spacing passes; facts agree with the workpiece."""
    piece = Workpiece(walk(100, [40, 45, 38, 60]), WorkpieceSettings(diameter=600, thread_width=5))
    report = check(piece)
    assert report.warnings == ()
    assert report.facts["length_m"] == pytest.approx(piece.length, abs=0.01)
    assert report.facts["spacing_mm"] == pytest.approx(18.85, abs=0.01)
    assert len(report.facts["unused_nails"]) == 95
    a, b = report.facts["longest_pull"]
    assert abs(a - b) in (45, 55)


def test_each_fault_has_its_own_warning():
    """Overlapping nails, too little gap, tight spacing and too high a stack have different warnings."""
    thread = walk(200, [90, 101] * 40)
    assert "nails-overlap" in kinds(Workpiece(thread, WorkpieceSettings(diameter=80)))
    narrow = WorkpieceSettings(diameter=110, nail_diameter=1.6)
    assert "gap-too-narrow" in kinds(Workpiece(thread, narrow))
    assert kinds(Workpiece(thread, WorkpieceSettings(diameter=300, nail_diameter=1))) == {"tight-spacing"}
    belt = Workpiece(walk(200, [100] * 80), WorkpieceSettings(thread_width=0.3))
    assert kinds(belt, nail_height=5) == {"stack-too-high"}
    assert check(belt).facts["heaviest_nail_passes"] == 41


def test_cover_of_threads_that_are_known():
    """The mean is length times width over the disc; the densest patch of a belt is the belt's own."""
    belt = Workpiece(walk(200, [100] * 60), WorkpieceSettings(diameter=480, thread_width=0.2))
    hidden = cover(belt)
    side_by_side = belt.run_lengths.sum() * 0.2 / (np.pi * 240**2)
    assert hidden.mean == pytest.approx(1 - np.exp(-side_by_side), rel=1e-6)
    # Half of the 60 runs lie on either side of the border between two rows of patches of 20 mm.
    assert hidden.densest == pytest.approx(1 - np.exp(-30 * 0.2 / 20), rel=0.01)
    wider = Workpiece(belt.thread, belt.settings.replace(thread_width=0.2 * hidden.width_factor(0.5)))
    assert cover(wider).densest == pytest.approx(0.5, abs=0.01)


def test_warnings_of_too_faint_and_too_heavy():
    """A sparse thread is called faint with a remedy that works, a dense one heavy."""
    thread = walk(256, np.random.default_rng(4).integers(90, 160, 200).tolist())
    faint = Workpiece(thread, WorkpieceSettings(diameter=1200, thread_width=0.3))
    (warning,) = (found for found in check(faint).warnings if found.kind == "faint")
    wider = float(warning.text.split("Thread of ")[1].split(" mm")[0])
    cured = Workpiece(thread, faint.settings.replace(thread_width=wider))
    assert cover(cured).densest == pytest.approx(0.3, abs=0.02)
    assert "heavy" in kinds(Workpiece(thread, WorkpieceSettings(diameter=100, thread_width=0.5)))


@pytest.mark.parametrize(("nails", "chords"), [(3, 1), (3, 20_000), (2000, 1), (2000, 20_000)])
def test_extremes(nails, chords):
    """The smallest and largest boards and threads can be checked, and the report is JSON."""
    steps = np.random.default_rng(2).integers(1, nails, chords)
    report = check(Workpiece(walk(nails, steps)))
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["facts"]["chords"] == chords


def test_command_check_in_words_and_json(capsys):
    """The command says what it found; `--json` gives the same for scripts; warnings alone are no error."""
    assert main(["check", str(DIGIT), "--diameter", "400"]) == 0
    said = capsys.readouterr().out
    assert "Nail circle 400 mm" in said
    assert "warning: The nails stand 4.9 mm apart" in said
    assert main(["check", str(DIGIT), "--diameter", "400", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [warning["kind"] for warning in found["warnings"]] == ["tight-spacing", "touches-nail"]
    assert found["facts"]["length_m"] > 50


def test_command_check_strict_fails_on_a_warning(tmp_path, capsys):
    """`--strict` turns warnings into exit code 1, and stays silent where there are none."""
    assert main(["check", str(DIGIT), "--strict"]) == 1
    sound = tmp_path / "t.json"
    sound.write_text(walk(100, [40, 45, 38]).to_json(), encoding="utf-8")
    assert main(["check", str(sound), "--strict", "--thread-width", "5"]) == 0
    assert "No warnings." in capsys.readouterr().out


def test_command_export_takes_the_format_from_the_ending(tmp_path, capsys):
    """Several outputs at once, the thread's size in tex, settings reach their format."""
    outputs = [
        tmp_path / f"board{ending}" for ending in (".svg", ".csv", ".dxf", ".pdf", ".txt", ".nc", ".html")
    ]
    flags = [part for path in outputs for part in ("-o", str(path))]
    assert (
        main(["export", str(DIGIT), *flags, "--thread", "tex:30", "--mode", "plot", "--diameter", "500"])
        == 0
    )
    assert capsys.readouterr().out.split() == [str(path) for path in outputs]
    text = outputs[0].read_text(encoding="utf-8")
    assert "thread 0.205 mm" in text
    assert "circle" not in text.split("</desc>")[1]
    assert main(["check", str(outputs[1])]) == 0  # the list comes back in


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "x.xyz"], "names no export format"),
        (["-o", "x.svg", "--thread", "wool"], "tex:30"),
        (["-o", "x.svg", "--diameter", "-3"], "diameter must be at least 10"),
        (["-o", "nowhere/x.svg"], "there is no folder nowhere"),
        (["-o", "x.svg", "--colour", "<"], "colour must be"),
    ],
)
def test_command_export_refuses_in_one_line(arguments, says, tmp_path, monkeypatch, capsys):
    """Errors are one line, exit 1, and leave nothing behind."""
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(DIGIT), *arguments]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_command_export_names_a_missing_file(tmp_path, capsys):
    """A thread file that is not there is one line."""
    assert main(["export", str(tmp_path / "no.json"), "-o", str(tmp_path / "x.svg")]) == 1
    assert "no file" in capsys.readouterr().err
