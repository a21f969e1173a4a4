"""How a square picture lies over the board: the ring of nails stands just inside the picture's frame.

This module knows nothing of chords or threads, and needs no compiler.

Try it: python -c "from nitograph.light.frame import pixel_positions; print(pixel_positions(4))"
"""

import numpy as np
from numpy.typing import NDArray

FRAME = 15 / 16
"""Radius of the ring of nails ÷ half the side of the frame."""


def pixel_positions(canvas_size: int) -> NDArray[np.float64]:
    """Where pixel centres lie in board units (nails on the unit circle), shape (canvas_size,).

    The same for x and y; they run from just over −16/15 to just under 16/15.
    """
    return (2 * np.arange(canvas_size) + 1 - canvas_size) / (canvas_size * FRAME)


def disc(canvas_size: int) -> NDArray[np.bool_]:
    """Which pixels have their centre within the ring of nails, shape (c, c)."""
    squares = pixel_positions(canvas_size) ** 2
    return np.asarray(squares[:, None] + squares[None, :] <= 1.0)


def width_in_board_units(width_pixels: float, canvas_size: int) -> float:
    """A chord's width in board radii from its width in pixels of a canvas."""
    return width_pixels * 2 / (canvas_size * FRAME)
