"""Make the picture of docs/learning.md: two symbols of our own, from their drawings to invented threads.

Draws sixteen hearts and sixteen anchors with a shaky pen, learns them as `nitograph learn` does, and shows
of each three drawings, the threads woven of them, and the threads of seeds 1, 2 and 3.

Try it: python docs/pictures/learning.py some_folder --weights mine.safetensors
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nitograph.cli import main
from nitograph.corpus.sources import find_all
from nitograph.drawing.contact_sheet import contact_sheet
from nitograph.model.weights import Weights, load
from nitograph.sampling.sampler import invent
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

HERE = Path(__file__).parent
SEED, DRAWINGS, SIDE, PEN = 1127, 16, 256, 13  # px
SHOWN = 3
Lines = list[NDArray[np.float64]]


def arc(low: float, high: float, radius: float, centre: tuple[float, float]) -> NDArray[np.float64]:
    """Points of a circle's arc, degrees clockwise from three o'clock, y down."""
    turn = np.radians(np.linspace(low, high, 24))
    return np.column_stack([centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)])


def heart() -> Lines:
    """A heart on the square from −1 to 1."""
    t = np.linspace(0, 2 * np.pi, 60)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [np.column_stack([np.sin(t) ** 3, -y / 16])]


def anchor() -> Lines:
    """An anchor on the square from −1 to 1."""
    flukes = arc(15, 165, 0.75, (0.0, 0.2))
    barbs = [
        end + np.array([(-0.25 * side, 0.02), (0.0, 0.0), (0.08 * side, 0.28)])
        for side, end in ((1.0, flukes[0]), (-1.0, flukes[-1]))
    ]
    return [
        arc(90, 450, 0.16, (0.0, -0.78)),
        np.array([[0.0, -0.62], [0.0, 0.95]]),
        np.array([[-0.4, -0.35], [0.4, -0.35]]),
        flukes,
        *barbs,
    ]


def drawn(lines: Lines, rng: np.random.Generator) -> Image.Image:
    """Lines by a shaky hand, dark on light: turned, slanted, stretched, bent."""
    turn, slant = rng.normal(0, 0.07), rng.normal(0, 0.08)
    bend, phase = rng.normal(0, 0.05, 2), rng.uniform(0, 2 * np.pi, 2)
    matrix = np.array([[np.cos(turn), -np.sin(turn) + slant], [np.sin(turn), np.cos(turn)]])
    matrix = matrix * rng.uniform(0.82, 1.05, 2)
    image = Image.new("L", (SIDE, SIDE), 255)
    pen = ImageDraw.Draw(image)
    width = round(PEN * rng.uniform(0.8, 1.3))
    for line in lines:
        placed = line @ matrix + bend * np.sin(2.2 * line[:, ::-1] + phase) + rng.normal(0, 0.02, 2)
        points = [(float(x), float(y)) for x, y in SIDE / 2 + 0.4 * SIDE * placed]
        pen.line(points, fill=20, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=20)
    return image


def draw(folder: Path, count: int) -> None:
    """A subfolder of drawings for each symbol."""
    rng = np.random.default_rng(SEED)
    for name, lines in (("anchor", anchor()), ("heart", heart())):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            drawn(lines, rng).save(folder / name / f"{number:02}.png")


def rows(folder: Path, weights: Weights) -> tuple[list[Image.Image], list[Thread]]:
    """Some drawings of each symbol as `learn` reads them, then their threads, then invented ones."""
    found = find_all([f"folder:{folder}"], "train")
    chosen = np.concatenate([np.flatnonzero(found.labels == k)[:SHOWN] for k in range(len(found.classes))])
    names = [found.classes[label] for label in found.labels[chosen]]
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    made = weave_many(found.images[chosen], weaving)
    woven = [Thread(made.path(i), weaving.board, name) for i, name in enumerate(names)]
    seeds = list(range(1, SHOWN + 1)) * len(found.classes)
    return [Image.fromarray(image) for image in found.images[chosen]], woven + invent(weights, names, seeds)


def picture(folder: Path, weights: Weights) -> Image.Image:
    """Drawings above, woven threads in the middle, invented ones below."""
    drawings, threads = rows(folder, weights)
    columns = len(drawings)
    titles = ["woven"] * columns + [f"invented, seed {i % SHOWN + 1}" for i in range(columns)]
    sheet = contact_sheet(threads, titles, columns=columns, tile=256)
    below = Image.open(io.BytesIO(sheet.png(with_threads=False))).convert("RGB")
    side = below.width // columns
    whole = Image.new("RGB", (below.width, below.height + side), below.getpixel((0, 0)))
    whole.paste(below, (0, side))
    for number, image in enumerate(drawings):
        inner = round(0.84 * side)
        shown = image.resize((inner, inner), Image.Resampling.BICUBIC).convert("RGB")
        whole.paste(shown, (number * side + (side - inner) // 2, (side - inner) // 2))
    return whole


def run() -> None:
    """Write learning.jpg into the given folder, by default docs/pictures."""
    parser = argparse.ArgumentParser(description="The picture of docs/learning.md.")
    parser.add_argument("folder", type=Path, nargs="?", default=HERE)
    parser.add_argument("--weights", type=Path, help="weights that know both symbols (default: learn them)")
    parser.add_argument("--minutes", default="3", help="minutes of learning")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        mine, made = Path(name) / "mine", args.weights or Path(name) / "mine.safetensors"
        draw(mine, DRAWINGS)
        if args.weights is None and main(
            ["learn", f"folder:{mine}", "-o", str(made), "--minutes", args.minutes]
        ):
            raise SystemExit("learning failed")
        image = picture(mine, load(made))
    image.thumbnail((1600, 1600), Image.Resampling.LANCZOS)
    image.save(args.folder / "learning.jpg", quality=86)


if __name__ == "__main__":
    run()
