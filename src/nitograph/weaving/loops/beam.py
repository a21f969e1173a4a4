# mypy: disable-error-code="no-untyped-def"
# The functions under @jit are typed by Numba when they are compiled.
"""The compiled beam: several walks over one picture side by side, the best of all their next steps go on.

A step is ranked by the error of the whole walk after it, so a chord that gains little now may win later.
Walks of the same chords in another order end at the same nail with the same error: only one is kept.
The result is the best walk that ended. This module knows nothing of settings, files or pictures.

Try it: nitograph weave mnist:test:17 --beam 4 -o thread.json
"""

import numpy as np

from nitograph.compute.jit import inner, jit
from nitograph.compute.rules import forbid_next
from nitograph.weaving.loops.cells import band_sum, fill_cells, lay, new_canvas
from nitograph.weaving.loops.greedy import begin, chord_number, explained, scale_up


@inner
def next_steps(walks, length, count, rules, limits, stop, bands, worth, steps, ended):
    """The best steps of all walks into steps (beam, 3): fall of the error after it, walk, nail.

    walks: (canvases, paths, falls, how many). A walk that no chord improves is noted in `ended`
    (beam,). Returns how many steps there are, the best first.
    """
    canvases, paths, falls, alive = walks
    allowed, found = np.empty(count, np.bool_), 0
    for walk in range(alive):
        cells, size = canvases[walk][1], len(canvases[walk][0])
        forbid_next(paths[walk], length, count, rules[0], rules[1], allowed)
        here, going = paths[walk, length - 1], False
        for nail in range(count):
            if not allowed[nail]:
                continue
            k = chord_number(here, nail, count)
            gain = band_sum(bands, k, cells, size) + worth[k, 0]
            if gain * worth[k, 1] <= stop and length > limits[0]:
                continue
            going = True
            found = insert(steps, found, falls[walk] + gain, walk, nail)
        ended[walk] = not going
    return found


@inner
def insert(steps, found, fall, walk, nail):
    """Put a step where it belongs, the best first; not beside its twin. Returns how many there are."""
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


@jit
def beam_many(
    bands,
    count,
    rules,
    limits,
    stop,
    dose,
    unit,
    over,
    start,
    worth,
    disc,
    beam,
    wanted,
    nails,
    lengths,
    shares,
):
    """Weave each of wanted (n, c, c) float32 into a row of nails, `beam` walks side by side."""
    size, most = wanted.shape[1], nails.shape[1]
    now, then = [new_canvas(size) for _ in range(beam)], [new_canvas(size) for _ in range(beam)]
    best_left, bounds = np.empty((size, size), np.int32), np.empty(len(bands[0]), np.float32)
    steps, ended = np.empty((beam, 3)), np.empty(beam, np.bool_)
    for i in range(len(wanted)):
        paths, other = np.empty((beam, most), np.int32), np.empty((beam, most), np.int32)
        falls, best, alive = np.zeros(beam), -np.inf, 1
        scale_up(wanted[i], unit, now[0][0])
        bounds[:] = np.inf
        length = begin(bands, count, rules, dose, over, start, worth, bounds, now[0], paths[0])
        fill_cells(now[0], dose, over)
        while alive > 0:
            found = 0
            if length <= limits[1]:
                walks = (now, paths, falls, alive)
                found = next_steps(walks, length, count, rules, limits, stop, bands, worth, steps, ended)
            else:
                ended[:] = True
            for walk in range(alive):
                if ended[walk] and falls[walk] > best:
                    best, lengths[i] = falls[walk], length
                    nails[i, :length] = paths[walk, :length]
                    best_left[:] = now[walk][0]
            for step in range(found):
                walk, nail = int(steps[step, 1]), int(steps[step, 2])
                then[step][0][:], then[step][1][:] = now[walk][0], now[walk][1]
                other[step, :length] = paths[walk, :length]
                other[step, length] = nail
                lay(bands, chord_number(paths[walk, length - 1], nail, count), dose, over, then[step])
            for step in range(found):
                falls[step] = steps[step, 0]
            now, then, paths, other, alive = then, now, other, paths, found
            length += 1
        nails[i, lengths[i] :] = -1
        shares[i] = explained(wanted[i], best_left, unit, disc)
