"""Fonts as a source: `font:FILE:CHARS` or `font:FOLDER:CHARS`, each character a class, each font a group.

CHARS are characters and ranges (`A-Za-z0-9&`), by default the letters and digits. FreeType draws them, in
Pillow, without hinting at twelve times the size. A font does not say through Pillow what it lacks: a
character is taken to be missing if it looks exactly as one that no font has.

Try it: python -m nitograph prepare --source font:Caveat.ttf:A-Z --balance 1 --samples 500 -o capitals.npz
"""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.gathered import Gathered
from nitograph.corpus.sources.greys import SIGN_BOX, framed
from nitograph.corpus.sources.images import LabelledImages, check_names
from nitograph.errors import FileError, SourceError
from nitograph.io.files import read_bytes
from nitograph.untrusted import reading

if TYPE_CHECKING:
    from PIL import ImageFont

ENDINGS = (".ttf", ".otf", ".ttc", ".otc", ".woff", ".woff2", ".pfb")
MAX_FONT_BYTES = 2**26
MAX_CHARS = 4096
SIZE = 12 * SIGN_BOX  # px of an em while it is drawn
WIDEST = 8 * SIZE  # px of a glyph; a sound font draws none that is larger
LETTERS = "A-Za-z0-9"
NOWHERE = "\U0010fffe"  # a code point that is never a character


def read(where: str, split: str = "train") -> LabelledImages:
    """The pictures of FILE:CHARS or FOLDER:CHARS; each font is on one side of a split. SourceError."""
    path, text = place_and_rest(where)
    signs = expanded(text or LETTERS)
    files = _files(path)
    gathered = Gathered(f"font:{path.resolve().name}", signs)
    lacking: dict[str, list[str]] = {}
    for file in files:
        try:
            font = _opened(file)
            missing = _drawn(font, NOWHERE, file)
            for sign in signs:
                mask = _drawn(font, sign, file)
                if mask is None or (missing is not None and np.array_equal(mask, missing)):
                    lacking.setdefault(sign, []).append(file.name)
                else:
                    gathered.add(framed(mask), sign, file.name)
        except SourceError as error:
            if path.is_file():
                raise
            gathered.odd(error)
    for sign, fonts in lacking.items():
        if len(fonts) == len(files):
            raise SourceError(f"{path} has no glyph for {sign!r}; leave it out, or take another font")
    notes = [f"no glyph for {sign!r} in {_listed(fonts)}" for sign, fonts in lacking.items()]
    return gathered.part(split, *notes)


def place_and_rest(where: str) -> tuple[Path, str]:
    """A path that exists and what stands behind it, as `C:/fonts/a.ttf` and `A-Z`."""
    ends = [at for at, sign in enumerate(where) if sign == ":"] + [len(where)]
    for end in ends:
        path = Path(where[:end])
        if where[:end] and path.exists():
            return path, where[end + 1 :]
    raise SourceError(f"no file or folder {where.rpartition(':')[0] or where}; check the name")


def expanded(text: str) -> tuple[str, ...]:
    """The characters of a text with ranges, each once: `A-C&-` is A, B, C, &, -.

    A range joins two characters of one kind; elsewhere `-` is itself. Spaces are left out.
    """
    found: dict[str, None] = {}
    at = 0
    while at < len(text):
        first, last = text[at], text[at + 2 : at + 3]
        if text[at + 1 : at + 2] == "-" and last and _is_range(first, last):
            found.update(
                dict.fromkeys(
                    chr(code)
                    for code in range(ord(first), min(ord(last) + 1, ord(first) + MAX_CHARS + 1))
                    if unicodedata.category(chr(code)) == unicodedata.category(first)
                )
            )
            at += 3
        else:
            if not first.isspace():
                found[first] = None
            at += 1
        if len(found) > MAX_CHARS:
            raise SourceError(f"at most {MAX_CHARS} characters can be drawn; name fewer")
    if not found:
        raise SourceError("name the characters to draw, as A-Za-z0-9")
    check_names(tuple(found), "the list of characters")
    return tuple(found)


def _is_range(first: str, last: str) -> bool:
    return first.isalnum() and unicodedata.category(first) == unicodedata.category(last) and first < last


def _files(path: Path) -> list[Path]:
    """The font files of a place; one that is named itself may have any ending."""
    if path.is_file():
        return [path]
    try:
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
    except OSError as error:
        raise SourceError(f"cannot read the folder {path}: {error.strerror or error}") from None
    if not found:
        raise SourceError(
            f"{path} has no font files ({' '.join(ENDINGS)}); give the folder in which they lie"
        )
    return found


def _opened(file: Path) -> "ImageFont.FreeTypeFont":
    """A font at the size at which it is drawn."""
    import io

    from PIL import ImageFont

    try:
        data = read_bytes(file, limit=MAX_FONT_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    with reading(SourceError(f"{file} is no font that is read here; give a TrueType or OpenType file")):
        return ImageFont.truetype(io.BytesIO(data), SIZE, layout_engine=ImageFont.Layout.BASIC)


def _drawn(font: "ImageFont.FreeTypeFont", sign: str, file: Path) -> NDArray[np.uint8] | None:
    """A character, light on dark, (h, w); None if nothing is drawn."""
    from PIL import Image, ImageDraw

    with reading(SourceError(f"{file} cannot draw {sign!r}: it is damaged; give another file")):
        left, top, right, bottom = font.getbbox(sign)
        width, height = int(right - left), int(bottom - top)
        if width <= 0 or height <= 0:
            return None
        if max(width, height) > WIDEST:
            raise SourceError(
                f"{file} draws {sign!r} {width}×{height} px at {SIZE} px an em; give another font"
            )
        picture = Image.new("L", (width + 2, height + 2))
        ImageDraw.Draw(picture).text((1 - left, 1 - top), sign, fill=255, font=font)
        found = np.asarray(picture, dtype=np.uint8)
        return found if found.max() > 127 else None


def _listed(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
