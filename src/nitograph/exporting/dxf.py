"""DXF in millimetres: drill holes, thread, numbers and the outline of the nails, each on its own layer.

y points up, the origin is the middle of the board; ezdxf writes the file. This module knows nothing of
machines.

Try it: python -m nitograph export thread.json -o board.dxf
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nitograph.exporting.formats import require
from nitograph.exporting.rim import rim
from nitograph.exporting.winding_list import about
from nitograph.exporting.workpiece import Workpiece, y_up
from nitograph.settings import Settings, setting

LAYERS = {"DRILL": 1, "THREAD": 7, "NUMBERS": 3, "CIRCLE": 8, "NOTES": 8}
"""Layer names with their colours in AutoCAD's index."""


@dataclass(frozen=True)
class DxfSettings(Settings):
    """What the drawing contains."""

    hole: float | None = setting(
        None, "diameter of the drill holes; default: that of the nails", unit="mm", low=0.05, high=50
    )
    thread_layer: bool = setting(True, "include the thread, on its own layer")


def dxf(workpiece: Workpiece, settings: DxfSettings) -> str:
    """The drawing as DXF text (R2010); FileError if ezdxf is not installed."""
    with _without_time():
        return _drawing(workpiece, settings)


def _drawing(workpiece: Workpiece, settings: DxfSettings) -> str:
    ezdxf = require("ezdxf", "a DXF drawing")
    units = require("ezdxf.units", "a DXF drawing")
    document = ezdxf.new("R2010", setup=False)
    document.units = units.MM
    document.header["$MEASUREMENT"] = 1
    layers = {**LAYERS, "OUTLINE": 8} if workpiece.shaped else LAYERS
    threads = _thread_layers(workpiece)
    for name, colour in layers.items():
        if name != "THREAD":
            document.layers.add(name, color=colour)
    for name, own in threads.items():
        document.layers.add(name, color=LAYERS["THREAD"], true_color=own)
    space = document.modelspace()
    if workpiece.shaped:
        edge = y_up(workpiece.edge).tolist()
        space.add_lwpolyline(edge, format="xy", close=True, dxfattribs={"layer": "OUTLINE"})
    else:
        space.add_circle((0, 0), workpiece.radius, dxfattribs={"layer": "CIRCLE"})
    radius = (settings.hole or workpiece.settings.nail_diameter) / 2
    for x, y in y_up(workpiece.centres).tolist():
        space.add_circle((x, y), radius, dxfattribs={"layer": "DRILL"})
    if settings.thread_layer:
        for name, part in zip(threads, workpiece.parts, strict=True):
            points = y_up(part.piece.polyline).tolist()
            space.add_lwpolyline(points, format="xy", dxfattribs={"layer": name})
    _numbers(space, workpiece)
    classes = document.classes
    classes.add_required_classes(document.dxfversion)  # in the order of a set, which each process has anew
    classes.classes = dict(sorted(classes.classes.items()))
    return _text(document)


def _thread_layers(workpiece: Workpiece) -> dict[str, int | None]:
    """A layer for each thread, lowest first, with its colour as 0xrrggbb where it has one."""
    colours = [part.colour for part in workpiece.parts]
    values = [int(colour.hex[1:], 16) if colour else None for colour in colours]
    if len(colours) == 1:
        return {"THREAD": values[0]}
    named = [re.sub(r"[^\w #.-]", "_", colour.name if colour else "") for colour in colours]
    names = [f"THREAD {number} {name}".strip() for number, name in enumerate(named, 1)]
    return dict(zip(names, values, strict=True))


@contextmanager
def _without_time() -> Iterator[None]:
    """Inside the block, drawings state a fixed date and identity, so that equal drawings are equal files.

    The option is ezdxf's own, but global: concurrent drawings of other code are dated so, too.
    """
    options = require("ezdxf", "a DXF drawing").options
    before = options.write_fixed_meta_data_for_testing
    options.write_fixed_meta_data_for_testing = True
    try:
        yield
    finally:
        options.write_fixed_meta_data_for_testing = before


def _numbers(space: Any, workpiece: Workpiece) -> None:
    """Nail numbers away from the board, and below it what the piece is and needs."""
    shown = rim(workpiece)
    rows = zip(
        shown.nails.tolist(),
        y_up(shown.anchors).tolist(),
        (-shown.degrees).tolist(),
        shown.outward.tolist(),
        strict=True,
    )
    align = require("ezdxf.enums", "a DXF drawing").TextEntityAlignment
    for nail, anchor, degrees, outward in rows:
        attributes = {"layer": "NUMBERS", "rotation": degrees}
        text = space.add_text(str(nail), height=shown.size, dxfattribs=attributes)
        text.set_placement(anchor, align=align.MIDDLE_LEFT if outward else align.MIDDLE_RIGHT)
    across, down = (workpiece.half + shown.width).tolist()
    below = -(down + 2 * shown.size)
    for line in about(workpiece):
        height = min(shown.size, 2 * across / len(line))
        below -= 1.5 * height
        note = space.add_text(line, height=height, dxfattribs={"layer": "NOTES"})
        note.set_placement((0, below), align=align.MIDDLE_CENTER)
    _state_extents(space, (-across, below - shown.size, across, down))


def _state_extents(space: Any, box: tuple[float, float, float, float]) -> None:
    """Say what the drawing covers (left, below, right, above), and show all of it when it is opened."""
    left, below, right, above = box
    header = space.doc.header
    header["$EXTMIN"], header["$EXTMAX"] = (left, below, 0.0), (right, above, 0.0)
    header["$LIMMIN"], header["$LIMMAX"] = (left, below), (right, above)
    space.dxf.extmin, space.dxf.extmax = header["$EXTMIN"], header["$EXTMAX"]
    space.dxf.limmin, space.dxf.limmax = header["$LIMMIN"], header["$LIMMAX"]
    middle = (left + right) / 2, (below + above) / 2
    space.doc.set_modelspace_vport(height=1.05 * max(right - left, above - below), center=middle)


def _text(document: Any) -> str:
    stream = io.StringIO()
    document.write(stream)
    return stream.getvalue()
