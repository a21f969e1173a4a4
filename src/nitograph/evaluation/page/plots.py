"""Small plots as SVG text: a figure's interval against its threshold, confusion, histograms.

Colours match the page and are set as attributes, so that the policy need not allow any style. Numbers in,
text out; this module knows no evaluation.

Try it: python -c "from nitograph.evaluation.page.plots import *; print(confusion([[9]], '1')[:60])"
"""

import html
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

INK, SOFT, EDGE, ACCENT, OTHER = "#e6eef6", "#93a3b5", "#2b394b", "#6fdcff", "#ffb454"
MANY, CELL, SMALL_CELL, CUT = 16, 26, 15, 4  # classes; px of a cell; characters of a name in a table
VERDICTS = {"pass": "#5fd38d", "open": "#ffcf5c", "fail": "#ff7a70"}


def interval(
    value: float,
    low: float,
    high: float,
    threshold: float,
    verdict: str,
    *,
    at_least: bool,
    width: int = 220,
) -> str:
    """A dot with its interval on a short scale; the passing side of the threshold is a little lighter."""
    height, pad = 22, 6
    known = [x for x in (value, low, high, threshold) if math.isfinite(x)]
    first, last = min(known), max(known)
    margin = max(0.15 * (last - first), 0.02 * max(abs(first), abs(last)), 1e-3)
    first, last = first - margin, last + margin

    def x(number: float) -> float:
        inside = min(max(number, first), last)
        return pad + (width - 2 * pad) * (inside - first) / (last - first)

    left, right = (x(threshold), width - pad) if at_least else (pad, x(threshold))
    colour = VERDICTS[verdict]
    parts = [
        _box(left, 4, right - left, height - 8, "#16212e"),
        _line(x(threshold), 2, x(threshold), height - 2, SOFT, 1.5),
        _line(x(low), height / 2, x(high), height / 2, colour, 3),
        f'<circle cx="{x(value):.1f}" cy="{height / 2}" r="4.5" fill="{colour}"/>',
    ]
    caption = f"{value:.4g}, 95 % interval {low:.4g} to {high:.4g}, threshold {threshold:g}"
    return _svg(width, height, parts, caption)


def confusion(table: Sequence[Sequence[int]], names: Sequence[str], *, cell: int | None = None) -> str:
    """Rows are classes requested, columns classes read; errors stand out, not the diagonal.

    cell: px, by default less where there are many classes. Long names are cut; of many classes, only cells
    with a count are drawn.
    """
    size, parts = len(names), []
    many = size > MANY
    cell = cell or (SMALL_CELL if many else CELL)
    font = 8 if many else 11
    counts = np.asarray(table, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i in range(size):
        parts.append(_text(cell * 0.5, cell * (i + 1.5), names[i][:CUT], SOFT, font))
        parts.append(_text(cell * (i + 1.5), cell * 0.5, names[i][:CUT], SOFT, font))
        for j in range(size):
            if many and not counts[i, j]:
                continue
            strength = 0.25 * shares[i, j] if i == j else min(1.0, 8 * shares[i, j])
            colour = ACCENT if i == j else VERDICTS["fail"]
            x, y = cell * (j + 1), cell * (i + 1)
            parts.append(_box(x + 1, y + 1, cell - 2, cell - 2, colour, max(0.03, strength)))
            if counts[i, j]:
                parts.append(_text(x + cell / 2, y + cell / 2, f"{counts[i, j]:.0f}", INK, font - 1))
    return _svg(cell * (size + 1), cell * (size + 1), parts, "confusion: rows requested, columns read")


def histogram(
    one: ArrayLike, two: ArrayLike, names: tuple[str, str], label: str, *, width: int = 560
) -> str:
    """Two sets of numbers as shares in the same bins, drawn over each other."""
    height, left, base, bins = 190, 14, 150, 48
    a, b = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    top = max(float(a.max(initial=0)), float(b.max(initial=0)), 1e-6)
    edges = np.linspace(0, top * 1.02, bins + 1)
    shares = [np.histogram(x, edges)[0] / max(len(x), 1) for x in (a, b)]
    highest = max(float(share.max()) for share in shares) or 1.0
    across = (width - 2 * left) / bins
    parts = [_line(left, base, width - left, base, EDGE)]
    for share, colour in zip(shares, (ACCENT, OTHER), strict=True):
        points = [f"M{left} {base}"]
        for i, part in enumerate(share):
            y = base - (base - 26) * part / highest
            points.append(f"V{y:.1f}H{left + (i + 1) * across:.1f}")
        points.append(f"V{base}Z")
        parts.append(
            f'<path d="{"".join(points)}" fill="{colour}" fill-opacity="0.22" stroke="{colour}" '
            'stroke-width="1.5"/>'
        )
    for tick in np.linspace(0, 1, 5):
        x = left + tick * (width - 2 * left)
        parts += [_text(x, base + 14, f"{tick * edges[-1]:.3g}", SOFT)]
    parts.append(_text(width / 2, base + 32, label, SOFT))
    for i, (name, colour) in enumerate(zip(names, (ACCENT, OTHER), strict=True)):
        parts.append(_box(left + 170 * i, 4, 10, 10, colour))
        parts.append(_text(left + 16 + 170 * i, 9, name, INK, 12, "start"))
    return _svg(width, height, parts, f"{label}: {names[0]} and {names[1]}")


def _svg(width: float, height: float, parts: Sequence[str], caption: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{html.escape(caption)}">{"".join(parts)}</svg>'
    )


def _box(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" rx="2" '
        f'fill="{colour}" fill-opacity="{opacity:.3g}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}" stroke-linecap="round"/>'
    )


def _text(x: float, y: float, text: str, colour: str, size: int = 11, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}" '
        f'dominant-baseline="central">{html.escape(text)}</text>'
    )
