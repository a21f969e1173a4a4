"""A corpus as a folder of shards: woven, kept and trained from in pieces, for more rows than memory holds.

    corpus/manifest.json       every setting, the number of rows, and of rows in a shard
    corpus/00000.tokens.npy    (rows, width), mapped into memory when it is trained on
    corpus/00000.light.npy     (rows, k)
    corpus/00000.pictures.npy  (rows, 32, 32), where the corpus keeps its pictures
    corpus/00000.rows.npz      labels, lengths, sources, explained of its rows, read whole

Until all shards are there the manifest is called unfinished.json, and woven parts lie in corpus/parts.
Each file is written whole or not at all, a shard's .rows.npz last. This module does not weave.

Try it: python -m nitograph prepare --samples 500 -o corpus/
"""

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from nitograph.corpus import prepare
from nitograph.corpus.prepare import Engine, Part, Parts, local, metadata_of, token_rows
from nitograph.corpus.rows import GROUPS, Corpus, CorpusSettings, check_metadata, check_rows
from nitograph.corpus.selection import Selection, choose
from nitograph.corpus.sources import LabelledImages
from nitograph.corpus.stack import Stack
from nitograph.errors import FileError, NitographError
from nitograph.io import folders
from nitograph.io.files import read_bytes, read_text, replacing
from nitograph.io.npz import read_arrays
from nitograph.light.zernike import Zernike
from nitograph.model.sharpen import SIDE
from nitograph.model.vocab import Vocabulary
from nitograph.untrusted import parse_json, reading
from nitograph.weaving.settings import WeaveSettings

FORMAT = "nitograph-shards/1"
PARTS, LOCK = "parts", "lock"
PARTS_EACH = 25  # of a shard
MAX_ROWS_BYTES = 2**30
LARGE = ("light", "pictures")
ROWS = {"labels": "i1", "lengths": "i1", "sources": "i1", "explained": "f1"}
CHECKED_AT_ONCE, CHECKS = 4000, 25  # rows, and how many times so many are checked in full


def build_shards(
    folder: Path,
    images: LabelledImages,
    settings: CorpusSettings,
    weaving: WeaveSettings,
    *,
    engine: Engine = local,
    progress: Callable[[int], None] = lambda done: None,
) -> Corpus:
    """Weave a corpus into a folder, or what is left of it; its rows are those of `prepare.build`.

    progress is called with the number of rows done. FileError if the folder holds anything else.
    """
    chosen, metadata = choose(images, settings), metadata_of(images, settings, weaving)
    writer = _Writer(folder, chosen, metadata, weaving)
    if writer.begin():
        return load_shards(folder)
    parts = Parts(chosen, settings, weaving, folder / PARTS)
    missing = list(writer.missing())
    done = len(chosen) - sum(writer.end(first) - first for first in missing)
    waiting: set[int] = set()
    for first, part in parts.weave(missing, engine):
        done += len(part["nails"])
        waiting.add(first)  # its file keeps it
        shard = writer.shard_of(first)
        if all(other in waiting for other in writer.firsts_of(shard)):
            firsts = writer.firsts_of(shard)
            writer.write(shard, (found for _, found in parts.weave(firsts, engine)))
            parts.forget(firsts)
        progress(done)
    writer.finish()
    return load_shards(folder)


