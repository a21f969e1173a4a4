"""The board's picture in numbers: frame, bands of chords and their scores, light in Zernike coefficients.

Try it: python -c "from nitograph.light.zernike import Zernike; print(Zernike(24).size)"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Chords": "chords",
    "all_chords": "chords",
    "coverage": "chords",
    "error": "chords",
    "raster": "chords",
    "Zernike": "zernike",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.light.chords import (
        Chords as Chords,
        all_chords as all_chords,
        coverage as coverage,
        error as error,
        raster as raster,
    )
    from nitograph.light.zernike import Zernike as Zernike
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
