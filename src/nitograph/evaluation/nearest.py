# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# The functions under @jit are typed by Numba when they are compiled.
"""Invented or copied? Shared chords and shared runs of nails of each thread and every training thread.

The queries' chords are indexed and each training thread is looked up in that index once, so that comparing
a thousand threads with a hundred thousand takes about a second. The tests hold the naive version as an
oracle. This module knows no pictures and no models.

Try it: python -c "from nitograph.evaluation.nearest import *; print(nearest(p := pack([[0, 9]]), p, 16))"
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.jit import jit

IntArray = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Paths:
    """The nails of many threads, concatenated: flat (Σ lengths,) int32; starts (n + 1,) int64."""

    flat: NDArray[np.int32]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def path(self, row: int) -> NDArray[np.int32]:
        """The nails of one thread."""
        return self.flat[self.starts[row] : self.starts[row + 1]]

    def take(self, rows: IntArray) -> "Paths":
        """The chosen threads only."""
        return pack([self.path(int(row)) for row in rows])

    def reversed(self) -> "Paths":
        """Every thread backwards."""
        return pack([self.path(row)[::-1] for row in range(len(self))])


def pack(paths: Sequence[IntArray | Sequence[int]]) -> Paths:
    """Paths of a list of threads' nails."""
    lengths = [len(path) for path in paths]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    parts = [np.asarray(path, dtype=np.int32) for path in paths]
    return Paths(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32), starts)


def pack_rows(nails: IntArray, lengths: IntArray) -> Paths:
    """Paths of padded rows (n, t) with `lengths` (n,) nails each."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    inside = np.arange(nails.shape[1]) < np.asarray(lengths)[:, None]
    return Paths(nails[inside].astype(np.int32), starts)


def nearest(
    queries: Paths, training: Paths, num_nails: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The largest Jaccard index of undirected chord sets with any training thread, and which: two (q,).

    Jaccard: chords in both ÷ chords in either. "Which" is −1 if nothing is shared.
    """
    first, posting, sizes = _index(queries, num_nails, directed=False)
    best, where = np.zeros(len(queries)), np.full(len(queries), -1, dtype=np.int64)
    _nearest(training.flat, training.starts, num_nails, first, posting, sizes, best, where)
    return best, where


def longest_runs(queries: Paths, training: Paths, num_nails: int) -> NDArray[np.int64]:
    """Nails in the longest run each thread shares with any training thread, in either direction, (q,)."""
    found = np.zeros(len(queries), dtype=np.int64)
    for paths in (queries, queries.reversed()):
        first, posting, _ = _index(paths, num_nails, directed=True)
        runs = np.zeros(len(paths.flat), dtype=np.int64)
        _runs(training.flat, training.starts, num_nails, first, posting, runs)
        longest = np.maximum.reduceat(runs, paths.starts[:-1]) if len(paths) else found
        found = np.maximum(found, longest)
    return np.where(found > 0, found + 1, 0)


def repeats(paths: Paths) -> int:
    """How many threads equal an earlier one."""
    return len(paths) - len({paths.path(row).tobytes() for row in range(len(paths))})


def in_both(queries: Paths, training: Paths) -> NDArray[np.bool_]:
    """Which threads equal a training thread nail by nail, (q,)."""
    known = {training.path(row).tobytes() for row in range(len(training))}
    return np.array([queries.path(row).tobytes() in known for row in range(len(queries))], dtype=np.bool_)


def _index(
    paths: Paths, num_nails: int, *, directed: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each chord occurs: offsets (n² + 1,) into `posting`; and how many chords each thread has.

    posting holds thread numbers, each chord once per thread; if directed, positions in paths.flat.
    """
    rows = np.repeat(np.arange(len(paths)), np.diff(paths.starts))
    places = np.flatnonzero(rows[:-1] == rows[1:]) if len(rows) else np.zeros(0, dtype=np.int64)
    a, b = paths.flat[places].astype(np.int64), paths.flat[places + 1].astype(np.int64)
    if directed:
        codes, values = a * num_nails + b, places
    else:
        both = np.minimum(a, b) * num_nails + np.maximum(a, b)
        unique = np.unique(rows[places] * num_nails**2 + both)
        codes, values = unique % num_nails**2, unique // num_nails**2
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], np.arange(num_nails**2 + 1)).astype(np.int64)
    sizes = np.bincount(values, minlength=len(paths)) if not directed else np.diff(paths.starts) - 1
    return first, values[order].astype(np.int64), sizes.astype(np.int64)


@jit
def _nearest(flat, starts, num_nails, first, posting, sizes, best, where):
    seen = np.full(num_nails * num_nails, -1, dtype=np.int64)
    shared = np.zeros(len(sizes), dtype=np.int64)
    touched = np.empty(len(sizes), dtype=np.int64)
    for row in range(len(starts) - 1):
        size, count = 0, 0
        for at in range(starts[row], starts[row + 1] - 1):
            code = min(flat[at], flat[at + 1]) * num_nails + max(flat[at], flat[at + 1])
            if seen[code] == row:
                continue
            seen[code] = row
            size += 1
            for place in range(first[code], first[code + 1]):
                other = posting[place]
                if shared[other] == 0:
                    touched[count] = other
                    count += 1
                shared[other] += 1
        for i in range(count):
            other = touched[i]
            found = shared[other] / (size + sizes[other] - shared[other])
            if found > best[other]:
                best[other] = found
                where[other] = row
            shared[other] = 0


@jit
def _runs(flat, starts, num_nails, first, posting, runs):
    """runs[p]: the most consecutive chords, up to the chord at position p, that a training thread has too.

    A run grows if the previous chord belonged to it in both threads. Two consecutive chords are never the
    same directed chord, so one pass over the training nails is enough.
    """
    ends = np.full(len(runs), -2, dtype=np.int64)
    now = np.zeros(len(runs), dtype=np.int64)
    for row in range(len(starts) - 1):
        for at in range(starts[row], starts[row + 1] - 1):
            code = flat[at] * num_nails + flat[at + 1]
            for k in range(first[code], first[code + 1]):
                place = posting[k]
                long = 1
                if place > 0 and ends[place - 1] == at - 1 and at > starts[row]:
                    long = now[place - 1] + 1
                ends[place] = at
                now[place] = long
                if long > runs[place]:
                    runs[place] = long
