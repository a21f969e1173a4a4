"""A scatter of a sweep: colours, marks and panels by settings, the chosen dot ringed; curves of a run."""

import sys

import numpy as np
import pytest

from nitograph.drawing.charts import INK, SHADES, SOFT, Dot, curves, has_curves, scatter
from nitograph.errors import NitographError, SettingsError


def dots(*settings: dict[str, float], chosen: int = 0) -> list[Dot]:
    """Dots on a rising line."""
    return [
        Dot((0.9 + i / 50, 0.88 + i / 50, 0.93 + i / 50), (0.95 + i / 30, 0.94, 0.99), values, i == chosen)
        for i, values in enumerate(settings)
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
    with pytest.raises(NitographError, match=r"nitograph\[sheets\]"):
        curves([{"kind": "valid", "step": 1, "nail_loss": 2.0}])


PLAN = [{"kind": "plan", "step": i, "light_error": 1 / (i + 1), "learning_rate": 1e-3} for i in range(9)]
STEPS = [
    {"kind": "step", "step": i, "nail_loss": 5 - i / 9, "plan_loss": 5.0, "learning_rate": 1e-3}
    for i in range(9)
]
VALID = [{"kind": "valid", "step": 8, "nail_loss": 4.0, "plan_loss": None, "learning_rate": 1e-3}]


def test_each_loss_has_a_panel() -> None:
    """Guards what is drawn of which records: where losses lack, so do panels; a single point is seen."""
    training, held_out = SHADES[:2]
    widths = []
    for log, shades in (
        (VALID, {held_out}),
        (STEPS[:1], {training}),
        (PLAN, {training}),
        (STEPS, {training}),
        (PLAN + STEPS + VALID, {training, held_out}),
    ):
        picture = curves([{"kind": "run", "step": 0}, *log], title="a run").pixels
        assert {shade for shade in (training, held_out) if has(picture, shade)} == shades
        assert has(picture, SOFT) or log is VALID
        widths.append(picture.shape[1])
    assert widths[0] == widths[2] < widths[1] == widths[3] < widths[4]


def test_what_a_log_lacks_is_left_out() -> None:
    """Values that are missing, foreign or not finite, and records of other kinds; no curve is an error."""
    odd = [
        {"kind": "valid", "step": 9, "nail_loss": float("nan")},
        {"kind": "valid", "step": None, "nail_loss": 1.0},
        {"kind": "valid", "step": 9, "nail_loss": "1"},
        {"kind": "done", "step": 9, "nail_loss": 1.0},
        {"kind": "step", "step": 9, "learning_rate": 1.0},
        {"note": "x"},
    ]
    assert not has_curves(odd)
    with pytest.raises(NitographError, match="holds no curve"):
        curves(odd)
    assert has_curves(odd + VALID)
    assert (curves([*odd[:4], *VALID, odd[5]]).pixels == curves(VALID).pixels).all()
