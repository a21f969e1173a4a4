"""How threads are sampled: the settings, and what the weights say where a setting is left open.

This module samples nothing.

Try it: python -c "from nitograph.sampling.settings import SampleSettings; print(SampleSettings())"
"""

from dataclasses import dataclass
from typing import Any

from nitograph.board import Rules
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.penalties import Penalties
from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class SampleSettings(Settings):
    """How tokens are chosen; what is None is as the weights say, else as PLAIN_DEFAULTS."""

    temperature: float | None = setting(None, "of the nails; 0 takes the most likely", low=0, high=100)
    top_k: int | None = setting(
        None, "choose among this many most likely nails (0: all)", low=0, high=1_000_000
    )
    min_p: float = setting(0.0, "drop nails less likely than this share of the most likely", low=0, high=1)
    repetition_penalty: float = setting(
        1.0, "makes nails of the thread so far less likely", low=0.1, high=10
    )
    plan_temperature: float | None = setting(
        None, "of the plan; 0 as well where only that of the nails is given as 0", low=0, high=100
    )
    plan_steps: int | None = setting(
        None, "steps in which the weights' flow draws the plan sharp (0: it stays blurred)", low=0, high=100
    )
    guidance: float | None = setting(
        None, "how far the plan is pushed from any class towards its own (1: not at all)", low=0, high=20
    )
    min_lines: int = setting(1, "chords before the thread may end", low=1, high=1_000_000)
    max_lines: int | None = setting(
        None, "maximum number of chords; the model's own if not given", low=1, high=1_000_000
    )
    min_nail_gap: int | None = setting(
        None, "minimum circular distance of a step; the model's own if not given", unit="nails", low=1
    )
    beam: int = setting(
        1,
        "walks of a thread searched side by side, the best of which is kept (1: no search)",
        low=1,
        high=64,
    )
    penalty: str = setting(
        "", f"what a walk is charged for, as overdraw=0.5,metres=0.1, in nats; {Penalties.listed()}"
    )
    best_of: int = setting(
        1, "draw this many threads, keep the one that the bundled critic likes best", low=1, high=1000
    )

    def check(self) -> None:
        """A penalty's text is kept as `Penalties` writes it; it takes the place of repetition_penalty."""
        object.__setattr__(self, "penalty", Penalties.parse(self.penalty).text())
        if self.searched and self.repetition_penalty != 1.0:
            raise SettingsError(
                "a beam and penalties exclude repetition_penalty, "
                f"got {self.repetition_penalty:g}; use the penalty crowding in its place"
            )

    def to_dict(self) -> dict[str, Any]:
        """As Settings.to_dict; without what asks for nothing, as before it could be asked for."""
        values = super().to_dict()
        silent = {"plan_steps": None, "beam": 1, "penalty": "", "best_of": 1}
        return {name: value for name, value in values.items() if value != silent.get(name, ...)}

    @property
    def searched(self) -> bool:
        """Whether walks are searched by `beam`, not drawn one by one."""
        return self.beam > 1 or bool(self.penalty)


# Of models whose weights do not say how they are best sampled.
PLAIN_DEFAULTS = SampleSettings(temperature=0.85, top_k=32, plan_temperature=1.0, guidance=1.5)
STEPS = 4  # of a flow


def resolved(settings: SampleSettings, weights: Weights) -> SampleSettings:
    """The settings with the model's own values filled in; SettingsError if they contradict each other."""
    gap = weights.rules.min_nail_gap if settings.min_nail_gap is None else settings.min_nail_gap
    max_lines = weights.max_lines if settings.max_lines is None else settings.max_lines
    if settings.min_lines > max_lines:
        raise SettingsError(
            f"min_lines must not be above max_lines, got {settings.min_lines} and {max_lines}"
        )
    Rules(gap, weights.rules.recent_edges).check_fits(weights.board)
    own = PLAIN_DEFAULTS.replace(**SampleSettings.from_dict(dict(weights.sampling)).given())
    limits = {"min_nail_gap": gap, "max_lines": max_lines}
    found = settings.replace(**(own.given() | settings.given() | limits))
    if found.temperature == 0 and settings.plan_temperature is None:
        found = found.replace(plan_temperature=0.0)
    if weights.sharpener is not None:
        return found.replace(plan_steps=STEPS) if found.plan_steps is None else found
    if settings.plan_steps:
        raise SettingsError("these weights have no flow to draw plans sharp; leave plan_steps out")
    return found.replace(plan_steps=None)


def rules_of(settings: SampleSettings, weights: Weights) -> Rules:
    """The rules of the board as these settings have them."""
    return Rules(settings.min_nail_gap or weights.rules.min_nail_gap, weights.rules.recent_edges)
