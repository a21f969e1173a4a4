"""Rendering the light of a scene: strokes and glow, summed in bands of rows and tone-mapped to 8 bits.

The glow is drawn on a small grid and blurred by three Gaussians; cores are drawn anti-aliased at full size;
the sum becomes 1 − exp(−light), so that crossings saturate softly. Knows chords in pixels, not threads.

Try it: python -m nitograph render thread.json -o picture.png --glow 2
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import palettes
from nitograph.drawing.glow import blur, spread
from nitograph.drawing.layout import MARGIN
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.scene import Scene
from nitograph.drawing.strokes import Strokes, add_dots
from nitograph.thread import Thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

BAND_PIXELS = 1_200_000  # of one plane, per band
GLOW_GRID = 640  # cells of the glow grid on the longer side, at most
# Widths (standard deviation, in board diameters) and strengths of the three glows.
HALOS = ((0.0026, 0.90), (0.0100, 1.25), (0.0480, 1.25))
GAIN = 0.90  # light of one stroke's middle line, before the tone curve
CROWDED = 0.6  # overlapping strokes above which the light is reduced
THOUSANDS = 0.6  # headroom below which a picture is woven of thousands of chords
NAIL = 0.0022  # radius of a nail in radii of the board


class Painter:
    """Renders one scene: first the exposure and the glow grid, then bands of rows."""

    def __init__(self, scene: Scene, settings: NeonSettings) -> None:
        self.scene, self.settings = scene, settings
        self.planes = scene.light.shape[1]
        self.radius = scene.discs[0][2]
        self.width = settings.thickness / 1000 * self.radius / MARGIN
        self.nail_radius = max(0.55, NAIL * self.radius)
        self.ratio = -(-max(scene.width, scene.height) // GLOW_GRID)
        self.small = -(-scene.height // self.ratio), -(-scene.width // self.ratio)
        whole = self.soft(scene.starts, scene.ends, scene.light)
        coarse = self.canvas(whole, *self.small)
        whole.add(coarse, 0)
        halos = self._halos(coarse)
        dense = float(np.quantile(halos[1].max(axis=0)[::4, ::4], 0.995))
        self.headroom = min(1.0, CROWDED / max(dense, 1e-9))
        # Of thousands of chords, glow and cores together would be one bright disc; digits never come here.
        self.subdued = min(1.0, self.headroom / THOUSANDS) ** 0.35
        self.gain = GAIN * settings.brightness * self.headroom**0.9 * self.subdued**0.5
        self.glow = self._mixed(halos)
        self.strokes = self.fine(scene.starts, scene.ends, scene.light)

    def fine(self, starts: Float64, ends: Float64, light: Float32) -> Strokes:
        """Cores of strokes at full size, exposed; starts, ends (m, 2) px, light (m, planes)."""
        exposed = light * np.float32(self.gain * min(1.0, self.width) ** 0.6)
        return Strokes(starts, ends, self.width, exposed, pad=2 * math.ceil(self.nail_radius + 2))

    def soft(self, starts: Float64, ends: Float64, light: Float32) -> Strokes:
        """The same strokes on the small grid that the glow is made from."""
        shift = 0.5 / self.ratio - 0.5  # from px centres to cell centres
        light = light * np.float32(self.width / self.ratio)
        return Strokes(starts / self.ratio + shift, ends / self.ratio + shift, 1.0, light)

    def canvas(self, strokes: Strokes, rows: int, columns: int) -> Float32:
        """A zero raster with the padding that these strokes need, (planes, h, w)."""
        pad = 2 * strokes.pad
        return np.zeros((self.planes, rows + pad, columns + pad), dtype=np.float32)

    def glow_of(self, coarse: Float32) -> Float32:
        """The glow of strokes on a small canvas, exposed: (planes, rows, columns) without padding."""
        return self._mixed(self._halos(coarse))

    def paint(self, workers: int) -> UInt8:
        """All bands, drawn in parallel; pixels shaped as by `blank`."""
        height, width = self.scene.height, self.scene.width
        rows = max(1, min(height, BAND_PIXELS // (width * self.planes)))
        pixels, firsts = self.blank(), iter(range(0, height, rows))
        with ThreadPoolExecutor(workers) as pool:
            running = [pool.submit(self._bands, pixels, firsts, rows) for _ in range(workers)]
            for worker in running:
                worker.result()
        return pixels

    def framed(self, pixels: UInt8, threads: Sequence[Thread] = ()) -> Picture:
        """The picture of painted pixels, and of the threads shown."""
        return framed(pixels, self.settings, threads)

    def blank(self) -> UInt8:
        """Empty pixels: (h, w) for a ramp, (h, w, 3) for a gradient."""
        shape = (self.scene.height, self.scene.width)
        return np.empty(shape if self.planes == 1 else (*shape, 3), dtype=np.uint8)

    def _bands(self, pixels: UInt8, firsts: Iterator[int], rows: int) -> None:
        """Draw bands until none is left, all on one raster, since allocating memory costs more."""
        pad = self.strokes.pad
        raster = self.canvas(self.strokes, rows, self.scene.width)
        for first in firsts:
            out = pixels[first : first + rows]
            band = raster[:, : len(out) + 2 * pad]
            for plane, soft in zip(band[:, pad:-pad, pad:-pad], self.glow, strict=True):
                spread(soft, self.ratio, first, plane)
            self.strokes.add(band, first)
            self.finish(band, first, out)

    def lay(self, raster: Float32, glow: Float32) -> None:
        """Add the glow to a raster of the whole picture."""
        pad = self.strokes.pad
        inside = raster[:, pad:-pad, pad:-pad]
        under = np.empty(inside.shape[1:], dtype=np.float32)
        for plane, soft in zip(inside, glow, strict=True):
            spread(soft, self.ratio, 0, under)
            plane += under

    def finish(self, raster: Float32, first: int, out: UInt8) -> None:
        """Add the ring and tone-map rows from `first` on; `raster` is overwritten."""
        pad = self.strokes.pad
        if self.settings.ring:
            self._nails(raster, first)
        self._tone(raster[:, pad:-pad, pad:-pad], first, out)

    def _halos(self, coarse: Float32) -> list[Float32]:
        pad = (coarse.shape[1] - self.small[0]) // 2
        light = np.ascontiguousarray(coarse[:, pad:-pad, pad:-pad])
        cell = self.ratio / (2 * self.radius)
        return [blur(light, max(0.6, sigma / cell)) for sigma, _ in HALOS]

    def _mixed(self, halos: list[Float32]) -> Float32:
        strength = self.gain * self.settings.glow * self.headroom**0.4 * self.subdued
        glow = np.zeros_like(halos[0])
        for halo, (_, share) in zip(halos, HALOS, strict=True):
            glow += halo * np.float32(share * strength)
        return glow

    def _tone(self, light: Float32, first: int, out: UInt8) -> None:
        """1 − exp(−light), dithered to 8 bits. light: (planes, rows, w); overwritten."""
        rows = light.shape[1]
        noise = DITHER[(first + np.arange(rows)) % len(DITHER)]
        dark, bright = np.zeros(1), 1.0
        if self.planes == 3:
            mixed = palettes.light(self.settings.palette, self.settings.background)
            dark, bright = mixed.background, 0.0 if mixed.ink else 1.0
        for plane in range(self.planes):
            target = out if self.planes == 1 else out[:, :, plane]
            base, span = np.float32(255 * bright) + noise, np.float32(255 * (dark[plane] - bright))
            for row in range(0, rows, 8):
                part = light[plane, row : row + 8]
                np.negative(part, out=part)
                np.exp(part, out=part)
                part *= span
                part += base[row : row + 8, None]
                target[row : row + 8] = part

    def _nails(self, raster: Float32, first: int) -> None:
        small = min(1.0, NAIL * self.radius / self.nail_radius) ** 0.7
        mean = self.scene.light.mean(axis=0) * np.float32(0.4 * small * self.settings.brightness)
        for spots, (_, _, radius) in zip(self.scene.nails, self.scene.discs, strict=True):
            crowd = min(1.0, 2 * math.pi * radius / len(spots) / (4 * self.nail_radius))
            add_dots(raster, first, self.strokes.pad, spots, self.nail_radius, mean * np.float32(crowd))


def framed(pixels: UInt8, settings: NeonSettings, threads: Sequence[Thread] = ()) -> Picture:
    """A Picture of painted pixels, with the ramp they index if there is one, and the threads shown."""
    ramp = palettes.ramp(settings.palette, settings.background) if pixels.ndim == 2 else None
    return Picture(pixels, ramp, settings.dpi, tuple(threads))


# Rounding thresholds of 16 rows in turn, bit-reversed so that neighbours differ. This is an ordered dither
# (after Bayer 1973) that changes only from row to row: it hides banding as well, and rows stay so even that
# the PNG is a sixth smaller and faster to write.
DITHER = np.array([int(f"{i:04b}"[::-1], 2) for i in range(16)], dtype=np.float32) / 16 + np.float32(1 / 32)
