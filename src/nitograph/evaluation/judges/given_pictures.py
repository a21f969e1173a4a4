"""Winding a given picture: a plan model's threads beside the encoder's, for the same MNIST test images.

The model gets a picture and its class in two ways: with the exact light (after the picture's codes), or
with the codes alone, when it sees the light decoded from them. Fidelity is `chords.error` on the canvas of
the weaving settings, ÷ the encoder's error for each picture; a few pictures also get the relaxed bound, a
lower bound for any additive thread. This module samples nothing that the model plans itself.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.compute.parallel import in_threads
from nitograph.errors import SettingsError
from nitograph.evaluation.candidates import ModelCandidate
from nitograph.evaluation.judges.comparison import Comparison, Critics, mean
from nitograph.evaluation.judges.likelihood import measure
from nitograph.evaluation.material import CLASSES, Material, Woven, rasters
from nitograph.evaluation.metrics import mean_interval
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.light import chords
from nitograph.model.decoder import Decoder
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import Decoding, invent
from nitograph.thread import Thread
from nitograph.weaving.bound import relaxed_bound
from nitograph.weaving.encoder import WeaveSettings, targets

PICTURES = 200  # the first references, classes in turn
BOUNDED = 20  # how many of them get the relaxed bound, about 0.8 s each the first time
GAP = (
    0.03  # between the certified and the reached bound, at most; the latter is used, as in `weave --bound`
)
SINGLE = 5  # pictures wound one at a time, to measure the time

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GivenPictures:
    """What the page shows: targets (n, c, c) in 0 to 1, and the encoder's and the model's threads."""

    targets: Float32
    encoder: Sequence[Thread]
    model: Sequence[Thread]


class CodesAlone:
    """A decoder that ignores a picture's light, so that it uses the light decoded from the codes."""

    def __init__(self, decoder: Decoding) -> None:
        self._decoder = decoder

    def start(self, labels: NDArray[np.integer]) -> Float32:
        """As the decoder's."""
        return self._decoder.start(labels)

    def step(self, tokens: NDArray[np.integer], light: Float32 | None = None) -> Float32:
        """As the decoder's, without the light."""
        return self._decoder.step(tokens)

    def select(self, rows: NDArray[np.integer]) -> None:
        """As the decoder's."""
        self._decoder.select(rows)


@dataclass(frozen=True, eq=False)
class _Pictures:
    """What threads of these pictures are compared with.

    wanted: targets. own: the encoder's errors. bound: that of the first pictures; empty if there is none.
    """

    reference: Woven
    wanted: Float32
    own: Float64
    bound: Float64
    weaving: WeaveSettings
    critics: Critics

    def row(self, threads: Sequence[Thread]) -> dict[str, Any]:
        """Errors of threads of these pictures, and the critics' accuracy on them, JSON values."""
        found = errors(threads, self.wanted, self.weaving)
        row = {"error": ends(mean_interval(found)), **_over("encoder", found / self.own)}
        if len(self.bound):
            row |= _over("bound", found[: len(self.bound)] / self.bound)
        shown, labels = rasters(pack([t.nails for t in threads]), self.weaving), self.reference.labels
        right = {name: critic.read(shown)[1] == labels for name, critic in self.critics.items()}
        return row | {"read": {name: ends(mean_interval(parts)) for name, parts in right.items()}}


