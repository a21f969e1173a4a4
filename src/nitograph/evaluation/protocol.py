"""The fixed protocol: samples of a candidate against woven handwriting it never saw.

Three critics read the samples, closeness is measured in the features of the one that is never used for
choosing, a network taught on samples alone has to read real ones, every sample is held against every
training thread, another network tries to tell samples from woven digits, and rules and likelihood are
checked. Each figure stands beside what woven test digits get and what random walks get. This module gives
values; the page is page.report's.

Try it: python -m nitograph evaluate --stand-in woven --samples-per-class 20 --seeds 1
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.errors import SettingsError
from nitograph.evaluation.candidates import Candidate, ModelCandidate, RandomCandidate
from nitograph.evaluation.judges import copying, samples as samples_judge
from nitograph.evaluation.judges.court import Court, Found, Panel, mean
from nitograph.evaluation.judges.given_pictures import Wound, winding
from nitograph.evaluation.judges.resemblance import Shown, resemblance
from nitograph.evaluation.material import CLASSES, Material, Training, Woven, rasters
from nitograph.evaluation.metrics import difference, mean_interval
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import Figure, ends, rounded
from nitograph.sampling.invent import resolved, sample_paths

FORMAT = "nitograph-evaluation/1"
UNMASKED = 20  # paths of each class in a round sampled without the mask

Part = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found: the JSON record, the figures, and what the page shows."""

    record: dict[str, Any]
    figures: Mapping[str, Figure]
    samples: Woven
    reference: Woven
    read: Mapping[str, NDArray[np.int64]]
    nearness: Mapping[str, NDArray[np.float64]]
    nearest: tuple[NDArray[np.int64], Training] = field(repr=False)
    suspects: Shown
    wound: Wound | None = None

    @property
    def verdicts(self) -> dict[str, str]:
        """pass, open or fail of each figure."""
        return {key: figure.verdict for key, figure in self.figures.items()}


