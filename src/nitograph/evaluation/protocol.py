"""The fixed protocol: samples of a candidate compared with woven pictures it never saw, of any classes.

Three critics classify the samples; distances are measured in the features of the one that is never used for
choosing; a network trained on samples alone has to classify real ones; every sample is compared with
every training thread; another network tries to tell samples from woven pictures; rules and likelihood are
checked. Each figure comes with those of woven test pictures and of random walks. This module returns
values; `page.report` renders them.

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
from nitograph.evaluation.judges.comparison import Comparison, Critics, Judgement, mean, train_critics
from nitograph.evaluation.judges.copying import copying
from nitograph.evaluation.judges.given_pictures import GivenPictures, winding
from nitograph.evaluation.judges.resemblance import Shown, resemblance
from nitograph.evaluation.judges.samples import breaks_a_rule, closeness, recognisability, rules, usefulness
from nitograph.evaluation.material import DIGITS, Material
from nitograph.evaluation.metrics import difference, mean_interval
from nitograph.evaluation.nearest import pack
from nitograph.evaluation.pairs import measured, merged, record as pairs_record
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import GOALS, GOALS_OF_ANY, Figure, ends, rounded
from nitograph.evaluation.woven import Training, Woven, rasters
from nitograph.sampling.sampler import sample_paths

FORMAT = "nitograph-evaluation/1"
UNMASKED = 20  # paths per class and round that are sampled without the mask


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results: the JSON record, the figures, and what the page shows.

    read, wrong: the class that each critic reads of each sample, and whether it is a wrong one.
    """

    record: dict[str, Any]
    figures: Mapping[str, Figure]
    samples: Woven
    reference: Woven
    read: Mapping[str, NDArray[np.int64]]
    wrong: Mapping[str, NDArray[np.bool_]]
    nearness: Mapping[str, NDArray[np.float64]]
    nearest: tuple[NDArray[np.int64], Training] = field(repr=False)
    suspects: Shown
    given_pictures: GivenPictures | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that were judged."""
        return tuple(self.record["classes"])

    @property
    def verdicts(self) -> dict[str, str]:
        """pass, open or fail of each figure."""
        return {key: figure.verdict for key, figure in self.figures.items()}


class Clock:
    """Seconds of each part of the work, in order; `report` gets the name of each part as it starts."""

    def __init__(self, report: Callable[[str], None] = lambda name: None) -> None:
        self.seconds: dict[str, float] = {}
        self._report = report

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time the block."""
        self._report(name)
        start = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 2)


def evaluate(
    candidate: Candidate,
    material: Material,
    training: Training,
    settings: EvaluationSettings | None = None,
    *,
    clock: Clock | None = None,
) -> Evaluation:
    """Every figure of one candidate. training: the threads among which copies are searched.

    A ModelCandidate also gets figures of likelihood, of paths sampled without the mask and, with the plan
    design, of winding the pictures of the references. clock: times the parts, added to those it already
    has. SettingsError if there is too little material or too few threads, or they are on another board.
    """
    settings = settings or EvaluationSettings()
    clock = clock or Clock()
    with clock.part("weaving references"):
        reference = material.reference(2 * settings.samples_per_class)
        hygiene = material.hygiene(reference, training)
    with clock.part("critics"):
        critics = train_critics(material, settings.critic_images, settings.images_seen)
    with clock.part("sampling"):
        samples = draw(candidate, material, settings)
    with clock.part("random walks"):
        walks = RandomCandidate(material.weaving, np.diff(training.paths.starts) - 1)
        walks_drawn = draw(walks, material, settings.replace(seeds=1))
    reads = [critic.read(reference.rasters)[1] for critic in critics.values()]
    pairs = measured(material.classes, reference.labels, reads)
    compared = Comparison(
        material,
        settings.samples_per_class,
        settings.seeds,
        reference,
        samples,
        walks_drawn,
        merged(len(material.classes), pairs),
    )
    with clock.part("two-sample tests"):
        alike, two_sample, suspects = resemblance(candidate, compared, settings)
    figures, record = _judged(compared, critics, training, settings, clock)
    figures, record["two_sample"] = alike | figures, two_sample
    record["hygiene"] = hygiene | {"training_threads": len(training)}
    nearness, where = record["copying"].pop("nearness"), record["copying"].pop("where")
    given_pictures: GivenPictures | None = None
    if isinstance(candidate, ModelCandidate):
        with clock.part("rules, mask off"):
            record["rules"]["mask_off"] = _mask_off(candidate, material, settings)
        with clock.part("likelihood"):
            record["likelihood"] = _likelihood(candidate, material, training, reference)
        if candidate.weights.settings.planned:
            with clock.part("winding"):
                found, record["winding"], given_pictures = winding(
                    candidate, compared, critics, seed=settings.first_seed
                )
            figures |= found
    goals = GOALS if material.classes == DIGITS else GOALS_OF_ANY
    figures = {key: figure.judged_by(goals) for key, figure in figures.items()}
    head = {
        "format": FORMAT,
        "nitograph": __version__,
        "candidate": candidate.name,
        **_model_facts(candidate),
        "source": material.name,
        "classes": list(material.classes),
        "not_judged": _not_judged(candidate, material),
        "confusable": pairs_record(material.classes, pairs),
        "form": settings.form_for(len(material.classes)),
        "settings": settings.to_dict(),
        "weaving": material.weaving.to_dict(),
        "samples": len(samples),
        "clean": hygiene["images_in_both"] == 0 and hygiene["sequences_in_both"] == 0,
        "reached": all(figure.verdict == "pass" for figure in figures.values()),
        "verdicts": {key: figure.verdict for key, figure in figures.items()},
        "figures": {key: figure.to_dict() for key, figure in figures.items()},
        "seconds": clock.seconds | {"all": round(sum(clock.seconds.values()), 2)},
    }
    read = {name: critic.read(samples.rasters)[1] for name, critic in critics.items()}
    wrong = {name: ~compared.right(found, samples) for name, found in read.items()}
    shown = (nearness, (where, training), suspects, given_pictures)
    return Evaluation(head | record, figures, samples, reference, read, wrong, *shown)


