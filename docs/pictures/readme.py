"""Make the pictures of the README and the model card from the bundled weights.

Rows alternate: woven from MNIST test digits that the model never saw, then invented by it, seeds 1, 2, 3.

Try it: python docs/pictures/readme.py some_folder
"""

import argparse
import io
import string
from pathlib import Path

import numpy as np
from PIL import Image

from nitograph.cli import main
from nitograph.corpus.sources import mnist
from nitograph.drawing.contact_sheet import contact_sheet
from nitograph.drawing.look import NeonSettings
from nitograph.model.weights import load_bundled
from nitograph.sampling.sampler import invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

HERE = Path(__file__).parent
ROWS = 3
TILE = 480  # px of a picture in the strip of what can be made


def woven(rows: int) -> list[list[Thread]]:
    """The first `rows` test digits of each class, woven like the model's corpus, one list per row."""
    weights, digits = load_bundled(), mnist("test")
    weaving = WeaveSettings.from_dict(weights.weaving)
    chosen = np.array([np.flatnonzero(digits.labels == k)[:rows] for k in range(10)]).T
    made = weave_many(digits.images[chosen.ravel()], weaving)
    threads = [Thread(made.path(i), weaving.board, str(i % 10)) for i in range(len(made))]
    return [threads[row * 10 : row * 10 + 10] for row in range(rows)]


def invented(rows: int) -> list[list[Thread]]:
    """One thread of each class for the seeds from 1, one list per seed."""
    classes = [str(k) for k in range(10)]
    return [invent(load_bundled(), classes, [seed] * 10) for seed in range(1, rows + 1)]


def keep(path: Path, picture: bytes | Image.Image, side: int) -> None:
    """Write a JPEG, scaled so that the longer side is at most `side`."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    image = image.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.save(path, quality=88)


def draw(path: Path, label: str, side: int, *flags: str) -> None:
    """What `nitograph generate LABEL FLAGS` draws, scaled down."""
    made = path.with_name("made.png")
    if main(["generate", label, "-o", str(made), *flags]):
        raise SystemExit(f"generate {label} failed")
    keep(path, made.read_bytes(), side)
    made.unlink()
    made.with_suffix(".json").unlink()


def gallery(path: Path, count: int) -> None:
    """What `nitograph gallery 0123456789 --count COUNT -o seeds.png` draws, in a square, scaled down."""
    made = path.with_name("made.png")
    columns = str(round(count**0.5))
    if main(
        [
            "gallery",
            "0123456789",
            "--count",
            str(count),
            "--columns",
            columns,
            "--tile",
            "160",
            "-o",
            str(made),
        ]
    ):
        raise SystemExit("gallery failed")
    keep(path, made.read_bytes(), TILE)
    made.unlink()


def sheet(path: Path, rows: int) -> None:
    """Pairs of rows: woven above, invented below."""
    threads = [t for pair in zip(woven(rows), invented(rows), strict=True) for row in pair for t in row]
    titles = [("woven" if i // 10 % 2 == 0 else "invented") for i in range(len(threads))]
    picture = contact_sheet(threads, titles, columns=10)
    keep(path, picture.png(), 1600)


def alphabet(path: Path, letters: str) -> None:
    """Three seeds of each letter, below each other."""
    half = len(letters) // 2
    threads = []
    for row in (letters[:half], letters[half:]):
        for seed in (1, 2, 3):
            threads += invent(load_bundled(), list(row), [seed] * len(row))
    picture = contact_sheet(threads, [str(thread.label) for thread in threads], columns=half)
    keep(path, picture.png(), 1600)


def run() -> None:
    """Write all pictures into the given folder, by default docs/pictures."""
    parser = argparse.ArgumentParser(description="The pictures of the README.")
    parser.add_argument("folder", type=Path, nargs="?", default=HERE)
    parser.add_argument("--quick", action="store_true", help="small pictures, to test that it runs")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    small = ["--size", "128"] if args.quick else []
    draw(args.folder / "seven.jpg", "7", 1200, *small)
    draw(args.folder / "2026.jpg", "2026", 1600, "--palette", "fire", *small)
    draw(args.folder / "strip-word.jpg", "NITOGRAPH", TILE, "--palette", "fire", "--layout", "grid", *small)
    alphabet(args.folder / "alphabet.jpg", "ABCD" if args.quick else string.ascii_uppercase)
    gallery(args.folder / "strip-gallery.jpg", 4 if args.quick else 25)
    sheet(args.folder / "sheet.jpg", 1 if args.quick else ROWS)
    assert NeonSettings().pixels == 4096  # what the README says of the size


if __name__ == "__main__":
    run()
