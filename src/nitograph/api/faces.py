"""Faces in a photograph, found and favoured by themselves where scikit-image is installed.

The finder is scikit-image's cascade with the model of frontal faces that ships in its package (local binary
patterns: Ahonen, Hadid and Pietikäinen, Face recognition with local binary patterns, 2004). A face counts
more while a picture is woven, so that its eyes and mouth get the threads that they need. This module
recognises nobody, sees no faces from the side, and weaves nothing.

Try it: nitograph weave photo.jpg --faces off
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph.errors import SettingsError
from nitograph.untrusted import need

SEEN = 360  # px, side of the picture that is searched
SMALLEST = 0.12  # of its side
NEIGHBOURS = 5  # findings nearby that make a face; fewer find faces in foliage
ELSEWHERE = 0.35  # how much what is no face counts
REACH = 0.62  # radius of what is favoured, in sides of a face


class Face(NamedTuple):
    """A square around a face: its middle and its side, in shares of the picture's side."""

    x: float
    y: float
    side: float


def find_faces(grey: NDArray[np.uint8]) -> tuple[Face, ...]:
    """Faces of a square picture (h, h), the largest first; none where scikit-image is not installed."""
    from PIL import Image

    missing = SettingsError("faces need scikit-image: pip install 'nitograph[faces]'")
    try:
        feature, data = need("skimage.feature", missing), need("skimage.data", missing)
    except SettingsError as error:
        if error is missing:
            return ()
        raise
    side = min(SEEN, len(grey))
    small = np.asarray(Image.fromarray(grey).resize((side, side), Image.Resampling.LANCZOS))
    least = max(24, round(SMALLEST * side))
    if least >= side:
        return ()
    cascade = feature.Cascade(data.lbp_frontal_face_cascade_filename())
    found = cascade.detect_multi_scale(
        img=small, scale_factor=1.15, step_ratio=1.2, min_size=(least, least), max_size=(side, side),
        min_neighbor_number=NEIGHBOURS,
    )  # fmt: skip
    faces = [
        Face(
            (one["c"] + one["width"] / 2) / side, (one["r"] + one["height"] / 2) / side, one["width"] / side
        )
        for one in found
    ]
    return tuple(sorted(faces, key=lambda face: -face.side))


def favouring(faces: tuple[Face, ...], size: int) -> NDArray[np.float64]:
    """How much each pixel counts, (size, size): 1 within a face, less away from it, softly."""
    place = (np.arange(size) + 0.5) / size
    counts = np.full((size, size), ELSEWHERE)
    for face in faces:
        apart = np.hypot(place[None, :] - face.x, place[:, None] - face.y) / (REACH * face.side)
        counts = np.maximum(counts, ELSEWHERE + (1 - ELSEWHERE) * np.exp(-(apart**4)))
    return counts
