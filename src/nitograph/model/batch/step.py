# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled; plain int is no NumPy int32 to mypy.
"""A step of decoding for a batch, compiled as a whole: products, attention, norms, light.

The same as trunk and decoder in NumPy, which are its oracle, up to the last bits. Rows are padded to a
multiple of ROWS and columns to one of LANES, so that no product has a rest; what is in the padding never
matters. What is not a number stays not a number, so that the choice can refuse it.

Try it: python -c "import nitograph.model.batch.step"
"""

import numpy as np

from nitograph.compute.jit import loose_inner as inner, loose_jit as jit
from nitograph.model.batch.simd import DEPTH, HEADS, LANES, ROWS, exp_sum, lane_product

f32 = np.float32  # numba widens narrow numbers unless told
many_rows, many_heads, one_head = lane_product(ROWS), lane_product(HEADS), lane_product(1)


@inner
def multiply(x, panels, out, add):
    """out = x @ matrix, or with `add` more by it: x (B, ≥ k), panels (p, k, LANES) the matrix in strips.

    out is (B, ≥ p · LANES). A strip that does not stay in the cache is taken in parts. While one is taken,
    the next is fetched.
    """
    strips, k = panels.shape[0], panels.shape[1]
    all_x, all_w, all_out = x.reshape(-1), panels.reshape(-1), out.reshape(-1)
    x_step, step = x.shape[1], out.shape[1]
    for t in range(0, k, DEPTH):
        depth = min(DEPTH, k - t)
        for p in range(strips):
            w, o, ahead = (p * k + t) * LANES, p * LANES, k * LANES
            for r in range(0, len(x), ROWS):
                many_rows(
                    all_x, t + r * x_step, x_step, 1, all_w, w, LANES, ahead, depth, all_out, o + r * step,
                    step, add or t > 0,
                )  # fmt: skip


@inner
def products(heads, weights, w, w_step, w_next, source, s, s_next, ahead, count, out, o, o_step):
    """lane_product for any number of heads."""
    whole = heads // HEADS * HEADS
    for h in range(0, whole, HEADS):
        many_heads(
            weights, w + h * w_step, w_step, w_next, source, s, s_next, ahead, count, out, o + h * o_step,
            o_step, False,
        )  # fmt: skip
    for h in range(whole, heads):
        one_head(
            weights, w + h * w_step, w_step, w_next, source, s, s_next, ahead, count, out, o + h * o_step,
            o_step, False,
        )  # fmt: skip


@inner
def turn_and_keep(row, at, turn_by, keys, values):
    """Turn queries and key of a token, (e, heads + 1) and flat, by its position; keep key and value.

    turn_by (2, (heads + 1) · e / 2): cosines and sines. The value, (e,), lies behind.
    """
    half, cosine, sine = turn_by.shape[1], turn_by[0], turn_by[1]
    e, block, lane = keys.shape[1], at // LANES, at % LANES
    step = 2 * half // e
    one, other = row[:half], row[half : 2 * half]
    for i in range(half):
        x, y = one[i], other[i]
        one[i] = x * cosine[i] - y * sine[i]
        other[i] = x * sine[i] + y * cosine[i]
    for i in range(e):
        keys[block, i, lane] = row[(i + 1) * step - 1]
        values[at, i] = row[2 * half + i]


@inner
def attend(qkv, keys, values, slots, at, turn_by, scores, mixed, out):
    """Attention of one token of each sequence over its cache, to out (B, ≥ heads · e).

    qkv: (B, ≥ (heads + 2) · e), of which queries and keys, (e, heads + 1), are turned in place. keys (any,
    width / LANES, e, LANES), values (any, width, E): the token's own are added at `at`; E ≥ e is a multiple
    of LANES, too. slots: (b,), where in the cache a sequence lies. scores (heads, width), mixed (heads, E):
    room.
    """
    heads, e, width, lanes = len(mixed), keys.shape[2], values.shape[1], values.shape[2]
    all_q, all_k, all_v = qkv.reshape(-1), keys.reshape(-1), values.reshape(-1)
    all_scores, all_mixed = scores.reshape(-1), mixed.reshape(-1)
    totals = np.empty(heads, np.float32)
    for r in range(len(slots)):
        slot = slots[r]
        turn_and_keep(qkv[r], at, turn_by, keys[slot], values[slot])
        q, k, v = r * qkv.shape[1], slot * e * width, slot * width * lanes
        ahead = slots[min(r + 1, len(slots) - 1)] - slot
        for i in range(0, at + 1, LANES):
            products(
                heads, all_q, q, 1, heads + 1, all_k, k + i * e, LANES, ahead * e * width, e, all_scores, i,
                width,
            )  # fmt: skip
        for h in range(heads):
            totals[h] = exp_sum(all_scores, h * width, at + 1)
        for i in range(0, e, LANES):
            products(
                heads, all_scores, 0, width, 1, all_v, v + i, lanes, ahead * width * lanes, at + 1,
                all_mixed, i, lanes,
            )  # fmt: skip
        for h in range(heads):
            own, share = out[r, h * e : (h + 1) * e], f32(1) / totals[h]
            for i in range(e):
                own[i] = mixed[h, i] * share


