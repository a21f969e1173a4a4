"""Threads as a training set, kept in one compressed .npz, or in a folder of shards (`shards`).

Each row names the source image it came from, so that splits are by source and a validation picture is
never a training picture. Each row also keeps the light of its picture as Zernike coefficients, for models
that plan, and the picture itself, 32×32, for models with sight and for the flow that makes plans sharp
(where it was woven on a canvas of twice that, and by a version that kept it). A file is checked when it
is read. This module does not know how a corpus is made (`prepare`), nor what a network is.

Try it: python -m nitograph preview --dataset string_dataset.npz
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules
from nitograph.corpus.stack import pick
from nitograph.errors import FileError, NitographError, SettingsError
from nitograph.io.files import read_bytes, replacing
from nitograph.io.npz import read_arrays, unpacked_limit
from nitograph.light.zernike import Zernike
from nitograph.model.sharpen import SIDE
from nitograph.model.vocab import Vocabulary
from nitograph.settings import Settings, setting
from nitograph.thread import Thread
from nitograph.untrusted import parse_json, reading
from nitograph.weaving.settings import WeaveSettings

FORMAT = "nitograph-corpus/1"
MAX_FILE_BYTES = 4 * 2**30
MAX_METADATA = 2**20  # characters
CHECKED = 2**21  # tokens that are checked at once
ARRAYS = ("tokens", "labels", "lengths", "sources", "explained", "light")
PICTURES = {"pictures": "u3"}  # an array that a corpus may lack
GROUPS = {"groups": "i1"}  # likewise
LAYOUT = dict(zip((*ARRAYS, "metadata"), ("i2", "i1", "i1", "i1", "f1", "f2", "U0"), strict=True))


@dataclass(frozen=True)
class CorpusSettings(Settings):
    """Which pictures become the rows of a corpus."""

    samples: int = setting(5000, "rows of the corpus", low=1, high=100_000_000)
    mode: str = setting(
        "examples",
        "real handwriting, or averaged prototypes repeated (for comparison: a model memorises them)",
        choices=("examples", "prototypes"),
    )
    prototype_count: int = setting(1, "prototypes per class", low=1, high=1000)
    prototype_pool: int = setting(
        1000, "images averaged into the prototypes of one class", low=1, high=100_000
    )
    augment: int = setting(0, "warped variants of each image, beside the image itself", low=0, high=1000)
    balance: float = setting(
        0.0,
        "how far the rows of a class depend on their own number: 0 each image once, 1 all classes alike, "
        "rare ones filled with warped variants",
        low=0,
        high=1,
    )
    warp: float = setting(
        1.0, "strength of warps: 1 suits handwriting, 1.3 sources of few pictures", low=0, high=4
    )
    stroke: float = setting(
        0.0, "how much warps vary the width of strokes; 0.3 suits sources of few pictures", low=0, high=1
    )
    seed: int = setting(42, "seed of the choice and the warps", low=0, high=2**63 - 1)
    zernike_order: int = setting(24, "radial order of the light kept of each picture", low=2, high=40)

    def check(self) -> None:
        """A balanced corpus takes as many variants as it needs."""
        if self.balance and self.augment:
            raise SettingsError(
                "a balance takes as many warped variants as the samples need, and excludes augment, "
                f"got {self.balance:g} and {self.augment}; leave one out"
            )
        if self.balance and self.mode == "prototypes":
            raise SettingsError("prototypes are alike in number already; leave balance out")


@dataclass(frozen=True, eq=False)
class Corpus:
    """Threads as rows of tokens.

    tokens: (rows, width) int16 or int32: class, nails, EOS, then PAD. labels: (rows,) class indices.
    lengths: (rows,) tokens without padding. sources: (rows,) index of the image in the source; warped
    variants share it. explained: (rows,) share of the picture's energy that the thread explains.
    light: (rows, k) float16 Zernike coefficients of the pictures. metadata: every setting, as JSON values.
    pictures: (rows, 32, 32) uint8, the encoder's targets shrunk (model.sharpen), or None. groups: (rows,)
    who made the image (a writer, a font, a file), where the source knows; a split parts no group.
    Of a corpus in shards, tokens, light and pictures are Stacks: only the rows that are asked for are read.
    """

    tokens: NDArray[np.integer]
    labels: NDArray[np.int64]
    lengths: NDArray[np.int64]
    sources: NDArray[np.int64]
    explained: NDArray[np.float32]
    light: NDArray[np.float16]
    metadata: Mapping[str, Any]
    pictures: NDArray[np.uint8] | None = None
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def weaving(self) -> WeaveSettings:
        """The settings its threads were woven with."""
        return WeaveSettings.from_dict(self.metadata["weaving"])

    @property
    def board(self) -> Board:
        """The board of all its threads."""
        return self.weaving.board

    @property
    def rules(self) -> Rules:
        """The rules that all its threads obey."""
        return self.weaving.rules

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes."""
        return tuple(self.metadata["classes"])

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids of its rows."""
        return Vocabulary(self.board.num_nails, self.classes)

    def thread(self, row: int) -> Thread:
        """One row as a Thread, with its source as provenance."""
        nails = self.tokens[row, 1 : self.lengths[row] - 1]
        averaged = ":prototype" if self.metadata["corpus"]["mode"] == "prototypes" else ""
        name, number = self._origin(int(self.sources[row]))
        made = {"made_by": "corpus", "source": f"{name}{averaged}:{number}"}
        return Thread(nails.astype(np.int32), self.board, self.classes[self.labels[row]], made)

    def _origin(self, image: int) -> tuple[str, int]:
        """The source of an image, and its number there."""
        if self.metadata["corpus"]["mode"] != "prototypes":
            for name, size in self.metadata.get("parts", ()):
                if image < size:
                    return name, image
                image -= size
        return self.metadata["source"], image

    def take(self, rows: NDArray[np.integer]) -> "Corpus":
        """The corpus of these rows only; of one in shards, none is read yet."""
        picked = {name: pick(array, rows) for name, array in self._arrays().items()}
        return dataclasses.replace(self, **picked)

    def read(self, rows: NDArray[np.integer]) -> "Corpus":
        """As `take`, with its rows in memory."""
        return dataclasses.replace(self, **{name: array[rows] for name, array in self._arrays().items()})

    @property
    def on_disk(self) -> Path | None:
        """The folder of the shards that it is read from; None where it is in memory."""
        return getattr(self.tokens, "folder", None)

    def split(self, fraction: float, *, seed: int) -> tuple["Corpus", "Corpus"]:
        """Training and validation parts without a common group, or without one a common source image.

        Every class keeps a group to train on. SettingsError if a part would be empty.
        """
        made_by = self.sources if self.groups is None else self.groups
        names = np.unique(made_by)
        held = round(len(names) * fraction)
        if fraction > 0:
            held = min(max(held, 1), len(names) - 1)
        if held < 0 or len(names) - held < 1 or (fraction > 0 and held < 1):
            raise SettingsError(
                f"a corpus of {len(names)} source image(s) cannot be split; prepare one from more images"
            )
        order = np.random.default_rng(seed).permutation(names)
        valid = np.isin(made_by, order[:held])
        if held and self.metadata["corpus"]["mode"] == "examples":
            if len(np.unique(self.labels[~valid])) < len(np.unique(self.labels)):
                valid = np.isin(made_by, spared(made_by, self.labels, order, held))
            if not valid.any():
                raise SettingsError(
                    "each class is of one picture, font or writer, so that none can be held out for "
                    "validation; give more, or a validation_fraction of 0"
                )
        return self.take(np.flatnonzero(~valid)), self.take(np.flatnonzero(valid))

    def save(self, path: str | Path) -> None:
        """Write the .npz, whole or not at all; compressed, unless the reader would take it for a bomb."""
        arrays = self._arrays()
        arrays["metadata"] = np.array(json.dumps(dict(self.metadata), ensure_ascii=False))
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
            headers = 2**10 * len(arrays)
            if sum(array.nbytes for array in arrays.values()) + headers > unpacked_limit(file.tell()):
                file.seek(0)  # rows that repeat, as of prototypes
                file.truncate()
                np.savez(file, allow_pickle=False, **arrays)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays that it has, by name."""
        arrays = {name: getattr(self, name) for name in (*ARRAYS, *PICTURES, *GROUPS)}
        return {name: array for name, array in arrays.items() if array is not None}


