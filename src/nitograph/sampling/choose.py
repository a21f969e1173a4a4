"""The choice of a token: logits and the board's rules to one token per row.

Each row is given one uniform number and inverts the cumulative distribution over tokens in order;
temperature 0 takes the most likely token and needs no number. batch.quick.choose_nails is compiled and
gives the same tokens. This module knows no decoder.

Try it: python -m nitograph sample 7 --temperature 0 -o threads.jsonl
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules, allowed_next
from nitograph.errors import SamplingError

AHEAD = 256  # uniform numbers drawn at a time
NOT_FINITE = "the model gave logits that are not finite; its weights are damaged, use others"
NONE_ALLOWED = "no nail may follow under these rules; lower min_nail_gap or recent_edges"


@dataclass(frozen=True)
class Terms:
    """How the next nail is chosen, the same for all rows.

    early: a path may end only where no nail may follow, and never before its first chord.
    """

    board: Board
    rules: Rules
    early: bool
    temperature: float
    top_k: int
    min_p: float


NextNails = Callable[
    [NDArray[np.float32], NDArray[np.int64], NDArray[np.float64], Terms], NDArray[np.int64]
]
"""Chooses the next nail of each row: choose_nails here, or its compiled version."""


class Uniforms:
    """Uniform numbers for many sequences, one per token; each has its own generator, PCG64 of its seed."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._rngs = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        self._numbers, self._used = np.zeros((len(seeds), 0)), 0

    def __len__(self) -> int:
        return len(self._rngs)

    def next(self, rows: NDArray[np.int64] | slice, temperature: float) -> NDArray[np.float64]:
        """The next number of these sequences, (b,); zeros for temperature 0, where nothing is drawn."""
        numbers, used = self.ahead(temperature)
        self.consume(1, temperature)
        return np.asarray(numbers[rows, used])

    def ahead(self, temperature: float) -> tuple[NDArray[np.float64], int]:
        """Numbers of all sequences, (b, m), and how many are used, fewer than m; then call consume."""
        if temperature == 0:
            return np.zeros((len(self), AHEAD)), 0
        if self._used == self._numbers.shape[1]:  # many at once are faster, and the same numbers
            self._numbers, self._used = np.stack([rng.random(AHEAD) for rng in self._rngs]), 0
        return self._numbers, self._used

    def consume(self, count: int, temperature: float) -> None:
        """Mark the next `count` numbers as used."""
        self._used += count if temperature > 0 else 0


def choose_nails(
    logits: NDArray[np.float32], recent: NDArray[np.int64], draws: NDArray[np.float64], terms: Terms
) -> NDArray[np.int64]:
    """The next nail of each row or EOS: logits (b, n + 1), EOS last; recent (b, t); draws (b,) → (b,)."""
    allowed = allowed_tokens(recent, terms, logits.shape[1])
    return choose(
        logits, allowed, draws, temperature=terms.temperature, top_k=terms.top_k, min_p=terms.min_p
    )


def allowed_tokens(recent: NDArray[np.int64], terms: Terms, size: int) -> NDArray[np.bool_]:
    """Which of `size` tokens may follow the last nails of each row, (b, t) → (b, size); EOS is the last."""
    allowed = np.ones((len(recent), size), dtype=np.bool_)
    if recent.shape[1]:
        allowed[:, :-1] = allowed_next(recent, terms.board, terms.rules)
    if terms.early:
        allowed[:, -1] = ~allowed[:, :-1].any(axis=1) if recent.shape[1] > 1 else False
    return allowed


def choose(
    logits: NDArray[np.float32],
    allowed: NDArray[np.bool_],
    draws: NDArray[np.float64],
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    min_p: float = 0.0,
) -> NDArray[np.int64]:
    """One token per row: logits (b, v), allowed (b, v), draws (b,) in [0, 1) → (b,).

    SamplingError where no token is allowed or a logit is not finite.
    """
    if not np.isfinite(logits).all():
        raise SamplingError(NOT_FINITE)
    scores = np.where(allowed, logits, np.float32(-np.inf))
    largest = np.maximum.reduce(scores, axis=1, keepdims=True)
    if np.isneginf(largest).any():
        raise SamplingError(NONE_ALLOWED)
    if temperature == 0:
        return np.asarray(scores.argmax(axis=1))
    chance = chances_of(scores, largest, temperature, top_k, min_p)
    total = np.add.accumulate(chance, axis=1, out=chance)
    return np.asarray((total > (draws * total[:, -1])[:, None]).argmax(axis=1))


def chances_of(
    scores: NDArray[Any], largest: NDArray[Any], temperature: float, top_k: int, min_p: float
) -> NDArray[np.float64]:
    """What temperature, top-k and min-p leave of scores (b, v), which are overwritten: chances, unscaled.

    largest: (b, 1), each row's largest score, which gets chance 1.
    """
    size = scores.shape[1]
    if 0 < top_k < size:
        least = np.partition(scores, size - top_k, axis=1)[:, size - top_k, None]
        scores[scores < least] = -np.inf
    chance = scores.astype(np.float64)
    chance -= largest
    chance /= temperature
    np.exp(chance, out=chance)
    if min_p > 0:
        chance[chance < min_p] = 0
    return chance


def penalise(logits: NDArray[np.float32], paths: NDArray[np.int64], penalty: float) -> None:
    """Divide positive logits of nails already used, multiply negative ones (Keskar et al., 2019)."""
    rows = np.arange(len(paths))[:, None]
    used = logits[rows, paths]
    logits[rows, paths] = np.where(used > 0, used / penalty, used * penalty)
