"""Sources of strokes: Hershey's alphabets, icons in SVG, drawings of Quick, Draw!.

Strokes are drawn with one pen, whatever their own width. A Hershey font is a group, an icon's file, a
drawing: splits part none of them.

Sources: A. V. Hershey, Calligraphy for computers, 1967 (by the package hershey-fonts); the Quick, Draw!
Dataset, Google (simplified and raw .ndjson, 28×28 bitmaps as .npy).

Try it: python -m nitograph prepare --source hershey:rowmans:A-Z --samples 500 --balance 1 -o capitals.npz
"""

import io
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from nitograph.corpus.sources.fonts import LETTERS, expanded
from nitograph.corpus.sources.gathered import Gathered
from nitograph.corpus.sources.greys import DRAWING_BOX, SIDE, light_on_dark
from nitograph.corpus.sources.images import LabelledImages
from nitograph.corpus.sources.pens import MAX_POINTS, Points, drawn
from nitograph.errors import FileError, SettingsError, SourceError
from nitograph.io.files import read_bytes
from nitograph.io.names import text_of
from nitograph.untrusted import need, parse_json, reading

MAX_DRAWING_BYTES = 2**30
MAX_DRAWINGS = 1_000_000
SMALL_PEN = 2.0  # px; drawings have more strokes than signs
FARTHEST = 1e9
BITMAPS = "full_numpy_bitmap_"


def hershey(where: str, split: str) -> LabelledImages:
    """NAME:CHARS or NAME,NAME:CHARS: characters of Hershey's fonts. SourceError."""
    names, _, text = where.partition(":")
    signs = expanded(text or LETTERS)
    missing = SettingsError("Hershey's fonts need hershey-fonts: pip install 'nitograph[sources]'")
    font = need("HersheyFonts", missing).HersheyFonts()
    gathered = Gathered(f"hershey:{names}", signs)
    for name in names.split(","):
        if name not in font.default_font_names:
            known = ", ".join(sorted(font.default_font_names))
            raise SourceError(f"Hershey has no font {name!r}; there are {known}")
        font.load_default_font(name)
        for sign in signs:
            if sign not in font.all_glyphs:
                raise SourceError(f"Hershey's font {name} has no glyph for {sign!r}; leave it out")
            strokes = [np.array(stroke, dtype=np.float64) for stroke in font.strokes_for_text(sign)]
            picture = drawn(strokes)
            if picture is None:
                gathered.blank()
            else:
                gathered.add(picture, sign, name)
    return gathered.part(split)


def icons(where: str, split: str) -> LabelledImages:
    """A folder of SVG files, each a class of its file's name, or of a folder of them. SourceError."""
    from nitograph.corpus.sources.svg import shapes_of

    folder = Path(where)
    files = [(path, path.stem) for path in _listed(folder, ".svg")]
    for inner in (path for path in _listed(folder, "") if path.is_dir()):
        files += [(path, inner.name) for path in _listed(inner, ".svg")]
    if not files:
        raise SourceError(f"{folder} has no SVG files; give the folder in which they lie")
    gathered = Gathered(f"icons:{folder.resolve().name}")
    for path, name in files:
        try:
            shapes = shapes_of(path)
        except SourceError as error:
            gathered.odd(error)
            continue
        strokes = [line for shape in shapes if shape.stroke is not None for line in shape.lines]
        filled = [shape.lines for shape in shapes if shape.stroke is None]
        picture = drawn(strokes, filled=filled, box=DRAWING_BOX, pen=SMALL_PEN)
        if picture is None:
            gathered.blank()
        else:
            gathered.add(picture, text_of(unicodedata.normalize("NFC", name)), str(path))
    return gathered.part(split)


def quickdraw(where: str, split: str) -> LabelledImages:
    """A file of Quick, Draw!, or a folder of them: .ndjson of strokes, .npy of bitmaps. SourceError."""
    path = Path(where)
    files = [*_listed(path, ".ndjson"), *_listed(path, ".npy")] if path.is_dir() else [path]
    if not files:
        raise SourceError(f"{path} has no .ndjson or .npy files; give the folder in which they lie")
    gathered = Gathered(f"quickdraw:{path.resolve().name}")
    for file in files:
        try:
            read = bitmaps if file.suffix.lower() == ".npy" else _strokes
            for number, (picture, name) in enumerate(read(file)):
                if number == MAX_DRAWINGS:
                    raise SourceError(f"{file} has more than {MAX_DRAWINGS} drawings; split it")
                if picture is None:
                    gathered.blank()
                else:
                    gathered.add(picture, unicodedata.normalize("NFC", name), f"{file.name}:{number}")
        except SourceError as error:
            if path.is_file():
                raise
            gathered.odd(error)
    return gathered.part(split)


def _listed(folder: Path, ending: str) -> list[Path]:
    """What lies in a folder, by name; only files of this ending, if it is given."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f"cannot read the folder {folder}: {error.strerror or error}") from None
    shown = [path for path in found if not path.name.startswith(".")]
    return [path for path in shown if path.suffix.lower() == ending and path.is_file()] if ending else shown


def _bytes(file: Path) -> bytes:
    try:
        return read_bytes(file, limit=MAX_DRAWING_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None


def bitmaps(file: Path) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """The pictures of a .npy file, (n, 784) or (n, 28, 28) bytes, light on dark; the class is its name."""
    data = io.BytesIO(_bytes(file))
    refusal = SourceError(f"{file} is no .npy of 28×28 bitmaps, (n, 784) unsigned bytes; give another file")
    with reading(refusal), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, about old headers
        version = npy.read_magic(data)
        head = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = head(data)
        body = np.frombuffer(data.getbuffer(), np.uint8, offset=data.tell())
        if dtype != np.uint8 or by_columns or shape[1:] not in ((SIDE * SIDE,), (SIDE, SIDE)):
            raise refusal
        images = body.reshape(-1, SIDE, SIDE)
        if len(images) != shape[0]:
            raise refusal
    name = file.stem.removeprefix(BITMAPS)
    for image in images:
        yield light_on_dark(image)[0], name


def _strokes(file: Path) -> Iterator[tuple[NDArray[np.uint8] | None, str]]:
    """The drawings of a .ndjson file that were recognised, a line each, and their words."""
    lines = _bytes(file).splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file}, line {number},"
        refusal = SourceError(f"{where} is no drawing of Quick, Draw!; give its .ndjson files")
        with reading(refusal):
            entry = parse_json(line.decode("utf-8"), where, error=SourceError)
            word, found = entry["word"], entry["drawing"]
            if not isinstance(word, str) or sum(len(stroke[0]) for stroke in found) > MAX_POINTS:
                raise refusal
            if entry.get("recognized") is False:
                continue
            strokes = [_points(stroke) for stroke in found]
            picture = drawn(strokes, box=DRAWING_BOX, pen=SMALL_PEN)
        yield picture, word


def _points(stroke: Any) -> Points:
    """A stroke of [x …], [y …] and perhaps times, (k, 2)."""
    points = np.array([stroke[0], stroke[1]], dtype=np.float64).T
    if not (np.abs(points) < FARTHEST).all():
        raise ValueError("a point that is no place")
    return points
