"""Which board a picture is woven on: a ring, another shape, or nails from a file.

A board that is no ring brings its number of nails and its size with it, and has its own rule instead of a
smallest gap in nails. This module weaves nothing.

Try it: python -c "from nitograph.api.boards import *;
print(board_and_given(BoardSettings('square:900'), {}))"
"""

from collections.abc import Callable, Mapping
from typing import Any

from nitograph.errors import SettingsError
from nitograph.io.nails import nails_in
from nitograph.shapes.board import ShapedBoard
from nitograph.shapes.settings import BoardSettings, nails_on_ring, shaped
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS


def board_and_given(
    settings: BoardSettings, woven: Mapping[str, Any], diameter: float | None = None
) -> tuple[ShapedBoard | None, dict[str, Any]]:
    """The board, None for a ring, and the settings of weaving given with what follows from it.

    woven: the settings of weaving that were chosen. diameter: that of the ring, if one was chosen.
    SettingsError for a board that cannot be made or does not go with them, FileError for a bad file.
    """
    if settings.spacing is not None and "nails" in woven:
        raise SettingsError("nails are set by their number or by their spacing, got both; leave one out")
    if settings.board == "ring":
        if settings.spacing is None:
            return None, dict(woven)
        size = RealBoard.default("diameter") if diameter is None else diameter
        return None, {**woven, "nails": nails_on_ring(settings.spacing, size)}
    if diameter is not None:
        raise SettingsError(f"the board {settings.board} has its size already; leave the diameter out")
    if "min_nail_gap" in woven:
        raise SettingsError(
            "min_nail_gap counts nails of a ring; set min_chord on a board of another shape"
        )
    board = _from_file(settings, woven.get("nails")) if settings.file else None
    board = board or shaped(settings, woven.get("nails", PRESETS["photo"].nails))
    return board, {**woven, "nails": board.num_nails, "min_nail_gap": 1}


def nails_by_number(settings: BoardSettings, diameter: float | None) -> Callable[[int], ShapedBoard | None]:
    """The board with any number of nails; None for a ring. SettingsError where a file fixes the nails."""
    if settings.file:
        first, second = (len(nails_in(settings.file, None, None, usual)) for usual in (100, 101))
        if first == second:
            raise SettingsError(
                f"several numbers of nails are to be tried, and {settings.file} says where its {first} "
                "stand; weave on that board instead, or give a drawing of its outline"
            )
    return lambda nails: board_and_given(settings, {"nails": nails}, diameter)[0]


def on_board(real: RealBoard | None, board: ShapedBoard | None) -> RealBoard | None:
    """The thread on that board: the larger side takes the place of the diameter of a ring.

    SettingsError for a board that is no ring where chords add their light.
    """
    if board is None:
        return real
    if real is None:
        raise SettingsError(
            "only photographs are woven on a board that is no ring, with the light of real thread; use the "
            "preset photo and light real, or a ring"
        )
    return real.replace(diameter=board.size)


def _from_file(settings: BoardSettings, nails: int | None) -> ShapedBoard:
    """The board whose nails a file holds; of a line without number or spacing, as many as on a ring."""
    try:
        points = nails_in(settings.file, nails, settings.spacing, PRESETS["photo"].nails)
        return ShapedBoard.of_points(points, settings.nail_diameter, settings.min_chord, settings.notches)
    except SettingsError as error:
        raise SettingsError(f"{settings.file}: {error}") from None
