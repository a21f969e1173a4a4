# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# The functions under @jit are typed by Numba when they are compiled.
"""Local search over a finished thread, compiled: move, drop or add a nail, turn a stretch around.

A move lifts the chords it changes off the canvas, weighs the new ones exactly and keeps them only where
the error falls and the walk still keeps the rules; otherwise the old ones are laid again. Whole numbers
make lifting exact, so the error never rises. This module knows nothing of settings or files.

Try it: nitograph weave mnist:test:17 --quality best -o thread.json
"""

import numpy as np

from nitograph.greedy import chord_number, explained, forbid_next, scale_up
from nitograph.kernels import FINE, band_sum, fill_cells, inner, jit, lay, new_canvas, tiny


@inner
def refine(bands, count, rules, limits, dose, extra, squares, canvas, path, length, sweeps, window):
    """Improve path[:length] in place, whose chords lie on the canvas; returns nails and sweeps made.

    extra (m,) float64: what is added to a chord's sum of gains. squares (m,) int64: Σ share². The error
    falls by gain × dose / FINE for each move taken, in the canvas's whole numbers. After the first sweep
    only nails are looked at that moved, or whose neighbours did, since they were looked at last.
    """
    fill_cells(canvas, dose, 1.0)
    loom = (bands, count, dose, extra, squares, window)
    allowed = np.empty(count, np.bool_)
    fresh = np.ones(len(path) + 2, np.bool_)
    every = True
    for sweep in range(sweeps):
        at, changed = 0, False
        while at < length:
            if fresh[at]:
                fresh[at] = False
                before = length
                length, moved = move_nail(loom, rules, limits, canvas, path, length, at, allowed)
                if moved:
                    if length < before:
                        shift(fresh, at, -1)
                    waken(fresh, at, length)
                    changed = True
            at += 1
        awake = np.ones(len(fresh), np.bool_) if every else fresh.copy()
        before = length
        length = add_nails(loom, rules, limits, canvas, path, length, allowed, awake, fresh)
        if length > before:
            changed = True
        if turn_stretches(loom, rules, canvas, path, length, allowed, fresh, every):
            changed = True
        if not changed and every:
            return length, sweep + 1
        every = not changed
        if every:
            fresh[:] = True
    return length, sweeps


@inner
def shift(marks, at, by):
    """Move the marks from a place on by one place, as the nails of the path move."""
    if by < 0:
        for place in range(at, len(marks) - 1):
            marks[place] = marks[place + 1]
    else:
        for place in range(len(marks) - 1, at, -1):
            marks[place] = marks[place - 1]


@inner
def waken(fresh, at, length):
    """Mark a nail and its neighbours."""
    for place in range(max(at - 1, 0), min(at + 2, length)):
        fresh[place] = True


@tiny
def gain(loom, canvas, a, b):
    """What laying chord a–b would take off the error now."""
    k = chord_number(a, b, loom[1])
    return band_sum(loom[0], k, canvas[1], len(canvas[0])) + loom[3][k]


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


@tiny
def apart(a, b, count):
    """Circular distance of two nails."""
    gap = abs(a - b)
    return min(gap, count - gap)


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
def add_nails(loom, rules, limits, canvas, path, length, allowed, awake, fresh):
    """Put nails between others, or after the last, where that lowers the error; returns nails then.

    Only behind nails that are awake, or whose next is; both marks are kept in step with the path.
    """
    count, at, filled = loom[1], 0, -1
    here, there = np.zeros(count), np.zeros(count)
    while at < length and length <= limits[1]:
        if not (awake[at] or (at + 1 < length and awake[at + 1])):
            at += 1
            continue
        if filled != at:
            fill_row(loom, rules[0], canvas, path[at], here)
        worth = 0.0
        if at + 1 < length:
            fill_row(loom, rules[0], canvas, path[at + 1], there)
            worth = loss(loom, canvas, path[at], path[at + 1])
        else:
            there[:] = 0.0
        best, new = worth, -1
        for nail in range(count):
            if here[nail] + there[nail] > best:
                best, new = here[nail] + there[nail], nail
        if new >= 0 and add_nail(loom, rules, canvas, path, length, at, new, allowed):
            length += 1
            shift(awake, at + 1, 1)
            shift(fresh, at + 1, 1)
            waken(fresh, at + 1, length)
        else:
            here, there = there, here
            filled = at + 1
        at += 1
    return length


@inner
def fill_row(loom, gap, canvas, a, row):
    """The gain of each chord from nail a, −inf where it is too short, into row (n,)."""
    for b in range(len(row)):
        row[b] = gain(loom, canvas, a, b) if apart(a, b, len(row)) >= gap else -np.inf


@tiny
def loss(loom, canvas, a, b):
    """What lifting chord a–b, which lies on the canvas, would add to the error."""
    k = chord_number(a, b, loom[1])
    return gain(loom, canvas, a, b) + 2 * (loom[2] // FINE) * loom[4][k]


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
def turn_stretches(loom, rules, canvas, path, length, allowed, fresh, every):
    """Turn stretches of the walk around: only the chords at their two ends change; whether any was.

    Only where one of those chords has an end that is fresh, or `every` one.
    """
    count, taken = loom[1], False
    worth, awake = np.empty(length - 1), np.empty(length - 1, np.bool_)
    for i in range(length - 1):
        worth[i] = loss(loom, canvas, path[i], path[i + 1])
        awake[i] = every or fresh[i] or fresh[i + 1]
    for i in range(length - 3):
        a, b = path[i], path[i + 1]
        best, chosen = 0.0, -1
        for j in range(i + 2, length - 1):
            c, d = path[j], path[j + 1]
            if not (awake[i] or awake[j]) or apart(a, c, count) < rules[0] or apart(b, d, count) < rules[0]:
                continue
            found = gain(loom, canvas, a, c) - worth[i] - worth[j]
            found += gain(loom, canvas, b, d)
            if found > best:
                best, chosen = found, j
        if chosen >= 0 and turn(loom, rules, canvas, path, length, i, chosen, allowed):
            taken = True
            waken(fresh, i, length)
            waken(fresh, chosen, length)
    return taken


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


@inner
def swap(path, low, high):
    """Turn path[low .. high] around."""
    while low < high:
        path[low], path[high] = path[high], path[low]
        low += 1
        high -= 1


@jit
def refine_many(
    bands, count, rules, limits, dose, unit, extra, squares, disc, wanted, nails, lengths, shares, search
):
    """Improve each row of nails, woven for wanted (n, c, c); search: (most sweeps, window in nails)."""
    canvas = new_canvas(wanted.shape[1])
    for i in range(len(wanted)):
        scale_up(wanted[i], unit, canvas[0])
        fill_cells(canvas, dose, 1.0)
        for at in range(lengths[i] - 1):
            lay(bands, chord_number(nails[i, at], nails[i, at + 1], count), dose, 1.0, canvas)
        path, length = nails[i], lengths[i]
        lengths[i], _ = refine(
            bands, count, rules, limits, dose, extra, squares, canvas, path, length, search[0], search[1]
        )
        for at in range(lengths[i], nails.shape[1]):
            nails[i, at] = -1
        shares[i] = explained(wanted[i], canvas[0], unit, disc)
