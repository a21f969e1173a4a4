"""A step of decoding for a batch, compiled as a whole: products, attention, norms, light.

The same as blocks and decoder in NumPy, which are its oracle, except in the last bits. Its operands are
declared in `operands`. Rows are padded to a multiple of ROWS and columns to one of LANES, so that no
product has a remainder; the padding never affects a result. NaN stays NaN, so that sampling can reject it.
This module does not know how a token is chosen.

Try it: python -c "import nitograph.model.batch.step"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import loose_inner, loose_jit
from nitograph.model.batch.operands import AttentionBuffers, Blocks, LayerCache, Light, Winding
from nitograph.model.batch.simd import DEPTH, HEADS, LANES, ROWS, exp_sum, fused, lane_product
from nitograph.model.prepared import Float32

f32 = np.float32  # without it, Numba computes sums with Python numbers in float64
many_rows, many_heads, one_head = lane_product(ROWS), lane_product(HEADS), lane_product(1)


@loose_inner
def multiply(x: Float32, matrix: Float32, out: Float32, add: bool) -> None:
    """out = x @ matrix, or with `add` out += x @ matrix: x (B, ≥ k), the matrix in strips (p, k, LANES).

    out is (B, ≥ p · LANES). A strip too long for the processor's cache is taken in parts; while one
    is being multiplied, the next is prefetched.
    """
    strips, k = matrix.shape[0], matrix.shape[1]
    all_x, all_w, all_out = x.reshape(-1), matrix.reshape(-1), out.reshape(-1)
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


@loose_inner
def products(
    heads: int, weights: Float32, w: int, w_step: int, w_next: int, source: Float32, s: int, s_next: int,
    ahead: int, count: int, out: Float32, o: int, o_step: int,
) -> None:  # fmt: skip
    """lane_product for any number of heads; its arguments are offsets into three arrays, as there."""
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


@loose_inner
def turn_and_keep(
    row: Float32, at: int, turn_by: Float32, keys: Float32, values: Float32, nail: bool
) -> None:
    """Rotate queries and key of a token, (e, heads + 1) and flat, by its position; cache key and value.

    turn_by (2, (heads + 1) · e / 2): cosines and sines. The value, (e,), follows in `row`. nail: for nails
    another of the two products is rounded than for codes. The compiler once chose so; it is fixed here so
    that a seed keeps giving the same thread.
    """
    half, cosine, sine = turn_by.shape[1], turn_by[0], turn_by[1]
    e, block, lane = keys.shape[1], at // LANES, at % LANES
    step = 2 * half // e
    one, other = row[:half], row[half : 2 * half]
    for i in range(half):
        x, y = one[i], other[i]
        one[i] = fused(x, cosine[i], -(y * sine[i]))
        if nail:
            other[i] = fused(y, cosine[i], x * sine[i])
        else:
            other[i] = fused(x, sine[i], y * cosine[i])
    for i in range(e):
        keys[block, i, lane] = row[(i + 1) * step - 1]
        values[at, i] = row[2 * half + i]


@loose_inner
def attend(
    qkv: Float32,
    cache: LayerCache,
    at: int,
    turn_by: Float32,
    buffers: AttentionBuffers,
    out: Float32,
    nail: bool,
) -> None:
    """Attention of one token of each sequence over its cache, to out (B, ≥ heads · e).

    qkv: (B, ≥ (heads + 2) · e), of which queries and keys, (e, heads + 1), are rotated in place. The
    token's own key and value are written to the cache at position `at`.
    """
    keys, values, slots = cache
    scores, mixed = buffers
    heads, e, width, lanes = len(mixed), keys.shape[2], values.shape[1], values.shape[2]
    all_q, all_k, all_v = qkv.reshape(-1), keys.reshape(-1), values.reshape(-1)
    all_scores, all_mixed = scores.reshape(-1), mixed.reshape(-1)
    totals = np.empty(heads, np.float32)
    for r in range(len(slots)):
        slot = slots[r]
        turn_and_keep(qkv[r], at, turn_by, keys[slot], values[slot], nail)
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


@loose_inner
def norm(x: Float32, d: int, eps: np.float32, out: Float32) -> None:
    """The rows of x (B, ≥ d) divided by their lengths, to out."""
    for r in range(len(x)):
        row, normed, power = x[r, :d], out[r, :d], f32(0)
        for i in range(d):
            power += row[i] * row[i]
        factor = f32(1) / np.sqrt(power + eps)
        for i in range(d):
            normed[i] = row[i] * factor


@loose_inner
def squared_relu(up: Float32) -> None:
    """max(up, 0)² in place, (B, f); NaN stays."""
    for r in range(len(up)):
        row = up[r]
        for i in range(len(row)):
            above = f32(0) if row[i] < f32(0) else row[i]
            row[i] = above * above


@loose_inner
def run_blocks(at: int, blocks: Blocks, nail: bool) -> None:
    """Run the token in `x`, at this position, through all blocks; its state is left in `normed`."""
    matrices, d, eps = blocks.matrices, blocks.d, blocks.eps
    x, normed, qkv, up, heads, attention = blocks.buffers
    norm(x, d, eps, normed)
    for i in range(len(matrices.qkv)):
        multiply(normed, matrices.qkv[i], qkv, False)
        cache = LayerCache(blocks.cache.keys[i], blocks.cache.values[i], blocks.cache.slots)
        attend(qkv, cache, at, blocks.turns[at], attention, heads, nail)
        multiply(heads, matrices.out[i], x, True)
        norm(x, d, eps, normed)
        multiply(normed, matrices.up[i], up, False)
        squared_relu(up)
        multiply(up, matrices.down[i], x, True)
        norm(x, d, eps, normed)


@loose_jit
def step_token(token: Float32, head: Float32, logits: Float32, at: int, blocks: Blocks) -> None:
    """Logits (B, ≥ v) after a token (b, d) whose embedding is given; head (d, v) in strips."""
    x, d = blocks.buffers.x, token.shape[1]
    for r in range(len(token)):
        for i in range(d):
            x[r, i] = token[r, i]
    run_blocks(at, blocks, False)
    multiply(blocks.buffers.normed, head, logits, False)


@loose_inner
def lay_chord(light: Light, nails: NDArray[np.int64], missing: Float32) -> None:
    """Subtract the chord to `nails` (b,) from the light still missing; missing (B, 2M): as seen from there.

    light.before becomes `nails`.
    """
    before, left, fan, ahead = light
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


@loose_inner
def place_fan(
    found: Float32, fan: Float32, reach: Float32, nails: NDArray[np.int64], logits: Float32
) -> None:
    """Logits (b, n + 1): those of the state plus the fan (b, n), placed around the ring from each nail."""
    n = len(reach)
    for r in range(len(nails)):
        own, chord, row, nail = found[r], fan[r], logits[r], nails[r]
        for i in range(n - nail):
            row[nail + i] = own[nail + i] + (chord[i] + reach[i])
        for i in range(nail):
            row[i] = own[i] + (chord[n - nail + i] + reach[n - nail + i])
        row[n] = own[n]


@loose_inner
def wind_on(nails: NDArray[np.int64], logits: Float32, winding: Winding, at: int, blocks: Blocks) -> None:
    """Logits (b, n + 1) after the next nail of each row, as in model.decoder; at: tokens in the cache."""
    missing, seen, found, waves, fan = winding.buffers
    embed, sight, head, mix, reach = winding.views
    d, n = embed.shape[1], len(reach)
    lay_chord(winding.light, nails, missing)
    multiply(missing, sight, seen, False)
    for r in range(len(nails)):
        own, more, x = embed[nails[r]], seen[r], blocks.buffers.x[r]
        for i in range(d):
            x[i] = own[i] + more[i]
    run_blocks(at, blocks, True)
    multiply(blocks.buffers.normed, head, found, False)
    for r in range(len(nails)):
        for i in range(waves.shape[1]):
            waves[r, i] = seen[r, d + i] + found[r, n + 1 + i]
    multiply(waves, mix, fan, False)
    place_fan(found, fan, reach, nails, logits)


@loose_jit
def step_nail(nails: NDArray[np.int64], logits: Float32, winding: Winding, at: int, blocks: Blocks) -> None:
    """wind_on, for callers that are not compiled."""
    wind_on(nails, logits, winding, at, blocks)
