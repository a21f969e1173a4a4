"""A photograph of a finished board → how dark its thread really is, for the next piece.

Try it: python -m nitograph calibrate board.jpg thread.json
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Calibration": "piece",
    "calibrate": "piece",
    "Pose": "pose",
    "Tones": "tones",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.calibration.piece import Calibration as Calibration, calibrate as calibrate
    from nitograph.calibration.pose import Pose as Pose
    from nitograph.calibration.tones import Tones as Tones
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
