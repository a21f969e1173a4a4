"""Winding a given picture: a plan model's threads beside the encoder's, for the same test images.

The model gets a picture and its class behind the picture's codes in up to three ways: the picture itself,
where it has sight; its exact light; or nothing more, when it sees what it makes of the codes alone. The
first way that it has is what `generate --like` does, and is judged. Fidelity is `chords.error` on the
canvas of the weaving settings, ÷ the encoder's error for each picture; a few pictures also get the relaxed
bound, a lower bound for any additive thread. This module samples nothing that the model plans itself.

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
from nitograph.evaluation.material import Material
from nitograph.evaluation.metrics import Estimate, mean_interval
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.evaluation.woven import Woven, rasters
from nitograph.light import chords
from nitograph.model.weights import Weights
from nitograph.sampling.plans import Plans, of_pictures
from nitograph.sampling.sampler import invent
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
    """The figure of fidelity, its details, and the first picture of each class with its threads.

    seed: that of the first picture; the others count up from it. SettingsError if the model has no plan.
    """
    most = min(max(PICTURES, len(compared.classes)), compared.size, len(compared.reference))
    reference = compared.reference.take(np.arange(most))
    weaving, images = compared.material.weaving, compared.material.test.images[reference.rows]
    wanted = targets(images, weaving)
    names = [str(thread.label) for thread in reference.threads]
    own = errors(reference.threads, wanted, weaving)
    bound, facts = _bound(wanted[:BOUNDED], compared.material)
    pictures = _Pictures(reference, wanted, own, bound, weaving, critics)
    rows = [{"wound_by": "encoder", **pictures.row(reference.threads)}]
    made: list[list[Thread]] = []
    ways, sampling = ways_of(candidate.weights, wanted), candidate.sampling
    for given, plans in ways.items():
        for temperature in dict.fromkeys((sampling.temperature, 0.0)):
            maker = replace(candidate, settings=sampling.replace(temperature=temperature))
            threads, spent = _wind(maker, names, plans, seed)
            row = {"wound_by": "model", "given": given, "temperature": temperature, "ms_a_picture": spent}
            rows.append(row | pictures.row(threads))
            made.append(threads)
    first = errors(made[0], wanted, weaving)
    walks = errors(compared.walks.threads[: len(wanted)], wanted, weaving)
    liked = next(iter(ways.values()))
    figure = Figure("winding", mean_interval(first / own), mean(first), mean(own), (), mean(walks))
    single = [
        _wind(candidate, names[i : i + 1], liked.take(slice(i, i + 1)), seed)[1]
        for i in range(min(SINGLE, len(reference)))
    ]
    details = {"pictures": len(reference), "rows": rows, "bound": facts, "ms_alone": round(mean(single), 1)}
    details["nats_a_thread"], nail = _nats(candidate, images, reference, compared.classes)
    details["nats_a_nail"] = {name: ends(value) for name, value in nail.items()}
    shown, light = slice(len(compared.classes)), nail["light"]
    return (
        {"winding": figure, "nats_light": Figure("nats_light", light, light.value)},
        details,
        GivenPictures(wanted[shown], reference.threads[shown], made[0][shown]),
    )


def errors(threads: Sequence[Thread], wanted: Float32, weaving: WeaveSettings) -> Float64:
    """`chords.error` of each thread against its target (n, c, c), on the encoder's canvas, (n,)."""
    size, strength, width = weaving.canvas_size, weaving.line_strength, weaving.width
    shown = (chords.raster(thread, size, strength=strength, width=width) for thread in threads)
    return np.array([chords.error(*pair) for pair in zip(wanted, shown, strict=True)])


def ways_of(weights: Weights, wanted: Float32) -> dict[str, Plans]:
    """The ways in which pictures (n, c, c) are given, by name; the first is that of `generate --like`."""
    itself = of_pictures(weights, wanted)
    ways = {"picture": itself} if itself.pictures is not None else {}
    return ways | {"light": itself._replace(pictures=None), "codes": Plans(itself.codes)}


def _wind(
    candidate: ModelCandidate, labels: Sequence[str], plans: Plans, seed: int
) -> tuple[list[Thread], float]:
    """The model's threads of plans with given classes, and milliseconds per picture."""
    seeds, decoder = range(seed, seed + len(labels)), candidate.decoder
    start = time.perf_counter()
    made = invent(candidate.weights, labels, seeds, candidate.settings, plans=plans, decoder=decoder)
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


def _nats(
    candidate: ModelCandidate, images: NDArray[np.uint8], reference: Woven, classes: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Estimate]]:
    """Nats of the encoder's threads: each thread's as JSON values, and each nail's.

    Given the class (an upper bound), the codes too, or with them the light, or the picture where the model
    has sight; in nats a nail without the class, which has no nails of its own.
    """
    weights, labels = candidate.weights, candidate.places(classes)[reference.labels]
    threads = weights, images, labels, reference.paths()
    ways = ("codes", "light", *(("picture",) if weights.sight is not None else ()))
    found = {given: measure(*threads, given=given) for given in ways}
    joint = found["codes"].plan + found["codes"].nail
    nats = {"class": joint} | {given: by.nail for given, by in found.items()}
    nats |= {f"gained_by_{given}": joint - by.nail for given, by in found.items()}
    nail = {given: mean_interval(by.nail, weights=by.nails) for given, by in found.items()}
    return {name: ends(mean_interval(values)) for name, values in nats.items()}, nail
