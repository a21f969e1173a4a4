"""A photograph woven of several colours: one thread after the other, then sweeps over all, in slices.

Each thread is woven by the loops of one thread (`loops.board_light`) against what it should show given all
others (`mixing`): the ideal of those not yet woven, and those woven as they are. How many chords each gets
follows from how much of it the picture wants. Threads lie from the first, lowest, to the last; the highest,
as a rule the darkest, is woven first, since nothing hides it. This module finds no palette and knows
nothing of files.

Try it: nitograph weave photo.jpg --threads 4 -o threads.json
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import Colour, Layers, coloured
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import SettingsError, SourceError
from nitograph.light import chords
from nitograph.light.frame import FRAME, disc
from nitograph.thread import Thread
from nitograph.weaving.colour_tones import fitted_range
from nitograph.weaving.encoder import provenance
from nitograph.weaving.eye import eye_of, kernel
from nitograph.weaving.loops import board_light
from nitograph.weaving.loops.operands import Limits
from nitograph.weaving.photograph import SLICE, bare_board, weights_of
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import WeaveSettings

SWEEPS = {"fast": 0, "default": 1, "best": 6}
ROUNDS, THRIFT = 20, 0.004  # of the ideal layers, and what hiding costs there
STRIDE = 2  # pixels between the places where the ideal is solved
SOFT = 1.0  # px, blur of the ideal, which no thread can follow sharply
FEWEST = 20  # chords of a thread that the picture hardly wants

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Strand:
    """One thread of several while it grows: its board as it alone would leave it, and its path."""

    def __init__(self, board: board_light.Board, start: int, most: int) -> None:
        self.board, self.most, self.ended = board, most, False
        self.path = np.full(most + 1, -1, dtype=np.int32)
        self.path[0], self.length = start, 1

    @property
    def chords(self) -> int:
        """How many are laid."""
        return self.length - 1


class ColourWeaver:
    """Threads growing over one picture (c, c, 3), light in 0…1, on a board of a colour.

    palette: from the thread that is wound first, which lies lowest, to the last. importance: (c, c), as for
    one thread. more: what else the threads' file says of its making.
    """

    def __init__(
        self,
        wanted: Float64,
        settings: WeaveSettings,
        board: RealBoard,
        palette: Sequence[Colour],
        ground: Colour,
        *,
        importance: NDArray[np.floating] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        size = settings.canvas_size
        if wanted.shape != (size, size, 3):
            raise SourceError(f"the target must have shape ({size}, {size}, 3), got {wanted.shape}")
        if settings.max_lines < FEWEST * len(palette):
            raise SettingsError(
                f"{len(palette)} threads need at least {FEWEST * len(palette)} chords together, got "
                f"{settings.max_lines}"
            )
        board.check_fits(settings.board)
        self.settings, self.board, self.done = settings, board, False
        self.palette, self.ground, self.more = tuple(palette), ground, dict(more or {})
        self.range = fitted_range(wanted, palette, ground, board.density(settings.max_lines))
        self._mix = self.range.mix(wanted)
        self._inside = disc(size)
        self._weights = weights_of(importance, self._inside)
        self._loom = _loom(settings, board)
        self._through = self._ideal(wanted)
        self._strands = [
            Strand(
                bare_board(self._through[0], self._weights, self._loom.eye), settings.start_nail or 0, most
            )
            for most in self._shares(settings.max_lines)
        ]
        self._slices = self._work()

    @property
    def chords(self) -> int:
        """How many chords all threads have so far."""
        return sum(strand.chords for strand in self._strands)

    def advance(self) -> bool:
        """Lay some more chords or move some nails; False when the threads have ended."""
        self.done = self.done or next(self._slices, None) is None
        return not self.done

    def run(self) -> Self:
        """Continue to the end."""
        while self.advance():
            pass
        return self

    def stuck(self) -> bool:
        """Whether a walk ended early for want of a nail that may come next."""
        ended = [strand for strand in self._strands if strand.ended and strand.chords < strand.most]
        return self.done and any(self.settings.no_way_on(one.path[: one.length]) for one in ended)

    def explained(self) -> float:
        """1 − the error of colour that is seen at a distance ÷ that of the bare board."""
        bare = self._seen(np.broadcast_to(self._mix.board, self._mix.wanted.shape))
        found = self._seen(self._mix.light(self._through_now()))
        return 1.0 - found / bare if bare > 0 else 0.0

    def threads(self, *, label: str | None = None, source: str | None = None) -> Layers:
        """The threads so far, those without a chord left out; at least one must have one."""
        made: dict[str, Any] = provenance(self.settings, self.explained(), source)
        made |= {"frame": FRAME, "board": self.board.to_dict(), "tones": self.range.to_dict()}
        made |= {"board_colour": self.ground.hex, **self.more}
        return Layers(
            coloured(Thread(one.path[: one.length], self.settings.board, label, made), colour)
            for one, colour in zip(self._strands, self.palette, strict=True)
            if one.chords
        )

    def _work(self) -> Iterator[bool]:
        """Weave each thread, then sweep over all of them; yields after each slice."""
        downwards = range(len(self._strands) - 1, -1, -1)
        for layer in downwards:
            strand = self._strands[layer]
            self._aim(layer)
            while not strand.ended and strand.chords < strand.most:
                until = min(strand.chords + SLICE, strand.most)
                strand.length, strand.ended = board_light.weave_on(
                    self._loom, strand.board, strand.path, strand.length, until
                )
                yield True
            self._through[layer] = strand.board.light
        for _ in range(SWEEPS[self.settings.quality]):
            for layer in downwards:
                yield from self._sweep(layer)

    def _sweep(self, layer: int) -> Iterator[bool]:
        """Move the nails of one thread to where the whole board is best, given the others as they are."""
        strand = self._strands[layer]
        if strand.length < 3:
            return
        self._aim(layer)
        for first in range(0, strand.length, SLICE):
            stop = min(first + SLICE, strand.length)
            board_light.sweep(self._loom, strand.board, strand.path, strand.length, first, stop)
            yield True
        self._through[layer] = strand.board.light

    def _aim(self, layer: int) -> None:
        """Set what a thread should show to what is best given all others."""
        target, weight = self._mix.of_layer(self._through, layer)
        target[~self._inside] = 1.0
        weight *= self._weights
        weight /= max(float(weight.max()), 1e-9)
        busy = np.empty_like(target)
        board_light.variance_of(np.clip(target, 0.0, 1.0), self._loom.eye.window, busy)
        board = self._strands[layer].board
        self._strands[layer].board = board._replace(
            target=target, weights=weight, fine=weight.copy(), busy=busy
        )

    def _ideal(self, wanted: Float64) -> Float32:
        """The light that each layer should let through, (k, c, c)."""
        size = len(wanted)
        few = self.range.mix(wanted[::STRIDE, ::STRIDE]).ideal(ROUNDS, THRIFT)
        whole = np.repeat(np.repeat(few, STRIDE, axis=1), STRIDE, axis=2)[:, :size, :size]
        through = np.ascontiguousarray(whole)
        for layer in through:
            board_light.blurred(layer.copy(), kernel(SOFT), layer)
            layer[~self._inside] = 1.0
        return through

    def _shares(self, chords: int) -> list[int]:
        """How many chords each thread gets: by the density that is wanted of it."""
        wanted = np.array([-np.log(layer[self._inside]).mean() for layer in self._through])
        spread = (chords - FEWEST * len(wanted)) * wanted / max(float(wanted.sum()), 1e-9)
        return [FEWEST + int(share) for share in spread]

    def _through_now(self) -> Float32:
        """What each layer lets through as it is now, (k, c, c)."""
        return np.stack([strand.board.light for strand in self._strands])

    @one_blas_thread
    def _seen(self, light: Float32) -> float:
        """The error of the board's light (c, c, 3) through the blur of the distance of view."""
        off = np.einsum("...ij,...j->...i", self._mix.metric, light - self._mix.wanted)
        blurred, found = np.empty(off.shape[:2], dtype=np.float32), 0.0
        eye = kernel(self.board.view_mm / self.board.pixel(self.settings.canvas_size))
        for channel in range(3):
            weighted = np.ascontiguousarray(off[..., channel] * self._weights, dtype=np.float32)
            board_light.blurred(weighted, eye, blurred)
            found += float((blurred.astype(np.float64) ** 2).sum())
        return found


def _loom(settings: WeaveSettings, board: RealBoard) -> board_light.Loom:
    """What the compiled loops need to know besides the picture."""
    size = settings.canvas_size
    ring = chords.all_chords(settings.nails, size, board.width(size))
    limits = Limits(
        settings.nails, settings.min_nail_gap, settings.recent_edges, 1, settings.max_lines, 0.0
    )
    legal = np.ascontiguousarray(settings.board.legal(settings.min_nail_gap))
    return board_light.Loom(ring.bands, limits, eye_of(board, size), legal)
