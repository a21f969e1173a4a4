"""The Transformer in NumPy: three calls, a key/value cache, no PyTorch.

`start` begins sequences, `step` appends one token to each and gives the logits of the next, `select` keeps
some sequences. Before the first nail a token is a plan code, after it a nail; `logits` are over codes or
over nails and EOS accordingly. network.Network is the same function in PyTorch, and a test holds their
logits equal within 1e-4. This module does not know how a token is chosen.

Try it: python -c "from nitograph.model.decoder import *; print(Decoder(load_bundled()).start([7]).shape)"
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.model.blocks import ROOM, Trunk, folded
from nitograph.model.plan import code_digits, decode_plan
from nitograph.model.weights import Weights, load_bundled

LIGHT_GAIN = 30.0

Float32 = NDArray[np.float32]


class Decoder:
    """Decoding state of a batch of sequences over some Weights."""

    @one_blas_thread
    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.settings = weights.settings
        self._tensors = weights.tensors
        self.trunk = Trunk(weights)
        self._nail_head = folded(weights, "head.norm", "head.nail")
        if self.settings.planned:
            self._prepare_light()

    @one_blas_thread
    def start(self, labels: Sequence[int] | NDArray[np.integer]) -> Float32:
        """Begin one sequence for each class index (b,); returns the logits of what comes first."""
        ids = np.asarray(labels, dtype=np.int64)
        self.trunk.start(len(ids))
        self._codes = np.zeros((len(ids), 0), dtype=np.int64)
        self._nails: NDArray[np.int64] | None = None
        self._left = np.zeros((len(ids), 0), dtype=np.complex64)
        return self._first_logits(self._tensors["embed.class"][ids])

    @one_blas_thread
    def step(
        self, tokens: Sequence[int] | NDArray[np.integer], light: NDArray[np.floating] | None = None
    ) -> Float32:
        """Append one code or nail to each sequence, (b,); returns the logits of what follows.

        light: (b, k), given with the plan's last code, replaces the light that the codes stand for.
        """
        ids = np.asarray(tokens, dtype=np.int64)
        if self._codes.shape[1] + 1 < self.settings.prefix:
            return self._first_logits(self._append_code(ids, light))
        if not self.settings.planned:
            return self._first_logits(self._tensors["embed.nail"][ids])
        return self._wind(ids)

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        kept = np.asarray(rows, dtype=np.int64)
        self.trunk.select(kept)
        self._codes, self._left = self._codes[kept], self._left[kept]
        if self._nails is not None:
            self._nails = self._nails[kept]

    def for_batches(self) -> "Decoder":
        """A decoder over the same weights that is quicker for many sequences, once Numba is loaded.

        Each has a state of its own, so that several can run in threads.
        """
        from nitograph.model.batch.decoder import BatchDecoder

        return BatchDecoder(self)

    def _prepare_light(self) -> None:
        """Fold what lies between two states into few matrices; light is kept as complex numbers, (M,).

        `_sight` (2M, d + 2F) takes the missing light, real and imaginary parts in turn, to what is added
        to the token and to the waves of its fan; `_head` (d, n + 1 + 2F) takes a state to the logits of
        the nails and to the waves that the network adds; `_waves` (2F, n) takes waves to the fan.
        """
        n, zernike, t = self.weights.board.num_nails, self.weights.zernike, self._tensors
        cosine, sine = zernike.turns(n)
        self._ahead = (cosine - 1j * sine).astype(np.complex64)
        self._back = np.conj(self._ahead)
        self._fan = _paired(zernike.fan(n) * t["light.chord"]).astype(np.complex64)
        waves, mix = zernike.waves(n)
        light_waves = (mix * t["light.scale"]).T
        seen = (LIGHT_GAIN * t["head.gain"])[:, None] * light_waves
        sight = np.concatenate([t["embed.light"], seen], axis=1) / t["light.scale"][:, None]
        self._sight = np.ascontiguousarray(np.stack(np.split(sight, 2), 1).reshape(sight.shape), np.float32)
        added = folded(self.weights, "head.norm", "head.light") @ light_waves
        self._head = np.concatenate([self._nail_head, added], axis=1).astype(np.float32)
        self._waves = np.ascontiguousarray(waves.T, dtype=np.float32)
        self._code_head = folded(self.weights, "head.norm", "head.code")

    def _append_code(self, codes: NDArray[np.int64], light: NDArray[np.floating] | None) -> Float32:
        t, slot = self._tensors, self._codes.shape[1]
        self._codes = np.concatenate([self._codes, codes[:, None]], axis=1)
        if slot + 2 == self.settings.prefix:
            planned = decode_plan(self.weights, self._codes) if light is None else light
            self._left = _paired(np.asarray(planned)).astype(np.complex64)
        digits = code_digits(codes) @ t["embed.digits"][slot]
        return np.asarray(t["embed.code"][codes] + digits + t["embed.slot"][slot])

    def _first_logits(self, x: Float32) -> Float32:
        """Logits after a token that sees no light: of a code while the plan is written, else of a nail."""
        more = self._codes.shape[1] + 1 < self.settings.prefix
        return np.asarray(self.trunk.step(x) @ (self._code_head if more else self._nail_head))

    def _wind(self, nails: NDArray[np.int64]) -> Float32:
        """Logits (b, n + 1) after the next nail of each sequence, seen from its light still missing."""
        n, d = self.weights.board.num_nails, self.settings.embed_dim
        if self._nails is not None:
            self._left -= self._fan[(nails - self._nails) % n] * self._back[self._nails]
        self._nails = nails
        missing = self._left * self._ahead[nails]
        seen = missing.view(np.float32) @ self._sight
        found = self.trunk.step(self._tensors["embed.nail"][nails] + seen[:, :d]) @ self._head
        fan = (seen[:, d:] + found[:, n + 1 :]) @ self._waves + self._tensors["head.reach"]
        logits = found[:, : n + 1]
        for row, nail in enumerate(nails.tolist()):
            logits[row, nail:n] += fan[row, : n - nail]
            logits[row, :nail] += fan[row, n - nail :]
        return logits


def _paired(light: NDArray[np.floating]) -> NDArray[np.complexfloating]:
    """Coefficients (…, 2M), cosine parts before sine parts, as complex numbers (…, M)."""
    half = light.shape[-1] // 2
    return np.asarray(light[..., :half] + 1j * light[..., half:])


__all__ = ["ROOM", "Decoder", "load_bundled"]
