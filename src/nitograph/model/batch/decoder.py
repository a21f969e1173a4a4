"""The decoder for many sequences at once: the same three calls, each one step of compiled code.

The same as model.decoder.Decoder, with the compiled code of `step`, for batches large enough to be worth
loading Numba; logits agree except in the last bits. Several of these decoders can share one Packed and run
in threads, as compiled code releases the GIL. This module does not know how a token is chosen.

Try it: python -c "import nitograph.model.batch.decoder"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.model.batch import seen_step, step
from nitograph.model.batch.blocks import BatchTrunk, padded_rows
from nitograph.model.batch.operands import Light, Views, Winding, WindingBuffers
from nitograph.model.batch.packed import Packed, pack
from nitograph.model.batch.seen_step import Seen, Sighted
from nitograph.model.batch.sight import BatchSight
from nitograph.model.batch.simd import LANES
from nitograph.model.decoder import TokenDecoder
from nitograph.model.prepared import Float32, PreparedLight, prepare
from nitograph.model.sight import Seeing, SightSettings
from nitograph.model.weights import Weights


class BatchDecoder(TokenDecoder):
    """Decoding state of many sequences over some Weights, or over Packed ones that are shared."""

    def __init__(self, model: Weights | Packed) -> None:
        self.packed = model if isinstance(model, Packed) else pack(prepare(model))
        super().__init__(self.packed.prepared)
        self.trunk = BatchTrunk(self.packed)

    def winding(self) -> Winding | None:
        """The operands of steps after the plan, besides trunk.operands(); None in a plain model."""
        light, views = self.prepared.light, self.packed.views
        return None if light is None or views is None else self._winding(light, views)

    def sighted(self) -> tuple[Sighted, int] | None:
        """What such steps take instead if the model has sight, and how many nails each path has."""
        winding = self.winding()
        if self._sight is None or winding is None:
            return None
        assert isinstance(self._sight, BatchSight)  # of _make_sight
        looked, state, length = self._sight.operands()
        t = self.weights.tensors
        seen = Seen(*self._sight.views(), t["embed.facts"], t["sight.base"])
        return Sighted(looked, state, seen, winding), length

    def reserve(self) -> int:
        """For how many more tokens there is room, at least one."""
        room = self.trunk.reserve()
        return min(room, self._sight.room) if isinstance(self._sight, BatchSight) else room

    def advance(self, steps: int) -> None:
        """Count tokens that compiled steps have appended."""
        self.trunk.length += steps
        if isinstance(self._sight, BatchSight):
            self._sight.advance(steps)

    def _winding(self, light: PreparedLight, views: Views) -> Winding:
        if self._nails is None:
            self._nails = np.full(len(self._left), -1)
        missing = Light(self._nails, self._left, light.fan, light.ahead)
        return Winding(missing, self._buffers, views)

    def _make_sight(self, settings: SightSettings) -> Seeing:
        return BatchSight(settings)

    def _start_cache(self, b: int) -> None:
        self.trunk.start(b)
        self._make_buffers(b)

    def _select_cache(self, rows: NDArray[np.int64]) -> None:
        self.trunk.select(rows)
        self._make_buffers(len(rows))

    def _make_buffers(self, b: int) -> None:
        """Buffers for b sequences, so that a step allocates nothing."""
        light, views = self.prepared.light, self.packed.views
        if light is not None and views is not None:
            sight, head, waves = light.sight.shape[0], LANES * len(views.head), light.waves.shape[0]
            widths = (sight, LANES * len(views.sight), head, waves, LANES * len(views.waves))
            self._buffers = WindingBuffers(*(padded_rows(b, width) for width in widths))

    def _first_logits(self, x: Float32) -> Float32:
        light, head, size = self.prepared.light, self.packed.nail_head, self.prepared.nail_head.shape[1]
        if light is not None and self.packed.code_head is not None and self._writes_plan:
            head, size = self.packed.code_head, light.code_head.shape[1]
        logits = padded_rows(len(x), LANES * len(head))
        step.step_token(x, head, logits, self.trunk.length, self.trunk.operands())
        self.trunk.length += 1
        return logits[: len(x), :size].copy()

    def _nail_logits(self, nails: NDArray[np.int64], light: PreparedLight) -> Float32:
        assert self.packed.views is not None  # there is light, and so there are views of it
        logits = np.empty((len(nails), self.weights.board.num_nails + 1), np.float32)
        at, blocks, sighted = self.trunk.length, self.trunk.operands(), self.sighted()
        if sighted is None:
            step.step_nail(nails, logits, self._winding(light, self.packed.views), at, blocks)
        else:
            seen_step.step_seen(nails, logits, sighted[1] + 1, sighted[0], at, blocks)
        self.advance(1)
        return logits
