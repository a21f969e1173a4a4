"""The winding list: CSV, the bare nails, and what to have at hand before one begins.

The head of a CSV or of a bare list states how its nails are numbered, in words and in one line for
machines, so that `io.lists` brings back exactly the same thread. The printed list is in `pdf`.

Try it: python -m nitograph export thread.json -o steps.csv
"""

import math
from dataclasses import dataclass

from nitograph.exporting.workpiece import Workpiece
from nitograph.io.lists import COLUMNS, MARK
from nitograph.settings import Settings, setting

SPOOLS = (50, 100, 200, 500, 1000, 2500, 5000)
"""Metres on the spools that sewing and machine thread is sold on."""


@dataclass(frozen=True)
class ListSettings(Settings):
    """How the list is cut."""

    block: int = setting(10, "steps to a block", unit="steps", low=1, high=1000)


def csv_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """The list as CSV: one row a nail, row 0 where the thread is tied, after `#` lines of head.

    turn: cw or ccw round the nail as you see it. The thread goes out between `nail` and `out_before`, round
    the back, and comes in between `nail` and `in_after`. chord_mm: straight run to this nail. metres: laid
    so far, this nail's turn included.
    """
    runs = [0.0, *workpiece.run_lengths.tolist()]
    rows = [
        f"{step.step},{max(step.step - 1, 0) // settings.block + 1},{step.nail},{turn_word(step.turn)},"
        f"{step.enters},{step.leaves},{run:.1f},{step.metres:.2f}\n"
        for step, run in zip(workpiece.steps(), runs, strict=True)
    ]
    head = [workpiece.statement(), *needs(workpiece), numbering(workpiece)]
    return "".join([*(f"# {line}\n" for line in head), COLUMNS, "\n", *rows])


def turn_word(turn: int) -> str:
    """cw or ccw."""
    return "cw" if turn > 0 else "ccw"


def plain_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """The nails alone, a block to the line, after `#` lines that state the numbering."""
    path = [str(nail) for nail in workpiece.path.tolist()]
    cuts = range(0, len(path), settings.block)
    lines = [" ".join(path[cut : cut + settings.block]) for cut in cuts]
    head = f"# {workpiece.statement()}\n# {numbering(workpiece)}\n"
    return head + "\n".join(lines) + "\n"


def numbering(workpiece: Workpiece) -> str:
    """One line that tells a reader which nail of the file format each number is, and the label."""
    label = workpiece.thread.label
    stated = f"{MARK} num_nails={workpiece.num_nails} zero={workpiece.zero} sense={workpiece.sense:+d}"
    safe = label is not None and label.isprintable()
    return f"{stated} label={label}" if safe else stated


def needs(workpiece: Workpiece) -> list[str]:
    """What to have and how long it takes, in plain sentences."""
    to_have = workpiece.length_to_have
    return [
        f"Thread: {workpiece.length:.1f} m laid, knots included; have {to_have:.0f} m "
        f"({workpiece.settings.spare:g} % spare): {spools(to_have)}.",
        f"Time: about {duration(workpiece.seconds)} at {workpiece.settings.seconds_per_chord:g} s a chord.",
    ]


def spools(metres: float) -> str:
    """Which spools to buy for so many metres: one that is long enough, or several of the longest."""
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
