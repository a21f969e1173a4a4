"""Make the pictures of the README and the model card from the bundled weights.

Rows alternate: woven from MNIST test digits that no model saw, then invented by the model, seeds 1, 2, 3.

Try it: python docs/pictures/readme.py
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from nitograph.cli import main
from nitograph.corpus.sources import mnist
from nitograph.drawing.contact_sheet import contact_sheet
from nitograph.drawing.look import NeonSettings
from nitograph.model.weights import load_bundled
from nitograph.sampling.invent import invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

HERE = Path(__file__).parent
ROWS = 3


def woven(rows: int) -> list[list[Thread]]:
    """The first `rows` test digits of each class, woven as the model's corpus was, a list a row."""
    weights, digits = load_bundled(), mnist("test")
    weaving = WeaveSettings.from_dict(weights.weaving)
    chosen = np.array([np.flatnonzero(digits.labels == k)[:rows] for k in range(10)]).T
    made = weave_many(digits.images[chosen.ravel()], weaving)
    threads = [Thread(made.path(i), weaving.board, str(i % 10)) for i in range(len(made))]
    return [threads[row * 10 : row * 10 + 10] for row in range(rows)]


def invented(rows: int) -> list[list[Thread]]:
    """One thread of each class for the seeds from 1, a list a seed."""
    classes = [str(k) for k in range(10)]
    return [invent(load_bundled(), classes, [seed] * 10) for seed in range(1, rows + 1)]


def keep(name: str, picture: bytes | Image.Image, side: int) -> None:
    """Scale so that the longer side is `side` and write a JPEG."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    image = image.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    image.save(HERE / name, quality=88)


def draw(name: str, label: str, side: int, *flags: str) -> None:
    """What `nitograph generate LABEL FLAGS` draws, scaled down."""
    made = HERE / "made.png"
    if main(["generate", label, "-o", str(made), *flags]):
        raise SystemExit(f"generate {label} failed")
    keep(name, made.read_bytes(), side)
    made.unlink()
    made.with_suffix(".json").unlink()


def sheet() -> None:
    """Pairs of rows: woven above, invented below."""
    threads = [t for pair in zip(woven(ROWS), invented(ROWS), strict=True) for row in pair for t in row]
    titles = [("woven" if i // 10 % 2 == 0 else "invented") for i in range(len(threads))]
    picture = contact_sheet(threads, titles, columns=10)
    keep("sheet.jpg", picture.png(), 1600)


if __name__ == "__main__":
    draw("seven.jpg", "7", 1200)
    draw("2026.jpg", "2026", 1600, "--palette", "fire")
    sheet()
    assert NeonSettings().pixels == 4096  # what the README says of the size
