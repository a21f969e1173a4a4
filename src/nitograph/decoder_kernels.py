# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled; plain int is no NumPy int32 to mypy.
"""What decoding does between its matrix products, compiled: attention, norms, light, the choice of a nail.

Each function is the same as a few lines of NumPy in trunk, decoder or sampling, which are its oracle, up
to the last bits. Every function releases the interpreter. What is not a number stays not a number, so
that the choice can refuse it.

Try it: python -c "import nitograph.decoder_kernels"
"""

import math

import numba
import numpy as np

from nitograph import board
from nitograph.lanes import LANES, exp_sum, lane_product

# Sums may be reordered and fused, but NaN and infinity keep their meaning.
LOOSE = {"contract", "reassoc", "nsz", "arcp", "afn"}
jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=LOOSE)
exact = numba.njit(cache=True, nogil=True, error_model="numpy")
inner = numba.njit(
    nogil=True, error_model="numpy", fastmath=LOOSE, no_cpython_wrapper=True, no_cfunc_wrapper=True
)
exact_inner = numba.njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
f32, i32 = np.float32, np.int32  # numba widens narrow numbers unless told
three_rows, one_row = lane_product(3), lane_product(1)
forbid_next = inner(board.forbid_next)

NONE_ALLOWED, NOT_FINITE = -1, -2
FORBIDDEN = i32(-(2**31))


@inner
def ordered(bits):
    """The bits of a float32 as a number of the same order; its own inverse."""
    return i32(bits ^ i32(i32(bits >> i32(31)) & i32(0x7FFFFFFF)))


@inner
def softmax(scores, h, width, count, bits, peak):
    """exp(scores − their largest) in place for row h of (heads · width,), and the sum.

    bits: the memory of that row as int32. peak: room for one number. What lies behind `count`, up to the
    next multiple of LANES, becomes as good as 0.
    """
    top = i32(-(2**31))
    for i in range(count):
        top = max(top, ordered(bits[i]))
    blocks = (count + LANES - 1) // LANES
    for i in range(h * width + count, h * width + blocks * LANES):
        scores[i] = f32(-np.inf)
    peak[0] = ordered(top)
    return exp_sum(scores, h * width, blocks, peak.view(np.float32)[0])


