"""A small critic of threads as rasters, in NumPy: does a thread look woven, and which class does it show?

`best_of` keeps the thread that it likes best. It was taught (docs/studies/critic.py) on woven train digits
against invented ones, and is none of those that the evaluation reports: it has its own seed, architecture
and pictures. It sees the logarithm of how many chords lie over each of 48×48 pixels, as cells of 2×2; three
convolutions with their norms folded in, and one linear layer, make the logits of its classes and the
log-odds of "woven". This module draws no threads.

Try it: python -c "from nitograph.sampling.critic import *; print(bundled().classes)"
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import FileError
from nitograph.io.npz import read_arrays
from nitograph.light.bands import FINE, covered, lines_between
from nitograph.light.frame import FRAME, width_in_board_units
from nitograph.model.sharpen import cells_of, convolved

BUNDLED = "data/critic.npz"
SIDE = 48  # px of a raster
UNIT_STRENGTH = 0.03  # light of the chords that it was taught on, 1 is white
LAYERS = 3  # convolutions
LAYOUT = {f"conv.{i}.weight": "f3" for i in range(LAYERS)} | {f"conv.{i}.bias": "f1" for i in range(LAYERS)}
LAYOUT |= {"out.weight": "f2", "out.bias": "f1", "classes": "U1"}

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Critic:
    """A critic at rest.

    tensors: `conv.i.weight` (9, in, out), rows of the kernel first, `conv.i.bias` (out,), for i = 0, 1, 2;
    `out.weight` (36 · out, classes + 1), `out.bias`: the logits of the classes, then the log-odds.
    """

    tensors: Mapping[str, Float32]
    classes: tuple[str, ...]

    @one_blas_thread
    def judge(self, pictures: Float32) -> tuple[Float32, Float32]:
        """Pictures (b, 48, 48) of `pictures` → logits of the classes (b, c), log-odds of "woven" (b,)."""
        t = self.tensors
        h = cells_of(pictures[..., None] - np.float32(1))
        for i in range(LAYERS):
            h = np.maximum(convolved(h, t[f"conv.{i}.weight"]) + t[f"conv.{i}.bias"], 0)
            if i + 1 < LAYERS:
                h = halved(h)
        found = h.reshape(len(h), -1) @ t["out.weight"] + t["out.bias"]
        return found[:, :-1], found[:, -1]

    def liking(self, pictures: Float32, labels: Sequence[str | None]) -> NDArray[np.float64]:
        """How much it likes each, (b,) nats: log-odds of "woven" plus the log-chance of its label.

        Of a label that the critic does not know, or None, the log-odds alone count.
        """
        logits, odds = self.judge(pictures)
        shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        read = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        index = [self.classes.index(label) if label in self.classes else -1 for label in labels]
        known = np.array(index) >= 0
        return odds.astype(np.float64) + np.where(known, read[np.arange(len(read)), index], 0.0)


@functools.lru_cache(maxsize=1)
def bundled() -> Critic:
    """The critic that ships inside the package."""
    try:
        data = resources.files("nitograph").joinpath(BUNDLED).read_bytes()
    except OSError:
        raise FileError(f"the package lacks its bundled critic ({BUNDLED}); reinstall it") from None
    try:
        arrays = read_arrays(data, LAYOUT)
    except FileError:
        raise FileError(f"the bundled critic ({BUNDLED}) is damaged; reinstall the package") from None
    classes = tuple(str(name) for name in arrays.pop("classes"))
    return Critic({name: value.astype(np.float32) for name, value in arrays.items()}, classes)


def pictures(paths: Sequence[NDArray[np.integer]], board: Board, weaving: Mapping[str, Any]) -> Float32:
    """Paths (t + 1,) as the critic sees them, (b, 48, 48): log(1 + light in chords of UNIT_STRENGTH).

    weaving: the WeaveSettings, as plain values, that say how wide and how bright a chord is.
    """
    wide = 2 * float(weaving.get("line_radius", 1.0)) + 1
    width = width_in_board_units(wide, int(weaving.get("canvas_size", 64)))
    light = float(weaving.get("line_strength", UNIT_STRENGTH)) / UNIT_STRENGTH / FINE
    half = SIDE / 2
    places = half + half * FRAME * board.positions()
    shown = np.empty((len(paths), SIDE, SIDE), dtype=np.float32)
    for row, path in enumerate(paths):
        lines = lines_between(places[path[:-1]], places[path[1:]], width * half * FRAME, SIDE)
        shown[row] = np.log1p(covered(lines, SIDE) * light)
    return shown


def halved(h: Float32) -> Float32:
    """Means of 2×2 neighbours: (b, 2h, 2w, c) → (b, h, w, c)."""
    b, height, width, c = h.shape
    return np.asarray(h.reshape(b, height // 2, 2, width // 2, 2, c).mean(axis=(2, 4)))