class Clock:
    """Seconds of each part of the work, in order; tells somebody which part begins."""

    def __init__(self, started: Part = lambda name: None) -> None:
        self.seconds: dict[str, float] = {}
        self._started = started

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what stands in the block."""
        self._started(name)
        began = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 2)


def evaluate(
    candidate: Candidate,
    material: Material,
    training: Training,
    settings: EvaluationSettings | None = None,
    *,
    clock: Clock | None = None,
) -> Evaluation:
    """Every figure of one candidate. training: the threads that its copies are looked for in.

    A ModelCandidate is also asked for its likelihood, for paths without the mask and, if it is of the plan
    design, to wind pictures of the references. clock: times the parts, goes on where it stands. Raises
    SettingsError where material or threads are too few, or threads are on another board.
    """
    settings = settings or EvaluationSettings()
    clock = clock or Clock()
    with clock.part("weaving references"):
        reference = material.reference(2 * settings.samples_per_class)
        hygiene = material.hygiene(reference, training)
    with clock.part("critics"):
        panel = Panel.taught(material, settings.critic_images, settings.images_seen)
    with clock.part("sampling"):
        samples = draw(candidate, material, settings)
    with clock.part("random walks"):
        walks = RandomCandidate(material.weaving, np.diff(training.paths.starts) - 1)
        walks_drawn = draw(walks, material, settings.replace(seeds=1))
    court = Court(material, settings.samples_per_class, settings.seeds, reference, samples, walks_drawn)
    with clock.part("two-sample tests"):
        alike, two_sample, suspects = resemblance(candidate, court, settings)
    figures, record = _judged(court, panel, training, settings, clock)
    figures, record["two_sample"] = alike | figures, two_sample
    record["hygiene"] = hygiene | {"training_threads": len(training)}
    nearness, where = record["copying"].pop("nearness"), record["copying"].pop("where")
    wound: Wound | None = None
    if isinstance(candidate, ModelCandidate):
        with clock.part("rules, mask off"):
            record["rules"]["mask_off"] = _mask_off(candidate, material, settings)
        with clock.part("likelihood"):
            record["likelihood"] = _likelihood(candidate, material, training, reference)
        if candidate.weights.settings.planned:
            with clock.part("winding"):
                given, record["winding"], wound = winding(candidate, court, panel, seed=settings.first_seed)
            figures |= given
    head = {
        "format": FORMAT,
        "nitograph": __version__,
        "candidate": candidate.name,
        **_told(candidate),
        "form": settings.form,
        "settings": settings.to_dict(),
        "weaving": material.weaving.to_dict(),
        "samples": len(samples),
        "clean": hygiene["images_in_both"] == 0 and hygiene["sequences_in_both"] == 0,
        "reached": all(figure.verdict == "pass" for figure in figures.values()),
        "verdicts": {key: figure.verdict for key, figure in figures.items()},
        "figures": {key: figure.to_dict() for key, figure in figures.items()},
        "seconds": clock.seconds | {"all": round(sum(clock.seconds.values()), 2)},
    }
    read = {name: panel.critics[name].read(samples.rasters)[1] for name in panel.critics}
    shown = (nearness, (where, training), suspects, wound)
    return Evaluation(head | record, figures, samples, reference, read, *shown)


def _judged(
    court: Court,
    panel: Panel,
    training: Training,
    settings: EvaluationSettings,
    clock: Clock,
) -> tuple[dict[str, Figure], dict[str, Any]]:
    """The figures that any candidate is asked for, and the details by judge."""
    figures: dict[str, Figure] = {}
    record: dict[str, Any] = {}
    judges: tuple[tuple[str, Callable[[], Found]], ...] = (
        ("recognisability", lambda: samples_judge.recognisability(court, panel)),
        ("closeness", lambda: samples_judge.closeness(court, panel)),
        (
            "usefulness",
            lambda: samples_judge.usefulness(court, settings.critic_images, settings.lesson_seen),
        ),
        ("copying", lambda: copying.copying(court, training)),
        ("rules", lambda: samples_judge.rules(court)),
    )
    for name, judge in judges:
        with clock.part(name):
            found, record[name] = judge()
        figures |= found
    return figures, record


def draw(candidate: Candidate, material: Material, settings: EvaluationSettings) -> Woven:
    """All samples, round after round, classes in turn; no two seeds alike."""
    each = settings.samples_per_class
    labels = np.tile(np.arange(len(CLASSES)), each * settings.seeds)
    seeds = range(settings.first_seed, settings.first_seed + len(labels))
    threads = candidate.threads([CLASSES[label] for label in labels], seeds)
    for thread in threads:
        if thread.board != material.weaving.board:
            raise SettingsError(
                f"threads must be on the board of the references, {material.weaving.nails} nails, "
                f"got one of {thread.board.num_nails}"
            )
    shown = rasters(pack([thread.nails for thread in threads]), material.weaving)
    return Woven(threads, shown, labels, np.asarray(seeds))


def _told(candidate: Candidate) -> dict[str, Any]:
    """What is to be known of a model and its sampling; nothing of other candidates."""
    if not isinstance(candidate, ModelCandidate):
        return {}
    weights = candidate.weights
    model = {"design": weights.settings.design, "parameters": weights.parameters()}
    model |= {"weights": weights.digest[:16]}
    return {"model": model, "sampling": resolved(candidate.settings, weights).to_dict()}


def _mask_off(
    candidate: ModelCandidate, material: Material, settings: EvaluationSettings
) -> dict[str, Any]:
    """Share that breaks a rule where the model is asked for the first samples, but any nail may follow."""
    each, size = min(UNMASKED, settings.samples_per_class), settings.samples_per_class * len(CLASSES)
    labels = list(CLASSES) * each
    starts = [settings.first_seed + number * size for number in range(settings.seeds)]
    seeds = [seed for start in starts for seed in range(start, start + len(labels))]
    weights, sampling, wanted = candidate.weights, candidate.settings, labels * settings.seeds
    paths = sample_paths(weights, wanted, seeds, sampling, decoder=candidate.decoder, masked=False)
    broken = samples_judge.breaks_a_rule(pack(paths), material.weaving)
    by_seed = [rounded(mean(part)) for part in broken.reshape(settings.seeds, -1)]
    return {"paths": len(paths), "share": ends(mean_interval(broken)), "by_seed": by_seed}


def _likelihood(
    candidate: ModelCandidate, material: Material, training: Training, reference: Woven
) -> dict[str, Any]:
    """Nats on test threads, and on as many training threads, and the gap between them."""
    from nitograph.evaluation.judges.likelihood import measure

    images, weights = material.test.images[reference.rows], candidate.weights
    test = measure(weights, images, reference.labels, reference.paths())
    found: dict[str, Any] = {"test": test.summary()}
    if training.images is not None:
        rows = np.random.default_rng(material.seed).permutation(len(training))[: len(reference)]
        seen = measure(weights, training.images[rows], training.labels[rows], training.paths.take(rows))
        found["training"] = seen.summary()
        key = "joint_nats_a_token"
        found["gap"] = ends(difference(test.means()[key], seen.means()[key]))
    return found
