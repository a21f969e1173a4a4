"""The settings of the look, and the resulting Picture: the two values that this package passes around.

A picture becomes a PNG file that carries its threads; this module knows nothing of how light is drawn.

Try it: python -c "from nitograph.drawing.look import NeonSettings; print(NeonSettings().pixels)"
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.cores import cores
from nitograph.drawing import palettes
from nitograph.errors import FileError, SettingsError
from nitograph.io import png, threads as thread_files
from nitograph.io.files import check_writable, write_bytes
from nitograph.settings import Settings, setting
from nitograph.thread import Thread

MIN_SIZE, MAX_SIZE = 64, 16384
NOTEBOOK = 1024  # px, maximum side of a picture in a notebook

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class NeonSettings(Settings):
    """How a thread is drawn."""

    size_inches: float = setting(8.0, "side of the picture", unit="inches", low=0.01, high=1000)
    dpi: int = setting(512, "pixels per inch", unit="px", low=1, high=10_000)
    size: int | None = setting(
        None, "side of the picture instead of inches × dpi", unit="px", low=MIN_SIZE, high=MAX_SIZE
    )
    palette: str = setting(
        "cyan",
        "cyan, magenta, amber, ice, fire, another name, a colour, or colours along the thread (#f08,#0df)",
    )
    background: str = setting("night", "colour of the background, a name or #rrggbb")
    thickness: float = setting(
        0.7, "width of the thread's core", unit="thousandths of the side", low=0.05, high=20
    )
    glow: float = setting(1.0, "strength of the glow; 0 for none", low=0.0, high=10.0)
    brightness: float = setting(1.0, "strength of all light", low=0.05, high=20.0)
    ring: bool = setting(True, "draw the faint ring of nails")
    layout: str = setting(
        "row", "arrangement of several boards in one picture", choices=("row", "ring", "grid")
    )

    def check(self) -> None:
        """Check the side in pixels and the colours."""
        if not MIN_SIZE <= self.pixels <= MAX_SIZE:
            raise SettingsError(
                f"a picture has {MIN_SIZE} to {MAX_SIZE} pixels per side, "
                f"got {self.size_inches:g} inches × {self.dpi} = {self.pixels}"
            )
        palettes.check(self.palette)
        palettes.colour(self.background)

    @property
    def pixels(self) -> int:
        """The longer side of the picture in pixels."""
        return self.size if self.size is not None else round(self.size_inches * self.dpi)


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """A picture in memory, and the threads that it shows.

    pixels: uint8, (h, w, 3) as RGB, or (h, w) with a palette (256, 3). dpi: px per inch.
    """

    pixels: UInt8
    palette: UInt8 | None = None
    dpi: int | None = None
    threads: Sequence[Thread] = ()

    def __repr__(self) -> str:
        return f"Picture({self.width} × {self.height}, {len(self.threads)} threads)"

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])

    def rgb(self) -> UInt8:
        """The same picture as RGB, (h, w, 3)."""
        return self.pixels if self.palette is None else self.palette.take(self.pixels, axis=0)

    def png(self, *, with_threads: bool = True, workers: int | None = None) -> bytes:
        """The picture as a PNG file that carries the JSON of its threads if `with_threads` is True."""
        carried = with_threads and len(self.threads)
        return png.encode(
            self.pixels,
            self.palette,
            text={thread_files.KEYWORD: thread_files.to_json(self.threads)} if carried else None,
            dpi=self.dpi,
            workers=workers or min(8, cores()),
        )

    def save(self, path: str | Path) -> Path:
        """Write the PNG file with its threads atomically; FileError if that fails."""
        path = check_picture(path)
        write_bytes(path, self.png())
        return path

    def reduced(self, side: int) -> "Picture":
        """The same picture with at most `side` pixels per side, each the mean of a square of pixels."""
        step = math.ceil(max(self.width, self.height) / side)
        if step == 1:
            return self
        rows, columns = max(1, self.height // step), max(1, self.width // step)
        whole = self.rgb()[: rows * step, : columns * step]
        mean = whole.reshape(rows, len(whole) // rows, columns, whole.shape[1] // columns, 3).mean(
            axis=(1, 3)
        )
        return Picture(np.rint(mean).astype(np.uint8), None, None, self.threads)

    def _repr_png_(self) -> bytes:
        """The picture for a notebook, reduced if it is larger than a screen."""
        return self.reduced(NOTEBOOK).png()


def check_picture(path: str | Path) -> Path:
    """The path, checked before long work starts; FileError if no picture can be written there."""
    path = check_writable(path)
    if path.suffix.lower() != ".png":
        raise FileError(f"a picture is written as .png, got {path.name}")
    return path