@inner
def norm(x, d, eps, out):
    """The rows of x (B, ≥ d) over their lengths, to out."""
    for r in range(len(x)):
        row, normed, power = x[r, :d], out[r, :d], f32(0)
        for i in range(d):
            power += row[i] * row[i]
        factor = f32(1) / np.sqrt(power + eps)
        for i in range(d):
            normed[i] = row[i] * factor


@inner
def squared_relu(up):
    """max(up, 0)² in place, (B, f); NaN stays."""
    for r in range(len(up)):
        row = up[r]
        for i in range(len(row)):
            above = f32(0) if row[i] < f32(0) else row[i]
            row[i] = above * above


@inner
def blocks(at, weights, cache, turns, d, eps, room):
    """The token in room's x through all blocks, at this place; the state is left in its `normed`."""
    w_qkv, w_out, w_up, w_down = weights
    keys, values, slots = cache
    x, normed, qkv, up, heads_out, scores, mixed = room
    norm(x, d, eps, normed)
    for i in range(len(w_qkv)):
        multiply(normed, w_qkv[i], qkv, False)
        attend(qkv, keys[i], values[i], slots, at, turns[at], scores, mixed, heads_out)
        multiply(heads_out, w_out[i], x, True)
        norm(x, d, eps, normed)
        multiply(normed, w_up[i], up, False)
        squared_relu(up)
        multiply(up, w_down[i], x, True)
        norm(x, d, eps, normed)


@jit
def step_token(token, head, logits, at, weights, cache, turns, eps, room):
    """Logits (B, ≥ v) after a token (b, d) whose embedding is given; head (p, d, LANES): its panels."""
    d = token.shape[1]
    for r in range(len(token)):
        for i in range(d):
            room[0][r, i] = token[r, i]
    blocks(at, weights, cache, turns, d, eps, room)
    multiply(room[1], head, logits, False)


@inner
def wind(left, fan, ahead, before, nails, missing):
    """Take the chord from `before` to `nails` (b,) off the light still wanted; missing as seen from there.

    left (b, M), fan, ahead (n, M): complex64; missing: (B, 2M) float32, real and imaginary parts in turn.
    before: −1 where there is no chord; becomes `nails`.
    """
    n = len(fan)
    for r in range(len(nails)):
        rest, seen, by = left[r], missing[r], ahead[nails[r]]
        if before[r] >= 0:
            step, back = fan[(nails[r] - before[r]) % n], ahead[before[r]]
            for k in range(len(rest)):
                rest[k] -= step[k] * np.conj(back[k])
        for k in range(len(rest)):
            value = rest[k] * by[k]
            seen[2 * k], seen[2 * k + 1] = value.real, value.imag
        before[r] = nails[r]


@inner
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


@inner
def wind_on(nails, logits, before, light, rows, embed, views, at, weights, cache, turns, eps, room):
    """Logits (b, n + 1) after the next nail of each row, as Decoder._wind; `before` becomes `nails`.

    light: left, fan, ahead as `wind` has them. rows: missing, seen, found, the waves of both, fan,
    (B, …) each: room. views: panels of sight, head and waves, and the reach (n,).
    """
    sight, head, waves, reach = views
    missing, seen, found, both, fan = rows
    d, n = embed.shape[1], len(reach)
    wind(light[0], light[1], light[2], before, nails, missing)
    multiply(missing, sight, seen, False)
    for r in range(len(nails)):
        own, more, x = embed[nails[r]], seen[r], room[0][r]
        for i in range(d):
            x[i] = own[i] + more[i]
    blocks(at, weights, cache, turns, d, eps, room)
    multiply(room[1], head, found, False)
    for r in range(len(nails)):
        for i in range(waves.shape[1]):
            both[r, i] = seen[r, d + i] + found[r, n + 1 + i]
    multiply(both, waves, fan, False)
    place_fan(found, fan, reach, nails, logits)


@jit
def step_nail(nails, logits, before, light, rows, embed, views, at, weights, cache, turns, eps, room):
    """wind_on, for callers that are not compiled."""
    wind_on(nails, logits, before, light, rows, embed, views, at, weights, cache, turns, eps, room)
