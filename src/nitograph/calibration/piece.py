"""A photograph of a finished piece → how dark its thread really is.

The ring is looked for in a small copy of the photograph; which ellipse it is, its rotation and whether the
board is seen from its other side, the thread itself tells, by comparison with the board as reckoned. What
is found there is measured by `tones`. Tested on photographs made by reckoning only: shine, shadows of nails
and a camera's own curve of tones are not in them. This module reads and writes no files.

Try it: python -m nitograph calibrate board.jpg thread.json
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.calibration.pixels import Float64, light_of, reduced, sampled
from nitograph.calibration.pose import COARSE, Pose, Reckoned, improved, turns
from nitograph.calibration.ring import ellipses
from nitograph.calibration.tones import Tones, fitted
from nitograph.errors import SourceError, ThreadError
from nitograph.light.frame import FRAME, disc
from nitograph.thread import Thread
from nitograph.weaving.laid import light_left
from nitograph.weaving.real_board import RealBoard

SEARCHED = 170  # px, longer side of the copy in which the ring is looked for
CANVAS = 320  # px, of the board seen straight on
FINER = 3  # samples along a side of each of these pixels
SMALLEST_RING = 100  # px, radius in the photograph
EVEN = 0.02  # spread of the light below which a photograph shows nothing
CLEAR = 0.65  # of an ellipse from which on it is taken for a ring, if perhaps of another thread
TRIED = 6  # ellipses and rotations that are compared closely
LIKELY, ALIKE = 0.4, 0.7  # likeness of photograph and thread from which on it may be, and is, that thread
WHITEST = 254  # grey from which on a photograph may have been cut off
FEW = 0.05  # share of the board that a thread must hide to be measured
SHOWN = 0.95  # of the ring's radius, as far as which all must be in the photograph

ADVICE = "photograph the whole board from the front, with some space around it, in even light"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a photograph says of a piece. seen: the board straight on, (c, c), linear light of the photo."""

    tones: Tones
    pose: Pose
    likeness: float
    board: RealBoard
    dark: bool  # the thread, on a light board
    burnt: float  # share of the ring that is as white as a photograph gets
    seen: Float64
    reckoned: Float64

    def evened(self) -> Float64:
        """The board straight on in even light, 0 to 1: photograph left, reckoned right."""
        light = self.tones.light(len(self.seen))
        return np.clip(np.hstack([self.seen, self.reckoned]) / np.hstack([light, light]), 0, 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "darkness": round(self.tones.darkness, 4),
            "darkness_from": round(self.tones.darkness * float(np.exp(-2 * self.tones.unsure)), 4),
            "darkness_to": round(self.tones.darkness * float(np.exp(2 * self.tones.unsure)), 4),
            "thread_width": self.board.thread_width,
            "diameter": self.board.diameter,
            "hidden_width": round(self.board.thread_width * self.tones.darkness, 4),
            "covered": round(self.tones.covered, 4),
            "falloff": round(self.tones.falloff(), 4),
            "likeness": round(self.likeness, 4),
            "mirrored": self.pose.mirrored,
            "ring_radius_px": round(self.pose.radius, 1),
            "burnt": round(self.burnt, 4),
        }


def calibrate(grey: NDArray[np.uint8], thread: Thread, board: RealBoard) -> Calibration:
    """What a photograph (h, w) says of the thread that is wound on a board.

    board: its ring, and the thickness of its thread. ThreadError for a thread on another board than a ring,
    SourceError where the photograph is too small or even, shows no ring, or shows another thread.
    """
    if not thread.board.is_ring:
        raise ThreadError(
            f"only rings of nails are found in photographs, and the thread is on {thread.board.words}; "
            "calibrate the same thread by a piece on a ring"
        )
    light = light_of(grey)
    _check_shown(light)
    dark, board = thread.is_dark(), board.replace(darkness=1.0)

    def left(darkness: float) -> Float64:
        return light_left(thread, board.replace(darkness=darkness), CANVAS)

    hidden = 1 - left(1.0)
    if float(hidden[disc(CANVAS)].mean()) < FEW:
        raise SourceError(
            f"a thread must hide {FEW:.0%} of its board at least to be measured, and {thread.line_count} "
            f"chords hide {float(hidden[disc(CANVAS)].mean()):.1%}; take a fuller piece"
        )
    likeness, pose = _found(light, Reckoned(1 - hidden if dark else hidden))
    if not pose.shows(SHOWN):
        raise SourceError(f"the ring reaches out of the photograph; {ADVICE}")
    if pose.radius < SMALLEST_RING:
        raise SourceError(
            f"the ring must be at least {2 * SMALLEST_RING} pixels across in the photograph, got "
            f"{2 * pose.radius:.0f}; go nearer or take a larger one"
        )
    seen = straight_on(light, pose)
    tones = fitted(seen, left, dark)
    bare = left(tones.darkness) if dark else 1 - left(tones.darkness)
    reckoned = tones.light(CANVAS) * (bare + tones.covered * (1 - bare))
    burnt = straight_on((grey >= WHITEST).astype(np.float64), pose)[disc(CANVAS)]
    return Calibration(tones, pose, likeness, board, dark, float(burnt.mean()), seen, reckoned)


def straight_on(light: Float64, pose: Pose) -> Float64:
    """A photograph (h, w) as the board's frame lies, (CANVAS, CANVAS)."""
    count = CANVAS * FINER
    place = (2 * np.arange(count) + 1 - count) / (count * FRAME)
    x, y = np.meshgrid(place, place)
    factor = max(int(2 * pose.radius / (FRAME * count)), 1)
    across, down = pose.at(x, y)
    return reduced(sampled(reduced(light, factor), across / factor, down / factor), FINER)


def _check_shown(light: Float64) -> None:
    """SourceError where there is nothing to look for."""
    if min(light.shape) < 2 * SMALLEST_RING:
        raise SourceError(
            f"a photograph must have at least {2 * SMALLEST_RING} pixels along each side, got "
            f"{light.shape[1]}×{light.shape[0]}; take a larger one"
        )
    if float(light.std()) < EVEN * float(light.mean()) or float(light.max()) < EVEN:
        raise SourceError(f"the photograph is even all over; {ADVICE}")


def _found(light: Float64, model: Reckoned) -> tuple[float, Pose]:
    """Where the thread lies in the photograph, and how alike both are there."""
    small = reduced(light, -(-max(light.shape) // SEARCHED))
    rings = ellipses(small)
    guesses = [guess for ellipse, _ in rings for guess in turns(small, ellipse, model)]
    guesses.sort(key=lambda guess: -guess[0])
    coarse = [improved(small, pose, model, COARSE) for _, pose in guesses[:TRIED]]
    likeness, pose = max(coarse, key=lambda guess: guess[0], default=(-1.0, None))
    if pose is not None and likeness >= LIKELY:
        whole = Pose(pose.matrix, pose.bend, (light.shape[0], light.shape[1]))
        likeness, pose = improved(light, whole, model)
        if likeness >= ALIKE:
            return likeness, pose
    if not rings or rings[0][1] < CLEAR:
        raise SourceError(f"no ring of nails was found in the photograph; {ADVICE}")
    raise SourceError(
        f"no ring in the photograph holds the thread of the file (likeness {likeness:.2f}, at least "
        f"{ALIKE:g} is wanted): give the file that this board was wound from, and show the whole board"
    )
