"""MNIST: from the package, with known hashes.

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.

Try it: python -c "from nitograph.corpus.sources import mnist; print(mnist('test').labels[:10])"
"""

import hashlib
import importlib.resources
from pathlib import Path

from nitograph.corpus.sources import idx_folder
from nitograph.corpus.sources.idx import parse_idx, unpacked
from nitograph.corpus.sources.images import LabelledImages, checked, join
from nitograph.errors import SourceError

MNIST_HASHES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
STEMS = {"train": "train", "test": "t10k"}
DIGITS = tuple("0123456789")


def mnist(split: str = "train", data_dir: str | Path | None = None) -> LabelledImages:
    """MNIST's "train" or "test" images, from the package, or of the IDX files in `data_dir`.

    In `data_dir` the files may be gzipped or not, and classes that are not named there are the digits; only
    their format is checked, while the bundled files must have the known SHA-256. Raises SourceError.
    """
    if split == "all":
        return join([mnist("train", data_dir), mnist("test", data_dir)])
    if split not in STEMS:
        raise SourceError(f"MNIST has the splits {' and '.join(STEMS)}, got {split!r}")
    if data_dir is not None:
        return idx_folder.read(data_dir, split, unnamed=DIGITS)
    images, labels = (f"{STEMS[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    data = [_bundled(images), _bundled(labels)]
    digest = hashlib.sha256(data[0])
    digest.update(data[1])
    pictures, named = parse_idx(data[0], name=images), parse_idx(data[1], name=labels)
    return checked(
        LabelledImages(pictures, named.astype("int64"), DIGITS, f"mnist:{split}", digest.hexdigest())
    )


def from_package(where: str, split: str) -> LabelledImages:
    """MNIST by name, for which there is no other place."""
    if where:
        raise SourceError(
            f"mnist is the one in the package, got mnist:{where}; for files of your own, idx:DIR"
        )
    return mnist(split)


def _bundled(stem: str) -> bytes | bytearray:
    file = importlib.resources.files("nitograph").joinpath("data", "mnist", f"{stem}.gz")
    try:
        data = unpacked(file.read_bytes(), stem)
    except OSError as error:
        raise SourceError(f"the bundled {stem}.gz cannot be read: {error.strerror or error}") from None
    if hashlib.sha256(data).hexdigest() != MNIST_HASHES[stem]:
        raise SourceError(f"the bundled {stem}.gz is damaged (wrong SHA-256); reinstall nitograph")
    return data