def spared(
    made_by: NDArray[np.int64], labels: NDArray[np.int64], order: NDArray[np.int64], held: int
) -> NDArray[np.int64]:
    """At most `held` groups in this order, without those that are the last of a class.

    made_by, labels: (rows,), the group and the class of each row.
    """
    pairs = np.unique(np.stack([made_by, labels], axis=1), axis=0)
    left = np.bincount(pairs[:, 1])
    starts = np.searchsorted(pairs[:, 0], order)
    ends = np.searchsorted(pairs[:, 0], order, side="right")
    chosen: list[int] = []
    for name, start, end in zip(order.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if len(chosen) == held:
            break
        mine = pairs[start:end, 1]
        if (left[mine] > 1).all():
            left[mine] -= 1
            chosen.append(name)
    return np.array(chosen, dtype=np.int64)


def load_corpus(path: str | Path) -> Corpus:
    """Read a corpus, or open one in shards; FileError if it is truncated, foreign or contradicts itself."""
    if Path(path).is_dir():
        from nitograph.corpus.shards import load_shards

        return load_shards(path)
    data = read_bytes(path, limit=MAX_FILE_BYTES)
    try:
        with reading(FileError("it is damaged")):
            arrays = read_arrays(data, LAYOUT, optional=PICTURES | GROUPS)
            metadata = check_metadata(read_metadata(str(arrays.pop("metadata"))))
            corpus = Corpus(**arrays, metadata=metadata)
            check_rows(corpus)
    except NitographError as error:
        raise FileError(f"{path} is not a Nitograph corpus: {error}; prepare it again") from None
    return corpus


def read_metadata(text: str) -> Any:
    """The metadata in a text, within limits."""
    if len(text) > MAX_METADATA:
        raise FileError(f"its metadata have more than {MAX_METADATA} characters")
    return parse_json(text, "its metadata", hint="they are damaged")


def check_metadata(metadata: Any) -> dict[str, Any]:
    """The metadata, once everything in it that the rest of the program uses is checked; FileError."""
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise FileError(f"this version reads the format {FORMAT}")
    lacking = [name for name in ("source", "classes", "corpus", "weaving") if name not in metadata]
    if lacking:
        raise FileError(f"its metadata lack {lacking[0]}")
    CorpusSettings.from_dict(metadata["corpus"])
    WeaveSettings.from_dict(metadata["weaving"])
    if not isinstance(metadata["source"], str):
        raise FileError("its source must be a name")
    names = metadata["classes"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        raise FileError("its classes must be a list of names")
    if len(set(names)) != len(names):
        raise FileError("two of its classes have the same name")
    parts = metadata.get("parts", [])
    if not isinstance(parts, list) or not all(
        isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and type(part[1]) is int
        for part in parts
    ):
        raise FileError("its parts must be names with their numbers of images")
    return dict(metadata)


def check_rows(corpus: Corpus) -> None:
    """FileError if the arrays contradict each other or a row is not a legal thread."""
    rows, width = corpus.tokens.shape
    if {len(array) for array in corpus._arrays().values()} != {rows} or rows < 1:
        raise FileError("its arrays differ in length")
    if corpus.tokens.dtype.itemsize > 4 or corpus.light.dtype.itemsize > 4:
        raise FileError("its tokens or its light have larger numbers than they need")
    if corpus.pictures is not None and (
        corpus.pictures.dtype != np.uint8 or corpus.pictures.shape[1:] != (SIDE, SIDE)
    ):
        raise FileError(f"its pictures must be {SIDE}×{SIDE} bytes")
    if corpus.light.shape[1] != Zernike(corpus.metadata["corpus"]["zernike_order"]).size:
        raise FileError("its light does not have the number of coefficients that its metadata states")
    block = max(1, CHECKED // max(width, corpus.light.shape[1]))
    for first in range(0, rows, block):
        _check_rows(corpus, slice(first, first + block))


def _check_rows(corpus: Corpus, part: slice) -> None:
    """`_check` of some rows, so that no copy is as large as a corpus."""
    from nitograph.compute.rules import legal_paths

    vocabulary = corpus.vocabulary
    tokens, labels, lengths = corpus.tokens[part], corpus.labels[part], corpus.lengths[part]
    within = (lengths >= 4) & (lengths <= tokens.shape[1])
    known = (labels >= 0) & (labels < len(vocabulary.classes))
    if not (within.all() and known.all() and np.isfinite(corpus.light[part]).all()):
        raise FileError("lengths, labels or light are out of range")
    if (tokens[:, 0] != vocabulary.first_class + labels).any():
        raise FileError("a row does not begin with its class")
    place = np.arange(tokens.shape[1])
    nails = tokens[:, 1:]
    inside = place[1:] < lengths[:, None] - 1
    if ((nails[inside] < 0) | (nails[inside] >= vocabulary.num_nails)).any():
        raise FileError("a row holds tokens that are not nails")
    if (tokens[np.arange(len(tokens)), lengths - 1] != vocabulary.eos).any():
        raise FileError("a row does not end with EOS")
    if (tokens[place >= lengths[:, None]] != vocabulary.pad).any():
        raise FileError("a row holds more than padding after its end")
    legal = legal_paths(np.where(inside, nails, -1), corpus.board, corpus.rules)
    if not legal.all():
        row = part.start + int(np.flatnonzero(~legal)[0])
        raise FileError(f"row {row} breaks the rules that its metadata states")
