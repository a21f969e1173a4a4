"""The compiled beam: several walks over one picture side by side; the best of all their next steps survive.

A step is ranked by the error of the whole walk after it, so a chord that gains little now may win later.
Walks of the same chords in another order end at the same nail with the same error: only one is kept.
The result is the best walk that ended. This module knows nothing of settings, files or pictures.

Try it: nitograph weave mnist:test:17 --beam 4 -o thread.json
"""

from typing import NamedTuple

import numpy as np

from nitograph.compute.jit import inner, jit
from nitograph.compute.rules import forbid_next
from nitograph.light.cells import Canvas, band_sum, chord_number, fill_cells, new_canvas
from nitograph.weaving.loops.greedy import begin, explained, lay_next, scale_up
from nitograph.weaving.loops.operands import Bool, Float64, Int32, Rows, Task


class Walks(NamedTuple):
    """Walks over one picture, of the same length; only the first `alive` are in use."""

    canvases: list[Canvas]
    paths: Int32  # (beam, max_lines + 1)
    falls: Float64  # (beam,), by how much each has lowered the error
    alive: int


@inner
def next_steps(task: Task, walks: Walks, length: int, steps: Float64, ended: Bool) -> int:
    """The best steps of all walks into steps (beam, 3), best first: fall of the error after it, walk, nail.

    A walk that no chord improves is marked in `ended` (beam,). Returns how many steps there are.
    """
    limits, scoring, paths = task.limits, task.scoring, walks.paths
    count = limits.num_nails
    allowed, found = np.empty(count, np.bool_), 0
    for walk in range(walks.alive):
        canvas = walks.canvases[walk]
        forbid_next(paths[walk], length, count, limits.min_nail_gap, limits.recent_edges, allowed)
        here, going = paths[walk, length - 1], False
        for nail in range(count):
            if not allowed[nail]:
                continue
            k = chord_number(here, nail, count)
            gain = band_sum(task.bands, k, canvas.cells, len(canvas.left)) + scoring[k, 0]
            if gain * scoring[k, 1] <= limits.stop_score and length > limits.min_lines:
                continue
            going = True
            found = insert(steps, found, walks.falls[walk] + gain, walk, nail)
        ended[walk] = not going
    return found


@inner
def insert(steps: Float64, found: int, fall: float, walk: int, nail: int) -> int:
    """Insert a step in order, best first, unless its equal is there. Returns how many steps there are."""
    beam = len(steps)
    if found == beam and fall <= steps[beam - 1, 0]:
        return found
    for other in range(found):
        if steps[other, 2] == nail and abs(steps[other, 0] - fall) <= 1e-9 * abs(fall):
            return found
    place = min(found, beam - 1)
    while place > 0 and steps[place - 1, 0] < fall:
        steps[place] = steps[place - 1]
        place -= 1
    steps[place, 0], steps[place, 1], steps[place, 2] = fall, walk, nail
    return min(found + 1, beam)


@inner
def copy_canvas(source: Canvas, target: Canvas) -> None:
    """Copy the light still wanted and its gains from one canvas to another."""
    target.left[:], target.cells[:] = source.left, source.cells


@jit
def beam_many(task: Task, beam: int, rows: Rows) -> None:
    """Weave each picture, `beam` walks side by side."""
    wanted, nails, lengths, shown = rows
    size, width, pen = wanted.shape[1], nails.shape[1], task.pen
    now, then = [new_canvas(size) for _ in range(beam)], [new_canvas(size) for _ in range(beam)]
    best_left, bounds = np.empty((size, size), np.int32), np.empty(len(task.bands.lines), np.float32)
    steps, ended = np.empty((beam, 3)), np.empty(beam, np.bool_)
    for i in range(len(wanted)):
        paths, other = np.empty((beam, width), np.int32), np.empty((beam, width), np.int32)
        falls, best, alive = np.zeros(beam), -np.inf, 1
        scale_up(wanted[i], pen.white, now[0].left)
        bounds[:] = np.inf
        length = begin(task, now[0], bounds, paths[0])
        fill_cells(now[0], pen.strength, pen.overshoot)
        while alive > 0:
            found = 0
            if length <= task.limits.max_lines:
                found = next_steps(task, Walks(now, paths, falls, alive), length, steps, ended)
            else:
                ended[:] = True
            for walk in range(alive):
                if ended[walk] and falls[walk] > best:
                    best, lengths[i] = falls[walk], length
                    nails[i, :length] = paths[walk, :length]
                    best_left[:] = now[walk].left
            for step in range(found):
                walk, nail = int(steps[step, 1]), int(steps[step, 2])
                copy_canvas(now[walk], then[step])
                other[step, :length] = paths[walk, :length]
                other[step, length] = nail
                lay_next(task, then[step], paths[walk, length - 1], nail)
            for step in range(found):
                falls[step] = steps[step, 0]
            now, then, paths, other, alive = then, now, other, paths, found
            length += 1
        nails[i, lengths[i] :] = -1
        shown[i] = explained(wanted[i], best_left, pen.white, task.disc)
