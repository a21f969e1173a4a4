"""Many threads as one offline page: thumbnails, enlarged on a click, each to be kept as JSON, SVG or PNG.

The page holds the threads as lists of nails and draws their light itself, as `neon` does, so that a
hundred of them take some hundred kilobytes and are sharp at any size. Text out; knows nothing of files.

Try it: python -m nitograph gallery 7 --count 24 --seed 1 -o gallery.html
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from nitograph.drawing import painter, palettes
from nitograph.drawing.layout import MARGIN
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.thread import Thread


def page(
    threads: Sequence[Thread], settings: NeonSettings | None = None, *, title: str = "Nitograph"
) -> str:
    """The whole page as HTML text: style, script, threads and colours inside, nothing fetched.

    Of the settings the page takes the colours, thickness, glow, brightness and ring. SettingsError
    where there are no threads.
    """
    if not threads:
        raise SettingsError("a gallery needs at least one thread, got none")
    look = settings or NeonSettings()
    template = resources.files("nitograph").joinpath("data/gallery.html").read_text("utf-8")
    data = {"threads": [json.loads(thread.to_json()) for thread in threads], "light": light(look)}
    template = template.replace("@@GROUND@@", _hex(palettes.colour(look.background)))
    head, style, middle, script, tail = _cut(template)
    policy = (
        f"default-src 'none'; style-src {_hash(style)} 'unsafe-hashes' {_hash('padding: 0 30px')}; "
        f"script-src {_hash(script)}; img-src blob: data:; base-uri 'none'; form-action 'none'"
    )
    filled = {"@@POLICY@@": policy, "@@TITLE@@": html.escape(title), "@@DATA@@": _inline(data)}
    for mark in ("@@POLICY@@", "@@TITLE@@"):
        head = head.replace(mark, filled[mark])
    middle = middle.replace("@@TITLE@@", filled["@@TITLE@@"])
    before, after = middle.split("@@DATA@@")
    return "".join([head, style, before, filled["@@DATA@@"], after, script, tail])


def light(settings: NeonSettings) -> dict[str, Any]:
    """What the page has to know to make the same light, JSON values."""
    told: dict[str, Any] = {
        "halos": painter.HALOS,
        "gain": painter.GAIN * settings.brightness,
        "crowded": painter.CROWDED,
        "margin": MARGIN,
        "thickness": settings.thickness,
        "glow": settings.glow,
        "ring": settings.ring,
    }
    if not palettes.is_gradient(settings.palette):
        return told | {"ramp": palettes.ramp(settings.palette, settings.background).tobytes().hex()}
    mixed = palettes.light(settings.palette, settings.background, 17)
    return told | {
        "weights": mixed.weights.round(4).tolist(),
        "ground": mixed.background.round(5).tolist(),
        "bright": 0 if mixed.ink else 1,
    }


def _cut(template: str) -> list[str]:
    """Before the style, the style, between, the script, after it."""
    head, rest = template.split("@@STYLE_START@@")
    style, rest = rest.split("@@STYLE_END@@")
    middle, rest = rest.split("@@SCRIPT_START@@")
    script, tail = rest.split("@@SCRIPT_END@@")
    return [head, style, middle, script, tail]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inline(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hex(rgb: Any) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in rgb)
