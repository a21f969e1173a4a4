"""From settings to the numbers that the compiled loops take: a loom weaves many targets into rows of nails.

This module knows nothing of pictures, threads or cores.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.light import chords
from nitograph.light.bands import FINE
from nitograph.weaving.loops import beam, cells, greedy, original as classic, search as refine
from nitograph.weaving.loops.original_lines import thick_lines
from nitograph.weaving.settings import WeaveSettings

TOGETHER = 8
CLASSIC_ROOM = 200_000_000
SWEEPS, WINDOW = 8, 8

Loom = Callable[..., None]


def make_loom(settings: WeaveSettings) -> Loom:
    """A function that weaves targets into rows of nails, lengths and explained."""
    walks = (settings.nails, (settings.min_nail_gap, settings.recent_edges))
    limits = ((settings.min_lines, settings.max_lines), settings.stop_score)
    start = first_nail(settings)
    if settings.coverage == "bresenham":
        return _classic_loom(settings, (*walks, *limits), start)
    size = settings.canvas_size
    ring = chords.chords(settings.nails, size, settings.width)
    dose, unit = chords.dose_and_unit(settings.line_strength)
    over = settings.false_positive_weight
    worth, disc = worth_of(settings, ring, share_gain(settings, ring)), chords.disc(size)
    coarse, slack = _rounding(ring, dose, unit, over)

    def loom(wanted: Any, *rows: Any) -> None:
        together = len(wanted) >= TOGETHER and size <= 128 and len(ring.lines) <= 500_000
        together = together and bool(np.abs(wanted).max() <= 1)  # the sums of first bounds hold no more
        bounds = slack if together else slack[:0]
        if settings.beam > 1:
            beam.beam_many(
                ring.bands,
                *walks,
                *limits,
                dose,
                unit,
                over,
                start,
                worth,
                disc,
                settings.beam,
                wanted,
                *rows,
            )
        else:
            walk_many(
                ring.bands, *walks, *limits, dose, unit, over, start, worth, coarse, bounds, disc,
                wanted, *rows,
            )  # fmt: skip
        if settings.quality == "best":
            improve(settings, wanted, *rows)

    return loom


def walk_many(*args: Any) -> None:
    """greedy.walk_many in cells of 16 bits, and of 32 for pictures whose gains those cannot hold."""
    *given, wanted, nails, lengths, shares = args
    dose, unit = given[5], given[6]
    room = cells.cells_of(wanted.shape[1])
    over = np.arange(len(wanted))
    if 2 * unit * float(wanted.max(initial=0)) - dose < cells.NARROW:
        greedy.walk_many(*args, np.zeros(room, np.int16))
        over = np.flatnonzero(lengths < 0)
    if len(over):
        rows = [part[over] for part in (nails, lengths, shares)]
        rows[0][:] = -1
        greedy.walk_many(*given, wanted[over], *rows, np.zeros(room, np.int32))
        for part, found in zip((nails, lengths, shares), rows, strict=True):
            part[over] = found


def first_nail(settings: WeaveSettings) -> int:
    """The nail to start from, −1 where it is to be chosen."""
    if settings.start_nail is not None:
        return settings.start_nail
    return 0 if settings.quality == "fast" else -1


def improve(settings: WeaveSettings, wanted: Any, nails: Any, lengths: Any, shares: Any) -> None:
    """Local search over threads woven with these settings, in place."""
    ring = chords.chords(settings.nails, settings.canvas_size, settings.width)
    dose, unit = chords.dose_and_unit(settings.line_strength)
    refine.refine_many(
        ring.bands, settings.nails, (settings.min_nail_gap, settings.recent_edges),
        (settings.min_lines, settings.max_lines), dose, unit, share_gain(settings, ring), ring.squares,
        chords.disc(settings.canvas_size), wanted, nails, lengths, shares, (SWEEPS, WINDOW),
    )  # fmt: skip


def share_gain(settings: WeaveSettings, ring: chords.Chords) -> NDArray[np.float64]:
    """What partly covered pixels add to the sum of gains over each chord, (m,)."""
    dose, _ = chords.dose_and_unit(settings.line_strength)
    return dose / FINE * (FINE * ring.total - ring.squares).astype(np.float64)


def _classic_loom(settings: WeaveSettings, walks: tuple[Any, ...], start: int) -> Loom:
    size, strength, over = settings.canvas_size, settings.line_strength, settings.false_positive_weight
    if settings.nails**2 * size > CLASSIC_ROOM:
        raise SettingsError(
            f"coverage bresenham keeps every line in a table, too large for {settings.nails} nails on "
            f"{size} pixels; choose coverage antialiased, or fewer of either"
        )
    lines = thick_lines(settings.nails, size, int(settings.line_radius))
    fine = 2.0**30 / (size * 2 * strength * max(1.0, over))
    pen = (strength, over, fine)
    scale = 1 / fine / np.maximum(lines.pixels, 1) ** settings.length_power

    # No sum of gains exceeds 2^30, and none has more than 2 (c + 2) terms of up to 2^-24 of that.
    slack = 2.0**30 * 2 * (size + 2) * 2.0**-23

    def loom(wanted: Any, *rows: Any) -> None:
        bounds = slack if len(wanted) >= TOGETHER else -1.0
        classic.walk_many(wanted, *walks, pen, start, lines.runs, lines.first, scale, bounds, *rows)

    return loom


def worth_of(
    settings: WeaveSettings, ring: chords.Chords, extra: NDArray[np.float64]
) -> NDArray[np.float32]:
    """What turns the sum of gains over each chord into its score: an addend and a factor, (m, 2)."""
    dose, unit = chords.dose_and_unit(settings.line_strength)
    length = np.maximum(ring.total / FINE, 1.0)
    scale = dose / FINE / unit**2 / length**settings.length_power
    return np.stack([extra, scale], axis=1).astype(np.float32)


def _rounding(ring: chords.Chords, dose: int, unit: float, over: float) -> tuple[int, NDArray[np.float32]]:
    """For first bounds: sums of gains fit 16 bits in units of 2^this; what that can take off each chord."""
    largest = max(2 * unit, over * dose)
    coarse = max(0, math.ceil(math.log2(largest * ring.canvas_size / (cells.NARROW - 1))))
    columns = (ring.lines[:, 4] - ring.lines[:, 3]).astype(np.float64)
    rounding = columns * FINE * 2.0**coarse + largest * ring.total * 2.0**-20
    return coarse, np.asarray(rounding + 1, dtype=np.float32)
