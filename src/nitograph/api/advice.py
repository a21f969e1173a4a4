"""Advice before nails are hammered: how many nails and chords pay for a picture on a real board.

One quick walk for each number of nails; after every slice of chords the board's light is held against the
picture as an eye at a distance sees both: the share of the picture's contrast that comes through is the
squared correlation inside the ring. More chords stop paying at the knee of that curve, more nails where the
next number adds little. This module prints and writes nothing.

Try it: python -m nitograph advise photo.jpg --diameter 600
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import SettingsError
from nitograph.exporting.check import TIGHT
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS, WeaveSettings, in_angle

if TYPE_CHECKING:
    from nitograph.weaving.photograph import PhotoWeaver

NAILS = (100, 140, 180, 220, 260, 300, 360, 440)  # numbers of nails that are tried
CANVAS = 200  # px, side of the canvas of a trial
KNEE = 0.97  # of what all chords show: from there on further chords do not pay
ENOUGH = 0.98  # of what the best number of nails shows: from there on further nails do not pay
SIZES = (
    1.0,
    1.5,
    2.0,
    3.0,
    4.0,
    6.0,
    8.0,
    12.0,
    16.0,
    24.0,
    32.0,
)  # mm, blurs between which detail is looked for
WIDTH = 2.5  # width of a detail in blurs by which it is looked for
EDGES = (2 / 3, 8 / 3)  # in blurs of the eye
AS_SHARP = 0.95  # of the edges that the best number of nails shows: more nails do not pay
SEEN = 0.5  # correlation from which a detail is seen

Float32 = NDArray[np.float32]
NailsOf = Callable[[int], Board | None]
"""Where a number of nails stands; None on a ring."""


def on_ring(count: int) -> Board | None:
    """So many nails on a ring, for which no board need be named."""
    return None


class Trial(NamedTuple):
    """What one number of nails gives."""

    nails: int
    spacing: float  # mm between neighbouring nails
    curve: tuple[tuple[int, float], ...]  # chords, and the share of the picture's contrast that they show
    chords: int  # at the knee
    shown: float  # there
    metres: float  # of thread to have ready
    hours: float
    edges: float  # correlation of board and picture in the band of blurs EDGES, where nails show most
    detail: float  # mm, width of the smallest detail that is seen; infinite if none is


class Advice(NamedTuple):
    """All trials, by number of nails, and which of them is advised."""

    trials: tuple[Trial, ...]
    best: int

    @property
    def chosen(self) -> Trial:
        """The trial that is advised."""
        return self.trials[self.best]


def numbers_of_nails(board: RealBoard, nails_of: NailsOf = on_ring) -> tuple[int, ...]:
    """The numbers of nails that can be wound by hand on this board; nails_of: where so many stand."""
    shaped = nails_of(NAILS[0])
    found = tuple(n for n in NAILS if _spacing(board, n, shaped) >= TIGHT)
    if not found:
        name = f"ring of {board.diameter:g} mm" if shaped is None else f"board of {board.diameter:g} mm"
        raise SettingsError(
            f"a {name} has no room for {NAILS[0]} nails {TIGHT:g} mm apart; take a larger one"
        )
    return found


def _spacing(board: RealBoard, count: int, shaped: Board | None) -> float:
    """Distance of neighbouring nails, mm, if there are so many; on a ring for which no board is given."""
    if shaped is None:
        return board.diameter * math.sin(math.pi / count)
    return shaped.perimeter() * board.diameter / 2 / count


def advise(
    weaver_of: Callable[[WeaveSettings], "PhotoWeaver"],
    board: RealBoard,
    max_lines: int,
    nails: Sequence[int] = (),
) -> Iterator[Trial]:
    """A trial for each number of nails; weaver_of gives a weaver over the picture with these settings.

    nails: as `numbers_of_nails` finds them; by default those for a ring.
    """
    for count in nails or numbers_of_nails(board):
        given = {"nails": count, "canvas_size": CANVAS, "max_lines": max_lines, "quality": "fast"}
        yield _trial(weaver_of(in_angle(PRESETS["photo"], given)), board)


def best_of(trials: Sequence[Trial]) -> Advice:
    """The fewest nails that show nearly as much as any, of tones and of edges."""
    most, sharpest = max(trial.shown for trial in trials), max(trial.edges for trial in trials)
    good = [trial.shown >= ENOUGH * most and trial.edges >= AS_SHARP * sharpest for trial in trials]
    fallback = max(range(len(trials)), key=lambda i: trials[i].shown)
    return Advice(tuple(trials), good.index(True) if any(good) else fallback)


def _trial(weaver: "PhotoWeaver", board: RealBoard) -> Trial:
    curve, going = [], True
    while going:
        going = weaver.advance()
        curve.append((weaver.chords, weaver.contrast(board.view_mm)))
    most = max(shown for _, shown in curve)
    chords, shown = next(point for point in curve if point[1] >= KNEE * most)
    whole = weaver.thread()
    thread = whole.replace(nails=whole.nails[: chords + 1])
    workpiece = Workpiece(thread, WorkpieceSettings.of(thread))
    return Trial(
        whole.board.num_nails, workpiece.spacing, tuple(curve), chords, shown,
        workpiece.length_to_have, workpiece.seconds / 3600,
        weaver.likeness(EDGES[0] * board.view_mm, EDGES[1] * board.view_mm), _smallest(weaver),
    )  # fmt: skip


def _smallest(weaver: "PhotoWeaver") -> float:
    """Width of the smallest detail that the board shows, mm: of bands of blur, the finest that is alike."""
    for fine, coarse in pairwise(SIZES):
        if weaver.likeness(fine, coarse) >= SEEN:
            return WIDTH * fine
    return math.inf


def in_words(advice: Advice, view_mm: float) -> list[str]:
    """A table of all trials, and the advice."""
    lines = [" nails   spacing   chords   tones   edges   thread   time   detail"]
    for trial in advice.trials:
        detail = f"{trial.detail:.0f} mm" if math.isfinite(trial.detail) else "none"
        lines.append(
            f"{trial.nails:6d} {trial.spacing:6.1f} mm {trial.chords:8,d} {trial.shown:6.0%} "
            f"{trial.edges:7.2f} {trial.metres:6.0f} m {trial.hours:4.1f} h {detail:>8}"
        )
    chosen, most = advice.chosen, max(trial.shown for trial in advice.trials)
    last = chosen.curve[-1]
    lines.append(
        f"advice: {chosen.nails} nails, {chosen.chords:,} chords: through {view_mm:g} mm of blur they show "
        f"{chosen.shown:.0%} of the picture's contrast"
    )
    lines.append(f"other numbers show {most:.0%} at most, {last[0]:,} chords on these {last[1]:.0%}")
    if math.isfinite(chosen.detail):
        lines.append(f"what is narrower than about {chosen.detail:.0f} mm on the board will be lost")
    return lines
