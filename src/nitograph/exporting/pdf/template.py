"""The drilling template: nail positions at true scale, on one sheet or on tiles to be joined.

Each tile shows a window of the board; neighbours share a strip. A tile is cut along its left and upper
dashed line and laid over its neighbours there, where ringed crosses lie on each other. The windows are
placed so that no cut goes through a nail or a cross. Every page has a 50 mm bar to check the scale of the
print. Empty tiles are left out. It draws on a `Sheet` and knows nothing of the PDF library.

Try it: python -m nitograph export thread.json -o template.pdf --paper a4
"""

import math

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.exporting.pdf.grid import Grid, Tile
from nitograph.exporting.pdf.sheet import Sheet, too_many_pages
from nitograph.exporting.rim import Rim, rim, ticks
from nitograph.exporting.workpiece import FloatArray, Workpiece

Mask = NDArray[np.bool_]

CLEAR = 1.5  # mm between the rim of a nail and a cut
FOOT = 16.0
BAR = 50.0
MAX_TILES = 400
MAX_SHEET = 5000.0
"""mm; PDF readers support at most 200 inches."""


def draw_template(
    sheet: Sheet, workpiece: Workpiece, paper: tuple[float, float] | None, overlap: float, margin: float
) -> None:
    """Draw the whole template; `paper`: width and height in mm, or None for one sheet.

    SettingsError if the sheet is too large for a PDF, or the tiles are too many or too small.
    """
    shown = rim(workpiece)
    if paper is None:
        half, down = (workpiece.half + (shown.width + 2.0)).tolist()
        _check_sheet(2 * (max(half, down) + margin))
        grid = Grid(half, 2 * half, 2 * down, 0.0, down=down)
    else:
        grid = grid_of(workpiece, paper, overlap, margin)
    kept = _kept(grid, workpiece, shown)
    if len(kept) > 1:
        _draw_overview(sheet, workpiece, grid, kept, margin)
    for tile in kept:
        sheet.page(grid.width + 2 * margin, grid.height + 2 * margin + FOOT)
        with sheet.clipped(margin, margin, grid.width, grid.height):
            _draw_window(sheet, workpiece, shown, grid, tile, margin)
        name = f"tile {tile.name} of {len(kept)}" if len(kept) > 1 else ""
        _draw_foot(sheet, workpiece, name, margin, margin + grid.height, grid.width)


def grid_of(workpiece: Workpiece, paper: tuple[float, float], overlap: float, margin: float) -> Grid:
    """The windows on that paper, portrait or landscape, whichever needs fewer pages.

    paper: width and height in mm; a height of infinity is a roll, of which each page takes what it needs.
    """
    found = []
    shown = rim(workpiece)
    half, down = (workpiece.half + (shown.width + 2.0)).tolist()
    whole = min(MAX_SHEET, 2 * (down + margin) + FOOT)
    sizes = (paper, paper[::-1]) if math.isfinite(paper[1]) else ((paper[0], whole),)
    for width, height in sizes:
        inner = width - 2 * margin, height - 2 * margin - FOOT
        if min(inner) < 2 * overlap + 40:
            raise SettingsError(
                f"tiles need 40 mm besides their overlaps, but page_margin {margin:g} and overlap "
                f"{overlap:g} leave less; lower them"
            )
        grid = Grid(half, *inner, overlap, down=down)
        grid = grid.clear_of(workpiece.centres, workpiece.settings.nail_diameter / 2 + CLEAR)
        if math.prod(grid.counts) > 100 * MAX_TILES:
            raise too_many_pages(math.prod(grid.counts), MAX_TILES)
        found.append((len(_kept(grid, workpiece, shown)), grid))
    pages, grid = min(found, key=lambda pair: pair[0])
    if pages > MAX_TILES:
        raise too_many_pages(pages, MAX_TILES)
    return grid


def _check_sheet(side: float) -> None:
    if side + FOOT > MAX_SHEET:
        raise SettingsError(
            f"one sheet of PDF is at most {MAX_SHEET:g} mm long, this board needs {side:.0f}; use tiles"
        )


def _kept(grid: Grid, workpiece: Workpiece, shown: Rim) -> list[Tile]:
    """The tiles that show a nail, a number or one of the board's axes."""
    points = np.concatenate([workpiece.centres, shown.anchors])
    (left, top), (right, below), (across, down) = grid.corner, grid.step, grid.counts
    busy: set[tuple[int, int]] = set()
    for shift in (0.0, grid.overlap):
        for drop in (0.0, grid.overlap):
            rows = np.floor((points[:, 1] - top - drop) / below).astype(int).clip(0, down - 1)
            columns = np.floor((points[:, 0] - left - shift) / right).astype(int).clip(0, across - 1)
            busy |= set(zip(rows.tolist(), columns.tolist(), strict=True))
    return [tile for tile in grid.tiles() if (tile.row, tile.column) in busy or _on_axis(tile, grid)]


