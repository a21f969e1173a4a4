"""Two loops of attention written for the vector unit: a small product, and exponentials with their sum.

In the product the running sums of all rows stay in registers and LANES numbers are loaded once for all of
them; the exponentials stay in registers from the score to the sum. Numba's own vectoriser does neither.
This module knows nothing of what the numbers mean.

Try it: python -c "from nitograph.lanes import LANES; print(LANES)"
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]  # it has no type stubs
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
# So many rows of running sums fit into the registers, 32 of 16 numbers, or fewer of 8 or 4; and of heads.
ROWS, HEADS = (8, 6) if binding.get_host_cpu_features().get("avx512f") else (3, 3)
LINE = 16  # numbers in a line of the cache
FLOATS, WHOLES = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.IntType(32), LANES)
LOOSE = ("contract", "reassoc", "nsz", "arcp", "afn")  # NaN and infinity keep their meaning
# e^y = 1 + y + y² p(y) for |y| ≤ ln 2 / 2 (S. L. Moshier, Cephes, expf), highest power first.
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)


def lane_product(rows: int, *, fetch: bool = False) -> Any:
    """out[o + r·o_step + lane] = Σ_t weights[w + r·w_step + t] × source[s + t·s_step + lane], t < count.

    A function for compiled code, for r < rows and LANES lanes: weights, source and out are contiguous
    (any,) float32, the other arguments whole numbers. Bounds are the caller's. fetch: the numbers that lie
    `ahead` of those of the source are brought into the cache meanwhile.
    """

    @intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
    def product(
        _typing: Any,
        weights: Any,
        w: Any,
        w_step: Any,
        source: Any,
        s: Any,
        s_step: Any,
        ahead: Any,
        count: Any,
        out: Any,
        o: Any,
        o_step: Any,
    ) -> Any:
        """As lane_product says."""
        signature = types.void(weights, w, w_step, source, s, s_step, ahead, count, out, o, o_step)
        return signature, _builder(rows, fetch)

    return product


def _builder(rows: int, fetch: bool) -> Any:
    """What writes the code of lane_product."""

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        weights, w, w_step, source, s, s_step, ahead, count, out, o, o_step = args

        def at(number: int, value: Any, place: Any) -> Any:
            data = context.make_array(given.args[number])(context, builder, value).data
            return builder.gep(data, [place])

        def row_start(start: Any, step: Any, row: int) -> Any:
            return builder.add(start, builder.mul(step, ir.Constant(step.type, row)))

        sums = [cgutils.alloca_once_value(builder, ir.Constant(FLOATS, [0.0] * LANES)) for _ in range(rows)]
        with cgutils.for_range(builder, count) as loop:
            place = at(3, source, builder.add(s, builder.mul(loop.index, s_step)))
            numbers = builder.load(builder.bitcast(place, FLOATS.as_pointer()), align=4)
            next_place = builder.gep(place, [ahead])
            for line in range(0, LANES, LINE) if fetch else ():
                _fetch(builder, builder.gep(next_place, [ir.Constant(ahead.type, line)]))
            for row, total in enumerate(sums):
                weight = builder.load(at(0, weights, builder.add(row_start(w, w_step, row), loop.index)))
                product = builder.fmul(_spread(builder, weight), numbers, flags=LOOSE)
                builder.store(builder.fadd(builder.load(total), product, flags=LOOSE), total)
        for row, total in enumerate(sums):
            place = at(8, out, row_start(o, o_step, row))
            builder.store(builder.load(total), builder.bitcast(place, FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return build


def _fetch(builder: Any, place: Any) -> None:
    """Bring what lies there into the cache, without waiting for it; a place outside does no harm."""
    octets, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [octets, whole, whole, whole])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    to_read, keep, data = (ir.Constant(whole, value) for value in (0, 2, 1))
    builder.call(prefetch, [builder.bitcast(place, octets), to_read, keep, data])


@intrinsic  # type: ignore[untyped-decorator]  # Numba has no types
def exp_sum(_typing: Any, scores: Any, s: Any, blocks: Any) -> Any:
    """exp(score − the largest) in place for scores[s : s + blocks · LANES] (any,) float32; the sum.

    What is below the largest by more than 44 counts as 44 below, so that no share is so small that its
    products are slow (subnormal). A score that is not finite makes a sum that is none.
    """

    def build(context: Any, builder: Any, given: Any, args: Any) -> Any:
        data = context.make_array(given.args[0])(context, builder, args[0]).data

        def block(loop: Any) -> Any:
            place = builder.add(args[1], builder.mul(loop.index, ir.Constant(loop.index.type, LANES)))
            return builder.bitcast(builder.gep(data, [place]), FLOATS.as_pointer())

        def larger(one: Any, other: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        lowest = ir.Constant(FLOATS, [float("-inf")] * LANES)
        largest, total = (
            cgutils.alloca_once_value(builder, start)
            for start in (lowest, ir.Constant(FLOATS, [0.0] * LANES))
        )
        with cgutils.for_range(builder, args[2]) as loop:
            builder.store(larger(builder.load(block(loop), align=4), builder.load(largest)), largest)
        top = _spread(builder, _folded(builder, builder.load(largest), larger))
        with cgutils.for_range(builder, args[2]) as loop:
            share = _exp(builder, builder.load(block(loop), align=4), top)
            builder.store(share, block(loop), align=4)
            builder.store(builder.fadd(builder.load(total), share, flags=LOOSE), total)
        return _folded(builder, builder.load(total), lambda a, b: builder.fadd(a, b, flags=LOOSE))

    return types.float32(scores, s, blocks), build


def _folded(builder: Any, lanes: Any, together: Callable[[Any, Any], Any]) -> Any:
    """All lanes brought together, half by half, to one number."""
    width = LANES
    while width > 1:
        width //= 2
        low, high = (
            ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(first, first + width)))
            for first in (0, width)
        )
        lanes = together(*[builder.shuffle_vector(lanes, lanes, half) for half in (low, high)])
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))


def _spread(builder: Any, value: Any) -> Any:
    """LANES times the same number."""
    nothing, first = ir.Constant(FLOATS, ir.Undefined), ir.Constant(ir.IntType(32), 0)
    one = builder.insert_element(nothing, value, first)
    return builder.shuffle_vector(one, nothing, ir.Constant(WHOLES, [0] * LANES))


def _exp(builder: Any, score: Any, largest: Any) -> Any:
    """exp(score − largest) ≤ 1: a whole power of 2, written as the bits of a float, times a polynomial."""

    def all_lanes(value: float) -> Any:
        return ir.Constant(FLOATS, [value] * LANES)

    def plus(a: Any, b: Any) -> Any:
        return builder.fadd(a, b, flags=LOOSE)

    def times(a: Any, b: Any) -> Any:
        return builder.fmul(a, b, flags=LOOSE)

    x = times(builder.fsub(score, largest, flags=LOOSE), all_lanes(float(np.float32(np.log2(np.e)))))
    x = builder.select(builder.fcmp_ordered("<", x, all_lanes(-64.0)), all_lanes(-64.0), x)
    whole = builder.fptosi(plus(x, all_lanes(-0.5)), WHOLES)
    y = times(
        builder.fsub(x, builder.sitofp(whole, FLOATS), flags=LOOSE),
        all_lanes(float(np.float32(np.log(2)))),
    )
    p = all_lanes(float(np.float32(EXP[0])))
    for coefficient in EXP[1:]:
        p = plus(times(p, y), all_lanes(float(np.float32(coefficient))))
    p = plus(times(times(p, y), y), plus(y, all_lanes(1.0)))
    bits = builder.shl(
        builder.add(whole, ir.Constant(WHOLES, [127] * LANES)), ir.Constant(WHOLES, [23] * LANES)
    )
    return times(p, builder.bitcast(bits, FLOATS))
