"""Guards of photographs on a real board: light that multiplies, tones, the search, the finished board."""

import json
import math
import sys

import numpy as np
import pytest
from PIL import Image

import nitograph
from nitograph.api.faces import ELSEWHERE, favouring, find_faces
from nitograph.api.inventing import drawing
from nitograph.api.weaving import settings_for
from nitograph.board import Board, violations
from nitograph.cli import main
from nitograph.drawing import board as boards, film
from nitograph.drawing.board import BoardLook
from nitograph.drawing.film import FilmSettings
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError, SourceError
from nitograph.light import chords
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread
from nitograph.weaving.loops import board_light
from nitograph.weaving.photo import PhotoSettings, crop, ink, is_ink_on_paper
from nitograph.weaving.photograph import PhotoWeaver
from nitograph.weaving.real_board import (
    BARE,
    BLACK,
    GREY_BLACK,
    LEAST_WHITE,
    RealBoard,
    Tones,
    fitted_tones,
    wanted_light,
)
from nitograph.weaving.settings import PRESETS

SIZE, NAILS = 48, 40
SETTINGS = PRESETS["photo"].replace(
    nails=NAILS, canvas_size=SIZE, max_lines=120, min_nail_gap=3, recent_edges=9
)
BOARD = RealBoard(thread_width=0.8, diameter=90.0)


def picture(size: int = SIZE, seed: int = 1) -> np.ndarray:
    """Wanted thread: a dark disc on a slope, with some texture, (size, size) float32."""
    y, x = np.mgrid[0:size, 0:size] / size
    found = 0.5 * x + 0.6 * (np.hypot(x - 0.4, y - 0.5) < 0.2)
    found += 0.1 * np.random.default_rng(seed).random((size, size))
    return np.clip(found, 0, 1).astype(np.float32)


def weaver(max_lines: int = 120, quality: str = "fast") -> PhotoWeaver:
    """A weaver over that picture."""
    return PhotoWeaver(picture(), SETTINGS.replace(max_lines=max_lines, quality=quality), BOARD)


def plain_error(found: PhotoWeaver) -> float:
    """The error by its definition, in double precision, with matrices for the blurs."""
    loom, board = found._loom, found._board
    total, off = 0.0, board.light.astype(float) - board.target
    for kernel, weights in ((loom.eye.near, board.fine), (loom.eye.wide, board.weights)):
        half = len(kernel) // 2
        apart = np.arange(SIZE)[:, None] - np.arange(SIZE)
        blur = np.where(np.abs(apart) <= half, kernel[np.clip(apart + half, 0, len(kernel) - 1)], 0.0)
        wanted = off * weights
        total += float((wanted * (blur @ wanted @ blur.T)).sum())
    return total


def test_the_error_is_that_of_its_definition() -> None:
    """The compiled error equals matrices in double precision."""
    found = weaver(60).run()
    assert board_light.error_of(found._loom, found._board) == pytest.approx(plain_error(found), rel=1e-4)


def test_chords_are_chosen_by_how_the_error_falls() -> None:
    """For many chords from many states, what `cells` say is what computing everything afresh gives."""
    found = weaver(100).run()
    loom, board = found._loom, found._board
    board_light.error_of(loom, board)
    eye = loom.eye._replace(calm=0.0)  # weights stay as they are while both sides are compared
    loom = loom._replace(eye=eye)
    said, true = [], []
    for a, b in np.random.default_rng(0).choice(NAILS, (40, 2), replace=True):
        if min((a - b) % NAILS, (b - a) % NAILS) < 6:
            continue
        before, falls = board_light.error_of(loom, board), np.empty(NAILS)
        board_light.falls_from(loom, board, int(a), falls)
        number = int(chords.numbers(np.array([a, b]), NAILS)[0])
        said.append(falls[b] / (board_light.GAIN * 32))
        board_light.lay(loom, board, number, 1)
        true.append(before - board_light.error_of(loom, board))
        board_light.lay(loom, board, number, -1)
    said, true = np.array(said), np.array(true)
    assert len(said) > 20
    assert np.abs(said - true).max() < 0.08 * np.abs(true).max()
    assert np.corrcoef(said, true)[0, 1] > 0.99


