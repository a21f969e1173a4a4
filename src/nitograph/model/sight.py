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
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules, allowed_next
from nitograph.errors import NitographError, WeightsError
from nitograph.light.bands import FINE
from nitograph.light.fans import Fans, Scoring, fans_of

GAIN = 100.0  # nats a unit of score: how much less likely a chord is for what it seems to lose
LOWEST, HIGHEST = -30.0, 4.0  # of a sight; above 0 are only chords that the rules forbid now
BELIEF = 5.0  # light that a sure surprise moves, in units of FINE whole numbers (0.002 of white)
SURPRISE = 8.0  # nats; the most that is told of a surprise
FIRST_GAIN, LEAST = 60.0, 1e-5  # of the first nail: nats a unit of score, and the least chance

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


class FanView(NamedTuple):
    """A fan as it is seen: sights (n,), chances (n,) of a plain softmax over them, the best legal score."""

    sights: Float64
    chances: Float64
    best: float


def see(scores: Floats, allowed: NDArray[np.bool_]) -> FanView:
    """Scores (n,) and which are legal (n,) → how they are seen; where none is legal, all count as legal."""
    legal = allowed if allowed.any() else np.ones_like(allowed)
    best = float(scores[legal].max())
    sights = np.clip(GAIN * (scores - best), LOWEST, HIGHEST)
    chances = np.where(legal, np.exp(np.minimum(sights, 0.0)), 0.0)
    return FanView(sights, chances / chances.sum(), best)


def facts_of(fan: FanView, count: int, surprise: float) -> Float32:
    """FACTS numbers, each of the order of 1: `count` chords laid, `surprise` at the last choice in nats."""
    worth = GAIN * fan.best
    entropy = -float(np.sum(fan.chances * np.log(np.maximum(fan.chances, 1e-30))))
    shown = (min(max(worth, -4.0), 4.0) / 2, math.log1p(max(worth, 0.0)) / 2, entropy, count / 100)
    return np.array([*shown, min(surprise, SURPRISE) / 4], dtype=np.float32)


def laid(chances: Float64, here: int, taken: int, strength: int) -> tuple[Int64, Int64]:
    """What a choice takes off the canvas along which chords of the fan from `here`: nails, light of each.

    Along the chord taken its `strength`, less what the belief gives back; along its likely rivals a little.
    """
    moved = chances.copy()
    moved[taken] -= 1.0
    lights = np.rint(moved * BELIEF).astype(np.int64) * FINE
    lights[taken] += strength
    lights[here] = 0
    nails = np.flatnonzero(lights)
    return nails, lights[nails]


def first_sights(settings: SightSettings, light: Floats) -> Float32:
    """How good a first nail each is on planned light (b, k), in nats: (b, n), at most 0.

    The encoder begins with the best chord of all. A nail's sight is the log-chance that it is an end of it,
    where each chord's is a softmax of its score, FIRST_GAIN nats a unit.
    """
    scoring, fans = settings.scoring, fans_of(settings.scoring)
    nails = np.arange(scoring.nails)
    near = scoring.board.distance(nails[:, None], nails) < settings.rules.min_nail_gap
    found = np.empty((len(light), scoring.nails), np.float32)
    for row in range(len(light)):
        scores = fans.starts(light[row : row + 1], settings.order)[0]
        scores[near] = -np.inf
        chances = np.exp(FIRST_GAIN * (scores - scores.max())).sum(axis=1)
        found[row] = np.log(np.maximum(chances / chances.sum(), LEAST))
    return found


def wanted_of(settings: SightSettings, light: Floats, pictures: Floats | None) -> Int32:
    """What a sight begins with: planned light (b, k), or pictures (b, c, c) that are finer than it."""
    fans = fans_of(settings.scoring)
    return fans.pictures(light, settings.order) if pictures is None else fans.wanted(pictures)


def weighed(sights: Float32, gains: Float32) -> Float32:
    """What sights (b, n) add to logits, in four forms with a gain each, (b, SIGHTS) → (b, n).

    As they are, their root, their chance, their bend (how they differ from their neighbours on the ring).
    """
    below = np.minimum(sights, 0)
    bend = np.roll(sights, 1, axis=1) + np.roll(sights, -1, axis=1) - 2 * sights
    total = np.zeros_like(sights)
    for k, form in enumerate((sights / 2, 1 - np.sqrt(1 - below), np.exp(below), bend / 4)):
        total += gains[:, k : k + 1] * form
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
        self._left = wanted_of(self.settings, light, pictures)
        self._paths = np.zeros((len(self._left), 0), dtype=np.int64)
        self._views: list[FanView] = []
        return first_sights(self.settings, light)

    def step(self, nails: NDArray[np.integer]) -> tuple[Float32, Float32]:
        """As Seeing.step."""
        before, count = self._paths, self._paths.shape[1]
        self._paths = np.concatenate([before, np.asarray(nails, np.int64)[:, None]], axis=1)
        allowed = allowed_next(self._paths, self.settings.scoring.board, self.settings.rules)
        views, facts = [], []
        for row, nail in enumerate(np.asarray(nails).tolist()):
            surprise = self._learn(row, int(before[row, -1]), nail) if count else 0.0
            view = see(self._fans.scores(self._left[row], nail), allowed[row])
            views.append(view)
            facts.append(facts_of(view, count, surprise))
        self._views = views
        return np.stack([view.sights for view in views]).astype(np.float32), np.stack(facts)

    def select(self, rows: NDArray[np.integer]) -> None:
        """As Seeing.select."""
        self._left, self._paths = self._left[rows], self._paths[rows]
        self._views = [self._views[row] for row in rows] if self._views else []

    def _learn(self, row: int, here: int, taken: int) -> float:
        """Lay chord here–taken and move the belief; the surprise in nats."""
        view, left = self._views[row], self._left[row]
        nails, lights = laid(view.chances, here, taken, self._fans.strength)
        self._fans.lay(left, here, nails, lights)
        return -math.log(max(float(view.chances[taken]), 1e-30))
