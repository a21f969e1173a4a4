"""How a thread is lit, and the picture that comes of it: two values that everything here passes on.

Try it: python -c "from nitograph.drawing.look import NeonSettings; print(NeonSettings().pixels)"
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import palettes
from nitograph.errors import SettingsError
from nitograph.settings import Settings, setting

MIN_SIZE, MAX_SIZE = 64, 16384

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class NeonSettings(Settings):
    """How a thread is lit."""

    size_inches: float = setting(8.0, "side of the picture", unit="inches", low=0.01, high=1000)
    dpi: int = setting(512, "pixels in an inch", unit="px", low=1, high=10_000)
    size: int | None = setting(
        None, "side of the picture instead of inches × dpi", unit="px", low=MIN_SIZE, high=MAX_SIZE
    )
    palette: str = setting(
        "cyan",
        "cyan, magenta, amber, ice, fire, another name, a colour, or colours along the thread (#f08,#0df)",
    )
    background: str = setting("night", "colour under the light, a name or #rrggbb")
    thickness: float = setting(
        0.7, "width of the thread's core", unit="thousandths of the side", low=0.05, high=20
    )
    glow: float = setting(1.0, "strength of the glow, 0 for none", low=0.0, high=10.0)
    brightness: float = setting(1.0, "strength of all light", low=0.05, high=20.0)
    ring: bool = setting(True, "draw the faint ring of nails")
    layout: str = setting("row", "how several boards stand in one picture", choices=("row", "ring", "grid"))

    def check(self) -> None:
        """The side in pixels is within bounds and the colours exist."""
        if not MIN_SIZE <= self.pixels <= MAX_SIZE:
            raise SettingsError(
                f"a picture has {MIN_SIZE} to {MAX_SIZE} pixels a side, "
                f"got {self.size_inches:g} inches × {self.dpi} = {self.pixels}"
            )
        palettes.check(self.palette)
        palettes.colour(self.background)

    @property
    def pixels(self) -> int:
        """The longer side of the picture in pixels."""
        return self.size if self.size is not None else round(self.size_inches * self.dpi)


@dataclass(frozen=True, eq=False)
class Picture:
    """pixels: uint8, (h, w, 3) as RGB, or (h, w) with a palette (256, 3). dpi: px an inch."""

    pixels: UInt8
    palette: UInt8 | None = None
    dpi: int | None = None

    def rgb(self) -> UInt8:
        """The same picture as RGB, (h, w, 3)."""
        return self.pixels if self.palette is None else self.palette.take(self.pixels, axis=0)
