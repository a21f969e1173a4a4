"""Local search over a finished thread, compiled: sweeps of moves along the walk until none helps.

A move is tried again only where something has changed since it was last tried; a last sweep tries all. This
module knows nothing of settings or files.

Try it: nitograph weave mnist:test:17 --quality best -o thread.json
"""

import numpy as np

from nitograph.compute.jit import inner, jit
from nitograph.light.cells import Canvas, chord_number, fill_cells, lay, new_canvas
from nitograph.weaving.loops.greedy import explained, scale_up
from nitograph.weaving.loops.moves import add_nail, apart, gain, loss, move_nail, reverse_stretch
from nitograph.weaving.loops.operands import Bool, Float64, Int32, Rows, Search


@inner
def shift(marks: Bool, at: int, by: int) -> None:
    """Shift the marks from a place on by one, as the nails of the path shift."""
    if by < 0:
        for place in range(at, len(marks) - 1):
            marks[place] = marks[place + 1]
    else:
        for place in range(len(marks) - 1, at, -1):
            marks[place] = marks[place - 1]


@inner
def mark_fresh(fresh: Bool, at: int, length: int) -> None:
    """Mark a nail and its neighbours as changed."""
    for place in range(max(at - 1, 0), min(at + 2, length)):
        fresh[place] = True


@inner
def fill_row(search: Search, canvas: Canvas, a: int, row: Float64) -> None:
    """The gain of each chord from nail a, −inf where it is too short, into row (n,)."""
    gap = search.limits.min_nail_gap
    for b in range(len(row)):
        row[b] = gain(search, canvas, a, b) if apart(a, b, len(row)) >= gap else -np.inf


@inner
def add_nails(
    search: Search, canvas: Canvas, path: Int32, length: int, allowed: Bool, awake: Bool, fresh: Bool
) -> int:
    """Insert nails where that lowers the error; returns how many nails there are then.

    Only after nails that are awake or whose next nail is; both kinds of marks are shifted with the path.
    """
    count, at, filled = search.limits.num_nails, 0, -1
    here, there = np.zeros(count), np.zeros(count)
    while at < length and length <= search.limits.max_lines:
        if not (awake[at] or (at + 1 < length and awake[at + 1])):
            at += 1
            continue
        if filled != at:
            fill_row(search, canvas, path[at], here)
        now = 0.0
        if at + 1 < length:
            fill_row(search, canvas, path[at + 1], there)
            now = loss(search, canvas, path[at], path[at + 1])
        else:
            there[:] = 0.0
        best, new = now, -1
        for nail in range(count):
            if here[nail] + there[nail] > best:
                best, new = here[nail] + there[nail], nail
        if new >= 0 and add_nail(search, canvas, path, length, at, new, allowed):
            length += 1
            shift(awake, at + 1, 1)
            shift(fresh, at + 1, 1)
            mark_fresh(fresh, at + 1, length)
        else:
            here, there = there, here
            filled = at + 1
        at += 1
    return length


@inner
def reverse_stretches(
    search: Search, canvas: Canvas, path: Int32, length: int, allowed: Bool, fresh: Bool, every: bool
) -> bool:
    """Reverse stretches of the walk, which changes only the chords at their two ends; returns if any was.

    Only where an end of those chords is fresh, or everywhere with `every`.
    """
    count, gap, taken = search.limits.num_nails, search.limits.min_nail_gap, False
    losses, awake = np.empty(length - 1), np.empty(length - 1, np.bool_)
    for i in range(length - 1):
        losses[i] = loss(search, canvas, path[i], path[i + 1])
        awake[i] = every or fresh[i] or fresh[i + 1]
    for i in range(length - 3):
        a, b = path[i], path[i + 1]
        best, chosen = 0.0, -1
        for j in range(i + 2, length - 1):
            c, d = path[j], path[j + 1]
            if not (awake[i] or awake[j]) or apart(a, c, count) < gap or apart(b, d, count) < gap:
                continue
            found = gain(search, canvas, a, c) - losses[i] - losses[j]
            found += gain(search, canvas, b, d)
            if found > best:
                best, chosen = found, j
        if chosen >= 0 and reverse_stretch(search, canvas, path, length, i, chosen, allowed):
            taken = True
            mark_fresh(fresh, i, length)
            mark_fresh(fresh, chosen, length)
    return taken


@inner
def refine(search: Search, canvas: Canvas, path: Int32, length: int) -> tuple[int, int]:
    """Improve path[:length] in place, whose chords lie on the canvas; returns nails and sweeps.

    The error falls by gain × strength / FINE for each move taken, in the canvas's whole numbers. After the
    first sweep a nail is tried only if it or a neighbour has moved since it was last tried.
    """
    fill_cells(canvas, search.pen.strength, 1.0)
    allowed = np.empty(search.limits.num_nails, np.bool_)
    fresh = np.ones(len(path) + 2, np.bool_)
    every = True
    for sweep in range(search.sweeps):
        at, changed = 0, False
        while at < length:
            if fresh[at]:
                fresh[at] = False
                before = length
                length, moved = move_nail(search, canvas, path, length, at, allowed)
                if moved:
                    if length < before:
                        shift(fresh, at, -1)
                    mark_fresh(fresh, at, length)
                    changed = True
            at += 1
        awake = np.ones(len(fresh), np.bool_) if every else fresh.copy()
        before = length
        length = add_nails(search, canvas, path, length, allowed, awake, fresh)
        if length > before:
            changed = True
        if reverse_stretches(search, canvas, path, length, allowed, fresh, every):
            changed = True
        if not changed and every:
            return length, sweep + 1
        every = not changed
        if every:
            fresh[:] = True
    return length, search.sweeps


@jit
def refine_many(search: Search, rows: Rows) -> None:
    """Improve each row of nails, woven for the picture of that row."""
    wanted, nails, lengths, shown = rows
    canvas, strength, white = new_canvas(wanted.shape[1]), search.pen.strength, search.pen.white
    for i in range(len(wanted)):
        scale_up(wanted[i], white, canvas.left)
        fill_cells(canvas, strength, 1.0)
        for at in range(lengths[i] - 1):
            k = chord_number(nails[i, at], nails[i, at + 1], search.limits.num_nails)
            lay(search.bands, k, strength, 1.0, canvas)
        lengths[i], _ = refine(search, canvas, nails[i], lengths[i])
        for at in range(lengths[i], nails.shape[1]):
            nails[i, at] = -1
        shown[i] = explained(wanted[i], canvas.left, white, search.disc)
