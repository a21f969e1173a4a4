"""The moves of local search, compiled: move or drop a nail, add one, reverse a stretch of the walk.

A move lifts the chords it changes off the canvas, scores the new ones exactly and keeps them only if the
error falls and the walk still obeys the rules; otherwise it lays the old ones again. Whole numbers make
lifting exact, so the error never rises. This module does not know where moves are tried.

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
    """By how much laying chord a–b now would lower the error."""
    k = chord_number(a, b, search.limits.num_nails)
    found: float = band_sum(search.bands, k, canvas.cells, len(canvas.left)) + search.extra[k]
    return found


@tiny
def loss(search: Search, canvas: Canvas, a: int, b: int) -> float:
    """By how much lifting chord a–b, which lies on the canvas, would raise the error."""
    k = chord_number(a, b, search.limits.num_nails)
    found: float = gain(search, canvas, a, b) + 2 * (search.pen.strength // FINE) * search.squares[k]
    return found


@inner
def put(search: Search, canvas: Canvas, a: int, b: int, sign: int) -> None:
    """Lay (sign 1) or lift (−1) chord a–b."""
    lay(search.bands, chord_number(a, b, search.limits.num_nails), sign * search.pen.strength, 1.0, canvas)


@inner
def lay_pair(search: Search, canvas: Canvas, a: int, b: int, c: int) -> float:
    """The exact gain of a–b and then b–c; both are laid."""
    found = gain(search, canvas, a, b)
    put(search, canvas, a, b, 1)
    found += gain(search, canvas, b, c)
    put(search, canvas, b, c, 1)
    return found


@inner
def legal(limits: Limits, path: Int32, length: int, first: int, last: int, allowed: Bool) -> bool:
    """Whether every step to the nails path[first:last] obeys the rules."""
    for step in range(max(first, 1), min(last, length)):
        forbid_next(path, step, limits.num_nails, limits.min_nail_gap, limits.recent_edges, allowed)
        if not allowed[path[step]]:
            return False
    return True


@inner
def best_between(search: Search, canvas: Canvas, a: int, c: int, near: int) -> tuple[int, float]:
    """The nail b for which a–b and b–c gain most together (ignoring their overlap); −1 if none.

    a or c may be −1: then only the other chord counts. near: only nails within the window; −1: all nails.
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
    """As move_nail, for the first or the last nail."""
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
    """Move the nail at a place of the path, or drop it, if that lowers the error.

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
            if lay_pair(search, canvas, a, new, c) > old:
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
    """Insert nail `new` after a place of the path if that lowers the error and obeys the rules."""
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
        if lay_pair(search, canvas, a, new, c) > old:
            return True
        put(search, canvas, new, c, -1)
        put(search, canvas, a, new, -1)
        put(search, canvas, a, c, 1)
    for place in range(at + 1, length):
        path[place] = path[place + 1]
    return False


@inner
def reverse(path: Int32, low: int, high: int) -> None:
    """Reverse path[low .. high] in place."""
    while low < high:
        path[low], path[high] = path[high], path[low]
        low += 1
        high -= 1


@inner
def reverse_stretch(
    search: Search, canvas: Canvas, path: Int32, length: int, i: int, j: int, allowed: Bool
) -> int:
    """Reverse path[i+1 .. j] if that lowers the error and obeys the rules; returns 1 if it did."""
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
        reverse(path, i + 1, j)
        if legal(search.limits, path, length, i + 1, j + search.limits.recent_edges + 3, allowed):
            return 1
        reverse(path, i + 1, j)
    put(search, canvas, a, c, -1)
    put(search, canvas, b, d, -1)
    put(search, canvas, a, b, 1)
    put(search, canvas, c, d, 1)
    return 0
