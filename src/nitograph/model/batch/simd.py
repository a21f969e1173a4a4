"""Two loops of decoding in LLVM vector code: a small matrix product, and exponentials with their sum.

In the product the running sums of all rows stay in registers and LANES numbers are loaded once for all of
them; the exponentials stay in registers from the score to the sum. Numba's own vectoriser does neither.
This module knows nothing of what the numbers mean.

Try it: python -c "from nitograph.model.batch.simd import LANES; print(LANES)"
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from nitograph.compute.jit import LOOSE


def wide() -> bool:
    """Whether code is compiled for AVX-512: 32 registers of 16 numbers."""
    if config.CPU_FEATURES is None:
        return bool(binding.get_host_cpu_features().get("avx512f"))
    return "+avx512f" in config.CPU_FEATURES


# The running sums of this many rows, or heads, of LANES numbers fit into the registers: 32 registers of 16
# numbers, or 16 of 8.
LANES, ROWS, HEADS = (32, 8, 6) if wide() else (16, 6, 6)
LINE = 16  # float32 numbers in a cache line
DEPTH = 256  # rows of a strip of a matrix that fit into the L1 cache
FLOATS, WHOLES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
EXACT = ("contract",)
ROUNDER = 1.5 * 2**23  # adding it to a float32 rounds that to a whole number
# e^y = 1 + y + y² p(y) for |y| ≤ ln 2 / 2 (S. L. Moshier, Cephes, expf), highest power first.
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


def lane_product(rows: int) -> Any:
    """out[o + r·o_step + lane] = Σ_t weights[w + r·w_step + t·w_next] × source[s + t·s_next + lane].

    A function for compiled code, for t < count, r < rows and LANES lanes: weights, source and out are
    contiguous (any,) float32, the other arguments whole numbers except the last. The caller checks bounds.
    Numbers that lie `ahead` of those of the source are prefetched. add: add the sums to `out`.
    """

    @intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
    def product(
        _typing: Any,
        weights: Any,
        w: Any,
        w_step: Any,
        w_next: Any,
        source: Any,
        s: Any,
        s_next: Any,
        ahead: Any,
        count: Any,
        out: Any,
        o: Any,
        o_step: Any,
        add: Any,
    ) -> Any:
        """As lane_product says."""
        numbers = (weights, w, w_step, w_next, source, s, s_next, ahead, count, out, o, o_step)
        return types.void(*numbers, types.boolean), _builder(rows)

    return product


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def fused(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a × b + c, rounded once, for float32.

    For places where it matters which of two products is rounded: LLVM would choose by the surrounding code.
    """

    def build(_context: Any, builder: Any, _given: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), build


def _builder(rows: int) -> Any:
    """The code generator of lane_product."""

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        weights, w, w_step, w_next, source, s, s_next, ahead, count, out, o, o_step, add = args

        def at(number: int, value: Any, *parts: Any) -> Any:
            data = context.make_array(given.args[number])(context, builder, value).data
            for part in parts:
                data = builder.gep(data, [part])
            return data

        def times(step: Any, number: Any) -> Any:
            return builder.mul(
                step, number if isinstance(number, ir.Value) else ir.Constant(step.type, number)
            )

        places = [
            builder.bitcast(at(9, out, o, times(o_step, row)), FLOATS.as_pointer()) for row in range(rows)
        ]
        nothing = ir.Constant(FLOATS, [0.0] * LANES)
        sums = [
            cgutils.alloca_once_value(builder, builder.select(add, builder.load(place, align=4), nothing))
            for place in places
        ]
        with cgutils.for_range(builder, count) as loop:
            place = at(4, source, s, times(s_next, loop.index))
            numbers = builder.load(builder.bitcast(place, FLOATS.as_pointer()), align=4)
            next_place = builder.gep(place, [ahead])
            for line in range(0, LANES, LINE):
                _fetch(builder, builder.gep(next_place, [ir.Constant(ahead.type, line)]))
            for row, total in enumerate(sums):
                weight = builder.load(at(0, weights, w, times(w_step, row), times(w_next, loop.index)))
                product = builder.fmul(_spread(builder, weight), numbers, flags=LOOSE)
                builder.store(builder.fadd(builder.load(total), product, flags=LOOSE), total)
        for place, total in zip(places, sums, strict=True):
            builder.store(builder.load(total), place, align=4)
        return context.get_dummy_value()

    return build


