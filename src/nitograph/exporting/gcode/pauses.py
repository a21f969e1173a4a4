"""Where a job begins, where it pauses, and what is left to do from there on.

Steps run through all threads of a workpiece; each thread is tied at a step of its own. This module writes
no G-code.

Try it: python -m nitograph export thread.json -o job.gcode --job wind --pause-metres 50
"""

from collections.abc import Iterator

from nitograph.colours.layers import Colour
from nitograph.exporting.gcode.settings import GcodeSettings
from nitograph.exporting.winding_list import duration
from nitograph.exporting.workpiece import Part, Workpiece

LONGEST = 40  # characters of a colour's name in a comment


def begun(workpiece: Workpiece, settings: GcodeSettings) -> Iterator[tuple[Part, int]]:
    """The threads that are not done before `start_at`, each with the first of its own steps to do."""
    for part in workpiece.parts:
        if settings.start_at <= part.last:
            yield part, max(settings.start_at - part.tied, 1)


def pauses(workpiece: Workpiece, settings: GcodeSettings) -> dict[int, str]:
    """After which steps the job pauses, with what is said there; holes are steps when drilling."""
    if settings.job == "drill":
        return {step: f"{step} holes drilled" for step in _each(settings.pause_steps, workpiece.num_nails)}
    found = set(_each(settings.pause_steps, workpiece.last_step))
    metres = workpiece.metres.tolist()
    if settings.pause_metres is not None:
        every = settings.pause_metres
        found |= {
            step for step in range(1, len(metres)) if metres[step] // every > metres[step - 1] // every
        }
    return {step: f"step {step} done, {metres[step]:.1f} m of thread so far, go on" for step in found}


def _each(count: int | None, last: int) -> range:
    return range(count, last, count) if count else range(0)


def change(colour: Colour) -> str:
    """What the operator does before a thread."""
    name = colour.name[:LONGEST]
    return f"change to {name}" if name == colour.hex else f"change to {name} {colour.hex}"


def left_after(workpiece: Workpiece, settings: GcodeSettings) -> str:
    """What is left to do from `start_at` on, in words."""
    start, done = settings.start_at, 0.0
    if settings.job == "drill":
        return f"{workpiece.num_nails - start + 1} holes are left"
    chords = 0
    for part in workpiece.parts:
        laid = min(max(start - part.tied - 1, 0), part.piece.last_step)
        chords += part.piece.last_step - laid
        done += float(part.piece.metres[laid]) if start > part.tied else 0.0
    left = workpiece.length - done
    spare = 1 + workpiece.settings.spare / 100
    time = duration(chords * workpiece.settings.seconds_per_chord)
    return (
        f"{chords} chords are left, {left:.1f} m of thread, have {left * spare:.0f} m ready; by hand "
        f"about {time}"
    )