def test_a_chord_is_lifted_exactly() -> None:
    """Density and light after lifting are bit for bit those before laying."""
    found = weaver(50).run()
    density, light = found._board.density.copy(), found._board.light.copy()
    for sign in (1, -1):
        for number in (3, 100, 500):
            board_light.lay(found._loom, found._board, number, sign)
    assert np.array_equal(found._board.density, density)
    assert np.array_equal(found._board.light, light)


def test_a_thread_passes_between_nails() -> None:
    """One that is thicker than the gaps is refused, on a ring and elsewhere; nearly as thick is not."""
    for nails, gap in (
        (Board(NAILS), 90 * math.sin(math.pi / NAILS)),
        (ShapedBoard(30, "rect", 90, 60, 1), 10),
    ):
        settings = SETTINGS.replace(nails=nails.num_nails, min_nail_gap=1)
        PhotoWeaver(picture(), settings, BOARD.replace(thread_width=0.99 * gap), nails=nails)
        with pytest.raises(SettingsError, match="does not pass between nails that stand") as caught:
            PhotoWeaver(picture(), settings, BOARD.replace(thread_width=1.01 * gap), nails=nails)
        assert "\n" not in str(caught.value)


def test_light_multiplies() -> None:
    """The board's light is the product of what each chord leaves of every pixel."""
    found = weaver(40).run()
    thread, left = found.thread(), np.ones((SIZE, SIZE))
    for step in range(thread.line_count):
        one = Thread(thread.nails[step : step + 2], thread.board)
        left *= 1 - found._loom.eye.strength * chords.coverage(one, SIZE, width=BOARD.width(SIZE))
    assert np.abs(found._board.light - left).max() < 2e-3


@pytest.mark.parametrize("quality", ["fast", "default", "best"])
def test_rules_hold(quality: str) -> None:
    """Greedy walk and sweeps keep gaps and recent chords, and use the chords given."""
    thread = weaver(quality=quality).run().thread()
    assert violations(thread.nails, thread.board, SETTINGS.rules) == []
    assert 60 <= thread.line_count <= 120


def test_sweeps_lower_the_error() -> None:
    """More quality, less error; the same twice over."""
    found = [weaver(quality=quality).run() for quality in ("fast", "default", "best")]
    explained = [one.explained() for one in found]
    assert explained[0] < explained[1] <= explained[2] + 1e-3
    assert 0 < explained[0] < 1
    assert weaver(quality="default").run().thread() == found[1].thread()


def test_tones_follow_the_chords() -> None:
    """Few chords lift black and leave light parts bare, many lower white; tones say the density."""
    wanted = picture(120)
    board = RealBoard()

    def tones_of(wanted: np.ndarray) -> Tones:
        return fitted_tones(wanted[chords.disc(120)], 3000, board)

    few, some, many = (fitted_tones(wanted, count, board) for count in (300, 3000, 20_000))
    assert few.black == pytest.approx(GREY_BLACK, abs=1e-3)
    assert few.bare > 0.3 > some.bare == many.bare == 0
    assert few.white > some.white
    assert few.to_dict()["bare"] == pytest.approx(few.bare, abs=1e-4)
    assert fitted_tones(np.sqrt(wanted), 1000, board).white > fitted_tones(wanted, 1000, board).white
    assert (many.black, many.white) == (BLACK, pytest.approx(LEAST_WHITE, abs=1e-3))
    assert few.density(wanted) < some.density(wanted) <= many.density(wanted)
    drawing_on_nothing = np.where(wanted > 0.5, wanted, 0).astype(np.float32)
    light, tones = wanted_light(drawing_on_nothing, 3000, board)
    assert (light[drawing_on_nothing == 0] == np.float32(BARE)).all()
    assert light[drawing_on_nothing > 0].max() <= tones.white
    assert np.array_equal(wanted_light(wanted, 3000, board)[0], tones_of(wanted).light(wanted))
    assert np.allclose(Tones(0.1, 0.9).light(np.array([0, 0.5, 1], np.float32)), [0.9, 0.5, 0.1])
    assert np.allclose(
        Tones(0.1, 0.9, 0.5).light(np.array([0, 0.5, 0.75, 1], np.float32)), [0.9, 0.9, 0.5, 0.1]
    )


