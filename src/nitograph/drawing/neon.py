"""Thread → neon picture: light is additive, so that crossings become white.

`scene` places the threads, `painter` draws the light. Touches no disk; knows nothing of sampling.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.cores import cores
from nitograph.drawing import palettes
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.painter import Painter
from nitograph.drawing.scene import stage
from nitograph.errors import SettingsError
from nitograph.thread import Thread

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]


def draw(
    threads: Thread | Sequence[Thread], settings: NeonSettings, *, workers: int | None = None
) -> Picture:
    """The picture of one thread, or of several on boards laid out by `settings.layout`.

    One-colour palettes give a palette picture (h, w), gradients RGB (h, w, 3). SettingsError if
    there are no threads. The result does not depend on `workers` (default: every core, at most 8).
    """
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a picture needs at least one thread, got none")
    pixels = Painter(stage(listed, settings), settings).paint(workers or _workers())
    return framed(pixels, settings, listed)


def framed(pixels: UInt8, settings: NeonSettings, threads: Sequence[Thread] = ()) -> Picture:
    """A Picture of painted pixels, with the ramp they index if there is one, and the threads shown."""
    ramp = palettes.ramp(settings.palette, settings.background) if pixels.ndim == 2 else None
    return Picture(pixels, ramp, settings.dpi, tuple(threads))


def draw_many(
    threads: Sequence[Thread], settings: NeonSettings, *, workers: int | None = None
) -> list[Picture]:
    """One picture per thread, drawn in parallel; for many small ones.

    Below about 600 px one worker is as fast as many, since the calls are too short to overlap.
    """
    with ThreadPoolExecutor(workers or (_workers() if settings.pixels >= 600 else 1)) as pool:
        return list(pool.map(lambda thread: draw(thread, settings, workers=1), threads))


def _workers() -> int:
    return min(8, cores())
