"""Make the pictures of docs/making.md from files of `nitograph export`.

Needs the extra `export`, chromium and poppler's pdftoppm. The thread is that of `nitograph generate 7`, or
the one in the file given by --thread.

Try it: python docs/pictures/making.py some_folder
"""

import argparse
import io
import math
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from nitograph.board import Board
from nitograph.exporting import FORMATS
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings, thread_width
from nitograph.io.lists import read_thread
from nitograph.model.weights import load_bundled
from nitograph.sampling.sampler import invent
from nitograph.thread import Thread

BOARD = WorkpieceSettings(diameter=600, nail_diameter=1.2, thread_width=thread_width("tex:80"))
BROWSER = [
    f"--{flag}"
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "hide-scrollbars",
    )
]
STRIP = ("making-board", "making-guide")  # these are also tiles of the README's strip


def main() -> None:
    """Write making-*.png, and the README's tiles of them, into the given folder."""
    parser = argparse.ArgumentParser(description="The pictures of docs/making.md.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--thread", help="thread file to use instead of the seven of seed 42")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    thread = read_thread(args.thread) if args.thread else invent(load_bundled(), ["7"], [42])[0]
    workpiece = Workpiece(thread, BOARD)
    pages = {
        "making-board": square(browser(made(workpiece, "svg"), ".svg", 1000, 1000)),
        "making-template": beside(*(page(made(workpiece, "pdf"), number) for number in (1, 3))),
        "making-list": page(made(workpiece, "list"), 1),
        "making-guide": browser(made(workpiece, "html"), ".html", 390, 800, scale=1.5),
        "making-turns": browser(turns().encode(), ".svg", 1000, 558),
    }
    for name, picture in pages.items():
        small = picture.convert("RGB").quantize(64)
        small.save(args.folder / f"{name}.png", optimize=True)
        if name in STRIP:
            tile = ImageOps.pad(picture.convert("RGB"), (480, 480), color="#04060c")
            tile.save(args.folder / f"strip-{name.removeprefix('making-')}.jpg", quality=88)


def made(workpiece: Workpiece, name: str) -> bytes:
    """The file as the command writes it."""
    return FORMATS[name].render(workpiece)


def browser(data: bytes, ending: str, width: int, height: int, scale: float = 1.0) -> Image.Image:
    """A screenshot; an SVG fills the width."""
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder) / f"page{ending}", Path(folder) / "shot.png"
        source.write_bytes(data)
        address = source
        if ending == ".svg":
            address = Path(folder) / "frame.html"
            body = f"<body style='margin:0;background:#fff'><img src='{source.name}' width='{width}'>"
            address.write_text(body, encoding="utf-8")
        window = [f"--window-size={width},{height}", f"--force-device-scale-factor={scale}"]
        call = ["chromium", *BROWSER, *window, f"--user-data-dir={folder}/profile", f"--screenshot={shot}"]
        subprocess.run([*call, address.as_uri()], check=True, capture_output=True)
        return Image.open(io.BytesIO(shot.read_bytes()))


def page(data: bytes, number: int) -> Image.Image:
    """One page of a PDF."""
    call = ["pdftoppm", "-r", "84", "-png", "-f", str(number), "-l", str(number), "-"]
    return Image.open(io.BytesIO(subprocess.run(call, input=data, check=True, capture_output=True).stdout))


def beside(*pictures: Image.Image) -> Image.Image:
    """Pages side by side on grey."""
    gap = 12
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) + 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures) + 2 * gap), "#9aa0a8")
    x = gap
    for picture in pictures:
        sheet.paste(picture, (x, gap))
        x += picture.width + gap
    return sheet


def square(picture: Image.Image) -> Image.Image:
    """A picture cropped to a square."""
    return picture.crop((0, 0, picture.width, picture.width))


def turns() -> str:
    """Which side of each nail: a small board with thick nails, drawn from a workpiece's own tangents."""
    thread = Thread([12, 5, 0, 8, 14], Board(16))
    piece = Workpiece(thread, WorkpieceSettings(diameter=360, nail_diameter=26, thread_width=5))
    r = piece.bend_radius
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-430 -225 860 480" font-size="15" '
        'font-family="Helvetica, Arial"><rect x="-430" y="-225" width="860" height="480" fill="#fff"/>'
    ]
    path = ""
    for k, ((ax, ay), (bx, by)) in enumerate(piece.tangents.tolist()):
        if k == 0:
            path += f"M{ax:.2f} {ay:.2f}"
        else:
            large, sweep = int(piece.arcs[k] > math.pi), int(piece.turns[k] > 0)
            path += f"A{r} {r} 0 {large} {sweep} {ax:.2f} {ay:.2f}"
        path += f"L{bx:.2f} {by:.2f}"
    for number, (x, y) in enumerate(piece.centres.tolist()):
        parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="13" fill="#c9ced6" stroke="#7d8590"/>')
        parts.append(f'<text x="{x:.2f}" y="{y + 5:.2f}" text-anchor="middle">{number}</text>')
    parts.append(
        f'<path d="{path}" fill="none" stroke="#c2255c" stroke-width="5" stroke-linejoin="round"/>'
    )
    for step in list(piece.steps())[1:-1]:
        x, y = (piece.centres[step.nail] * 1.16).tolist()
        anchor = "start" if x > 20 else "end" if x < -20 else "middle"
        text = f"step {step.step}: nail {step.nail}, {'cw' if step.turn > 0 else 'ccw'}"
        detail = f"out by {step.enters}, in by {step.leaves}"
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="bold">{text}</text>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{y + 17:.1f}" text-anchor="{anchor}" fill="#555">{detail}</text>'
        )
    return "".join([*parts, "</svg>"])


if __name__ == "__main__":
    main()
