"""Charts: the curves of a training run, and scatter plots of a sweep.

Takes values, returns pictures; knows nothing of files or of what the figures mean. Needs Matplotlib (the
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
LARGEST = 2**200  # beyond every step and loss, and safely a float
SHADES, MARKS = ("#6fdcff", "#ffb454", "#5fd38d", "#ff7ab8", "#b79bff", "#fff27a"), "osD^vPX*"


@dataclass(frozen=True)
class Dot:
    """A point of a sweep: x and y, each a value and the ends of its interval, and its settings."""

    x: Sequence[float]
    y: Sequence[float]
    settings: Mapping[str, float]
    chosen: bool = False


def scatter(dots: Sequence[Dot], x_label: str, y_label: str) -> Picture:
    """A scatter plot of the dots, (h, w, 3), with lines at 1 if in range and rings around chosen dots.

    The first setting is the colour, the second the marker, each combination of the others a panel. Dots
    that differ only in the first setting are joined. SettingsError if there are no dots.
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


def knees(curves: Mapping[str, tuple[Sequence[tuple[float, float]], float]], x: str, y: str) -> Picture:
    """Curves by label, each with the x of its knee, which is marked, (h, w, 3)."""
    need_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.6), dpi=120, layout="constrained", facecolor=DARK)
    axes = figure.subplots()
    _style(axes)
    for rank, (label, (points, knee)) in enumerate(curves.items()):
        places = np.array(points, dtype=np.float64)
        shade = SHADES[rank % len(SHADES)]
        axes.plot(*places.T, color=shade, label=label, linestyle="-" if rank < len(SHADES) else "--")
        axes.scatter(knee, np.interp(knee, *places.T), s=40, color=shade, zorder=3)
    axes.set_xlabel(x, color=SOFT)
    axes.set_ylabel(y, color=SOFT)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    return Picture(pixels_of(figure), None, 120)


def _panel(axes: "Axes", inside: Sequence[Dot], names: Sequence[str], dots: Sequence[Dot]) -> None:
    _style(axes)
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
    """Colour and marker by the ranks of the first two settings; both repeat after too many values."""
    ranks = [sorted({other.settings[n] for other in dots}).index(dot.settings[n]) for n in names[:2]]
    shade, mark = (*ranks, 0)[:2]
    return SHADES[shade % len(SHADES)], MARKS[mark % len(MARKS)]


def _legend(axes: "Axes", names: Sequence[str], dots: Sequence[Dot]) -> tuple[list[Any], list[str]]:
    """Handles and texts for colours and markers."""
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


def has_curves(log: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a log holds anything that `curves` would draw."""
    return bool(_panels(list(log)))


def curves(log: Iterable[Mapping[str, Any]], *, title: str = "") -> Picture:
    """The curves of a training log, (h, w, 3): panels of light error, nats per nail and nats per code.

    Records of kind "plan" have light_error, "step" and "valid" have nail_loss and plan_loss, "step" also
    has learning_rate. Records without a finite number for a curve are left out of it. NitographError if no
    curve is left.
    """
    panels = _panels(list(log))
    if not panels:
        raise NitographError(
            "the log holds no curve; it needs records of kind plan, step or valid with losses"
        )
    need_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 4.6 * len(panels), 4.4), dpi=120, layout="constrained", facecolor=DARK)
    for axes, (name, parts) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _style(axes)
        axes.set_title(name, color=INK, fontsize=11)
        for label, (shade, points) in parts.items():
            if label == RATE:
                _rate(axes, points)
            else:
                _curve(axes, points, label, shade)
        axes.set_xlabel("step", color=SOFT)
        axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    figure.suptitle(title, color=SOFT, fontsize=10)
    return Picture(pixels_of(figure), None, 120)


Points = NDArray[np.float64]
TRAINING, HELD_OUT, RATE = "training", "held out", "learning rate"


def _panels(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, tuple[str, Points]]]]:
    """Of each panel with a loss: its title, and colour and points of each curve by label."""
    light, nails, codes = "squared error of the plan's light", "nats per nail", "nats per plan code"
    wanted = [
        (light, {TRAINING: ("plan", "light_error"), RATE: ("plan", "learning_rate")}),
        (
            nails,
            {
                TRAINING: ("step", "nail_loss"),
                HELD_OUT: ("valid", "nail_loss"),
                RATE: ("step", "learning_rate"),
            },
        ),
        (codes, {TRAINING: ("step", "plan_loss"), HELD_OUT: ("valid", "plan_loss")}),
    ]
    shades = {TRAINING: SHADES[0], HELD_OUT: SHADES[1], RATE: SOFT}
    panels = []
    for title, parts in wanted:
        found = {label: (shades[label], _points(records, *part)) for label, part in parts.items()}
        kept = {label: curve for label, curve in found.items() if len(curve[1])}
        if kept.keys() - {RATE}:
            panels.append((title, kept))
    return panels


def _points(records: Sequence[Mapping[str, Any]], kind: str, name: str) -> Points:
    """Steps and values of one field in the records of a kind, (points, 2), sorted by step."""
    kept = {}
    for record in records:
        step, value = record.get("step"), record.get(name)
        if record.get("kind") != kind or not isinstance(step, int) or not isinstance(value, int | float):
            continue
        if abs(step) < LARGEST and abs(value) < LARGEST:  # false for NaN, too
            kept[step] = float(value)
    return np.array(sorted(kept.items()), dtype=np.float64).reshape(-1, 2)


def _curve(axes: "Axes", points: Points, label: str, shade: str) -> None:
    """A line, with markers if it has few points, so that a single point is visible."""
    few = label == HELD_OUT or len(points) < 3
    axes.plot(
        *points.T,
        color=shade,
        linewidth=2.0 if label == HELD_OUT else 1.2,
        marker="o" if few else "",
        markersize=4,
        label=label,
    )


def _rate(axes: "Axes", points: Points) -> None:
    """The learning rate, dotted, with its own axis on the right."""
    right = axes.twinx()
    right.plot(*points.T, color=SOFT, linewidth=1.0, linestyle=":")
    right.set_ylim(bottom=0)
    right.tick_params(colors=SOFT, labelsize=8)
    right.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    right.yaxis.get_offset_text().set_color(SOFT)
    right.spines[:].set_color(EDGE)
    axes.plot([], [], color=SOFT, linewidth=1.0, linestyle=":", label=f"{RATE} (right)")


def _style(axes: "Axes") -> None:
    axes.set_facecolor(RAISED)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.grid(color=EDGE, linewidth=0.5)
    axes.spines[:].set_color(EDGE)
