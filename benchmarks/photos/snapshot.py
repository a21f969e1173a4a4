"""Photographs of boards that were never wound: a thread of known thickness as a camera would see it.

The judge's rasteriser draws the thread at its true width, on a board with nails that lies on a table; a
camera sees it from the side, in light that falls off, through a lens that bends lines and is not quite in
focus, with noise, as sRGB and JPEG. Nothing here is the encoder's or the calibration's own. What real
photographs have besides (shine, shadows, the camera's own curve of tones) is not in it.

Try it: python -m pytest tests/test_calibrate.py
"""

import io
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmarks.photos import judge

Float64 = NDArray[np.float64]
EDGE = 1.15  # of the board, in radii of the ring
REACH = 1.6  # of the table that is drawn
OVER = 2  # samples along each side of a pixel


class Scene(NamedTuple):
    """How a board is photographed; light is linear, 1 is white of the photograph."""

    width: int = 900  # px
    height: int = 700
    tilt: float = 15.0  # degrees, how far from straight on
    toward: float = 40.0  # degrees, direction of the tilt
    turn: float = 20.0  # degrees, of the camera
    distance: float = 5.0  # of the camera, in radii of the ring
    size: float = 0.33  # radius of the ring, in widths of the photograph
    x: float = 0.03  # middle of the ring off the middle of the photograph, in widths
    y: float = -0.02
    paper: float = 0.75  # light of the bare board
    ink: float = 0.04  # light of the thread
    table: float = 0.18
    square: bool = False  # a square board instead of a round one
    falloff: float = 0.25  # light lost from one side of the board to the other
    vignette: float = 0.15  # light lost at the photograph's corners
    barrel: float = 0.0  # how lines are bent, at the photograph's corners
    blur: float = 0.7  # px
    noise: float = 0.01  # of white
    quality: int = 90  # of the JPEG
    mirrored: bool = False  # the photograph shows the board's other side


def snapshot(points: Float64, thread: float, opacity: float, nails: Float64, scene: Scene) -> bytes:
    """The JPEG of one board.

    points: (t + 1, 2), the thread's nails on the unit circle, y down. thread: its width in radii of the
    ring. opacity: share of the light behind it that it takes. nails: (n, 2), all of them.
    """
    from PIL import Image

    photo = np.clip(_exposed(_board(points, thread, opacity, nails, scene), scene), 0, 1)
    curve = np.where(photo <= 0.0031308, 12.92 * photo, 1.055 * photo ** (1 / 2.4) - 0.055)
    made = io.BytesIO()
    grey = Image.fromarray(np.rint(255 * curve).astype(np.uint8))
    grey.convert("RGB").save(made, "JPEG", quality=scene.quality)
    return made.getvalue()


def _board(points: Float64, thread: float, opacity: float, nails: Float64, scene: Scene) -> Float64:
    """The light of board and table seen straight on and lit evenly; 2·REACH radii wide."""
    side = round(2 * REACH * min(max(3.2 / thread, 2 * scene.size * scene.width), 700))
    place = (points / REACH + 1) / 2
    left = judge.shown(place, side=side, width=thread / (2 * REACH), opacity=opacity)
    along = (2 * np.arange(side) + 1 - side) / side * REACH
    apart = np.hypot(along[:, None], along)
    if scene.square:
        apart = np.maximum(np.abs(along[:, None]), np.abs(along))
    rng = np.random.default_rng(5)
    grain = gaussian_filter(rng.standard_normal((side, side)), (2, side / 30), mode="wrap")
    table = scene.table * (1 + 0.1 * grain / grain.std())
    board = np.where(apart <= EDGE, scene.ink + (scene.paper - scene.ink) * left, table)
    for x, y in (nails / REACH + 1) / 2 * side:
        box = tuple(slice(max(int(at) - 4, 0), int(at) + 5) for at in (y, x))
        rows, columns = np.mgrid[box]
        spot = np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= max(0.004 / REACH / 2 * side, 0.7)
        board[box][spot] = 0.3
    return np.asarray(board)


def _exposed(board: Float64, scene: Scene) -> Float64:
    """What the camera makes of a board, linear light, (height, width)."""
    columns = (np.arange(scene.width * OVER) + 0.5) / OVER
    rows = (np.arange(scene.height * OVER) + 0.5) / OVER
    u = (columns - scene.width / 2) / (scene.width / 2) + np.zeros((len(rows), 1))
    v = ((rows - scene.height / 2) / (scene.width / 2))[:, None] + np.zeros(len(columns))
    square = u * u + v * v
    corner = 1 + (scene.height / scene.width) ** 2
    bent = 1 + scene.barrel * square / corner
    x, y = _onto_board(
        (u * bent - 2 * scene.x) / (2 * scene.size), (v * bent - 2 * scene.y) / (2 * scene.size), scene
    )
    side = len(board)
    places = [(y / REACH + 1) / 2 * side - 0.5, (x / REACH + 1) / 2 * side - 0.5]
    seen = map_coordinates(board, places, order=1, mode="nearest")
    lit = (1 + scene.falloff * (0.8 * x - 0.6 * y) / 2) * (1 - scene.vignette * square / corner)
    height, width = scene.height, scene.width
    photo = (seen * lit).reshape(height, OVER, width, OVER).mean(axis=(1, 3))
    photo = gaussian_filter(photo, scene.blur) if scene.blur else photo
    return np.asarray(photo + scene.noise * np.random.default_rng(7).standard_normal(photo.shape))


def _onto_board(u: Float64, v: Float64, scene: Scene) -> tuple[Float64, Float64]:
    """Where on the board, in radii, rays of the camera land that straight on would land at (u, v)."""
    turn, toward, tilt = (math.radians(angle) for angle in (scene.turn, scene.toward, scene.tilt))
    along, across = u * math.cos(toward) + v * math.sin(toward), v * math.cos(toward) - u * math.sin(toward)
    deep = math.cos(tilt) - along / scene.distance * math.sin(tilt)
    along, across = along / deep, across * math.cos(tilt) / deep
    x, y = (
        along * math.cos(toward) - across * math.sin(toward),
        along * math.sin(toward) + across * math.cos(toward),
    )
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    return (-x if scene.mirrored else x), y
