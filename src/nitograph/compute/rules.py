"""The board's one rule, compiled, and over whole batches of finished paths.

For readers of corpora (is every row legal?) and for training (which nails could have come next?). The rule
itself is board.forbid_next; this module only applies it to many rows and steps. It knows no tokens.

Try it: python -c "from nitograph.compute.rules import legal_paths; help(legal_paths)"
"""

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules, forbid_next as plain_forbid_next
from nitograph.compute.jit import inner, jit

forbid_next = inner(plain_forbid_next)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def legal_paths(nails: NDArray[np.integer], board: Board, rules: Rules) -> NDArray[np.bool_]:
    """Whether each path obeys the rules; nails (b, t) padded with −1. Returns (b,)."""
    paths = np.ascontiguousarray(nails, dtype=np.int64)
    legal = np.ones(len(paths), dtype=np.bool_)
    _legal_paths(paths, board.num_nails, rules.min_nail_gap, rules.recent_edges, legal)
    return legal


def legal_steps(
    nails: NDArray[np.integer], lengths: NDArray[np.integer], board: Board, rules: Rules
) -> NDArray[np.bool_]:
    """What may follow each nail of each path, EOS in the last column.

    nails: (b, t), of which `lengths` (b,) count. Returns (b, t + 1, n + 1): row 0 is for the first nail
    (any nail), row j for what follows nail j; EOS may follow from the second nail on. Rows past the end
    of a path are all True.
    """
    paths = np.ascontiguousarray(nails, dtype=np.int64)
    counts = np.ascontiguousarray(lengths, dtype=np.int64)
    allowed = np.ones((len(paths), paths.shape[1] + 1, board.num_nails + 1), dtype=np.bool_)
    _legal_steps(paths, counts, rules.min_nail_gap, rules.recent_edges, allowed)
    return allowed


@jit
def _legal_paths(paths: Ints, num_nails: int, gap: int, recent: int, legal: Bools) -> None:
    for row in range(len(paths)):
        path = paths[row]
        for step in range(1, len(path)):
            if path[step] < 0:
                break
            if not _may_follow(path, step, num_nails, gap, recent):
                legal[row] = False
                break


@inner
def _may_follow(path: Ints, step: int, num_nails: int, gap: int, recent: int) -> bool:
    """Whether forbid_next allows the one nail path[step]; several times faster than testing all nails."""
    here, there = path[step - 1], path[step]
    apart = abs(here - there)
    if min(apart, num_nails - apart) < gap:
        return False
    for before in range(max(0, step - 1 - recent), step - 1):
        a, b = path[before], path[before + 1]
        if (a == here and b == there) or (a == there and b == here):
            return False
    return True


@jit
def _legal_steps(paths: Ints, lengths: Ints, gap: int, recent: int, allowed: Bools) -> None:
    num_nails = allowed.shape[2] - 1
    for row in range(len(paths)):
        allowed[row, 0, num_nails] = False
        if lengths[row] > 0:
            allowed[row, 1, num_nails] = False
        for step in range(1, lengths[row] + 1):
            forbid_next(paths[row], step, num_nails, gap, recent, allowed[row, step, :num_nails])
