"""A picture → threads of several colours on one board, the same for Python and the command line.

The colours are given, or found for the picture on a chart of real threads; the board's own counts as one of
them. This module does not weave; `weaving.coloured` does.

Try it: python -c "from nitograph.api.colours import *; print(named_colours('black,dmc:321,#0af'))"
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.api.faces import favouring, find_faces
from nitograph.api.keywords import check_names, take
from nitograph.api.weaving import Grey, Source, grey_picture, with_photo
from nitograph.colours.chart import CHART, NAME, numbered
from nitograph.colours.layers import MOST, Colour, Layers
from nitograph.colours.oklab import to_light
from nitograph.compute.parallel import one_blas_thread
from nitograph.drawing import palettes
from nitograph.errors import SettingsError, SourceError
from nitograph.io.pictures import colours_of, read_picture
from nitograph.light.frame import disc
from nitograph.settings import Settings, setting
from nitograph.weaving.photo import PhotoSettings, crop
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS, WeaveSettings, in_angle

if TYPE_CHECKING:
    from nitograph.weaving.coloured import ColourWeaver

MAX_THREADS = 12  # that are looked for
LIGHT_BOARD, DARK_BOARD = "paper", "black"


@dataclass(frozen=True)
class ColourSettings(Settings):
    """Several threads on one board: how many, in which colours, and the board's own."""

    threads: int | None = setting(
        None,
        f"weave so many threads of different colours, found for the picture among {len(CHART)} of DMC's",
        low=2,
        high=MAX_THREADS,
    )
    palette: str | None = setting(
        None, "colours of the threads: names, #rrggbb or dmc:NUMBER with commas; wound from light to dark"
    )
    board_colour: str | None = setting(
        None, "colour of the board under several threads (default: paper; black with a light thread)"
    )

    def check(self) -> None:
        """Colours are colours, and enough for the threads."""
        if self.board_colour is not None:
            palettes.colour(self.board_colour)
        if self.palette is not None and len(named_colours(self.palette)) < (self.threads or 1):
            count = len(named_colours(self.palette))
            raise SettingsError(
                f"{self.threads} threads need a palette of at least {self.threads} colours, got {count}; "
                "name more, or leave the palette out to have them found"
            )

    @property
    def wanted(self) -> bool:
        """Whether threads in colours are asked for."""
        return self.threads is not None or self.palette is not None

    def ground(self, dark: bool) -> Colour:
        """The board's colour; dark: whether dark threads lie on a light board."""
        return _named(self.board_colour or (LIGHT_BOARD if dark else DARK_BOARD))


def named_colours(text: str) -> tuple[Colour, ...]:
    """The threads that a text with commas names; SettingsError for one that is unknown or named twice."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= MOST:
        raise SettingsError(
            f"a palette names 1 to {MOST} colours with commas between them, got {text[:40]!r}"
        )
    found = tuple(_named(part) for part in parts)
    values = [colour.hex for colour in found]
    twice = next((at for at, value in enumerate(values) if value in values[:at]), None)
    if twice is not None:
        raise SettingsError(f"a palette names each colour once, got {parts[twice]!r} again")
    return found


def _named(text: str) -> Colour:
    maker, _, number = text.partition(":")
    if number and maker.strip().lower() == NAME.lower():
        found = numbered(number)
        if found is None:
            raise SettingsError(
                f"the chart of {NAME} here has no number {number.strip()[:20]!r}; give a hex colour"
            )
        return found
    level = np.rint(255 * palettes.colour(text)).astype(int)
    value = "#" + "".join(f"{channel:02x}" for channel in level)
    word = text.strip().lower()
    return Colour(word if word in palettes.NAMED else value, value)


def colour_picture(
    source: Source, data_dir: str | Path | None, ground: Colour
) -> tuple[NDArray[np.uint8], str | None, str | None]:
    """The picture (h, w, 3) with see-through parts in the board's colour, its name, and its label."""
    red, green, blue = (int(level) for level in np.rint(255 * ground.rgb()))
    if isinstance(source, str | Path) and Path(source).exists():
        return read_picture(source, ground=(red, green, blue)), str(source), None
    if isinstance(source, np.ndarray) and source.ndim == 3 and source.dtype == np.uint8:
        from PIL import Image

        source = Image.fromarray(source)
    if not isinstance(source, str | Path | np.ndarray):
        return colours_of(source, (red, green, blue)), None, None
    grey, name, label = grey_picture(source, data_dir, dark=True)
    return np.repeat(grey[..., None], 3, axis=2), name, label


