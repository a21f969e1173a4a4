# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled; plain int is no NumPy int32 to mypy.
"""The choice of a nail, compiled: the rules of the board, the limits of the settings, the draw.

choose.choose_nails is the oracle. This module knows no decoder.

Try it: python -c "import nitograph.sampling.batch.choice"
"""

import math

import numpy as np

from nitograph.compute.bits import ordered
from nitograph.compute.jit import inner, jit
from nitograph.compute.rules import forbid_next

i32 = np.int32  # numba widens narrow numbers unless told

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
    """One token of row (size,) by `choose`; keys: ordered bits, −2^31 where a token is forbidden.

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


@inner
def choosing_room(n):
    """Room for the choice among n nails and EOS: allowed, keys, sums, listed."""
    size = n + 1
    whole = np.empty(size, np.int32)
    return np.ones(size, np.bool_), whole, np.empty(size, np.float64), np.empty_like(whole)


@inner
def choose_nail(row, path, count, rules, early, how, draw, room):
    """One token as choose.choose_nails; where none is sound the reason, < 0.

    row: (n + 1,) logits, EOS last. path[:count]: nails so far. rules: gap and recent chords. how:
    temperature, top_k, min_p. draw: a uniform number. room: choosing_room.
    """
    allowed, keys, sums, listed = room
    n, bits = len(row) - 1, row.view(np.int32)
    if count > 0:
        forbid_next(path, count, n, rules[0], rules[1], allowed)
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
    return pick(row, keys, sums, listed, n + 1, how[0], how[1], how[2], draw)


@jit
def choose_nails(logits, recent, rules, early, how, draws, chosen):
    """choose_nail for each row, into chosen (b,): logits (b, n + 1), recent (b, t) nails, draws (b,)."""
    room = choosing_room(logits.shape[1] - 1)
    for r in range(len(logits)):
        chosen[r] = choose_nail(logits[r], recent[r], recent.shape[1], rules, early, how, draws[r], room)
