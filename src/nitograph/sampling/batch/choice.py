"""The choice of a nail, compiled: the rules of the board, temperature, top-k and min-p, the draw.

choose.choose_nails is the oracle. This module knows no decoder.

Try it: python -c "import nitograph.sampling.batch.choice"
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.bits import ordered
from nitograph.compute.exps import exp_all
from nitograph.compute.jit import inner, jit
from nitograph.compute.rules import forbid_next

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

i32 = np.int32  # without it, Numba computes sums with Python numbers in int64, which is slower

NONE_ALLOWED, NOT_FINITE = -1, -2
FORBIDDEN = i32(-(2**31))


class Choice(NamedTuple):
    """The rules of the board and the sampling settings, as in choose.Terms."""

    min_nail_gap: int
    recent_edges: int
    temperature: float
    top_k: int
    min_p: float


class Buffers(NamedTuple):
    """Scratch arrays of a choice among n nails and EOS, (n + 1,) each."""

    allowed: NDArray[np.bool_]
    keys: Int32  # the bits of the logits, ordered; FORBIDDEN for tokens that are
    sums: Float64
    listed: Int32
    below: Float64
    room: Float64


@inner
def new_buffers(n: int) -> Buffers:
    """Buffers for the choice among n nails and EOS."""
    size = n + 1
    keys, sums = np.empty(size, np.int32), np.empty(size, np.float64)
    listed, below, room = np.empty_like(keys), np.empty_like(sums), np.empty_like(sums)
    return Buffers(np.ones(size, np.bool_), keys, sums, listed, below, room)


@inner
def kth_largest(keys: Int32, count: int, k: int) -> np.int32:
    """A limit that exactly k of keys (count,) reach, or the k-th largest if others equal it."""
    low, high = -(2**31), 2**31 - 1
    while low < high:
        middle = low + (high - low + 1) // 2
        limit, found = i32(middle), i32(0)
        for i in range(count):
            found += i32(keys[i] >= limit)
        if found == k:
            return limit
        if found > k:
            low = middle
        else:
            high = middle - 1
    return i32(low)


@inner
def pick(row: Float32, choice: Choice, draw: float, buffers: Buffers) -> np.int64:
    """One token of row (size,) by `choose`, among those whose keys are not FORBIDDEN."""
    keys, sums, listed, below, size = buffers.keys, buffers.sums, buffers.listed, buffers.below, len(row)
    temperature, top_k, min_p = choice.temperature, choice.top_k, choice.min_p
    best, left, top = np.int64(0), i32(0), FORBIDDEN
    for i in range(size):
        left += i32(keys[i] > FORBIDDEN)
        top = max(top, keys[i])
    while keys[best] != top:
        best += 1
    if temperature == 0:
        return best
    least, count, total = FORBIDDEN + 1, 0, 0.0
    if 0 < top_k < size and top_k < left:
        least = kth_largest(keys, size, top_k)
    for i in range(size):  # no branch: it would be mispredicted too often
        listed[count] = i
        count += keys[i] >= least
    largest = np.float64(row[best])
    for c in range(count):
        below[c] = (np.float64(row[listed[c]]) - largest) / temperature
    exp_all(below[:count], sums[:count], buffers.room[:count])
    for c in range(count):
        total += sums[c] if sums[c] >= min_p else 0.0
        sums[c] = total
    for c in range(count):
        if sums[c] > draw * total:
            return np.int64(listed[c])
    return best


@inner
def choose_nail(
    row: Float32, path: Int64, count: int, choice: Choice, early: bool, draw: float, buffers: Buffers
) -> np.int64:
    """One token as choose.choose_nails, or a negative reason where none can be chosen.

    row: (n + 1,) logits, EOS last. path[:count]: nails so far. early: the path is too short to end.
    draw: a uniform number.
    """
    allowed, keys = buffers.allowed, buffers.keys
    n, bits = len(row) - 1, row.view(np.int32)
    if count > 0:
        forbid_next(path, count, n, choice.min_nail_gap, choice.recent_edges, allowed)
    some, wild = i32(0), i32(0)
    for i in range(n):
        some |= i32(allowed[i])
    allowed[n] = not early or (some == 0 and count > 1)
    for i in range(n + 1):
        wild |= i32((bits[i] & i32(0x7F800000)) == i32(0x7F800000))
        key = i32(0) if bits[i] == FORBIDDEN else ordered(bits[i])  # −0 is 0
        keys[i] = key if allowed[i] else FORBIDDEN
    if wild != 0:
        return np.int64(NOT_FINITE)
    if some == 0 and not allowed[n]:
        return np.int64(NONE_ALLOWED)
    return pick(row, choice, draw, buffers)


@jit
def choose_nails(
    logits: Float32, recent: Int64, choice: Choice, early: bool, draws: NDArray[np.float64], chosen: Int64
) -> None:
    """choose_nail for each row, into chosen (b,): logits (b, n + 1), recent (b, t) nails, draws (b,)."""
    buffers = new_buffers(logits.shape[1] - 1)
    for r in range(len(logits)):
        chosen[r] = choose_nail(logits[r], recent[r], recent.shape[1], choice, early, draws[r], buffers)
