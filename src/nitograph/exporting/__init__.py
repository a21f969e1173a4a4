"""Files for making the real object: Thread → SVG, DXF, G-code, PDF, lists and a guide, in millimetres.

`formats` lists the formats, `workpiece` places a thread on a real board, `check` tells whether it will
hold; each format has its own module.

Try it: python -m nitograph export thread.json -o board.svg
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "CheckSettings": "check",
    "Report": "check",
    "FORMATS": "formats",
    "Format": "formats",
    "format_named": "formats",
    "format_of": "formats",
    "options_for": "formats",
    "write": "formats",
    "write_all": "formats",
    "Workpiece": "workpiece",
    "WorkpieceSettings": "workpiece",
    "thread_width": "workpiece",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.exporting.check import CheckSettings as CheckSettings, Report as Report
    from nitograph.exporting.formats import (
        FORMATS as FORMATS,
        Format as Format,
        format_named as format_named,
        format_of as format_of,
        options_for as options_for,
        write as write,
        write_all as write_all,
    )
    from nitograph.exporting.workpiece import (
        Workpiece as Workpiece,
        WorkpieceSettings as WorkpieceSettings,
        thread_width as thread_width,
    )
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
