"""A sum along a band of pixels in LLVM vector code.

One load reads GROUP cells of a column, more than a narrow band covers, and a table holds their weights.
Numba's own vectoriser keeps the running sums in memory here; in this form they stay in registers. This
module knows nothing of what the numbers mean.

Try it: python -c "from nitograph.light.simd import SUMS; print(SUMS)"
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nitograph.light.bands import GROUP

SUMS = 4  # independent running sums of a band, to hide the latency of a product


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def band_dot(
    _typing: Any, cells: Any, table: Any, at: Any, step: Any, row: Any, count: Any, shift: Any
) -> Any:
    """Σ over `count` columns of the dot product of GROUP cells and GROUP weights, a whole number.

    cells: (any,) int16 or int32. table: (any,) int16, rows of GROUP weights. at: int64, where the first
    column's band begins, a place in `cells` × 32 × 2^shift; step: what is added from column to column. The
    whole part is the place of the first cell, the 32nds are added to `row`, the table's first row of this
    band. shift: a constant. All contiguous; the caller checks bounds. No lane of the sum may leave 32 bits;
    with int16 it is the sum of two cells.
    """
    if not isinstance(shift, types.IntegerLiteral):
        return None
    signature = types.int64(cells, table, at, step, row, count, shift)
    return signature, _band_dot_builder(cells.dtype == types.int16, shift.literal_value)


def _band_dot_builder(narrow: bool, fine: int) -> Any:
    """The code generator of band_dot; narrow: cells are int16. fine: `shift`."""
    lanes = GROUP // 2 if narrow else GROUP
    whole, total_type = ir.IntType(64), ir.VectorType(ir.IntType(32), lanes)
    small, wide = (ir.VectorType(ir.IntType(bits), GROUP) for bits in (16, 32))

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        octets = ir.IntType(8).as_pointer()
        own, weights = (
            builder.bitcast(context.make_array(given.args[i])(context, builder, args[i]).data, octets)
            for i in (0, 1)
        )
        row_bytes, cell_bytes = 2 * GROUP, 2 if narrow else 4
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
            if narrow:  # adding neighbours: one instruction multiplies and adds them
                found = builder.add(
                    _part(builder, found, list(range(0, GROUP, 2))),
                    _part(builder, found, list(range(1, GROUP, 2))),
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
        while width > 1:  # add halves until one number is left
            width //= 2
            found = builder.add(
                _part(builder, found, list(range(width))),
                _part(builder, found, list(range(width, 2 * width))),
            )
        return builder.extract_element(found, ir.Constant(ir.IntType(32), 0))

    return build


def _part(builder: Any, vector: Any, places: list[int]) -> Any:
    """These lanes of a vector."""
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), chosen)
