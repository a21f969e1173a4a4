"""Thread → neon picture: light adds up, crossings burn towards white.

Settings of the look, threads placed on their boards, pictures out; `painter` makes the light and `png` the
file. Touches no disk; knows nothing of sampling.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.cores import cores
from nitograph.drawing import palettes
from nitograph.drawing.layout import place
from nitograph.drawing.painter import Painter, Scene
from nitograph.errors import SettingsError
from nitograph.io import png
from nitograph.io import threads as bundle
from nitograph.settings import Settings, setting
from nitograph.thread import Thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

MIN_SIZE, MAX_SIZE = 64, 16384


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
        return self.pixels if self.palette is None else self.palette.take(self.pixels, axis=0)


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
    pixels = Painter(stage(listed, settings), settings).paint(workers or _workers())
    return framed(pixels, settings)


def framed(pixels: UInt8, settings: NeonSettings) -> Picture:
    """Painted pixels with the ramp they are numbers of, if they are."""
    ramp = palettes.ramp(settings.palette, settings.background) if pixels.ndim == 2 else None
    return Picture(pixels, ramp, settings.dpi)


def draw_many(
    threads: Sequence[Thread], settings: NeonSettings, *, workers: int | None = None
) -> list[Picture]:
    """One picture a thread, drawn side by side; made for many small ones.

    Below some 600 px one worker is as fast as many: the calls are too short to run beside each other.
    """
    with ThreadPoolExecutor(workers or (_workers() if settings.pixels >= 600 else 1)) as pool:
        return list(pool.map(lambda thread: draw(thread, settings, workers=1), threads))


def encode_png(picture: Picture, *, text: str | None = None, workers: int | None = None) -> bytes:
    """The picture as a PNG file; `text`, the JSON of its threads, goes along with it."""
    return png.encode(
        picture.pixels,
        picture.palette,
        text=None if text is None else {bundle.KEYWORD: text},
        dpi=picture.dpi,
        workers=workers or _workers(),
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


def _workers() -> int:
    return min(8, cores())
