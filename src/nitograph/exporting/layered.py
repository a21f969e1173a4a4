"""Several threads on one board as one workpiece: each in its colour, one after the other.

Steps run through all of them, and each thread is tied at a step of its own: after the last step of one
comes the first of the next, at which the maker changes to its colour. Metres are those of each spool. This
module knows no file format.

Try it: python -c "from nitograph.exporting.layered import workpieces; from nitograph.thread import Thread;
from nitograph.colours.layers import *; print(workpieces(Layers(coloured(Thread([0, 9, 99]), Colour(*name))
for name in [('red', '#ff0000'), ('blue', '#0000ff')]))[0].statement())"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import colour_of, layers_of
from nitograph.exporting.workpiece import FloatArray, IntArray, Part, Workpiece, WorkpieceSettings
from nitograph.thread import Thread


@dataclass(frozen=True, eq=False)
class LayeredWorkpiece(Workpiece):
    """Threads of several colours on one real board, in order of winding; `thread` is the first of them.

    Arrays hold the steps of all threads, m + 1 in number. Between the end of one thread and the beginning
    of the next there is no chord: that run is zero long, at the nail to which the next one is tied.
    """

    layers: tuple[Thread, ...] = ()

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its threads in order of winding."""
        found, tied = [], 0
        for thread in self.layers:
            piece = Workpiece(thread, self.settings)
            found.append(Part(tied, piece, colour_of(thread)))
            tied += len(piece.path)
        return tuple(found)

    @property
    def chords(self) -> int:
        """How many chords there are, of all threads."""
        return sum(thread.line_count for thread in self.layers)

    @cached_property
    def path(self) -> IntArray:
        """The nails of all steps by display number, (m + 1,)."""
        return np.concatenate([part.piece.path for part in self.parts])

    @cached_property
    def turns(self) -> NDArray[np.int8]:
        """Which way each thread goes round each nail, (m + 1,)."""
        return np.concatenate([part.piece.turns for part in self.parts])

    @cached_property
    def behind(self) -> NDArray[np.bool_]:
        """Whether the thread passes behind each nail, (m + 1,)."""
        return np.concatenate([part.piece.behind for part in self.parts])

    @cached_property
    def arcs(self) -> FloatArray:
        """How far the thread goes round each nail, radians, (m + 1,)."""
        return np.concatenate([part.piece.arcs for part in self.parts])

    @cached_property
    def directions(self) -> FloatArray:
        """Heading of each straight run, radians; 0 where there is none, (m,)."""
        return self._joined([part.piece.directions for part in self.parts], np.zeros(1))

    @cached_property
    def tangents(self) -> FloatArray:
        """Where each straight run leaves its nail and touches the next, (m, 2, 2)."""
        return self._joined([part.piece.tangents for part in self.parts])

    @cached_property
    def metres(self) -> FloatArray:
        """Metres of its own thread used once it has passed each nail, (m + 1,)."""
        return np.concatenate([part.piece.metres for part in self.parts])

    @property
    def length(self) -> float:
        """Thread of all colours in the finished piece, metres."""
        return sum(part.piece.length for part in self.parts)

    def _joined(self, runs: Sequence[FloatArray], between: FloatArray | None = None) -> FloatArray:
        """Runs of all threads, with one between two of them: none, where the next thread is tied."""
        found = [runs[0]]
        for part, own in zip(self.parts[1:], runs[1:], strict=True):
            tie = self.centres[part.piece.path[0]]
            found += [np.stack([tie, tie])[None] if between is None else between, own]
        return np.concatenate(found)


def workpieces(threads: Iterable[Thread], settings: WorkpieceSettings | None = None) -> list[Workpiece]:
    """Each thread as a workpiece, or threads of several colours on one board as one.

    settings: by default those that each thread was made for.
    """
    listed = threads if isinstance(threads, Sequence) else list(threads)
    layers = layers_of(listed)
    if layers is not None:
        chosen = settings or WorkpieceSettings.of(layers[0])
        return [LayeredWorkpiece(layers[0], chosen, tuple(layers))]
    return [Workpiece(thread, settings or WorkpieceSettings.of(thread)) for thread in listed]
