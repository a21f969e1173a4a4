"""Threads of several colours on one board: layers, mixing, palettes, files, pictures, command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nitograph.api.colours import ColourSettings, named_colours, palette_for, weave_colours
from nitograph.board import Board
from nitograph.cli import main
from nitograph.colours.chart import CHART, numbered
from nitograph.colours.layers import HEX, Colour, Layers, colour_of, coloured, layers_of
from nitograph.colours.oklab import from_light, slopes, to_light, to_oklab
from nitograph.drawing import film
from nitograph.drawing.board import BoardLook, draw
from nitograph.drawing.look import NeonSettings
from nitograph.errors import FileError, SettingsError, ThreadError
from nitograph.io.lists import read_threads
from nitograph.io.threads import COLOURS, from_text, to_json
from nitograph.thread import Thread
from nitograph.weaving.mixing import mix_of
from nitograph.weaving.palette import errors_of, find_palette
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import WeaveSettings

RED, BLUE, PAPER = Colour("red", "#d01020"), Colour("blue", "#1030c0"), Colour("paper", "#f6f1e6")
SMALL = {"nails": 60, "canvas_size": 48, "max_lines": 150, "min_nail_gap": 3, "faces": "off"}


def two_threads() -> Layers:
    """Red below blue on one small board."""
    return Layers(
        coloured(Thread(nails, Board(60), "7", {"board_colour": PAPER.hex}), colour)
        for nails, colour in (([0, 30, 5, 40], RED), ([10, 35, 12], BLUE))
    )


def halves(side: int = 64) -> np.ndarray:
    """A picture, red at its left and blue at its right, light in the middle."""
    pixels = np.full((side, side, 3), 235, dtype=np.uint8)
    pixels[:, : side * 2 // 5] = (208, 16, 32)
    pixels[:, side * 3 // 5 :] = (16, 48, 192)
    return pixels


def test_chart_is_sound() -> None:
    """Every thread has a colour and a name of its own, and is found by its number."""
    assert all(HEX.fullmatch(colour.hex) for colour in CHART)
    assert len({colour.name for colour in CHART}) == len({colour.hex for colour in CHART}) == len(CHART)
    assert numbered("321") == Colour("DMC 321 Red", "#c72b3b", "DMC")
    assert numbered("blanc") is not None
    assert numbered("99999") is None


def test_slopes_are_those_of_oklab() -> None:
    """The analytic slopes equal differences."""
    light, step = np.random.default_rng(1).uniform(0.05, 0.9, (7, 3)), 1e-5
    for channel, along in enumerate(np.eye(3) * step):
        found = (to_oklab(from_light(light + along)) - to_oklab(from_light(light - along))) / (2 * step)
        np.testing.assert_allclose(slopes(light)[..., channel], found, atol=1e-4)


def test_layers_know_their_order_wherever_they_are() -> None:
    """A plain list of layers is known for what it is; parts of it, and other threads, are not."""
    layers = two_threads()
    assert layers.colours == (RED, BLUE)
    assert layers_of(list(layers)) == layers
    assert layers_of(list(layers)[::-1]) is None
    assert layers_of([layers[0]]) is None
    assert layers_of([Thread([0, 9]), Thread([0, 9])]) is None


@pytest.mark.parametrize(
    "threads",
    [
        [Thread([0, 9]), coloured(Thread([0, 9]), RED)],
        [coloured(Thread([0, 9], Board(20)), RED), coloured(Thread([0, 9], Board(30)), BLUE)],
    ],
)
def test_layers_refuse_what_shares_no_board(threads: list[Thread]) -> None:
    with pytest.raises(ThreadError):
        Layers(threads)


def test_a_colour_that_is_none() -> None:
    """What a file says of a colour is believed only where it is one."""
    for said in ("red", {"name": "red"}, {"name": "a\nb", "hex": "#ffffff"}, {"name": "x", "hex": "red"}):
        assert colour_of(Thread([0, 9], provenance={"colour": said})) is None


def test_json_comes_back(tmp_path: Path) -> None:
    """The file has a format of its own, is read in order, and is never a word of several boards."""
    layers = two_threads()
    text = to_json(layers)
    assert text.startswith(f'{{"format": "{COLOURS}"')
    back = from_text(text)
    assert layers_of(back) == layers
    assert [one.provenance for one in back] == [one.provenance for one in layers]
    with pytest.raises(FileError, match="must say its colour"):
        from_text(text.replace("#1030c0", "blue"))


def test_mixing_is_what_layers_leave() -> None:
    """The light of layers is that of a plain loop, and a layer's own wanted share is the best one."""
    rng = np.random.default_rng(3)
    threads, board, wanted = rng.uniform(0, 1, (3, 3)), rng.uniform(0, 1, 3), rng.uniform(0, 1, (5, 3))
    through = rng.uniform(0.2, 1, (3, 5)).astype(np.float32)
    mix, plain = mix_of(threads, board, wanted), np.tile(board, (5, 1))
    for colour, share in zip(threads, through, strict=True):
        plain = share[:, None] * plain + (1 - share[:, None]) * colour
    np.testing.assert_allclose(mix.light(through), plain, atol=1e-5)

    def error(layer: int, share: np.ndarray) -> np.ndarray:
        tried = through.copy()
        tried[layer] = share
        off = np.einsum("nij,nj->ni", mix.metric, mix.light(tried) - mix.wanted)
        return np.asarray((off**2).sum(axis=1))

    for layer in range(3):
        best, weight = mix.of_layer(through, layer)
        for off in (-0.1, 0.1):
            grown = error(layer, best + np.float32(off)) - error(layer, best)
            np.testing.assert_allclose(grown, 0.01 * weight**2, rtol=2e-2, atol=1e-4)


