"""The renderers by name: one function for callers that let the user choose.

This module draws nothing itself.

Try it: python -m nitograph render thread.json -o picture.png --renderer matplotlib
"""

from collections.abc import Sequence

from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.errors import SettingsError
from nitograph.thread import Thread

RENDERERS = ("neon", "matplotlib")


def render(threads: Thread | Sequence[Thread], settings: NeonSettings, renderer: str = "neon") -> Picture:
    """The picture of one or several threads by that renderer; SettingsError for an unknown one."""
    if renderer not in RENDERERS:
        raise SettingsError(f"renderer must be one of {', '.join(RENDERERS)}, got {renderer!r}")
    if renderer == "neon":
        return neon.draw(threads, settings)
    from nitograph.drawing.classic import classic

    return classic(threads, settings)
