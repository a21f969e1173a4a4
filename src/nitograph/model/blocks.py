"""The blocks of the Transformer for one token at a time, with a cache of keys and values. NumPy only.

Buffers for a step are allocated once per batch. This module knows neither tokens nor light.
batch.blocks.BatchTrunk is the same function for many sequences at once.

Try it: python -c "from nitograph.model.decoder import *; print(Decoder(load_bundled()).trunk.length)"
"""

import math

import numpy as np
from numpy.typing import NDArray

from nitograph.model.prepared import Float32, Prepared

CACHE_STEP = 64  # the capacity of the cache is a multiple of this many tokens
MAX_FIRST = 1024  # initial capacity in tokens for models whose threads are longer
ZERO = np.zeros(1, np.float32)  # a number would be converted at each call


def first_width(prepared: Prepared) -> int:
    """Initial capacity of a cache in tokens: a whole thread, unless threads are very long."""
    whole = min(prepared.settings.prefix + prepared.weights.max_lines + 1, MAX_FIRST)
    return -(-whole // CACHE_STEP) * CACHE_STEP


class Trunk:
    """The cache and the buffers of a batch of b sequences in the blocks of a model."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared, self._eps = prepared, prepared.eps
        self.length = self._width = 0

    def start(self, b: int) -> None:
        """Discard all state and begin b sequences."""
        self.length = self._width = 0
        self._caches = self._new_cache(b, 0)
        self._make_buffers(b)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        self._caches = [(keys[rows], values[rows]) for keys, values in self._caches]
        self._make_buffers(len(rows))

    def step(self, x: Float32) -> Float32:
        """One token of each sequence, (b, d), which is overwritten, to its state (b, d).

        The state is normalised except for the factor √d and the weight of the norm, which the heads contain
        (see `prepared`). It is a buffer that the next step overwrites.
        """
        if self.length == self._width:
            self._grow(2 * self.length or first_width(self._prepared))
        at, self.length = self.length, self.length + 1
        b, heads, e = len(x), self._prepared.settings.heads, self._prepared.head_size
        qkv, y, up = self._qkv, self._y, self._up
        parts = qkv.reshape(b, heads + 2, e)
        pairs = qkv.view(np.complex64).reshape(b, heads + 2, -1)[:, :-1]
        turn_by = self._turns[at]
        for (w_qkv, w_out, w_up, w_down), cache in zip(self._prepared.layers, self._caches, strict=True):
            np.matmul(self._norm(x), w_qkv, out=qkv)
            pairs *= turn_by
            keys, values = cache
            keys[:, :, at], values[:, at] = parts[:, -2], parts[:, -1]
            self._attend(parts[:, :-2], keys[:, :, : at + 1], values[:, : at + 1])
            np.matmul(self._mixed, w_out, out=y)
            x += y
            np.matmul(self._norm(x), w_up, out=up)
            np.maximum(up, ZERO, out=up)
            np.multiply(up, up, out=up)
            np.matmul(up, w_down, out=y)
            x += y
        return self._norm(x)

    def _norm(self, x: Float32) -> Float32:
        """x divided by its length, (b, d), in a buffer."""
        if len(x) == 1:  # a scalar is faster than an array of one: 5 % of a single path's time
            row = x[0]
            return np.multiply(x, 1 / math.sqrt(row.dot(row) + self._eps), out=self._normed)
        power = np.vecdot(x, x)
        power += self._eps
        np.sqrt(power, out=power)
        np.divide(x, power[:, None], out=self._normed)
        return self._normed

    def _attend(self, q: Float32, keys: Float32, values: Float32) -> None:
        """The queries of a token over all keys: (b, heads, e) with (b, e, t) and (b, t, e) → `_mixed`."""
        scores = q @ keys
        scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        mixed = self._mixed.reshape(q.shape)
        np.matmul(scores, values, out=mixed)
        mixed /= np.add.reduce(scores, axis=-1, keepdims=True)

    def _grow(self, width: int) -> None:
        """Grow the cache to `width` tokens."""
        old, self._width = self._caches, width
        self._caches = self._new_cache(len(self._qkv), width)
        for new, kept in zip(self._caches, old, strict=True):
            for whole, part in zip(new, kept, strict=True):
                whole[tuple(map(slice, part.shape))] = part
        self._turns = self._prepared.turns(width)

    def _new_cache(self, b: int, width: int) -> list[tuple[Float32, Float32]]:
        """Keys (b, e, width) and values (b, width, e) of each layer, uninitialised."""
        e, kind = self._prepared.head_size, np.float32
        return [
            (np.empty((b, e, width), kind), np.empty((b, width, e), kind)) for _ in self._prepared.layers
        ]

    def _make_buffers(self, b: int) -> None:
        s = self._prepared.settings
        self._qkv = np.empty((b, (s.heads + 2) * self._prepared.head_size), np.float32)
        self._up = np.empty((b, s.ff_dim), np.float32)
        self._y, self._mixed, self._normed = (np.empty((b, s.embed_dim), np.float32) for _ in range(3))
