"""Films of a thread being wound: the frames, and writing them as MP4, GIF or WebP.

Light is additive, so each frame adds the chords wound since the last one; the exposure is that of the
finished picture. New chords are brighter and fade to normal. Takes values, returns frames; a film is
written to the path given. MP4 needs PyAV (the extra `animate`), GIF and WebP Pillow.

Try it: python -m nitograph animate thread.json -o winding.mp4 --fps 60
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitograph.colours.layers import layers_of
from nitograph.drawing.board import BoardLook, board_painter
from nitograph.drawing.look import NeonSettings, Picture
from nitograph.drawing.painter import Float32, Float64, Painter
from nitograph.drawing.scene import stage
from nitograph.drawing.strokes import add_dots
from nitograph.errors import FileError, SettingsError
from nitograph.settings import Settings, setting
from nitograph.thread import Thread
from nitograph.untrusted import need

if TYPE_CHECKING:
    from PIL import Image

ENDINGS = (".mp4", ".gif", ".webp")
MAX_FRAMES = 100_000
FADE = 0.45  # seconds in which a new chord fades to normal
BOOST = 2.2  # brightness of the chord being wound, in that of the others


@dataclass(frozen=True)
class FilmSettings(Settings):
    """Length, frame rate and quality of the film."""

    seconds: float = setting(12.0, "duration of the winding", unit="s", low=0.1, high=3600)
    fps: int = setting(30, "frames per second; at most 50 for GIF", low=1, high=120)
    hold: float = setting(2.0, "duration of the finished picture at the end", unit="s", low=0, high=600)
    quality: int = setting(80, "quality of MP4 and WebP, 1 to 100", low=1, high=100)

    def check(self) -> None:
        """The number of frames has a limit."""
        if self.frames > MAX_FRAMES:
            raise SettingsError(f"a film has at most {MAX_FRAMES} frames, got {self.frames}")

    @property
    def winding(self) -> int:
        """Number of frames of the winding."""
        return max(2, round(self.seconds * self.fps))

    @property
    def frames(self) -> int:
        """Number of all frames, including the still ones at the end."""
        return self.winding + round(self.hold * self.fps)


def frames(
    threads: Thread | Sequence[Thread],
    look: NeonSettings,
    film: FilmSettings,
    *,
    board: BoardLook | None = None,
    workers: int = 2,
) -> Iterator[Picture]:
    """Every frame of the film in order, film.frames pictures as `neon.draw` makes them.

    The first shows the empty ring, the last equals the finished picture bit by bit. Several threads are
    wound at the same time, each at its own pace, and end together; layers of one board one after another.
    board: for frames as `board.draw` makes them.
    """
    listed = [threads] if isinstance(threads, Thread) else list(threads)
    if not listed:
        raise SettingsError("a film needs at least one thread, got none")
    painter = Painter(stage(listed, look), look) if board is None else board_painter(listed, look, board)
    counts = [thread.line_count for thread in listed]
    winder = Winder(painter, counts if layers_of(listed) is None else [sum(counts)])
    waiting: deque[Future[Picture]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for frame in range(film.winding):
            winder.wind(frame / (film.winding - 1))
            waiting.append(pool.submit(winder.develop, *winder.exposed(FADE / film.seconds)))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            last = waiting.popleft().result()
            yield last
    for _ in range(film.winding, film.frames):
        yield last


class Winder:
    """The light of a scene so far; it can only be wound forward."""

    def __init__(self, painter: Painter, counts: Sequence[int]) -> None:
        self.painter, self.look = painter, painter.settings
        self.scene = scene = painter.scene
        # When each chord starts and ends, as a share of the film, so that all boards end together.
        self.started = np.concatenate([np.arange(count) / count for count in counts])
        self.done = np.concatenate([(np.arange(count) + 1) / count for count in counts])
        self.order = np.argsort(self.done, kind="stable")
        self.wound = 0
        self.now = 0.0
        self._cores = self.painter.canvas(self.painter.strokes, scene.height, scene.width)
        soft = self.painter.soft(scene.starts[:1], scene.ends[:1], scene.light[:1])
        self._glow = self.painter.canvas(soft, *self.painter.small)

    def wind(self, now: float) -> None:
        """Add all chords that are done by `now`, a share of the film."""
        self.now = now
        upto = int(np.searchsorted(self.done[self.order], now + 1e-9, side="right"))
        self._add(self._cores, self._glow, self.order[self.wound : upto], 1.0)
        self.wound = upto

    def exposed(self, fade: float) -> tuple[Float32, Float32]:
        """Copies of cores and glow, with chords in progress and fading; fade: a share of the film."""
        cores, glow = self._cores.copy(), self._glow.copy()
        if self.now >= 1:
            return cores, glow
        age = (self.now - self.done) / fade
        recent = np.flatnonzero((age >= 0) & (age < 1))
        self._add(cores, glow, recent, ((BOOST - 1) * (1 - age[recent]) ** 2)[:, None])
        under_way = np.flatnonzero((self.started < self.now) & (self.done > self.now + 1e-9))
        if len(under_way):
            share = (self.now - self.started[under_way]) / (self.done - self.started)[under_way]
            starts = self.scene.starts[under_way]
            tips = starts + share[:, None] * (self.scene.ends[under_way] - starts)
            self._add(cores, glow, under_way, BOOST, tips)
            mean = self.scene.light.mean(axis=0) * np.float32(1.5 * self.look.brightness)
            radius = 2.0 * self.painter.nail_radius
            add_dots(cores, 0, self.painter.strokes.pad, tips, radius, mean.astype(np.float32))
        return cores, glow

    def develop(self, cores: Float32, glow: Float32) -> Picture:
        """The picture of that light; `cores` is overwritten."""
        pixels = self.painter.blank()
        self.painter.lay(cores, self.painter.glow_of(glow))
        self.painter.finish(cores, 0, pixels)
        return self.painter.framed(pixels)

    def _add(
        self,
        cores: Float32,
        glow: Float32,
        chosen: NDArray[np.int64],
        strength: float | Float64,
        ends: Float64 | None = None,
    ) -> None:
        if len(chosen):
            starts = self.scene.starts[chosen]
            ends = self.scene.ends[chosen] if ends is None else ends
            light = (self.scene.light[chosen] * strength).astype(np.float32)
            self.painter.fine(starts, ends, light).add(cores, 0)
            self.painter.soft(starts, ends, light).add(glow, 0)


def check_ending(path: str | Path) -> str:
    """The ending of a film's name; FileError if it is no film format, or its library is missing."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise FileError(f"a film is written as {', '.join(ENDINGS)}, got {Path(path).name}")
    if ending == ".mp4":
        need("av", FileError("MP4 needs PyAV: pip install 'nitograph[animate]'; .gif and .webp do not"))
    return ending


