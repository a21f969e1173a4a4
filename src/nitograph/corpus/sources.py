"""Labelled images and single pictures: MNIST (bundled), any IDX files, one picture by name.

Everything read here comes from outside, so headers are checked before memory is allocated, and every fault
is a SourceError of one line. This module knows nothing of boards, threads or settings.

Try it: python -c "from nitograph.corpus.sources import mnist; print(mnist('test').labels[:10])"
"""

import gzip
import hashlib
import importlib.resources
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import FileError, SourceError
from nitograph.io import plugins
from nitograph.io.files import read_bytes
from nitograph.io.pictures import BLACK, read_picture
from nitograph.untrusted import reading

MNIST_HASHES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SPLITS = {"train": "train", "test": "t10k"}
MAX_IDX_BYTES = 2**30
MAX_PACKING = 100  # unpacked bytes per byte of a gzipped file, beyond the first 64 MiB
PIECE = 2**24  # bytes that are unpacked at once


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Pictures of one size with their classes.

    images: (n, h, w) uint8, light on dark. labels: (n,) int64, an index into classes.
    name says where they come from; sha256 is the hash of the uncompressed image and label data.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    name: str
    sha256: str

    def __len__(self) -> int:
        return len(self.images)


def mnist(split: str = "train", data_dir: str | Path | None = None) -> LabelledImages:
    """MNIST's "train" or "test" images, from the package or from the IDX files in `data_dir`.

    In `data_dir` the four files may be gzipped or not; only their format is checked, while the bundled
    files must have the known SHA-256. Raises SourceError.
    """
    if split not in SPLITS:
        raise SourceError(f"MNIST has the splits {' and '.join(SPLITS)}, got {split!r}")
    parts, digest = [], hashlib.sha256()
    for kind in ("images-idx3", "labels-idx1"):
        stem = f"{SPLITS[split]}-{kind}-ubyte"
        data = _bundled(stem) if data_dir is None else _from_folder(stem, Path(data_dir))
        digest.update(data)
        parts.append(parse_idx(data, name=stem))
    return _labelled(parts[0], parts[1], tuple("0123456789"), f"mnist:{split}", digest.hexdigest())


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """The array in one IDX file, gzipped or not; SourceError if it is not one."""
    try:
        data = read_bytes(path, limit=MAX_IDX_BYTES)
    except FileError as error:
        raise SourceError(str(error)) from None
    return parse_idx(_unzipped(data, str(path)), name=str(path))


def parse_idx(data: bytes | bytearray, *, name: str = "the data") -> NDArray[np.uint8]:
    """An array of 1 to 3 dimensions from unsigned bytes in IDX format; SourceError if they are not."""
    if len(data) < 4 or data[:2] != b"\0\0":
        raise SourceError(f"{name} is not an IDX file: it must begin with two zero bytes")
    kind, dimensions = data[2], data[3]
    if kind != 8 or not 1 <= dimensions <= 3:
        raise SourceError(
            f"{name} must hold unsigned bytes (IDX type 0x08) in 1 to 3 dimensions, "
            f"got type {kind:#04x} in {dimensions}"
        )
    head = 4 + 4 * dimensions
    if len(data) < head:
        raise SourceError(f"{name} ends within its IDX header; the file is truncated, download it again")
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, head, 4))
    if 0 in shape:
        raise SourceError(f"{name} is empty: it states {'×'.join(map(str, shape))} bytes; use another file")
    size = math.prod(shape)
    if size != len(data) - head:
        raise SourceError(
            f"{name} states {'×'.join(map(str, shape))} bytes in its header but holds {len(data) - head}; "
            "the file is truncated or damaged, download it again"
        )
    return np.frombuffer(memoryview(data).toreadonly(), dtype=np.uint8, offset=head).reshape(shape)


def load(
    source: str | Path, data_dir: str | Path | None = None, ground: int = BLACK
) -> tuple[NDArray[np.uint8], str | None]:
    """One grey picture (h, w) uint8 and its label: by `mnist:test:17`, another source, or a file name.

    ground: the grey that see-through parts of a file are laid on.
    """
    text = str(source)
    parts = text.split(":")
    if parts[0] == "mnist" and len(parts) > 1:
        if len(parts) != 3 or not parts[2].isdecimal():
            raise SourceError(
                f"an MNIST picture is named mnist:train:NUMBER or mnist:test:NUMBER, got {text!r}"
            )
        found = mnist(parts[1], data_dir)
    else:
        added = _added(parts) if len(parts) == 3 and parts[2].isdecimal() else None
        if added is None:
            return read_picture(source, ground), None
        found = added
    index = int(parts[2])
    if index >= len(found):
        raise SourceError(f"{parts[0]}:{parts[1]} has pictures 0 to {len(found) - 1}, got {index}")
    return found.images[index], found.classes[int(found.labels[index])]


def _added(parts: Sequence[str]) -> LabelledImages | None:
    """The images of a source NAME:SPLIT that another package adds; None if there is none of that name."""
    function = plugins.find(plugins.SOURCES, parts[0], FunctionType)
    if function is None:
        return None
    found = function(parts[1])
    if not isinstance(found, LabelledImages):
        raise SourceError(f"the source {parts[0]!r} must give LabelledImages, got {type(found).__name__}")
    return found


def _labelled(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: tuple[str, ...],
    name: str,
    sha256: str,
) -> LabelledImages:
    if images.ndim != 3 or labels.ndim != 1 or 0 in images.shape:
        raise SourceError(
            f"{name} must have images of 3 dimensions and labels of 1, none empty, "
            f"got shapes {images.shape} and {labels.shape}"
        )
    if len(images) != len(labels):
        raise SourceError(f"{name} has {len(images)} images but {len(labels)} labels; they must match")
    if int(labels.max()) >= len(classes):
        raise SourceError(f"{name} must have labels from 0 to {len(classes) - 1}, got {int(labels.max())}")
    return LabelledImages(images, labels.astype(np.int64), classes, name, sha256)


def _bundled(stem: str) -> bytes | bytearray:
    file = importlib.resources.files("nitograph").joinpath("data", "mnist", f"{stem}.gz")
    try:
        data = _unzipped(file.read_bytes(), stem)
    except OSError as error:
        raise SourceError(f"the bundled {stem}.gz cannot be read: {error.strerror or error}") from None
    if hashlib.sha256(data).hexdigest() != MNIST_HASHES[stem]:
        raise SourceError(f"the bundled {stem}.gz is damaged (wrong SHA-256); reinstall nitograph")
    return data


def _from_folder(stem: str, folder: Path) -> bytes | bytearray:
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), stem.replace("-idx", ".idx") + ".gz"):
        if (folder / name).is_file():
            try:
                return _unzipped(read_bytes(folder / name, limit=MAX_IDX_BYTES), str(folder / name))
            except FileError as error:
                raise SourceError(str(error)) from None
    raise SourceError(f"no {stem} or {stem}.gz in {folder}; give the folder with the four MNIST files")


def _unzipped(data: bytes, name: str) -> bytes | bytearray:
    if data[:2] != b"\x1f\x8b":
        return data
    most = min(MAX_IDX_BYTES, 2**26 + MAX_PACKING * len(data))
    unpacked = bytearray()
    damaged = SourceError(f"{name} is a damaged gzip file; download it again")
    with reading(damaged), gzip.open(io.BytesIO(data)) as stream:
        while piece := stream.read(PIECE):
            unpacked += piece
            if len(unpacked) > most:
                raise SourceError(
                    f"{name} must not unpack to more than {most // 2**20} MiB; give a smaller IDX file"
                )
    return unpacked
