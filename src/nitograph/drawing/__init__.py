"""Thread → neon picture, film, contact sheet or page.

Try it: python -m nitograph render thread.json -o picture.png --palette fire
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "FilmSettings": "film",
    "frames": "film",
    "NeonSettings": "look",
    "Picture": "look",
    "draw": "neon",
    "draw_many": "neon",
    "GRADIENTS": "palettes",
    "PALETTES": "palettes",
    "colour": "palettes",
    "ramp": "palettes",
    "Scene": "scene",
    "stage": "scene",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.drawing.film import FilmSettings as FilmSettings, frames as frames
    from nitograph.drawing.look import NeonSettings as NeonSettings, Picture as Picture
    from nitograph.drawing.neon import draw as draw, draw_many as draw_many
    from nitograph.drawing.palettes import (
        GRADIENTS as GRADIENTS,
        PALETTES as PALETTES,
        colour as colour,
        ramp as ramp,
    )
    from nitograph.drawing.scene import Scene as Scene, stage as stage
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
