"""A folder of IDX files as a source: which files belong together, and what their labels are called.

Read are MNIST's file names and those that follow them, as `emnist-letters-train-images-idx3-ubyte.gz`, with
or without train and test. Names come from `classes.txt` (line i names label i) or from a mapping as EMNIST
has it (label, code point, further code points), else from EMNIST's own name. EMNIST keeps its pictures
transposed, and some of its labels count from 1: both are set right and noted. EMNIST itself was not at
hand: this follows its description (G. Cohen et al., EMNIST: an extension of MNIST to handwritten letters,
arXiv:1702.05373) and is tested on files made in that form.

Try it: python -m nitograph prepare --source idx:data --samples 500 --output small.npz
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.greys import rim
from nitograph.corpus.sources.idx import parse_idx, read_packed
from nitograph.corpus.sources.images import (
    LabelledImages,
    check_names,
    checked,
    join,
    part_of,
    without_blank,
)
from nitograph.errors import FileError, SourceError
from nitograph.io.files import read_text

FILE = re.compile(
    r"(?P<set>.*?)(?:(?P<split>train|test|t10k)-)?(?P<kind>images|labels)[-.]idx[13]-ubyte(?:\.gz)?"
)
SPLIT_OF = {"train": "train", "test": "test", "t10k": "test", None: None}
CLASSES, MAPPING = "classes.txt", "mapping.txt"
DIGITS, CAPITALS, SMALL = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
MERGED = DIGITS + CAPITALS + "abdefghnqrt"
EMNIST = {  # first label, names
    "byclass": (0, DIGITS + CAPITALS + SMALL), "bymerge": (0, MERGED), "balanced": (0, MERGED),
    "letters": (1, CAPITALS), "digits": (0, DIGITS), "mnist": (0, DIGITS),
}  # fmt: skip
MNIST_LABELS = {
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

Names = dict[int, str]


def read(
    folder: str | Path, split: str = "train", *, unnamed: Sequence[str] | None = None
) -> LabelledImages:
    """The pictures of a split of a folder of IDX files; `folder:SET` picks one of several sets in it.

    unnamed: what labels from 0 on are called where nothing names them. Files that are not parted into train
    and test are parted here. Raises SourceError.
    """
    folder, wanted = _folder_and_set(str(folder))
    sets = _sets(folder)
    chosen = _chosen(sets, wanted, folder)
    splits = sets[chosen]
    if None in splits:
        return part_of(_read_pair(folder, chosen, splits[None], None, unnamed), split)
    if split == "all":
        return join([_read_pair(folder, chosen, splits[name], name, unnamed) for name in splits])
    if split not in splits:
        missing = f"{chosen}{'t10k' if split == 'test' else 'train'}-images-idx3-ubyte"
        raise SourceError(f"no {missing} or {missing}.gz in {folder}; it has no {split} files, add them")
    return _read_pair(folder, chosen, splits[split], split, unnamed)


def _folder_and_set(text: str) -> tuple[Path, str | None]:
    """The folder and the name of a set behind it, as in `gzip:letters`."""
    folder, colon, wanted = text.rpartition(":")
    if colon and not Path(text).is_dir() and Path(folder).is_dir():
        return Path(folder), wanted
    return Path(text), None


Pair = dict[str, Path]


def _sets(folder: Path) -> dict[str, dict[str | None, Pair]]:
    """The files of a folder: by set, by split, by kind."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise SourceError(f"cannot read the folder {folder}: {error.strerror or error}") from None
    found: dict[str, dict[str | None, Pair]] = {}
    for path in files:
        match = FILE.fullmatch(path.name)
        if match:
            pair = found.setdefault(match["set"], {}).setdefault(SPLIT_OF[match["split"]], {})
            pair.setdefault(match["kind"], path)
    if not found:
        raise SourceError(
            f"{folder} has no IDX files (as train-images-idx3-ubyte, train-images-idx3-ubyte.gz); "
            "give the folder in which they lie"
        )
    return found


def _chosen(sets: dict[str, dict[str | None, Pair]], wanted: str | None, folder: Path) -> str:
    """The set that is meant."""
    names = {_spoken(name): name for name in sets}
    if wanted is not None and wanted not in names:
        raise SourceError(f"{folder} has no set {wanted!r}; it has {', '.join(names)}")
    if wanted is None and len(sets) > 1:
        raise SourceError(
            f"{folder} has several sets: {', '.join(names)}; name one, as idx:{folder}:{next(iter(names))}"
        )
    return names[wanted] if wanted is not None else next(iter(sets))


def _spoken(name: str) -> str:
    """How a set is called: `letters` for emnist-letters-."""
    return name.rstrip("-_.").removeprefix("emnist-") or "plain"


