"""The classic look of the first Nitograph: translucent Matplotlib `LineCollection` layers.

It is an option for users, and tests use it to check that the neon picture puts its chords in the right
place. Takes values, returns pictures; knows nothing of files. Needs Matplotlib (the extra `sheets`).

Try it: python -m nitograph render thread.json -o picture.png --renderer matplotlib
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import palettes
from nitograph.drawing.figures import need_matplotlib, pixels_of
from nitograph.drawing.layout import MARGIN, place
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.errors import SettingsError
from nitograph.thread import Thread, places_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float64 = NDArray[np.float64]

# Width in thousandths of the side, and opacity, of each translucent layer: glow first, core last.
LAYERS = ((7.5, 0.012), (4.0, 0.025), (2.0, 0.06), (0.9, 0.16), (0.35, 0.75))
MAX_CLASSIC = 8192  # px per side; Matplotlib needs about eight bytes per pixel


def classic(threads: Thread | Sequence[Thread], settings: NeonSettings) -> Picture:
    """The picture in translucent layers, (h, w, 3). SettingsError above MAX_CLASSIC px per side."""
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a picture needs at least one thread, got none")
    if settings.pixels > MAX_CLASSIC:
        raise SettingsError(
            f"the classic look has at most {MAX_CLASSIC} pixels per side, got {settings.pixels}; "
            "use the neon renderer for larger pictures"
        )
    need_matplotlib()
    from matplotlib.collections import LineCollection

    width, height, discs = place(len(listed), settings.layout, settings.pixels, places_of(listed))
    figure, axes = _canvas(width, height, palettes.colour(settings.background))
    for thread, (x, y, radius) in zip(listed, discs, strict=True):
        side = radius / MARGIN
        spots = thread.board.positions() * radius + (x, y)
        if settings.ring:
            axes.scatter(
                *spots.T, s=(0.0022 * side) ** 2, color="white", alpha=0.25, linewidths=0, zorder=1
            )
        path = spots[thread.nails]
        chords = np.stack([path[:-1], path[1:]], axis=1)
        colours = _colours(thread.line_count, settings)
        for i, (wide, opacity) in enumerate(LAYERS):
            core = i == len(LAYERS) - 1
            strength = settings.brightness * (1.0 if core else settings.glow)
            axes.add_collection(
                LineCollection(
                    list(chords),
                    colors=colours,
                    linewidths=wide * settings.thickness / 0.7 / 1000 * side,
                    alpha=min(1.0, opacity * strength),
                    capstyle="round",
                    zorder=2 + i,
                )
            )
    return Picture(pixels_of(figure), None, settings.dpi, tuple(listed))


def _colours(count: int, settings: NeonSettings) -> Float64:
    """Colour of each chord, (m, 3)."""
    if palettes.is_gradient(settings.palette):
        return palettes.along(settings.palette, count)
    return np.repeat(palettes.body(settings.palette)[None], count, axis=0)


def _canvas(width: int, height: int, background: Float64) -> tuple["Figure", Any]:
    """A figure of exactly width × height px whose data coordinates are pixels, y down."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=tuple(background))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes
