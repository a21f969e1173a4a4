"""Whether a thread would hold on a real board: facts and warnings, before the first nail is driven.

It measures a workpiece and knows no file format.

Try it: python -m nitograph check thread.json --diameter 600
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.exporting.cover import Cover, cover
from nitograph.exporting.workpiece import Workpiece
from nitograph.settings import Settings, setting

TIGHT, COMFORTABLE = 5.0, 8.0
"""Nail spacing in mm: below TIGHT it is hard to wind by hand, from COMFORTABLE on it is easy."""

FAINT, WELL, HEAVY = 0.2, 0.3, 0.6
"""Shares of the board hidden: the densest patch is faint below FAINT, good at WELL; a mean above HEAVY is
too much."""

MAX_THICKENING = 5.0


@dataclass(frozen=True)
class CheckSettings(Settings):
    """Properties of the nails that a drawing does not show."""

    nail_height: float = setting(
        10.0, "free height of a nail above the board", unit="mm", low=0.1, high=500
    )


@dataclass(frozen=True)
class Warned:
    """One warning: a word for scripts and a sentence for people."""

    kind: str
    text: str


@dataclass(frozen=True)
class Report:
    """facts: JSON values by name, units in the names. warnings: what to check."""

    statement: str
    facts: dict[str, Any]
    warnings: tuple[Warned, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        warned = [{"kind": warning.kind, "text": warning.text} for warning in self.warnings]
        return {"statement": self.statement, "facts": self.facts, "warnings": warned}


@dataclass(frozen=True)
class Touches:
    """Chords that would touch a nail other than their ends: chord and nail, shape (k,) each.

    chords: index of the chord, its step minus one. nails: the display number of the nearest nail touched.
    """

    chords: NDArray[np.intp]
    nails: NDArray[np.int32]


def touches(workpiece: Workpiece) -> Touches:
    """Which straight runs touch a nail between their ends, thread width included.

    A chord comes nearest to the neighbours of its ends, since the rim curves away in between. Checking two
    nails on both sides of each end is enough; a test compares that with the whole ring. On other boards all
    nails are looked at.
    """
    if workpiece.shaped:
        return _touches_of_all(workpiece)
    n, path = workpiece.num_nails, workpiece.path
    start, run = workpiece.tangents[:, 0], np.diff(workpiece.tangents, axis=1)[:, 0]
    squared = np.maximum((run**2).sum(axis=1), 1e-12)
    nearest = np.full(len(run), np.inf)
    nail = np.zeros(len(run), dtype=np.int32)
    for end in (path[:-1], path[1:]):
        for aside in (-2, -1, 1, 2):
            other = ((end + aside) % n).astype(np.int32)
            away = workpiece.centres[other] - start
            along = np.clip((away * run).sum(axis=1) / squared, 0.0, 1.0)
            distance = np.hypot(*(away - along[:, None] * run).T)
            distance[(other == path[:-1]) | (other == path[1:])] = np.inf
            nail = np.where(distance < nearest, other, nail)
            nearest = np.minimum(nearest, distance)
    chords = np.flatnonzero(nearest < workpiece.bend_radius * (1 - 1e-9))
    return Touches(chords, nail[chords])


def _touches_of_all(workpiece: Workpiece) -> Touches:
    """As `touches`, nail by nail: on a board of any shape."""
    path = workpiece.path
    start, run = workpiece.tangents[:, 0], np.diff(workpiece.tangents, axis=1)[:, 0]
    squared = np.maximum((run**2).sum(axis=1), 1e-12)
    nearest = np.full(len(run), np.inf)
    nail = np.zeros(len(run), dtype=np.int32)
    for other, centre in enumerate(workpiece.centres):
        away = centre - start
        along = np.clip((away * run).sum(axis=1) / squared, 0.0, 1.0)
        distance = np.hypot(*(away - along[:, None] * run).T)
        distance[(path[:-1] == other) | (path[1:] == other)] = np.inf
        nail[distance < nearest] = other
        nearest = np.minimum(nearest, distance)
    chords = np.flatnonzero(nearest < workpiece.bend_radius * (1 - 1e-9))
    return Touches(chords, nail[chords])


def free_from(workpiece: Workpiece) -> int | None:
    """The minimum span in nails from which a chord touches no nail between its ends, or None; rings only.

    Nail i of a chord over Δ nails is 2R·sin(πi/n)·sin(π(Δ−i)/n) away from the line of its ends, the minimum
    being at i = 1. The thread leaves that line by at most a bend radius and needs another beside the nail.
    """
    clear = 2 * workpiece.bend_radius / workpiece.spacing
    if clear >= 1 or workpiece.shaped:
        return None
    span = math.ceil(math.asin(clear) * workpiece.num_nails / math.pi) + 1
    return span if span <= workpiece.num_nails // 2 else None


def check(workpiece: Workpiece, settings: CheckSettings | None = None) -> Report:
    """Measure the workpiece and list what to check before making it."""
    settings = settings or CheckSettings()
    touching = touches(workpiece)
    hidden = cover(workpiece)
    facts = _facts(workpiece, touching, hidden)
    warnings = (
        *_about_spacing(workpiece),
        *_about_touching(workpiece, touching),
        *_about_leaving(workpiece),
        *_about_stack(workpiece, settings, facts),
        *_about_cover(workpiece, hidden),
    )
    named = f"{workpiece.name}: " if workpiece.settings.title else ""
    return Report(named + workpiece.statement(), facts, warnings)


def _facts(workpiece: Workpiece, touching: Touches, hidden: Cover) -> dict[str, Any]:
    path, board = workpiece.path, workpiece.settings
    passes = np.bincount(path, minlength=workpiece.num_nails)
    heaviest, longest = int(passes.argmax()), int(workpiece.run_lengths.argmax())
    bends = workpiece.arcs[1:-1]
    passed = int(passes[heaviest])
    return {
        "nails": workpiece.num_nails,
        "chords": workpiece.chords,
        "spacing_mm": _rounded(workpiece.spacing),
        "free_gap_mm": _rounded(workpiece.spacing - board.nail_diameter),
        "length_m": _rounded(workpiece.length),
        "length_to_have_m": _rounded(workpiece.length_to_have),
        "minutes": _rounded(workpiece.seconds / 60),
        "longest_pull_mm": _rounded(workpiece.run_lengths[longest]),
        "longest_pull": [int(path[longest]), int(path[longest + 1])],
        "shallowest_bend_deg": _rounded(np.degrees(bends.min())) if len(bends) else None,
        "unused_nails": np.flatnonzero(passes == 0).tolist(),
        "heaviest_nail": heaviest,
        "heaviest_nail_passes": passed,
        "heaviest_nail_stack_mm": _rounded(passed * (1 + board.wraps) * board.thread_width),
        "cover_percent": _rounded(100 * hidden.mean),
        "densest_cover_percent": _rounded(100 * hidden.densest),
        "touching_chords": len(touching.chords),
        "free_from_nails": free_from(workpiece),
        **({"threads": _by_colour(workpiece)} if len(workpiece.parts) > 1 else {}),
    }


def _by_colour(workpiece: Workpiece) -> list[dict[str, Any]]:
    """Each thread in order of winding: its colour, chords and metres."""
    return [
        {
            "colour": part.colour.name if part.colour else None,
            "hex": part.colour.hex if part.colour else None,
            "first_step": part.tied,
            "chords": part.piece.chords,
            "length_m": _rounded(part.piece.length),
            "length_to_have_m": _rounded(part.piece.length_to_have),
        }
        for part in workpiece.parts
    ]


def _word(workpiece: Workpiece) -> str:
    """What a maker would make larger."""
    return "board" if workpiece.shaped else "circle"


def _rounded(value: float) -> float:
    return round(float(value), 2)


def _about_spacing(workpiece: Workpiece) -> Iterator[Warned]:
    spacing, board = workpiece.spacing, workpiece.settings
    gap = spacing - board.nail_diameter
    wanted = COMFORTABLE / spacing
    larger = f"board {wanted:.2g} times as large" if workpiece.shaped else ""
    larger = larger or f"circle of {wanted * board.diameter:.0f} mm"
    if gap <= 0:
        yield Warned(
            "nails-overlap",
            f"The nails are {board.nail_diameter:g} mm thick but stand only {spacing:.2f} mm apart: "
            f"they do not fit. Use a larger {_word(workpiece)}, thinner nails or fewer of them.",
        )
    elif gap < 2 * board.thread_width:
        yield Warned(
            "gap-too-narrow",
            f"Between two nails there are {gap:.2f} mm, hardly enough for a thread of "
            f"{board.thread_width:.2g} mm. Use a larger {_word(workpiece)}, or thinner nails or thread.",
        )
    if gap > 0 and spacing < TIGHT:
        yield Warned(
            "tight-spacing",
            f"The nails stand {spacing:.1f} mm apart; below {TIGHT:g} mm winding by hand is hard. "
            f"A {larger} would give {COMFORTABLE:g} mm.",
        )


def _about_touching(workpiece: Workpiece, touching: Touches) -> Iterator[Warned]:
    count = len(touching.chords)
    if not count:
        return
    first, nail = int(touching.chords[0]), int(touching.nails[0])
    a, b = int(workpiece.path[first]), int(workpiece.path[first + 1])
    free = free_from(workpiece)
    always = f" Chords over {free} nails or more are always free." if free else ""
    several = f"{count} chords touch a nail" if count > 1 else "One chord touches a nail"
    yield Warned(
        "touches-nail",
        f"{several} on the way: first step {first + 1}, from {a} to {b}, which lies against nail {nail}. "
        f"It will bend there; thinner nails or a larger {_word(workpiece)} help.{always}",
    )


def _about_leaving(workpiece: Workpiece) -> Iterator[Warned]:
    board, nails = workpiece.shaped, workpiece.thread.nails
    gone = np.flatnonzero(board.leaving()[nails[:-1], nails[1:]]) if board else nails[:0]
    if len(gone):
        first = int(gone[0])
        a, b = int(workpiece.path[first]), int(workpiece.path[first + 1])
        several = f"{len(gone)} chords leave" if len(gone) > 1 else "One chord leaves"
        yield Warned(
            "leaves-outline",
            f"{several} the outline of the nails, as across a notch: first step {first + 1}, from {a} to "
            f"{b}. It will hang beside the board; weave keeps within it, but for notches cross.",
        )


def _about_stack(workpiece: Workpiece, settings: CheckSettings, facts: dict[str, Any]) -> Iterator[Warned]:
    stack, height = facts["heaviest_nail_stack_mm"], settings.nail_height
    if stack > height:
        yield Warned(
            "stack-too-high",
            f"Nail {facts['heaviest_nail']} is passed {facts['heaviest_nail_passes']} times: up to "
            f"{stack:.1f} mm of thread on {height:g} mm of nail. Use longer nails or thinner thread.",
        )


def _about_cover(workpiece: Workpiece, hidden: Cover) -> Iterator[Warned]:
    board = workpiece.settings
    if hidden.densest < FAINT:
        factor = hidden.width_factor(WELL)
        smaller = f"board {1 / factor:.2g} times as large" if workpiece.shaped else ""
        smaller = smaller or f"circle of {board.diameter / factor:.0f} mm"
        remedy = (
            f"Thread of {factor * board.thread_width:.2g} mm, or a {smaller}, would make it {WELL:.0%}."
            if factor < MAX_THICKENING
            else "More chords would help."
        )
        yield Warned(
            "faint",
            f"Where the thread lies densest it hides {hidden.densest:.0%} of the board, so the piece will "
            f"look fainter than the picture. {remedy}",
        )
    elif hidden.mean > HEAVY:
        yield Warned(
            "heavy",
            f"The thread hides {hidden.mean:.0%} of the board on average, so the picture may be too dense. "
            f"Use thinner thread, a larger {_word(workpiece)} or fewer chords.",
        )