def test_an_importance_map_is_checked() -> None:
    """Shape, range, and that something counts; and a picture of another size is refused."""
    for wrong in (np.ones((3, 3)), np.full((SIZE, SIZE), np.nan), np.zeros((SIZE, SIZE))):
        with pytest.raises(SourceError, match="an importance map must"):
            PhotoWeaver(picture(), SETTINGS, BOARD, importance=wrong)
    with pytest.raises(SourceError, match="the target must have shape"):
        PhotoWeaver(picture(20), SETTINGS, BOARD)
    with pytest.raises(SettingsError, match="thinner than a quarter"):
        RealBoard(thread_width=19, diameter=20)


def test_the_finished_board_is_in_true_thickness() -> None:
    """Where threads lie, the picture hides what their bands cover, drawn eight times as large."""
    thread = Thread([0, 20, 5, 31, 12, 33], nitograph.Board(NAILS))
    look = BoardLook(thread_width=1.0, diameter=100.0, thread_colour="black", board_colour="white")
    for millimetres, side in ((1.0, 200), (0.4, 128), (3.0, 100)):
        drawn = boards.draw(
            thread, NeonSettings(size=side, ring=False), look.replace(thread_width=millimetres)
        )
        hidden = 1 - drawn.rgb()[..., 0] / 255
        bands = 2 * millimetres / 100  # in radii of the ring
        fine = chords.coverage(thread, 1600, width=bands) > 0.5
        scale = 0.46 / 0.46875  # rings of both rasters, in sides
        assert hidden.sum() * (1 / side) ** 2 == pytest.approx(fine.mean() * scale**2, rel=0.08)


def test_colours_of_the_board() -> None:
    """Dark on light, the other way round for a light thread, or as asked; names are known."""
    dark = Thread([0, 128, 5, 99])
    light = dark.replace(provenance={"photo": {"invert": False}})
    settings = NeonSettings(size=64)
    assert boards.draw(dark, settings, BoardLook()).rgb()[0, 0].min() > 200
    assert boards.draw(light, settings, BoardLook()).rgb()[0, 0].max() < 40
    asked = boards.draw(dark, settings, BoardLook(board_colour="red", thread_colour="white"))
    assert asked.rgb()[0, 0].tolist() == [255, 43, 43]
    for name in ("white", "black", "ink"):
        BoardLook(board_colour=name)
    with pytest.raises(SettingsError, match="a colour is"):
        BoardLook(thread_colour="glass")
    with pytest.raises(SettingsError, match="thinner than a quarter"):
        boards.draw(dark, settings, BoardLook(thread_width=15, diameter=20))


def test_a_film_ends_with_the_finished_board() -> None:
    """Frames of a board end with the picture of it, and begin with a bare one."""
    thread = Thread([0, 100, 30, 170, 60, 200])
    settings, look = NeonSettings(size=100), BoardLook(thread_width=2)
    frames = list(film.frames(thread, settings, FilmSettings(seconds=0.5, fps=10, hold=0.1), board=look))
    finished = boards.draw(thread, settings, look)
    assert np.abs(frames[-1].pixels.astype(int) - finished.pixels).max() <= 1
    assert (frames[0].rgb()[30:70, 30:70].min(axis=(0, 1)) > 200).all()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small photograph in it, as the current one."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.rint(255 * (1 - picture(64))).astype(np.uint8)).save("photo.png")
    return tmp_path


