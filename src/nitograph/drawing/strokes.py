"""Anti-aliased straight strokes of light, added to a raster: the hot loop of the neon picture.

A stroke's profile across its width is a raised cosine, which sums to the same light at any sub-pixel
position, so that strokes look even along their length. It knows nothing of threads, colours or tone.

Try it: python -m nitograph render thread.json -o picture.png
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

SUBPIXELS = 64  # sub-pixel positions of the table of profiles
SLANTS = 32  # slants of the table of profiles; widths are exact within 0.7 %
BATCH = 60_000  # steps of strokes per batch


class Strokes:
    """Strokes prepared for one raster scale, to be added to any band of its rows.

    starts, ends: (m, 2) x and y in pixels, pixel i centred at i. width: px across at half of the light,
    at least 1. light: (m, planes) light on the centre line of each stroke. pad: minimum padding.
    """

    def __init__(
        self, starts: Float64, ends: Float64, width: float, light: Float32, *, pad: int = 0
    ) -> None:
        run = ends - starts
        self._steep = np.abs(run[:, 1]) >= np.abs(run[:, 0])
        major = np.where(self._steep, 1, 0)
        rows = np.arange(len(starts))
        first, last = starts[rows, major], ends[rows, major]
        along = run[rows, major]
        self._slope = run[rows, 1 - major] / np.where(along == 0, 1.0, along)
        self._offset = starts[rows, 1 - major] - first * self._slope
        self._low = np.ceil(np.minimum(first, last)).astype(np.int64)
        self._high = np.floor(np.maximum(first, last)).astype(np.int64)
        slant = np.hypot(self._slope, 1.0)
        self._level = np.rint((slant - 1) * SLANTS / (math.sqrt(2) - 1)).astype(np.int64)
        self._light = np.asarray(light, dtype=np.float32)
        self._profiles, self._reach = _profiles(max(1.0, float(width)))
        self.pad = max(pad, 2 * self._reach + 4)

    def add(self, raster: Float32, first_row: int) -> None:
        """Add all strokes to a band: raster (planes, rows + 2 pad, columns + 2 pad), in place.

        Row `pad` of the raster is row `first_row` of the picture; the padding is discarded.
        """
        low, high = self._visible(first_row, raster.shape[1] - 2 * self.pad, raster.shape[2] - 2 * self.pad)
        for steep in (True, False):
            chosen = np.flatnonzero((low <= high) & (self._steep == steep))
            if not len(chosen):
                continue
            batch = np.cumsum(high[chosen] - low[chosen] + 1) // BATCH
            for part in np.split(chosen, np.flatnonzero(np.diff(batch)) + 1):
                self._deposit(raster, first_row, steep, part, low[part], high[part])

    def _deposit(
        self, raster: Float32, first_row: int, steep: bool, chosen: Int64, low: Int64, high: Int64
    ) -> None:
        """Add some strokes with the same major axis, all s steps of them at once."""
        stride = raster.shape[2]
        count = high - low + 1
        steps = np.arange(int(count.sum())) + np.repeat(low - np.cumsum(count) + count, count)
        fine = (
            steps * np.repeat(self._slope[chosen], count) + np.repeat(self._offset[chosen], count)
        ) * SUBPIXELS
        minor = np.floor(fine).astype(np.int64)
        row = (minor & (SUBPIXELS - 1)) + np.repeat(self._level[chosen] * SUBPIXELS, count)
        minor >>= 6
        across = np.arange(-self._reach, self._reach + 2)
        if steep:
            minor += (steps + (self.pad - first_row)) * stride + self.pad
        else:
            minor = (minor + (self.pad - first_row)) * stride + steps + self.pad
            across *= stride
        touched = (minor[:, None] + across).reshape(-1)
        for plane, light in zip(raster, self._light[chosen].T, strict=True):
            added = self._profiles.take(row, axis=0)  # (s, 2 reach + 2)
            added *= light[0] if np.all(light == light[0]) else np.repeat(light, count)[:, None]
            np.add.at(plane.reshape(-1), touched, added.reshape(-1))

    def _visible(self, first_row: int, rows: int, columns: int) -> tuple[Int64, Int64]:
        """First and last step of each stroke along its major axis that may touch the band, (m,) each."""
        steep = self._steep
        low = np.maximum(self._low, np.where(steep, first_row, 0))
        high = np.minimum(self._high, np.where(steep, first_row + rows, columns) - 1)
        # Clipped to half the padding on the minor axis, so that all touched pixels exist.
        half = self.pad // 2 - 1
        near = np.where(steep, 0, first_row) - half
        far = np.where(steep, columns, first_row + rows) - 1 + half
        level = np.abs(self._slope) < 1e-12
        slope = np.where(level, 1.0, self._slope)
        one, two = (near - self._offset) / slope, (far - self._offset) / slope
        enter, leave = np.minimum(one, two), np.maximum(one, two)
        out = level & ((self._offset < near) | (self._offset > far))
        enter, leave = np.where(level, low, enter), np.where(level, np.where(out, low - 1, high), leave)
        low = np.maximum(low, np.ceil(np.clip(enter, -1e9, 1e9)).astype(np.int64))
        high = np.minimum(high, np.floor(np.clip(leave, -1e9, 1e9)).astype(np.int64))
        return low, high


def add_dots(
    raster: Float32, first_row: int, pad: int, centres: Float64, radius: float, light: Float32
) -> None:
    """Add soft-edged discs, centres (m, 2) in px, to a band laid out as for `Strokes.add`; light (planes,).

    radius is in px; discs further than `pad` from the band are left out.
    """
    reach = min(math.ceil(radius + 1), pad // 2)
    across = np.arange(-reach, reach + 1)
    rows, columns = raster.shape[1] - 2 * pad, raster.shape[2] - 2 * pad
    whole = np.floor(centres).astype(np.int64)
    near = (whole[:, 1] >= first_row - reach) & (whole[:, 1] < first_row + rows + reach)
    near &= (whole[:, 0] >= -reach) & (whole[:, 0] < columns + reach)
    for centre, at in zip(centres[near], whole[near], strict=True):
        dx, dy = across + at[0] - centre[0], across + at[1] - centre[1]
        disc = np.clip(radius + 0.5 - np.hypot(dx[None, :], dy[:, None]), 0, 1).astype(np.float32)
        y, x = int(at[1]) - first_row + pad - reach, int(at[0]) + pad - reach
        raster[:, y : y + len(across), x : x + len(across)] += disc * light[:, None, None]


@lru_cache(maxsize=16)
def _profiles(width: float) -> tuple[Float32, int]:
    """Light across a stroke by slant and place between two pixels: (SLANTS × SUBPIXELS, 2 reach + 2)."""
    half = width * (1 + np.arange(SLANTS + 1) * (math.sqrt(2) - 1) / SLANTS)
    reach = math.floor(half[-1])
    part = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS
    apart = np.abs(np.arange(-reach, reach + 2)[None, :] - part[:, None])
    table = np.cos(np.minimum(apart[None] / half[:, None, None], 1.0) * (math.pi / 2)) ** 2
    return table.reshape(-1, 2 * reach + 2).astype(np.float32), reach