def _on_axis(tile: Tile, grid: Grid) -> bool:
    return tile.left <= 0 <= tile.left + grid.width or tile.top <= 0 <= tile.top + grid.height


def _draw_window(
    sheet: Sheet, workpiece: Workpiece, shown: Rim, grid: Grid, tile: Tile, margin: float
) -> None:
    """Everything of the board that this window shows; the page's corner is at (margin, margin)."""
    right, down = margin - tile.left, margin - tile.top
    reach_x, reach_y = (workpiece.half + shown.width).tolist()
    sheet.line(right - reach_x, down, right + reach_x, down, 0.1, 170)
    sheet.line(right, down - reach_y, right, down + reach_y, 0.1, 170)
    _draw_edge(sheet, workpiece, (right, down), 1.0, 0.1, 170)
    _draw_centre(sheet, right, down)
    visible = _inside(workpiece.centres, tile, grid)
    arm = min(2.0, 0.4 * workpiece.spacing)
    away = workpiece.outward if workpiece.shaped else workpiece.centres / workpiece.radius
    for (x, y), (ax, ay) in zip(workpiece.centres[visible].tolist(), away[visible].tolist(), strict=True):
        sheet.circle(right + x, down + y, workpiece.settings.nail_diameter / 2)
        along, across = (arm * ax, arm * ay), (-arm * ay, arm * ax)
        for dx, dy in (along, across):
            sheet.line(right + x - dx, down + y - dy, right + x + dx, down + y + dy)
    strokes = ticks(workpiece, shown)
    for (a, b), (c, d) in strokes[_inside(strokes[:, 0], tile, grid)].tolist():
        sheet.line(right + a, down + b, right + c, down + d, 0.3)
    _draw_numbers(sheet, shown, _inside(shown.anchors, tile, grid), right, down)
    _draw_joins(sheet, grid, tile, right, down)


def _draw_edge(
    sheet: Sheet, workpiece: Workpiece, middle: tuple[float, float], scale: float, width: float, grey: int
) -> None:
    """The circle of the nails, or the outline of another board, around a point of the page."""
    if not workpiece.shaped:
        sheet.circle(*middle, workpiece.radius * scale, width, grey)
        return
    points = (workpiece.edge * scale + middle).tolist()
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        sheet.line(x1, y1, x2, y2, width, grey)


def _draw_numbers(sheet: Sheet, shown: Rim, visible: Mask, right: float, down: float) -> None:
    """The numbers outside the nails, tens bold, with their middle on the nail's radius."""
    rows = zip(
        shown.nails[visible].tolist(),
        shown.anchors[visible].tolist(),
        shown.degrees[visible].tolist(),
        shown.outward[visible].tolist(),
        shown.tens[visible].tolist(),
        strict=True,
    )
    for nail, (x, y), degrees, outward, ten in rows:
        turned, lower = math.radians(degrees), shown.size / 2
        at = right + x - lower * math.sin(turned), down + y + lower * math.cos(turned)
        align = "left" if outward else "right"
        sheet.text(*at, str(nail), shown.size, bold=ten, align=align, degrees=degrees)


def _inside(points: FloatArray, tile: Tile, grid: Grid) -> Mask:
    """Which points (k, 2) are in the window, or so near that their drawing may reach into it."""
    near = 25.0
    x, y = points[:, 0] - tile.left, points[:, 1] - tile.top
    return np.asarray((x > -near) & (x < grid.width + near) & (y > -near) & (y < grid.height + near))


def _draw_centre(sheet: Sheet, x: float, y: float) -> None:
    for radius in (1.0, 4.0):
        sheet.circle(x, y, radius, 0.2)
    sheet.line(x - 8, y, x + 8, y, 0.2)
    sheet.line(x, y - 8, x, y + 8, 0.2)


