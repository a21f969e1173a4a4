"""Matplotlib's pictures, and that neon puts every chord where Matplotlib does."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nitograph.board import Board
from nitograph.drawing import neon
from nitograph.drawing.classic import classic
from nitograph.drawing.contact_sheet import contact_sheet
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.errors import NitographError, SettingsError
from nitograph.thread import Thread

THREAD = Thread([0, 90, 200, 40, 140, 250, 110, 16, 128, 64, 192, 0], Board(), label="7")


def grey(picture: Picture) -> np.ndarray:
    """Luminance blurred a little, less its mean, (h, w)."""
    image = Image.fromarray(picture.rgb()).convert("L").filter(ImageFilter.GaussianBlur(1.0))
    values = np.asarray(image).astype(float)
    return values - values.mean()


@pytest.mark.parametrize("layout", ["row", "grid", "ring"])
def test_geometry_agrees_with_neon(layout: str) -> None:
    """The classic and the neon picture coincide, and a shift of one pixel any way makes it worse."""
    look = NeonSettings(size=420, ring=False, glow=0.0, thickness=4.0, layout=layout)
    threads = [THREAD] if layout == "row" else [THREAD, THREAD, THREAD]
    ours, theirs = grey(neon.draw(threads, look)), grey(classic(threads, look))

    def likeness(dy: int, dx: int) -> float:
        return float(np.corrcoef(np.roll(ours, (dy, dx), (0, 1)).ravel(), theirs.ravel())[0, 1])

    best = likeness(0, 0)
    assert best > 0.96
    assert best > max(likeness(*shift) for shift in ((1, 0), (-1, 0), (0, 1), (0, -1))) + 0.01


def test_the_check_of_geometry_can_fail() -> None:
    """Another thread does not pass for this one."""
    look = NeonSettings(size=420, ring=False, glow=0.0, thickness=4.0)
    other = Thread([3, 95, 210, 50, 150, 240, 100, 20, 120, 70, 180, 3])
    ours, theirs = grey(neon.draw(other, look)), grey(classic(THREAD, look))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] < 0.6


def test_classic_takes_every_look() -> None:
    """Gradients, paper and the ring come out as pictures of the requested size."""
    for look in (
        NeonSettings(size=100, palette="sunset"),
        NeonSettings(size=100, palette="#f00", background="paper", glow=10.0, brightness=20.0),
    ):
        assert classic(THREAD, look).rgb().shape == (100, 100, 3)
    with pytest.raises(SettingsError, match="at most 8192"):
        classic(THREAD, NeonSettings(size=9000))


def test_contact_sheet() -> None:
    """Every thread has its place, in order, with space for its title."""
    other = Thread([0, 128], label="1")
    sheet = contact_sheet([THREAD, other, THREAD], ["seven", "one", "7"], 2, tile=100)
    assert sheet.pixels.shape == (232, 200, 3)
    bare = contact_sheet([THREAD, other, THREAD], None, 2, tile=100)
    assert bare.pixels.shape == (200, 200, 3)
    assert np.array_equal(bare.pixels[:100, :100], bare.pixels[100:, :100])
    assert np.array_equal(sheet.pixels[:100, :100], bare.pixels[:100, :100])
    assert not np.array_equal(bare.pixels[:100, :100], bare.pixels[:100, 100:])
    assert sheet.pixels[100:116, :100].max() > 100


def test_long_titles_stay_below_their_threads() -> None:
    """A name as long as a class may have, in signs that the font lacks too, is cut."""
    for name in ("x" * 60, "ש" * 20, "two words · seed 1234567"):
        sheet = contact_sheet([THREAD] * 3, ["", f"{name} · seed 42", ""], 3, tile=100).pixels
        assert sheet[100:, 100:200].max() > 100
        assert (np.delete(sheet[100:], range(100, 200), axis=1) == sheet[100, 0]).all()


def test_contact_sheet_of_nothing() -> None:
    """No threads, or titles that do not match, are errors."""
    with pytest.raises(SettingsError, match="at least one"):
        contact_sheet([])
    with pytest.raises(SettingsError, match="got 1 for 2"):
        contact_sheet([THREAD, THREAD], ["one"])
    with pytest.raises(SettingsError, match="at most 16384 pixels"):
        contact_sheet([THREAD] * 20, None, 1, tile=1000)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Matplotlib is missing, one line says how to get it; contact sheets go without."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NitographError, match=r"nitograph\[sheets\]"):
        classic(THREAD, NeonSettings(size=64))
    assert contact_sheet([THREAD], ["7"], tile=64).pixels.shape == (80, 64, 3)
