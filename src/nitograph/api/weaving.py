"""A picture from anywhere → a weaver over it, the same for Python and the command line.

A picture is a file name, a name of a source such as `mnist:test:17`, a Pillow image, or an array. This
module does not weave; `weaving.stepwise` does.

Try it: python -c "from nitograph.api.weaving import *; print(grey_picture('mnist:test:17')[2])"
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.corpus import sources
from nitograph.errors import SettingsError, SourceError
from nitograph.io.pictures import BLACK, WHITE, luminance
from nitograph.weaving.photo import PhotoSettings, prepare_photo
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS, WeaveSettings, in_angle, with_real_thread

if TYPE_CHECKING:
    from PIL.Image import Image

    from nitograph.weaving.photograph import PhotoWeaver
    from nitograph.weaving.stepwise import Weaver

Grey = NDArray[np.uint8]
Source: TypeAlias = Union[str, Path, NDArray[Any], "Image"]
"""A file's name, `mnist:test:17`, an array (h, w), (h, w, 3) or (h, w, 4), or a Pillow image."""

ADDED_ONLY = (
    "line_radius", "line_strength", "length_power", "stop_score", "min_lines", "false_positive_weight",
    "coverage", "beam",
)  # fmt: skip
"""The settings of weaving that mean something only where chords add their light."""


@dataclass(frozen=True)
class RealThread:
    """Thickness of a real thread and diameter of its board, mm; both or neither."""

    thread_mm: float | None = None
    board_mm: float | None = None

    def over(self, settings: WeaveSettings) -> WeaveSettings:
        """The settings with the light of this thread; unchanged if none is given."""
        if (self.thread_mm is None) != (self.board_mm is None):
            raise SettingsError("a real thread needs both its thickness and the board's diameter in mm")
        if self.thread_mm is None or self.board_mm is None:
            return settings
        return with_real_thread(settings, self.thread_mm, self.board_mm)

    def board(self, base: RealBoard) -> RealBoard:
        """The board of a photograph with what is given here over `base`."""
        given = {"thread_width": self.thread_mm, "diameter": self.board_mm}
        return base.replace(**{name: value for name, value in given.items() if value is not None})


def board_of(
    source: Source, preset: str | None, thread: RealThread, board: RealBoard, given: Collection[str]
) -> RealBoard | None:
    """The real board on which a picture is woven; None where chords add their light, as for digits.

    given: the settings of weaving that were chosen. SettingsError if one of them has no meaning here.
    """
    if preset_name(source, preset) != "photo" or board.light == "added":
        return None
    foreign = [name for name in ADDED_ONLY if name in given]
    if foreign:
        raise SettingsError(
            f"{foreign[0]} belongs to light that adds up; the light of a photograph follows from its "
            "thread and its board, so give these, or light added"
        )
    return thread.board(board)


def preset_name(source: Source, name: str | None = None) -> str:
    """That name, or without one `default` for MNIST pictures and `photo` for others."""
    found = name or ("default" if str(source).startswith("mnist:") else "photo")
    if found not in PRESETS:
        raise SettingsError(f"preset must be one of {', '.join(PRESETS)}, got {found!r}")
    return found


def settings_for(source: Source, name: str | None, given: Mapping[str, Any]) -> WeaveSettings:
    """The preset of `preset_name` with the settings given over it; gaps of photographs keep their angle."""
    chosen = preset_name(source, name)
    return in_angle(PRESETS[chosen], given) if chosen == "photo" else PRESETS[chosen].replace(**given)


def photo_of(source: Source, preset: str | None, photo: PhotoSettings) -> PhotoSettings:
    """How the picture is prepared, once it is settled whether the thread is dark (of photographs, yes)."""
    if photo.invert is not None:
        return photo
    return photo.replace(invert=preset_name(source, preset) == "photo")


def grey_picture(
    source: Source, data_dir: str | Path | None = None, *, dark: bool | None = False
) -> tuple[Grey, str | None, str | None]:
    """The picture as luminance (h, w), its name if it has one, and its label if known.

    dark: whether its dark parts are woven, so that see-through ones, where no thread goes, become white.
    """
    ground = WHITE if dark else BLACK
    if isinstance(source, str | Path):
        grey, label = sources.load(source, data_dir, ground)
        return grey, str(source), label
    from PIL import Image

    if isinstance(source, Image.Image):
        return luminance(source, ground), None, None
    if not isinstance(source, np.ndarray):
        raise SourceError(
            f"a picture is a file name, an array or a Pillow image, got {type(source).__name__}"
        )
    values = _bytes(source)
    return (values if values.ndim == 2 else luminance(Image.fromarray(values), ground)), None, None


