"""The light that a finished thread leaves of its board, by the same rule as while it is woven.

This module chooses no chords.

Try it: python -c "from nitograph.weaving.laid import *; print(light_left(Thread([0, 9]), RealBoard(), 8))"
"""

import numpy as np

from nitograph.light.bands import covered, lines_between
from nitograph.light.frame import FRAME
from nitograph.thread import Thread
from nitograph.weaving.eye import UNIT, Float64, eye_of
from nitograph.weaving.real_board import RealBoard

CHUNK = 2000  # chords


def light_left(thread: Thread, board: RealBoard, canvas_size: int) -> Float64:
    """The share of its light that each pixel of the frame keeps, (c, c)."""
    eye, half = eye_of(board, canvas_size), canvas_size / 2
    places = half + half * FRAME * thread.points()
    density = np.zeros((canvas_size, canvas_size), dtype=np.int64)
    for first in range(0, thread.line_count, CHUNK):
        part = places[first : first + CHUNK + 1]
        lines = lines_between(part[:-1], part[1:], board.band(canvas_size), canvas_size)
        density += covered(lines, canvas_size, eye.density)
    return np.asarray(np.exp(-density / UNIT))
