"""From settings to the numbers that the compiled loops take: a loom weaves many targets into rows of nails.

This module knows nothing of pictures, threads or cores.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph import beam, chords, classic, greedy, kernels, refine
from nitograph.errors import SettingsError
from nitograph.weave_settings import WeaveSettings

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
    worth, slack, disc = (
        worth_of(settings, ring, share_gain(settings, ring)),
        _slack(ring, unit),
        chords.disc(size),
    )
    over = settings.false_positive_weight

    def loom(wanted: Any, *rows: Any) -> None:
        together = len(wanted) >= TOGETHER and size <= 128 and len(ring.lines) <= 500_000
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
            greedy.walk_many(
                ring.bands, *walks, *limits, dose, unit, over, start, worth, bounds, disc, wanted, *rows
            )
        if settings.quality == "best":
            improve(settings, wanted, *rows)

    return loom


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
    return dose / kernels.FINE * (kernels.FINE * ring.total - ring.squares).astype(np.float64)


def _classic_loom(settings: WeaveSettings, walks: tuple[Any, ...], start: int) -> Loom:
    size, strength, over = settings.canvas_size, settings.line_strength, settings.false_positive_weight
    if settings.nails**2 * size > CLASSIC_ROOM:
        raise SettingsError(
            f"coverage bresenham keeps every line in a table, too large for {settings.nails} nails on "
            f"{size} pixels; choose coverage antialiased, or fewer of either"
        )
    lines = classic.thick_lines(settings.nails, size, int(settings.line_radius))
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
    length = np.maximum(ring.total / kernels.FINE, 1.0)
    scale = dose / kernels.FINE / unit**2 / length**settings.length_power
    return np.stack([extra, scale], axis=1).astype(np.float32)


def _slack(ring: chords.Chords, unit: float) -> NDArray[np.float32]:
    """More than single precision can lose in the sum over each chord, (m,)."""
    columns = (ring.lines[:, 4] - ring.lines[:, 3]).astype(np.float64)
    largest = 2 * unit * (kernels.FINE * ring.canvas_size + ring.total)
    return np.asarray(4 * columns * largest * 2.0**-23, dtype=np.float32)
