"""Copies, near copies and shared runs against plain comparisons of sets and lists."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.evaluation.judges import copying
from nitograph.evaluation.nearest import in_both, longest_runs, nearest, pack, pack_rows, repeats

NAILS = 7
walks = st.lists(st.integers(0, NAILS - 1), min_size=2, max_size=14).map(
    lambda nails: [n for i, n in enumerate(nails) if i == 0 or n != nails[i - 1]]
)
threads = st.lists(walks.filter(lambda walk: len(walk) > 1), min_size=1, max_size=6)


def chord_set(path: Sequence[int]) -> set[frozenset[int]]:
    """Undirected chords of a path."""
    return {frozenset(pair) for pair in pairwise(path)}


def plain_jaccard(path: Sequence[int], others: Sequence[Sequence[int]]) -> float:
    """The definition, set by set."""
    mine = chord_set(path)
    return max(len(mine & chord_set(o)) / len(mine | chord_set(o)) for o in others)


def plain_run(path: Sequence[int], others: Sequence[Sequence[int]]) -> int:
    """The longest stretch of at least two nails in both, either way, by trying them all."""
    best = 0
    for nails in (list(path), list(path)[::-1]):
        for start in range(len(nails)):
            for end in range(start + 2, len(nails) + 1):
                piece = nails[start:end]
                for other in others:
                    shared = any(list(other[at : at + len(piece)]) == piece for at in range(len(other)))
                    best = max(best, len(piece) if shared else 0)
    return best


@settings(max_examples=60)
@given(threads, threads)
def test_nearest_is_the_largest_jaccard_index_of_all_pairs(
    queries: list[list[int]], training: list[list[int]]
) -> None:
    """Guards the index against repeated chords, reversed chords and empty intersections."""
    found, where = nearest(pack(queries), pack(training), NAILS)
    for path, value, row in zip(queries, found, where, strict=True):
        assert value == plain_jaccard(path, training)
        assert value == 0 if row < 0 else value == plain_jaccard(path, [training[row]])


@settings(max_examples=60)
@given(threads, threads)
def test_longest_runs_are_those_of_the_slow_search(
    queries: list[list[int]], training: list[list[int]]
) -> None:
    """Guards the one-pass growth of runs, also across the ends of threads."""
    found = longest_runs(pack(queries), pack(training), NAILS)
    assert found.tolist() == [plain_run(path, training) for path in queries]


def test_a_thread_wound_backwards_is_still_a_copy() -> None:
    """Guards that a copier cannot hide by starting at the other end."""
    path = [0, 3, 6, 2, 5]
    found, _ = nearest(pack([path[::-1]]), pack([path]), NAILS)
    assert found[0] == 1
    assert longest_runs(pack([path[::-1]]), pack([path]), NAILS)[0] == len(path)


def test_duplicates_and_exact_copies_are_counted_to_the_last_nail() -> None:
    """Guards that one more nail makes another thread."""
    paths = pack([[0, 3, 6], [0, 3, 6], [0, 3, 6, 1]])
    assert repeats(paths) == 1
    assert in_both(paths, pack([[0, 3, 6]])).tolist() == [True, True, False]


def test_padded_rows_and_lists_are_the_same_paths() -> None:
    """Guards the two ways in: corpora are padded rows, samples are lists."""
    rows = np.array([[4, 1, -1], [0, 3, 6]])
    one, two = pack_rows(rows, np.array([2, 3])), pack([[4, 1], [0, 3, 6]])
    assert one.flat.tolist() == two.flat.tolist()
    assert one.starts.tolist() == two.starts.tolist()
    assert two.take(np.array([1])).path(0).tolist() == [0, 3, 6]


def test_distances_are_those_of_the_nearest_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the product that stands for all pairs, also over more than one block of training pictures."""
    monkeypatch.setattr(copying, "ROWS", 7)
    rng = np.random.default_rng(1)
    queries, known = rng.random((5, 49), dtype=np.float32), rng.random((20, 49), dtype=np.float32)
    wanted = [min(np.sqrt(((a - b) ** 2).mean()) for b in known) for a in queries]
    assert copying.distances(queries, known) == pytest.approx(np.array(wanted), rel=1e-4)
    assert copying.distances(known, known) == pytest.approx(0, abs=1e-3)


def test_small_pictures_are_means_of_blocks() -> None:
    """Guards the blur: sixteen pixels become one, in their places."""
    pictures = np.zeros((1, 28, 28), dtype=np.uint8)
    pictures[0, 4:8, 8:12] = 255
    found = copying.small(pictures).reshape(7, 7)
    assert found[1, 2] == 1
    assert found.sum() == 1
