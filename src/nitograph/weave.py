"""Image → Thread: a greedy walk that always takes the chord which improves the picture most.

From the nail where the thread stands, each legal chord is scored by how much it takes off the squared
error (light beyond the target weighs `false_positive_weight`), divided by its length to a small power.
The thread ends when no chord is worth more than `stop_score`. All in whole numbers: the same picture
and settings give the same nails on every machine. Many pictures are shared out among all cores.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph import chords, classic, greedy, kernels
from nitograph.board import MAX_NAILS, MIN_NAILS, Board, Rules
from nitograph.errors import SettingsError, SourceError
from nitograph.settings import Settings, setting
from nitograph.targets import prepare
from nitograph.thread import Thread

CHUNK = 64
TOGETHER = 8
CLASSIC_ROOM = 200_000_000
MAX_LINES = 20_000
Progress = Callable[[int], None]


@dataclass(frozen=True)
class WeaveSettings(Settings):
    """How a picture becomes a thread."""

    nails: int = setting(256, "nails on the ring", low=MIN_NAILS, high=MAX_NAILS)
    canvas_size: int = setting(64, "side of the working canvas", unit="pixels", low=8, high=2048)
    max_lines: int = setting(240, "most chords", low=1, high=MAX_LINES)
    min_lines: int = setting(
        1, "chords laid before the stop rule may end the thread", low=1, high=MAX_LINES
    )
    min_nail_gap: int = setting(6, "smallest circular distance of one step", unit="nails", low=1)
    line_radius: float = setting(
        1.0, "a chord is 2 × this + 1 wide on the canvas", unit="pixels", low=0.0, high=64.0
    )
    line_strength: float = setting(0.03, "light of one chord, 1 is white", low=1e-4, high=1.0)
    length_power: float = setting(0.1, "a score is divided by length to this power", low=-2.0, high=2.0)
    stop_score: float = setting(0.0, "the thread ends where the best score is not above this")
    false_positive_weight: float = setting(
        1.0, "weight of light beyond the target against light missing", low=0.0, high=100.0
    )
    recent_edges: int = setting(80, "a chord is not drawn again within this many", unit="chords", low=1)
    blur_radius: float = setting(0.85, "Gaussian blur of the target", unit="pixels", low=0.0, high=100.0)
    gamma: float = setting(
        0.8, "power of the target's greys, under 1 lifts faint ones", low=0.05, high=20.0
    )
    start_nail: int | None = setting(None, "first nail; chosen by the best first chord if not given", low=0)
    coverage: str = setting(
        "antialiased",
        "real nails and shares of pixels, or the original's rounded nails and thick lines",
        choices=("antialiased", "bresenham"),
    )

    def check(self) -> None:
        """The rules between these settings."""
        self.rules.check_fits(self.board)
        if self.min_lines > self.max_lines:
            raise SettingsError(
                f"min_lines must not be above max_lines, got {self.min_lines} and {self.max_lines}"
            )
        if self.start_nail is not None and self.start_nail >= self.nails:
            raise SettingsError(
                f"start_nail must be from 0 to {self.nails - 1} on this board, got {self.start_nail}"
            )
        if self.coverage == "bresenham" and self.line_radius != int(self.line_radius):
            raise SettingsError(
                f"line_radius must be whole with coverage bresenham, got {self.line_radius:g}"
            )

    @property
    def board(self) -> Board:
        """The ring of nails."""
        return Board(self.nails)

    @property
    def rules(self) -> Rules:
        """Which steps the thread may take."""
        return Rules(self.min_nail_gap, self.recent_edges)

    @property
    def width(self) -> float:
        """Width of the thread in board radii."""
        return chords.width_in_board_units(2 * self.line_radius + 1, self.canvas_size)


PRESETS: Mapping[str, WeaveSettings] = {
    "default": WeaveSettings(),
    "original": WeaveSettings(min_lines=240, false_positive_weight=0.2, start_nail=0, coverage="bresenham"),
}


@dataclass(frozen=True, eq=False)
class Woven:
    """Many threads woven alike.

    nails: (n, max_lines + 1) int32, −1 after the end. lengths: (n,) int32, how many nails.
    explained: (n,) float32, 1 − the error of `chords.error` on the working canvas; with coverage
    bresenham as the original counted it, weighted by false_positive_weight and over the whole canvas.
    """

    nails: NDArray[np.int32]
    lengths: NDArray[np.int32]
    explained: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.nails)

    def path(self, index: int) -> NDArray[np.int32]:
        """The nails of one thread, (length,)."""
        return self.nails[index, : self.lengths[index]]


def targets(images: NDArray[np.generic], settings: WeaveSettings) -> NDArray[np.float32]:
    """What is to be woven, (n, c, c) float32 in 0 to 1, from images (n, h, w) uint8 or floats 0 to 1.

    Light is thread. Pixel centres lie at `chords.pixel_positions(c)`; memory is 4·c² bytes an image.
    """
    return prepare(images, settings.canvas_size, settings.blur_radius, settings.gamma)


def weave(
    image: NDArray[np.generic],
    settings: WeaveSettings | None = None,
    *,
    label: str | None = None,
    source: str | None = None,
) -> Thread:
    """One picture (h, w), uint8 or floats 0 to 1, light where thread is wanted, as a Thread.

    label and source go into the thread and its provenance, with all settings. Raises SourceError.
    """
    settings = settings or WeaveSettings()
    image = np.asarray(image)
    if image.ndim != 2:
        raise SourceError(f"one picture has the form (h, w), got {image.shape}")
    woven = weave_many(image[None], settings, threads=1)
    made: dict[str, Any] = {"made_by": "nitograph weave", "weave": settings.to_dict()}
    if source is not None:
        made["source"] = source
    made["explained_energy"] = round(float(woven.explained[0]), 6)
    return Thread(woven.path(0), settings.board, label, made)


def weave_many(
    images: NDArray[np.generic],
    settings: WeaveSettings | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Woven:
    """Weave images (n, h, w), uint8 or floats 0 to 1, on `threads` cores (all of them by default).

    progress is called with the number done so far. An interrupt ends within one chunk a core.
    """
    settings = settings or WeaveSettings()
    return _share_out(lambda part: targets(part, settings), images, settings, progress, threads)


def weave_targets(
    wanted: NDArray[np.float32],
    settings: WeaveSettings | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Woven:
    """As `weave_many`, from targets (n, c, c) that are prepared already."""
    settings = settings or WeaveSettings()
    size = settings.canvas_size
    if wanted.ndim != 3 or wanted.shape[1:] != (size, size):
        raise SourceError(f"targets must have the form (n, {size}, {size}), got {wanted.shape}")
    return _share_out(
        lambda part: np.ascontiguousarray(part, dtype=np.float32), wanted, settings, progress, threads
    )


def _share_out(
    ready: Callable[[NDArray[Any]], NDArray[np.float32]],
    images: NDArray[Any],
    settings: WeaveSettings,
    progress: Progress | None,
    threads: int | None,
) -> Woven:
    count = len(images)
    nails = np.full((count, settings.max_lines + 1), -1, dtype=np.int32)
    lengths, explained = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.float32)
    loom = _loom(settings)

    def work(first: int) -> int:
        part = slice(first, first + CHUNK)
        loom(ready(images[part]), nails[part], lengths[part], explained[part])
        return len(lengths[part])

    done = 0
    workers = max(1, min(threads or len(os.sched_getaffinity(0)), -(-count // CHUNK)))
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(work, first) for first in range(0, count, CHUNK)]
        try:
            for finished in as_completed(waiting):
                done += finished.result()
                if progress is not None:
                    progress(done)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return Woven(nails, lengths, explained)


Loom = Callable[..., None]


def _loom(settings: WeaveSettings) -> Loom:
    """A function that weaves targets into rows of nails, lengths and explained."""
    walks = (settings.nails, (settings.min_nail_gap, settings.recent_edges))
    limits = ((settings.min_lines, settings.max_lines), settings.stop_score)
    start = -1 if settings.start_nail is None else settings.start_nail
    if settings.coverage == "bresenham":
        return _classic_loom(settings, (*walks, *limits), start)
    size = settings.canvas_size
    ring = chords.chords(settings.nails, size, settings.width)
    dose, unit = chords.dose_and_unit(settings.line_strength)
    worth, slack, disc = _worth(settings, ring), _slack(ring, unit), chords.disc(size)
    over = settings.false_positive_weight

    def loom(wanted: Any, *rows: Any) -> None:
        together = len(wanted) >= TOGETHER and size <= 128 and len(ring.lines) <= 500_000
        bounds = slack if together else slack[:0]
        greedy.walk_many(
            ring.lines, *walks, *limits, dose, unit, over, start, worth, bounds, disc, wanted, *rows
        )

    return loom


def _classic_loom(settings: WeaveSettings, walks: tuple[Any, ...], start: int) -> Loom:
    size, strength, over = settings.canvas_size, settings.line_strength, settings.false_positive_weight
    if settings.nails**2 * size > CLASSIC_ROOM:
        raise SettingsError(
            f"coverage bresenham keeps every line in a table, too large for {settings.nails} nails on "
            f"{size} pixels; choose coverage antialiased, or fewer of either"
        )
    lines = classic.thick_lines(settings.nails, size, int(settings.line_radius))
    fine = 2.0**30 / (size * 2 * strength * max(1.0, over))
    pen = (strength, over, fine)
    scale = 1 / fine / np.maximum(lines.pixels, 1) ** settings.length_power

    def loom(wanted: Any, *rows: Any) -> None:
        classic.walk_many(wanted, *walks, pen, start, lines.runs, lines.first, scale, *rows)

    return loom


def _worth(settings: WeaveSettings, ring: chords.Chords) -> NDArray[np.float32]:
    """What turns the sum of gains over each chord into its score: an addend and a factor, (m, 2)."""
    dose, unit = chords.dose_and_unit(settings.line_strength)
    share = dose / kernels.FINE
    extra = share * (kernels.FINE * ring.total - ring.squares).astype(np.float64)
    length = np.maximum(ring.total / kernels.FINE, 1.0)
    scale = share / unit**2 / length**settings.length_power
    return np.stack([extra, scale], axis=1).astype(np.float32)


def _slack(ring: chords.Chords, unit: float) -> NDArray[np.float32]:
    """More than single precision can lose in the sum over each chord, (m,)."""
    columns = (ring.lines[:, 4] - ring.lines[:, 3]).astype(np.float64)
    largest = 2 * unit * (kernels.FINE * ring.canvas_size + ring.total)
    return np.asarray(4 * columns * largest * 2.0**-23, dtype=np.float32)
