"""The cache and the buffers of many sequences for the compiled blocks of `step`.

The same state as model.blocks.Trunk, in the order in which compiled code reads it; sequences that have
left the batch cost no time. This module knows neither tokens nor light.

Try it: python -c "import nitograph.model.batch.blocks"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.model.batch.operands import AttentionBuffers, Blocks, Buffers, Cache
from nitograph.model.batch.packed import Packed, padded
from nitograph.model.batch.simd import LANES, ROWS
from nitograph.model.blocks import first_width
from nitograph.model.prepared import Float32


class BatchTrunk:
    """The state of a batch of b sequences in the blocks of a model; `length` tokens are in the cache."""

    _keys: Float32
    _values: Float32

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._eps = np.float32(packed.prepared.eps)
        self.start(0)

    def start(self, b: int) -> None:
        """Discard all state and begin b sequences."""
        self.length = self._width = 0
        self._slots = np.arange(b)
        self._allocate(b, 0)
        self._make_buffers(b)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences, in this order; the cache is copied only if one is repeated."""
        self._slots = self._slots[rows]
        if len(np.unique(rows)) < len(rows):
            self._gather()
        self._make_buffers(len(rows))

    def reserve(self) -> int:
        """How many more tokens fit into the cache, at least one; a full cache is doubled."""
        if self.length == self._width:
            self._grow(2 * self.length or first_width(self._packed.prepared))
        return self._width - self.length

    def operands(self) -> Blocks:
        """The operands of compiled steps, with space in the cache for at least one token."""
        self.reserve()
        cache = Cache(self._keys, self._values, self._slots)
        d, matrices = self._packed.prepared.settings.embed_dim, self._packed.matrices
        return Blocks(matrices, cache, self._turns, d, self._eps, self._buffers())

    def _buffers(self) -> Buffers:
        x, normed, qkv, up, heads = self._rows
        return Buffers(x, normed, qkv, up, heads, self._attention)

    def _gather(self) -> None:
        """Copy the sequences into a cache without gaps, in their order."""
        self._keys = self._keys.take(self._slots, axis=1)
        self._values = self._values.take(self._slots, axis=1)
        self._slots = np.arange(len(self._slots))

    def _grow(self, width: int) -> None:
        """Grow the cache to `width` tokens."""
        if self._width:
            self._gather()
        keys, values, self._width = self._keys, self._values, width
        self._allocate(len(self._slots), width)
        self._keys[:, :, : keys.shape[2]] = keys
        self._values[:, :, : values.shape[2]] = values
        turns = np.repeat(self._packed.prepared.turns(width), self._packed.prepared.settings.heads + 1, 1)
        self._turns = np.stack([turns.real, turns.imag], axis=1)

    def _allocate(self, b: int, width: int) -> None:
        """An empty cache, which a step reads from front to back, and buffers that depend on its width."""
        s, e, kind = self._packed.prepared.settings, self._packed.prepared.head_size, np.float32
        scores, mixed = np.empty((s.heads, width), kind), np.empty((s.heads, padded(e)), kind)
        self._attention = AttentionBuffers(scores, mixed)
        self._keys = np.empty((s.layers, b, width // LANES, e, LANES), kind)
        self._values = np.empty((s.layers, b, width, padded(e)), kind)

    def _make_buffers(self, b: int) -> None:
        s = self._packed.prepared.settings
        d, whole = padded(s.embed_dim), padded((s.heads + 2) * self._packed.prepared.head_size)
        self._rows = [padded_rows(b, width) for width in (d, d, whole, padded(s.ff_dim), d)]


def padded_rows(b: int, width: int) -> Float32:
    """A buffer of b rows, padded with zeros to a multiple of ROWS rows."""
    return np.zeros((-(-b // ROWS) * ROWS, width), np.float32)
