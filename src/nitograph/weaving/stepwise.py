"""One picture woven in slices: to show progress, to stop early and keep the thread, to weight its pixels.

The nails are those of `encoder.weave`; this module knows nothing of files or of how pictures are read.

Try it: nitograph weave photo.jpg -o thread.json
"""

import math

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError, SourceError
from nitograph.light import cells, chords
from nitograph.light.bands import FINE
from nitograph.thread import Thread
from nitograph.weaving import dispatch
from nitograph.weaving.encoder import Woven, provenance, weave_targets
from nitograph.weaving.growing import Growing
from nitograph.weaving.loops import greedy
from nitograph.weaving.loops.operands import Rows
from nitograph.weaving.settings import WeaveSettings

COLUMNS_PER_SLICE = 4e6  # columns of bands scored in one slice, about


class Weaver(Growing):
    """A thread growing over one target (c, c) float32 in 0 to 1.

    importance: (c, c), how much each pixel counts, at least 0; its largest value is taken as 1. Raises
    SourceError where the shapes differ, SettingsError for importance with quality best or bresenham.
    """

    def __init__(
        self,
        wanted: NDArray[np.float32],
        settings: WeaveSettings,
        *,
        importance: NDArray[np.floating] | None = None,
    ) -> None:
        size = settings.canvas_size
        self.settings, self.done = settings, False
        self._wanted = np.ascontiguousarray(wanted, dtype=np.float32)
        if self._wanted.shape != (size, size):
            raise SourceError(f"the target must have shape ({size}, {size}), got {self._wanted.shape}")
        self._whole: Woven | None = None
        self._path = np.full(settings.max_lines + 1, -1, dtype=np.int32)
        self._length = 0
        self._at_once = settings.coverage != "antialiased" or settings.beam > 1
        if importance is not None and (settings.quality == "best" or self._at_once):
            raise SettingsError(
                "an importance map needs coverage antialiased, quality default or fast, and a beam of 1"
            )
        if not self._at_once:
            self._set_up(importance)

    def _set_up(self, importance: NDArray[np.floating] | None) -> None:
        settings, size = self.settings, self.settings.canvas_size
        ring, pen = chords.all_chords(settings.nails, size, settings.width), dispatch.pen_of(settings)
        weights, extra = np.full((size, size), 256, dtype=np.int32), None
        if importance is not None:
            weights, extra = _pixel_weights(importance, size), np.empty(len(ring.lines))
            cells.weighted_extra(ring.lines, weights, extra)
            extra *= pen.strength / FINE
        self._left = np.rint(self._wanted.astype(np.float64) * pen.white).astype(np.int32)
        self._canvas = cells.Canvas(self._left, np.zeros(cells.cells_of(size), dtype=np.int32), weights)
        self._bounds = np.full(len(ring.lines), np.inf, dtype=np.float32)
        self._task = dispatch.task_of(settings, extra)
        self._step = max(1, int(COLUMNS_PER_SLICE / (size * settings.nails * 0.3)))

    def advance(self) -> bool:
        """Lay some more chords, for about a tenth of a second; False when the thread has ended."""
        if self.done:
            return False
        settings = self.settings
        if self._at_once:
            self._finish(weave_targets(self._wanted[None], settings, threads=1))
            return False
        until = min(self.chords + self._step, settings.max_lines)
        self._length, self.done = greedy.slice_of_one(
            self._task, self._canvas, self._bounds, self._path, self._length, until
        )
        if self.done and settings.quality == "best":
            self._improve()
        return not self.done

    def explained(self) -> float:
        """1 − `chords.error` of what is laid so far."""
        if self._whole is not None:
            return float(self._whole.explained[0])
        shown = np.minimum(self._wanted - self._left / self._task.pen.white, 1.0)
        found = chords.error(self._wanted, shown)
        return 1.0 - found if math.isfinite(found) else 0.0

    def thread(self, *, label: str | None = None, source: str | None = None) -> Thread:
        """The thread so far; at least one chord must be laid."""
        made = provenance(self.settings, self.explained(), source)
        return Thread(self._path[: self._length], self.settings.board, label, made)

    def _improve(self) -> None:
        nails, lengths = self._path[None].copy(), np.array([self._length], dtype=np.int32)
        shares = np.zeros(1, dtype=np.float32)
        dispatch.improve(self.settings, Rows(self._wanted[None], nails, lengths, shares))
        self._finish(Woven(nails, lengths, shares))

    def _finish(self, woven: Woven) -> None:
        self._whole, self._path, self._length = woven, woven.nails[0], int(woven.lengths[0])
        self.done = True


def _pixel_weights(importance: NDArray[np.floating], size: int) -> NDArray[np.int32]:
    values = np.asarray(importance, dtype=np.float64)
    if values.shape != (size, size) or not np.isfinite(values).all() or values.min() < 0:
        raise SourceError(
            f"an importance map must be {size}×{size} finite numbers from 0, got {values.shape}"
        )
    if values.max() == 0:
        raise SourceError("an importance map must give some pixel a weight: all of it is black")
    return np.asarray(np.rint(values * (256 / values.max())), dtype=np.int32)
