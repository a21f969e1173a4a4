"""A photograph woven with thread as it is: a greedy walk, then sweeps over all of it, in slices.

What is wanted is the picture's light between two tones that so many chords can reach; each chord is judged
by what it changes for an eye near by and for one at a distance (`loops.board_light`). Sweeps move each nail
of the walk to where the whole board is best, so that early chords, laid when the board was bare, do not
stay as streaks. The same picture and settings give the same nails on one machine; light is in floating
point here, so that another processor may break a tie otherwise. This module knows nothing of files.

Try it: nitograph weave photo.jpg -o thread.json
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import SettingsError, SourceError
from nitograph.light import cells, chords
from nitograph.light.frame import FRAME, pixel_positions
from nitograph.thread import Thread
from nitograph.weaving.encoder import provenance
from nitograph.weaving.eye import eye_of, kernel
from nitograph.weaving.growing import Growing
from nitograph.weaving.loops import board_light
from nitograph.weaving.loops.operands import Limits
from nitograph.weaving.real_board import RealBoard, wanted_light
from nitograph.weaving.settings import WeaveSettings

SWEEPS = {"fast": 0, "default": 2, "best": 12}
SLICE = 250  # chords laid, or nails moved, between two reports
SETTLED = 0.01  # share of nails moved by a sweep below which another would not pay

Float32 = NDArray[np.float32]


class PhotoWeaver(Growing):
    """A thread growing over one picture (c, c) float32, 1 where most thread is wanted, 0 where none.

    importance: (c, c), how much each pixel counts, at least 0; its largest value is taken as 1. more: what
    else the thread's file says of its making. nails: where they stand if not on a ring; the diameter is
    their larger side then. Raises SourceError where the shapes differ.
    """

    def __init__(
        self,
        wanted: Float32,
        settings: WeaveSettings,
        board: RealBoard,
        *,
        importance: NDArray[np.floating] | None = None,
        more: Mapping[str, Any] | None = None,
        nails: Board | None = None,
    ) -> None:
        size = settings.canvas_size
        self.nails_at = nails or settings.board
        if self.nails_at.num_nails != settings.nails:
            raise SettingsError(
                f"the settings say {settings.nails} nails, but this is {self.nails_at.words}"
            )
        settings.rules.check_fits(self.nails_at)
        board.check_fits(self.nails_at)
        if wanted.shape != (size, size):
            raise SourceError(f"the target must have shape ({size}, {size}), got {wanted.shape}")
        self.settings, self.board, self.done, self.more = settings, board, False, dict(more or {})
        target, self.tones = wanted_light(wanted, settings.max_lines, board, self.nails_at)
        all_chords = chords.board_chords(self.nails_at, size, board.width(size))
        limits = Limits(
            settings.nails, settings.min_nail_gap, settings.recent_edges, 1, settings.max_lines, 0.0
        )
        eye = eye_of(board, size)
        legal = np.ascontiguousarray(self.nails_at.legal(settings.min_nail_gap))
        self._inside = self.nails_at.inside(pixel_positions(size))
        self._loom = board_light.Loom(all_chords.bands, limits, eye, legal)
        self._board = bare_board(target, weights_of(importance, self._inside), eye)
        self._path = np.full(settings.max_lines + 1, -1, dtype=np.int32)
        first = int(legal.any(axis=1).argmax())  # on a ring nail 0
        self._path[0], self._length = settings.start_nail or first, 1
        self._even = self._error_of_even_board()
        self._walking = True
        self._sweeps, self._at, self._moved = SWEEPS[settings.quality], 0, 0

    def advance(self) -> bool:
        """Lay some more chords or move some nails; False when the thread has ended."""
        if self._walking:
            until = min(self.chords + SLICE, self.settings.max_lines)
            self._length, ended = board_light.weave_on(
                self._loom, self._board, self._path, self._length, until
            )
            self._walking = not ended and self.chords < self.settings.max_lines
            self.done = not self._walking and (self._sweeps == 0 or self._length < 3)
        elif not self.done:
            self._sweep_on()
        return not self.done

    def _sweep_on(self) -> None:
        """A slice of a sweep; after the last nail the next sweep, or the end."""
        first, self._at = self._at, min(self._at + SLICE, self._length)
        self._moved += board_light.sweep(self._loom, self._board, self._path, self._length, first, self._at)
        if self._at == self._length:
            settled = self._moved < SETTLED * self._length
            self._sweeps, self._at, self._moved = self._sweeps - 1, 0, 0
            self.done = settled or self._sweeps == 0

    def stuck(self) -> bool:
        """Whether the walk ended early for want of a nail that may come next."""
        return self.done and self.settings.no_way_on(self._path[: self._length], self.nails_at)

    def explained(self) -> float:
        """1 − the error that is seen ÷ that of a board evenly covered with the mean tone."""
        found = board_light.error_of(self._loom, self._board)
        return 1.0 - found / self._even if self._even > 0 else 0.0

    def contrast(self, blur_mm: float) -> float:
        """The share of the picture's contrast within the nails that the board shows through this blur."""
        return self.likeness(blur_mm, math.inf) ** 2

    def likeness(self, fine_mm: float, coarse_mm: float) -> float:
        """Correlation, at least 0, of board and picture between two blurs, within the nails."""
        pixel, size = self.board.pixel(self.settings.canvas_size), self.settings.canvas_size
        images = []
        for image in (self._board.light, self._board.target):
            bands = [np.zeros((size, size), dtype=np.float32) for _ in range(2)]
            for out, blur in zip(bands, (fine_mm, coarse_mm), strict=True):
                if math.isfinite(blur):
                    board_light.blurred(image, kernel(blur / pixel), out)
            images.append((bands[0] - bands[1])[self._inside])
        spread = float(images[0].std() * images[1].std())
        if not spread > 1e-9:
            return 0.0
        both = np.mean((images[0] - images[0].mean()) * (images[1] - images[1].mean()))
        return max(float(both) / spread, 0.0)

    def thread(self, *, label: str | None = None, source: str | None = None) -> Thread:
        """The thread so far; at least one chord must be laid."""
        made: dict[str, Any] = provenance(self.settings, self.explained(), source)
        made |= {"frame": FRAME, "board": self.board.to_dict(), "tones": self.tones.to_dict()}
        made |= self.more
        return Thread(self._path[: self._length], self.nails_at, label, made)

    def _error_of_even_board(self) -> float:
        """The error of a board whose light is everywhere the mean of what is wanted."""
        target, weights = self._board.target, self._board.weights
        count = float(weights.sum())
        mean = float((target * weights).sum()) / count if count else 0.0
        even = self._board._replace(light=np.full_like(target, mean), seen=np.zeros_like(target))
        found = board_light.error_of(self._loom, even._replace(cells=np.zeros_like(self._board.cells)))
        return float(found)


