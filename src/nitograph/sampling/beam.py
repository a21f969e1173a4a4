"""Beam search: several walks of one thread side by side, the best of which is kept.

A walk's score is its log-probability, after the board's rules, less its penalties (`penalties`). At
temperature 0 the walks of the highest scores survive each step. Above it the search is stochastic (W. Kool
et al., "Stochastic Beams and Where to Find Them", ICML 2019): a step's chances are the model's at that
temperature, lowered by what the step is charged, and the surviving walks are a sample without replacement
of what such chances draw. So the beam is diverse, and the seed still matters. Of the walks that end, the
one of the best score per token is kept, as a sum would favour short threads. A beam of width 1 is greedy
at temperature 0, and draws nail by nail above it.

The decoder keeps the state of each walk, its canvas and belief included, and `select` copies it. This
module knows nothing of plans.

Try it: python -m nitograph generate 7 --beam 4 --temperature 0.3
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SamplingError
from nitograph.sampling.choose import NONE_ALLOWED, NOT_FINITE, Terms, allowed_tokens, chances_of
from nitograph.sampling.penalties import Tally
from nitograph.sampling.walk import Decoding

BEAM_STREAM = 2  # the spawn key of the generator of a beam's random numbers

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Search:
    """How wide, on what terms (while a path is too short to end, and after), and within which lengths."""

    width: int
    terms: tuple[Terms, Terms]
    min_lines: int
    max_lines: int


class Beams(NamedTuple):
    """Walks of the same length.

    paths: (k, t). scores: (k,), log-probability less penalties. chances: (k,), log-chance of having been
    drawn. keys: (k,), by which walks are ranked until all have ended.
    """

    paths: Int64
    scores: Float64
    chances: Float64
    keys: Float64

    def take(self, rows: Int64) -> "Beams":
        """Some of them."""
        return Beams(self.paths[rows], self.scores[rows], self.chances[rows], self.keys[rows])


class Ended(NamedTuple):
    """A walk that has ended; score per token, the end included."""

    path: Int64
    score: float
    key: float


class Steps(NamedTuple):
    """The steps that survive: of which walk, to which token, and the walk after it (without the token)."""

    rows: Int64
    tokens: Int64
    after: Beams

    def take(self, which: NDArray[np.bool_]) -> "Steps":
        """Some of them."""
        return Steps(self.rows[which], self.tokens[which], self.after.take(np.flatnonzero(which)))


@dataclass
class Beam:
    """A search under way.

    decoder: with one sequence, to which the nails `begun` have been fed, as they have been to `tally`.
    """

    decoder: Decoding
    search: Search
    tally: Tally
    rng: np.random.Generator
    begun: int = 0
    ended: list[Ended] = field(default_factory=list)

    def run(self, logits: NDArray[np.float32], begun: Sequence[int] = ()) -> Int64:
        """The best path (t,), from the logits (1, n + 1) of the nail after `begun`."""
        self.begun, self.ended, eos = len(begun), [], logits.shape[1] - 1
        beams = Beams(np.array([begun], dtype=np.int64), *np.zeros((3, 1)))
        while True:
            steps = self._survivors(beams, logits)
            self._end(steps.take(steps.tokens == eos).after, tokens=1)
            rows, tokens, after = steps.take(steps.tokens != eos)
            beams = after._replace(paths=np.concatenate([after.paths, tokens[:, None]], axis=1))
            if not len(rows) or beams.paths.shape[1] > self.search.max_lines:
                break
            if not np.array_equal(rows, np.arange(len(logits))):
                self.decoder.select(rows)
            self.tally.move(rows, tokens)
            logits = self.decoder.step(tokens)
        self._end(beams, tokens=0)
        return max(self.ended, key=lambda found: found.score).path

    def _end(self, walks: Beams, *, tokens: int) -> None:
        """These walks have ended, with so many tokens beside their nails."""
        count = walks.paths.shape[1] - self.begun + tokens
        for path, score, _, key in zip(*walks, strict=True):
            self.ended.append(Ended(path, float(score) / max(count, 1), float(key)))

    def _survivors(self, beams: Beams, logits: NDArray[np.float32]) -> Steps:
        """The best steps of all walks, as many as walks that ended and rank higher leave of the width."""
        worth, terms = self._worth(beams, logits)
        scores = beams.scores[:, None] + worth
        if terms.temperature > 0:
            chances, keys = self._drawn(beams, worth, terms)
        else:
            chances, keys = scores, np.where(np.isfinite(narrowed(worth, terms)), scores, -np.inf)
        pool = np.concatenate([[found.key for found in self.ended], keys.ravel()])
        best = np.argsort(-pool, kind="stable")[: self.search.width]
        best = best[pool[best] > -np.inf]
        first = len(self.ended)
        self.ended = [self.ended[i] for i in best[best < first]]
        flat = best[best >= first] - first
        rows, tokens = np.divmod(flat, logits.shape[1])
        parts = (part.ravel()[flat] for part in (scores, chances, keys))
        return Steps(rows, tokens, Beams(beams.paths[rows], *parts))

    def _worth(self, beams: Beams, logits: NDArray[np.float32]) -> tuple[Float64, Terms]:
        """What each next token adds to a walk's score, (k, n + 1), −inf where it is not allowed."""
        if not np.isfinite(logits).all():
            raise SamplingError(NOT_FINITE)
        count, (early, late) = beams.paths.shape[1], self.search.terms
        terms = early if count <= self.search.min_lines else late
        recent = beams.paths[:, max(0, count - terms.rules.recent_edges - 1) :]
        allowed = allowed_tokens(recent, terms, logits.shape[1])
        if not allowed.any(axis=1).all():
            raise SamplingError(NONE_ALLOWED)
        worth = log_softmax(np.where(allowed, logits.astype(np.float64), -np.inf))
        worth[:, :-1] -= self.tally.costs()
        return worth, terms

    def _drawn(self, beams: Beams, worth: Float64, terms: Terms) -> tuple[Float64, Float64]:
        """Log-chances and keys of all steps, (k, n + 1) each: Gumbel noise whose highest is the walk's key.

        Kool et al. 2019, section 4.1 and appendix B.3.
        """
        chances = beams.chances[:, None] + narrowed(worth, terms)
        noisy = chances + self.rng.gumbel(size=chances.shape)
        highest, key = noisy.max(axis=1, keepdims=True), beams.keys[:, None]
        v = key - noisy + np.log1p(-np.exp(noisy - highest))
        keys = key - np.maximum(v, 0) - np.log1p(np.exp(-np.abs(v)))
        return chances, np.where(np.isfinite(chances), keys, -np.inf)


def search_on(
    decoder: Decoding,
    logits: NDArray[np.float32],
    search: Search,
    tally: Tally,
    seed: int,
    begun: Sequence[int] = (),
) -> Int64:
    """The best path (t,) of one sequence; see Beam. The seed decides nothing at temperature 0."""
    stream = np.random.SeedSequence(seed, spawn_key=(BEAM_STREAM,))
    beam = Beam(decoder, search, tally, np.random.Generator(np.random.PCG64(stream)))
    with np.errstate(all="ignore"):  # log 0 and −inf are meant, and checked where they are not
        return beam.run(logits, begun)


def narrowed(worth: Float64, terms: Terms) -> Float64:
    """Log-chances (k, m) of the next tokens at their temperature, or at 1 where that is 0; −inf: none."""
    largest, temperature = worth.max(axis=1, keepdims=True), terms.temperature or 1.0
    chances = chances_of(worth.copy(), largest, temperature, terms.top_k, terms.min_p)
    return np.asarray(np.log(chances / chances.sum(axis=1, keepdims=True)))


def log_softmax(scores: Float64) -> Float64:
    """scores (k, m) − log Σ exp, along the rows."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
