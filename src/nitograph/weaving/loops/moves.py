"""The moves of local search, compiled: move or drop a nail, add one, turn a stretch of the walk around.

A move lifts the chords it changes off the canvas, weighs the new ones exactly and keeps them only where
the error falls and the walk still keeps the rules; otherwise the old ones are laid again. Whole numbers
make lifting exact, so the error never rises. This module does not know where moves are tried.

Try it: nitograph weave mnist:test:17 --quality best -o thread.json
"""

import numpy as np

from nitograph.compute.jit import inner, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE
from nitograph.light.cells import Canvas, band_sum, chord_number, lay
from nitograph.weaving.loops.operands import Bool, Int32, Limits, Search


@tiny
def apart(a: int, b: int, count: int) -> int:
    """Circular distance of two nails."""
    gap = abs(a - b)
    return min(gap, count - gap)


@tiny
def gain(search: Search, canvas: Canvas, a: int, b: int) -> float:
    """What laying chord a–b would take off the error now."""
    k = chord_number(a, b, search.limits.num_nails)
    found: float = band_sum(search.bands, k, canvas.cells, len(canvas.left)) + search.extra[k]
    return found


@tiny
def loss(search: Search, canvas: Canvas, a: int, b: int) -> float:
    """What lifting chord a–b, which lies on the canvas, would add to the error."""
    k = chord_number(a, b, search.limits.num_nails)
    found: float = gain(search, canvas, a, b) + 2 * (search.pen.dose // FINE) * search.squares[k]
    return found


@inner
def put(search: Search, canvas: Canvas, a: int, b: int, sign: int) -> None:
    """Lay (sign 1) or lift (−1) chord a–b."""
    lay(search.bands, chord_number(a, b, search.limits.num_nails), sign * search.pen.dose, 1.0, canvas)


@inner
def pair(search: Search, canvas: Canvas, a: int, b: int, c: int) -> float:
    """The exact gain of a–b and then b–c; both lie on the canvas after."""
    found = gain(search, canvas, a, b)
    put(search, canvas, a, b, 1)
    found += gain(search, canvas, b, c)
    put(search, canvas, b, c, 1)
    return found


@inner
def legal(limits: Limits, path: Int32, length: int, first: int, last: int, allowed: Bool) -> bool:
    """Whether every step to the nails path[first:last] keeps the rules."""
    for step in range(max(first, 1), min(last, length)):
        forbid_next(path, step, limits.num_nails, limits.min_nail_gap, limits.recent_edges, allowed)
        if not allowed[path[step]]:
            return False
    return True


@inner
def best_between(search: Search, canvas: Canvas, a: int, c: int, near: int) -> tuple[int, float]:
    """The nail b for which a–b and b–c gain most together (their overlap left aside); −1 if none.

    a or c may be −1: then only the other chord counts.
    """
    best, chosen = -np.inf, -1
    count, gap = search.limits.num_nails, search.limits.min_nail_gap
    window = min(search.window, search.limits.num_nails // 2) if near >= 0 else search.limits.num_nails // 2
    for offset in range(-window, window + 1):
        b = (max(near, 0) + offset) % count
        if (a >= 0 and apart(a, b, count) < gap) or (c >= 0 and apart(b, c, count) < gap):
            continue
        found = 0.0
        if a >= 0:
            found += gain(search, canvas, a, b)
        if c >= 0:
            found += gain(search, canvas, b, c)
        if found > best:
            best, chosen = found, b
    return chosen, best


@inner
def move_end(
    search: Search, canvas: Canvas, path: Int32, length: int, at: int, allowed: Bool
) -> tuple[int, int]:
    """As move_nail, for the first and the last nail."""
    end, near = path[at], path[1 if at == 0 else length - 2]
    put(search, canvas, near, end, -1)
    old = gain(search, canvas, near, end)
    if old < 0 and length - 1 > search.limits.min_lines:
        if at == 0:
            for place in range(length - 1):
                path[place] = path[place + 1]
        return length - 1, 1
    new, found = best_between(search, canvas, near, -1, -1)
    if new >= 0 and found > old:
        path[at] = new
        if legal(search.limits, path, length, at, at + search.limits.recent_edges + 3, allowed):
            put(search, canvas, near, new, 1)
            return length, 1
        path[at] = end
    put(search, canvas, near, end, 1)
    return length, 0


@inner
def move_nail(
    search: Search, canvas: Canvas, path: Int32, length: int, at: int, allowed: Bool
) -> tuple[int, int]:
    """Move the nail at a place of the path, or drop it, where that lowers the error.

    Returns how many nails there are, and 1 if any changed.
    """
    if at == 0 or at == length - 1:
        return move_end(search, canvas, path, length, at, allowed)
    count, recent = search.limits.num_nails, search.limits.recent_edges
    a, b, c = path[at - 1], path[at], path[at + 1]
    put(search, canvas, b, c, -1)
    second = gain(search, canvas, b, c)
    put(search, canvas, a, b, -1)
    old = gain(search, canvas, a, b) + second
    may_drop = apart(a, c, count) >= search.limits.min_nail_gap and length - 1 > search.limits.min_lines
    if may_drop and gain(search, canvas, a, c) > old:
        for place in range(at, length - 1):
            path[place] = path[place + 1]
        if legal(search.limits, path, length - 1, at, at + recent + 2, allowed):
            put(search, canvas, a, c, 1)
            return length - 1, 1
        for place in range(length - 1, at, -1):
            path[place] = path[place - 1]
        path[at] = b
    new, _ = best_between(search, canvas, a, c, b)
    if new >= 0 and new != b:
        path[at] = new
        if legal(search.limits, path, length, at, at + recent + 3, allowed):
            if pair(search, canvas, a, new, c) > old:
                return length, 1
            put(search, canvas, new, c, -1)
            put(search, canvas, a, new, -1)
        path[at] = b
    put(search, canvas, a, b, 1)
    put(search, canvas, b, c, 1)
    return length, 0


@inner
def add_nail(
    search: Search, canvas: Canvas, path: Int32, length: int, at: int, new: int, allowed: Bool
) -> bool:
    """Put nail `new` after a place of the path if that lowers the error and keeps the rules."""
    a, c = path[at], path[at + 1] if at + 1 < length else -1
    for place in range(length, at + 1, -1):
        path[place] = path[place - 1]
    path[at + 1] = new
    if legal(search.limits, path, length + 1, at + 1, at + search.limits.recent_edges + 4, allowed):
        if c < 0:
            put(search, canvas, a, new, 1)
            return True
        put(search, canvas, a, c, -1)
        old = gain(search, canvas, a, c)
        if pair(search, canvas, a, new, c) > old:
            return True
        put(search, canvas, new, c, -1)
        put(search, canvas, a, new, -1)
        put(search, canvas, a, c, 1)
    for place in range(at + 1, length):
        path[place] = path[place + 1]
    return False


@inner
def swap(path: Int32, low: int, high: int) -> None:
    """Turn path[low .. high] around."""
    while low < high:
        path[low], path[high] = path[high], path[low]
        low += 1
        high -= 1


@inner
def turn(search: Search, canvas: Canvas, path: Int32, length: int, i: int, j: int, allowed: Bool) -> int:
    """Turn path[i+1 .. j] around if that lowers the error and keeps the rules; 1 if it did."""
    a, b, c, d = path[i], path[i + 1], path[j], path[j + 1]
    put(search, canvas, c, d, -1)
    old = gain(search, canvas, c, d)
    put(search, canvas, a, b, -1)
    old += gain(search, canvas, a, b)
    new = gain(search, canvas, a, c)
    put(search, canvas, a, c, 1)
    new += gain(search, canvas, b, d)
    put(search, canvas, b, d, 1)
    if new > old:
        swap(path, i + 1, j)
        if legal(search.limits, path, length, i + 1, j + search.limits.recent_edges + 3, allowed):
            return 1
        swap(path, i + 1, j)
    put(search, canvas, a, c, -1)
    put(search, canvas, b, d, -1)
    put(search, canvas, a, b, 1)
    put(search, canvas, c, d, 1)
    return 0
