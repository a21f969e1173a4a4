"""Pictures brought to one form, MNIST's: light on dark, in a box of 20 px, its centre of mass amid 28.

Dark ink on light ground is seen by its rim and turned. Boxes of drawings are larger than those of signs,
which share theirs with handwritten digits. This module reads no files.

Source of the form: Y. LeCun et al., Gradient-based learning applied to document recognition, 1998, III.A.

Try it: python -c "from nitograph.corpus.sources.greys import *; print(framed(np.eye(90)[5:] * 255).max())"
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 28  # px of a picture
SIGN_BOX, DRAWING_BOX = 20, 24  # px of the longer side of what is drawn
INK = 0.1  # of the range of greys: what is above it counts as drawn when a picture is cut to its ink


def rim(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The median grey of the rims of pictures (n, h, w): (n,)."""
    edges = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.median(np.concatenate(edges, axis=1), axis=1)


def light_on_dark(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    """A picture (h, w) turned if its rim is light, and whether it was."""
    turned = bool(rim(image[None])[0] > 127)
    return (255 - image if turned else image), turned


def is_blank(image: NDArray[np.generic]) -> bool:
    """Whether a picture has next to no range of greys: nothing that a thread could show."""
    return float(image.max()) - float(image.min()) < 8


def framed(image: NDArray[np.generic], box: int = SIGN_BOX, side: int = SIDE) -> NDArray[np.uint8]:
    """What is light in a picture (h, w) of greys, not blank: cut out, scaled, centred, (side, side).

    Its ground, told by the rim, becomes black with what noise it has, its highest grey white.
    """
    from PIL import Image

    greys = image.astype(np.float64)
    low, high = float(greys.min()), float(greys.max())
    ground = float(np.quantile(np.concatenate([greys[0], greys[-1], greys[:, 0], greys[:, -1]]), 0.75))
    low = ground if ground < (low + high) / 2 else low
    greys = np.maximum(greys - low, 0) / (high - low)
    rows, columns = np.flatnonzero((greys > INK).any(1)), np.flatnonzero((greys > INK).any(0))
    cut = greys[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box / max(cut.shape)
    height, width = (max(1, round(length * scale)) for length in cut.shape)
    picture = Image.fromarray(cut.astype(np.float32))
    way = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC
    small = np.clip(np.asarray(picture.resize((width, height), way), dtype=np.float64), 0, 1)
    small /= max(float(small.max()), 1e-9)
    y, x = (_first(small.sum(axis), side) for axis in (1, 0))
    out = np.zeros((side, side), dtype=np.uint8)
    out[y : y + height, x : x + width] = np.rint(small * 255)
    return out


def _first(mass: NDArray[np.float64], side: int) -> int:
    """Where something of this mass along a side begins, so that its centre is in the middle, all inside."""
    centre = float((mass * (np.arange(len(mass)) + 0.5)).sum() / mass.sum())
    return min(max(round(side / 2 - centre), 0), side - len(mass))


def stacked(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one size as one array (n, h, w)."""
    return np.stack(pictures) if pictures else np.zeros((0, SIDE, SIDE), dtype=np.uint8)
