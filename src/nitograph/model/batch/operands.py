"""The operands of the compiled step as named tuples: matrices, cache, buffers, light.

Numba takes these tuples as they are, and passes their fields on as if each were an argument. Sequences are
padded to B rows, and widths to multiples of LANES, so that no product has a remainder; b, M, F and e are
those of model.prepared. This module only declares them.

Try it: python -c "from nitograph.model.batch.operands import Cache; print(Cache._fields)"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.model.prepared import Complex64, Float32


class Matrices(NamedTuple):
    """The matrices of all blocks, each in strips of LANES columns: (layers, strips, rows, LANES)."""

    qkv: Float32
    out: Float32
    up: Float32
    down: Float32


class Cache(NamedTuple):
    """Keys and values of all layers; `width` tokens fit. E ≥ e is a multiple of LANES."""

    keys: Float32  # (layers, any, width / LANES, e, LANES)
    values: Float32  # (layers, any, width, E)
    slots: NDArray[np.int64]  # (b,), where in the cache each sequence lies


class LayerCache(NamedTuple):
    """The part of a Cache that belongs to one layer."""

    keys: Float32  # (any, width / LANES, e, LANES)
    values: Float32  # (any, width, E)
    slots: NDArray[np.int64]


class AttentionBuffers(NamedTuple):
    """Intermediate results of attention, for one sequence at a time."""

    scores: Float32  # (heads, width)
    mixed: Float32  # (heads, E)


class Buffers(NamedTuple):
    """Intermediate results of a block."""

    x: Float32  # (B, ≥ d), the token on its way through the blocks
    normed: Float32  # (B, ≥ d)
    qkv: Float32  # (B, ≥ (heads + 2) · e)
    up: Float32  # (B, ≥ f)
    heads: Float32  # (B, ≥ d), the output of each attention head
    attention: AttentionBuffers


class Blocks(NamedTuple):
    """All blocks of a model with the state of a batch; d and eps as in `prepared`."""

    matrices: Matrices
    cache: Cache
    turns: Float32  # (width, 2, (heads + 1) · e / 2), cosines and sines of each position
    d: int
    eps: np.float32
    buffers: Buffers


class Light(NamedTuple):
    """The light still missing, and what a chord subtracts from it."""

    before: NDArray[np.int64]  # (b,), the nail on which each thread stands, −1 before the first
    left: Complex64  # (b, M)
    fan: Complex64  # (n, M)
    ahead: Complex64  # (n, M)


class Views(NamedTuple):
    """How a model sees light and gives logits of nails; matrices in strips as in `Matrices`."""

    embed: Float32  # (n, d)
    sight: Float32
    head: Float32
    waves: Float32
    reach: Float32  # (n,)


class WindingBuffers(NamedTuple):
    """Intermediate results between the missing light and the logits, B rows each."""

    missing: Float32  # (B, 2M), real and imaginary parts alternating
    seen: Float32  # (B, ≥ d + 2F)
    found: Float32  # (B, ≥ n + 1 + 2F)
    waves: Float32  # (B, 2F)
    fan: Float32  # (B, ≥ n)


class Winding(NamedTuple):
    """The operands of a step after the plan besides the blocks: from light to logits."""

    light: Light
    buffers: WindingBuffers
    views: Views
