"""The Transformer in NumPy: three calls, a key/value cache, no PyTorch.

`start` begins sequences, `step` appends one token to each and gives the logits of the next, `select` keeps
some sequences. Before the first nail a token is a plan code, after it a nail; `logits` are over codes or
over nails and EOS accordingly. network.Network is the same function in PyTorch, and a test checks
that their logits agree within 1e-4. This module does not know how a token is chosen.

Try it: python -c "from nitograph.model.decoder import *; print(Decoder(load_bundled()).start([7]).shape)"
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.model.blocks import CACHE_STEP, Trunk
from nitograph.model.plan import code_digits, decode_plan
from nitograph.model.prepared import Complex64, Float32, Prepared, PreparedLight, as_complex, prepare
from nitograph.model.sight import Seeing, Sight, SightSettings, weighed
from nitograph.model.weights import Weights, load_bundled

Tokens = Sequence[int] | NDArray[np.integer]


class TokenDecoder(ABC):
    """What decoders have in common: the tokens of their sequences so far and the light still missing.

    Subclasses own the cache and run a token through the blocks, in `_first_logits` and `_nail_logits`.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.weights, self.settings = prepared.weights, prepared.settings
        sight = prepared.weights.sight
        self._sight: Seeing | None = None if sight is None else self._make_sight(sight)
        self._first: Float32 | None = None

    @one_blas_thread
    def start(self, labels: Tokens) -> Float32:
        """Begin one sequence for each class index (b,); returns the logits of what comes first."""
        ids = np.asarray(labels, dtype=np.int64)
        self._start_cache(len(ids))
        self._codes = np.zeros((len(ids), 0), dtype=np.int64)
        self._nails: NDArray[np.int64] | None = None
        self._left: Complex64 = np.zeros((len(ids), 0), dtype=np.complex64)
        return self._first_logits(self.weights.tensors["embed.class"][ids])

    @one_blas_thread
    def step(
        self,
        tokens: Tokens,
        light: NDArray[np.floating] | None = None,
        pictures: NDArray[np.floating] | None = None,
    ) -> Float32:
        """Append one code or nail to each sequence, (b,); returns the logits of what follows.

        light: (b, k), given with the plan's last code, replaces the light that the codes stand for.
        pictures: (b, c, c), finer than that light, are what a model with sight looks at.
        """
        ids = np.asarray(tokens, dtype=np.int64)
        if self._writes_plan:
            logits = self._first_logits(self._append_code(ids, light, pictures))
            if self._first is not None:
                logits[:, :-1] += self.weights.tensors["sight.first"] * self._first
                self._first = None
            return logits
        if self.prepared.light is None:
            return self._first_logits(self.weights.tensors["embed.nail"][ids])
        return self._nail_logits(ids, self.prepared.light)

    def select(self, rows: Tokens) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        kept = np.asarray(rows, dtype=np.int64)
        self._select_cache(kept)
        self._codes, self._left = self._codes[kept], self._left[kept]
        if self._nails is not None:
            self._nails = self._nails[kept]
        if self._sight is not None and not self._writes_plan:
            self._sight.select(kept)

    @property
    def _writes_plan(self) -> bool:
        """Whether the next token is a code of the plan."""
        return self._codes.shape[1] + 1 < self.settings.prefix

    def _append_code(
        self,
        codes: NDArray[np.int64],
        light: NDArray[np.floating] | None,
        pictures: NDArray[np.floating] | None,
    ) -> Float32:
        """Append the plan's next code; returns its embedding (b, d)."""
        t, slot = self.weights.tensors, self._codes.shape[1]
        self._codes = np.concatenate([self._codes, codes[:, None]], axis=1)
        if not self._writes_plan:
            planned = decode_plan(self.weights, self._codes) if light is None else light
            self._left = as_complex(np.asarray(planned))
            if self._sight is not None:
                self._first = self._sight.start(np.asarray(planned), pictures)
        digits = code_digits(codes) @ t["embed.digits"][slot]
        return np.asarray(t["embed.code"][codes] + digits + t["embed.slot"][slot])

    @abstractmethod
    def _make_sight(self, settings: SightSettings) -> Seeing:
        """The sight of a model that has one."""

    @abstractmethod
    def _start_cache(self, b: int) -> None:
        """Begin b sequences."""

    @abstractmethod
    def _select_cache(self, rows: NDArray[np.int64]) -> None:
        """Keep these sequences."""

    @abstractmethod
    def _first_logits(self, x: Float32) -> Float32:
        """Logits after a token (b, d) that sees no light: of the plan's next code, or of a nail."""

    @abstractmethod
    def _nail_logits(self, nails: NDArray[np.int64], light: PreparedLight) -> Float32:
        """Logits (b, n + 1) after the next nail of each sequence, seen from its light still missing."""


class Decoder(TokenDecoder):
    """Decoding state of a batch of sequences over some Weights, or over Prepared ones that are shared."""

    def __init__(self, model: Weights | Prepared) -> None:
        super().__init__(model if isinstance(model, Prepared) else prepare(model))
        self.trunk = Trunk(self.prepared)

    def _make_sight(self, settings: SightSettings) -> Seeing:
        return Sight(settings)

    def _start_cache(self, b: int) -> None:
        self.trunk.start(b)

    def _select_cache(self, rows: NDArray[np.int64]) -> None:
        self.trunk.select(rows)

    def _first_logits(self, x: Float32) -> Float32:
        light = self.prepared.light
        head = light.code_head if light is not None and self._writes_plan else self.prepared.nail_head
        return np.asarray(self.trunk.step(x) @ head)

    def _nail_logits(self, nails: NDArray[np.int64], light: PreparedLight) -> Float32:
        n, d, t = self.weights.board.num_nails, self.settings.embed_dim, self.weights.tensors
        if self._nails is not None:
            self._left -= light.fan[(nails - self._nails) % n] * np.conj(light.ahead[self._nails])
        self._nails = nails
        missing = self._left * light.ahead[nails]
        seen = missing.view(np.float32) @ light.sight
        x, waves = t["embed.nail"][nails] + seen[:, :d], n + 1 + len(light.waves)
        if self._sight is not None:
            sights, facts = self._sight.step(nails)
            x += facts @ t["embed.facts"]
        found = self.trunk.step(x) @ light.head
        added = found[:, n + 1 : waves]
        fan = (added if self._sight is not None else seen[:, d:] + added) @ light.waves + t["head.reach"]
        logits = found[:, : n + 1]
        if self._sight is not None:
            logits[:, :n] += weighed(sights, found[:, waves:] + t["sight.base"])
        for row, nail in enumerate(nails.tolist()):
            logits[row, nail:n] += fan[row, : n - nail]
            logits[row, :nail] += fan[row, n - nail :]
        return np.asarray(logits)


__all__ = ["CACHE_STEP", "Decoder", "TokenDecoder", "load_bundled"]