def test_palette_is_found() -> None:
    """A picture of two strong colours of a short chart wants these two, the lighter one below."""
    chart = [numbered(number) for number in ("310", "606", "318", "801", "743", "997", "995")]
    chart = [colour for colour in chart if colour is not None]
    places = to_light(np.stack([chart[0].rgb(), chart[1].rgb()] * 20))
    found = find_palette(chart, 2, PAPER, places, np.ones(len(places)))
    assert {colour.hex for colour in found} == {chart[0].hex, chart[1].hex}
    assert found[0].rgb().sum() > found[1].rgb().sum()
    counts = np.full(len(places), 1 / len(places))
    pairs = to_light(np.array([[one.rgb() for one in pair] for pair in (found, (chart[2], chart[0]))]))
    errors = errors_of(pairs, to_light(PAPER.rgb()), places, counts)
    assert errors[0] < errors[1]


def test_named_colours() -> None:
    """Names, values and numbers of the chart."""
    assert named_colours("black, #0AF,dmc:321") == (
        Colour("black", "#000000"),
        Colour("#00aaff", "#00aaff"),
        Colour("DMC 321 Red", "#c72b3b", "DMC"),
    )


@pytest.mark.parametrize("text", ["", "black,black", "dmc:99999", "sky"])
def test_unknown_colours_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        named_colours(text)


def test_palettes_that_do_not_go() -> None:
    """Too few colours for the threads, and a thread of the board's own colour."""
    with pytest.raises(SettingsError, match="at least 4 colours, got 1"):
        ColourSettings(threads=4, palette="red")
    chosen = ColourSettings(palette="red,paper")
    canvas = np.full((8, 8, 3), 0.5)
    with pytest.raises(SettingsError, match="must differ from its board"):
        palette_for(canvas, np.ones((8, 8)), WeaveSettings(), RealBoard(), chosen, PAPER)


@pytest.fixture(scope="module")
def woven() -> Layers:
    """Red and blue threads over a picture of both."""
    return weave_colours(halves(), palette="#d01020,#1030c0", **SMALL)


def test_each_thread_goes_where_its_colour_is(woven: Layers) -> None:
    """Red chords lie at the left and blue ones at the right, and no rule of the board is broken."""
    assert woven.line_count <= 150
    assert [colour.hex for colour in woven.colours] == ["#d01020", "#1030c0"]
    middles = []
    for thread in woven:
        points = thread.points()
        runs = np.hypot(*np.diff(points, axis=0).T)
        middles.append(float(np.average((points[:-1, 0] + points[1:, 0]) / 2, weights=runs)))
    assert middles[0] < -0.2
    assert middles[1] > 0.2


def test_pictures_of_layers(woven: Layers, tmp_path: Path) -> None:
    """A board shows both colours, carries its threads, and its film ends in the same picture."""
    settings = NeonSettings(size=200)
    picture = draw(list(woven), settings, BoardLook())
    assert picture.rgb().shape == (200, 200, 3)
    left, right = (
        picture.rgb()[60:140, part].reshape(-1, 3).mean(0) for part in (slice(15, 70), slice(130, 185))
    )
    bare = PAPER.rgb() @ [255, 0, -255]  # by how much paper itself has more red than blue
    assert left[0] - left[2] > bare + 3
    assert right[0] - right[2] < bare - 3
    picture.save(tmp_path / "board.png")
    assert layers_of(read_threads(tmp_path / "board.png")) == woven
    *_, last = film.frames(
        list(woven), settings, film.FilmSettings(seconds=0.2, fps=10, hold=0), board=BoardLook()
    )
    np.testing.assert_array_equal(last.rgb(), picture.rgb())


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Threads and a preview are written, and faults are one line each."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(halves()).save("p.png")
    more = ["--nails", "60", "--canvas-size", "48", "--max-lines", "120", "--faces", "off"]
    assert main(["weave", "p.png", "--threads", "2", *more]) == 0
    assert layers_of(read_threads("p.json")) is not None
    assert Path("p_preview.png").exists()
    assert "2. " in capsys.readouterr().out
    for flags in (
        ["--threads", "4", "--palette", "red"],
        ["--palette", "sky"],
        ["--board-colour", "black"],
    ):
        assert main(["weave", "p.png", "-o", "q.json", *more, *flags]) == 1
        assert capsys.readouterr().err.count("\n") == 1
