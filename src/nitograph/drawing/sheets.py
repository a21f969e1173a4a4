"""Matplotlib's part: the classic look, contact sheets with captions, training curves.

The classic look is what the first Nitograph drew: batched `LineCollection` layers, translucent over each
other. It serves as an option and as the check that the neon picture puts its chords in the right place.
Takes values, gives pictures; knows nothing of files. Needs Matplotlib (the extra `sheets`).

Try it: python -m nitograph render thread.json -o picture.png --renderer matplotlib
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import neon, palettes
from nitograph.drawing.layout import MARGIN, place
from nitograph.drawing.neon import NeonSettings, Picture
from nitograph.errors import NitographError, SettingsError
from nitograph.thread import Thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float64 = NDArray[np.float64]

# Width in thousandths of the side, and opacity, of each translucent layer: glow first, core last.
LAYERS = ((7.5, 0.012), (4.0, 0.025), (2.0, 0.06), (0.9, 0.16), (0.35, 0.75))
MAX_CLASSIC = 8192  # px a side; the canvas takes four bytes a pixel, and as much again


def classic(threads: Thread | Sequence[Thread], settings: NeonSettings) -> Picture:
    """The picture in translucent layers of lines, (h, w, 3). SettingsError above MAX_CLASSIC pixels."""
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a picture needs at least one thread, got none")
    if settings.pixels > MAX_CLASSIC:
        raise SettingsError(
            f"the classic look goes up to {MAX_CLASSIC} pixels a side, got {settings.pixels}; "
            "neon goes further"
        )
    need_matplotlib()
    from matplotlib.collections import LineCollection

    width, height, discs = place(len(listed), settings.layout, settings.pixels)
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
    return Picture(pixels_of(figure), None, settings.dpi)


def contact_sheet(
    threads: Sequence[Thread],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    *,
    tile: int = 320,
    settings: NeonSettings | None = None,
) -> Picture:
    """Threads in neon, `tile` px each, in rows of `columns`, each with its title below: (h, w, 3).

    SettingsError where there are no threads, or where titles and threads differ in number.
    """
    if not threads:
        raise SettingsError("a contact sheet needs at least one thread, got none")
    if titles is not None and len(titles) != len(threads):
        raise SettingsError(f"a contact sheet needs a title a thread, got {len(titles)} for {len(threads)}")
    columns = columns or max(1, round((1.5 * len(threads)) ** 0.5))
    columns = min(columns, len(threads))
    look = (settings or NeonSettings()).replace(size=tile)
    caption = 0 if titles is None else max(16, tile // 9)
    rows = -(-len(threads) // columns)
    if max(rows * (tile + caption), columns * tile) > neon.MAX_SIZE:
        raise SettingsError(
            f"a contact sheet has at most {neon.MAX_SIZE} pixels a side, {len(threads)} threads of {tile} "
            f"in rows of {columns} would have more; show fewer or smaller ones"
        )
    ground = np.rint(255 * palettes.colour(look.background)).astype(np.uint8)
    sheet = np.empty((rows * (tile + caption), columns * tile, 3), dtype=np.uint8)
    sheet[:] = ground
    for i, picture in enumerate(neon.draw_many(threads, look)):
        row, column = divmod(i, columns)
        y, x = row * (tile + caption), column * tile
        sheet[y : y + tile, x : x + tile] = picture.rgb()
    if titles is not None:
        _write_titles(sheet, titles, columns, tile, caption)
    return Picture(sheet, None, look.dpi)


def curves(
    log: Iterable[Mapping[str, Any]], *, title: str = "", size: tuple[float, float] = (9, 5)
) -> Picture:
    """Training curves, (h, w, 3), from records with step and any of train_loss, valid_loss, learning_rate.

    Records without a finite number for a name are left out of its curve. NitographError where none is left.
    """
    records = list(log)
    series = {name: _series(records, name) for name in ("train_loss", "valid_loss", "learning_rate")}
    if not any(len(points) for points in series.values()):
        raise NitographError(
            "the log holds no curve: wanted records with step and train_loss or valid_loss"
        )
    need_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=160, layout="constrained")
    axes = figure.add_subplot()
    for name, shade, wide in (("train_loss", "#7fb2c9", 1.0), ("valid_loss", "#d1495b", 2.0)):
        points = series[name]
        if len(points):
            label = name.replace("_loss", "")
            axes.plot(
                *points.T,
                color=shade,
                linewidth=wide,
                marker="o" if wide > 1 else "",
                markersize=3,
                label=label,
            )
    axes.set(xlabel="step", ylabel="nats a token", title=title)
    axes.grid(alpha=0.25)
    if len(series["learning_rate"]):
        right = axes.twinx()
        right.plot(*series["learning_rate"].T, color="#999999", linewidth=0.8, linestyle=":")
        right.set_ylabel("learning rate (dotted)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    return Picture(pixels_of(figure), None, 160)


def need_matplotlib() -> None:
    """NitographError that says how to get Matplotlib, where it is missing."""
    try:
        import matplotlib  # noqa: F401  # whether it is there is all that is asked
    except ImportError:
        raise NitographError("this needs Matplotlib: pip install 'nitograph[sheets]'") from None


def _series(records: Sequence[Mapping[str, Any]], name: str) -> Float64:
    """Steps and values of one name, (points, 2)."""
    kept = []
    for i, record in enumerate(records):
        step, value = record.get("step", i), record.get(name)
        if (
            isinstance(value, (int, float))
            and isinstance(step, (int, float))
            and np.isfinite([step, value]).all()
        ):
            kept.append((float(step), float(value)))
    return np.array(kept, dtype=np.float64).reshape(-1, 2)


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


def pixels_of(figure: "Figure") -> NDArray[np.uint8]:
    """What a figure looks like, (h, w, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)  # Any, as Matplotlib leaves these two calls untyped
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])


def _write_titles(
    sheet: NDArray[np.uint8], titles: Sequence[str], columns: int, tile: int, caption: int
) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=caption * 0.55)
    bright = palettes.is_bright(sheet[0, 0] / 255.0)
    for i, words in enumerate(titles):
        row, column = divmod(i, columns)
        at = ((column + 0.5) * tile, row * (tile + caption) + tile + caption * 0.4)
        pen.text(at, words, font=font, fill="#333a44" if bright else "#aab4c2", anchor="mm")
    sheet[:] = np.asarray(image)
