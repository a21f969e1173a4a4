"""Choosing how to sample: every combination of some settings, on validation images and critic B only.

Test images and critics A and C take no part, so that what is chosen here can still be judged by them. Each
point is recognisability (critic B ÷ its ceiling) against coverage (÷ real against real, in critic B's
features); the point with the best harmonic mean of the two, each counted up to 1, is marked. `plot` takes a
record, so that a kept one can be drawn again.

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
from nitograph.evaluation.judges import samples as samples_judge
from nitograph.evaluation.judges.court import Court, Panel
from nitograph.evaluation.material import Material
from nitograph.evaluation.page import thumbnails
from nitograph.evaluation.page.elements import fill, spread, table
from nitograph.evaluation.protocol import draw
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import ends, rounded
from nitograph.sampling.sampler import SampleSettings

FORMAT = "nitograph-sweep/1"
AXES = "guidance=1,1.25,1.5,2 temperature=0.7,0.85,1 plan_temperature=0.85,1"
LAYER = "critic B's last hidden layer"


def axes(text: str) -> dict[str, list[float]]:
    """`temperature=0.5,1 top_k=16,32` as lists by name; SettingsError where it is not of that form."""
    found: dict[str, list[float]] = {}
    for part in text.split():
        name, _, values = part.partition("=")
        name = name.replace("-", "_")
        if name not in SampleSettings.names():
            raise SettingsError(f"a sweep goes over settings of sampling, got {name!r}")
        try:
            kind = SampleSettings.kind(name)
            found[name] = [kind(value) for value in values.split(",")]
        except ValueError:
            raise SettingsError(
                f"values of {name} must be numbers with commas between, got {values!r}"
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
    """Every point as JSON values, one round each, and the best; progress hears how many are done."""
    settings = settings.replace(seeds=1)
    each = settings.samples_per_class
    grid = [dict(zip(over, values, strict=True)) for values in itertools.product(*over.values())]
    samplings = [
        candidate.settings.replace(**chosen) for chosen in grid
    ]  # refused before the work, if at all
    valid = material.validation(2 * each)
    panel = Panel.taught(material, settings.critic_images, settings.images_seen, "B")
    lengths = np.array([thread.line_count for thread in valid.threads])
    walks = draw(RandomCandidate(material.weaving, lengths), material, settings)
    features = [panel.critics["B"].read(kind.rasters)[0] for kind in (valid, walks)]
    points = []
    for chosen, sampling in zip(grid, samplings, strict=True):
        began = time.monotonic()
        maker: Candidate = replace(candidate, settings=sampling)
        samples = draw(maker, material, settings)
        court = Court(material, each, 1, valid, samples, walks)
        figures, _ = samples_judge.recognisability(court, panel)
        made = panel.critics["B"].read(samples.rasters)[0]
        figures |= samples_judge.near(court, features[0], made, features[1], layer=LAYER)[0]
        point: dict[str, Any] = {"sampling": chosen}
        for key in ("critic_b", "worst_digit", "coverage", "density", "frechet"):
            point[key] = ends(figures[key].value)
        point["score"] = rounded(_score(point["critic_b"][0], point["coverage"][0]))
        point["seconds"] = round(time.monotonic() - began, 2)
        points.append(point)
        progress(len(points))
    best = max(range(len(points)), key=lambda i: points[i]["score"])
    return {
        "format": FORMAT,
        "candidate": candidate.name,
        "images": "the last MNIST train images, from which no critic learned",
        "features": LAYER,
        "settings": settings.to_dict(),
        "base": candidate.settings.to_dict(),
        "points": points,
        "best": points[best]["sampling"],
    }


def plot(record: Mapping[str, Any]) -> Picture:
    """Recognisability against coverage of a sweep's record, with intervals, the best point ringed."""
    dots = [
        charts.Dot(p["coverage"], p["critic_b"], p["sampling"], p["sampling"] == record["best"])
        for p in record["points"]
    ]
    return charts.scatter(dots, "coverage ÷ real against real", "read rightly by critic B ÷ ceiling")


def page(record: Mapping[str, Any]) -> str:
    """The sweep as one page: the plot and the table."""
    keys = ("critic_b", "worst_digit", "coverage", "density", "frechet")
    titles = ("critic B ÷ ceiling", "worst digit ÷ ceiling", "coverage ÷ real", "density ÷ real")
    rows = [
        [html.escape(_named(p["sampling"])), *[spread(p[key]) for key in keys], f"{p['score']:.4f}"]
        for p in sorted(record["points"], key=lambda p: -p["score"])
    ]
    body = (
        f"<h1>How to sample: a sweep of {html.escape(str(record['candidate']))}</h1>"
        f"<p>{len(rows)} points of {10 * record['settings']['samples_per_class']} samples each, measured "
        f"on {html.escape(record['images'])}, by critic B alone. Best score: "
        f"<strong>{html.escape(_named(record['best']))}</strong>.</p>"
        "<h2>Recognisability against coverage</h2>"
        '<figure><img alt="recognisability against coverage" '
        f'src="{thumbnails.address(plot(record))}"></figure>'
        + table(("sampling", *titles, "Fréchet ÷ floor", "score"), rows)
    )
    return fill("Sampling sweep", body)


def _score(read: float, covered: float) -> float:
    a, b = min(read, 1.0), min(covered, 1.0)
    return 2 * a * b / max(a + b, 1e-9)


def _named(sampling: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:g}" for name, value in sampling.items())
