"""Two small loops in LLVM vector code: sums over many pictures side by side.

LANES pictures are interleaved, so that one load reads the same pixel of all of them. Numba's own vectoriser
keeps the running sums in memory here; in this form they stay in registers. This module knows nothing of
what the numbers mean.

Try it: python -c "from nitograph.weaving.loops.simd import LANES; print(LANES)"
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def weighted_sum(_typing: Any, source: Any, places: Any, weights: Any, count: Any, out: Any) -> Any:
    """out[lane] = Σ weights[t] × source[places[t] + lane] for t < count and LANES lanes.

    source: (any,) float32. places: (≥ count,) int64. weights: (≥ count,) float32. out: (LANES,) float32.
    All contiguous; the caller checks bounds.
    """
    signature = types.void(source, places, weights, count, out)
    vector = ir.VectorType(ir.FloatType(), LANES)
    lanes = ir.VectorType(ir.IntType(32), LANES)

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        def data(number: int) -> Any:
            return context.make_array(given.args[number])(context, builder, args[number]).data

        total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * LANES))
        nothing = ir.Constant(vector, ir.Undefined)
        with cgutils.for_range(builder, args[3]) as loop:
            place = builder.load(builder.gep(data(1), [loop.index]))
            weight = builder.load(builder.gep(data(2), [loop.index]))
            where = builder.bitcast(builder.gep(data(0), [place]), vector.as_pointer())
            first = builder.insert_element(nothing, weight, ir.Constant(ir.IntType(32), 0))
            spread = builder.shuffle_vector(first, nothing, ir.Constant(lanes, [0] * LANES))
            product = builder.fmul(spread, builder.load(where, align=4), flags=("fast",))
            builder.store(builder.fadd(builder.load(total), product, flags=("fast",)), total)
        builder.store(builder.load(total), builder.bitcast(data(4), vector.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, build


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def paired_sum(_typing: Any, source: Any, places: Any, weights: Any, count: Any, out: Any) -> Any:
    """out[lane] = Σ weights[t, i] × source[places[t], lane, i] over t < count and i < 2, in LANES lanes.

    source: (any, LANES, 2) int16. places: (≥ count,) int64. weights: (≥ count, 2) int16. out: (LANES,)
    int32. All contiguous; the caller checks bounds, those of 32-bit sums too.
    """
    signature = types.void(source, places, weights, count, out)
    small, wide = ir.VectorType(ir.IntType(16), 2 * LANES), ir.VectorType(ir.IntType(32), 2 * LANES)
    vector = ir.VectorType(ir.IntType(32), LANES)

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        def data(number: int, kind: Any) -> Any:
            start = context.make_array(given.args[number])(context, builder, args[number]).data
            return builder.bitcast(start, kind.as_pointer())

        total = cgutils.alloca_once_value(builder, ir.Constant(vector, [0] * LANES))
        own, pairs, nothing = data(0, small), data(2, ir.IntType(32)), ir.Constant(vector, ir.Undefined)
        either = [ir.Constant(vector, list(range(first, 2 * LANES, 2))) for first in (0, 1)]
        with cgutils.for_range(builder, args[3]) as loop:
            place = builder.load(builder.gep(data(1, ir.IntType(64)), [loop.index]))
            pair = builder.load(builder.gep(pairs, [loop.index]), align=2)
            first = builder.insert_element(nothing, pair, ir.Constant(ir.IntType(32), 0))
            spread = builder.shuffle_vector(first, nothing, ir.Constant(vector, [0] * LANES))
            numbers = builder.load(builder.gep(own, [place]), align=2)
            found = builder.mul(
                builder.sext(numbers, wide), builder.sext(builder.bitcast(spread, small), wide)
            )
            halves = [builder.shuffle_vector(found, ir.Constant(wide, ir.Undefined), e) for e in either]
            builder.store(builder.add(builder.load(total), builder.add(*halves)), total)
        builder.store(builder.load(total), data(4, vector), align=4)
        return context.get_dummy_value()

    return signature, build
