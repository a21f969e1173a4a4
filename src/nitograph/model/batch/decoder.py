"""The decoder for many sequences at once: the same three calls, each one step of compiled code.

What model.decoder.Decoder does in NumPy for any batch, this does with `step` for batches that are worth
loading Numba; logits are the same up to the last bits. Several of these, over the same weights, can run
in threads side by side, as the compiled code releases the interpreter.

Try it: python -c "import nitograph.model.batch.decoder"
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.model.batch import step as kernels
from nitograph.model.batch.simd import LANES, ROWS
from nitograph.model.blocks import Float32, Trunk
from nitograph.model.decoder import Decoder


class BatchTrunk(Trunk):
    """Matrices, cache and room of the blocks; sequences that leave cost nothing more."""

    def __init__(self, plain: Trunk) -> None:
        self.__dict__.update(plain.__dict__)
        self.narrow_eps = np.float32(self._eps)
        qkv, *others = zip(*self._layers, strict=True)
        self.matrices = tuple(
            np.stack([panels(w) for w in kind]) for kind in (map(self._parted, qkv), *others)
        )

    def start(self, b: int) -> None:
        """Forget everything and make room for b sequences."""
        self._slots = np.arange(b)
        super().start(b)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences, in this order; only where one is repeated is the cache itself copied."""
        self._slots, self._b = self._slots[rows], len(rows)
        if len(np.unique(rows)) < len(rows):
            self._gather()
        self._make_buffers(self._b)

    def underway(self) -> tuple[Any, ...]:
        """What a compiled step wants of the blocks: the next place, matrices, cache, turns, eps, room."""
        cache = (*self._caches[0], self._slots)
        room = (*self._room, *self._scores)
        return self.length, self.matrices, cache, self._parted_turns, self.narrow_eps, room

    def _gather(self) -> None:
        """Lay the sequences side by side in the cache, in their order."""
        keys, values = self._caches[0]
        self._caches = [(keys.take(self._slots, axis=1), values.take(self._slots, axis=1))]
        self._slots = np.arange(len(self._slots))

    def _grow(self, width: int) -> None:
        if self._width:
            self._gather()
        super()._grow(width)
        turns = np.repeat(self._turns, self.settings.heads + 1, axis=1)
        self._parted_turns = np.stack([turns.real, turns.imag], axis=1)

    def _parted(self, qkv: Float32) -> Float32:
        """Columns of queries and keys as (2, e / 2, heads + 1): parts of pairs, pairs, heads and key."""
        turned = (self.settings.heads + 1) * self.head_size
        pairs = np.arange(turned).reshape(-1, self.head_size // 2, 2)
        columns = np.concatenate([pairs.transpose(2, 1, 0).ravel(), np.arange(turned, qkv.shape[1])])
        return np.ascontiguousarray(qkv[:, columns])

    def _new_cache(self, b: int, width: int) -> list[tuple[Float32, Float32]]:
        """Keys (layers, b, width / LANES, e, LANES), values (layers, b, width, E): read front to back."""
        s, e, kind = self.settings, self.head_size, np.float32
        self._scores = np.empty((s.heads, width), kind), np.empty((s.heads, padded(e)), kind)
        keys = np.empty((s.layers, b, width // LANES, e, LANES), kind)
        return [(keys, np.empty((s.layers, b, width, padded(e)), kind))]

    def _make_buffers(self, b: int) -> None:
        s = self.settings
        d, whole = padded(s.embed_dim), padded((s.heads + 2) * self.head_size)
        self._room = tuple(rows(b, width) for width in (d, d, whole, padded(s.ff_dim), d))


class BatchDecoder(Decoder):
    """Decoding state of many sequences; made by Decoder.for_batches, whose matrices it shares."""

    trunk: BatchTrunk

    def __init__(self, plain: Decoder) -> None:
        self.__dict__.update(plain.__dict__)
        self.trunk = BatchTrunk(plain.trunk)
        self._nail_panels = panels(self._nail_head)
        if self.settings.planned:
            self._code_panels = panels(self._code_head)
            reach = self._tensors["head.reach"]
            self._views = (panels(self._sight), panels(self._head), panels(self._waves), reach)

    def for_batches(self) -> "BatchDecoder":
        """Another one over the same weights."""
        return BatchDecoder(self)

    def start(self, labels: Sequence[int] | NDArray[np.integer]) -> Float32:
        """As Decoder.start."""
        self._make_room(len(labels))
        return super().start(labels)

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> None:
        """As Decoder.select."""
        super().select(rows)
        self._make_room(len(rows))

    def _make_room(self, b: int) -> None:
        """Buffers for b sequences; what a step needs is not asked for anew each time."""
        self._nail_room = rows(b, LANES * len(self._nail_panels))
        if self.settings.planned:
            self._code_room = rows(b, LANES * len(self._code_panels))
            sight, head, waves, _ = self._views
            inner = (len(self._sight), LANES * len(sight), LANES * len(head), len(self._waves))
            self._winding = tuple(rows(b, width) for width in (*inner, LANES * len(waves)))

    def underway(self) -> tuple[Any, ...]:
        """What a compiled step wants beside the nails and room for logits."""
        if self._nails is None:
            self._nails = np.full(len(self._left), -1)
        light = (self._left, self._fan, self._ahead)
        embed = self._tensors["embed.nail"]
        return self._nails, light, self._winding, embed, self._views, *self.trunk.underway()

    def _first_logits(self, x: Float32) -> Float32:
        more = self._codes.shape[1] + 1 < self.settings.prefix
        head, room = (self._code_panels, self._code_room) if more else (self._nail_panels, self._nail_room)
        self.trunk.make_place()
        kernels.step_token(x, head, room, *self.trunk.underway())
        self.trunk.length += 1
        size = self._code_head.shape[1] if more else self._nail_head.shape[1]
        return room[: len(x), :size].copy()

    def _wind(self, nails: NDArray[np.int64]) -> Float32:
        logits = np.empty((len(nails), self.weights.board.num_nails + 1), np.float32)
        self.trunk.make_place()
        kernels.step_nail(nails, logits, *self.underway())
        self.trunk.length += 1
        return logits


def padded(width: int) -> int:
    """The next multiple of LANES."""
    return -(-width // LANES) * LANES


def rows(b: int, width: int) -> Float32:
    """Room for b rows and what pads them to a multiple of ROWS."""
    return np.zeros((-(-b // ROWS) * ROWS, width), np.float32)


def panels(matrix: Float32) -> Float32:
    """A matrix (k, n) in strips of LANES columns, the last one padded with zeros: (p, k, LANES)."""
    k, n = matrix.shape
    wide = np.zeros((k, padded(n)), np.float32)
    wide[:, :n] = matrix
    return np.ascontiguousarray(wide.reshape(k, -1, LANES).transpose(1, 0, 2))
