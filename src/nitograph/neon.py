"""Thread → neon picture: light adds up, crossings burn towards white.

Cores are drawn anti-aliased at full size; the glow is drawn on a small grid, blurred by three Gaussians
and laid under them; the sum is tone-mapped by 1 − exp(−light) and dithered to 8 bits. The picture is made
in bands of rows side by side, so that memory follows the picture. Knows nothing of files or of sampling.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph import bundle, palettes, png
from nitograph.errors import SettingsError
from nitograph.halo import blur, spread
from nitograph.layout import MARGIN, Disc, place
from nitograph.settings import Settings, setting
from nitograph.strokes import Strokes, add_dots
from nitograph.thread import Thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

MIN_SIZE, MAX_SIZE = 64, 16384
BAND_PIXELS = 2_500_000  # of one plane, at a time and worker
GLOW_GRID = 640  # px on the longer side that the glow is laid out on
# Widths (standard deviation, in board diameters) and strengths of the three glows.
HALOS = ((0.0026, 0.90), (0.0100, 1.25), (0.0480, 1.25))
GAIN = 0.90  # light of one stroke's middle line, before the tone curve
CROWDED = 0.6  # strokes upon each other, above which the light is turned down
NAIL = 0.0022  # radius of a nail in radii of the board


@dataclass(frozen=True)
class NeonSettings(Settings):
    """How a thread is lit."""

    size_inches: float = setting(8.0, "side of the picture", unit="inches", low=0.01, high=1000)
    dpi: int = setting(512, "pixels in an inch", unit="px", low=1, high=10_000)
    size: int | None = setting(
        None, "side of the picture instead of inches × dpi", unit="px", low=MIN_SIZE, high=MAX_SIZE
    )
    palette: str = setting(
        "cyan",
        "cyan, magenta, amber, ice, fire, another name, a colour, or colours along the thread (#f08,#0df)",
    )
    background: str = setting("night", "colour under the light, a name or #rrggbb")
    thickness: float = setting(
        0.7, "width of the thread's core", unit="thousandths of the side", low=0.05, high=20
    )
    glow: float = setting(1.0, "strength of the glow, 0 for none", low=0.0, high=10.0)
    brightness: float = setting(1.0, "strength of all light", low=0.05, high=20.0)
    ring: bool = setting(True, "draw the faint ring of nails")
    layout: str = setting("row", "how several boards stand in one picture", choices=("row", "ring", "grid"))

    def check(self) -> None:
        """The side in pixels is within bounds and the colours exist."""
        if not MIN_SIZE <= self.pixels <= MAX_SIZE:
            raise SettingsError(
                f"a picture has {MIN_SIZE} to {MAX_SIZE} pixels a side, "
                f"got {self.size_inches:g} inches × {self.dpi} = {self.pixels}"
            )
        palettes.check(self.palette)
        palettes.colour(self.background)

    @property
    def pixels(self) -> int:
        """The longer side of the picture in pixels."""
        return self.size if self.size is not None else round(self.size_inches * self.dpi)


@dataclass(frozen=True, eq=False)
class Picture:
    """pixels: uint8, (h, w, 3) as RGB, or (h, w) with a palette (256, 3). dpi: px an inch."""

    pixels: UInt8
    palette: UInt8 | None = None
    dpi: int | None = None

    def rgb(self) -> UInt8:
        """The same picture as RGB, (h, w, 3)."""
        return self.pixels if self.palette is None else self.palette[self.pixels]


@dataclass(frozen=True, eq=False)
class Scene:
    """Boards placed in a picture: all chords in pixels, and the light that each gives.

    starts, ends: (m, 2); light: (m, planes); discs: (centre x, centre y, radius) of each board, px.
    """

    width: int
    height: int
    starts: Float64
    ends: Float64
    light: Float32
    nails: tuple[Float64, ...]
    discs: tuple[Disc, ...]


def draw(
    threads: Thread | Sequence[Thread], settings: NeonSettings, *, workers: int | None = None
) -> Picture:
    """The picture of one thread, or of several on boards laid out by `settings.layout`.

    One-colour palettes give a palette picture (h, w), gradients RGB (h, w, 3). SettingsError as
    NeonSettings. The result does not depend on `workers` (default: every core, at most 8).
    """
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a picture needs at least one thread, got none")
    scene = stage(listed, settings)
    return Painter(scene, settings).paint(workers or _cores())


def draw_many(
    threads: Sequence[Thread], settings: NeonSettings, *, workers: int | None = None
) -> list[Picture]:
    """One picture a thread, drawn side by side; made for many small ones."""
    with ThreadPoolExecutor(workers or _cores()) as pool:
        return list(pool.map(lambda thread: draw(thread, settings, workers=1), threads))


def encode_png(picture: Picture, *, text: str | None = None, workers: int | None = None) -> bytes:
    """The picture as a PNG file; `text`, the JSON of its threads, goes along with it."""
    return png.encode(
        picture.pixels,
        picture.palette,
        text=None if text is None else {bundle.KEYWORD: text},
        dpi=picture.dpi,
        workers=workers or _cores(),
    )


def stage(threads: Sequence[Thread], settings: NeonSettings) -> Scene:
    """Place the boards and turn every thread into strokes."""
    size = settings.pixels
    width, height, discs = place(len(threads), settings.layout, size)
    starts, ends, light, nails = [], [], [], []
    for thread, (x, y, radius) in zip(threads, discs, strict=True):
        spots = thread.board.positions() * radius + (x - 0.5, y - 0.5)
        path = spots[thread.nails]
        starts.append(path[:-1])
        ends.append(path[1:])
        light.append(_chord_light(thread.line_count, settings))
        nails.append(spots)
    return Scene(
        width,
        height,
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(light),
        tuple(nails),
        discs,
    )


def _chord_light(count: int, settings: NeonSettings) -> Float32:
    """Light of each chord: (m, 1) for a ramp, (m, 3) for a gradient along the thread's progress."""
    if not palettes.is_gradient(settings.palette):
        return np.ones((count, 1), dtype=np.float32)
    weights = palettes.light(settings.palette, settings.background, count).weights
    return weights.astype(np.float32)


