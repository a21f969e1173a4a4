"""The finished board: thread in its true thickness on a board, nails and all, as a visitor will see it.

Thread is opaque: each chord hides its share of every pixel of what is still bare, so that shares multiply,
as in weaving. Dark thread on a light board, or light on a dark one, as the thread's file says; else dark.
This module knows nothing of shadows, of shine or of the thickness of many threads on one nail.

Try it: python -m nitograph render thread.json -o board.png --look board
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import HEX, Layers, colour_of, layers_of
from nitograph.colours.oklab import from_light, to_light
from nitograph.drawing import palettes
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.neon import painted
from nitograph.drawing.painter import DITHER, Painter
from nitograph.drawing.scene import stage
from nitograph.drawing.strokes import Strokes, add_dots
from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting
from nitograph.thread import Thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

THREAD_MM, BOARD_MM = 0.2, 600.0  # of a thread whose file does not say
NAIL_MM = 1.5
NAIL_DENSITY = 3.0
DENSEST = 4.0  # of one chord in its middle: it hides 1 − e⁻⁴ of a pixel


@dataclass(frozen=True)
class BoardLook(Settings):
    """The real thread and board of a picture of the finished piece."""

    thread_colour: str | None = setting(
        None, "colour of the thread, a name or #rrggbb (default: ink, or white for a light thread)"
    )
    board_colour: str | None = setting(
        None, "colour of the board, a name or #rrggbb (default: paper, or night for a light thread)"
    )
    thread_width: float | None = setting(
        None,
        "thickness of the thread (default: what it was woven for, or 0.2)",
        unit="mm",
        low=0.01,
        high=20,
    )
    diameter: float | None = setting(
        None,
        "diameter of the ring of nails (default: what it was woven for, or 600)",
        unit="mm",
        low=10,
        high=20_000,
    )

    def check(self) -> None:
        """Both colours are colours."""
        for text in (self.thread_colour, self.board_colour):
            if text is not None:
                palettes.colour(text)

    def millimetres(self, thread: Thread) -> tuple[float, float]:
        """Thickness of the thread and diameter of its ring of nails."""
        width, diameter = thread.millimetres() or (THREAD_MM, BOARD_MM)
        return self.thread_width or width, self.diameter or diameter

    def hidden_width(self, thread: Thread) -> float:
        """Width of the thread as it is seen, mm: its thickness × its darkness."""
        return self.millimetres(thread)[0] * thread.darkness()

    def colours(self, thread: Thread) -> tuple[Float64, Float64]:
        """Of the board and of the thread, (3,) each, 0 to 1."""
        defaults = ("paper", "ink") if thread.is_dark() else ("night", "white")
        own, said = colour_of(thread), thread.provenance.get("board_colour")
        ground = said if isinstance(said, str) and HEX.fullmatch(said) else defaults[0]
        return (
            palettes.colour(self.board_colour or ground),
            palettes.colour(self.thread_colour or (defaults[1] if own is None else own.hex)),
        )


def draw(threads: Thread | Sequence[Thread], settings: NeonSettings, look: BoardLook) -> Picture:
    """The picture of one finished piece, or of several laid out by `settings.layout`; palette (h, w).

    Of `settings` the size, the layout and whether nails are drawn count. SettingsError if there are no
    threads, or a thread is too thick for its board.
    """
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a picture needs at least one thread, got none")
    return painted(board_painter(listed, settings, look), listed)


def board_painter(
    threads: Sequence[Thread], settings: NeonSettings, look: BoardLook
) -> "BoardPainter | LayeredPainter":
    """The painter of these threads: one that mixes colours for layers of one board."""
    layers = layers_of(threads)
    return (
        BoardPainter(threads, settings, look) if layers is None else LayeredPainter(layers, settings, look)
    )


class BoardPainter(Painter):
    """Paints a scene as a real board; it has no glow."""

    def __init__(self, threads: Sequence[Thread], settings: NeonSettings, look: BoardLook) -> None:
        self.settings = settings
        self.scene = stage(threads, settings.replace(palette="cyan"))
        self.planes = 1
        self.radius = self.scene.discs[0][2]
        width, diameter = look.hidden_width(threads[0]), look.millimetres(threads[0])[1]
        if width * 4 > diameter:
            raise SettingsError(
                f"a thread must be thinner than a quarter of its board, got {width:g} mm on {diameter:g} mm"
            )
        scale = 2 * self.radius / diameter
        self.width = width * scale
        self.nail_radius = max(0.5, NAIL_MM / 2 * scale)
        self.ratio = -(-max(self.scene.width, self.scene.height) // 64)
        self.small = -(-self.scene.height // self.ratio), -(-self.scene.width // self.ratio)
        self.glow = np.zeros((1, *self.small), dtype=np.float32)
        self.stroke, self.density = _stroke(self.width)
        self.strokes = self.fine(self.scene.starts, self.scene.ends, self.scene.light)
        self._ramp = _ramp(*look.colours(threads[0]))

    def fine(self, starts: Float64, ends: Float64, light: Float32) -> Strokes:
        """Chords whose light is their density: the negative logarithm of what they leave bare."""
        return Strokes(
            starts,
            ends,
            self.stroke,
            light * np.float32(self.density),
            pad=2 * math.ceil(self.nail_radius + 2),
        )

    def glow_of(self, coarse: Float32) -> Float32:
        """No glow."""
        return self.glow

    def lay(self, raster: Float32, glow: Float32) -> None:
        """Nothing to add."""

    def finish(self, raster: Float32, first: int, out: UInt8) -> None:
        """Add the nails and write how much is hidden, 0 to 255; `raster` is overwritten."""
        pad = self.strokes.pad
        if self.settings.ring:
            density = np.full(1, NAIL_DENSITY, dtype=np.float32)
            for spots in self.scene.nails:
                add_dots(raster, first, pad, spots, self.nail_radius, density)
        hidden = raster[0, pad:-pad, pad:-pad]
        noise = DITHER[(first + np.arange(len(hidden))) % len(DITHER)][:, None]
        np.negative(hidden, out=hidden)
        np.expm1(hidden, out=hidden)
        hidden *= np.float32(-255)
        hidden += noise
        out[:] = hidden

    def framed(self, pixels: UInt8, threads: Sequence[Thread] = ()) -> Picture:
        """A Picture of painted pixels, from the bare board to thread alone."""
        return Picture(pixels, self._ramp, self.settings.dpi, tuple(threads))


class LayeredPainter(BoardPainter):
    """Paints threads of several colours on one board: each hides its share of what lies below, as light."""

    def __init__(self, layers: Layers, settings: NeonSettings, look: BoardLook) -> None:
        super().__init__(layers, settings, look)
        self.planes = len(layers)
        owner = np.repeat(np.arange(self.planes), [thread.line_count for thread in layers])
        light = np.eye(self.planes, dtype=np.float32)[owner]
        self.scene = dataclasses.replace(self.scene, light=light)
        self.glow = np.zeros((self.planes, *self.small), dtype=np.float32)
        self.strokes = self.fine(self.scene.starts, self.scene.ends, light)
        pairs = [look.colours(thread) for thread in layers]
        self._ground = to_light(pairs[0][0]).astype(np.float32)
        self._threads = to_light(np.stack([pair[1] for pair in pairs])).astype(np.float32)

    def finish(self, raster: Float32, first: int, out: UInt8) -> None:
        """Add the nails, in the colour of the highest thread, and write sRGB; `raster` is overwritten."""
        pad = self.strokes.pad
        if self.settings.ring:
            density = np.zeros(self.planes, dtype=np.float32)
            density[-1] = NAIL_DENSITY
            for spots in self.scene.nails:
                add_dots(raster, first, pad, spots, self.nail_radius, density)
        hidden = raster[:, pad:-pad, pad:-pad]
        noise = DITHER[(first + np.arange(hidden.shape[1])) % len(DITHER)][:, None]
        light = np.broadcast_to(self._ground, (*hidden.shape[1:], 3))
        for density_of, colour in zip(hidden, self._threads, strict=True):
            light = colour + (light - colour) * np.exp(-density_of)[..., None]
        out[:] = np.minimum(255 * from_light(light.astype(np.float64)) + noise[..., None], 255)

    def framed(self, pixels: UInt8, threads: Sequence[Thread] = ()) -> Picture:
        """A Picture of painted pixels, in RGB."""
        return Picture(pixels, None, self.settings.dpi, tuple(threads))


def _stroke(width: float) -> tuple[float, float]:
    """Width (at least 1) and density of a stroke that hides as much as a band of `width` px.

    A stroke w wide whose density is a raised cosine with peak d hides 2w·(1 − e^(−d/2)·I₀(d/2)).
    """
    densities = np.linspace(0.0, DENSEST, 401)
    hidden = 2 * (1 - np.exp(-densities / 2) * np.i0(densities / 2))
    if width >= hidden[-1]:
        return width / float(hidden[-1]), DENSEST
    return 1.0, float(np.interp(width, hidden, densities))


def _ramp(board: Float64, thread: Float64) -> UInt8:
    """256 colours from the board to the thread, (256, 3)."""
    share = np.linspace(0.0, 1.0, 256)[:, None]
    return np.rint(255 * (board + share * (thread - board))).astype(np.uint8)