@inner
def products(heads, weights, w, w_step, source, s, s_step, count, out, o, o_step):
    """lane_product for any number of heads."""
    for h in range(0, heads - 2, 3):
        three_rows(weights, w + h * w_step, w_step, source, s, s_step, count, out, o + h * o_step, o_step)
    for h in range(heads // 3 * 3, heads):
        one_row(weights, w + h * w_step, w_step, source, s, s_step, count, out, o + h * o_step, o_step)


@inner
def turn_and_keep(row, heads, turn_by, keys, values, at):
    """Turn queries and key of a token by its position; put key and value into the cache."""
    e = keys.shape[1]
    for h in range(heads + 1):
        part = row[h * e : (h + 1) * e]
        for i in range(e // 2):
            re, im, by = part[2 * i], part[2 * i + 1], turn_by[i]
            part[2 * i] = re * by.real - im * by.imag
            part[2 * i + 1] = re * by.imag + im * by.real
    key, value = row[heads * e : (heads + 1) * e], row[(heads + 1) * e : (heads + 2) * e]
    for i in range(e):
        keys[at // LANES, i, at % LANES] = key[i]
        values[at, i] = value[i]


@jit
def attend(qkv, keys, values, slots, at, turn_by, scores, mixed, out):
    """Attention of one token of each sequence over its cache, to out (b, heads · e).

    qkv: (b, (heads + 2) · e), of which queries and keys are turned in place. keys (any, width / LANES, e,
    LANES), values (any, width, E): the token's own are added at `at`; E ≥ e is a multiple of LANES, too.
    slots: (b,), where in the cache a sequence lies. scores (heads, width), mixed (heads, E): room.
    """
    heads, e, width, lanes = len(mixed), keys.shape[2], values.shape[1], values.shape[2]
    all_q, all_k, all_v = qkv.reshape(-1), keys.reshape(-1), values.reshape(-1)
    all_scores, all_mixed = scores.reshape(-1), mixed.reshape(-1)
    bits, totals, peak = scores.view(np.int32), np.empty(heads, np.float32), np.empty(1, np.int32)
    for r in range(len(slots)):
        slot = slots[r]
        turn_and_keep(qkv[r], heads, turn_by, keys[slot], values[slot], at)
        q, k, v = r * (heads + 2) * e, slot * e * width, slot * width * lanes
        for i in range(0, at + 1, LANES):
            products(heads, all_q, q, e, all_k, k + i * e, LANES, e, all_scores, i, width)
        for h in range(heads):
            totals[h] = softmax(all_scores, h, width, at + 1, bits[h], peak)
        for i in range(0, e, LANES):
            products(heads, all_scores, 0, width, all_v, v + i, lanes, at + 1, all_mixed, i, lanes)
        for h in range(heads):
            own, share = out[r, h * e : (h + 1) * e], f32(1) / totals[h]
            for i in range(e):
                own[i] = mixed[h, i] * share


@inner
def norm_row(x, eps, out):
    """x over its length, (d,)."""
    power = f32(0)
    for i in range(len(x)):
        power += x[i] * x[i]
    factor = f32(1) / np.sqrt(power + eps)
    for i in range(len(x)):
        out[i] = x[i] * factor


@jit
def add_norm(x, y, eps, out):
    """x += y, (b, d); out = x over its length."""
    for r in range(len(x)):
        here, more = x[r], y[r]
        for i in range(len(here)):
            here[i] += more[i]
        norm_row(here, eps, out[r])


@jit
def squared_relu(up):
    """max(up, 0)² in place, (b, f); NaN stays."""
    for r in range(len(up)):
        row = up[r]
        for i in range(len(row)):
            above = f32(0) if row[i] < f32(0) else row[i]
            row[i] = above * above


@jit
def wind(left, fan, ahead, before, nails, missing):
    """Take the chord from `before` to `nails` (b,) off the light still wanted; missing as seen from there.

    left, missing: (b, M) complex64; fan, ahead: (n, M) complex64; before: (b,), −1 where there is no chord.
    """
    n = len(fan)
    for r in range(len(nails)):
        rest, seen, by = left[r], missing[r], ahead[nails[r]]
        if before[r] >= 0:
            step, back = fan[(nails[r] - before[r]) % n], ahead[before[r]]
            for k in range(len(rest)):
                rest[k] -= step[k] * np.conj(back[k])
        for k in range(len(rest)):
            seen[k] = rest[k] * by[k]


@jit
def begin(embed, nails, seen, out):
    """The token of a nail: its embedding (n, d) and what is seen of the light, (b, ≥ d), to out (b, d)."""
    for r in range(len(nails)):
        own, light, row = embed[nails[r]], seen[r], out[r]
        for i in range(len(row)):
            row[i] = own[i] + light[i]


@jit
def place_fan(found, fan, reach, nails, logits):
    """Logits (b, n + 1): those of the state, and the fan (b, n) laid around the ring from each nail."""
    n = len(reach)
    for r in range(len(nails)):
        own, chord, row, nail = found[r], fan[r], logits[r], nails[r]
        for i in range(n - nail):
            row[nail + i] = own[nail + i] + (chord[i] + reach[i])
        for i in range(nail):
            row[i] = own[i] + (chord[n - nail + i] + reach[n - nail + i])
        row[n] = own[n]


@exact_inner
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


@exact_inner
def pick(row, keys, sums, size, temperature, top_k, min_p, draw):
    """One token of row (size,) by sampling.choose; keys: ordered bits, −2^31 where a token is forbidden.

    sums: (size,) float64, room.
    """
    best, left = 0, 0
    for i in range(size):
        left += keys[i] > FORBIDDEN
        if keys[i] > keys[best]:
            best = i
    if temperature == 0:
        return best
    least = FORBIDDEN + 1
    if 0 < top_k < size and top_k < left:
        least = kth_largest(keys, size, top_k)
    total = 0.0
    for i in range(size):
        sums[i] = -1.0
        if keys[i] >= least:
            total += share_of(row[i], row[best], temperature, min_p)
            sums[i] = total
    for i in range(size):
        if sums[i] > draw * total:
            return i
    return best


@exact
def choose_nails(logits, recent, rules, early, how, draws, chosen):
    """One token a row as choosing.choose_nails, into chosen (b,); where none is sound the reason, < 0.

    logits: (b, n + 1), EOS last. recent: (b, t) last nails. rules: gap and recent chords. how: temperature,
    top_k, min_p. draws: (b,) uniform numbers.
    """
    n, count = logits.shape[1] - 1, recent.shape[1]
    allowed, keys = np.ones(n + 1, np.bool_), np.empty(n + 1, np.int32)
    sums = np.empty(n + 1, np.float64)
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
            chosen[r] = pick(row, keys, sums, n + 1, how[0], how[1], how[2], draws[r])