def write(path: Path, pictures: Iterable[Picture], film: FilmSettings, ending: str) -> None:
    """Write the frames to `path` in the format of `ending`, one of ENDINGS; FileError if that fails."""
    if ending == ".mp4":
        _write_mp4(path, pictures, film)
    elif ending == ".gif":
        _write_gif(path, pictures, film)
    else:
        _write_webp(path, pictures, film)


def _write_mp4(path: Path, pictures: Iterable[Picture], film: FilmSettings) -> None:
    import av

    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = None
            for picture in pictures:
                rgb = _even(picture.rgb())
                if stream is None:
                    crf = round(40 - 0.25 * film.quality)
                    options = {"crf": str(crf), "preset": "medium"}
                    stream = container.add_stream("libx264", rate=Fraction(film.fps), options=options)
                    stream.height, stream.width = rgb.shape[:2]
                    stream.pix_fmt = "yuv420p"
                    stream.codec_context.colorspace = 1  # BT.709, which players assume at this size
                    stream.codec_context.color_range = 1
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
                container.mux(stream.encode(frame))
            if stream is not None:
                container.mux(stream.encode())
    except av.FFmpegError as error:
        raise FileError(f"cannot write the film: {error}") from None


def _write_gif(path: Path, pictures: Iterable[Picture], film: FilmSettings) -> None:
    if film.fps > 50:
        raise SettingsError(f"GIF has at most 50 frames per second, got {film.fps}; lower fps")
    images = map(_paletted, pictures)
    # GIF durations are hundredths of a second; rounding errors do not add up.
    times = [round(100 * i / film.fps) * 10 for i in range(film.frames + 1)]
    durations = [max(20, after - before) for before, after in pairwise(times)]
    next(images).save(path, "GIF", save_all=True, append_images=images, duration=durations, loop=0)


def _write_webp(path: Path, pictures: Iterable[Picture], film: FilmSettings) -> None:
    from PIL import Image

    images = (Image.fromarray(picture.rgb()) for picture in pictures)
    duration = round(1000 / film.fps)
    next(images).save(
        path,
        "WEBP",
        save_all=True,
        append_images=images,
        duration=duration,
        loop=0,
        quality=film.quality,
        method=2,
    )


def _paletted(picture: Picture) -> "Image.Image":
    """A frame of 256 colours: the ramp's own, or the best ones of a gradient."""
    from PIL import Image

    if picture.palette is None:
        return Image.fromarray(picture.pixels).quantize(256, dither=Image.Dither.NONE)
    image = Image.fromarray(picture.pixels, "P")
    image.putpalette(picture.palette.tobytes())
    return image


def _even(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without the last row or column if odd, since MP4 halves the resolution of colour."""
    height, width = (side - side % 2 for side in rgb.shape[:2])
    return np.ascontiguousarray(rgb[:height, :width])
