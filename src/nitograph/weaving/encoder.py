"""Image → Thread: a greedy walk that always takes the chord that improves the picture most.

From the nail where the thread stands, each legal chord is scored by how much it lowers the squared
error (`false_positive_weight` weights light beyond the target), divided by its length to a small power.
The thread ends when no score is above `stop_score`. All of it is in whole numbers: the same picture and
settings give the same nails on every machine. Many pictures are woven on all cores at once. This module
knows nothing of files.

Try it: nitograph weave mnist:test:17 -o thread.json
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import in_threads
from nitograph.errors import SourceError
from nitograph.thread import Thread
from nitograph.weaving.dispatch import Weave, make_weave
from nitograph.weaving.loops.operands import Rows
from nitograph.weaving.settings import PRESETS, WeaveSettings, with_real_thread
from nitograph.weaving.targets import prepare

__all__ = [
    "PRESETS", "WeaveSettings", "Woven", "provenance", "targets", "weave", "weave_many", "weave_targets",
    "with_real_thread",
]  # fmt: skip

CHUNK = 64
Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Woven:
    """Many threads woven with the same settings.

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

    Light pixels become thread. Pixel centres lie at `chords.pixel_positions(c)`; memory is 4·c² bytes per
    image.
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
    To see it grow, to stop it, or to let some pixels count more, see `stepwise.Weaver`.
    """
    settings = settings or WeaveSettings()
    image = np.asarray(image)
    if image.ndim != 2:
        raise SourceError(
            f"a picture must have shape (h, w), got {image.shape}; to weave many, use weave_many"
        )
    woven = weave_many(image[None], settings, threads=1)
    made = provenance(settings, float(woven.explained[0]), source)
    return Thread(woven.path(0), settings.board, label, made)


def provenance(settings: WeaveSettings, explained: float, source: str | None) -> dict[str, Any]:
    """How a thread was woven, as its file keeps it."""
    made: dict[str, Any] = {"made_by": "nitograph weave", "weave": settings.to_dict()}
    if source is not None:
        made["source"] = source
    return made | {"explained_energy": round(explained, 6)}


def weave_many(
    images: NDArray[np.generic],
    settings: WeaveSettings | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Woven:
    """Weave images (n, h, w), uint8 or floats 0 to 1, on `threads` cores (all of them by default).

    progress is called with the number done so far. After an interrupt each core finishes one chunk at most.
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
    """As `weave_many`, from targets (n, c, c) that `targets` has prepared."""
    settings = settings or WeaveSettings()
    size = settings.canvas_size
    if wanted.ndim != 3 or wanted.shape[1:] != (size, size):
        raise SourceError(f"targets must have shape (n, {size}, {size}), got {wanted.shape}")
    return _share_out(
        lambda part: np.ascontiguousarray(part, dtype=np.float32), wanted, settings, progress, threads
    )


def _share_out(
    prepare_part: Callable[[NDArray[Any]], NDArray[np.float32]],
    images: NDArray[Any],
    settings: WeaveSettings,
    progress: Progress | None,
    threads: int | None,
) -> Woven:
    """Weave `images` in chunks, of which `prepare_part` makes targets, on several cores."""
    count = len(images)
    nails = np.full((count, settings.max_lines + 1), -1, dtype=np.int32)
    lengths, explained = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.float32)
    compiled = make_weave(settings)

    def work(weave: Weave, first: int) -> int:
        part = slice(first, first + CHUNK)
        weave(Rows(prepare_part(images[part]), nails[part], lengths[part], explained[part]))
        return len(lengths[part])

    done = 0
    with closing(in_threads(work, lambda: compiled, range(0, count, CHUNK), max_threads=threads)) as chunks:
        for finished in chunks:
            done += finished
            if progress is not None:
                progress(done)
    return Woven(nails, lengths, explained)
