"""Many threads as one offline page: thumbnails that enlarge on a click, and downloads as JSON, SVG or PNG.

The page holds the threads as lists of nails and draws them itself, as `neon` does, so that a hundred
threads take some hundred kilobytes and are sharp at any size. Returns text; knows nothing of files.

Try it: python -m nitograph gallery 7 --count 24 --seed 1 -o gallery.html
"""

import html
import json
from collections.abc import Sequence
from typing import Any

from nitograph.drawing import painter, palettes
from nitograph.drawing.layout import MARGIN
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.io import pages
from nitograph.io.names import file_stem
from nitograph.shapes.board import ShapedBoard
from nitograph.thread import Thread


def page(
    threads: Sequence[Thread], settings: NeonSettings | None = None, *, title: str = "Nitograph"
) -> str:
    """The whole page as HTML text: style, script, threads and colours inside, nothing fetched.

    The page uses the colours, thickness, glow, brightness and ring of the settings. SettingsError if there
    are no threads.
    """
    if not threads:
        raise SettingsError("a gallery needs at least one thread, got none")
    look = settings or NeonSettings()
    data: dict[str, Any] = {"threads": [json.loads(t.to_json()) for t in threads], "light": light(look)}
    data["files"] = [_file(thread) for thread in threads]
    boards = [thread.board for thread in threads]
    shaped = {at: board for at, board in enumerate(boards) if isinstance(board, ShapedBoard)}
    if shaped:
        data["places"] = {at: board.positions().round(6).tolist() for at, board in shaped.items()}
        data["millimetres"] = {at: board.size for at, board in shaped.items()}
    values = {
        "TITLE": html.escape(title),
        "GROUND": _hex(palettes.colour(look.background)),
        "DATA": pages.inline(data),
    }
    return pages.page("gallery.html", values, images="blob: data:")


def _file(thread: Thread) -> str:
    """What a file of this thread is called, without an ending: by its label and its seed."""
    seed = thread.provenance.get("seed")
    parts = [thread.label, None if seed is None else str(seed)]
    return "_".join(["nitograph", *(file_stem(part) for part in parts if part is not None)])


def light(settings: NeonSettings) -> dict[str, Any]:
    """What the page needs to draw the same light, JSON values."""
    known: dict[str, Any] = {
        "halos": painter.HALOS,
        "gain": painter.GAIN * settings.brightness,
        "crowded": painter.CROWDED,
        "margin": MARGIN,
        "thickness": settings.thickness,
        "glow": settings.glow,
        "ring": settings.ring,
    }
    if not palettes.is_gradient(settings.palette):
        return known | {"ramp": palettes.ramp(settings.palette, settings.background).tobytes().hex()}
    mixed = palettes.light(settings.palette, settings.background, 17)
    return known | {
        "weights": mixed.weights.round(4).tolist(),
        "ground": mixed.background.round(5).tolist(),
        "bright": 0 if mixed.ink else 1,
    }


def _hex(rgb: Any) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in rgb)
