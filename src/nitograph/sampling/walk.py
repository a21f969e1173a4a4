"""The walk of a batch: nails until each path ends, at one of two paces.

A pace is a way to run the steps. The plain one calls the decoder for each nail; the quick one (batch.quick)
runs compiled until a path ends. Both give the same nails. This module knows only the three calls
of a decoder.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nitograph.sampling.choose import NextNails, Terms, Uniforms, choose_nails, penalise


class Decoding(Protocol):
    """The three calls of a decoder: decoder.Decoder, network_decoder.NetworkDecoder."""

    def start(self, labels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Begin sequences of these class indices (b,); logits of what comes first."""

    def step(
        self,
        tokens: NDArray[np.integer],
        light: NDArray[np.float32] | None = None,
        pictures: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Append one token to each; logits of what follows. With a plan's last code: what is wound."""

    def select(self, rows: NDArray[np.integer]) -> None:
        """Keep these sequences."""


@dataclass
class Walk:
    """The unfinished paths of a batch.

    paths: (b, max_lines + 1), filled up to `count` nails, which may be begun. live: (l,), the rows that are
    not finished, in the decoder's order. terms: while a path is too short to end, and after. masked: the
    board's rules hold.
    """

    paths: NDArray[np.int64]
    uniforms: Uniforms
    terms: tuple[Terms, Terms]
    min_lines: int
    masked: bool = True
    penalty: float = 1.0
    count: int = 0
    live: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.live = np.arange(len(self.paths))

    @property
    def max_lines(self) -> int:
        """The maximum number of chords of a path."""
        return int(self.paths.shape[1]) - 1

    def choose(self, logits: NDArray[np.float32], next_nails: NextNails) -> NDArray[np.int64]:
        """The next nail of each live path or EOS, (l,), on the terms of its length."""
        early, late = self.terms
        if self.penalty != 1.0 and self.count:
            penalise(logits, self.paths[self.live, : self.count], self.penalty)
        first = max(0, self.count - late.rules.recent_edges - 1) if self.masked else self.count
        return next_nails(
            logits,
            self.paths[self.live, first : self.count],
            self.uniforms.next(self.live, late.temperature),
            early if self.count <= self.min_lines else late,
        )


Stride = Callable[[Decoding, NDArray[np.int64], Walk], NDArray[np.int64]]
"""From the nails (l,) that were chosen last: one or more steps with all paths, and what the last of these
steps chooses, nails or EOS, (l,)."""


@dataclass(frozen=True)
class Pace:
    """How a batch runs: the choice of one token per row, and strides of one or more steps."""

    next_nails: NextNails
    stride: Stride


PLAIN = Pace(choose_nails, lambda decoder, nails, walk: walk.choose(decoder.step(nails), choose_nails))


def walk_on(
    decoder: Decoding, logits: NDArray[np.float32], walk: Walk, pace: Pace
) -> list[NDArray[np.int64]]:
    """Nails until EOS or the last chord, from the logits of the first; finished paths leave the batch."""
    counts, eos = np.full(len(walk.paths), walk.count), logits.shape[1] - 1
    chosen = walk.choose(logits, pace.next_nails)
    while True:
        counts[walk.live], going = walk.count, chosen != eos
        if not going.all():
            decoder.select(np.flatnonzero(going))
            walk.live, chosen = walk.live[going], chosen[going]
        walk.paths[walk.live, walk.count] = chosen
        walk.count += 1
        if not len(walk.live) or walk.count > walk.max_lines:
            break
        chosen = pace.stride(decoder, chosen, walk)
    counts[walk.live] = walk.count
    return [path[:count] for path, count in zip(walk.paths, counts, strict=True)]
