# mypy: disable-error-code="no-untyped-def"
# The functions under @jit are typed by Numba when they are compiled.
"""The moves of local search, compiled: move or drop a nail, add one, turn a stretch of the walk around.

A move lifts the chords it changes off the canvas, weighs the new ones exactly and keeps them only where
the error falls and the walk still keeps the rules; otherwise the old ones are laid again. Whole numbers
make lifting exact, so the error never rises. `loom` is (bands, nails, dose, extra, squares, window) as in
search.refine. This module does not know where moves are tried.

Try it: nitograph weave mnist:test:17 --quality best -o thread.json
"""

import numpy as np

from nitograph.compute.jit import inner, tiny
from nitograph.compute.rules import forbid_next
from nitograph.light.bands import FINE
from nitograph.weaving.loops.cells import band_sum, lay
from nitograph.weaving.loops.greedy import chord_number


@tiny
def apart(a, b, count):
    """Circular distance of two nails."""
    gap = abs(a - b)
    return min(gap, count - gap)


@tiny
def gain(loom, canvas, a, b):
    """What laying chord a–b would take off the error now."""
    k = chord_number(a, b, loom[1])
    return band_sum(loom[0], k, canvas[1], len(canvas[0])) + loom[3][k]


@tiny
def loss(loom, canvas, a, b):
    """What lifting chord a–b, which lies on the canvas, would add to the error."""
    k = chord_number(a, b, loom[1])
    return gain(loom, canvas, a, b) + 2 * (loom[2] // FINE) * loom[4][k]


@inner
def put(loom, canvas, a, b, sign):
    """Lay (sign 1) or lift (−1) chord a–b."""
    lay(loom[0], chord_number(a, b, loom[1]), sign * loom[2], 1.0, canvas)


@inner
def pair(loom, canvas, a, b, c):
    """The exact gain of a–b and then b–c; both lie on the canvas after."""
    found = gain(loom, canvas, a, b)
    put(loom, canvas, a, b, 1)
    found += gain(loom, canvas, b, c)
    put(loom, canvas, b, c, 1)
    return found


@inner
def legal(path, length, first, last, count, rules, allowed):
    """Whether every step to the nails path[first:last] keeps the rules."""
    for step in range(max(first, 1), min(last, length)):
        forbid_next(path, step, count, rules[0], rules[1], allowed)
        if not allowed[path[step]]:
            return False
    return True


@inner
def best_between(loom, canvas, a, c, near, gap):
    """The nail b for which a–b and b–c gain most together (their overlap left aside); −1 if none.

    a or c may be −1: then only the other chord counts.
    """
    best, chosen = -np.inf, -1
    window = min(loom[5], loom[1] // 2) if near >= 0 else loom[1] // 2
    for offset in range(-window, window + 1):
        b = (max(near, 0) + offset) % loom[1]
        if (a >= 0 and apart(a, b, loom[1]) < gap) or (c >= 0 and apart(b, c, loom[1]) < gap):
            continue
        found = 0.0
        if a >= 0:
            found += gain(loom, canvas, a, b)
        if c >= 0:
            found += gain(loom, canvas, b, c)
        if found > best:
            best, chosen = found, b
    return chosen, best


@inner
def move_end(loom, rules, limits, canvas, path, length, at, allowed):
    """The same for the first and the last nail."""
    count = loom[1]
    end, near = path[at], path[1 if at == 0 else length - 2]
    put(loom, canvas, near, end, -1)
    old = gain(loom, canvas, near, end)
    if old < 0 and length - 1 > limits[0]:
        if at == 0:
            for place in range(length - 1):
                path[place] = path[place + 1]
        return length - 1, 1
    new, found = best_between(loom, canvas, near, -1, -1, rules[0])
    if new >= 0 and found > old:
        path[at] = new
        if legal(path, length, at, at + rules[1] + 3, count, rules, allowed):
            put(loom, canvas, near, new, 1)
            return length, 1
        path[at] = end
    put(loom, canvas, near, end, 1)
    return length, 0


@inner
def move_nail(loom, rules, limits, canvas, path, length, at, allowed):
    """Move the nail at a place of the path, or drop it, where that lowers the error."""
    if at == 0 or at == length - 1:
        return move_end(loom, rules, limits, canvas, path, length, at, allowed)
    count, recent = loom[1], rules[1]
    a, b, c = path[at - 1], path[at], path[at + 1]
    put(loom, canvas, b, c, -1)
    second = gain(loom, canvas, b, c)
    put(loom, canvas, a, b, -1)
    old = gain(loom, canvas, a, b) + second
    if apart(a, c, count) >= rules[0] and length - 1 > limits[0] and gain(loom, canvas, a, c) > old:
        for place in range(at, length - 1):
            path[place] = path[place + 1]
        if legal(path, length - 1, at, at + recent + 2, count, rules, allowed):
            put(loom, canvas, a, c, 1)
            return length - 1, 1
        for place in range(length - 1, at, -1):
            path[place] = path[place - 1]
        path[at] = b
    new, _ = best_between(loom, canvas, a, c, b, rules[0])
    if new >= 0 and new != b:
        path[at] = new
        if legal(path, length, at, at + recent + 3, count, rules, allowed):
            if pair(loom, canvas, a, new, c) > old:
                return length, 1
            put(loom, canvas, new, c, -1)
            put(loom, canvas, a, new, -1)
        path[at] = b
    put(loom, canvas, a, b, 1)
    put(loom, canvas, b, c, 1)
    return length, 0


@inner
def add_nail(loom, rules, canvas, path, length, at, new, allowed):
    """Put nail `new` after a place of the path if that lowers the error and keeps the rules."""
    a, c = path[at], path[at + 1] if at + 1 < length else -1
    for place in range(length, at + 1, -1):
        path[place] = path[place - 1]
    path[at + 1] = new
    if legal(path, length + 1, at + 1, at + rules[1] + 4, loom[1], rules, allowed):
        if c < 0:
            put(loom, canvas, a, new, 1)
            return True
        put(loom, canvas, a, c, -1)
        old = gain(loom, canvas, a, c)
        if pair(loom, canvas, a, new, c) > old:
            return True
        put(loom, canvas, new, c, -1)
        put(loom, canvas, a, new, -1)
        put(loom, canvas, a, c, 1)
    for place in range(at + 1, length):
        path[place] = path[place + 1]
    return False


@inner
def swap(path, low, high):
    """Turn path[low .. high] around."""
    while low < high:
        path[low], path[high] = path[high], path[low]
        low += 1
        high -= 1


@inner
def turn(loom, rules, canvas, path, length, i, j, allowed):
    """Turn path[i+1 .. j] around if that lowers the error and keeps the rules; 1 if it did."""
    a, b, c, d = path[i], path[i + 1], path[j], path[j + 1]
    put(loom, canvas, c, d, -1)
    old = gain(loom, canvas, c, d)
    put(loom, canvas, a, b, -1)
    old += gain(loom, canvas, a, b)
    new = gain(loom, canvas, a, c)
    put(loom, canvas, a, c, 1)
    new += gain(loom, canvas, b, d)
    put(loom, canvas, b, d, 1)
    if new > old:
        swap(path, i + 1, j)
        if legal(path, length, i + 1, j + rules[1] + 3, loom[1], rules, allowed):
            return 1
        swap(path, i + 1, j)
    put(loom, canvas, a, c, -1)
    put(loom, canvas, b, d, -1)
    put(loom, canvas, a, b, 1)
    put(loom, canvas, c, d, 1)
    return 0
