"""Which class a drawing shows: as the model itself tells; of the digits, as the bundled critic reads them.

The model tells any class that it knows (sampling.reading), symbols of one's own too. The critic knows the
ten digits, and those better: where the model sees a digit, the critic says which. It reads threads, so that
the encoder winds the drawing for it, in some milliseconds. This module winds nothing for people.

Try it: python -c "from nitograph.api.guessing import *; from nitograph.corpus.sources import load;
print(ranked(find_weights(), load('mnist:test:0')[0]))"
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitograph.api.models import find_weights
from nitograph.model.weights import Weights
from nitograph.sampling.plans import of_pictures
from nitograph.sampling.reading import chances, nats_by_class

if TYPE_CHECKING:
    from nitograph.weaving.settings import WeaveSettings

__all__ = ["find_weights", "ranked"]

DIGITS = tuple("0123456789")
RARE = 0.02  # chance of any digit, below which the critic is not asked
SHOWN = 3

Float64 = NDArray[np.float64]


def ranked(weights: Weights, grey: NDArray[np.uint8]) -> list[tuple[str, float]]:
    """The likeliest classes of a picture (h, w), light on dark, with their chances; none where it is blank
    or the model has no plans."""
    from nitograph.weaving.encoder import targets
    from nitograph.weaving.settings import WeaveSettings

    settings = WeaveSettings.from_dict(dict(weights.weaving))
    wanted = targets(grey[None], settings)
    if not weights.settings.planned or not wanted.any():
        return []
    found = chances(nats_by_class(weights, of_pictures(weights, wanted).codes[0]))
    digits = [weights.classes.index(name) for name in DIGITS if name in weights.classes]
    if len(digits) == len(DIGITS) and found[digits].sum() > RARE:
        found[digits] = found[digits].sum() * _which_digit(weights, wanted, settings)
    order = np.argsort(-found, kind="stable")[:SHOWN]
    return [(weights.classes[i], round(float(found[i]), 4)) for i in order]


def _which_digit(weights: Weights, wanted: NDArray[np.float32], settings: "WeaveSettings") -> Float64:
    """Chances of the digits, (10,), as the bundled critic reads a target (1, c, c); all alike if it is
    too faint to wind."""
    from nitograph.sampling import critic
    from nitograph.weaving.encoder import weave_targets

    woven = weave_targets(wanted, settings, threads=1)
    if woven.lengths[0] < 2:
        return np.full(len(DIGITS), 1 / len(DIGITS))
    judge = critic.bundled()
    shown = critic.pictures([woven.path(0)], settings.board, weights.weaving)
    known = [judge.classes.index(name) for name in DIGITS]
    return chances(judge.judge(shown)[0][0, known].astype(np.float64), flattened=1.0)
