"""Thread → neon picture: light is additive, so that crossings become white.

`scene` places the threads, `painter` draws the light. Touches no disk; knows nothing of sampling.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nitograph.compute.cores import cores
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.painter import Painter, framed as framed
from nitograph.drawing.scene import stage
from nitograph.errors import SettingsError
from nitograph.thread import Thread


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
    return painted(Painter(stage(listed, settings), settings), listed, workers)


def painted(painter: Painter, threads: Sequence[Thread], workers: int | None = None) -> Picture:
    """The whole picture by that painter, on all cores, at most 8."""
    return painter.framed(painter.paint(workers or _workers()), threads)


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
