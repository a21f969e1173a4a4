"""Picture files as grey arrays: formats by name, bounded memory, one boundary for whatever a decoder does.

Pillow opens only the formats named here: none of them starts another program, and none reads another
file. Pixels are turned grey in strips, and a large JPEG is reduced while it is decoded, so that what a
picture takes is bounded by MAX_PIXELS and not by what its header says. What libraries print about damaged
files is kept from standard error. This module knows nothing of threads or boards.

Try it: python -c "from nitograph.io.pictures import FORMATS; print(*FORMATS)"
"""

import contextlib
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError, SourceError
from nitograph.io.files import read_bytes
from nitograph.untrusted import shortage

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
SPOKEN = "PNG, JPEG, WebP, GIF, TIFF, BMP or PNM"
MAX_FILE_BYTES = 2**28
MAX_PIXELS = 2**26  # of a decoded picture; 8192 × 8192
MAX_REDUCED_PIXELS = 2**28  # of a JPEG that is reduced while it is decoded
MAX_COMPOSED_PIXELS = 28_000_000  # of formats whose decoders keep several whole canvases
COMPOSED = ("WEBP", "GIF")
STRIP_PIXELS = 2**20
BLACK, WHITE = 0, 255  # what see-through parts are laid on
Ground = int | tuple[int, int, int]  # a grey for luminance, a colour for colours
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
MIN_IS_WHITE = 0  # of PHOTOMETRIC
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


