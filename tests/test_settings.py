"""Guards of settings: what is declared once is checked, described and carried over everywhere."""

import dataclasses
from dataclasses import dataclass

import pytest

from nitograph.board import Board, Rules
from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting


@dataclass(frozen=True)
class Kettle(Settings):
    """Settings made up for these tests."""

    cups: int = setting(2, "how many cups", unit="cups", low=1, high=5_000_000)
    heat: float = setting(95.0, "of the water", low=0.5, high=100.0)
    lid: bool = setting(True, "whether it is closed")
    sort: str = setting("green", "of tea", choices=("green", "black"))
    timer: int | None = setting(None, "when to ring", low=1)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("cups", 0, "cups must be at least 1, got 0"),
        ("cups", 5_000_001, "cups must be at most 5000000, got 5000001"),
        ("cups", 2.5, "cups must be a whole number, got 2.5"),
        ("cups", True, "cups must be a whole number, got True"),
        ("cups", None, "cups must be a whole number, got None"),
        ("cups", 10**400, "cups must be a whole number, got int of"),
        ("cups", float("inf"), "cups must be a whole number, got inf"),
        ("heat", float("nan"), "heat must be a finite number, got nan"),
        ("heat", 100.5, "heat must be at most 100, got 100.5"),
        ("heat", "hot", "heat must be a finite number, got 'hot'"),
        ("heat", "h" * 500, "heat must be a finite number, got 'hhh"),
        ("lid", 1, "lid must be of type bool, got 1"),
        ("sort", "white", "sort must be one of green, black, got 'white'"),
        ("sort", None, "sort must be of type str, got None"),
        ("timer", 0, "timer must be at least 1, got 0"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_wrong_values(name, value, part):
    """A value out of range or of the wrong type is refused in one short line that names both."""
    with pytest.raises(SettingsError) as caught:
        Kettle(**{name: value})
    text = str(caught.value)
    assert text.startswith(part)
    assert "\n" not in text
    assert len(text) < 200


def test_bounds_are_inclusive():
    """Both ends of a range may be used."""
    assert Kettle(cups=1, heat=100.0).replace(cups=5_000_000, heat=0.5).heat == 0.5


def test_values_take_their_declared_type():
    """2.0 cups are 2 and heat 90 is 90.0, so that equal settings also have equal JSON and digests."""
    made = Kettle(cups=2.0, heat=90)
    assert type(made.cups) is int
    assert type(made.heat) is float


def test_round_trip_and_unknown_names():
    """to_dict and from_dict are opposites; a name that is not declared is refused with the list."""
    made = Kettle(cups=4, timer=3)
    assert Kettle.from_dict(made.to_dict()) == made
    assert Kettle.from_dict({}) == Kettle()
    with pytest.raises(SettingsError, match="Kettle has no setting 'sugar'; it has cups, heat"):
        Kettle.from_dict({"sugar": 1})


def test_frozen_and_checked_again():
    """Settings never change, and a changed copy is checked like a new one."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Kettle().cups = 3  # type: ignore[misc]
    with pytest.raises(SettingsError):
        Kettle().replace(cups=0)


def test_description_holds_meaning_unit_and_default():
    """Help texts derive from the declaration."""
    assert Kettle.describe("cups") == "how many cups, cups (default 2)"
    assert Kettle.describe("timer") == "when to ring"
    assert Kettle.kind("timer") is int
    assert Kettle.optional("timer")
    assert not Kettle.optional("cups")


def test_rules_that_fit_no_board():
    """A gap above half the ring leaves no walk, and the message says what to do."""
    Rules(4, 1).check_fits(Board(8))
    with pytest.raises(SettingsError, match="at most 4 on a board of 8 nails, got 5; lower the gap"):
        Rules(5, 1).check_fits(Board(8))