def winding(
    candidate: ModelCandidate, compared: Comparison, critics: Critics, *, seed: int = 0
) -> tuple[dict[str, Figure], dict[str, Any], GivenPictures]:
    """The figure of fidelity, its details, and the first picture of each digit with its threads.

    seed: that of the first picture; the others count up from it. SettingsError if the model has no plan.
    """
    reference = compared.reference.take(np.arange(min(PICTURES, compared.size)))
    weaving, images = compared.material.weaving, compared.material.test.images[reference.rows]
    wanted = targets(images, weaving)
    own = errors(reference.threads, wanted, weaving)
    bound, facts = _bound(wanted[:BOUNDED], compared.material)
    pictures = _Pictures(reference, wanted, own, bound, weaving, critics)
    rows = [{"wound_by": "encoder", **pictures.row(reference.threads)}]
    made: list[list[Thread]] = []
    exact: Decoding = candidate.decoder or Decoder(candidate.weights)
    for given, decoder in (("light", exact), ("codes", CodesAlone(exact))):
        for temperature in dict.fromkeys((candidate.settings.temperature, 0.0)):
            maker = replace(
                candidate, decoder=decoder, settings=candidate.settings.replace(temperature=temperature)
            )
            threads, spent = _wind(maker, reference, wanted, seed)
            row = {"wound_by": "model", "given": given, "temperature": temperature, "ms_a_picture": spent}
            rows.append(row | pictures.row(threads))
            made.append(threads)
    first = errors(made[0], wanted, weaving)
    walks = errors(compared.walks.threads[: len(wanted)], wanted, weaving)
    figure = Figure("winding", mean_interval(first / own), mean(first), mean(own), (), mean(walks))
    single = [
        _wind(candidate, reference.take(np.array([i])), wanted[i : i + 1], seed)[1] for i in range(SINGLE)
    ]
    details = {"pictures": len(reference), "rows": rows, "bound": facts, "ms_alone": round(mean(single), 1)}
    details["nats_a_thread"] = _nats(candidate.weights, images, reference)
    shown = slice(len(CLASSES))
    return (
        {"winding": figure},
        details,
        GivenPictures(wanted[shown], reference.threads[shown], made[0][shown]),
    )


def errors(threads: Sequence[Thread], wanted: Float32, weaving: WeaveSettings) -> Float64:
    """`chords.error` of each thread against its target (n, c, c), on the encoder's canvas, (n,)."""
    size, strength, width = weaving.canvas_size, weaving.line_strength, weaving.width
    shown = (chords.raster(thread, size, strength=strength, width=width) for thread in threads)
    return np.array([chords.error(*pair) for pair in zip(wanted, shown, strict=True)])


def _wind(
    candidate: ModelCandidate, pictures: Woven, wanted: Float32, seed: int
) -> tuple[list[Thread], float]:
    """The model's threads of pictures with given classes, and milliseconds per picture."""
    weights, light = candidate.weights, candidate.weights.zernike.light(wanted)
    labels = [CLASSES[label] for label in pictures.labels]
    seeds = range(seed, seed + len(labels))
    start = time.perf_counter()
    made = invent(weights, labels, seeds, candidate.settings, light=light, decoder=candidate.decoder)
    return made, round(1000 * (time.perf_counter() - start) / len(made), 1)


def _bound(wanted: Float32, material: Material) -> tuple[Float64, dict[str, Any]]:
    """The relaxed bound of each target, cached; if it cannot be computed, no bounds and the reason."""

    def make() -> dict[str, NDArray[Any]]:
        def bound(_: None, target: Float32) -> float:
            return relaxed_bound(target, material.weaving, gap=GAP).upper

        return {"upper": np.array(list(in_threads(bound, lambda: None, list(wanted))))}

    made_from = {"targets": wanted, "weaving": material.weaving.to_dict(), "gap": GAP}
    try:
        upper = material.cache.fetch("bound", made_from, make)["upper"]
    except SettingsError as error:
        return np.zeros(0), {"pictures": 0, "refused": str(error)}
    return upper, {"pictures": len(upper), "error": ends(mean_interval(upper))}


def _over(name: str, quotients: Float64) -> dict[str, Any]:
    worst = rounded(float(quotients.max()))
    return {f"over_{name}": ends(mean_interval(quotients)), f"worst_over_{name}": worst}


def _nats(weights: Weights, images: NDArray[np.uint8], reference: Woven) -> dict[str, Any]:
    """Nats of the encoder's threads, given the class (an upper bound), the codes too, or the light too."""
    given = weights, images, reference.labels, reference.paths()
    coded, exact = measure(*given), measure(*given, exact=True)
    nats = {
        "class": coded.plan + coded.nail,
        "codes": coded.nail,
        "light": exact.nail,
        "gained_by_codes": coded.plan,
        "gained_by_light": coded.plan + coded.nail - exact.nail,
    }
    return {name: ends(mean_interval(values)) for name, values in nats.items()}