def _judged(
    compared: Comparison,
    critics: Critics,
    training: Training,
    settings: EvaluationSettings,
    clock: Clock,
) -> tuple[dict[str, Figure], dict[str, Any]]:
    """The figures that every candidate gets, and the details by judge."""
    figures: dict[str, Figure] = {}
    record: dict[str, Any] = {}
    judges: tuple[tuple[str, Callable[[], Judgement]], ...] = (
        ("recognisability", lambda: recognisability(compared, critics)),
        ("closeness", lambda: closeness(compared, critics)),
        ("usefulness", lambda: usefulness(compared, settings.critic_images, settings.lesson_seen)),
        ("copying", lambda: copying(compared, training)),
        ("rules", lambda: rules(compared)),
    )
    for name, judge in judges:
        with clock.part(name):
            found, record[name] = judge()
        figures |= found
    return figures, record


def draw(candidate: Candidate, material: Material, settings: EvaluationSettings) -> Woven:
    """All samples, round by round, classes in turn; every thread has a seed of its own."""
    classes = material.classes
    labels = np.tile(np.arange(len(classes)), settings.samples_per_class * settings.seeds)
    seeds = range(settings.first_seed, settings.first_seed + len(labels))
    threads = candidate.threads([classes[label] for label in labels], seeds)
    for thread in threads:
        if thread.board != material.weaving.board:
            raise SettingsError(
                f"threads must be on the board of the references, {material.weaving.board.words}, got one "
                f"on {thread.board.words}"
            )
    shown = rasters(pack([thread.nails for thread in threads]), material.weaving)
    return Woven(threads, shown, labels, np.asarray(seeds))


def _model_facts(candidate: Candidate) -> dict[str, Any]:
    """Facts of a model and its sampling settings; empty for other candidates."""
    if not isinstance(candidate, ModelCandidate):
        return {}
    weights = candidate.weights
    model = {"design": weights.settings.design, "parameters": weights.parameters()}
    model |= {"weights": weights.digest[:16]}
    return {"model": model, "sampling": candidate.sampling.to_dict()}


def _not_judged(candidate: Candidate, material: Material) -> list[str]:
    """The classes of a model that the material has no pictures of."""
    known = candidate.weights.classes if isinstance(candidate, ModelCandidate) else ()
    return [name for name in known if name not in material.classes]


def _mask_off(
    candidate: ModelCandidate, material: Material, settings: EvaluationSettings
) -> dict[str, Any]:
    """Share of paths that break a rule when the first samples are drawn without the mask."""
    size = settings.samples_per_class * len(material.classes)
    labels = list(material.classes) * min(UNMASKED, settings.samples_per_class)
    starts = [settings.first_seed + number * size for number in range(settings.seeds)]
    seeds = [seed for start in starts for seed in range(start, start + len(labels))]
    weights, sampling, wanted = candidate.weights, candidate.settings, labels * settings.seeds
    paths = sample_paths(weights, wanted, seeds, sampling, decoder=candidate.decoder, masked=False)
    broken = breaks_a_rule(pack(paths), material.weaving)
    by_seed = [rounded(mean(part)) for part in broken.reshape(settings.seeds, -1)]
    return {"paths": len(paths), "share": ends(mean_interval(broken)), "by_seed": by_seed}


def _likelihood(
    candidate: ModelCandidate, material: Material, training: Training, reference: Woven
) -> dict[str, Any]:
    """Nats on test threads, on as many training threads, and the gap between them."""
    from nitograph.evaluation.judges.likelihood import measure

    images, weights = material.test.images[reference.rows], candidate.weights
    place = candidate.places(material.classes)
    test = measure(weights, images, place[reference.labels], reference.paths())
    found: dict[str, Any] = {"test": test.summary()}
    if training.images is not None:
        rows = np.random.default_rng(material.seed).permutation(len(training))[: len(reference)]
        labels, paths = place[training.labels[rows]], training.paths.take(rows)
        seen = measure(weights, training.images[rows], labels, paths)
        found["training"] = seen.summary()
        key = "joint_nats_a_token"
        found["gap"] = ends(difference(test.means()[key], seen.means()[key]))
    return found
