"""What is evaluated: a model, a file of threads, or one of six stand-ins with a known verdict.

A candidate gives a thread for each class name and seed; the evaluation needs nothing else of it. The
stand-ins test the evaluation itself: `woven` is the ideal (real pictures unused elsewhere), `copier`
returns training threads, `rewinder` weaves their pictures again, `prototypes` repeats one thread of each
class, `random` draws legal walks, `swapped` gives the ideal under wrong labels. This module knows no
critics.

Try it: python -m nitograph evaluate --stand-in copier
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nitograph.board import allowed_next
from nitograph.errors import SettingsError
from nitograph.evaluation.material import Material
from nitograph.evaluation.woven import Training, Woven
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import Decoding, SampleSettings, invent, resolved
from nitograph.thread import Thread
from nitograph.weaving.encoder import WeaveSettings, weave_many

STAND_INS = {
    "woven": "unseen woven pictures, the ideal: must pass everything",
    "copier": "training threads: must fail copying",
    "rewinder": "training pictures woven again from another nail: must fail nearness as pictures",
    "prototypes": "one woven picture of each class repeated: must fail duplicates and coverage",
    "random": "random legal walks: must fail recognisability",
    "swapped": "woven pictures under wrong labels: must fail recognisability",
}


class Candidate(Protocol):
    """Anything that gives threads for class names and seeds."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    def threads(self, labels: Sequence[str], seeds: Sequence[int]) -> list[Thread]:
        """One thread for each label and seed."""