class _Writer:
    """The shards of one corpus in one folder."""

    def __init__(
        self, folder: Path, chosen: Selection, metadata: dict[str, Any], weaving: WeaveSettings
    ) -> None:
        self.folder, self.chosen = folder, chosen
        self.rows_each = prepare.PART * PARTS_EACH
        self.width = weaving.max_lines + 3
        self.vocabulary = Vocabulary(weaving.nails, tuple(metadata["classes"]))
        self.manifest = {
            "format": FORMAT,
            "rows": len(chosen),
            "rows_each": self.rows_each,
            "width": self.width,
            "metadata": metadata,
        }

    def begin(self) -> bool:
        """Make the folder ready; whether it holds the finished corpus already."""
        self.folder.mkdir(exist_ok=True)
        finished = folders.begin(self.folder, self.manifest, "corpus", beside=(PARTS, LOCK))
        if not finished:
            (self.folder / PARTS).mkdir(exist_ok=True)
        return finished

    def firsts_of(self, shard: int) -> range:
        """The first rows of the parts of a shard."""
        start = shard * self.rows_each
        return range(start, min(start + self.rows_each, len(self.chosen)), prepare.PART)

    def shard_of(self, first: int) -> int:
        """The shard in which a row lies."""
        return first // self.rows_each

    def end(self, first: int) -> int:
        """The end of the part that begins at this row."""
        return min(first + prepare.PART, len(self.chosen))

    def missing(self) -> Iterator[int]:
        """The first rows of all parts of shards that are not written yet."""
        for shard in range(-(-len(self.chosen) // self.rows_each)):
            if not _file(self.folder, shard, "rows.npz").exists():
                yield from self.firsts_of(shard)

    def write(self, shard: int, parts: Iterator[Part]) -> None:
        """Write the files of a shard from its parts, in order, of which one at a time is in memory."""
        firsts = self.firsts_of(shard)
        rows = slice(firsts.start, self.end(firsts[-1]))
        labels = self.chosen.labels[rows]
        small = {"labels": labels, "lengths": np.zeros_like(labels), "sources": self.chosen.sources[rows]}
        if self.chosen.groups is not None:
            small["groups"] = self.chosen.groups[rows]
        small = {name: array.astype(np.int32) for name, array in small.items()}
        explained = np.zeros(len(labels), np.float32)
        with contextlib.ExitStack() as files:
            mapped: dict[str, NDArray[Any]] = {}
            for first, part in zip(firsts, parts, strict=True):
                place = slice(first - rows.start, self.end(first) - rows.start)
                tokens, small["lengths"][place] = token_rows(
                    part["nails"], labels[place], self.vocabulary, self.width
                )
                explained[place] = part["explained"]
                large = {name: array for name, array in part.items() if name in LARGE}
                for name, array in {"tokens": tokens, **large}.items():
                    if name not in mapped:
                        file = files.enter_context(replacing(_file(self.folder, shard, f"{name}.npy")))
                        shape = (len(labels), *array.shape[1:])
                        mapped[name] = npy.open_memmap(file, "w+", dtype=array.dtype, shape=shape)
                    mapped[name][place] = array
            for whole in mapped.values():
                whole.flush()  # type: ignore[attr-defined]  # a memmap has it
        with replacing(_file(self.folder, shard, "rows.npz")) as temporary, temporary.open("wb") as out:
            np.savez(out, allow_pickle=False, explained=explained, **small)

    def finish(self) -> None:
        """Say that all shards are there."""
        folders.finish(self.folder)
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)


def load_shards(folder: str | Path) -> Corpus:
    """The corpus in a folder, tokens and light mapped; FileError if unfinished, foreign or damaged."""
    folder = Path(folder)
    folders.check_finished(folder, "corpus")
    try:
        with reading(FileError("it is damaged")):
            return _load(folder)
    except NitographError as error:
        raise FileError(f"{folder} is not a Nitograph corpus: {error}; prepare it again") from None


def _load(folder: Path) -> Corpus:
    manifest = parse_json(read_text(folder / folders.MANIFEST), folders.MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FileError(f"this version reads the format {FORMAT}")
    metadata = check_metadata(manifest["metadata"])
    rows, each, width = (manifest[name] for name in ("rows", "rows_each", "width"))
    if not all(type(number) is int and 0 < number < 2**40 for number in (rows, each, width)):
        raise FileError("its manifest must state how many rows it has")
    small = _rows(folder, -(-rows // each))
    explained = small.pop("explained")
    labels, lengths, sources = (small[name].astype(np.int64) for name in ("labels", "lengths", "sources"))
    groups = small["groups"].astype(np.int64) if "groups" in small else None
    if len(labels) != rows:
        raise FileError("its shards have other rows than its manifest states")
    classes = tuple(metadata["classes"])
    if ((labels < 0) | (labels >= len(classes)) | (lengths < 4) | (lengths > width)).any():
        raise FileError("lengths or labels are out of range")
    words = Vocabulary(WeaveSettings.from_dict(metadata["weaving"]).nails, classes)
    size = Zernike(metadata["corpus"]["zernike_order"]).size
    tokens: Any = _stack(folder, "tokens", (rows, width), each, "i", below=words.size)
    light: Any = _stack(folder, "light", (rows, size), each, "f")  # a Stack stands in for an array
    shown = "pictures" in prepare.layout_of(WeaveSettings.from_dict(metadata["weaving"]))
    pictures: Any = _stack(folder, "pictures", (rows, SIDE, SIDE), each, "u") if shown else None
    corpus = Corpus(tokens, labels, lengths, sources, explained, light, metadata, pictures, groups)
    _check(corpus)
    return corpus


def _rows(folder: Path, count: int) -> dict[str, NDArray[Any]]:
    """What shards hold in memory, as whole arrays: ROWS, and GROUPS where all have them."""
    if not _file(folder, count - 1, "rows.npz").exists():
        raise FileError(f"there must be {count} shards")
    files = (_file(folder, shard, "rows.npz") for shard in range(count))
    parts = [read_arrays(read_bytes(file, limit=MAX_ROWS_BYTES), ROWS, optional=GROUPS) for file in files]
    names = [name for name in (*ROWS, *GROUPS) if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _stack(
    folder: Path, name: str, shape: tuple[int, ...], each: int, kind: str, *, below: int | None = None
) -> Stack:
    """The files of an array, whose headers and sizes must be as the manifest says."""
    files = [_file(folder, shard, f"{name}.npy") for shard in range(-(-shape[0] // each))]
    dtype: np.dtype[Any] | None = None
    for shard, path in enumerate(files):
        rows = min(each, shape[0] - shard * each)
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, about old headers
            npy.read_magic(file)
            found, by_columns, stated = npy.read_array_header_1_0(file)
            size = rows * int(np.prod(shape[1:])) * stated.itemsize + file.tell()
        if found != (rows, *shape[1:]) or by_columns or stated.kind != kind or dtype not in (None, stated):
            raise FileError(f"{path.name} is of another kind or shape")
        if path.stat().st_size != size:
            raise FileError(f"{path.name} is truncated")
        dtype = stated
    assert dtype is not None  # there is one row at least
    return Stack(files, each, shape, dtype, below=below)


def _check(corpus: Corpus) -> None:
    """FileError if arrays contradict each other; of a large corpus, rows from all over it are checked."""
    starts = np.arange(0, len(corpus), CHECKED_AT_ONCE)
    spread = np.linspace(0, len(starts) - 1, min(CHECKS, len(starts))).astype(np.int64)
    for first in starts[spread].tolist():
        rows = np.arange(first, min(first + CHECKED_AT_ONCE, len(corpus)))
        check_rows(corpus.read(rows))


def _file(folder: Path, shard: int, name: str) -> Path:
    return folder / f"{shard:05d}.{name}"
