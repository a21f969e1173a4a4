"""A class, a word or a picture → threads that the model invents, the same for Python and the command line.

This module draws and writes nothing.

Try it: python -c "from nitograph.api.inventing import *; print(invented(find_weights(), ['7'], 42))"
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitograph.api.models import find_weights, make_decoder
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.plans import Plans, of_pictures
from nitograph.sampling.sampler import SampleSettings, invent
from nitograph.thread import Thread

if TYPE_CHECKING:
    from nitograph.api.weaving import Source

__all__ = ["check_seed", "find_weights", "invented"]


def check_seed(seed: int) -> int:
    """The seed as an int; SettingsError if it is not a whole number ≥ 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise SettingsError(f"seed must be a whole number, got {seed!r}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, got {seed}")
    return int(seed)


def invented(
    weights: Weights,
    labels: Sequence[str | None],
    seed: int,
    settings: SampleSettings | None = None,
    *,
    picture: "Source | None" = None,
    device: str = "auto",
) -> list[Thread]:
    """One thread per label (None: any class); seeds count up from `seed`.

    picture: the model winds it in one pass, as an example of the label's class if there is a label.
    SettingsError for several labels with one picture, or a model that cannot wind pictures.
    """
    plans, name = None, None
    if picture is not None:
        if len(labels) > 1:
            raise SettingsError(
                f"one picture makes one thread; give one class, got {''.join(map(str, labels))!r}"
            )
        from nitograph.api.weaving import grey_picture

        grey, name, _ = grey_picture(picture)
        plans = _plans_of(grey, weights)
    first = check_seed(seed)
    seeds = range(first, first + len(labels))
    decoder = make_decoder(weights, device)
    threads = invent(weights, labels, seeds, settings, plans=plans, decoder=decoder)
    if name is not None:
        threads = [thread.replace(provenance={**thread.provenance, "picture": name}) for thread in threads]
    return threads


def _plans_of(grey: NDArray[np.uint8], weights: Weights) -> Plans:
    """The plan of a picture (h, w), prepared like the pictures of the corpus."""
    from nitograph.weaving.encoder import targets
    from nitograph.weaving.settings import WeaveSettings

    return of_pictures(weights, targets(grey[None], WeaveSettings.from_dict(weights.weaving)))
