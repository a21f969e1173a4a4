"""How threads of several colours mix: opaque layers, and what each should show for all of them to look
right.

Each layer hides its share of what lies below it, so that the light of a place is the board's, seen through
all layers, plus that of each thread, seen through those above it. Seen from layer k alone, this is linear
in the light t that it lets through: what it changes is t times one direction of colour. The squared error
of the colour is then that of t against one wanted value, times a weight, so that each layer is woven by the
loops of one thread. Errors are counted in OKLab, about the colour that is wanted. Arrays of colours have
the channel last; shares of layers come first. This module knows no chords.

Try it: python -c "import numpy as np; from nitograph.weaving.mixing import mix_of;
print(mix_of(np.eye(3), np.ones(3), np.full((1, 3), 0.5)).ideal(9, 0.0))"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.oklab import slopes
from nitograph.compute.parallel import one_blas_thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

DARKEST = 0.02  # light below which differences are no longer seen any better
CHROMA = 1.6  # how much a difference of colour counts, in that of lightness
FULLEST = 0.03  # light that a layer lets through at its densest
FIRST = 0.7  # from which the search for the ideal sets out


class Mix(NamedTuple):
    """Threads from the lowest to the highest on a board, and the picture that they are to show.

    threads: (k, 3), board: (3,), light of each. wanted: (..., 3) light. metric: (..., 3, 3), from a
    difference of light to what is seen of it.
    """

    threads: Float32
    board: Float32
    wanted: Float32
    metric: Float32

    def light(self, through: Float32) -> Float32:
        """What the board shows where layers let `through` (k, ...) of the light pass, (..., 3)."""
        return self.below(through, len(self.threads))

    def below(self, through: Float32, layer: int) -> Float32:
        """The same of the layers below one, (..., 3)."""
        found = np.broadcast_to(self.board, self.wanted.shape)
        for colour, share in zip(self.threads[:layer], through[:layer], strict=True):
            found = colour + (found - colour) * share[..., None]
        return np.asarray(found, dtype=np.float32)

    @one_blas_thread
    def of_layer(self, through: Float32, layer: int) -> tuple[Float32, Float32]:
        """Which light a layer should let through, and how much that counts, (...) each."""
        turned = self.below(through, layer) - self.threads[layer]  # by how much it changes the colour
        rest = np.broadcast_to(self.threads[layer], turned.shape)
        for colour, share in zip(self.threads[layer + 1 :], through[layer + 1 :], strict=True):
            turned = turned * share[..., None]
            rest = colour + (rest - colour) * share[..., None]
        seen = np.einsum("...ij,...j->...i", self.metric, turned)
        off = np.einsum("...ij,...j->...i", self.metric, self.wanted - rest)
        squared = np.maximum(np.einsum("...i,...i->...", seen, seen), 1e-9)
        target = np.einsum("...i,...i->...", seen, off) / squared
        return target.astype(np.float32), np.sqrt(squared).astype(np.float32)

    def ideal(self, rounds: int, thrift: float, barest: float = 1.0) -> Float32:
        """The light that each layer should let through, (k, ...), if thread could lie anywhere.

        One layer after the other takes the best share given the others. thrift: what hiding costs, so that
        no thread is asked for what hardly shows. barest: what a layer lets through at most.
        """
        through = np.full((len(self.threads), *self.wanted.shape[:-1]), FIRST, dtype=np.float32)
        for _ in range(rounds):
            for layer in range(len(self.threads)):
                target, weight = self.of_layer(through, layer)
                spared = np.float32(thrift) / np.maximum(weight * weight, np.float32(1e-4))
                through[layer] = np.clip(target + spared, FULLEST, barest)
        return through


def mix_of(threads: Float64, board: Float64, wanted: Float64) -> Mix:
    """Threads (k, 3), a board (3,) and a wanted picture (..., 3), all as light."""
    metric = slopes(np.maximum(wanted, 0.0) + DARKEST)
    metric[..., 1:, :] *= CHROMA
    return Mix(*(np.asarray(part, dtype=np.float32) for part in (threads, board, wanted, metric)))
