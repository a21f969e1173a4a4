"""From labelled images to a corpus: its rows are woven in parts, by whatever engine shares them out.

Finished parts are kept until the corpus is written, so that an interrupted run continues where it stopped.
An engine is given tasks and gives back parts, in any order: `local` weaves them here, one after another,
`cluster` elsewhere. This module knows no network and no cluster.

Try it: python -m nitograph prepare --samples 500 --output small.npz
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.corpus.rows import FORMAT, PICTURES, Corpus, CorpusSettings
from nitograph.corpus.selection import Draft, Selection, choose, pictures, select
from nitograph.corpus.sources import LabelledImages
from nitograph.errors import FileError
from nitograph.io.files import read_bytes, replacing
from nitograph.io.npz import read_arrays
from nitograph.light.zernike import Zernike
from nitograph.model.sharpen import SIDE, shrunk
from nitograph.model.vocab import Vocabulary
from nitograph.weaving.settings import WeaveSettings

__all__ = [
    "Parts",
    "Task",
    "build",
    "forget_parts",
    "local",
    "metadata_of",
    "select",
    "token_rows",
    "weave",
]

PART = 4000  # rows
PART_LAYOUT = {"nails": "i2", "explained": "f1", "light": "f2"}

Part = dict[str, NDArray[Any]]
"""What is woven of some rows: nails (rows, most) padded with −1, explained (rows,), light (rows, k), and
their pictures (rows, 32, 32) where the canvas is twice that."""


class Task(NamedTuple):
    """One part to be woven: its first row, and all that it takes, to be sent to another machine."""

    first: int
    drafts: list[Draft]
    weaving: WeaveSettings
    zernike_order: int


Engine = Callable[[Iterable[Task]], Iterator[tuple[int, Part]]]
"""Weaves tasks, which are made only as they are taken; gives the first row of each with its part."""


def weave(task: Task) -> Part:
    """The part of a task, woven on all cores."""
    from nitograph.weaving.encoder import targets, weave_targets

    wanted = targets(pictures(task.drafts), task.weaving)
    woven = weave_targets(wanted, task.weaving)
    part: Part = {
        "nails": woven.nails,
        "explained": woven.explained.astype(np.float32),
        "light": Zernike(task.zernike_order).light(wanted).astype(np.float16),
    }
    if "pictures" in layout_of(task.weaving):
        part["pictures"] = np.rint(shrunk(wanted) * 255).astype(np.uint8)
    return part


def layout_of(weaving: WeaveSettings) -> dict[str, str]:
    """The arrays of a part, with their kinds and dimensions."""
    return PART_LAYOUT | (PICTURES if weaving.canvas_size == 2 * SIDE else {})


def local(tasks: Iterable[Task]) -> Iterator[tuple[int, Part]]:
    """The engine that weaves here, one part after another, each on all cores."""
    for task in tasks:
        yield task.first, weave(task)


def build(
    images: LabelledImages,
    settings: CorpusSettings,
    weaving: WeaveSettings,
    *,
    parts: Path | None = None,
    engine: Engine = local,
    progress: Callable[[int], None] = lambda done: None,
) -> Corpus:
    """Weave a corpus. `parts` is a folder that keeps finished parts until `forget_parts`."""
    chosen, metadata = choose(images, settings), metadata_of(images, settings, weaving)
    kept = Parts(chosen, settings, weaving, parts and _part_folder(parts, metadata))
    pieces: dict[int, Part] = {}
    for first, piece in kept.weave(range(0, len(chosen), PART), engine):
        pieces[first] = piece
        progress(sum(len(found["nails"]) for found in pieces.values()))
    names = layout_of(weaving)
    whole = {name: np.concatenate([pieces[first][name] for first in sorted(pieces)]) for name in names}
    tokens, lengths = token_rows(whole["nails"], chosen.labels, Vocabulary(weaving.nails, images.classes))
    return Corpus(
        tokens, chosen.labels, lengths, chosen.sources, whole["explained"], whole["light"], metadata,
        whole.get("pictures"), chosen.groups,
    )  # fmt: skip


class Parts:
    """The parts of a corpus, which `folder` keeps or an engine weaves, each a file by its first row."""

    def __init__(
        self, chosen: Selection, settings: CorpusSettings, weaving: WeaveSettings, folder: Path | None
    ) -> None:
        self.chosen, self.settings, self.weaving, self.folder = chosen, settings, weaving, folder

    def weave(self, firsts: Iterable[int], engine: Engine) -> Iterator[tuple[int, Part]]:
        """The parts that begin at these rows: first those that are kept, then others as they are woven."""
        missing = []
        for first in firsts:
            part = self._kept(first)
            if part is None:
                missing.append(first)
            else:
                yield first, part
        for first, part in engine(map(self._task, missing)):
            if self.folder is not None:
                with replacing(self._file(first)) as temporary, temporary.open("wb") as file:
                    np.savez(file, allow_pickle=False, **part)
            yield first, part

    def _task(self, first: int) -> Task:
        drafts = self.chosen.drafts(first, self._end(first))
        return Task(first, drafts, self.weaving, self.settings.zernike_order)

    def _end(self, first: int) -> int:
        return min(first + PART, len(self.chosen))

    def _file(self, first: int) -> Path:
        assert self.folder is not None  # asked only where parts are kept
        return self.folder / f"{first}.npz"

    def _kept(self, first: int) -> Part | None:
        """A part that was woven before; None if there is none, or it is damaged."""
        if self.folder is not None and self._file(first).exists():
            with contextlib.suppress(FileError):
                found = read_arrays(read_bytes(self._file(first)), layout_of(self.weaving))
                if {len(array) for array in found.values()} == {self._end(first) - first}:
                    return found
        return None

    def forget(self, firsts: Iterable[int]) -> None:
        """Remove parts that are no longer needed."""
        for first in firsts:
            self._file(first).unlink(missing_ok=True)


def metadata_of(images: LabelledImages, settings: CorpusSettings, weaving: WeaveSettings) -> dict[str, Any]:
    """Everything that a corpus is made from, as JSON values; two corpora of one metadata are the same."""
    return {
        "format": FORMAT,
        "nitograph": __version__,
        "source": images.name,
        "source_sha256": images.sha256,
        "classes": list(images.classes),
        "corpus": settings.to_dict(),
        "weaving": weaving.to_dict(),
    } | ({"parts": [list(part) for part in images.parts]} if images.parts else {})


def digest_of(metadata: Mapping[str, Any]) -> str:
    """The name of a corpus of this metadata."""
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16]


def forget_parts(parts: Path) -> None:
    """Remove the parts of a corpus once it is written."""
    shutil.rmtree(parts, ignore_errors=True)


def _part_folder(parts: Path, metadata: Mapping[str, Any]) -> Path:
    """The folder of exactly this corpus; parts of other settings are removed."""
    folder = parts / digest_of(metadata)
    try:
        for other in parts.glob("*/") if parts.is_dir() else ():
            if other != folder:
                shutil.rmtree(other)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot keep finished parts in {parts}: {error.strerror or error}; write elsewhere"
        ) from None
    return folder


def token_rows(
    nails: NDArray[np.integer], labels: NDArray[np.int64], vocabulary: Vocabulary, width: int | None = None
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Rows of class, nails, EOS, PAD from nails padded with −1, and their lengths.

    width: of the rows; by default that of the longest.
    """
    counts = (nails >= 0).sum(axis=1)
    longest = int(counts.max()) + 2
    kind = np.int16 if vocabulary.size < 2**15 else np.int32
    tokens = np.full((len(nails), width or longest), vocabulary.pad, dtype=kind)
    tokens[:, 0] = vocabulary.first_class + labels
    body = nails[:, : longest - 2]
    tokens[:, 1 : longest - 1] = np.where(body >= 0, body, vocabulary.pad)
    tokens[np.arange(len(nails)), counts + 1] = vocabulary.eos
    return tokens, counts.astype(np.int64) + 2
