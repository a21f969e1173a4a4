"""Guards of calibration: the darkness of a thread is found again in photographs made by reckoning."""

import importlib
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_help import fails, run
from nitograph.board import Board
from nitograph.calibration import calibrate
from nitograph.calibration.pixels import blurred, light_of, reduced, sampled
from nitograph.calibration.pose import Pose, Reckoned, improved, likeness, slow, turns
from nitograph.calibration.ring import Ellipse, ellipses
from nitograph.calibration.tones import fitted
from nitograph.colours.layers import Colour, Layers, coloured
from nitograph.drawing.board import BoardLook, draw
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.exporting.cover import cover
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io.pictures import picture_of_bytes
from nitograph.io.threads import to_json
from nitograph.light.frame import disc, pixel_positions
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread
from nitograph.weaving.laid import light_left
from nitograph.weaving.photograph import PhotoWeaver
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS

BOARD = RealBoard(thread_width=0.6, diameter=300.0)
NAILS, SIZE = 90, 96


def woven(seed: int, **more: object) -> Thread:
    """A thread over a few soft spots."""
    y, x = np.meshgrid(*2 * [pixel_positions(SIZE)], indexing="ij")
    rng = np.random.default_rng(seed)
    wanted = np.zeros((SIZE, SIZE))
    for _ in range(7):
        at, wide = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.1, 0.3)
        wanted = np.maximum(wanted, np.exp(-(np.hypot(x - at[0], y - at[1]) ** 2) / (2 * wide * wide)))
    settings = PRESETS["photo"].replace(
        nails=NAILS, canvas_size=SIZE, max_lines=900, min_nail_gap=4, recent_edges=20, quality="fast"
    )
    weaver = PhotoWeaver(wanted.astype(np.float32), settings, BOARD.replace(**more)).run()
    return weaver.thread()


@pytest.fixture(scope="module")
def thread() -> Thread:
    """The thread on all boards here."""
    return woven(1)


@pytest.fixture(scope="module")
def snapshot():
    """The module that makes photographs, which stands beside the package."""
    pytest.importorskip("scipy")
    root = str(Path(__file__).parents[1])
    sys.path.insert(0, root)
    try:
        yield importlib.import_module("benchmarks.photos.snapshot")
    finally:
        sys.path.remove(root)