def bare_board(target: Float32, weights: Float32, eye: board_light.Eye) -> board_light.Board:
    """A board without thread."""
    size, busy = len(target), np.empty_like(target)
    board_light.variance_of(target, eye.window, busy)
    return board_light.Board(
        density=np.zeros((size, size), dtype=np.int32),
        light=np.ones((size, size), dtype=np.float32),
        target=target,
        weights=weights,
        fine=weights.copy(),
        busy=busy,
        seen=np.zeros((size, size), dtype=np.float32),
        cells=np.zeros(cells.cells_of(size), dtype=np.int32),
    )


def weights_of(importance: NDArray[np.floating] | None, within: NDArray[np.bool_]) -> Float32:
    """How much each pixel counts, (c, c), nothing outside the nails."""
    inside, size = within.astype(np.float32), len(within)
    if importance is None:
        return inside
    values = np.asarray(importance, dtype=np.float64)
    if values.shape != (size, size) or not np.isfinite(values).all() or values.min() < 0:
        raise SourceError(
            f"an importance map must be {size}×{size} finite numbers from 0, got {values.shape}"
        )
    if values.max() == 0:
        raise SourceError("an importance map must give some pixel a weight: all of it is black")
    return np.asarray(inside * np.sqrt(values / values.max()), dtype=np.float32)
