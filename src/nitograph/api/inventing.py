"""A class, a word or a picture → threads that the model invents, the same for Python and the command line.

This module draws and writes nothing.

Try it: python -c "from nitograph.api.inventing import *; print(invented(find_weights(), ['7'], 42))"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitograph.api.keywords import check_names, take
from nitograph.api.models import find_weights, make_decoder
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.penalties import Penalties
from nitograph.sampling.plans import Plans, of_pictures
from nitograph.sampling.sampler import SampleSettings, invent, invent_with_plans
from nitograph.thread import Thread
from nitograph.weaving.photo import PhotoSettings, crop, ink, is_ink_on_paper, prepare_photo

if TYPE_CHECKING:
    from nitograph.api.weaving import Source

__all__ = ["Wish", "check_seed", "find_weights", "invented", "sampling_of", "threads_of"]

CHUNK = 1024  # threads whose plans are kept at once until they are repaired


@dataclass(frozen=True)
class Wish:
    """What is wanted besides classes, seeds and sampling settings.

    picture: wound in one pass, as an example of the label's class if there is a label. begun: a thread
    whose nails stay, and which is finished. repair: the finished thread is pulled towards its plan. device:
    where to decode. photo: how the picture is cropped and read.
    """

    picture: "Source | None" = None
    begun: Thread | None = None
    repair: bool = False
    device: str = "auto"
    photo: PhotoSettings = field(default_factory=PhotoSettings)


def sampling_of(given: Mapping[str, Any]) -> SampleSettings:
    """Sampling settings from keywords; a penalty may be text, or weights by name."""
    check_names("generate", given, [SampleSettings])
    penalty = given.get("penalty")
    if isinstance(penalty, Mapping):
        given = {**given, "penalty": Penalties.of(penalty).text()}
    return take(SampleSettings, given)


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
    wish: Wish | None = None,
) -> list[Thread]:
    """One thread per label (None: any class, or that of a begun thread); seeds count up from `seed`.

    SettingsError for several labels with one picture or one begun thread, or a model that cannot wind
    pictures, and as `threads_of`.
    """
    wish = wish or Wish()
    for what, one in (("picture makes one thread", wish.picture), ("begun thread makes one", wish.begun)):
        if one is not None and len(labels) > 1:
            raise SettingsError(f"one {what}; give one class, got {''.join(map(str, labels))!r}")
    if wish.begun is not None and labels[0] is None and wish.begun.label in weights.classes:
        labels = [wish.begun.label]
    plans, name = None, None
    if wish.picture is not None:
        from nitograph.api.weaving import grey_picture

        grey, name, _ = grey_picture(wish.picture, dark=wish.photo.invert)
        plans = _plans_of(drawing(grey, wish.photo), weights)
    first = check_seed(seed)
    threads = threads_of(weights, labels, range(first, first + len(labels)), settings, wish, plans=plans)
    if name is not None:
        threads = [thread.replace(provenance={**thread.provenance, "picture": name}) for thread in threads]
    return threads


def threads_of(
    weights: Weights,
    labels: Sequence[str | None],
    seeds: Sequence[int],
    settings: SampleSettings | None = None,
    wish: Wish | None = None,
    *,
    plans: Plans | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Thread]:
    """A thread for each label and seed; as sampling.sampler.invent, and repaired where that is wished.

    plans: in place of wish.picture. SettingsError where a begun thread cannot be finished or a finished one
    not be repaired.
    """
    settings, wish = settings or SampleSettings(), wish or Wish()
    decoder = make_decoder(weights, wish.device)
    if not wish.repair:
        return invent(
            weights,
            labels,
            seeds,
            settings,
            plans=plans,
            begun=wish.begun,
            decoder=decoder,
            progress=progress,
        )
    if wish.begun is not None:
        raise SettingsError(
            "repair would move the nails of a begun thread, which are to stay; leave out one of the two"
        )
    from nitograph.api.repair import repaired, search_settings

    search_settings(weights, settings)  # refused before anything is drawn
    done: list[Thread] = []
    for first in range(0, len(labels), CHUNK):
        part = slice(first, first + CHUNK)
        some = None if plans is None else plans.take(part)
        found, wound = invent_with_plans(
            weights, labels[part], seeds[part], settings, plans=some, decoder=decoder
        )
        assert wound is not None  # search_settings has seen that the model plans
        done += repaired(weights, found, wound, settings)
        progress(len(done))
    return done


def drawing(grey: NDArray[np.uint8], photo: PhotoSettings) -> NDArray[np.uint8]:
    """The square to wind, light on dark: cropped as in weaving; ink on paper is seen by its bright rim."""
    if photo.invert is None and is_ink_on_paper(crop(grey, photo)):
        return ink(prepare_photo(grey, photo))
    return prepare_photo(grey, photo)


def _plans_of(grey: NDArray[np.uint8], weights: Weights) -> Plans:
    """The plan of a picture (h, w), prepared like the pictures of the corpus."""
    from nitograph.weaving.encoder import targets
    from nitograph.weaving.settings import WeaveSettings

    return of_pictures(weights, targets(grey[None], WeaveSettings.from_dict(weights.weaving)))
