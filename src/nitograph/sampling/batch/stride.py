# mypy: ignore-errors
# The functions under @jit are typed by Numba when they are compiled.
"""Step and choice in turn, compiled: the walk of a batch for as long as all of it walks on.

Between two nails the interpreter has nothing to do; batches in threads would wait there for each other.

Try it: python -c "import nitograph.sampling.batch.stride"
"""

from nitograph.compute.jit import loose_jit as jit
from nitograph.model.batch.step import wind_on
from nitograph.sampling.batch.choice import choose_nail, choosing_room


@jit
def walk(
    chosen, paths, live, count, most, masked, draws, used, rules, min_lines, how, logits,
    before, light, rows, embed, views, at, weights, cache, turns, eps, room,
):  # fmt: skip
    """Steps taken, at least one and at most `most`, after each of which the next tokens are chosen.

    chosen: (l,), the last of the `count` nails on the path of each row `live` (l,) of paths (b, t); what
    was chosen last takes their place: nails, EOS or reasons < 0. What was chosen before is added to the
    paths. masked: the rules hold. draws (b, m): uniform numbers of which `used` are. logits (l, n + 1):
    room. The others as choose_nail and wind_on have them.
    """
    n, choosing = logits.shape[1] - 1, choosing_room(logits.shape[1] - 1)
    for step in range(most):
        wind_on(
            chosen, logits, before, light, rows, embed, views, at + step, weights, cache, turns, eps, room
        )
        length, early, going = count + step, count + step <= min_lines, step + 1 < most
        for r in range(len(live)):
            path, draw = paths[live[r]], draws[live[r], used + step]
            chosen[r] = choose_nail(
                logits[r], path, length if masked else 0, rules, early, how, draw, choosing
            )
            going = going and 0 <= chosen[r] < n
        if not going:
            return step + 1
        for r in range(len(live)):
            paths[live[r], length] = chosen[r]
    return most
