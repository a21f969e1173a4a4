"""Geometric penalties: what a thread may be charged for, each with its unit, and their running sums.

`Penalties` declares every penalty and its weight, in nats a unit; help and docs take their words from
there. `Tally` keeps what is needed to charge several walks over one plan: which nails they have used, and
their canvases. A penalty is a sum over chords of what each costs when it is laid. This module knows no
decoder and chooses nothing; `beam` does.

Try it: python -m nitograph generate 7 --beam 4 --penalty crowding=2,short=1
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import SettingsError, WeightsError
from nitograph.light.bands import FINE
from nitograph.light.fans import Fans, fans_of
from nitograph.model.sight import SightSettings
from nitograph.model.weights import Weights
from nitograph.sampling.plans import Plans, shown
from nitograph.settings import Settings, setting

CROWD = 4  # visits of a nail that cost nothing
SHORT = 0.5  # radii: chords below it are short
RADIUS_METRES = 0.3  # of a board 600 mm across

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Penalties(Settings):
    """How much each penalty weighs; 0: not at all."""

    overdraw: float = setting(
        0.0,
        "light laid where the plan (without a plan: white) is reached already, in chords",
        unit="nats a chord",
        low=0,
        high=1000,
    )
    crowding: float = setting(
        0.0, f"visits of a nail beyond its first {CROWD}", unit="nats a visit", low=0, high=1000
    )
    short: float = setting(
        0.0,
        "chords shorter than half a radius: 1 for one of no length, 0 for one of half a radius",
        unit="nats a chord",
        low=0,
        high=1000,
    )
    metres: float = setting(
        0.0, "length of the thread on a board 600 mm across", unit="nats a metre", low=0, high=1000
    )

    @classmethod
    def parse(cls, text: str) -> "Penalties":
        """`overdraw=0.5,crowding=1`; SettingsError in one line for anything else."""
        found: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name in found:
                raise SettingsError(
                    f"penalty names each penalty once, got {name} twice; give it one weight"
                )
            try:
                found[name] = float(value)
            except ValueError:
                raise SettingsError(
                    f"penalty takes names and weights such as overdraw=0.5,metres=0.1, got {part[:40]!r}"
                ) from None
        return cls.of(found)

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "Penalties":
        """From weights by name; SettingsError for a name that is none."""
        for name in weights:
            if name not in cls.names():
                raise SettingsError(
                    f"penalty knows {', '.join(cls.names())}, got {str(name)[:40]!r}; name one of these"
                )
        return cls(**weights)

    @classmethod
    def listed(cls) -> str:
        """Every penalty with its meaning, as a help text names them."""
        return "; ".join(f"{name}: {cls.declaration(name).help}" for name in cls.names())

    def text(self) -> str:
        """What `parse` reads, the weights above 0 only; empty where there is none."""
        return ",".join(f"{name}={value!r}" for name, value in self.to_dict().items() if value)


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where light is laid: the fans of the board, and what is wanted, (c, c) in their whole numbers."""

    fans: Fans
    wanted: Int32


def canvas_for(weights: Weights, plans: Plans | None) -> Canvas:
    """The canvas of a model's threads, with one plan on it; None: white everywhere.

    SettingsError where chords cannot be laid there in NumPy.
    """
    order = weights.settings.zernike_order
    try:
        settings = SightSettings.of(weights.weaving, weights.board, weights.rules, order)
    except WeightsError as error:
        raise SettingsError(f"the penalty overdraw cannot be charged for this model: {error}") from None
    fans, size = fans_of(settings.scoring), settings.scoring.canvas_size
    white = np.ones((1, size, size), np.float32)
    return Canvas(fans, fans.wanted(white if plans is None else shown(weights, plans))[0])


class Tally:
    """What walks side by side have been charged, and what each next chord would be charged.

    amounts: unweighted sums so far by penalty, (k,) each. It begins with one walk without nails.
    """

    def __init__(self, penalties: Penalties, board: Board, canvas: Canvas | None = None) -> None:
        if penalties.overdraw and canvas is None:
            raise SettingsError("the penalty overdraw needs a canvas to lay chords on")
        self.penalties, self.board = penalties, board
        self._names = [name for name, weight in penalties.to_dict().items() if weight]
        self._visits = np.zeros((1, board.num_nails), dtype=np.int64)
        self._here: Int64 | None = None
        self._canvas = canvas if "overdraw" in self._names else None
        self._left = np.zeros((1, 0, 0), np.int64)
        if canvas is not None:
            self._left = canvas.fans.canvas(canvas.wanted[None])
        self.amounts = {name: np.zeros(1) for name in self._names}
        self._next: dict[str, Float64] = {}

    def costs(self) -> Float64:
        """What each next nail would be charged, weighted, (k, n) nats; 0 for the first nail."""
        shape = self._visits.shape
        total = np.zeros(shape)
        if self._here is None:
            self._next = {name: np.zeros(shape) for name in self._names}
            return total
        lengths = self.board.chord_lengths()[
            self.board.distance(self._here[:, None], np.arange(shape[1])[None])
        ]
        for name in self._names:
            self._next[name] = self._charge(name, lengths)
            total += getattr(self.penalties, name) * self._next[name]
        return total

    def move(self, rows: Int64, nails: Int64) -> None:
        """Go on with these walks, (m,) of those before and perhaps repeated, each to its next nail (m,).

        `costs` must have been asked for this step.
        """
        self._visits = self._visits[rows]
        self._visits[np.arange(len(rows)), nails] += 1
        for name in self._names:
            self.amounts[name] = self.amounts[name][rows] + self._next[name][rows, nails]
        if self._canvas is not None:
            self._left = self._left[rows]
            if self._here is not None:
                fans = self._canvas.fans
                for left, here, nail in zip(self._left, self._here[rows], nails, strict=True):
                    fans.lay(left, int(here), [int(nail)], [fans.strength])
        self._here = nails

    def _charge(self, name: str, lengths: Float64) -> Float64:
        """One penalty of each next chord, in its unit: lengths (k, n) in radii → (k, n)."""
        if name == "crowding":
            return (self._visits >= CROWD).astype(np.float64)
        if name == "short":
            return np.maximum(1 - lengths / SHORT, 0)
        if name == "metres":
            return lengths * RADIUS_METRES
        assert self._canvas is not None
        assert self._here is not None
        fans = self._canvas.fans
        found = np.zeros_like(lengths)
        for row, (left, here) in enumerate(zip(self._left, self._here.tolist(), strict=True)):
            reached = fans.canvas((fans.pixels(left) <= 0).astype(np.int32))
            found[row] = fans.sums(reached, here) / np.maximum(fans.totals(here), FINE)
        return found


def charged(nails: NDArray[np.integer], board: Board, canvas: Canvas | None = None) -> dict[str, float]:
    """Every penalty of a whole path (t + 1,), unweighted; overdraw only with a canvas."""
    every = Penalties(overdraw=0.0 if canvas is None else 1.0, crowding=1.0, short=1.0, metres=1.0)
    tally = Tally(every, board, canvas)
    for nail in np.asarray(nails, dtype=np.int64):
        tally.costs()
        tally.move(np.zeros(1, np.int64), np.array([nail]))
    return {name: float(value[0]) for name, value in tally.amounts.items()}