@dataclass(frozen=True, eq=False)
class ModelCandidate:
    """What a model invents under these sampling settings."""

    weights: Weights
    settings: SampleSettings = field(default_factory=SampleSettings)
    decoder: Decoding | None = None
    name: str = "model"

    @property
    def sampling(self) -> SampleSettings:
        """The settings, with the model's own values filled in."""
        return resolved(self.settings, self.weights)

    def places(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """The model's own indices of these classes."""
        return np.array([self.weights.classes.index(name) for name in classes], dtype=np.int64)

    def threads(self, labels: Sequence[str], seeds: Sequence[int]) -> list[Thread]:
        """Sampled threads."""
        return invent(self.weights, list(labels), list(seeds), self.settings, decoder=self.decoder)


@dataclass(frozen=True, eq=False)
class ListedCandidate:
    """Existing threads, returned class by class in their order, each once."""

    listed: Sequence[Thread]
    name: str = "threads"
    _used: dict[str, int] = field(default_factory=dict)

    def require(self, per_class: int, classes: Sequence[str]) -> None:
        """SettingsError if there are fewer than `per_class` threads of one of these classes."""
        counts = Counter(thread.label for thread in self.listed)
        fewest = min(classes, key=lambda label: counts[label])
        if counts[fewest] < per_class:
            raise SettingsError(
                f"{self.name} has {counts[fewest]} threads of class {fewest}, but {per_class} are needed; "
                "lower samples_per_class or the number of seeds, or add threads"
            )

    def threads(self, labels: Sequence[str], seeds: Sequence[int]) -> list[Thread]:
        """The next threads of each label; SettingsError once there are no more."""
        by_class: dict[str, list[Thread]] = {}
        for thread in self.listed:
            by_class.setdefault(str(thread.label), []).append(thread)
        found = []
        for label in labels:
            place = self._used.get(label, 0)
            if place >= len(by_class.get(label, [])):
                raise SettingsError(f"{self.name} has no more threads of class {label}; add some")
            found.append(by_class[label][place])
            self._used[label] = place + 1
        return found


@dataclass(frozen=True, eq=False)
class MadeCandidate:
    """A stand-in: a function of class index and random generator."""

    name: str
    classes: tuple[str, ...]
    make: Callable[[int, np.random.Generator], Thread]

    def threads(self, labels: Sequence[str], seeds: Sequence[int]) -> list[Thread]:
        """One thread for each label and seed, made from them alone."""
        made = []
        for label, seed in zip(labels, seeds, strict=True):
            thread = self.make(self.classes.index(label), np.random.default_rng(seed))
            made.append(thread.replace(label=label))
        return made


def stand_in(name: str, material: Material, training: Training, *, per_class: int, after: int) -> Candidate:
    """One of STAND_INS. per_class: threads needed per class. after: threads per class in the reference."""
    if name == "copier":
        return _copier(material, training)
    if name == "rewinder":
        return _rewinder(material, training, per_class)
    if name == "random":
        return RandomCandidate(material.weaving, np.diff(training.paths.starts) - 1)
    unseen = material.unseen(per_class if name != "prototypes" else 1, after=after)
    if name == "prototypes":
        return MadeCandidate(name, material.classes, lambda label, rng: unseen.threads[label])
    if name == "swapped":
        return ListedCandidate(_relabelled(unseen, material.classes), name)
    if name == "woven":
        return ListedCandidate(unseen.threads, name)
    raise SettingsError(f"a stand-in is one of {', '.join(STAND_INS)}, got {name!r}")


def random_walks(
    weaving: WeaveSettings, chords: Sequence[int], rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Legal walks of at most `chords` chords each, every nail drawn uniformly from those allowed."""
    longest, rows = max(chords), np.arange(len(chords))
    paths = np.zeros((len(chords), longest + 1), dtype=np.int64)
    paths[:, 0] = rng.integers(weaving.nails, size=len(chords))
    ends = np.asarray(chords, dtype=np.int64) + 1
    for count in range(1, longest + 1):
        recent = paths[:, max(0, count - weaving.recent_edges - 1) : count]
        allowed = allowed_next(recent, weaving.board, weaving.rules)
        ends = np.where(allowed.any(axis=1), ends, np.minimum(ends, count))
        paths[rows, count] = np.where(allowed, rng.random(allowed.shape), -1).argmax(axis=1)
    return [path[:end] for path, end in zip(paths, ends, strict=True)]


@dataclass(frozen=True, eq=False)
class RandomCandidate:
    """Legal walks with the lengths of training threads."""

    weaving: WeaveSettings
    lengths: NDArray[np.int64]
    name: str = "random"

    def threads(self, labels: Sequence[str], seeds: Sequence[int]) -> list[Thread]:
        """One walk for each label, drawn from all the seeds together."""
        rng = np.random.default_rng(list(seeds))
        walks = random_walks(self.weaving, [int(x) for x in rng.choice(self.lengths, len(labels))], rng)
        board = self.weaving.board
        return [Thread(walk, board, label) for walk, label in zip(walks, labels, strict=True)]


def _copier(material: Material, training: Training) -> MadeCandidate:
    rows = [np.flatnonzero(training.labels == label) for label in range(len(material.classes))]
    _each_has_threads("copier", training, material.classes)

    def make(label: int, rng: np.random.Generator) -> Thread:
        return Thread(training.paths.path(int(rng.choice(rows[label]))), material.weaving.board)

    return MadeCandidate("copier", material.classes, make)


def _each_has_threads(name: str, training: Training, classes: Sequence[str]) -> None:
    """SettingsError where a class has no training thread."""
    lacking = np.setdiff1d(np.arange(len(classes)), training.labels)
    if len(lacking):
        raise SettingsError(
            f"the {name} needs a training thread of every class, but there is none of "
            f"{classes[lacking[0]]}; take more training_threads"
        )


def _rewinder(material: Material, training: Training, per_class: int) -> ListedCandidate:
    """The pictures of training threads, woven from a nail at which none of them starts."""
    if training.images is None:
        raise SettingsError(
            "the rewinder needs training pictures, which a dataset does not hold; leave out the dataset"
        )
    classes = material.classes
    _each_has_threads("rewinder", training, classes)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(training.labels == i), per_class) for i in range(len(classes))]
    )
    starts = np.bincount(training.paths.flat[training.paths.starts[:-1]], minlength=material.weaving.nails)
    weaving = material.weaving.replace(start_nail=int(starts.argmin()))
    woven = weave_many(training.images[rows], weaving)
    board = weaving.board
    listed = [Thread(woven.path(i), board, classes[training.labels[row]]) for i, row in enumerate(rows)]
    return ListedCandidate(listed, "rewinder")


def _relabelled(woven: Woven, classes: tuple[str, ...]) -> list[Thread]:
    """Every thread under the label of the next class."""
    names = [classes[(int(label) + 1) % len(classes)] for label in woven.labels]
    return [thread.replace(label=name) for thread, name in zip(woven.threads, names, strict=True)]
