"""The winding list: as CSV, as bare nails, and what to prepare before winding.

The header of a CSV or of a bare list states the numbering of its nails, in words and in one line for
programs, so that `io.lists` reads back exactly the same thread. The printed list is in `pdf`. Knows no
board's drawing.

Try it: python -m nitograph export thread.json -o steps.csv
"""

import math
from dataclasses import dataclass

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
    """The list as CSV: one row per nail, row 0 where the thread is tied, after `#` header lines.

    turn: cw or ccw round the nail as you see it. The thread goes out between `nail` and `out_before`, round
    the back, and in between `nail` and `in_after`; where both are empty, it passes in front. chord_mm:
    straight run to this nail. metres: thread used so far, including the turn at this nail.
    """
    runs = [0.0, *workpiece.run_lengths.tolist()]
    rows = [
        f"{step.step},{max(step.step - 1, 0) // settings.block + 1},{step.nail},{turn_word(step.turn)},"
        f"{_gap(step.enters)},{_gap(step.leaves)},{run:.1f},{step.metres:.2f}\n"
        for step, run in zip(workpiece.steps(), runs, strict=True)
    ]
    head = [workpiece.statement(), *needs(workpiece), numbering(workpiece)]
    return "".join([*(f"# {line}\n" for line in head), COLUMNS, "\n", *rows])


def _gap(nail: int | None) -> str:
    return "" if nail is None else str(nail)


def turn_word(turn: int) -> str:
    """cw or ccw."""
    return "cw" if turn > 0 else "ccw"


def plain_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """Only the nails, one block per line, after `#` lines that state the numbering."""
    path = [str(nail) for nail in workpiece.path.tolist()]
    cuts = range(0, len(path), settings.block)
    lines = [" ".join(path[cut : cut + settings.block]) for cut in cuts]
    head = f"# {workpiece.statement()}\n# {numbering(workpiece)}\n"
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


def needs(workpiece: Workpiece) -> list[str]:
    """The thread and time needed, in sentences."""
    to_have = workpiece.length_to_have
    return [
        f"Thread: {workpiece.length:.1f} m used, knots included; have {to_have:.0f} m "
        f"({workpiece.settings.spare:g} % spare): {spools(to_have)}.",
        f"Time: about {duration(workpiece.seconds)}, "
        f"at {workpiece.settings.seconds_per_chord:g} s per chord.",
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