def _cores() -> int:
    return min(8, os.cpu_count() or 1)


class Painter:
    """One scene being painted: the small grid of glow once, then bands of rows."""

    def __init__(self, scene: Scene, settings: NeonSettings) -> None:
        self.scene, self.settings = scene, settings
        self.planes = scene.light.shape[1]
        self.radius = scene.discs[0][2]
        width = settings.thickness / 1000 * self.radius / MARGIN
        thin = min(1.0, width) ** 0.6
        self.ratio, self.glow, self.gain = self._glow(width)
        self.nail_radius = max(0.55, NAIL * self.radius)
        self.strokes = Strokes(
            scene.starts,
            scene.ends,
            width,
            scene.light * np.float32(self.gain * thin),
            pad=2 * math.ceil(self.nail_radius + 2),
        )

    def paint(self, workers: int) -> Picture:
        """All bands, side by side."""
        height, width = self.scene.height, self.scene.width
        rows = max(1, min(height, BAND_PIXELS // (width * self.planes)))
        shape = (height, width) if self.planes == 1 else (height, width, 3)
        pixels = np.empty(shape, dtype=np.uint8)
        with ThreadPoolExecutor(workers) as pool:
            done = [pool.submit(self._band, pixels, first, rows) for first in range(0, height, rows)]
            for band in done:
                band.result()
        ramp = None
        if self.planes == 1:
            ramp = palettes.ramp(self.settings.palette, self.settings.background)
        return Picture(pixels, ramp, self.settings.dpi)

    def _band(self, pixels: UInt8, first: int, rows: int) -> None:
        rows = min(rows, self.scene.height - first)
        pad = self.strokes.pad
        raster = np.zeros((self.planes, rows + 2 * pad, self.scene.width + 2 * pad), dtype=np.float32)
        inside = raster[:, pad : pad + rows, pad : pad + self.scene.width]
        for plane, glow in zip(inside, self.glow, strict=True):
            spread(glow, self.ratio, first, plane)
        self.strokes.add(raster, first)
        if self.settings.ring:
            self._nails(raster, first)
        self._tone(inside, first, pixels[first : first + rows])

    def _tone(self, light: Float32, first: int, out: UInt8) -> None:
        """1 − exp(−light), dithered to 8 bits. light: (planes, rows, w); overwritten."""
        rows, width = light.shape[1:]
        noise = np.tile(DITHER, (2, -(-width // 8)))[:, :width]
        dark, bright = np.zeros(1), 1.0
        if self.planes == 3:
            mixed = palettes.light(self.settings.palette, self.settings.background)
            dark, bright = mixed.background, 0.0 if mixed.ink else 1.0
        for plane in range(self.planes):
            target = out if self.planes == 1 else out[:, :, plane]
            base, span = np.float32(255 * bright), np.float32(255 * (dark[plane] - bright))
            for row in range(0, rows, 8):
                part = light[plane, row : row + 8]
                np.negative(part, out=part)
                np.exp(part, out=part)
                part *= span
                part += base
                shift = (first + row) % 8
                part += noise[shift : shift + len(part)]
                target[row : row + 8] = part

    def _nails(self, raster: Float32, first: int) -> None:
        small = min(1.0, NAIL * self.radius / self.nail_radius) ** 0.7
        mean = self.scene.light.mean(axis=0) * np.float32(0.4 * small * self.settings.brightness)
        for spots, (_, _, radius) in zip(self.scene.nails, self.scene.discs, strict=True):
            crowd = min(1.0, 2 * math.pi * radius / len(spots) / (4 * self.nail_radius))
            add_dots(raster, first, self.strokes.pad, spots, self.nail_radius, mean * np.float32(crowd))

    def _glow(self, width: float) -> tuple[int, Float32, float]:
        """The glow on a small grid, and the gain that keeps dense threads from burning out.

        Gives px a cell, light (planes, rows, columns), gain.
        """
        scene, settings = self.scene, self.settings
        ratio = -(-max(scene.width, scene.height) // GLOW_GRID)
        shape = (-(-scene.height // ratio), -(-scene.width // ratio))
        shift = (0.5 - 0.5 * ratio) / ratio  # from px centres to cell centres
        strokes = Strokes(
            scene.starts / ratio + shift,
            scene.ends / ratio + shift,
            1.0,
            scene.light * np.float32(width / ratio),
        )
        pad = strokes.pad
        raster = np.zeros((self.planes, shape[0] + 2 * pad, shape[1] + 2 * pad), dtype=np.float32)
        strokes.add(raster, 0)
        light = np.ascontiguousarray(raster[:, pad:-pad, pad:-pad])
        cell = ratio / (2 * self.radius)
        halos = [blur(light, max(0.6, sigma / cell)) for sigma, _ in HALOS]
        dense = float(np.quantile(halos[1].max(axis=0)[::4, ::4], 0.995))
        room = min(1.0, CROWDED / max(dense, 1e-9))
        gain = GAIN * settings.brightness * room**0.9
        glow = np.zeros_like(light)
        for halo, (_, strength) in zip(halos, HALOS, strict=True):
            glow += halo * np.float32(strength * gain * settings.glow * room**0.4)
        return ratio, glow, gain


def _bayer() -> Float32:
    """An 8 × 8 ordered dither of thresholds between 0 and 1 (Bayer 1973)."""
    square = np.zeros((1, 1))
    for _ in range(3):
        square = np.block([[4 * square, 4 * square + 2], [4 * square + 3, 4 * square + 1]])
    return ((square + 0.5) / 64).astype(np.float32)


DITHER = _bayer()