def _fetch(builder: Any, place: Any) -> None:
    """Prefetch this address into the cache; an address out of bounds does no harm."""
    octets, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [octets, whole, whole, whole])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    to_read, keep, data = (ir.Constant(whole, value) for value in (0, 2, 1))
    builder.call(prefetch, [builder.bitcast(place, octets), to_read, keep, data])


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def exp_sum(_typing: Any, scores: Any, s: Any, count: Any) -> Any:
    """exp(score − largest) in place for scores[s : s + count] (any,) float32, count ≥ 1; returns the sum.

    A score more than 44 below the largest counts as 44 below, so that no product becomes subnormal, which
    is slow. If a score is not finite, neither is the sum. The numbers after the scores, up to the next
    multiple of LANES, become 0.
    """

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        data, kind = context.make_array(given.args[0])(context, builder, args[0]).data, args[2].type
        before = builder.and_(builder.sub(args[2], ir.Constant(kind, 1)), ir.Constant(kind, -LANES))
        left = _spread(builder, builder.trunc(builder.sub(args[2], before), ir.IntType(32)), WHOLES)
        used = builder.icmp_signed("<", ir.Constant(WHOLES, list(range(LANES))), left)

        def block(first: Any) -> Any:
            place = builder.gep(data, [builder.add(args[1], first)])
            return builder.bitcast(place, FLOATS.as_pointer())

        def larger(one: Any, other: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        lowest, nothing = (ir.Constant(FLOATS, [value] * LANES) for value in (float("-inf"), 0.0))
        last = builder.select(used, builder.load(block(before), align=4), lowest)
        largest = cgutils.alloca_once_value(builder, last)
        step = (ir.Constant(kind, 0), before, ir.Constant(kind, LANES))
        with cgutils.for_range_slice(builder, *step, kind) as (first, _):
            builder.store(larger(builder.load(block(first), align=4), builder.load(largest)), largest)
        top = _spread(builder, _folded(builder, builder.load(largest), larger))
        share = builder.select(used, _exp(builder, last, top), nothing)
        builder.store(share, block(before), align=4)
        total = cgutils.alloca_once_value(builder, share)
        with cgutils.for_range_slice(builder, *step, kind) as (first, _):
            share = _exp(builder, builder.load(block(first), align=4), top)
            builder.store(share, block(first), align=4)
            builder.store(builder.fadd(builder.load(total), share, flags=LOOSE), total)
        return _folded(builder, builder.load(total), lambda a, b: builder.fadd(a, b, flags=LOOSE))

    return types.float32(scores, s, count), build


def _folded(builder: Any, lanes: Any, together: Callable[[Any, Any], Any]) -> Any:
    """All lanes reduced, half by half, to one number."""
    width = LANES
    while width > 1:
        width //= 2
        low, high = (
            ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(first, first + width)))
            for first in (0, width)
        )
        lanes = together(*[builder.shuffle_vector(lanes, lanes, half) for half in (low, high)])
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))


def _spread(builder: Any, value: Any, kind: Any = FLOATS) -> Any:
    """One number in all LANES lanes."""
    nothing, first = ir.Constant(kind, ir.Undefined), ir.Constant(ir.IntType(32), 0)
    one = builder.insert_element(nothing, value, first)
    return builder.shuffle_vector(one, nothing, ir.Constant(WHOLES, [0] * LANES))


def _exp(builder: Any, score: Any, largest: Any) -> Any:
    """exp(score − largest) ≤ 1: a whole power of 2, written as the bits of a float, times a polynomial."""

    def all_lanes(value: float) -> Any:
        return ir.Constant(FLOATS, [float(np.float32(value))] * LANES)

    def plus(a: Any, b: Any) -> Any:
        return builder.fadd(a, b, flags=EXACT)

    def times(a: Any, b: Any) -> Any:
        return builder.fmul(a, b, flags=EXACT)

    x, lowest = builder.fsub(score, largest, flags=EXACT), all_lanes(-64 * np.log(2))
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
    near = plus(times(x, all_lanes(1 / np.log(2))), all_lanes(ROUNDER))  # its last bits: x in powers of 2
    y = plus(x, times(plus(near, all_lanes(-ROUNDER)), all_lanes(-np.log(2))))
    p = all_lanes(EXP[0])
    for coefficient in EXP[1:]:
        p = plus(times(p, y), all_lanes(coefficient))
    p = plus(times(p, times(y, y)), plus(y, all_lanes(1.0)))
    bits = builder.shl(builder.bitcast(near, WHOLES), ir.Constant(WHOLES, [23] * LANES))
    power = builder.add(bits, ir.Constant(WHOLES, [127 << 23] * LANES))
    return times(p, builder.bitcast(power, FLOATS))
