"""From labelled images to a corpus: which pictures become rows, and their weaving in parts.

Rows are balanced over the classes and drawn with a seed. Finished parts are kept until the corpus is
written, so that an interrupted run continues where it stopped. This module knows no network.

Try it: python -m nitograph prepare --samples 500 --output small.npz
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.corpus.rows import FORMAT, PICTURES, Corpus, CorpusSettings
from nitograph.corpus.sources import LabelledImages
from nitograph.errors import FileError, SettingsError
from nitograph.io.files import read_bytes, replacing
from nitograph.io.npz import read_arrays
from nitograph.light.zernike import Zernike
from nitograph.model.sharpen import SIDE, shrunk
from nitograph.model.vocab import Vocabulary
from nitograph.weaving.settings import WeaveSettings

PART = 4000  # rows
PART_LAYOUT = {"nails": "i2", "explained": "f1", "light": "f2"}


def select(
    images: LabelledImages, settings: CorpusSettings
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The pictures of a corpus: images (rows, h, w), labels (rows,), sources (rows,).

    Examples come in turn from each class, in an order drawn with the seed, then their warped variants.
    """
    from nitograph.corpus.warps import warp

    if settings.mode == "prototypes":
        return _prototypes(images, settings)
    available = len(images) * (1 + settings.augment)
    if settings.samples > available:
        raise SettingsError(
            f"samples must be at most {available} for {len(images)} images with augment "
            f"{settings.augment}, got {settings.samples}; lower samples or raise augment"
        )
    order = _balanced_order(images.labels, np.random.default_rng([settings.seed, 0]))
    rounds = -(-settings.samples // len(order))
    sources = np.concatenate([order] * rounds)[: settings.samples]
    chosen = images.images[sources]
    for first in range(len(order), len(sources), PART):
        rows = slice(first, min(first + PART, len(sources)))
        chosen[rows] = warp(chosen[rows], np.random.default_rng([settings.seed, 1, first]))
    return chosen, images.labels[sources], sources


def build(
    images: LabelledImages,
    settings: CorpusSettings,
    weaving: WeaveSettings,
    *,
    parts: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Corpus:
    """Weave a corpus. `parts` is a folder that keeps finished parts until `forget_parts`."""
    chosen, labels, sources = select(images, settings)
    metadata = {
        "format": FORMAT,
        "nitograph": __version__,
        "source": images.name,
        "source_sha256": images.sha256,
        "classes": list(images.classes),
        "corpus": settings.to_dict(),
        "weaving": weaving.to_dict(),
    }
    folder = _part_folder(parts, metadata)
    pieces = []
    for first in range(0, len(chosen), PART):
        rows = slice(first, first + PART)
        kept = folder / f"{first}.npz" if folder else None
        pieces.append(_part(kept, chosen[rows], weaving, settings.zernike_order))
        progress(min(first + PART, len(chosen)))
    nails = np.concatenate([piece["nails"] for piece in pieces])
    tokens, lengths = _tokens(nails, labels, Vocabulary(weaving.nails, images.classes))
    explained = np.concatenate([piece["explained"] for piece in pieces])
    light = np.concatenate([piece["light"] for piece in pieces])
    shown = [piece["pictures"] for piece in pieces if "pictures" in piece]
    pictures = np.concatenate(shown) if shown else None
    return Corpus(tokens, labels, lengths, sources, explained, light, metadata, pictures)


def forget_parts(parts: Path) -> None:
    """Remove the parts of a corpus once it is written."""
    shutil.rmtree(parts, ignore_errors=True)


def _prototypes(
    images: LabelledImages, settings: CorpusSettings
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Averages over random pools of each class, repeated in turn up to the number of samples."""
    rng = np.random.default_rng([settings.seed, 2])
    made, labels = [], []
    for _ in range(settings.prototype_count):
        for label in range(len(images.classes)):
            of_class = np.flatnonzero(images.labels == label)
            if not len(of_class):
                continue
            pool = rng.permutation(of_class)[: max(1, settings.prototype_pool // settings.prototype_count)]
            made.append(np.rint(images.images[pool].mean(axis=0)).astype(np.uint8))
            labels.append(label)
    rows = np.arange(settings.samples) % len(made)
    return np.stack(made)[rows], np.array(labels, dtype=np.int64)[rows], rows


def _balanced_order(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """The order of all images, one of each class in turn until a class is used up."""
    shuffled = rng.permutation(len(labels))
    within_class = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_class = shuffled[labels[shuffled] == label]
        within_class[of_class] = np.arange(len(of_class))
    return np.lexsort((labels, within_class))


def _part(
    kept: Path | None, images: NDArray[np.uint8], weaving: WeaveSettings, order: int
) -> dict[str, NDArray[Any]]:
    """One part of a corpus: read from the file `kept` if it is sound, woven and written there otherwise."""
    shown = weaving.canvas_size == 2 * SIDE
    if kept is not None and kept.exists():
        with contextlib.suppress(FileError):  # a damaged part is woven again
            layout = PART_LAYOUT | (PICTURES if shown else {})
            found = read_arrays(read_bytes(kept), layout)
            if {len(array) for array in found.values()} == {len(images)}:
                return found
    from nitograph.weaving.encoder import targets, weave_targets

    wanted = targets(images, weaving)
    woven = weave_targets(wanted, weaving)
    part: dict[str, NDArray[Any]] = {
        "nails": woven.nails,
        "explained": woven.explained.astype(np.float32),
        "light": Zernike(order).light(wanted).astype(np.float16),
    }
    if shown:
        part["pictures"] = np.rint(shrunk(wanted) * 255).astype(np.uint8)
    if kept is not None:
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **part)
    return part


def _part_folder(parts: Path | None, metadata: Mapping[str, Any]) -> Path | None:
    """The folder of exactly this corpus; parts of other settings are removed."""
    if parts is None:
        return None
    name = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16]
    try:
        if parts.is_dir() and not (parts / name).is_dir():
            shutil.rmtree(parts)
        (parts / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot keep finished parts in {parts}: {error.strerror or error}; write elsewhere"
        ) from None
    return parts / name


def _tokens(
    nails: NDArray[np.integer], labels: NDArray[np.int64], vocabulary: Vocabulary
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Rows of class, nails, EOS, PAD from nails padded with −1."""
    counts = (nails >= 0).sum(axis=1)
    width = int(counts.max()) + 2
    kind = np.int16 if vocabulary.size < 2**15 else np.int32
    tokens = np.full((len(nails), width), vocabulary.pad, dtype=kind)
    tokens[:, 0] = vocabulary.first_class + labels
    body = nails[:, : width - 2]
    tokens[:, 1:-1] = np.where(body >= 0, body, vocabulary.pad)
    tokens[np.arange(len(nails)), counts + 1] = vocabulary.eos
    return tokens, counts.astype(np.int64) + 2