def test_the_light_of_a_finished_thread_is_that_of_weaving() -> None:
    """A thread laid at once leaves the light that it left when it was woven, to the step of its table."""
    settings = PRESETS["photo"].replace(
        nails=NAILS, canvas_size=SIZE, max_lines=300, min_nail_gap=4, recent_edges=20, quality="fast"
    )
    wanted = np.linspace(0, 1, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    weaver = PhotoWeaver(wanted, settings, BOARD).run()
    found = light_left(weaver.thread(), BOARD, SIZE)
    assert np.abs(found - weaver._board.light).max() < 1e-3
    darker = light_left(weaver.thread(), BOARD.replace(darkness=1.5), SIZE)
    wider = light_left(weaver.thread(), BOARD.replace(thread_width=0.9), SIZE)
    assert np.array_equal(darker, wider)
    assert (darker <= found + 1e-12).all()


def test_darkness_is_in_the_file_and_counts_wherever_light_does(thread: Thread) -> None:
    """Weaving keeps it; the finished board and its cover are drawn and reckoned with it."""
    dark = thread.replace(provenance={**thread.provenance, "board": {**BOARD.to_dict(), "darkness": 1.5}})
    assert (thread.darkness(), dark.darkness()) == (1.0, 1.5)
    assert woven(1, darkness=0.5).provenance["board"]["darkness"] == 0.5
    for foreign in (0, math.inf, "2", None, [1]):
        odd = {**thread.provenance, "board": {**BOARD.to_dict(), "darkness": foreign}}
        if foreign != math.inf:
            assert thread.replace(provenance=odd).darkness() == 1.0
    real = WorkpieceSettings.of(thread)
    wide = Workpiece(thread, real.replace(thread_width=0.9))
    assert cover(Workpiece(dark, real)).densest == pytest.approx(cover(wide).densest, rel=0.01)
    small, look = NeonSettings(size=120), BoardLook(thread_width=0.9)
    assert np.array_equal(draw(dark, small, BoardLook()).rgb(), draw(thread, small, look).rgb())
    with pytest.raises(SettingsError, match="thinner"):
        RealBoard(thread_width=20, diameter=100, darkness=2)


def test_pictures_as_light() -> None:
    """The curve of sRGB, means of blocks, blurs that keep the sum, and values between pixels."""
    assert light_of(np.array([[0, 188, 255]], np.uint8)) == pytest.approx(
        np.array([[0, 0.5029, 1]]), abs=1e-3
    )
    image = np.random.default_rng(1).random((20, 31))
    assert reduced(image, 4).shape == (5, 7)
    assert reduced(image, 4)[1, 2] == pytest.approx(image[4:8, 8:12].mean())
    spot = np.zeros((21, 33))
    spot[10, 16] = 1
    bell = blurred(spot, 1.5)
    assert bell.sum() == pytest.approx(1)
    assert bell[10, 18] / bell[10, 16] == pytest.approx(math.exp(-(4 / 1.5**2) / 2))
    assert bell[12, 16] == pytest.approx(bell[10, 18])
    slope = np.add.outer(np.arange(20.0), 3 * np.arange(31.0))
    at = np.array([3.3, 11.9]), np.array([2.2, 15.5])
    assert sampled(slope, *at) == pytest.approx((at[1] - 0.5) + 3 * (at[0] - 0.5))


def test_an_ellipse_is_found() -> None:
    """A dark leaning disc on a slope is among the clearest, to a pixel; nothing even is clear."""
    y, x = np.mgrid[0:90, 0:120] + 0.5
    wanted = Ellipse(64.0, 41.0, 35.0, 29.0, 0.5)
    cos, sin = math.cos(0.5), math.sin(0.5)
    u, v = (x - 64) * cos + (y - 41) * sin, (y - 41) * cos - (x - 64) * sin
    light = (0.6 + x / 400) * np.where((u / 35) ** 2 + (v / 29) ** 2 < 1, 0.4, 1.0)
    best, clear = ellipses(light)[0]
    assert clear > 0.6
    assert np.array(best) == pytest.approx(np.array(wanted), abs=1.0)
    assert all(clear < 0.05 for _, clear in ellipses(np.full((60, 60), 0.5)))


def test_a_pose_is_found(thread: Thread) -> None:
    """Perspective, bent lines and the other side, from a rough ellipse; to half a pixel."""
    model = Reckoned(light_left(thread, BOARD, 160))
    matrix = np.array([[-0.5, 0.2, 0.1], [0.2, 0.45, -0.05], [0.06, -0.04, 1.0]])
    true = Pose(matrix, -0.03, (300, 400))
    assert true.mirrored
    y, x = np.mgrid[0:300, 0:400] + 0.5
    board = _back(true, x, y)
    photo = model.sampled(0.01, *board) * (0.8 + 0.2 * x / 400)
    flat = Pose(matrix * np.array([[1], [1], [0]]) + np.diag([0, 0, 1.0]), 0.0, true.shape)
    assert flat.radius == pytest.approx(200 * math.sqrt(0.265), rel=0.01)
    alike, found = improved(photo, flat, model)
    assert alike > 0.97
    circle = np.cos(np.arange(9)), np.sin(np.arange(9))
    assert np.abs(np.subtract(found.at(*circle), true.at(*circle))).max() < 0.5


def _back(pose: Pose, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of the board that lie in these pixels."""
    half = max(pose.shape) / 2
    u, v = (x - pose.shape[1] / 2) / half, (y - pose.shape[0] / 2) / half
    p, q = u, v
    for _ in range(20):
        far = 1 + pose.bend * (p * p + q * q)
        p, q = u / far, v / far
    back = np.linalg.inv(pose.matrix) @ np.stack([p.ravel(), q.ravel(), np.ones(p.size)])
    return (back[0] / back[2]).reshape(x.shape), (back[1] / back[2]).reshape(x.shape)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_rotation_is_found(thread: Thread, mirrored: bool) -> None:
    """Within an ellipse the rotation of the board, and which side is seen."""
    model = Reckoned(light_left(thread, BOARD, 160))
    ellipse = Ellipse(80.0, 60.0, 52.0, 47.0, 0.3)
    true = Pose.of(ellipse, 2.1, mirrored, (120, 160))
    y, x = np.mgrid[0:120, 0:160] + 0.5
    photo = model.sampled(0.02, *_back(true, x, y))
    alike, found = max(turns(photo, ellipse, model), key=lambda each: each[0])
    assert found.mirrored == mirrored
    assert alike > 0.97
    assert found.at(np.ones(1), np.zeros(1))[0] == pytest.approx(true.at(np.ones(1), np.zeros(1))[0], abs=2)


@pytest.mark.parametrize("dark", [True, False])
def test_tones_are_told_apart(thread: Thread, dark: bool) -> None:
    """Darkness, the thread's own light and the fall-off of the light, from one exact picture."""
    field = np.array([-0.4, 0.2, -0.1, -0.15, 0.05, -0.1])
    bare = light_left(thread, BOARD.replace(darkness=0.7), 120)
    bare = bare if dark else 1 - bare
    x, y = np.meshgrid(*2 * [pixel_positions(120)])
    lit = np.exp(slow(x.ravel(), y.ravel()) @ field).reshape(120, 120)
    seen = lit * (bare + 0.12 * (1 - bare))
    found = fitted(seen, lambda darkness: light_left(thread, BOARD.replace(darkness=darkness), 120), dark)
    assert found.darkness == pytest.approx(0.7, rel=0.02)
    assert found.covered == pytest.approx(0.12, abs=0.02)
    assert found.unsure < 0.02
    assert found.light(120)[disc(120)] == pytest.approx(lit[disc(120)], rel=0.02)
    assert found.falloff() == pytest.approx(float(lit[disc(120)].min() / lit[disc(120)].max()), rel=0.05)


def test_likeness_leaves_slow_changes_out() -> None:
    """A slope over one of two pictures changes nothing; two unlike ones are unlike."""
    rng = np.random.default_rng(3)
    x, y, seen, other = rng.uniform(-1, 1, (4, 500))
    assert likeness(3 * seen + 2 * x - y * y, seen, slow(x, y)) == pytest.approx(1)
    assert abs(likeness(other, seen, slow(x, y))) < 0.2
    assert likeness(x, seen, slow(x, y)) == pytest.approx(0, abs=0.2)


SCENES = {
    "leaning, on the other side": {"tilt": 28, "turn": 160, "mirrored": True, "square": True, "table": 0.6},
    "poor": {"falloff": 0.5, "noise": 0.03, "blur": 1.5, "quality": 60, "barrel": 0.03},
    "light thread": {"paper": 0.05, "ink": 0.7},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_the_darkness_of_a_photographed_thread(thread: Thread, snapshot, name: str) -> None:
    """A thread that lets a fifth of the light through is found to do so, whatever the photograph."""
    scene = snapshot.Scene(width=620, height=480, size=0.33)._replace(**SCENES[name])
    made = thread
    if scene.paper < scene.ink:
        made = thread.replace(provenance={**thread.provenance, "photo": {"invert": False}})
    data = snapshot.snapshot(made.points(), 0.6 / 150, 0.8, made.board.positions(), scene)
    found = calibrate(picture_of_bytes(data), made, BOARD)
    assert found.tones.darkness == pytest.approx(0.8, rel=0.1)
    assert found.pose.mirrored == scene.mirrored
    assert found.likeness > 0.9
    half = found.evened()
    left, right = (blurred(part, 2.0)[disc(320)] for part in (half[:, :320], half[:, 320:]))
    assert np.abs(left - right)[::7].mean() < 0.03


@pytest.mark.slow
def test_the_command(thread: Thread, snapshot, tmp_path, monkeypatch, capsys) -> None:
    """It prints a flag that weave takes, draws what it found, and says in a line what is wrong."""
    monkeypatch.chdir(tmp_path)
    Path("t.json").write_text(thread.to_json())
    Path("other.json").write_text(thread.replace(nails=thread.nails * 7 % NAILS).to_json())
    scene = snapshot.Scene(width=620, height=480)
    Path("p.jpg").write_bytes(
        snapshot.snapshot(thread.points(), 0.6 / 150, 1.0, thread.board.positions(), scene)
    )
    code, out, _ = run("calibrate p.jpg t.json -o seen.png --thread mm:1.2", capsys)
    assert code == 0
    assert "warning" not in out
    with Image.open("seen.png") as picture:
        assert picture.size == (640, 320)
    flags = out.splitlines()[-1].partition("PICTURE")[2]
    code, out, _ = run(f"weave p.jpg --nails 40 --canvas-size 32 --max-lines 60 {flags} -o n.json", capsys)
    assert code == 0
    assert json.loads(Path("n.json").read_text())["provenance"]["board"]["darkness"] == pytest.approx(
        0.5, rel=0.1
    )
    fails("calibrate p.jpg other.json", 1, "no ring in the photograph holds the thread", capsys)


def test_threads_that_are_not_measured(tmp_path, monkeypatch, capsys) -> None:
    """Boards that are no ring, and several colours on one: a line each, before anything is looked at."""
    monkeypatch.chdir(tmp_path)
    Image.new("L", (300, 300)).save("p.png")
    Path("square.json").write_text(Thread([0, 15, 5, 30], ShapedBoard(40)).to_json())
    ring = Thread([0, 20, 5, 30], Board(40))
    colours = Layers([coloured(ring, Colour("black", "#000000")), coloured(ring, Colour("red", "#c72b3b"))])
    Path("colours.json").write_text(to_json(colours))
    said = "only rings of nails are found in photographs, and the thread is on a board of 600 x 600 mm"
    fails("calibrate p.png square.json", 1, said, capsys)
    fails("calibrate p.png colours.json", 1, "colours.json holds threads of several colours", capsys)


@pytest.mark.slow
def test_photographs_of_nothing(tmp_path, monkeypatch, capsys) -> None:
    """Blank, small, without a ring; a thread of a few chords; several boards: one line each."""
    monkeypatch.chdir(tmp_path)
    Path("t.json").write_text(json.dumps({"num_nails": 40, "nails": [0, 20, 5, 30] * 99}))
    Path("few.json").write_text('{"num_nails": 40, "nails": [0, 20, 5]}')
    one = Thread([0, 20], Board(40)).to_json()
    Path("two.json").write_text(f'{{"format": "nitograph-threads/1", "threads": [{one}, {one}]}}')
    rng = np.random.default_rng(4)
    for name, pixels in (
        ("blank", np.full((300, 300), 200)),
        ("small", rng.integers(0, 255, (90, 400))),
        ("noise", rng.integers(0, 255, (300, 300))),
    ):
        made = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(made, "PNG")
        Path(f"{name}.png").write_bytes(made.getvalue())
    wide = "--thread-mm 6"
    fails(f"calibrate blank.png t.json {wide}", 1, "even all over", capsys)
    fails(f"calibrate small.png t.json {wide}", 1, "got 400×90", capsys)
    fails(f"calibrate noise.png t.json {wide}", 1, "no ring of nails was found", capsys)
    fails("calibrate noise.png few.json", 1, "take a fuller piece", capsys)
    fails("calibrate noise.png two.json", 1, "holds 2", capsys)
    fails("calibrate noise.png t.json --thread mm:1 --thread-mm 2", 2, "not allowed with", capsys)
