"""A sum along a band of pixels, written for the vector unit.

One load brings BESIDE cells of a column, more than a narrow band covers, and a table brings their weights.
Numba's own vectoriser keeps the running sums in memory here; written out they stay in registers. This
module knows nothing of what the numbers mean.

Try it: python -c "from nitograph.light.simd import SUMS; print(SUMS)"
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nitograph.light.bands import BESIDE

SUMS = 4  # running sums of a band side by side, as a product takes longer than its turn


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def band_dot(
    _typing: Any, cells: Any, table: Any, at: Any, step: Any, row: Any, count: Any, shift: Any
) -> Any:
    """Σ over `count` columns of BESIDE cells · BESIDE weights, a whole number.

    cells: (any,) int16 or int32. table: (any,) int16, rows of BESIDE weights. at: int64, where the first
    column's band begins, a place in `cells` × 32 × 2^shift; step: what is added from column to column. The
    whole part is the place of the first cell, the 32nds are added to `row`, the table's first row of this
    band. shift: a constant. All contiguous; bounds are the caller's. No lane of the sum may leave 32 bits;
    with int16 it is the sum of two cells.
    """
    if not isinstance(shift, types.IntegerLiteral):
        return None
    signature = types.int64(cells, table, at, step, row, count, shift)
    narrow = cells.dtype == types.int16
    lanes = BESIDE // 2 if narrow else BESIDE
    whole, small, wide = (
        ir.IntType(64),
        ir.VectorType(ir.IntType(16), BESIDE),
        ir.VectorType(ir.IntType(32), BESIDE),
    )
    total_type, fine = ir.VectorType(ir.IntType(32), lanes), shift.literal_value

    def part(builder: Any, vector: Any, places: list[int]) -> Any:
        chosen = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), chosen)

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        octets = ir.IntType(8).as_pointer()
        own, weights = (
            builder.bitcast(context.make_array(given.args[i])(context, builder, args[i]).data, octets)
            for i in (0, 1)
        )
        row_bytes, cell_bytes = 2 * BESIDE, 2 if narrow else 4
        weights = builder.gep(weights, [builder.mul(args[4], ir.Constant(whole, row_bytes))])
        sums = [
            cgutils.alloca_once_value(builder, ir.Constant(total_type, [0] * lanes)) for _ in range(SUMS)
        ]
        place = cgutils.alloca_once_value(builder, args[2])

        def column(total: Any) -> None:
            now = builder.load(place)
            by = fine + 1 - row_bytes.bit_length()
            row = builder.and_(
                builder.ashr(now, ir.Constant(whole, by)), ir.Constant(whole, 31 * row_bytes)
            )
            share = builder.load(builder.bitcast(builder.gep(weights, [row]), small.as_pointer()), align=2)
            first = builder.mul(
                builder.ashr(now, ir.Constant(whole, fine + 5)), ir.Constant(whole, cell_bytes)
            )
            kind = small if narrow else wide
            beside = builder.load(builder.bitcast(builder.gep(own, [first]), kind.as_pointer()), align=2)
            beside = builder.sext(beside, wide) if narrow else beside
            found = builder.mul(beside, builder.sext(share, wide))
            if narrow:  # two neighbours are added, as one instruction does that
                found = builder.add(
                    part(builder, found, list(range(0, BESIDE, 2))),
                    part(builder, found, list(range(1, BESIDE, 2))),
                )
            builder.store(builder.add(builder.load(total), found), total)
            builder.store(builder.add(now, args[3]), place)

        with cgutils.for_range(builder, builder.udiv(args[5], ir.Constant(whole, SUMS))):
            for total in sums:
                column(total)
        with cgutils.for_range(builder, builder.urem(args[5], ir.Constant(whole, SUMS))):
            column(sums[0])
        found = builder.sext(builder.load(sums[0]), ir.VectorType(whole, lanes))
        for total in sums[1:]:
            found = builder.add(found, builder.sext(builder.load(total), ir.VectorType(whole, lanes)))
        width = lanes
        while width > 1:  # halves are added until one is left
            width //= 2
            found = builder.add(
                part(builder, found, list(range(width))),
                part(builder, found, list(range(width, 2 * width))),
            )
        return builder.extract_element(found, ir.Constant(ir.IntType(32), 0))

    return signature, build