def _read_pair(
    folder: Path, name: str, pair: Pair, split: str | None, unnamed: Sequence[str] | None
) -> LabelledImages:
    """The pictures and labels of one pair of files."""
    for kind in ("images", "labels"):
        if kind not in pair:
            (other,) = pair.values()
            raise SourceError(f"{folder} has {other.name} but no {kind} beside it; both are needed")
    data = [read_packed(pair[kind]) for kind in ("images", "labels")]
    digest = hashlib.sha256(data[0])
    digest.update(data[1])
    images, labels = (
        parse_idx(part, name=str(path)) for part, path in zip(data, pair.values(), strict=False)
    )
    ours = hashlib.sha256(data[1]).hexdigest() in MNIST_LABELS
    names, notes = _names(folder, name, labels, tuple(DIGITS) if ours else unnamed)
    if name.startswith("emnist-"):
        images = np.ascontiguousarray(images.swapaxes(1, 2)) if images.ndim == 3 else images
        notes.append(f"EMNIST's {_spoken(name)}, whose pictures lie on their sides: set upright")
    origin = "mnist" if ours else f"idx:{folder.resolve().name}" + (f":{_spoken(name)}" if name else "")
    images, turned = _light_on_dark(images)
    notes += turned
    found = LabelledImages(
        images,
        _indices(labels, names, str(folder)),
        tuple(names.values()),
        f"{origin}:{split}" if split else origin,
        digest.hexdigest(),
        notes=tuple(notes),
    )
    return without_blank(checked(found))


def _names(
    folder: Path, name: str, labels: NDArray[np.uint8], unnamed: Sequence[str] | None
) -> tuple[Names, list[str]]:
    """What each label is called, in order, and what was recognised."""
    for file in (folder / f"{name}{MAPPING}", folder / MAPPING):
        if file.is_file():
            return mapping(file)
    for file in (folder / f"{name}{CLASSES}", folder / CLASSES):
        if file.is_file():
            listed = _lines(file)
            check_names(listed, str(file))
            first = 1 if labels.ndim and labels.min() == 1 and labels.max() == len(listed) else 0
            note = [f"labels that count from 1, as {file.name} has {len(listed)} lines"] if first else []
            return dict(enumerate(listed, first)), note
    if name.startswith("emnist-") and _spoken(name) in EMNIST:
        first, signs = EMNIST[_spoken(name)]
        return dict(enumerate(signs, first)), []
    if unnamed is not None:
        return dict(enumerate(unnamed)), []
    raise SourceError(
        f"{folder} has labels without names; write {CLASSES} there, a name a line, label 0 first"
    )


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in read_text(file).rstrip().splitlines()]
    except FileError as error:
        raise SourceError(str(error)) from None


def mapping(file: Path) -> tuple[Names, list[str]]:
    """Names of labels from lines of label, code point and further code points, merged with the first."""
    names: Names = {}
    merged = False
    for number, line in enumerate(_lines(file), 1):
        if not line:
            continue
        parts = line.split()
        if len(parts) < 2 or not all(
            part.isascii() and part.isdecimal() and len(part) < 8 for part in parts
        ):
            raise SourceError(
                f"{file}, line {number}, must be a label and a code point, as 10 65; got {line!r:.60}"
            )
        label, code, *further = map(int, parts)
        if code > 0x10FFFF or label in names:
            wrong = "has that label twice" if label in names else "has no code point of Unicode"
            raise SourceError(f"{file}, line {number}, {wrong}; correct it")
        names[label] = chr(code)
        merged = merged or bool(further)
    names = dict(sorted(names.items()))
    check_names(tuple(names.values()), str(file))
    notes = ["capitals and small letters in one class, as EMNIST merges them"] if merged else []
    if names and min(names):
        notes.append(f"labels that count from {min(names)}")
    return names, notes


def _indices(labels: NDArray[np.uint8], names: Names, where: str) -> NDArray[np.int64]:
    """Labels as indices of names; SourceError for one without a name."""
    table = np.full(256, -1, dtype=np.int64)
    table[[label for label in names if label < 256]] = [at for at, label in enumerate(names) if label < 256]
    found = table[labels]
    if found.min(initial=0) < 0:
        unknown = int(labels[found < 0].min())
        if list(names) == list(range(len(names))):
            raise SourceError(
                f"{where} must have labels from 0 to {len(names) - 1}, as it has {len(names)} names, "
                f"got {int(labels.max())}; name all of them"
            )
        raise SourceError(f"{where} has a label {unknown} that nothing names; name all of them")
    return found


def _light_on_dark(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[str]]:
    """Pictures (n, h, w) turned where most have light rims, and a note of it."""
    if images.ndim != 3 or not images.size:
        return images, []
    if float(np.mean(rim(images) > 127)) <= 0.5:
        return images, []
    return 255 - images, ["dark on light: turned"]