def read_picture(path: str | Path, *, ground: Ground = BLACK) -> NDArray[np.uint8]:
    """One picture file as luminance, (h, w) uint8, upright by its EXIF tag, alpha laid on a grey `ground`.

    On a ground of red, green and blue it keeps its colours, (h, w, 3).
    The first frame of an animation. A JPEG of more than MAX_PIXELS comes back smaller. Raises SourceError
    where the file is missing, is none of FORMATS, is damaged or has too many pixels.
    """
    try:
        data = read_bytes(path, limit=MAX_FILE_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    return picture_of_bytes(data, path, ground=ground)


def picture_of_bytes(
    data: bytes, name: str | Path = "the picture", *, ground: Ground = BLACK
) -> NDArray[np.uint8]:
    """The content of a picture file as luminance, as `read_picture`; `name` is for messages."""
    from PIL import Image, UnidentifiedImageError

    try:
        with _silence(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            _bound(opened, name)
            return luminance(opened, ground) if isinstance(ground, int) else colours_of(opened, ground)
    except SourceError:
        raise
    except UnidentifiedImageError:
        raise SourceError(f"{name} is no picture that is read here; save it as {SPOKEN}") from None
    except Image.DecompressionBombError:
        raise SourceError(f"{name} would unpack to too many pixels; make it smaller first") from None
    except Exception as error:  # decoders raise whatever their parser stumbles over
        if shortage(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{name} is a damaged picture: {reason[:120]}; save it anew") from None


SIGNATURES = (
    rb"\x89PNG\r\n", rb"\xff\xd8\xff", rb"RIFF....WEBP", rb"GIF8[79]a", rb"II\*\x00", rb"MM\x00\*", rb"BM",
    rb"P[1-6fy]\s",
)  # fmt: skip


def is_picture(data: bytes) -> bool:
    """Whether bytes begin as a file of one of FORMATS does; its rest may still be damaged."""
    return re.match(b"|".join(SIGNATURES), data, re.DOTALL) is not None


def _bound(opened: "Image.Image", path: str | Path) -> None:
    """Refuse what would take too much memory, before it is decoded; have a large JPEG reduced."""
    width, height = opened.size
    most = MAX_COMPOSED_PIXELS if opened.format in COMPOSED else MAX_PIXELS
    if opened.format in ("JPEG", "MPO") and not opened.info.get("progressive"):
        if MAX_PIXELS < width * height <= MAX_REDUCED_PIXELS:
            opened.draft(None, (width // 2, height // 2))
        most = MAX_REDUCED_PIXELS
    if width * height > most:
        raise SourceError(
            f"{path} has {width}×{height} pixels, a {opened.format} may have {most:,}; make it smaller"
        )


def luminance(image: "Image.Image", ground: int = BLACK) -> NDArray[np.uint8]:
    """A Pillow image as luminance, (h, w) uint8, upright by its EXIF tag, alpha laid on a grey `ground`.

    Pictures of more than 8 bits are stretched from their lowest to their highest value.
    """
    return _upright(_in_strips(image, ground), image)


def colours_of(image: "Image.Image", ground: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A Pillow image in its colours, (h, w, 3) uint8 sRGB, otherwise as `luminance`."""
    if image.mode in DEEP:
        return np.repeat(luminance(image)[..., None], 3, axis=2)
    image.load()
    width, height = image.size
    rows = max(1, STRIP_PIXELS // max(width, 1))
    found = np.empty((height, width, 3), dtype=np.uint8)
    for first in range(0, height, rows):
        strip = image.crop((0, first, width, min(first + rows, height)))
        found[first : first + rows] = np.asarray(_laid_on(strip, ground).convert("RGB"))
    return _upright(found, image)


def _in_strips(image: "Image.Image", ground: int) -> NDArray[np.uint8]:
    """Grey values (h, w) uint8, made in strips of rows."""
    image.load()
    width, height = image.size
    rows = max(1, STRIP_PIXELS // max(width, 1))
    grey = np.empty((height, width), dtype=np.uint8)
    depth = _depth(image, rows) if image.mode in DEEP else Depth(0.0, 255.0, False)
    for first in range(0, height, rows):
        strip = image.crop((0, first, width, min(first + rows, height)))
        grey[first : first + rows] = _grey_strip(strip, depth, ground)
    return grey


class Depth(NamedTuple):
    """Of more than 8 bits: which values are black and white, and whether 32 bits have no sign."""

    black: float
    white: float
    unsigned: bool


def _depth(image: "Image.Image", rows: int) -> Depth:
    """Black is the lowest finite value and white the highest; the other way round where a TIFF says so."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})  # of TIFF
    unsigned = image.mode == "I" and tags.get(BITS) == (32,) and tags.get(SAMPLE_FORMAT, (1,)) == (1,)
    low, high = np.inf, -np.inf
    for first in range(0, height, rows):
        values = _deep(image.crop((0, first, width, min(first + rows, height))), unsigned)
        finite = np.isfinite(values)
        low = min(low, float(np.min(values, initial=np.inf, where=finite)))
        high = max(high, float(np.max(values, initial=-np.inf, where=finite)))
    if not low < high:  # even, or nothing finite: bright where there is a value above 0
        return Depth(0.0, high if high > 0 else 1.0, unsigned)
    if tags.get(PHOTOMETRIC) == MIN_IS_WHITE:
        return Depth(high, low, unsigned)
    return Depth(low, high, unsigned)


def _deep(strip: "Image.Image", unsigned: bool) -> NDArray[np.float64]:
    """The values of some rows of more than 8 bits; Pillow reads 32 bits without a sign as with one."""
    values = np.asarray(strip)
    return (values.view(np.uint32) if unsigned else values).astype(np.float64)


def _grey_strip(strip: "Image.Image", depth: Depth, ground: int) -> NDArray[np.uint8]:
    """Luminance of some rows."""
    if strip.mode in DEEP:
        black, white, unsigned = depth
        low, high = min(black, white), max(black, white)
        values = np.nan_to_num(_deep(strip, unsigned), nan=black, posinf=high, neginf=low)
        share = np.clip((values - black) / (white - black), 0.0, 1.0)
        return np.asarray(np.rint(255 * share), dtype=np.uint8)
    return np.asarray(_laid_on(strip, (ground, ground, ground)).convert("L"), dtype=np.uint8)


def _laid_on(strip: "Image.Image", ground: tuple[int, int, int]) -> "Image.Image":
    """Some rows, those that are see-through laid on a ground."""
    from PIL import Image

    if "A" not in strip.getbands() and "transparency" not in strip.info:
        return strip
    layered = strip.convert("RGBA")
    under = Image.new("RGBA", layered.size, (*ground, 255))
    return Image.alpha_composite(under, layered)


ORIENTATION = 0x0112
# How rows and columns are read for each value of that EXIF tag: transposed first, then flipped.
UPRIGHT = {
    2: (False, False, True), 3: (False, True, True), 4: (False, True, False), 5: (True, False, False),
    6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def _upright(grey: NDArray[np.uint8], image: "Image.Image") -> NDArray[np.uint8]:
    """The picture turned as its EXIF tag says."""
    turned, rows, columns = UPRIGHT.get(image.getexif().get(ORIENTATION, 1), (False, False, False))
    grey = np.swapaxes(grey, 0, 1) if turned else grey
    return np.ascontiguousarray(grey[:: -1 if rows else 1, :: -1 if columns else 1])


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing of a library's own on standard error: warnings, log records, and what C code prints there."""
    logger = logging.getLogger("PIL")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    kept = _set_aside()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)


def _set_aside() -> int | None:
    """Lead file descriptor 2 nowhere; the number under which it is kept, None where it is closed."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        return None
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept
