"""The settings that the verbs take as keywords, written out for editors and type checkers.

Names and types are those of the Settings classes, which declare meaning, unit, range and default; a test
checks that both agree. At run time only those declarations count. This module knows no verb.

Try it: python -c "from nitograph.api.keywords import Sampling; print(*Sampling.__annotations__)"
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, TypeVar

from nitograph.errors import SettingsError
from nitograph.settings import Settings

S = TypeVar("S", bound=Settings)


class Sampling(TypedDict, total=False):
    """How tokens are chosen: `sampling.settings.SampleSettings`; a penalty's weights by name, too."""

    temperature: float | None
    top_k: int | None
    min_p: float
    repetition_penalty: float
    plan_temperature: float | None
    plan_steps: int | None
    guidance: float | None
    min_lines: int
    max_lines: int | None
    min_nail_gap: int | None
    beam: int
    penalty: str | Mapping[str, float]
    best_of: int


class Look(TypedDict, total=False):
    """How a thread is drawn: `drawing.look.NeonSettings` and, for boards, `drawing.board.BoardLook`."""

    size_inches: float
    dpi: int
    size: int | None
    palette: str
    background: str
    thickness: float
    glow: float
    brightness: float
    ring: bool
    layout: str
    thread_colour: str | None
    board_colour: str | None
    thread_width: float | None
    diameter: float | None


class Weaving(TypedDict, total=False):
    """How a picture becomes a thread: the settings of `weaving`, and `shapes.settings.BoardSettings`."""

    nails: int
    canvas_size: int
    max_lines: int
    min_lines: int
    min_nail_gap: int
    line_radius: float
    line_strength: float
    length_power: float
    stop_score: float
    false_positive_weight: float
    recent_edges: int
    blur_radius: float
    gamma: float
    start_nail: int | None
    coverage: str
    beam: int
    quality: str
    invert: bool | None
    equalize: float
    zoom: float
    centre_x: float
    centre_y: float
    faces: str
    thread_width: float
    diameter: float
    view_mm: float
    darkness: float
    light: str
    board: str
    spacing: float | None
    min_chord: float | None
    nail_diameter: float
    notches: str


class Numbering(TypedDict, total=False):
    """How to read a nail list that does not state its numbering: `io.lists.ForeignList`."""

    list_nails: int | None
    list_origin: str
    list_direction: str
    list_first: int


def check_names(verb: str, given: Iterable[str], kinds: Iterable[type[Settings]]) -> None:
    """SettingsError that lists the settings, if a keyword is not one of them."""
    known = [name for kind in kinds for name in kind.names()]
    unknown = [name for name in given if name not in known]
    if unknown:
        listed = ", ".join(dict.fromkeys(known))
        raise SettingsError(f"{verb} has no setting {unknown[0]!r}; it has {listed}")


def take(kind: type[S], given: Mapping[str, Any], base: S | None = None) -> S:
    """The keywords that are settings of this kind, over `base` or the defaults; checked."""
    chosen = {name: value for name, value in given.items() if name in kind.names()}
    return kind(**chosen) if base is None else base.replace(**chosen)
