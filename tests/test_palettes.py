"""Names, colours and the ramps made of them."""

import numpy as np
import pytest

from nitograph.colours.oklab import from_oklab, to_oklab
from nitograph.drawing import palettes
from nitograph.errors import SettingsError


@pytest.mark.parametrize("name", list(palettes.PALETTES))
def test_ramps_rise_from_the_background_to_white(name: str) -> None:
    """Every palette starts at the bare background, ends near white and rises, but for rounding."""
    ramp = palettes.ramp(name, "night").astype(int)
    assert ramp.shape == (256, 3)
    assert np.array_equal(ramp[0], [4, 6, 12])
    assert ramp[-1].min() >= 250
    assert np.diff(ramp @ [2126, 7152, 722]).min() > -7152


@pytest.mark.parametrize("name", list(palettes.PALETTES))
def test_ramps_have_no_steps_an_eye_could_see(name: str) -> None:
    """Neighbours on a ramp differ by a few levels at most, so that light shows no bands."""
    assert np.abs(np.diff(palettes.ramp(name, "black").astype(int), axis=0)).max() <= 6


def test_ink_on_paper() -> None:
    """Over a bright background the thread darkens what is under it."""
    ramp = palettes.ramp("magenta", "paper").astype(int)
    assert np.array_equal(ramp[0], [0xF6, 0xF1, 0xE6])
    assert ramp[-1].max() < 90
    assert palettes.light("#f00,#00f", "#fff").ink


def test_colours() -> None:
    """Names, long and short hex, with and without the sign."""
    for text in ("#ff0088", "FF0088", "#f08", " f08 "):
        assert np.allclose(palettes.colour(text), [1, 0, 0x88 / 255])
    assert np.allclose(palettes.colour("navy"), [6 / 255, 11 / 255, 31 / 255])


@pytest.mark.parametrize("text", ["", "#12", "#ggg", "nocolour", "#12345678", "#ff0000;"])
def test_no_colour(text: str) -> None:
    """What is no colour says what one is."""
    with pytest.raises(SettingsError, match="a colour is a hex colour"):
        palettes.colour(text)


@pytest.mark.parametrize(
    ("palette", "gradient"),
    [("cyan", False), ("Fire", False), ("#0f0", False), ("teal", False), ("aurora", True)]
    + [
        (text, True)
        for text in ("#f08,#0df", "#f08 #0df", "#ff0080-#00e0ff", "ff0080,00e0ff", "red,blue,#fff")
    ],
)
def test_one_colour_or_many(palette: str, gradient: bool) -> None:
    """One colour gives a ramp; two or more run along the thread."""
    palettes.check(palette)
    assert palettes.is_gradient(palette) == gradient


@pytest.mark.parametrize("palette", ["nope", "", ",", "#f08,nope", "#f08-"])
def test_no_palette(palette: str) -> None:
    """What is no palette says which there are."""
    with pytest.raises(SettingsError, match="a palette is one of cyan"):
        palettes.check(palette)


def test_a_gradient_runs_from_end_to_end() -> None:
    """The first chord has the first colour, the last the last, and all channels get some light."""
    along = palettes.along("#ff0000,#0000ff", 5)
    assert np.allclose(along, [[1, 0, 0], [0.75, 0, 0.25], [0.5, 0, 0.5], [0.25, 0, 0.75], [0, 0, 1]])
    assert palettes.light("#ff0000,#0000ff", "black", 5).weights.min() > 0


def test_oklab_there_and_back() -> None:
    """Colours survive the way through OKLab."""
    rgb = np.random.default_rng(3).random((50, 3))
    assert np.allclose(from_oklab(to_oklab(rgb)), rgb, atol=1e-5)
