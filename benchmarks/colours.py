"""Photographs in several colours: colour error beside one black thread, and beside dithering colour by
colour.

Three pictures of scikit-image, 200 nails, a thread of 0.2 mm on 600 mm, 3,000 chords in all.
`photos.colour_judge` measures mean CIEDE2000 after 3 mm of blur; `photos.colour_peer` is the plain
reference, with a palette of its own (yellow, red, blue, black) and the best of three strengths. Two figures
of each: as it is, and after the best affine map of lightness.

python -m benchmarks.colours --threads 6 --chords 6000

Try it: python -m benchmarks.colours --quick
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from benchmarks.photographs import NAILS, ours
from benchmarks.photos import colour_judge, colour_peer, peers
from benchmarks.report import add_quick, report
from nitograph.api.colours import weave_colours
from nitograph.light.frame import FRAME

PICTURES = ("astronaut", "coffee", "cat")
CORNERS = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]], dtype=np.float64)
STRENGTHS = (0.1, 0.2, 0.4)
COUNTED = ("as_it_is", "mapped")  # of what the judge finds
PAPER = np.array([0xF6, 0xF1, 0xE6]) / 255.0

Float64 = NDArray[np.float64]
Pixels = NDArray[np.uint8]


def picture(name: str) -> Pixels:
    """One of scikit-image's pictures as a square in colour."""
    from skimage import data

    pixels = getattr(data, {"cat": "chelsea"}.get(name, name))()[..., :3]
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def resized(pixels: Pixels, side: int) -> Float64:
    """The picture at another size, sRGB in 0…1."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)) / 255.0


def in_colours(pixels: Pixels, threads: int, chords: int, canvas: int, side: int) -> Float64:
    """The light of our board; the picture is widened at its edges, so that the ring touches it."""
    edge = round(len(pixels) * (1 / FRAME - 1) / 2)
    wide = np.pad(pixels, ((edge, edge), (edge, edge), (0, 0)), mode="edge")
    layers = weave_colours(
        wide, threads=threads, nails=NAILS, max_lines=chords, canvas_size=canvas, faces="off"
    )
    stretches = [
        (0.5 + 0.5 * thread.points(), colour_judge.light_of(colour.rgb()))
        for thread, colour in zip(layers, layers.colours, strict=True)
    ]
    return colour_judge.board_light(stretches, colour_judge.light_of(PAPER), side=side)


def in_black(pixels: Pixels, chords: int, canvas: int, side: int) -> Float64:
    """The light of our board with one black thread."""
    grey = np.rint(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    points = peers.ring(NAILS)[ours(grey, chords, canvas)]
    return colour_judge.board_light([(points, np.zeros(3))], colour_judge.light_of(PAPER), side=side)


def dithered(pixels: Pixels, chords: int, canvas: int, side: int, strength: float) -> Float64:
    """The light of the plain reference's board."""
    palette = np.concatenate([PAPER[None], CORNERS])
    ring = peers.ring(NAILS)
    stretches = colour_peer.weave(resized(pixels, canvas), palette, NAILS, chords, strength)
    laid = [(ring[nails], colour_judge.light_of(palette[colour])) for colour, nails in stretches]
    return colour_judge.board_light(laid, colour_judge.light_of(PAPER), side=side)


def main(tiny: bool, threads: int, chords: int) -> None:
    """Each picture's error beside both others, and the geometric means of the ratios."""
    names, canvas, side = (PICTURES[:1], 48, 100) if tiny else (PICTURES, colour_peer.SIDE, 1000)
    chords = min(chords, 120) if tiny else chords
    ratios = []
    for name in names:
        pixels = picture(name)
        wanted = colour_judge.light_of(resized(pixels, side))
        found = colour_judge.judge(wanted, in_colours(pixels, threads, chords, canvas, side))
        black = colour_judge.judge(wanted, in_black(pixels, chords, canvas, side))
        plain = [dithered(pixels, chords, canvas, side, strength) for strength in STRENGTHS]
        verdicts = [colour_judge.judge(wanted, light) for light in plain]
        for what in COUNTED:
            value, one = getattr(found, what), getattr(black, what)
            best = min(getattr(verdict, what) for verdict in verdicts)
            report(f"{name}, CIEDE2000 {what} (dithered)", value, "of 1", best, one_thread=round(one, 2))
            ratios.append((value / one, value / best))
    means = np.exp(np.log(np.array(ratios).reshape(len(names), 2, 2)).mean(axis=0))
    for what, row in zip(COUNTED, means, strict=True):
        for beside, ratio in zip(("one thread", "dithered"), row, strict=True):
            report(f"{threads} threads ÷ {beside}, geometric mean: {what}", float(ratio), "×")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=4, help="threads (default %(default)s)")
    parser.add_argument("--chords", type=int, default=3000, help="chords at most (default %(default)s)")
    add_quick(parser)
    chosen = parser.parse_args()
    main(chosen.quick, chosen.threads, chosen.chords)
