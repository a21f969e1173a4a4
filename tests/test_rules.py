"""Guards of the compiled rule over whole batches; that it is the board's rule is shown in test_board."""

import numpy as np

from nitograph.board import Board, Rules, violations
from nitograph.compute.rules import legal_paths, legal_steps


def test_rows_are_judged_apart():
    """Each row of a batch is judged by itself, up to its padding."""
    board, rules = Board(16), Rules(3, 4)
    rows = np.array(
        [[0, 5, 10, -1, -1], [0, 5, 0, -1, -1], [0, 2, -1, -1, -1], [0, 5, 10, 0, 5], [7] + [-1] * 4]
    )
    assert legal_paths(rows, board, rules).tolist() == [True, False, False, False, True]
    assert legal_paths(rows, board, Rules(3, 2)).tolist() == [True, False, False, True, True]


def test_legal_walks_never_meet_a_forbidden_nail():
    """On long random legal walks every next nail was allowed, and the finder of violations is silent."""
    board, rules = Board(20), Rules(3, 9)
    rng = np.random.default_rng(0)
    path = [0]
    while len(path) < 300:
        allowed = legal_steps(np.array([path]), np.array([len(path)]), board, rules)[0, -1, :20]
        path.append(int(rng.choice(np.flatnonzero(allowed))))
    assert violations(np.array(path), board, rules) == []
    assert legal_paths(np.array([path]), board, rules).all()
    steps = legal_steps(np.array([path]), np.array([300]), board, rules)[0]
    assert steps[np.arange(300), path].all()
