"""A folder of pictures as a source: `folder:DIR`, with a folder in it for each class, named as the class.

PNG, JPEG, WebP, GIF, TIFF, BMP, PNM and SVG are read. Transparent pixels are no ink; dark on light is
turned, picture by picture. If DIR holds the folders train and test, they are the splits, else each file is
a group. What a disk cannot hold as a name is called as our own files are: `U+002F` for /, `A+capital`.

Try it: python -m nitograph prepare --source folder:mine --source mnist --balance 0.5 --samples 20000
"""

import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.gathered import Gathered
from nitograph.corpus.sources.greys import DRAWING_BOX, framed, is_blank, light_on_dark
from nitograph.corpus.sources.images import LabelledImages, join
from nitograph.errors import SourceError
from nitograph.io.names import text_of
from nitograph.io.pictures import read_picture

ENDINGS = (
    ".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".pbm", ".pgm", ".ppm", ".pnm",
    ".svg",
)  # fmt: skip
PARTS = ("train", "test")
OF_THE_SYSTEM = ("thumbs.db", "desktop.ini", "__macosx")  # what other programs leave in any folder


def read(where: str, split: str = "train") -> LabelledImages:
    """The pictures of a folder of folders. SourceError."""
    folder = Path(where)
    inner = _folders(folder)
    if sorted(path.name for path in inner) == sorted(PARTS) and any(_folders(path) for path in inner):
        classes = [_name(path) for path in _folders(folder / "train")]
        parts = PARTS if split == "all" else (split,)
        return join([_gathered(folder / part, folder, classes).part("all", called=part) for part in parts])
    return _gathered(folder, folder).part(split)


def _gathered(folder: Path, named: Path, classes: list[str] | None = None) -> Gathered:
    """All pictures of a folder of folders."""
    inner = _folders(folder)
    if not inner:
        raise SourceError(
            f"{folder} has no class folders; make a folder in it for each class, named as the class"
        )
    gathered = Gathered(f"folder:{named.resolve().name}", classes or [_name(path) for path in inner])
    others = [f"{file.name} lies in no class folder" for file in _entries(folder) if file not in inner]
    for path in inner:
        files = _entries(path)
        pictures = [file for file in files if file.suffix.lower() in ENDINGS and not file.is_dir()]
        if not pictures:
            raise SourceError(
                f"{path} has no pictures ({' '.join(ENDINGS)}); add some or remove the folder"
            )
        wrong = [_added(gathered, file, _name(path)) for file in pictures]
        if all(wrong):
            raise SourceError(
                f"{path} has no picture of class {_name(path)!r} that can be used: {wrong[0]}; add some or "
                "remove the folder"
            )
        others += [_why_not(file) for file in files if file not in pictures]
    for reason in others:  # behind pictures that cannot be read, which matter more
        gathered.odd(reason)
    return gathered


def _why_not(file: Path) -> str:
    """Why something in a class folder is not taken."""
    what = "is a folder within a class" if file.is_dir() else "is no picture that is read here"
    return f"{file.name} of {file.parent.name} {what}"


def _added(gathered: Gathered, file: Path, label: str) -> str:
    """Add the picture of a file, or note what is wrong with it; gives that, or "" if nothing is."""
    try:
        picture, turned = light_on_dark(_picture(file))
    except SourceError as error:
        gathered.odd(error)
        return str(error)
    if is_blank(picture):
        gathered.blank()
        return f"{file.name} is blank"
    gathered.turned += turned
    gathered.add(framed(picture, DRAWING_BOX), label, f"{label}/{file.name}")
    return ""


def _picture(file: Path) -> NDArray[np.uint8]:
    """A picture on the ground on which its ink shows best, where it is transparent."""
    if file.suffix.lower() == ".svg":
        from nitograph.corpus.sources.svg import picture_of

        return picture_of(file)
    dark, light = read_picture(file), read_picture(file, ground=255)
    return light if float(light.std()) > float(dark.std()) else dark


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name, without hidden files and those of the system."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SourceError(f"cannot read the folder {folder}: {error.strerror or error}") from None
    return [path for path in found if path.name.lower() not in OF_THE_SYSTEM]


def _name(folder: Path) -> str:
    return text_of(unicodedata.normalize("NFC", folder.name))
