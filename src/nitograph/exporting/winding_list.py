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
from nitograph.io.coloured_lists import COLOUR_COLUMNS, COLOURS_MARK, colour_line
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
    spreadsheets and pandas want it. Threads of several colours have their number, name and hex value
    besides, and metres of their own.
    """
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    several = len(workpiece.parts) > 1
    table.writerow((COLOUR_COLUMNS if several else COLUMNS).split(","))
    runs = [0.0, *workpiece.run_lengths.tolist()]
    notes = [numbering(workpiece), *about(workpiece)]
    notes[len(runs) - 1 :] = [" ".join(notes[len(runs) - 1 :])]  # a short list has them in its last row
    notes += [""] * (len(runs) - len(notes))
    colours = [
        [number, part.colour.name, part.colour.hex] if several and part.colour else []
        for number, part in enumerate(workpiece.parts, 1)
        for _ in range(len(part.piece.path))
    ]
    for step, run, colour, note in zip(workpiece.steps(), runs, colours, notes, strict=True):
        block = max(step.step - 1, 0) // settings.block + 1
        sides = turn_word(step.turn), step.enters, step.leaves  # None is an empty cell
        used = f"{run:.1f}", f"{step.metres:.2f}"
        table.writerow([step.step, block, step.nail, *sides, *used, *colour, note])
    return stream.getvalue()


def turn_word(turn: int) -> str:
    """cw or ccw."""
    return "cw" if turn > 0 else "ccw"


def plain_text(workpiece: Workpiece, settings: ListSettings) -> str:
    """Only the nails, one block per line, after `#` lines that state the numbering, and each colour."""
    lines = [f"# {line}" for line in (*about(workpiece), numbering(workpiece))]
    for number, part in enumerate(workpiece.parts, 1):
        if len(workpiece.parts) > 1 and part.colour:
            lines.append(f"# {colour_line(number, len(workpiece.parts), part.colour)}")
        path = [str(nail) for nail in part.piece.path.tolist()]
        cuts = range(0, len(path), settings.block)
        lines += [" ".join(path[cut : cut + settings.block]) for cut in cuts]
    return "\n".join(lines) + "\n"


def numbering(workpiece: Workpiece) -> str:
    """One line that states which nail of the file format each number means, and the label."""
    label = workpiece.thread.label
    mark = SHAPED_MARK if workpiece.shaped else MARK
    mark = COLOURS_MARK if len(workpiece.parts) > 1 else mark
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
    hidden, several = cover(workpiece), len(workpiece.parts) > 1
    return [
        f"Thread: {to_buy(workpiece)}." if not several else f"Thread: {in_all(workpiece)}.",
        *(f"{name}: {words}." for name, words in (by_colour(workpiece) if several else [])),
        f"Time: about {duration(workpiece.seconds)} by hand, "
        f"at {workpiece.settings.seconds_per_chord:g} s per chord.",
        f"Cover: {100 * hidden.mean:.0f} % of the board hidden by thread, {100 * hidden.densest:.0f} % "
        "where it is densest.",
    ]


def to_buy(workpiece: Workpiece) -> str:
    """Metres of one thread, and its spool."""
    to_have = workpiece.length_to_have
    return (
        f"{workpiece.length:.1f} m used, knots included; have {to_have:.0f} m "
        f"({workpiece.settings.spare:g} % spare): {spools(to_have)}"
    )


def in_all(workpiece: Workpiece) -> str:
    """Metres of threads of several colours together."""
    colours = len(workpiece.parts)
    return f"{workpiece.length:.1f} m used in {colours} colours, knots included; have of each"


def by_colour(workpiece: Workpiece) -> list[tuple[str, str]]:
    """Each thread of several in order of winding: its place and colour, its chords, metres and spool."""
    found = []
    for number, part in enumerate(workpiece.parts, 1):
        have = part.piece.length_to_have
        words = (
            f"{part.piece.chords} chords, {part.piece.length:.1f} m used, have {have:.0f} m: {spools(have)}"
        )
        found.append((f"{number} {part.colour.short if part.colour else ''}", words))
    return found


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
