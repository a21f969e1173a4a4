"""Layers: several threads on one board, one colour each, in the order in which they are wound.

What is wound later lies on top. Each thread says its colour in its provenance (`colour`: name, hex, chart)
and its place among the others (`layer`: number and how many), so that a list of threads is known for what
it is wherever it comes from. This module mixes no colours and knows no files.

Try it: python -c "from nitograph.colours.layers import *; from nitograph.thread import Thread;
print(Layers([coloured(Thread([0, 9, 99]), Colour('red', '#c72b3b'))]))"
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import ThreadError
from nitograph.thread import Thread, Threads

HEX = re.compile(r"#[0-9a-f]{6}")
LONGEST = 80  # characters of a colour's name
MOST = 64  # threads on one board


class Colour(NamedTuple):
    """The colour of a thread: its name, sRGB as #rrggbb in small letters, and the chart that has it."""

    name: str
    hex: str
    chart: str | None = None

    def rgb(self) -> NDArray[np.float64]:
        """sRGB in 0…1, (3,)."""
        return np.array([int(self.hex[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0

    @property
    def short(self) -> str:
        """The name, with the value where the name is not one."""
        return self.name if self.name.startswith("#") else f"{self.name} ({self.hex})"


class Layers(Threads):
    """Threads on one board, from the first wound, which lies lowest, to the last.

    It has the members of Threads. Raises ThreadError if boards differ or a thread says no colour.
    """

    def __init__(self, threads: Iterable[Thread]) -> None:
        super().__init__(threads)
        if len(self.threads) > MOST:
            raise ThreadError(f"at most {MOST} threads share one board, got {len(self.threads)}")
        if any(thread.board != self.threads[0].board for thread in self.threads):
            raise ThreadError("threads in layers share one board, got boards of different nails")
        if any(colour_of(thread) is None for thread in self.threads):
            raise ThreadError("every thread in layers must say its colour: a name, and a hex as #rrggbb")
        count = len(self.threads)
        placed = [_at(thread, [number, count]) for number, thread in enumerate(self.threads, 1)]
        object.__setattr__(self, "threads", tuple(placed))

    def __repr__(self) -> str:
        return f"Layers({', '.join(colour.name for colour in self.colours)}, {self.line_count} chords)"

    @property
    def label(self) -> str:
        """The class that they show together."""
        return self.threads[0].label or ""

    @property
    def colours(self) -> tuple[Colour, ...]:
        """The colour of each thread."""
        return tuple(colour for thread in self.threads if (colour := colour_of(thread)))


def coloured(thread: Thread, colour: Colour) -> Thread:
    """The same thread in that colour."""
    return thread.replace(provenance={**thread.provenance, "colour": colour._asdict()})


def colour_of(thread: Thread) -> Colour | None:
    """The colour that a thread says, None if it says none or something else."""
    said = thread.provenance.get("colour")
    if not isinstance(said, dict):
        return None
    name, value, chart = said.get("name"), said.get("hex"), said.get("chart")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or not name.isprintable():
        return None
    if not isinstance(value, str) or not HEX.fullmatch(value.lower()):
        return None
    return Colour(name, value.lower(), chart if isinstance(chart, str) else None)


def layers_of(threads: Sequence[Thread]) -> Layers | None:
    """The layers of one board that these threads are, in order; None if they are something else."""
    if isinstance(threads, Layers):
        return threads if len(threads) > 1 else None
    count = len(threads)
    said = [thread.provenance.get("layer") for thread in threads]
    if count < 2 or said != [[number, count] for number in range(1, count + 1)]:
        return None
    try:
        return Layers(threads)
    except ThreadError:
        return None


def _at(thread: Thread, place: list[int]) -> Thread:
    """The thread with its place among the layers."""
    if thread.provenance.get("layer") == place:
        return thread
    return thread.replace(provenance={**thread.provenance, "layer": place})
