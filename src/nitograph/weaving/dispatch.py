"""From settings to the operands of the compiled loops: make_weave gives a function that weaves targets.

This module knows nothing of pictures, threads or cores.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.light import cells, chords
from nitograph.light.bands import FINE, NARROW, added_gain, score_factor
from nitograph.weaving.loops import beam, greedy, original, search
from nitograph.weaving.loops.operands import (
    Limits,
    OriginalPen,
    OriginalTask,
    Pen,
    Rounding,
    Rows,
    Search,
    Task,
)
from nitograph.weaving.loops.original_lines import thick_lines
from nitograph.weaving.settings import WeaveSettings

MIN_BATCH = 8  # pictures from which computing first bounds for all of them at once pays
MAX_BATCH_CHORDS = 500_000  # of a board for which first bounds are computed in batches
MAX_TABLE = 200_000_000  # nails² × pixels of a table of the original's lines
SWEEPS, WINDOW = 8, 8

Weave = Callable[[Rows], None]


def make_weave(settings: WeaveSettings) -> Weave:
    """A function that weaves pictures into rows of nails; safe to call from several threads."""
    if settings.coverage == "bresenham":
        return _make_original(settings)
    task, rounding = task_of(settings), _rounding(settings)
    searched = search_of(settings) if settings.quality == "best" else None

    def weave(rows: Rows) -> None:
        if settings.beam > 1:
            beam.beam_many(task, settings.beam, rows)
        else:
            walk_many(task, rounding if _batch_bounds_pay(settings, rows) else None, rows)
        if searched is not None:
            search.refine_many(searched, rows)

    return weave


def walk_many(task: Task, rounding: Rounding | None, rows: Rows) -> None:
    """greedy.walk_many with 16-bit cells, and again with 32 bits for pictures whose gains overflow them.

    rounding: for first bounds; None to do without them.
    """
    rounding = rounding or Rounding(0, np.zeros(0, np.float32))
    size = cells.cells_of(rows.wanted.shape[1])
    failed = np.arange(len(rows.wanted))
    if 2 * task.pen.white * float(rows.wanted.max(initial=0)) - task.pen.strength < NARROW:
        greedy.walk_many(task, rounding, rows, np.zeros(size, np.int16))
        failed = np.flatnonzero(rows.lengths < 0)
    if len(failed):
        wanted, nails, lengths, explained = rows
        again = Rows(wanted[failed], nails[failed], lengths[failed], explained[failed])
        again.nails[:] = -1
        greedy.walk_many(task, rounding, again, np.zeros(size, np.int32))
        for part, found in zip(rows[1:], again[1:], strict=True):
            part[failed] = found


def first_nail(settings: WeaveSettings) -> int:
    """The nail to start from, −1 if the encoder chooses it."""
    if settings.start_nail is not None:
        return settings.start_nail
    return 0 if settings.quality == "fast" else -1


def limits_of(settings: WeaveSettings) -> Limits:
    """The board's rules, and when a thread ends."""
    return Limits(
        num_nails=settings.nails,
        min_nail_gap=settings.min_nail_gap,
        recent_edges=settings.recent_edges,
        min_lines=settings.min_lines,
        max_lines=settings.max_lines,
        stop_score=float(settings.stop_score),
    )


def pen_of(settings: WeaveSettings) -> Pen:
    """What one chord does to a pixel."""
    strength, white = chords.fixed_strength(settings.line_strength)
    return Pen(strength, white, float(settings.false_positive_weight))


def task_of(settings: WeaveSettings, extra: NDArray[np.float64] | None = None) -> Task:
    """The operands of the greedy walk and the beam; extra: replaces share_gain."""
    ring, pen = _ring(settings), pen_of(settings)
    factor = score_factor(ring.total, pen.strength, pen.white, settings.length_power)
    added = share_gain(settings) if extra is None else extra
    return Task(
        bands=ring.bands,
        limits=limits_of(settings),
        pen=pen,
        start=first_nail(settings),
        scoring=np.stack([added, factor], axis=1).astype(np.float32),
        disc=chords.disc(settings.canvas_size),
    )


def search_of(settings: WeaveSettings) -> Search:
    """The operands of local search."""
    ring = _ring(settings)
    return Search(
        bands=ring.bands,
        limits=limits_of(settings),
        pen=pen_of(settings),
        extra=share_gain(settings),
        squares=ring.squares,
        disc=chords.disc(settings.canvas_size),
        sweeps=SWEEPS,
        window=WINDOW,
    )


def improve(settings: WeaveSettings, rows: Rows) -> None:
    """Local search over threads woven with these settings, in place."""
    search.refine_many(search_of(settings), rows)


def share_gain(settings: WeaveSettings) -> NDArray[np.float64]:
    """What partly covered pixels add to the sum of gains of each chord, (m,)."""
    ring = _ring(settings)
    return added_gain(ring.total, ring.squares, pen_of(settings).strength)


def _ring(settings: WeaveSettings) -> chords.Chords:
    """All chords, from a cache."""
    return chords.all_chords(settings.nails, settings.canvas_size, settings.width)


def _batch_bounds_pay(settings: WeaveSettings, rows: Rows) -> bool:
    """Whether first bounds for all pictures at once pay, and 16 bits hold their sums."""
    if len(rows.wanted) < MIN_BATCH or settings.canvas_size > 128:
        return False
    return len(_ring(settings).lines) <= MAX_BATCH_CHORDS and bool(np.abs(rows.wanted).max() <= 1)


def _rounding(settings: WeaveSettings) -> Rounding:
    """How sums of gains are rounded to 16 bits, and by how much that can lower the sum of each chord."""
    ring, pen = _ring(settings), pen_of(settings)
    largest = max(2 * pen.white, pen.overshoot * pen.strength)
    coarse = max(0, math.ceil(math.log2(largest * ring.canvas_size / (NARROW - 1))))
    columns = (ring.lines[:, 4] - ring.lines[:, 3]).astype(np.float64)
    error = columns * FINE * 2.0**coarse + largest * ring.total * 2.0**-20
    return Rounding(coarse, np.asarray(error + 1, dtype=np.float32))


def _make_original(settings: WeaveSettings) -> Weave:
    """make_weave for the lines of the first Nitograph."""
    size, strength = settings.canvas_size, settings.line_strength
    overshoot = float(settings.false_positive_weight)
    if settings.nails**2 * size > MAX_TABLE:
        raise SettingsError(
            f"coverage bresenham keeps every line in a table, too large for {settings.nails} nails on "
            f"{size} pixels; use coverage antialiased, fewer nails or a smaller canvas_size"
        )
    lines = thick_lines(settings.nails, size, int(settings.line_radius))
    fine = 2.0**30 / (size * 2 * strength * max(1.0, overshoot))
    task = OriginalTask(
        limits=limits_of(settings),
        pen=OriginalPen(strength, overshoot, fine),
        start=first_nail(settings),
        runs=lines.runs,
        first=lines.first,
        scale=1 / fine / np.maximum(lines.pixels, 1) ** settings.length_power,
    )
    # No sum of gains exceeds 2^30, and none has more than 2 (c + 2) terms of up to 2^-24 of that.
    slack = 2.0**30 * 2 * (size + 2) * 2.0**-23

    def weave(rows: Rows) -> None:
        original.walk_many(task, slack if len(rows.wanted) >= MIN_BATCH else -1.0, rows)

    return weave
