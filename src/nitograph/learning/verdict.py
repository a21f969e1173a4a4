"""Whether symbols were learned: read by critics beside real drawings, and not only copied.

Two critics, taught on woven drawings, read samples and woven test drawings; every sample is compared with
every drawing that was learned from. A class is learned where samples are read nearly as often as drawings.
The protocol of `evaluation` judges far more; this is the short form for after each run. This module knows
no page and no files.

Try it: python -c "from nitograph.learning.verdict import *; print(amounts(24))"
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.candidates import ModelCandidate, RandomCandidate
from nitograph.evaluation.judges.comparison import Comparison, train_critics
from nitograph.evaluation.judges.copying import copying
from nitograph.evaluation.judges.samples import recognisability, rules
from nitograph.evaluation.material import Material
from nitograph.evaluation.metrics import Estimate
from nitograph.evaluation.pairs import measured, merged, record as pairs_record
from nitograph.evaluation.protocol import draw
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.evaluation.verdicts import Figure
from nitograph.evaluation.woven import Training, Woven
from nitograph.learning.drawings import Drawings
from nitograph.model.weights import Weights
from nitograph.thread import Thread
from nitograph.weaving.settings import WeaveSettings

FORMAT = "nitograph-learned/1"
GOAL = 0.90  # samples read ÷ woven drawings read
READABLE = 0.6  # share of woven drawings of a class that must be read for a verdict on it
TWINS = 8
SAMPLES, FEWEST, MOST = 600, 10, 50  # samples in all, and of a class at least and at most


@dataclass(frozen=True, eq=False)
class Verdict:
    """What was found: JSON values, the figures behind them, and what a page shows.

    twins: the samples that share most chords with a thread that was learned from, each beside that one.
    """

    record: dict[str, Any]
    figures: dict[str, Figure]
    samples: Woven
    reference: Woven
    twins: Sequence[tuple[Thread, Thread]]

    @property
    def read(self) -> Estimate:
        """Samples ÷ woven drawings, as critic B reads them."""
        return self.figures["critic_b"].value


def amounts(classes: int, *, seed: int = 100_000) -> EvaluationSettings:
    """How much is sampled and learned for so many classes."""
    longer = max(1.0, classes / 10) ** 0.5
    return EvaluationSettings(
        samples_per_class=max(FEWEST, min(MOST, SAMPLES // classes)),
        seeds=1,
        critic_images=min(15_000, max(600, 200 * classes)),
        images_seen=round(20_000 * longer),
        first_seed=seed,
    )


def judge(
    weights: Weights,
    drawings: Drawings,
    cache: Cache,
    *,
    settings: EvaluationSettings | None = None,
    report: Callable[[str], None] = lambda part: None,
) -> Verdict:
    """Judge weights on all classes that there are drawings of. report: gets each part as it begins."""
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    material = Material.of(drawings.of, weaving, cache, known=weights.classes)
    settings = settings or amounts(len(material.classes))
    report("weaving drawings")
    reference, training = material.reference(2 * settings.samples_per_class), material.training()
    report("critics")
    critics = train_critics(material, settings.critic_images, settings.images_seen, "BC")
    report("sampling")
    samples = draw(ModelCandidate(weights), material, settings)
    lengths = np.diff(training.paths.starts) - 1
    walks = draw(RandomCandidate(weaving, lengths), material, settings)
    pairs = measured(
        material.classes, reference.labels, [c.read(reference.rasters)[1] for c in critics.values()]
    )
    same = merged(len(material.classes), pairs)
    compared = Comparison(material, settings.samples_per_class, 1, reference, samples, walks, same)
    report("judging")
    figures, details = recognisability(compared, critics)
    found, nearness = copying(compared, training)
    twins = _twins(samples, training, nearness.pop("nearness")["samples"], nearness.pop("where"))
    broken, _ = rules(compared)
    figures |= found | broken
    record = {
        "format": FORMAT,
        "nitograph": __version__,
        "classes": list(material.classes),
        "own": [name for name in drawings.own if name in material.classes],
        "varied": list(drawings.varied),
        "drawings": _counts(material, drawings),
        "settings": settings.to_dict(),
        "by_class": _by_class(material.classes, details, figures["critic_b"].reference or 0.0),
        "confusable": pairs_record(material.classes, pairs),
        "figures": {key: figure.to_dict() for key, figure in figures.items()},
        "copying": nearness,
    }
    return Verdict(record, figures, samples, reference, twins)


def _twins(
    samples: Woven, training: Training, shared: NDArray[np.float64], where: NDArray[np.int64]
) -> list[tuple[Thread, Thread]]:
    """The samples nearest to training, and what they are nearest to."""
    rows = [row for row in np.argsort(-shared, kind="stable")[:TWINS] if where[row] >= 0]
    threads = [samples.threads[row] for row in rows]
    return [
        (thread, Thread(training.paths.path(int(where[row])), thread.board, thread.label))
        for row, thread in zip(rows, threads, strict=True)
    ]


def _counts(material: Material, drawings: Drawings) -> dict[str, list[int]]:
    """Drawings of each class: learned from, and for tests."""
    size = len(material.classes)
    return {
        "train": np.bincount(material.train.labels, minlength=size).tolist(),
        "test": np.bincount(material.test.labels, minlength=size).tolist(),
    }


def _by_class(classes: tuple[str, ...], details: dict[str, Any], ceiling: float) -> list[dict[str, Any]]:
    """Of each class what critic B reads, what it is taken for most, and the verdict in one word.

    ceiling: what it reads of all real drawings. Where that is too little, a class that it reads well may be
    no more than its usual guess.
    """
    trusted = ceiling >= READABLE
    found, confusion = details["B"], np.array(details["B"]["confusion"])
    rows = []
    for i, name in enumerate(classes):
        read, drawn = found["by_class"][i], found["ceiling_by_class"][i]
        others = confusion[i].copy()
        others[i] = 0
        taken = classes[int(others.argmax())] if others.any() else None
        rows.append(
            {
                "class": name,
                "read": read,
                "ceiling": drawn,
                "taken_for": taken,
                "verdict": _word(read, drawn if trusted else 0.0),
            }
        )
    return rows


def _word(read: float, ceiling: float) -> str:
    """learned, partly, not learned, or unclear where not even real drawings are read."""
    if ceiling < READABLE:
        return "unclear"
    share = read / ceiling
    return "learned" if share >= GOAL else "partly" if share >= GOAL / 2 else "not learned"
