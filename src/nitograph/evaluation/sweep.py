"""Choosing sampling settings: a grid of settings, measured on validation images by critic B only.

Test images and critics A and C are not used, so that they can still judge what is chosen here. Each point
is recognisability (critic B ÷ its ceiling) against coverage (÷ real against real, in critic B's features).
The point with the best harmonic mean of the two, each clipped at 1, is marked. How well a network tells the
samples from woven validation images stands beside them, with as many threads as a point has. `plot` takes a
record, so that a stored one can be drawn again. This module knows no files.

Try it: python -m nitograph evaluate --sweep "temperature=0.6,0.8,1" --samples-per-class 10
"""

import html
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nitograph.drawing import charts
from nitograph.drawing.look import Picture
from nitograph.errors import SettingsError
from nitograph.evaluation.candidates import Candidate, ModelCandidate, RandomCandidate
from nitograph.evaluation.judges.comparison import Comparison, train_critics
from nitograph.evaluation.judges.discriminators import PICTURES
from nitograph.evaluation.judges.samples import closeness_in, recognisability
from nitograph.evaluation.judges.two_sample import Pair, Score, Side, compare, pictures
from nitograph.evaluation.material import Material
from nitograph.evaluation.page import thumbnails
from nitograph.evaluation.page.elements import fill, spread, table
from nitograph.evaluation.pairs import measured, merged
from nitograph.evaluation.protocol import draw
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import ends, rounded
from nitograph.evaluation.woven import Woven
from nitograph.sampling.sampler import SampleSettings, resolved

FORMAT = "nitograph-sweep/1"
AXES = "guidance=1,1.25,1.5,2 temperature=0.7,0.85,1 plan_temperature=0.85,1"
LAYER = "critic B's last hidden layer"
TITLES = {
    "critic_b": "critic B ÷ ceiling",
    "worst_class": "worst class ÷ ceiling",
    "coverage": "coverage ÷ real",
    "density": "density ÷ real",
    "frechet": "Fréchet ÷ floor",
    "two_sample_pictures": "two-sample AUC on pictures",
}
KEYS = tuple(TITLES)


def axes(text: str) -> dict[str, list[float]]:
    """`temperature=0.5,1 top_k=16,32` as lists by name; SettingsError if it is not of that form."""
    found: dict[str, list[float]] = {}
    known = [name for name in SampleSettings.names() if SampleSettings.kind(name) is not str]
    for part in text.split():
        name, _, values = part.partition("=")
        name = name.replace("-", "_")
        if name not in known:
            raise SettingsError(
                f"a sweep varies numbers among the sampling settings, got {name!r}; use {', '.join(known)}"
            )
        try:
            kind = SampleSettings.kind(name)
            found[name] = [kind(value) for value in values.split(",")]
        except ValueError:
            raise SettingsError(
                f"values of {name} must be numbers separated by commas, got {values!r}"
            ) from None
    if not found:
        raise SettingsError("a sweep needs at least one setting with its values, as in temperature=0.5,1")
    return found


def sweep(
    candidate: ModelCandidate,
    material: Material,
    over: Mapping[str, Sequence[float]],
    settings: EvaluationSettings,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Every point as JSON values, one round each, and the best. progress: gets the count of points done."""
    settings = settings.replace(seeds=1)
    per_class = settings.samples_per_class
    grid = [dict(zip(over, values, strict=True)) for values in itertools.product(*over.values())]
    # Checked here, so that a wrong value is refused before the work starts.
    samplings = [resolved(candidate.settings.replace(**chosen), candidate.weights) for chosen in grid]
    valid = material.validation(2 * per_class)
    critics = train_critics(material, settings.critic_images, settings.images_seen, "B")
    lengths = np.array([thread.line_count for thread in valid.threads])
    walks = draw(RandomCandidate(material.weaving, lengths), material, settings)
    real, walked = (critics["B"].read(kind.rasters)[0] for kind in (valid, walks))
    pairs = measured(material.classes, valid.labels, [critics["B"].read(valid.rasters)[1]])
    same = merged(len(material.classes), pairs)
    points = []
    for chosen, sampling in zip(grid, samplings, strict=True):
        start = time.monotonic()
        maker: Candidate = replace(candidate, settings=sampling)
        samples = draw(maker, material, settings)
        compared = Comparison(material, per_class, 1, valid, samples, walks, same)
        figures, _ = recognisability(compared, critics)
        made = critics["B"].read(samples.rasters)[0]
        figures |= closeness_in(compared, real, made, walked, layer=LAYER)[0]
        point: dict[str, Any] = {"sampling": chosen}
        for key in KEYS[:-1]:
            point[key] = ends(figures[key].value)
        point[KEYS[-1]] = ends(_told(samples, valid, material).auc)
        point["score"] = rounded(_score(point["critic_b"][0], point["coverage"][0]))
        point["seconds"] = round(time.monotonic() - start, 2)
        points.append(point)
        progress(len(points))
    best = max(range(len(points)), key=lambda i: points[i]["score"])
    return {
        "format": FORMAT,
        "candidate": candidate.name,
        "images": f"the last train images of {material.name}, on which no critic was trained",
        "samples": per_class * len(material.classes),
        "features": LAYER,
        "settings": settings.to_dict(),
        "base": candidate.sampling.to_dict(),
        "points": points,
        "best": points[best]["sampling"],
    }


def plot(record: Mapping[str, Any]) -> Picture:
    """Recognisability against coverage of a sweep's record, with intervals; the best point has a ring."""
    dots = [
        charts.Dot(p["coverage"], p["critic_b"], p["sampling"], p["sampling"] == record["best"])
        for p in record["points"]
    ]
    return charts.scatter(dots, "coverage ÷ real against real", "accuracy of critic B ÷ ceiling")


def page(record: Mapping[str, Any]) -> str:
    """The sweep as one HTML page: plot and table."""
    keys = [key for key in KEYS if key in record["points"][0]]  # older records lack the last
    titles = [TITLES[key] for key in keys]
    rows = [
        [html.escape(_named(p["sampling"])), *[spread(p[key]) for key in keys], f"{p['score']:.4f}"]
        for p in sorted(record["points"], key=lambda p: -p["score"])
    ]
    body = (
        f"<h1>Sampling sweep of {html.escape(str(record['candidate']))}</h1>"
        f"<p>{len(rows)} points of {_samples(record)} samples each, measured "
        f"on {html.escape(record['images'])}, by critic B alone. Best score: "
        f"<strong>{html.escape(_named(record['best']))}</strong>.</p>"
        "<h2>Recognisability against coverage</h2>"
        '<figure><img alt="recognisability against coverage" '
        f'src="{thumbnails.data_url(plot(record))}"></figure>' + table(("sampling", *titles, "score"), rows)
    )
    return fill("Sampling sweep", body)


def _samples(record: Mapping[str, Any]) -> int:
    """Samples of a point; records of older versions are of ten classes."""
    return int(record.get("samples", 10 * record["settings"]["samples_per_class"]))


def _told(samples: Woven, valid: Woven, material: Material) -> Score:
    """How well a network tells the samples from woven validation images, on pictures, with one seed."""
    nails, width = material.weaving.nails, material.weaving.width
    made, real = (
        Side(pictures([t.nails for t in kind.threads], nails, width), kind.labels)
        for kind in (samples, valid)
    )
    return compare([Pair(PICTURES, made, real)], [0])[0].score


def _score(read: float, covered: float) -> float:
    a, b = min(read, 1.0), min(covered, 1.0)
    return 2 * a * b / max(a + b, 1e-9)


def _named(sampling: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:g}" for name, value in sampling.items())
