"""Sight: the encoder's score of each chord that a thread might take next, as the network is shown it.

Each sequence keeps a canvas: the planned picture less every chord laid, and a belief about what the plan
leaves out. Each choice tells about the picture: the chord taken must have been worth more than it seemed,
its rivals less. So after a choice the canvas gains light along the chord taken and loses some along each
rival, in proportion to how likely each seemed (the gradient of the log-chance of that choice). What comes
out, for a nail: `sights` (n,), the score of each chord less the best legal one's, in nats; and FACTS
numbers about the fan as a whole, among them the surprise: minus the log-chance of the last choice.

All in whole numbers and double precision; batch.sight is the compiled twin. This module knows no network.

Try it: python -c "from nitograph.model.sight import *; print(GAIN)"
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules, allowed_next
from nitograph.errors import NitographError, WeightsError
from nitograph.light.bands import FINE
from nitograph.light.fans import Fans, Scoring, fans_of
from nitograph.light.starts import starts_of
from nitograph.model.settings import FACTS

GAIN = 100.0  # nats a unit of score, by default: how much less likely a chord is for what it seems to lose
LOWEST, HIGHEST = -30.0, 4.0  # of a sight; above 0 are only chords that the rules forbid now
BELIEF = 5.0  # light that a sure surprise moves, in units of FINE whole numbers (0.002 of white)
SURPRISE = 8.0  # nats; the most that is told of a surprise
FIRST_GAIN, LEAST = 0.6, 1e-5  # of the first nail: its share of the gain, and the least chance
NONE, ONE = np.zeros(1, np.float32), np.ones(1, np.float32)  # numbers would be converted at each call
SHARES = np.array([0.5, 1, 1, 0.25], np.float32)[:, None, None]  # of the forms that sights are weighed in

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class SightSettings:
    """What a sight looks at: how chords are scored, which may follow, and the order of the light."""

    scoring: Scoring
    rules: Rules
    order: int

    @staticmethod
    def of(weaving: Mapping[str, Any], board: Board, rules: Rules, order: int) -> "SightSettings":
        """From the weaving settings, as plain values, of the threads to be learned.

        WeightsError where these are threads whose chords cannot be scored so.
        """
        given = {name: weaving[name] for name in Scoring.names() if name in weaving}
        given.setdefault("nails", board.num_nails)
        try:
            scoring = Scoring.from_dict(given)
        except NitographError as error:
            raise WeightsError(f"a model with sight cannot look at these threads: {error}") from None
        plain = weaving.get("coverage", "antialiased") == "antialiased"
        if not plain or weaving.get("false_positive_weight", 1.0) != 1.0 or scoring.board != board:
            raise WeightsError(
                "a model with sight needs threads of its own board, woven with coverage antialiased and a "
                "false_positive_weight of 1; weave such ones, or train without sight"
            )
        if scoring.strength < BELIEF * FINE:
            raise WeightsError(
                f"a model with sight needs a line_strength of at least 0.01, got {scoring.line_strength:g}"
            )
        return SightSettings(scoring, rules, order)

    @cached_property
    def gain(self) -> float:
        """Nats a unit of score, so that what is uncertain counts the same on any board."""
        return GAIN * Scoring().unit / self.scoring.unit


class FanView(NamedTuple):
    """A fan as it is seen."""

    sights: Float64  # (n,)
    chances: Float64  # (n,), of a plain softmax over the sights of what is legal
    entropy: float  # of these chances, in nats
    best: float  # the highest legal score, in nats


def see(scores: Float64, allowed: NDArray[np.bool_], gain: float = GAIN) -> FanView:
    """Scores (n,) and which are legal (n,) → how they are seen; where none is legal, all count as legal."""
    legal = allowed if allowed.any() else np.ones_like(allowed)
    best = float(np.maximum.reduce(scores, where=legal, initial=-np.inf))
    sights = scores - best
    sights *= gain
    np.minimum(np.maximum(sights, LOWEST, out=sights), HIGHEST, out=sights)
    below = np.minimum(sights, 0.0)
    chances = np.exp(below)
    chances *= legal
    total = float(np.add.reduce(chances))
    chances /= total
    below *= chances
    return FanView(sights, chances, math.log(total) - float(np.add.reduce(below)), gain * best)


def facts_of(fan: FanView, count: int, surprise: float) -> Float32:
    """FACTS numbers, each of the order of 1: `count` chords laid, `surprise` at the last choice in nats."""
    worth, entropy = fan.best, fan.entropy
    shown = (min(max(worth, -4.0), 4.0) / 2, math.log1p(max(worth, 0.0)) / 2, entropy, count / 100)
    return np.array([*shown, min(surprise, SURPRISE) / 4], dtype=np.float32)


def laid(chances: Float64, here: int, taken: int, strength: int) -> tuple[list[int], list[int]]:
    """What a choice takes off the canvas along which chords of the fan from `here`: nails, light of each.

    Along the chord taken its `strength`, less what the belief gives back; along its likely rivals a little.
    """
    moved = chances.copy()
    moved[taken] -= 1.0
    moved *= BELIEF
    np.rint(moved, out=moved)
    moved[taken] += strength / FINE
    moved[here] = 0.0
    nails = moved.nonzero()[0]
    return nails.tolist(), [int(light) * FINE for light in moved[nails].tolist()]


def first_sights(settings: SightSettings, light: Floats) -> Float32:
    """How good a first nail each is on planned light (b, k), in nats: (b, n), at most 0.

    The encoder begins with the best chord of all. A nail's sight is the log-chance that it is an end of it,
    where each chord's is a softmax of its score, FIRST_GAIN of the gain.
    """
    starts = starts_of(settings.scoring, settings.order, settings.rules.min_nail_gap)
    scores = starts.scores(light)
    scores -= scores.max(axis=(1, 2), keepdims=True)
    scores *= np.float32(FIRST_GAIN * settings.gain)
    chances = starts.ends(np.exp(scores, out=scores))
    chances /= chances.sum(axis=1, keepdims=True)
    return np.log(np.maximum(chances, np.float32(LEAST)))


def wanted_of(settings: SightSettings, light: Floats, pictures: Floats | None) -> Int32:
    """What a sight begins with: planned light (b, k), or pictures (b, c, c) that are finer than it."""
    fans = fans_of(settings.scoring)
    return fans.pictures(light, settings.order) if pictures is None else fans.wanted(pictures)


def weighed(sights: Float32, gains: Float32) -> Float32:
    """What sights (b, n) add to logits, in four forms with a gain each, (b, SIGHTS) → (b, n).

    As they are, their root, their chance, their bend (how they differ from their neighbours on the ring).
    """
    own, root, chance, bend = gains.T[..., None] * SHARES
    below = np.minimum(sights, NONE)
    total: Float32 = own * sights
    around = bend * sights
    total -= around + around
    total[:, 1:] += around[:, :-1]
    total[:, :-1] += around[:, 1:]
    total[:, 0] += around[:, -1]
    total[:, -1] += around[:, 0]
    total += chance * np.exp(below)
    below = np.sqrt(np.subtract(ONE, below, out=below), out=below)
    total += np.multiply(root, np.subtract(ONE, below, out=below), out=below)
    return total


class Seeing(Protocol):
    """What a decoder asks of the sight of a batch: Sight here, or batch.sight.BatchSight."""

    def start(self, light: Floats, pictures: Floats | None = None) -> Float32:
        """Begin with the plan of each sequence, as wanted_of; how good a first nail each is, (b, n)."""

    def step(self, nails: NDArray[np.integer]) -> tuple[Float32, Float32]:
        """The next nail of each sequence, (b,) → sights (b, n), facts (b, FACTS)."""

    def select(self, rows: NDArray[np.integer]) -> None:
        """Keep these sequences, in this order; one may be repeated."""


class Sight:
    """The sight of a batch of sequences, a canvas each."""

    def __init__(self, settings: SightSettings) -> None:
        self.settings = settings
        self._fans: Fans = fans_of(settings.scoring)

    def start(self, light: Floats, pictures: Floats | None = None) -> Float32:
        """As Seeing.start."""
        self._canvases = self._fans.canvas(wanted_of(self.settings, light, pictures))
        self._paths = np.zeros((len(light), 0), dtype=np.int64)
        self._views: list[FanView | None] = [None] * len(light)
        return first_sights(self.settings, light)

    def step(self, nails: NDArray[np.integer]) -> tuple[Float32, Float32]:
        """As Seeing.step."""
        before, count, settings = self._paths, self._paths.shape[1], self.settings
        self._paths = np.concatenate([before, np.asarray(nails, np.int64)[:, None]], axis=1)
        allowed = allowed_next(self._paths, settings.scoring.board, settings.rules)
        sights = np.empty((len(before), settings.scoring.nails), np.float32)
        facts = np.empty((len(before), FACTS), np.float32)
        for row, nail in enumerate(np.asarray(nails).tolist()):
            surprise = self._learn(row, int(before[row, -1]), nail) if count else 0.0
            scores = self._fans.scores(self._canvases[row], nail)
            view = self._views[row] = see(scores, allowed[row], settings.gain)
            sights[row], facts[row] = view.sights, facts_of(view, count, surprise)
        return sights, facts

    def select(self, rows: NDArray[np.integer]) -> None:
        """As Seeing.select."""
        self._canvases, self._paths = self._canvases[rows], self._paths[rows]
        self._views = [self._views[row] for row in rows]

    def _learn(self, row: int, here: int, taken: int) -> float:
        """Lay chord here–taken and move the belief; the surprise in nats."""
        view, settings = self._views[row], self.settings
        assert view is not None  # of the step before
        nails, lights = laid(view.chances, here, taken, settings.scoring.strength)
        self._fans.lay(self._canvases[row], here, nails, lights)
        return -math.log(max(float(view.chances[taken]), 1e-30))
