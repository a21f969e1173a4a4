"""The decoder for many sequences at once: the same three calls, compiled between the matrix products.

What decoder.Decoder does in NumPy for any batch, this does with decoder_kernels for batches that are worth
loading Numba; logits are the same up to the last bits. Several of these, over the same weights, can run
in threads side by side: all that is long releases the interpreter.

Try it: python -c "from nitograph.decoder import *; Decoder(load_bundled()).for_batches().start([7] * 64)"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph import decoder_kernels as kernels
from nitograph.decoder import Decoder
from nitograph.lanes import LANES
from nitograph.trunk import Float32, Trunk
from nitograph.weights import Weights


class BatchTrunk(Trunk):
    """The blocks with compiled attention; sequences that leave give up their place in the cache at once."""

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._narrow_eps = np.float32(self._eps)

    def start(self, b: int) -> None:
        """Forget everything and make room for b sequences."""
        super().start(b)
        self._slots = np.arange(b)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences, in this order; only where one is repeated is the cache itself copied."""
        self._slots = self._slots[rows]
        if len(np.unique(rows)) < len(rows):
            self._gather()
        self._make_buffers(len(rows))

    def _grow(self, width: int) -> None:
        """Make room for `width` tokens of the sequences that are left."""
        if self._width:
            self._gather()
        super()._grow(width)

    def _gather(self) -> None:
        """Lay the sequences side by side in the cache, in their order."""
        self._caches = [(keys[self._slots], values[self._slots]) for keys, values in self._caches]
        self._slots = np.arange(len(self._slots))

    def step(self, x: Float32) -> Float32:
        """One token of each sequence, (b, d), which is overwritten, to its state; as Trunk.step."""
        at, eps = self._take_place(), self._narrow_eps
        qkv, y, up, normed, mixed = self._qkv, self._y, self._up, self._normed, self._mixed
        y[...] = 0
        kernels.add_norm(x, y, eps, normed)
        for (w_qkv, w_out, w_up, w_down), (keys, values) in zip(self._layers, self._caches, strict=True):
            np.matmul(normed, w_qkv, out=qkv)
            kernels.attend(
                qkv, keys, values, self._slots, at, self._turns[at], self._scores, self._room, mixed
            )
            np.matmul(mixed, w_out, out=y)
            kernels.add_norm(x, y, eps, normed)
            np.matmul(normed, w_up, out=up)
            kernels.squared_relu(up)
            np.matmul(up, w_down, out=y)
            kernels.add_norm(x, y, eps, normed)
        return normed

    def _new_cache(self, b: int, width: int) -> list[tuple[Float32, Float32]]:
        """Keys (b, width / LANES, e, LANES) and values (b, width, E): both are read from front to back."""
        e, kind = self.head_size, np.float32
        lanes = -(-e // LANES) * LANES
        self._scores = np.empty((self.settings.heads, width), kind)
        self._room = np.empty((self.settings.heads, lanes), kind)
        shapes = (b, width // LANES, e, LANES), (b, width, lanes)
        return [(np.empty(shapes[0], kind), np.empty(shapes[1], kind)) for _ in range(self.settings.layers)]


class BatchDecoder(Decoder):
    """Decoding state of many sequences; made by Decoder.for_batches, whose matrices it shares."""

    def __init__(self, plain: Decoder) -> None:
        self.__dict__.update(plain.__dict__)
        self.trunk = BatchTrunk(plain.weights)

    def for_batches(self) -> "BatchDecoder":
        """Another one over the same weights."""
        return BatchDecoder(self)

    def _wind(self, nails: NDArray[np.int64]) -> Float32:
        n, d = self.weights.board.num_nails, self.settings.embed_dim
        before = np.full(len(nails), -1) if self._nails is None else self._nails
        self._nails = nails
        missing, x = np.empty_like(self._left), np.empty((len(nails), d), np.float32)
        logits = np.empty((len(nails), n + 1), np.float32)
        kernels.wind(self._left, self._fan, self._ahead, before, nails, missing)
        seen = missing.view(np.float32) @ self._sight
        kernels.begin(self._tensors["embed.nail"], nails, seen, x)
        found = self.trunk.step(x) @ self._head
        fan = (seen[:, d:] + found[:, n + 1 :]) @ self._waves
        kernels.place_fan(found, fan, self._tensors["head.reach"], nails, logits)
        return logits
