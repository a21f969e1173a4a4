# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled; plain int is no NumPy int32 to mypy.
"""The choice of a nail, compiled: the rules of the board, the limits of the settings, the draw.

choosing.choose_nails is the oracle. This module knows no decoder.

Try it: python -c "import nitograph.choice_kernels"
"""

import math

import numba
import numpy as np

from nitograph import board
from nitograph.bits import ordered

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
inner = numba.njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
i32 = np.int32  # numba widens narrow numbers unless told
forbid_next = inner(board.forbid_next)

NONE_ALLOWED, NOT_FINITE = -1, -2
FORBIDDEN = i32(-(2**31))


@inner
def share_of(logit, largest, temperature, min_p):
    """The chance of a token beside that of the likeliest; 0 under min_p."""
    chance = math.exp((np.float64(logit) - np.float64(largest)) / temperature)
    return chance if chance >= min_p else 0.0


@inner
def kth_largest(keys, count, k):
    """A limit that just k of keys (count,) int32 reach, or the k-th largest where others equal it."""
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
def pick(row, keys, sums, listed, size, temperature, top_k, min_p, draw):
    """One token of row (size,) by sampling.choose; keys: ordered bits, −2^31 where a token is forbidden.

    sums: (size,) float64, listed: (size,) int32: room.
    """
    best, left, top = 0, i32(0), FORBIDDEN
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
    for i in range(size):  # without a branch to guess
        listed[count] = i
        count += keys[i] >= least
    for c in range(count):
        total += share_of(row[listed[c]], row[best], temperature, min_p)
        sums[c] = total
    for c in range(count):
        if sums[c] > draw * total:
            return np.int64(listed[c])
    return best


@jit
def choose_nails(logits, recent, rules, early, how, draws, chosen):
    """One token a row as choosing.choose_nails, into chosen (b,); where none is sound the reason, < 0.

    logits: (b, n + 1), EOS last. recent: (b, t) last nails. rules: gap and recent chords. how: temperature,
    top_k, min_p. draws: (b,) uniform numbers.
    """
    n, count = logits.shape[1] - 1, recent.shape[1]
    allowed, keys = np.ones(n + 1, np.bool_), np.empty(n + 1, np.int32)
    sums, listed = np.empty(n + 1, np.float64), np.empty(n + 1, np.int32)
    for r in range(len(logits)):
        row, bits = logits[r], logits[r].view(np.int32)
        if count > 0:
            forbid_next(recent[r], count, n, rules[0], rules[1], allowed)
        some, wild = i32(0), i32(0)
        for i in range(n):
            some |= i32(allowed[i])
        allowed[n] = not early or (some == 0 and count > 1)
        for i in range(n + 1):
            wild |= i32((bits[i] & i32(0x7F800000)) == i32(0x7F800000))
            key = i32(0) if bits[i] == FORBIDDEN else ordered(bits[i])  # −0 is 0
            keys[i] = key if allowed[i] else FORBIDDEN
        if wild != 0:
            chosen[r] = NOT_FINITE
        elif some == 0 and not allowed[n]:
            chosen[r] = NONE_ALLOWED
        else:
            chosen[r] = pick(row, keys, sums, listed, n + 1, how[0], how[1], how[2], draws[r])
