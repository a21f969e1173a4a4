"""The winding list: as CSV, as bare nails, and what to prepare before winding.

A CSV and a bare list state what they are about and the numbering of their nails, in words and in one line
for programs, so that `io.lists` reads back exactly the same thread. The printed list is in `pdf`. Knows no
board's drawing.

Try it: python -m nitograph export thread.json -o steps.csv
"""

import csv
import io
import math
from dataclasses import dataclass

from nitograph.exporting.cover import cover
from nitograph.exporting.workpiece import Workpiece
from nitograph.io.lists import COLUMNS, MARK, SHAPED_MARK
from nitograph.settings import Settings, setting

SPOOLS = (50, 100, 200, 500, 1000, 2500, 5000)
"""Lengths of the spools that thread is sold on, metres."""


@dataclass(frozen=True)
class ListSettings(Settings):
    """How the list is divided."""

    block: int = setting(10, "steps per block", unit="steps", low=1, high=1000)


def csv_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """The list as CSV: one row per nail, row 0 where the thread is tied, under one row of titles.

    turn: cw or ccw round the nail as you see it. The thread goes out between `nail` and `out_before`, round
    the back, and in between `nail` and `in_after`; where both are empty, it passes in front. chord_mm:
    straight run to this nail. metres: thread used so far, including the turn at this nail. note: in the
    first rows the numbering for programs, the piece and what it takes. Every row has every column, as
    spreadsheets and pandas want it.
    """
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS.split(","))
    runs = [0.0, *workpiece.run_lengths.tolist()]
    notes = [numbering(workpiece), *about(workpiece)]
    notes[len(runs) - 1 :] = [" ".join(notes[len(runs) - 1 :])]  # a short list has them in its last row
    notes += [""] * (len(runs) - len(notes))
    for step, run, note in zip(workpiece.steps(), runs, notes, strict=True):
        block = max(step.step - 1, 0) // settings.block + 1
        sides = turn_word(step.turn), step.enters, step.leaves  # None is an empty cell
        table.writerow([step.step, block, step.nail, *sides, f"{run:.1f}", f"{step.metres:.2f}", note])
    return stream.getvalue()


def turn_word(turn: int) -> str:
    """cw or ccw."""
    return "cw" if turn > 0 else "ccw"


def plain_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """Only the nails, one block per line, after `#` lines that state the numbering."""
    path = [str(nail) for nail in workpiece.path.tolist()]
    cuts = range(0, len(path), settings.block)
    lines = [" ".join(path[cut : cut + settings.block]) for cut in cuts]
    head = "".join(f"# {line}\n" for line in (*about(workpiece), numbering(workpiece)))
    return head + "\n".join(lines) + "\n"


def numbering(workpiece: Workpiece) -> str:
    """One line that states which nail of the file format each number means, and the label."""
    label = workpiece.thread.label
    mark = SHAPED_MARK if workpiece.shaped else MARK
    stated = f"{mark} num_nails={workpiece.num_nails} zero={workpiece.zero} sense={workpiece.sense:+d}"
    if workpiece.shaped:
        stated += f" {workpiece.shaped.to_words()}"
    safe = label is not None and label.isprintable()
    return f"{stated} label={label}" if safe else stated


def about(workpiece: Workpiece) -> list[str]:
    """What every file says of the piece: its name, the board, and what it needs."""
    name = [workpiece.heading("Thread") + "."] if workpiece.name else []
    return [*name, workpiece.statement(), *needs(workpiece)]


def needs(workpiece: Workpiece) -> list[str]:
    """The thread and the time that it takes, and how much of the board will be hidden, in sentences."""
    to_have, hidden = workpiece.length_to_have, cover(workpiece)
    return [
        f"Thread: {workpiece.length:.1f} m used, knots included; have {to_have:.0f} m "
        f"({workpiece.settings.spare:g} % spare): {spools(to_have)}.",
        f"Time: about {duration(workpiece.seconds)} by hand, "
        f"at {workpiece.settings.seconds_per_chord:g} s per chord.",
        f"Cover: {100 * hidden.mean:.0f} % of the board hidden by thread, {100 * hidden.densest:.0f} % "
        "where it is densest.",
    ]


def spools(metres: float) -> str:
    """The spools to buy for a length: one that is long enough, or several of the longest."""
    for spool in SPOOLS:
        if metres <= spool:
            return f"one spool of {spool} m"
    longest = SPOOLS[-1]
    return f"{math.ceil(metres / longest)} spools of {longest} m"


def duration(seconds: float) -> str:
    """Hours and minutes in words."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
