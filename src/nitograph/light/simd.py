"""Sums along bands of pixels, and what is taken off them, in LLVM vector code.

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

from nitograph.light.bands import FINE, GROUP

SUMS = 4  # independent running sums of a band, to hide the latency of a product
COLUMNS = 4  # that chord_dot takes at once


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


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def chord_dot(
    _typing: Any, cells: Any, table: Any, at: Any, step: Any, row: Any, count: Any, nothing: Any, shift: Any
) -> Any:
    """As band_dot on int16 cells, for many short bands: their columns are taken by fours without a rest.

    table: (any,) int8, rows of GROUP weights. nothing: the first of FINE rows of zeros in it, with which
    the columns behind the last are weighed; they must be in bounds, too: at most COLUMNS. The whole sum
    must fit 32 bits.
    """
    if not isinstance(shift, types.IntegerLiteral):
        return None
    signature = types.int64(cells, table, at, step, row, count, nothing, shift)
    return signature, _chord_dot_builder(shift.literal_value)


def _chord_dot_builder(fine: int) -> Any:
    """The code generator of chord_dot; fine: `shift`."""
    whole, total_type = ir.IntType(64), ir.VectorType(ir.IntType(32), GROUP // 2)

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        own, rows = _cells_and_rows(context, builder, given, args)
        _, _, at, step, row, count, nothing, _ = args
        nothing = builder.sub(nothing, row)
        empty = ir.Constant(total_type, [0] * (GROUP // 2))
        sums = [cgutils.alloca_once_value(builder, empty) for _ in range(2)]
        place = cgutils.alloca_once_value(builder, at)

        def column(total: Any, used: Any = None) -> None:
            now = builder.load(place)
            part = _part_of(builder, now, fine)
            part = part if used is None else builder.select(used, part, nothing)
            found = builder.mul(_shares_at(builder, rows, part), _cells_at(builder, own, now, fine))
            halves = [_part(builder, found, list(range(start, GROUP, 2))) for start in (0, 1)]
            builder.store(builder.add(builder.load(total), builder.add(*halves)), total)
            builder.store(builder.add(now, step), place)

        four = ir.Constant(whole, COLUMNS)
        before = builder.sdiv(builder.add(count, ir.Constant(whole, COLUMNS - 1)), four)
        fours = builder.sub(before, ir.Constant(whole, 1))
        left = builder.sub(count, builder.mul(fours, four))
        with cgutils.for_range(builder, fours):
            for i in range(COLUMNS):
                column(sums[i % 2])
        for i in range(COLUMNS):
            column(sums[i % 2], builder.icmp_signed("<", ir.Constant(whole, i), left))
        return builder.sext(_folded(builder, builder.add(*map(builder.load, sums))), whole)

    return build


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def take_off(
    _typing: Any, cells: Any, table: Any, at: Any, step: Any, row: Any, count: Any, times: Any, lowest: Any,
    shift: Any,
) -> Any:  # fmt: skip
    """Subtract `times` GROUP weights from GROUP int16 cells of each column, down to `lowest` at most.

    The other arguments are those of chord_dot; times and lowest: int64, small enough for 32 bits.
    """
    if not isinstance(shift, types.IntegerLiteral):
        return None
    signature = types.void(cells, table, at, step, row, count, times, lowest, shift)
    fine = shift.literal_value
    small, wide = (ir.VectorType(ir.IntType(bits), GROUP) for bits in (16, 32))

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        own, rows = _cells_and_rows(context, builder, given, args)
        _, _, at, step, _, count, times, lowest, _ = args
        factor, floor = (
            _spread(builder, builder.trunc(value, ir.IntType(32)), wide) for value in (times, lowest)
        )
        place = cgutils.alloca_once_value(builder, at)
        with cgutils.for_range(builder, count):
            now = builder.load(place)
            taken = builder.mul(_shares_at(builder, rows, _part_of(builder, now, fine)), factor)
            left = builder.sub(_cells_at(builder, own, now, fine), taken)
            left = builder.select(builder.icmp_signed(">", left, floor), left, floor)
            builder.store(builder.trunc(left, small), _cells_place(builder, own, now, fine), align=2)
            builder.store(builder.add(now, step), place)
        return context.get_dummy_value()

    return signature, build


def _cells_and_rows(context: Any, builder: Any, given: Any, args: Any) -> tuple[Any, Any]:
    """The cells, and the rows of shares of a band, 64 bits each."""
    own, weights = (context.make_array(given.args[i])(context, builder, args[i]).data for i in (0, 1))
    rows = builder.bitcast(weights, ir.IntType(8 * GROUP).as_pointer())
    return own, builder.gep(rows, [args[4]])


def _part_of(builder: Any, now: Any, fine: int) -> Any:
    """In which FINE-th of a pixel the column of a band begins, whose place is `now`."""
    whole = now.type
    return builder.and_(builder.lshr(now, ir.Constant(whole, fine)), ir.Constant(whole, FINE - 1))


def _shares_at(builder: Any, rows: Any, number: Any) -> Any:
    """Row `number` of int8 weights as whole numbers of 32 bits, which are known to fit 16."""
    tiny, small, wide = (ir.VectorType(ir.IntType(bits), GROUP) for bits in (8, 16, 32))
    found = builder.load(builder.bitcast(builder.gep(rows, [number]), tiny.as_pointer()), align=1)
    return builder.sext(builder.sext(found, small), wide)


def _cells_place(builder: Any, own: Any, now: Any, fine: int) -> Any:
    """Where the GROUP cells of a column begin."""
    first = builder.ashr(now, ir.Constant(now.type, fine + 5))
    return builder.bitcast(builder.gep(own, [first]), ir.VectorType(ir.IntType(16), GROUP).as_pointer())


def _cells_at(builder: Any, own: Any, now: Any, fine: int) -> Any:
    """These cells as whole numbers of 32 bits."""
    found = builder.load(_cells_place(builder, own, now, fine), align=2)
    return builder.sext(found, ir.VectorType(ir.IntType(32), GROUP))


def _spread(builder: Any, value: Any, kind: Any) -> Any:
    """One number in all lanes."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, nothing, lanes)


def _folded(builder: Any, lanes: Any) -> Any:
    """The sum of all lanes."""
    width = lanes.type.count
    while width > 1:
        width //= 2
        low, high = (_part(builder, lanes, list(range(first, first + width))) for first in (0, width))
        lanes = builder.add(low, high)
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))