def _draw_joins(sheet: Sheet, grid: Grid, tile: Tile, right: float, down: float) -> None:
    """Cutting lines, ringed crosses, what is done at each side of the window, and the neighbours' names."""
    xs, ys = grid.cuts()
    bottom, end = tile.top + grid.height, tile.left + grid.width
    with sheet.dashed():
        for x in xs:
            if tile.left < x < end:
                sheet.line(right + x, down + tile.top, right + x, down + bottom, 0.15, 120)
        for y in ys:
            if tile.top < y < bottom:
                sheet.line(right + tile.left, down + y, right + end, down + y, 0.15, 120)
    arm = grid.arm
    for x, y in grid.marks():
        if tile.left < x < end and tile.top < y < bottom:
            sheet.circle(right + x, down + y, arm / 2, 0.15)
            sheet.line(right + x - arm, down + y, right + x + arm, down + y, 0.15)
            sheet.line(right + x, down + y - arm, right + x, down + y + arm, 0.15)
    middle_x, middle_y = right + (tile.left + end) / 2, down + (tile.top + bottom) / 2
    inset = grid.overlap + 4
    across, below = grid.counts
    beside = [
        (tile.column > 0, 0, -1, right + tile.left + inset, middle_y, 90.0),
        (tile.column < across - 1, 0, 1, right + end - inset, middle_y, -90.0),
        (tile.row > 0, -1, 0, middle_x, down + tile.top + inset, 0.0),
        (tile.row < below - 1, 1, 0, middle_x, down + bottom - inset + 2, 0.0),
    ]
    for there, rows, columns, x, y, degrees in beside:
        if there:
            name = Tile(tile.row + rows, tile.column + columns, 0, 0).name
            first = rows < 0 or columns < 0
            said = f"cut along this line, lay over {name}" if first else f"{name} is laid over here"
            sheet.text(x + 12 * (degrees == 0), y + 12 * (degrees != 0), said, 2.0, grey=100,
                       align="middle", degrees=degrees)  # fmt: skip


def _draw_foot(sheet: Sheet, workpiece: Workpiece, name: str, x: float, top: float, width: float) -> None:
    """The 50 mm bar, the page's name and the statement."""
    y = top + 4
    sheet.line(x, y, x + BAR, y, 0.3)
    for at in range(0, 51, 10):
        rise = 2.0 if at % 50 == 0 else 1.0
        sheet.line(x + at, y - rise, x + at, y + rise, 0.2)
    sheet.text(x, y + 4.6, "50 mm - measure it; print at 100 %, not fit to page", 1.9)
    sheet.text(x + width, y + 1.5, name, 3.5, bold=True, align="right")
    statement = " ".join(filter(None, [workpiece.name and f"{workpiece.name}.", workpiece.statement()]))
    sheet.text(x, y + 9, statement, sheet.fitting([statement], width, 1.9))


def _draw_overview(sheet: Sheet, workpiece: Workpiece, grid: Grid, kept: list[Tile], margin: float) -> None:
    """The first page: what this is, how to join it, and a map of the tiles."""
    width, height = grid.width, min(grid.height + FOOT, 2 * grid.width)
    sheet.page(width + 2 * margin, height + 2 * margin)
    heading = workpiece.heading("Drilling template")
    sheet.text(margin, margin + 6, heading, sheet.fitting([heading], width, 4.5, bold=True), bold=True)
    across, down = grid.counts
    lines = [
        workpiece.statement(),
        f"{len(kept)} tiles, {across} across and {down} down; neighbours share {grid.overlap:g} mm.",
        "1  Print every page at 100 %. Measure the 50 mm bar on one page before you continue.",
        "2  Cut each tile along its LEFT and its UPPER dashed line only. Lay it over its neighbours there,",
        f"    up to their dashed line{', cross on cross (try with a pin)' if grid.arm else ''}; tape.",
        f"3  {_to_measure(workpiece)}",
        "4  Lay the middle cross on the middle of your board, nail 0 where it belongs; prick every nail.",
    ]
    y = margin + 14
    for line in lines:
        sheet.text(margin, y, line, sheet.fitting(lines, width, 2.4))
        y += 5.2
    _draw_map(sheet, workpiece, grid, kept, (margin, y + 2, width, height + margin - y - 4))


def _to_measure(workpiece: Workpiece) -> str:
    """What is measured on the joined template."""
    if not workpiece.shaped:
        size = workpiece.settings.diameter
        return f"Check the circle: {size:g} mm from nail to nail across the middle."
    width, height = (2 * workpiece.half).tolist()
    return f"Check the outline: {width:.5g} mm wide and {height:.5g} mm high."


def _draw_map(
    sheet: Sheet, workpiece: Workpiece, grid: Grid, kept: list[Tile], box: tuple[float, float, float, float]
) -> None:
    """The grid of tiles, small, with their names; box: x, y, width, height in mm on the page."""
    (across, down), (right, below), (left, top) = grid.counts, grid.step, grid.corner
    scale = min(box[2] / (across * right), box[3] / (down * below))
    x0, y0 = box[0] + (box[2] - across * right * scale) / 2, box[1]
    for tile in kept:
        x, y = x0 + tile.column * right * scale, y0 + tile.row * below * scale
        sheet.box(x, y, right * scale, below * scale, grey=150)
        size = min(5.0, 0.2 * min(right, below) * scale)
        sheet.text(x + right * scale / 2, y + below * scale / 2 + size / 2, tile.name, size, align="middle")
    half = grid.overlap / 2
    middle = x0 - (left + half) * scale, y0 - (top + half) * scale  # the board's
    _draw_edge(sheet, workpiece, middle, scale, 0.4, 0)
    zero = workpiece.centres[0] * scale
    sheet.circle(middle[0] + zero[0], middle[1] + zero[1], 1.2, 0.6)
