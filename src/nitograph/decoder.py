"""The Transformer in NumPy: three calls, a key/value cache, no PyTorch.

`start` begins sequences, `step` appends one token to each and gives the logits of the next, `select` keeps
some sequences. Before the first nail a token is a plan code, after it a nail; `logits` are over codes or
over nails and EOS accordingly. network.Network is the same function in PyTorch, and a test holds their
logits equal within 1e-4. This module does not know how a token is chosen.

Try it: python -c "from nitograph.decoder import *; d = Decoder(load_bundled()); print(d.start([7]).shape)"
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.plan import code_digits, decode_plan
from nitograph.weights import Weights, load_bundled
from nitograph.zernike import turn

ROPE_BASE = 10_000.0
NORM_EPS = 1e-6
LIGHT_GAIN = 30.0
ROOM = 64  # tokens by which the cache grows

Float32 = NDArray[np.float32]


class Decoder:
    """Decoding state of a batch of sequences over some Weights."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.settings = weights.settings
        self._tensors = weights.tensors
        s = self.settings
        half = s.embed_dim // s.heads // 2
        self._frequency = ROPE_BASE ** (-np.arange(half) / half)
        self._layers = [
            {
                "qkv": self._interleaved(
                    self._folded(f"layer.{i}.attention.norm", f"layer.{i}.attention.qkv")
                ),
                "out": weights.tensors[f"layer.{i}.attention.out"],
                "up": self._folded(f"layer.{i}.feed.norm", f"layer.{i}.feed.up"),
                "down": weights.tensors[f"layer.{i}.feed.down"],
            }
            for i in range(s.layers)
        ]
        self._nail_head = self._folded("head.norm", "head.nail")
        if s.planned:
            self._prepare_light()

    def start(self, labels: Sequence[int] | NDArray[np.integer]) -> Float32:
        """Begin one sequence for each class index (b,); returns the logits of what comes first."""
        ids = np.asarray(labels, dtype=np.int64)
        self._length, self._width = 0, 0
        s, b = self.settings, len(ids)
        e = s.embed_dim // s.heads
        self._keys = np.empty((s.layers, b, e, 0), dtype=np.float32)
        self._values = np.empty((s.layers, b, 0, e), dtype=np.float32)
        self._codes = np.zeros((b, 0), dtype=np.int64)
        self._nails: NDArray[np.int64] | None = None
        self._light = self._wound = np.zeros((b, 0), dtype=np.float32)
        return self._logits(self._trunk(self._tensors["embed.class"][ids]))

    def step(
        self, tokens: Sequence[int] | NDArray[np.integer], light: NDArray[np.floating] | None = None
    ) -> Float32:
        """Append one code or nail to each sequence, (b,); returns the logits of what follows.

        light: (b, k), given with the plan's last code, replaces the light that the codes stand for.
        """
        ids = np.asarray(tokens, dtype=np.int64)
        if self._codes.shape[1] + 1 < self.settings.prefix:
            return self._logits(self._trunk(self._append_code(ids, light)))
        missing = self._missing(ids)
        x = self._tensors["embed.nail"][ids]
        if missing is not None:
            x = x + missing @ self._tensors["embed.light"]
        return self._logits(self._trunk(x), ids, missing)

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> None:
        """Keep these sequences, in this order; one may be repeated."""
        kept = np.asarray(rows, dtype=np.int64)
        self._keys, self._values = self._keys[:, kept], self._values[:, kept]
        self._codes, self._light, self._wound = self._codes[kept], self._light[kept], self._wound[kept]
        if self._nails is not None:
            self._nails = self._nails[kept]

    def _prepare_light(self) -> None:
        n, zernike, t = self.weights.board.num_nails, self.weights.zernike, self._tensors
        fan = zernike.fan(n)
        self._fan = (fan * t["light.chord"]).astype(np.float32)
        cosine, sine = zernike.turns(n)
        self._cosine, self._sine = cosine.astype(np.float32), sine.astype(np.float32)
        self._chords = np.ascontiguousarray((fan * t["light.scale"]).T, dtype=np.float32)
        self._gain = LIGHT_GAIN * t["head.gain"]
        self._light_head = self._folded("head.norm", "head.light")
        self._code_head = self._folded("head.norm", "head.code")

    def _folded(self, norm: str, matrix: str) -> Float32:
        """A matrix with the weight of the norm before it multiplied in."""
        return np.ascontiguousarray(self._tensors[norm][:, None] * self._tensors[matrix])

    def _interleaved(self, qkv: Float32) -> Float32:
        """Columns of queries and keys in pairs that rotary positions turn, and queries scaled.

        A pair is one complex number then, and its turn one product; scores do not depend on the order.
        """
        heads, e = self.settings.heads, self.settings.embed_dim // self.settings.heads
        pairs = np.arange(e).reshape(2, -1).T.ravel()
        turned = (np.arange(heads + 1)[:, None] * e + pairs).ravel()
        columns = np.concatenate([turned, np.arange((heads + 1) * e, (heads + 2) * e)])
        scale = np.where(np.arange(len(columns)) < heads * e, np.float32(e**-0.5), np.float32(1))
        return np.ascontiguousarray(qkv[:, columns] * scale)

    def _append_code(self, codes: NDArray[np.int64], light: NDArray[np.floating] | None) -> Float32:
        t, slot = self._tensors, self._codes.shape[1]
        self._codes = np.concatenate([self._codes, codes[:, None]], axis=1)
        if slot + 2 == self.settings.prefix:
            planned = decode_plan(self.weights, self._codes) if light is None else light
            self._light = np.asarray(planned, dtype=np.float32)
            self._wound = np.zeros_like(self._light)
        digits = code_digits(codes) @ t["embed.digits"][slot]
        return np.asarray(t["embed.code"][codes] + digits + t["embed.slot"][slot])

    def _missing(self, nails: NDArray[np.int64]) -> Float32 | None:
        """Light still missing, scaled, from the frame of each nail: (b, k)."""
        if not self.settings.planned:
            return None
        if self._nails is not None:
            fan = self._fan[(nails - self._nails) % self.weights.board.num_nails]
            self._wound = self._wound + turn(fan, self._cosine[self._nails], -self._sine[self._nails])
        self._nails = nails
        missing = turn(self._light - self._wound, self._cosine[nails], self._sine[nails])
        return np.asarray(missing / self._tensors["light.scale"], dtype=np.float32)

    def _logits(
        self, h: Float32, nails: NDArray[np.int64] | None = None, missing: Float32 | None = None
    ) -> Float32:
        if self._codes.shape[1] + 1 < self.settings.prefix:
            return np.asarray(h @ self._code_head)
        logits = h @ self._nail_head
        if nails is not None and missing is not None:
            fan = (missing * self._gain + h @ self._light_head) @ self._chords + self._tensors["head.reach"]
            n = self.weights.board.num_nails
            logits[:, :n] += np.take_along_axis(fan, (np.arange(n) - nails[:, None]) % n, axis=1)
        return np.asarray(logits)

    def _trunk(self, x: Float32) -> Float32:
        """One token of each sequence through the blocks: (b, d) → normed (b, d)."""
        self._make_room(len(x))
        at, d = self._length, self.settings.embed_dim
        turn_by = np.exp(1j * at * self._frequency).astype(np.complex64)
        self._length += 1
        for index, layer in enumerate(self._layers):
            qkv = _normed(x) @ layer["qkv"]
            turned = qkv.view(np.complex64).reshape(len(x), self.settings.heads + 2, -1)
            turned[:, :-1] *= turn_by
            parts = qkv.reshape(len(x), self.settings.heads + 2, -1)
            self._keys[index, :, :, at], self._values[index, :, at] = parts[:, -2], parts[:, -1]
            y = self._attend(index, parts[:, :-2]).reshape(len(x), d)
            x = x + y @ layer["out"]
            up = np.maximum(_normed(x) @ layer["up"], 0)
            x = x + (up * up) @ layer["down"]
        return _normed(x)

    def _attend(self, index: int, q: Float32) -> Float32:
        """The queries of a token over all keys of its sequence: (b, heads, e) → (b, heads, e)."""
        scores = q @ self._keys[index, :, :, : self._length]
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.asarray(scores @ self._values[index, :, : self._length])

    def _make_room(self, b: int) -> None:
        if self._length < self._width:
            return
        self._width += ROOM
        layers, _, e, _ = self._keys.shape
        keys = np.empty((layers, b, e, self._width), dtype=np.float32)
        values = np.empty((layers, b, self._width, e), dtype=np.float32)
        keys[..., : self._length] = self._keys[..., : self._length]
        values[:, :, : self._length] = self._values[:, :, : self._length]
        self._keys, self._values = keys, values


def _normed(x: Float32) -> Float32:
    """Root-mean-square norm over the last axis, without its weight."""
    power = np.einsum("bd,bd->b", x, x)
    power /= x.shape[-1]
    power += NORM_EPS
    return np.asarray(x / np.sqrt(power)[:, None])


__all__ = ["Decoder", "load_bundled"]
