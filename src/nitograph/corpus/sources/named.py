"""Sources by name: `mnist`, `idx:DIR`, `font:FILE:A-Z`, … and those of other packages, one or several.

A source is KIND or KIND:WHERE; a split is train, test or all. This module reads no files itself.

Try it: python -c "from nitograph.corpus.sources import find; print(len(find('mnist', 'test')))"
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.sources.digits import mnist
from nitograph.corpus.sources.images import SPLITS, LabelledImages, checked, join, without_blank
from nitograph.errors import SettingsError, SourceError
from nitograph.io import plugins
from nitograph.io.pictures import BLACK, read_picture
from nitograph.untrusted import reading


class Kind(NamedTuple):
    """A kind of source: the module and function that read it, and what is to stand behind its name."""

    module: str
    function: str
    form: str


KINDS = {
    "mnist": Kind("digits", "from_package", ""),
    "idx": Kind("idx_folder", "read", "DIR, a folder of IDX files"),
    "folder": Kind("folder", "read", "DIR, with a folder of pictures for each class"),
    "font": Kind("fonts", "read", "FILE:CHARS or font:FOLDER:CHARS"),
    "hershey": Kind("drawings", "hershey", "NAME:CHARS, as hershey:rowmans:A-Z"),
    "icons": Kind("drawings", "icons", "DIR, a folder of SVG files"),
    "quickdraw": Kind("drawings", "quickdraw", "FILE or quickdraw:DIR, .ndjson or .npy"),
}


def _read(kind: str, where: str, split: str) -> LabelledImages:
    """A source of ours."""
    module, function, form = KINDS[kind]
    if form and not where:
        raise SourceError(f"the source {kind} needs a place: {kind}:{form}")
    read = getattr(importlib.import_module(f"nitograph.corpus.sources.{module}"), function)
    found: LabelledImages = read(where, split)
    return found


def find(source: str, split: str = "train") -> LabelledImages:
    """The pictures of a source: `mnist`, `idx:DIR`, …; of its train or test part, or all.

    SourceError if there is no such source, or nothing in it that can be used.
    """
    if split not in SPLITS:
        raise SourceError(f"a split is {', '.join(SPLITS)}, got {split!r}")
    kind, _, where = source.partition(":")
    if kind in KINDS:
        return _read(kind, where, split)
    found = _added(kind, where, split)
    if found is None:
        hint = f"; for the pictures of that folder write folder:{source}" if Path(source).is_dir() else ""
        raise SourceError(f"there is no source {source!r}{hint}; sources are {', '.join(known())}")
    return found


def find_all(sources: Sequence[str], split: str = "train") -> LabelledImages:
    """Several sources joined: classes of one name are one class. SourceError also for one class alone."""
    if not sources:
        raise SettingsError("give a source at least, as mnist")
    found = join([find(source, split) for source in sources])
    if len(found.classes) < 2:
        raise SourceError(
            f"a corpus needs two classes at least, got {found.classes[0]!r} alone; add a source, as mnist"
        )
    return found


def known() -> list[str]:
    """The kinds of sources there are, ours first."""
    return [*KINDS, *(name for name in plugins.names(plugins.SOURCES) if name not in KINDS)]


def load(
    source: str | Path, data_dir: str | Path | None = None, ground: int = BLACK
) -> tuple[NDArray[np.uint8], str | None]:
    """One grey picture (h, w) uint8 and its label: by `mnist:test:17`, another source, or a file name.

    ground: the grey that see-through parts of a file are laid on.
    """
    text = str(source)
    name, _, number = text.rpartition(":")
    name, _, split = name.rpartition(":")
    counted = number.isascii() and number.isdecimal()
    kind, _, where = name.partition(":")
    if text.startswith("mnist:"):
        if name != "mnist" or not counted:
            raise SourceError(
                f"an MNIST picture is named mnist:train:NUMBER or mnist:test:NUMBER, got {text!r}"
            )
        found: LabelledImages | None = mnist(split, data_dir)
    elif not counted or Path(text).exists():
        found = None
    elif kind in KINDS and split in SPLITS:
        found = find(name, split)
    else:
        found = _added(kind, where, split) if kind else None
    if found is None:
        return read_picture(source, ground=ground), None
    index = int(number) if len(number) < 20 else len(found)
    if index >= len(found):
        raise SourceError(f"{name}:{split} has pictures 0 to {len(found) - 1}, got {number[:20]}")
    return found.images[index], found.classes[int(found.labels[index])]


def _added(kind: str, where: str, split: str) -> LabelledImages | None:
    """The pictures of a source that another package adds; None if there is none of that name."""
    function = plugins.find(plugins.SOURCES, kind, FunctionType)
    if function is None:
        return None
    refusal = SourceError(f"the source {kind!r} failed; update or remove the package that adds it")
    with reading(refusal):
        found = function(split, where) if where else function(split)
    if not isinstance(found, LabelledImages):
        raise SourceError(f"the source {kind!r} must give LabelledImages, got {type(found).__name__}")
    return without_blank(checked(found))
