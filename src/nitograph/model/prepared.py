"""The matrices that decoding multiplies by, computed once from Weights and never changed. NumPy only.

Constants are multiplied into them in advance: the weights of the norms, the square root of the width, the
scale of the queries, and all linear maps between light and logits. Any number of decoders can share one
Prepared; each owns only its state. This module knows no sequences.

Try it: python -c "from nitograph.model.prepared import *; print(prepare(load_bundled()).light.sight.shape)"
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import one_blas_thread
from nitograph.model.settings import LIGHT_GAIN, NORM_EPS, ROPE_BASE, ModelSettings
from nitograph.model.weights import Weights, load_bundled

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]


class Layer(NamedTuple):
    """The matrices of one block, for x @ W; e = d / heads.

    The columns of queries and keys in `qkv` form pairs: each is one complex number, which a rotary
    position rotates by one product. The value's columns follow.
    """

    qkv: Float32  # (d, (heads + 2) · e)
    out: Float32  # (d, d)
    up: Float32  # (d, f)
    down: Float32  # (f, d)


@dataclass(frozen=True, eq=False)
class PreparedLight:
    """What a model with a plan adds; light is kept as M complex numbers, F = Zernike order + 1.

    `sight` maps the missing light, real and imaginary parts alternating, to what is added to the token and
    to the waves of its fan (not in a model with sight, which sees that light exactly); `head` maps a state
    to the logits of the nails, to the waves that the network adds and to the gains of what is seen; `waves`
    maps waves to the fan of chords from the nail where the thread stands.
    """

    ahead: Complex64  # (n, M), rotates light into the frame of a nail
    fan: Complex64  # (n, M), light of the chord from nail 0 to each nail
    sight: Float32  # (2M, d + 2F), with sight (2M, d)
    head: Float32  # (d, n + 1 + 2F), with sight (d, n + 1 + 2F + SIGHTS)
    waves: Float32  # (2F, n)
    code_head: Float32  # (d, PLAN_CODES)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Weights prepared for decoding. light is None if the model writes no plan."""

    weights: Weights
    layers: tuple[Layer, ...]
    nail_head: Float32  # (d, n + 1)
    light: PreparedLight | None

    @property
    def settings(self) -> ModelSettings:
        """The settings of the model."""
        return self.weights.settings

    @property
    def head_size(self) -> int:
        """Width e of a query, a key or a value."""
        return self.settings.embed_dim // self.settings.heads

    @property
    def eps(self) -> float:
        """Added to the squared length of a state before the state is divided by that length."""
        return self.settings.embed_dim * NORM_EPS

    def turns(self, width: int) -> Complex64:
        """The factor of each position and pair (rotary positions: J. Su et al., 2021), (width, e / 2)."""
        half = self.head_size // 2
        frequency = ROPE_BASE ** (-np.arange(half) / half)
        return np.asarray(np.exp(1j * np.arange(width)[:, None] * frequency), dtype=np.complex64)


@one_blas_thread
def prepare(weights: Weights) -> Prepared:
    """The matrices of these weights, with all constants folded in."""
    layers = tuple(
        Layer(
            _in_pairs(_folded(weights, f"layer.{i}.attention.norm", f"layer.{i}.attention.qkv"), weights),
            weights.tensors[f"layer.{i}.attention.out"],
            _folded(weights, f"layer.{i}.feed.norm", f"layer.{i}.feed.up"),
            weights.tensors[f"layer.{i}.feed.down"],
        )
        for i in range(weights.settings.layers)
    )
    nail_head = _folded(weights, "head.norm", "head.nail")
    light = _prepare_light(weights, nail_head) if weights.settings.planned else None
    return Prepared(weights, layers, nail_head, light)


@one_blas_thread
def _prepare_light(weights: Weights, nail_head: Float32) -> PreparedLight:
    """Fold the linear maps between two states into a few matrices."""
    n, zernike, t = weights.board.num_nails, weights.zernike, weights.tensors
    cosine, sine = zernike.turns(n)
    waves, mix = zernike.waves(n)
    light_waves = (mix * t["light.scale"]).T
    sight = t["embed.light"]
    if not weights.settings.sight:
        sight = np.concatenate([sight, (LIGHT_GAIN * t["head.gain"])[:, None] * light_waves], axis=1)
    sight = sight / t["light.scale"][:, None]
    added = _folded(weights, "head.norm", "head.light") @ light_waves
    heads: list[NDArray[np.floating]] = [nail_head, added]
    if weights.settings.sight:
        heads.append(_folded(weights, "head.norm", "sight.gain"))
    return PreparedLight(
        ahead=(cosine - 1j * sine).astype(np.complex64),
        fan=as_complex(zernike.fan(n) * t["light.chord"]),
        sight=np.ascontiguousarray(np.stack(np.split(sight, 2), 1).reshape(sight.shape), np.float32),
        head=np.concatenate(heads, axis=1).astype(np.float32),
        waves=np.ascontiguousarray(waves.T, dtype=np.float32),
        code_head=_folded(weights, "head.norm", "head.code"),
    )


def as_complex(light: NDArray[np.floating]) -> Complex64:
    """Coefficients (…, 2M), cosine parts before sine parts, as complex numbers (…, M)."""
    half = light.shape[-1] // 2
    return (light[..., :half] + 1j * light[..., half:]).astype(np.complex64)


def _folded(weights: Weights, norm: str, matrix: str) -> Float32:
    """A matrix with the rest of the norm before it multiplied in: the norm's weight and √d."""
    weight = weights.tensors[norm] * np.float32(weights.settings.embed_dim**0.5)
    return np.ascontiguousarray(weight[:, None] * weights.tensors[matrix])


def _in_pairs(qkv: Float32, weights: Weights) -> Float32:
    """Columns of queries and keys in the pairs that rotary positions rotate, and queries scaled.

    The order within a head does not change its scores, as queries and keys share it.
    """
    heads = weights.settings.heads
    e = weights.settings.embed_dim // heads
    pairs = np.arange(e).reshape(2, -1).T.ravel()
    turned = (np.arange(heads + 1)[:, None] * e + pairs).ravel()
    columns = np.concatenate([turned, np.arange((heads + 1) * e, (heads + 2) * e)])
    scale = np.where(np.arange(len(columns)) < heads * e, np.float32(e**-0.5), np.float32(1))
    return np.ascontiguousarray(qkv[:, columns] * scale)


__all__ = ["Layer", "Prepared", "PreparedLight", "as_complex", "load_bundled", "prepare"]
