"""Boards in one picture stay inside it and apart."""

import math

import pytest

from nitograph.drawing.layout import place


@pytest.mark.parametrize("layout", ["row", "ring", "grid"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12, 40])
def test_boards_stay_inside_and_apart(layout: str, count: int) -> None:
    """No board leaves the picture or touches another, and the longer side is the size asked for."""
    width, height, discs = place(count, layout, 3000)
    assert len(discs) == count
    assert max(width, height) == 3000
    for i, (x, y, radius) in enumerate(discs):
        assert radius > 0
        assert radius < x < width - radius
        assert radius < y < height - radius
        for other in discs[:i]:
            assert math.dist((x, y), other[:2]) > radius + other[2]


def test_rows_read_from_left_to_right() -> None:
    """Boards follow one another as the characters of a word do, a short last row in the middle."""
    _, _, discs = place(5, "grid", 300)
    assert [round(x) for x, _, _ in discs] == [50, 150, 250, 100, 200]
    assert [round(y) for _, y, _ in discs] == [50, 50, 50, 150, 150]
