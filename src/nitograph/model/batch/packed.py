"""Prepared matrices in the order in which compiled products read them, made once and shared by all batches.

This module knows no sequences.

Try it: python -c "from nitograph.model.batch.packed import padded; print(padded(200))"
"""

from dataclasses import dataclass

import numpy as np

from nitograph.model.batch.operands import Matrices, Views
from nitograph.model.batch.simd import LANES
from nitograph.model.prepared import Float32, Prepared


@dataclass(frozen=True, eq=False)
class Packed:
    """A Prepared, and its matrices in strips; views and code_head are None where there is no plan."""

    prepared: Prepared
    matrices: Matrices
    nail_head: Float32
    code_head: Float32 | None
    views: Views | None


def pack(prepared: Prepared) -> Packed:
    """All matrices in strips of LANES columns."""
    qkv, *others = zip(*prepared.layers, strict=True)
    kinds = [[_by_part(matrix, prepared) for matrix in qkv], *others]
    matrices = Matrices(*(np.stack([in_strips(matrix) for matrix in kind]) for kind in kinds))
    light, t = prepared.light, prepared.weights.tensors
    views, code_head = None, None
    if light is not None:
        views = Views(
            embed=t["embed.nail"],
            sight=in_strips(light.sight),
            head=in_strips(light.head),
            waves=in_strips(light.waves),
            reach=t["head.reach"],
        )
        code_head = in_strips(light.code_head)
    return Packed(prepared, matrices, in_strips(prepared.nail_head), code_head, views)


def padded(width: int) -> int:
    """The next multiple of LANES."""
    return -(-width // LANES) * LANES


def in_strips(matrix: Float32) -> Float32:
    """A matrix (k, n) in strips of LANES columns, the last one padded with zeros: (p, k, LANES)."""
    k, n = matrix.shape
    wide = np.zeros((k, padded(n)), np.float32)
    wide[:, :n] = matrix
    return np.ascontiguousarray(wide.reshape(k, -1, LANES).transpose(1, 0, 2))


def _by_part(qkv: Float32, prepared: Prepared) -> Float32:
    """Columns of queries and keys as (2, e / 2, heads + 1): parts of pairs, pairs, heads and key."""
    e = prepared.head_size
    turned = (prepared.settings.heads + 1) * e
    pairs = np.arange(turned).reshape(-1, e // 2, 2)
    columns = np.concatenate([pairs.transpose(2, 1, 0).ravel(), np.arange(turned, qkv.shape[1])])
    return np.ascontiguousarray(qkv[:, columns])