SMALL = ["--canvas-size", "48", "--nails", "60", "--min-nail-gap", "3", "--max-lines", "150"]


def test_defaults_of_a_maker(folder, capsys) -> None:
    """Without a name for the output: thread and finished board, dark on light, in millimetres."""
    assert main(["weave", "photo.png", *SMALL, "--thread", "tex:30", "--diameter", "300"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "photo.json",
        "photo.png",
        "photo_preview.png",
    ]
    made = json.loads((folder / "photo.json").read_text())["provenance"]
    assert made["photo"]["invert"] is True
    assert made["frame"] == 15 / 16
    assert made["board"]["thread_width"] == pytest.approx(0.0374 * math.sqrt(30), rel=0.01)
    assert made["board"]["diameter"] == 300
    shown = np.asarray(Image.open("photo_preview.png").convert("L"))
    assert shown.shape == (1200, 1200)
    assert shown[:20].min() > 200
    assert "photo.json, photo_preview.png: " in capsys.readouterr().out


def test_a_light_thread(folder) -> None:
    """Light thread on a dark board weaves the bright parts; both synonyms of dark thread agree."""
    nails = {}
    for flag in ("--dark-thread", "--invert", "--light-thread", "--no-invert"):
        assert main(["weave", "photo.png", *SMALL, flag, "-o", f"{flag[2:]}.json"]) == 0
        nails[flag] = json.loads((folder / f"{flag[2:]}.json").read_text())["nails"]
    assert nails["--dark-thread"] == nails["--invert"]
    assert nails["--light-thread"] == nails["--no-invert"] != nails["--invert"]
    assert not list(folder.glob("*preview*"))


def test_the_same_from_python(folder) -> None:
    """The verb and the command give the same thread, the picture by name or as an array."""
    assert main(["weave", "photo.png", *SMALL, "-o", "t.json"]) == 0
    given = {"canvas_size": 48, "nails": 60, "min_nail_gap": 3, "max_lines": 150}
    pixels = np.asarray(Image.open("photo.png"))
    assert (
        nitograph.weave("photo.png", **given)
        == nitograph.load("t.json")
        == nitograph.weave(pixels, **given)
    )
    drawn = nitograph.draw(nitograph.load("t.json"), renderer="board", size=100, board_colour="white")
    assert drawn.rgb()[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("flag", ["--dark-thread", "--light-thread"])
def test_nothing_to_weave(folder, level, flag, capsys) -> None:
    """An even picture is one clear line, and no file."""
    Image.fromarray(np.full((40, 40), level, dtype=np.uint8)).save("even.png")
    assert main(["weave", "even.png", *SMALL, flag]) == 1
    assert "nothing to weave" in capsys.readouterr().err
    assert not list(folder.glob("*.json"))


def test_render_the_board_by_flag(folder, capsys) -> None:
    """`render --look board` draws any thread; what has no meaning for real light is refused."""
    (folder / "t.json").write_text(Thread([0, 100, 30]).to_json())
    assert (
        main(["render", "t.json", "-o", "b.png", "--look", "board", "--size", "128", "--diameter", "100"])
        == 0
    )
    assert np.asarray(Image.open("b.png").convert("L"))[0, 0] > 200
    assert main(["weave", "photo.png", "-o", "x.json", "--line-strength", "0.1"]) == 1
    assert "light that adds up" in capsys.readouterr().err
    assert main(["weave", "photo.png", "-o", "x.json", "--bound"]) == 1
    assert "--bound" not in capsys.readouterr().err


def test_few_nails(folder, capsys) -> None:
    """Gaps keep their angle on any number of nails; a walk without a way on says so."""
    for nails in (3, 5, 12, 40):
        given = ["--nails", str(nails), "--canvas-size", "32", "--max-lines", "30", "-o", f"{nails}.json"]
        assert main(["weave", "photo.png", *given]) == 0
        made = json.loads((folder / f"{nails}.json").read_text())["provenance"]["weave"]
        assert made["min_nail_gap"] == max(1, round(nails * 10 / 288))
    assert settings_for("a.png", None, {"nails": 576}).min_nail_gap == 20
    assert settings_for("a.png", None, {"nails": 576, "min_nail_gap": 4}).min_nail_gap == 4
    assert settings_for("mnist:test:1", None, {"nails": 64}).min_nail_gap == 6
    capsys.readouterr()
    tight = ["--nails", "6", "--min-nail-gap", "3", "--canvas-size", "32", "-o", "tight.json"]
    assert main(["weave", "photo.png", *tight]) == 0
    assert "no nail may come next" in capsys.readouterr().out


def test_transparent_means_no_thread(folder) -> None:
    """A drawing on nothing is the same as on white for a dark thread, and as on black for a light one."""
    drawn = np.zeros((60, 60), dtype=np.uint8)
    drawn[12:48, 25:33] = 255
    grey, clear = Image.fromarray(255 - drawn), Image.fromarray(drawn)
    black = Image.new("L", (60, 60), 0)
    kinds = {
        "la": Image.merge("LA", (black, clear)),
        "rgba": Image.merge("RGBA", (black, black, black, clear)),
    }
    grey.save("white.png")
    clear.save("black.png")
    grey.save("l.png", transparency=255)
    for name, image in kinds.items():
        image.save(f"{name}.png")
    Image.merge("LA", (clear, clear)).save("light.png")
    flags = [*SMALL, "--max-lines", "40"]

    def nails(name: str, *more: str) -> list[int]:
        assert main(["weave", f"{name}.png", *flags, *more, "-o", "t.json"]) == 0
        return json.loads((folder / "t.json").read_text())["nails"]

    assert nails("la") == nails("rgba") == nails("l") == nails("white")
    assert nails("light", "--light-thread") == nails("black", "--light-thread")


def test_ink_on_paper_is_read_as_ink() -> None:
    """Uneven light on paper goes, ink stays; light drawings on dark are left alone."""
    y, x = np.mgrid[0:200, 0:160]
    paper = 150 + 0.4 * x + 0.1 * y
    stroke = (np.abs(x - 80) < 8) & (np.abs(y - 100) < 60)
    grey = np.where(stroke, 0.15 * paper, paper).astype(np.uint8)
    assert is_ink_on_paper(grey)
    found = ink(grey)
    assert found[stroke].min() > 180
    assert found[~stroke].max() < 10
    assert not is_ink_on_paper(255 - grey)
    wound = drawing(grey, PhotoSettings())
    assert wound.shape == (160, 160)
    assert np.array_equal(wound, ink(crop(grey, PhotoSettings())))
    assert np.array_equal(drawing(255 - grey, PhotoSettings()), crop(255 - grey, PhotoSettings()))


def test_faces_are_found_and_favoured(folder) -> None:
    """The face of a portrait, nothing in noise, nothing where it is switched off."""
    data = pytest.importorskip("skimage.data")
    grey = np.asarray(Image.fromarray(data.astronaut()).convert("L"))
    (face,) = find_faces(grey)
    assert (face.x, face.y) == (pytest.approx(0.44, abs=0.05), pytest.approx(0.22, abs=0.05))
    assert find_faces(np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)) == ()
    assert find_faces(grey[:20, :20]) == ()
    counts = favouring((face,), 64)
    assert counts[14, 28] > 0.99
    assert counts[60, 60] == pytest.approx(ELSEWHERE, abs=1e-3)
    given = {"canvas_size": 48, "nails": 60, "max_lines": 60}
    auto = nitograph.weave(grey, **given)
    assert len(auto.provenance["faces"]) == 1
    assert "faces" not in nitograph.weave(grey, faces="off", **given).provenance


def test_without_a_finder_there_are_no_faces(monkeypatch) -> None:
    """A missing library is no fault; one that is broken is said."""
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    assert find_faces(np.zeros((100, 100), dtype=np.uint8)) == ()
