"""Nitograph teaches a small Transformer to draw with one thread.

    image ─weave─▶ Thread ─tokens─▶ Transformer ─sample─▶ Thread ─▶ neon picture · file · real object

Six verbs make and show threads; everything else is in the subpackages behind them:

    seven = nitograph.generate("7", seed=42)      # a Thread; a notebook shows its picture
    nitograph.draw(seven, palette="fire")         # a Picture
    nitograph.weave("photo.jpg")                  # any picture as one thread
    nitograph.save(seven, "seven.json"), nitograph.load("seven.json")
    nitograph.export(seven, "board.svg", diameter=600)

Importing the package itself loads next to nothing; each part is loaded when it is first used.
Try it: python -m nitograph generate 7
"""

from nitograph.lazy import lazy

__version__ = "0.1.0"

# Type checkers know this name; importing `typing` would take most of the time of this import.
TYPE_CHECKING = False

_FACE = {
    "draw": "api.verbs",
    "export": "api.verbs",
    "generate": "api.verbs",
    "load": "api.verbs",
    "save": "api.verbs",
    "weave": "api.verbs",
    "Picture": "api.verbs",
    "Thread": "api.verbs",
    "Threads": "api.verbs",
    "Board": "board",
    "NitographError": "errors",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.api.verbs import (
        draw as draw,
        export as export,
        generate as generate,
        load as load,
        save as save,
        weave as weave,
    )
    from nitograph.board import Board as Board
    from nitograph.drawing.look import Picture as Picture
    from nitograph.errors import NitographError as NitographError
    from nitograph.thread import Thread as Thread, Threads as Threads
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