def weaver_over(
    grey: Grey,
    settings: WeaveSettings,
    photo: PhotoSettings,
    importance: Source | None = None,
    board: RealBoard | None = None,
    nails: Board | None = None,
) -> "Weaver | PhotoWeaver":
    """A weaver over the prepared picture, with the importance map cropped in the same way.

    board: whose thread takes its share of the light left; without one, chords add their light. nails: where
    they stand if not on a ring, on a real board only. SourceError where the picture is even all over.
    """
    if board is not None:
        return photo_weaver_over(grey, settings, photo, importance, board, nails)
    from nitograph.weaving.stepwise import Weaver

    mask = None if importance is None else _mask(importance, photo, settings)
    return Weaver(_wanted(grey, settings, photo), settings, importance=mask)


def photo_weaver_over(
    grey: Grey,
    settings: WeaveSettings,
    photo: PhotoSettings,
    importance: Source | None,
    board: RealBoard,
    nails: Board | None = None,
) -> "PhotoWeaver":
    """As `weaver_over` for a real board; without an importance map, faces count more."""
    from nitograph.api.faces import favouring, find_faces
    from nitograph.weaving.photograph import PhotoWeaver

    aspect = aspect_of(nails)
    wanted = _wanted(grey, settings, photo, aspect)
    if importance is not None:
        mask = _mask(importance, photo, settings, aspect)
        return PhotoWeaver(wanted, settings, board, importance=mask, nails=nails)
    searched = photo.faces == "auto"
    plain = photo.replace(invert=False, equalize=0.0)
    faces = find_faces(prepare_photo(grey, plain, aspect)) if searched else ()
    if not faces:
        return PhotoWeaver(wanted, settings, board, nails=nails)
    said = {"faces": [[round(value, 3) for value in face] for face in faces]}
    counts = favouring(faces, settings.canvas_size)
    return PhotoWeaver(wanted, settings, board, importance=counts, more=said, nails=nails)


def aspect_of(nails: Board | None) -> float:
    """Width ÷ height of a board, so of the part of a picture that it shows."""
    return 1.0 if nails is None else nails.extent[0] / nails.extent[1]


def _wanted(
    grey: Grey, settings: WeaveSettings, photo: PhotoSettings, aspect: float = 1.0
) -> NDArray[np.float32]:
    """The prepared picture on the canvas, (c, c); SourceError where it is even all over."""
    from nitograph.weaving.encoder import targets

    wanted: NDArray[np.float32] = targets(prepare_photo(grey, photo, aspect)[None], settings)[0]
    if wanted.min() == wanted.max():
        raise SourceError(
            "there is nothing to weave in this picture: it is even all over; try another picture, or "
            "another part of it"
        )
    return wanted


def _mask(
    importance: Source, photo: PhotoSettings, settings: WeaveSettings, aspect: float = 1.0
) -> NDArray[np.float32]:
    """The importance map, cropped like its picture, on the canvas."""
    from nitograph.weaving.targets import prepare

    weight = prepare_photo(grey_picture(importance)[0], photo.replace(invert=False, equalize=0.0), aspect)
    mask: NDArray[np.float32] = prepare(weight[None], settings.canvas_size, 0.0, 1.0, stretch=False)[0]
    return mask


def with_photo(provenance: Mapping[str, Any], photo: PhotoSettings) -> dict[str, Any]:
    """A woven thread's provenance, with how its picture was prepared."""
    return {**provenance, "photo": photo.to_dict()}


def _bytes(pixels: NDArray[Any]) -> Grey:
    """An array (h, w), (h, w, 3) or (h, w, 4) of uint8, bool or floats from 0 to 1, as uint8."""
    if (
        pixels.ndim not in (2, 3)
        or 0 in pixels.shape
        or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4))
    ):
        raise SourceError(f"an array is a picture as (h, w), (h, w, 3) or (h, w, 4), got {pixels.shape}")
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise SourceError(
            f"an array of a picture holds uint8, bool or floats from 0 to 1, got {pixels.dtype}"
        )
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # false for NaN as well
        raise SourceError(
            "floats of a picture must be between 0 and 1; divide them by the value of white first"
        )
    return np.asarray(np.rint(pixels * 255), dtype=np.uint8)
