"""A scatter of a sweep: colours, marks and panels by settings, the chosen dot ringed."""

import sys

import numpy as np
import pytest

from nitograph.drawing.charts import INK, SHADES, Dot, scatter
from nitograph.errors import NitographError, SettingsError


def dots(*settings: dict[str, float], chosen: int = 0) -> list[Dot]:
    """Dots on a rising line."""
    return [
        Dot((0.9 + i / 50, 0.88 + i / 50, 0.93 + i / 50), (0.95 + i / 30, 0.94, 0.99), told, i == chosen)
        for i, told in enumerate(settings)
    ]


def has(picture: np.ndarray, colour: str) -> bool:
    """Whether some pixel has just this colour."""
    return bool((picture == [int(colour[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=2).any())


def test_colours_are_the_first_setting_and_panels_the_third() -> None:
    """Guards what a reader takes from it: a colour for each value, a panel for each further combination."""
    one = scatter(dots({"guidance": 1.0}, {"guidance": 1.5}), "x", "y").pixels
    assert has(one, SHADES[0])
    assert has(one, SHADES[1])
    assert not has(one, SHADES[2])
    listed = [{"a": a, "b": b, "c": c} for a in (1.0, 2.0) for b in (0.5, 1.0) for c in (0.0, 3.0)]
    two = scatter(dots(*listed), "x", "y").pixels
    assert two.shape[1] > 1.4 * one.shape[1]
    assert two.shape[0] == one.shape[0]


def test_the_chosen_one_is_ringed_and_named() -> None:
    """Guards the mark: without a chosen dot there is neither ring nor title."""
    settings = ({"guidance": 1.0}, {"guidance": 1.5})
    ringed, bare = (scatter(dots(*settings, chosen=i), "x", "y").pixels for i in (1, 9))
    count = [np.count_nonzero((x > 200).all(axis=2)) for x in (ringed, bare)]
    assert has(ringed, INK)
    assert count[0] > count[1] + 200


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """No dots, and no Matplotlib, are one line each."""
    with pytest.raises(SettingsError, match="at least one dot"):
        scatter([], "x", "y")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NitographError, match=r"nitograph\[sheets\]"):
        scatter(dots({"guidance": 1.0}), "x", "y")
