"""The blocks of the Transformer for one token at a time, with a cache of keys and values. NumPy only.

What is constant is multiplied into the matrices beforehand: the weights of the norms, the square root of
the width, the scale of the queries. What a step needs is allocated once for a batch. This module knows
neither tokens nor light. batch.decoder.BatchTrunk is the same function for many sequences at once.

Try it: python -c "from nitograph.model.decoder import *; print(Decoder(load_bundled()).trunk.settings)"
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.model.weights import Weights

ROPE_BASE = 10_000.0
NORM_EPS = 1e-6
ROOM = 64  # the cache holds a multiple of so many tokens
ZERO = np.zeros(1, np.float32)  # an array is not converted at each call
LONGEST = 1024  # tokens for which there is room at first where a model's threads are longer

Float32 = NDArray[np.float32]


class Trunk:
    """The blocks of some Weights and the cache of a batch of b sequences."""

    def __init__(self, weights: Weights) -> None:
        self.settings = s = weights.settings
        self.head_size = s.embed_dim // s.heads
        whole = min(s.prefix + weights.max_lines + 1, LONGEST)
        self._first_room = -(-whole // ROOM) * ROOM
        self._eps = s.embed_dim * NORM_EPS
        self._layers = [
            (
                self._interleaved(folded(weights, f"layer.{i}.attention.norm", f"layer.{i}.attention.qkv")),
                weights.tensors[f"layer.{i}.attention.out"],
                folded(weights, f"layer.{i}.feed.norm", f"layer.{i}.feed.up"),
                weights.tensors[f"layer.{i}.feed.down"],
            )
            for i in range(s.layers)
        ]

    def start(self, b: int) -> None:
        """Forget everything and make room for b sequences."""
        self.length = self._width = 0
        self._b = b
        self._caches = self._new_cache(b, 0)
        self._make_buffers(b)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        self._caches = [(keys[rows], values[rows]) for keys, values in self._caches]
        self._b = len(rows)
        self._make_buffers(self._b)

    def step(self, x: Float32) -> Float32:
        """One token of each sequence, (b, d), which is overwritten, to its state (b, d).

        The state is normed but for the factor √d and the weight of the norm, which belong to the heads
        (see `folded`). It lies in a buffer that the next step writes anew.
        """
        self.make_place()
        at, self.length = self.length, self.length + 1
        b, heads, e = len(x), self.settings.heads, self.head_size
        qkv, y, up = self._qkv, self._y, self._up
        parts = qkv.reshape(b, heads + 2, e)
        pairs = qkv.view(np.complex64).reshape(b, heads + 2, -1)[:, :-1]
        turn_by = self._turns[at]
        for (w_qkv, w_out, w_up, w_down), cache in zip(self._layers, self._caches, strict=True):
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
        """x over its length, (b, d), in a buffer."""
        if len(x) == 1:  # a number is quicker than an array of one: 5 % of the time of a path alone
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

    def make_place(self) -> int:
        """For how many tokens there is room from the next place on, at least one: a full cache doubles."""
        if self.length == self._width:
            self._grow(2 * self.length or self._first_room)
        return self._width - self.length

    def _grow(self, width: int) -> None:
        """Make room for `width` tokens."""
        old, self._width = self._caches, width
        self._caches = self._new_cache(self._b, width)
        for new, kept in zip(self._caches, old, strict=True):
            for whole, part in zip(new, kept, strict=True):
                whole[tuple(map(slice, part.shape))] = part
        half = self.head_size // 2
        frequency = ROPE_BASE ** (-np.arange(half) / half)
        self._turns = np.exp(1j * np.arange(width)[:, None] * frequency).astype(np.complex64)

    def _new_cache(self, b: int, width: int) -> list[tuple[Float32, Float32]]:
        """Keys (b, e, width) and values (b, width, e) of each layer, not filled."""
        e, kind = self.head_size, np.float32
        shapes: Sequence[tuple[int, ...]] = ((b, e, width), (b, width, e))
        return [(np.empty(shapes[0], kind), np.empty(shapes[1], kind)) for _ in range(self.settings.layers)]

    def _make_buffers(self, b: int) -> None:
        s = self.settings
        self._qkv = np.empty((b, (s.heads + 2) * self.head_size), np.float32)
        self._up = np.empty((b, s.ff_dim), np.float32)
        self._y, self._mixed, self._normed = (np.empty((b, s.embed_dim), np.float32) for _ in range(3))

    def _interleaved(self, qkv: Float32) -> Float32:
        """Columns of queries and keys in pairs that rotary positions turn, and queries scaled.

        A pair is one complex number then, and its turn one product; scores do not depend on the order.
        """
        heads, e = self.settings.heads, self.head_size
        pairs = np.arange(e).reshape(2, -1).T.ravel()
        turned = (np.arange(heads + 1)[:, None] * e + pairs).ravel()
        columns = np.concatenate([turned, np.arange((heads + 1) * e, (heads + 2) * e)])
        scale = np.where(np.arange(len(columns)) < heads * e, np.float32(e**-0.5), np.float32(1))
        return np.ascontiguousarray(qkv[:, columns] * scale)


def folded(weights: Weights, norm: str, matrix: str) -> Float32:
    """A matrix with what the norm before it leaves undone multiplied in: its weight and √d."""
    weight = weights.tensors[norm] * np.float32(weights.settings.embed_dim**0.5)
    return np.ascontiguousarray(weight[:, None] * weights.tensors[matrix])
