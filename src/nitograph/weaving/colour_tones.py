"""The range of lightness that several threads can show: so many chords do not reach every tone.

The end of the picture's lightness that is like the board is kept near the board's, less what threads that
cross everywhere hide; the other end is drawn in until the ideal layers take no more thread than there is.
Hues and chroma are kept. This module lays no thread.

Try it: python -c "from nitograph.weaving.colour_tones import Range; print(Range.__doc__)"
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import Colour
from nitograph.colours.oklab import from_light, from_oklab, to_light, to_oklab
from nitograph.light.frame import disc
from nitograph.weaving.mixing import Mix, mix_of

BARE = 0.8  # of the board's light where there is least thread
MIDDLE = 0.5  # lightness that parts light boards from dark ones
MOST_DRAWN = 0.8  # of the way to the near end, that the far one is drawn in
SIDE = 100  # px, about, of the picture that is looked at
HALVINGS, ROUNDS, THRIFT = 8, 12, 0.004

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """Lightness (OKLab, 0 to 1) of the board that stands for black and for white of the picture."""

    threads: Float64  # (k, 3), light
    board: Float64  # (3,), light
    black: float
    white: float

    def light(self, picture: Float64) -> Float64:
        """The light that is wanted for a picture's light (..., 3)."""
        lab = to_oklab(from_light(picture))
        lab[..., 0] = self.black + (self.white - self.black) * lab[..., 0]
        return to_light(from_oklab(lab))

    def mix(self, picture: Float64) -> Mix:
        """The layers that are to show a picture (..., 3)."""
        return mix_of(self.threads, self.board, self.light(picture))

    def to_dict(self) -> dict[str, float]:
        """Plain values, ready for JSON."""
        return {"black": round(self.black, 4), "white": round(self.white, 4)}


def fitted_range(picture: Float64, palette: Sequence[Colour], ground: Colour, reached: float) -> Range:
    """The widest range for a picture (c, c, 3) whose ideal layers have a mean density of `reached`."""
    threads = to_light(np.stack([colour.rgb() for colour in palette]))
    board = to_light(ground.rgb())
    own, near = to_oklab(from_light(np.stack([board, BARE * board + (1 - BARE) * threads.mean(axis=0)])))[
        :, 0
    ]
    step = max(1, len(picture) // SIDE)
    few, inside = picture[::step, ::step], disc(len(picture))[::step, ::step]

    def drawn(share: float) -> Range:
        far = share * near if own > MIDDLE else 1 - share * (1 - near)
        return Range(threads, board, *map(float, (far, near) if own > MIDDLE else (near, far)))

    def density(share: float) -> float:
        through = drawn(share).mix(few).ideal(ROUNDS, THRIFT)
        return float(-np.log(through[:, inside]).mean(axis=1).sum())

    low, high = 0.0, MOST_DRAWN
    if density(low) <= reached:
        return drawn(low)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if density(middle) > reached else (low, middle)
    return drawn(high)
