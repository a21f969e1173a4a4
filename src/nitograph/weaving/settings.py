"""How a picture becomes a thread: the settings, their rules, and the presets.

This module does not know how it is done; `encoder` does.

Try it: python -c "from nitograph.weaving.settings import PRESETS; print(PRESETS['photo'])"
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import MAX_NAILS, MIN_NAILS, Board, Rules, allowed_next
from nitograph.errors import SettingsError
from nitograph.light.frame import width_in_board_units
from nitograph.settings import Settings, setting

MAX_LINES = 20_000
BEAM_CANVAS = 256  # each step copies the canvases of all its walks


@dataclass(frozen=True)
class WeaveSettings(Settings):
    """How a picture becomes a thread."""

    nails: int = setting(256, "nails on the ring", low=MIN_NAILS, high=MAX_NAILS)
    canvas_size: int = setting(64, "side of the working canvas", unit="pixels", low=8, high=2048)
    max_lines: int = setting(240, "maximum number of chords", low=1, high=MAX_LINES)
    min_lines: int = setting(
        1, "chords laid before the stop rule may end the thread", low=1, high=MAX_LINES
    )
    min_nail_gap: int = setting(6, "minimum circular distance of a step", unit="nails", low=1)
    line_radius: float = setting(
        1.0, "a chord is 2 × this + 1 wide on the canvas", unit="pixels", low=0.0, high=64.0
    )
    line_strength: float = setting(0.03, "light of one chord, 1 is white", low=1e-3, high=1.0)
    length_power: float = setting(0.1, "a score is divided by length to this power", low=-2.0, high=2.0)
    stop_score: float = setting(0.0, "the thread ends where the best score is not above this")
    false_positive_weight: float = setting(
        1.0, "weight of light beyond the target against light missing", low=0.0, high=100.0
    )
    recent_edges: int = setting(80, "a chord is not drawn again within this many", unit="chords", low=1)
    blur_radius: float = setting(0.85, "Gaussian blur of the target", unit="pixels", low=0.0, high=100.0)
    gamma: float = setting(
        0.8, "power of the target's greys, under 1 lifts faint ones", low=0.05, high=20.0
    )
    start_nail: int | None = setting(None, "first nail; chosen by the best first chord if not given", low=0)
    coverage: str = setting(
        "antialiased",
        "real nails and shares of pixels, or the original's rounded nails and thick lines",
        choices=("antialiased", "bresenham"),
    )
    beam: int = setting(
        1, "walks followed side by side, the best of which is kept; 1 is greedy", low=1, high=64
    )
    quality: str = setting(
        "default",
        "default: greedy from the best first chord; fast: from nail 0; best: default and local search",
        choices=("fast", "default", "best"),
    )

    def check(self) -> None:
        """The rules between these settings."""
        self.rules.check_fits(self.board)
        if self.min_lines > self.max_lines:
            raise SettingsError(
                f"min_lines must not be above max_lines, got {self.min_lines} and {self.max_lines}"
            )
        if self.start_nail is not None and self.start_nail >= self.nails:
            raise SettingsError(
                f"start_nail must be from 0 to {self.nails - 1} on this board, got {self.start_nail}"
            )
        if self.coverage == "bresenham" and self.line_radius != int(self.line_radius):
            raise SettingsError(
                f"line_radius must be whole with coverage bresenham, got {self.line_radius:g}"
            )
        if self.beam > 1 and (self.coverage != "antialiased" or self.canvas_size > BEAM_CANVAS):
            raise SettingsError(
                f"a beam needs coverage antialiased and a canvas_size of at most {BEAM_CANVAS}; "
                f"got {self.coverage} and {self.canvas_size}"
            )
        if self.quality == "best" and (self.coverage != "antialiased" or self.false_positive_weight != 1.0):
            raise SettingsError(
                "quality best needs coverage antialiased and a false_positive_weight of 1; "
                f"got {self.coverage} and {self.false_positive_weight:g}"
            )

    @property
    def board(self) -> Board:
        """The ring of nails."""
        return Board(self.nails)

    @property
    def rules(self) -> Rules:
        """Which steps the thread may take."""
        return Rules(self.min_nail_gap, self.recent_edges)

    def no_way_on(self, path: NDArray[np.int32], board: Board | None = None) -> bool:
        """Whether a path (t,) has fewer chords than it might, and no nail may come next.

        board: where the nails are, if not on the ring.
        """
        if not 1 <= len(path) <= self.max_lines:
            return False
        return not allowed_next(path[None], board or self.board, self.rules).any()

    @property
    def width(self) -> float:
        """Width of the thread in board radii."""
        return width_in_board_units(2 * self.line_radius + 1, self.canvas_size)


def with_real_thread(
    settings: WeaveSettings, thread_mm: float, board_mm: float, *, opacity: float = 1.0
) -> WeaveSettings:
    """The same settings with the light of one chord as a real thread gives it.

    thread_mm: its thickness. board_mm: diameter of the ring of nails. opacity: of the thread itself. The
    band drawn keeps its width on the canvas; its light is the share of it that the thread covers.
    """
    if not 0 < thread_mm < board_mm:
        raise SettingsError(
            "a thread must be thinner than its board, and both wider than 0 mm, "
            f"got {thread_mm:g} and {board_mm:g}"
        )
    covered = opacity * (2 * thread_mm / board_mm) / settings.width
    if not 0 < opacity <= 1 or not covered >= 1e-3:
        raise SettingsError(
            f"a thread of {thread_mm:g} mm on {board_mm:g} mm covers {covered:.2g} of a chord's band, too "
            "little to weave with; take a larger canvas_size, a smaller line_radius or a thicker thread"
        )
    return settings.replace(line_strength=min(covered, 1.0))


def in_angle(preset: WeaveSettings, given: Mapping[str, Any]) -> WeaveSettings:
    """A preset with what is given over it; on another number of nails its gaps keep their angle.

    A gap that is fixed in nails leaves no way on where nails are few, and short cuts where they are many.
    """
    nails = given.get("nails", preset.nails)
    if type(nails) is not int or nails == preset.nails or nails < MIN_NAILS:
        return preset.replace(**given)
    share = nails / preset.nails
    kept = {name: max(1, round(getattr(preset, name) * share)) for name in ("min_nail_gap", "recent_edges")}
    kept["recent_edges"] = min(kept["recent_edges"], preset.recent_edges)
    return preset.replace(**(kept | dict(given)))


PRESETS: Mapping[str, WeaveSettings] = {
    "default": WeaveSettings(),
    "original": WeaveSettings(min_lines=240, false_positive_weight=0.2, start_nail=0, coverage="bresenham"),
    "photo": WeaveSettings(
        nails=288, canvas_size=300, max_lines=3000, line_radius=0.0, line_strength=0.05, length_power=0.0,
        min_nail_gap=10, blur_radius=0.0, gamma=1.0,
    ),
}  # fmt: skip
