"""The neon picture: where its light falls, how it adds up, and that it has neither seams nor bands."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import Board
from nitograph.drawing import neon, painter, palettes
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.scene import stage
from nitograph.errors import SettingsError
from nitograph.io import threads as thread_files
from nitograph.thread import Thread


def walk(seed: int, chords: int = 120, nails: int = 256) -> Thread:
    """A thread whose chords cross near the middle."""
    rng = np.random.default_rng(seed)
    path = [0]
    while len(path) <= chords:
        nail = int(path[-1] + nails // 2 + rng.normal(0, nails / 10)) % nails
        if nail != path[-1]:
            path.append(nail)
    return Thread(path, Board(nails), label="8")


def luminance(picture: Picture) -> np.ndarray:
    """Mean of red, green and blue, (h, w)."""
    return picture.rgb().astype(float).mean(axis=2)


@pytest.mark.parametrize("palette", ["cyan", "#ff0080,#00e0ff"])
def test_bands_and_workers_leave_no_seam(palette: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is the same to the bit from any height of bands and any number of workers."""
    look = NeonSettings(size=1300, palette=palette)
    whole = neon.draw(walk(1), look, workers=1).pixels
    monkeypatch.setattr(painter, "BAND_PIXELS", 1300 * 3 * 37)
    assert np.array_equal(neon.draw(walk(1), look, workers=3).pixels, whole)


def test_light_adds() -> None:
    """Two threads in one are brighter at their crossing than each alone, and no darker anywhere."""
    look = NeonSettings(size=400, ring=False)
    one, two = neon.draw(Thread([0, 128]), look).pixels, neon.draw(Thread([64, 192]), look).pixels
    both = neon.draw(Thread([0, 128, 64, 192]), look).pixels.astype(int)
    assert both[200, 200] > max(one[200, 200], two[200, 200]) + 20
    assert (both - np.maximum(one, two)).min() >= -1


def test_crossings_burn_towards_white() -> None:
    """Many chords through one point turn its colour to white."""
    fan = [nail for i in range(0, 128, 2) for nail in (i, i + 128)]
    picture = neon.draw(Thread(fan), NeonSettings(size=600)).rgb()
    assert picture[298:303, 298:303].min() > 235


def test_dither_keeps_the_mean() -> None:
    """Weak glow between two levels becomes a pattern with the right mean, so no band has an edge."""
    artist = painter.Painter(stage([walk(2)], NeonSettings(size=64)), NeonSettings(size=64))
    for level in (0.1, 3.4, 17.77, 120.02):
        light = np.full((1, 64, 64), -np.log(1 - level / 255), dtype=np.float32)
        out = np.zeros((64, 64), dtype=np.uint8)
        artist._tone(light, 8, out)
        assert out.mean() == pytest.approx(level, abs=0.035)
        assert out.max() - out.min() <= 1


def test_far_from_the_thread_is_the_background() -> None:
    """A corner keeps the colour asked for."""
    for background in ("black", "#102030", "paper"):
        picture = neon.draw(Thread([0, 20]), NeonSettings(size=300, background=background)).rgb()
        expected = np.rint(255 * palettes.colour(background))
        assert np.abs(picture[-1, 0].astype(float) - expected).max() <= 1


@pytest.mark.parametrize("palette", ["amber", "sunset"])
def test_several_boards_in_one_picture(palette: str) -> None:
    """Each board shows its own thread, about as it looks alone."""
    threads = [walk(3), Thread([0, 128]), walk(4)]
    row = luminance(neon.draw(threads, NeonSettings(size=900, palette=palette)))
    assert row.shape == (300, 900)
    for i, thread in enumerate(threads):
        alone = luminance(neon.draw(thread, NeonSettings(size=300, palette=palette)))
        part = row[:, 300 * i : 300 * i + 300]
        assert np.corrcoef(part.ravel(), alone.ravel())[0, 1] > 0.97


@settings(max_examples=15)
@given(
    st.sampled_from([3, 4, 7, 256, 2000]),
    st.integers(1, 60),
    st.sampled_from([64, 65, 127, 641, 700]),
    st.sampled_from([0.05, 0.7, 20.0]),
    st.sampled_from([0.0, 1.0, 10.0]),
)
def test_any_thread_at_any_size(nails: int, chords: int, size: int, thickness: float, glow: float) -> None:
    """Few nails or many, thin or thick, small or odd sizes: always a picture of that size."""
    thread = walk(5, chords, nails)
    picture = neon.draw(thread, NeonSettings(size=size, thickness=thickness, glow=glow))
    assert picture.pixels.shape == (size, size)
    assert picture.pixels.max() > 0


def test_crowds_are_not_blown_out() -> None:
    """Twenty thousand chords leave a picture with light and shade."""
    pixels = neon.draw(walk(6, 20_000), NeonSettings(size=200)).pixels
    assert (pixels > 250).mean() < 0.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 63}, "size must be at least 64"),
        ({"size": 16385}, "size must be at most 16384"),
        ({"size_inches": 100.0}, "64 to 16384 pixels per side, got 100 inches × 512 = 51200"),
        ({"palette": "nope"}, "a palette is one of"),
        ({"background": "nope"}, "a colour is"),
        ({"glow": float("nan")}, "glow must be a finite number"),
    ],
)
def test_impossible_settings(wrong: dict[str, object], message: str) -> None:
    """Settings that no picture can have are refused with the rule."""
    with pytest.raises(SettingsError, match=message):
        NeonSettings(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_nothing_to_draw() -> None:
    """No threads is an error, not an empty picture."""
    with pytest.raises(SettingsError, match="at least one thread"):
        neon.draw([], NeonSettings())


def test_the_picture_carries_its_thread() -> None:
    """What goes into the PNG comes out of it."""
    threads = [walk(7), walk(8)]
    picture = neon.draw(threads, NeonSettings(size=128))
    data = picture.png()
    assert thread_files.from_bytes(data) == threads


def test_imports_are_light() -> None:
    """Drawing loads none of the heavy libraries: a cold start has no time for them."""
    code = (
        "import sys, nitograph.drawing.neon as n, nitograph.thread as t;"
        "n.draw(t.Thread([0, 9, 70]), n.NeonSettings(size=64)).png();"
        "print([m for m in ('torch', 'matplotlib', 'scipy', 'numba', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