def colour_weaver_over(
    picture: NDArray[np.uint8],
    settings: WeaveSettings,
    photo: PhotoSettings,
    board: RealBoard,
    chosen: ColourSettings,
    importance: Source | None = None,
) -> "ColourWeaver":
    """A weaver over the prepared picture; without an importance map, faces count more."""
    from nitograph.weaving.coloured import ColourWeaver
    from nitograph.weaving.targets import prepare

    if photo.equalize > 0:
        raise SettingsError("contrast is evened out in grey pictures only; leave equalize out with colours")
    size, square = settings.canvas_size, crop(picture, photo)
    levels = prepare(np.moveaxis(square, 2, 0), size, 0.0, 1.0, stretch=False)
    wanted = to_light(np.moveaxis(levels, 0, 2).astype(np.float64))
    if np.ptp(wanted.reshape(-1, 3), axis=0).max() == 0:
        raise SourceError(
            "there is nothing to weave in this picture: it is even all over; try another picture"
        )
    ground, more = chosen.ground(photo.invert is not False), {}
    weight = np.ones((size, size))
    if importance is not None:
        map_of = crop(grey_picture(importance)[0], photo)
        weight = prepare(map_of[None], size, 0.0, 1.0, stretch=False)[0].astype(np.float64)
    elif photo.faces == "auto" and (faces := find_faces(_grey(square))):
        weight = favouring(faces, size)
        more = {"faces": [[round(value, 3) for value in face] for face in faces]}
    palette = palette_for(wanted, weight, settings, board, chosen, ground)
    return ColourWeaver(wanted, settings, board, palette, ground, importance=weight, more=more)


def palette_for(
    wanted: NDArray[np.float64],
    weight: NDArray[np.float64],
    settings: WeaveSettings,
    board: RealBoard,
    chosen: ColourSettings,
    ground: Colour,
) -> tuple[Colour, ...]:
    """The threads, from the lightest to the darkest; SettingsError where one is the board's own colour."""
    from nitograph.weaving.colour_tones import fitted_range
    from nitograph.weaving.palette import SAME, apart, find_palette, lightness

    given = named_colours(chosen.palette) if chosen.palette is not None else ()
    same = next((colour for colour in given if apart(colour, ground) <= SAME), None)
    if same is not None:
        raise SettingsError(
            f"a thread must differ from its board, got {same.short} on {ground.short}; leave it out, or "
            "give the board another colour"
        )
    if given and chosen.threads in (None, len(given)):
        return tuple(sorted(given, key=lightness, reverse=True))
    far = Colour("black", "#000000") if lightness(ground) > 0.5 else Colour("white", "#ffffff")
    tones = fitted_range(wanted, (far,), ground, board.density(settings.max_lines))
    inside = disc(len(wanted))
    places, weights = tones.light(wanted)[inside], weight[inside]
    return find_palette(given or CHART, chosen.threads or len(given), ground, places, weights)


def weave_colours(
    picture: Source, *, importance: Source | None = None, label: str | None = None, **settings: Any
) -> Layers:
    """A picture as threads of several colours on one board, from the first wound to the last.

    settings: `threads`, `palette` and `board_colour`, and those of `weave` for photographs.

        weave_colours("photo.jpg", threads=4, max_lines=6000)
    """
    check_names("weave_colours", settings, [ColourSettings, WeaveSettings, PhotoSettings, RealBoard])
    chosen, photo = take(ColourSettings, settings), take(PhotoSettings, settings)
    if not chosen.wanted:
        chosen = chosen.replace(threads=4)
    woven = {name: value for name, value in settings.items() if name in WeaveSettings.names()}
    photo = photo.replace(invert=photo.invert is not False)
    pixels, name, known = colour_picture(picture, None, chosen.ground(bool(photo.invert)))
    weaver = colour_weaver_over(
        pixels, in_angle(PRESETS["photo"], woven), photo, take(RealBoard, settings), chosen, importance
    ).run()
    return with_photos(weaver.threads(label=label if label is not None else known, source=name), photo)


def with_photos(layers: Layers, photo: PhotoSettings) -> Layers:
    """The threads, each with how their picture was prepared."""
    return Layers(one.replace(provenance=with_photo(one.provenance, photo)) for one in layers)


def in_words(layers: Sequence[Any]) -> list[str]:
    """One line for each thread: its place, its colour, and its chords."""
    found = layers if isinstance(layers, Layers) else Layers(layers)
    rows = zip(found, found.colours, strict=True)
    return [f"{at}. {colour.short}, {one.line_count} chords" for at, (one, colour) in enumerate(rows, 1)]


@one_blas_thread
def _grey(square: NDArray[np.uint8]) -> Grey:
    """Luminance of a picture (h, w, 3), as Pillow weighs it."""
    return np.asarray(np.rint(square @ np.array([0.299, 0.587, 0.114])), dtype=np.uint8)
