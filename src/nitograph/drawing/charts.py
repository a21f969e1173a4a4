"""Charts: the curves of a training run, and two figures of a sweep against each other.

Takes values, gives pictures; knows nothing of files, nor of what the figures mean. Needs Matplotlib (the
extra `sheets`).

Try it: python -m nitograph evaluate --sweep "guidance=1,1.5" --samples-per-class 10 --plot sweep.png
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing.figures import need_matplotlib, pixels_of
from nitograph.drawing.look import Picture
from nitograph.errors import NitographError, SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK, RAISED, EDGE, SOFT, INK = "#04060c", "#0d131d", "#2b394b", "#93a3b5", "#e6eef6"
SHADES, MARKS = ("#6fdcff", "#ffb454", "#5fd38d", "#ff7ab8", "#b79bff", "#fff27a"), "osD^vPX*"


@dataclass(frozen=True)
class Dot:
    """A point of a sweep: x and y, each a value and the ends of its interval, and what was set for it."""

    x: Sequence[float]
    y: Sequence[float]
    settings: Mapping[str, float]
    chosen: bool = False


def scatter(dots: Sequence[Dot], x_label: str, y_label: str) -> Picture:
    """Dots by two figures, (h, w, 3); lines through 1 where 1 is in sight, a ring around chosen dots.

    The first setting is the colour, the second the mark; every combination of further ones is a panel. Dots
    that differ in the first setting only are joined. SettingsError where there are no dots.
    """
    if not dots:
        raise SettingsError("a scatter needs at least one dot, got none")
    need_matplotlib()
    from matplotlib.figure import Figure

    names = list(dots[0].settings)
    panels = sorted({tuple(dot.settings[name] for name in names[2:]) for dot in dots})
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(3 + 4.2 * columns, 0.8 + 4 * rows), dpi=120, layout="constrained", facecolor=DARK
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        inside = [dot for dot in dots if tuple(dot.settings[name] for name in names[2:]) == panel]
        _panel(axes, inside, names, dots)
        axes.set_title(_settings(dict(zip(names[2:], panel, strict=True))), color=SOFT, fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel(x_label, color=SOFT, fontsize=11)
    figure.supylabel(y_label, color=SOFT, fontsize=11)
    ringed = "; ".join(_settings(dot.settings) for dot in dots if dot.chosen)
    figure.suptitle(f"ringed: {ringed}" if ringed else "", color=INK, fontsize=11)
    handles, texts = _legend(grid[0], names, dots)
    figure.legend(handles, texts, loc="outside right upper", frameon=False, labelcolor=INK, fontsize=9)
    return Picture(pixels_of(figure), None, 120)


def _panel(axes: "Axes", inside: Sequence[Dot], names: Sequence[str], dots: Sequence[Dot]) -> None:
    axes.set_facecolor(RAISED)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.grid(color=EDGE, linewidth=0.5)
    axes.spines[:].set_color(EDGE)
    joined: dict[float, list[Dot]] = {}
    for dot in inside:
        joined.setdefault(dot.settings[names[1]] if len(names) > 1 else 0.0, []).append(dot)
    for line in joined.values():
        axes.plot([dot.x[0] for dot in line], [dot.y[0] for dot in line], color=EDGE, zorder=1)
    for dot in inside:
        shade, mark = _shade_and_mark(dot, names, dots)
        axes.hlines(dot.y[0], dot.x[1], dot.x[2], color=shade, alpha=0.35, linewidth=1, zorder=2)
        axes.vlines(dot.x[0], dot.y[1], dot.y[2], color=shade, alpha=0.35, linewidth=1, zorder=2)
        axes.scatter(dot.x[0], dot.y[0], s=60, color=shade, marker=mark, linewidths=0, zorder=3)
        if dot.chosen:
            axes.scatter(dot.x[0], dot.y[0], s=260, facecolors="none", edgecolors=INK, zorder=4)
    for values, draw in (
        ([x for dot in dots for x in dot.x], axes.axvline),
        ([y for dot in dots for y in dot.y], axes.axhline),
    ):
        if min(values) <= 1 <= max(values):
            draw(1.0, color=SOFT, linewidth=0.8, linestyle=":", zorder=0)


def _shade_and_mark(dot: Dot, names: Sequence[str], dots: Sequence[Dot]) -> tuple[str, str]:
    """Colour and mark by the ranks of the first two settings; both begin again where there are too many."""
    ranks = [sorted({other.settings[n] for other in dots}).index(dot.settings[n]) for n in names[:2]]
    shade, mark = (*ranks, 0)[:2]
    return SHADES[shade % len(SHADES)], MARKS[mark % len(MARKS)]


def _legend(axes: "Axes", names: Sequence[str], dots: Sequence[Dot]) -> tuple[list[Any], list[str]]:
    """What the colours and the marks stand for."""
    handles, texts = [], []
    for rank, name in enumerate(names[:2]):
        for value in sorted({dot.settings[name] for dot in dots}):
            dot = next(dot for dot in dots if dot.settings[name] == value)
            shade, mark = _shade_and_mark(dot, names, dots)
            shade, mark = (shade, "o") if rank == 0 else (SOFT, mark)
            handles.append(axes.scatter([], [], s=50, linewidths=0, color=shade, marker=mark))
            texts.append(_settings({name: value}))
    return handles, texts


def _settings(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in values.items())


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


def _series(records: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
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
