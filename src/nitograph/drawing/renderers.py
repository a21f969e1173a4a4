"""The renderers by name: one function for callers that let the user choose.

This module draws nothing itself.

Try it: python -m nitograph render thread.json -o picture.png --renderer matplotlib
"""

from collections.abc import Collection, Sequence

from nitograph.drawing import board as board_look, neon
from nitograph.drawing.board import BoardLook
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.errors import SettingsError
from nitograph.thread import Thread

RENDERERS = ("neon", "board", "matplotlib")
OF_LIGHT = ("palette", "background", "thickness", "glow", "brightness")  # settings that mean neon


def renderer_for(threads: Thread | Sequence[Thread], given: Collection[str] = ()) -> str:
    """How threads are drawn where nobody says: those woven for real boards as boards, others in neon.

    given: the settings that were chosen; one of light means neon.
    """
    listed = [threads] if isinstance(threads, Thread) else threads
    real = bool(listed) and all(thread.millimetres() is not None for thread in listed)
    return "board" if real and not any(name in given for name in OF_LIGHT) else "neon"


def render(
    threads: Thread | Sequence[Thread],
    settings: NeonSettings,
    renderer: str = "neon",
    board: BoardLook | None = None,
) -> Picture:
    """The picture of one or several threads by that renderer; SettingsError for an unknown one.

    board: what renderer `board` draws with; the others have no use for it.
    """
    if renderer not in RENDERERS:
        raise SettingsError(f"renderer must be one of {', '.join(RENDERERS)}, got {renderer!r}")
    if renderer == "neon":
        return neon.draw(threads, settings)
    if renderer == "board":
        return board_look.draw(threads, settings, board or BoardLook())
    from nitograph.drawing.classic import classic

    return classic(threads, settings)
