"""Two small loops written for the vector unit: sums over many pictures side by side, sums along a band.

LANES pictures lie interleaved, so that one load brings the same pixel of all of them. Along a band one
load brings BESIDE cells of a column, more than a narrow band covers, and a table brings their weights.
Numba's own vectoriser keeps the running sums in memory here; written out they stay in registers.
This module knows nothing of what the numbers mean.

Try it: python -c "from nitograph.simd import LANES; print(LANES)"
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
BESIDE = 8


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def weighted_sum(_typing: Any, source: Any, places: Any, weights: Any, count: Any, out: Any) -> Any:
    """out[lane] = Σ weights[t] × source[places[t] + lane] for t < count and LANES lanes.

    source: (any,) float32. places: (≥ count,) int64. weights: (≥ count,) float32. out: (LANES,) float32.
    All contiguous; bounds are the caller's.
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
def band_dot(
    _typing: Any, cells: Any, table: Any, at: Any, step: Any, row: Any, count: Any, shift: Any
) -> Any:
    """Σ over `count` columns of BESIDE cells · BESIDE weights, a whole number.

    cells: (any,) int32. table: (any,) int16, rows of BESIDE weights. at: int64, where the first column's
    band begins, a place in `cells` × 32 × 2^shift; step: what is added from column to column. The whole
    part is the place of the first cell, the 32nds are added to `row`, the table's first row of this band.
    All contiguous; bounds are the caller's.
    """
    signature = types.int64(cells, table, at, step, row, count, shift)
    whole, thin, wide = (
        ir.IntType(64),
        ir.VectorType(ir.IntType(16), BESIDE),
        ir.VectorType(ir.IntType(32), BESIDE),
    )

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        data = [context.make_array(given.args[i])(context, builder, args[i]).data for i in (0, 1)]
        total = cgutils.alloca_once_value(builder, ir.Constant(wide, [0] * BESIDE))
        place = cgutils.alloca_once_value(builder, args[2])
        fives = builder.add(args[6], ir.Constant(whole, 5))
        with cgutils.for_range(builder, args[5]):
            now = builder.load(place)
            fine = builder.and_(builder.ashr(now, args[6]), ir.Constant(whole, 31))
            weights = builder.gep(data[1], [builder.shl(builder.add(args[4], fine), ir.Constant(whole, 3))])
            beside = builder.gep(data[0], [builder.ashr(now, fives)])
            found = builder.mul(
                builder.load(builder.bitcast(beside, wide.as_pointer()), align=4),
                builder.sext(builder.load(builder.bitcast(weights, thin.as_pointer()), align=2), wide),
            )
            builder.store(builder.add(builder.load(total), found), total)
            builder.store(builder.add(now, args[3]), place)
        lanes, found = builder.load(total), ir.Constant(whole, 0)
        for lane in range(BESIDE):
            one = builder.extract_element(lanes, ir.Constant(ir.IntType(32), lane))
            found = builder.add(found, builder.sext(one, whole))
        return found

    return signature, build
