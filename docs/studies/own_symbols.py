"""What `learn` makes of real drawings: a new alphabet, drawings by many people, icons, one of each.

Each task trains from given weights (the package's by default) and is judged as `nitograph learn` judges
itself: read by critics ÷ the same of woven drawings that it never saw, nearness to the drawings beside that
of such drawings. The files are .npz with images (n, 28, 28) uint8, names, and labels where several images
are of one name; of each name the first images are learned, the following ones are tests. Where images of a
name are in the order of their writers, as in Omniglot, test writers are therefore others.

    python docs/studies/own_symbols.py --alphabet omniglot.npz --prefix Greek/ --drawings sketches.npz \\
        --icons icons.npz

Try it: python docs/studies/own_symbols.py --drawings sketches.npz --only drawings --minutes 0.1
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from records import arguments, finished, keep

from nitograph.corpus.sources import LabelledImages
from nitograph.drawing.contact_sheet import contact_sheet
from nitograph.evaluation.cache import Cache
from nitograph.evaluation.settings import EvaluationSettings
from nitograph.learning.course import course
from nitograph.learning.drawings import Drawings, drawings, with_kept
from nitograph.learning.rows import corpus_of
from nitograph.learning.settings import LearnSettings
from nitograph.learning.verdict import Verdict, judge
from nitograph.model.weights import Weights, load, load_bundled
from nitograph.weaving.settings import WeaveSettings

TASKS = ["alphabet", "drawings", "icons"]


@dataclass(frozen=True)
class Counts:
    """Of each class how many pictures are learned and how many are tests; how many classes at most."""

    learned: int
    tests: int
    classes: int


COUNTS = {"alphabet": Counts(15, 5, 60), "drawings": Counts(200, 100, 3), "icons": Counts(1, 0, 10)}
QUICK = EvaluationSettings(samples_per_class=5, seeds=1, critic_images=100, images_seen=200)


def read(path: Path, name: str, counts: Counts, *, prefix: str, chosen: Sequence[str]) -> Drawings:
    """The drawings of a task."""
    with np.load(path, allow_pickle=False) as data:
        images, names = data["images"], [str(word) for word in data["names"]]
        labels = data["labels"].astype(np.int64) if "labels" in data else np.arange(len(images))
    wanted = [i for i, word in enumerate(names) if word.startswith(prefix) and (labels == i).any()]
    if chosen:
        wanted = [i for i in wanted if names[i] in chosen]
    wanted = wanted[: counts.classes]
    classes = tuple(names[i].removeprefix(prefix) for i in wanted)
    of_each = [np.flatnonzero(labels == i) for i in wanted]
    learned = [rows[: counts.learned] for rows in of_each]
    tests = [rows[counts.learned : counts.learned + counts.tests] for rows in of_each]

    def part(rows: list[Any], split: str) -> LabelledImages:
        flat = np.concatenate(rows)
        which = np.repeat(np.arange(len(rows)), [len(mine) for mine in rows])
        digest = hashlib.sha256(images[flat].tobytes()).hexdigest()
        return LabelledImages(images[flat], which, classes, f"{name}:{split}", digest)

    test = part(tests, "test") if any(len(rows) for rows in tests) else None
    return drawings(part(learned, "train"), test, seed=LearnSettings().seed)


def learn(
    given: Drawings, weights: Weights, settings: LearnSettings, *, quick: bool
) -> tuple[Weights, Verdict]:
    """The best weights of a run, and what is found of them."""
    weaving = WeaveSettings.from_dict(dict(weights.weaving))
    corpus = corpus_of(given, settings, weaving, order=weights.settings.zernike_order)
    trainer = course(corpus, weights, settings, device="cpu", resumed=False)
    best = weights
    for report in trainer.run():
        if report.best:
            best = trainer.weights()
    return best, judge(best, given, Cache.of_user(), settings=QUICK if quick else None)


def summary(found: Verdict) -> dict[str, Any]:
    """The figures that count."""
    rows, figures = found.record["by_class"], found.figures
    names = ("critic_b", "critic_c", "worst_class", "nearness", "near_copies", "pictures", "copies")
    return {
        "classes": len(rows),
        "drawings": sum(found.record["drawings"]["train"]),
        "tests": sum(found.record["drawings"]["test"]),
        "varied": len(found.record["varied"]),
        "read": round(figures["critic_b"].measured, 4),
        "ceiling": round(figures["critic_b"].reference or 0.0, 4),
        **{name: [round(x, 4) for x in _ends(figures[name])] for name in names},
        "distance": [
            round(figures["pictures"].measured, 4),
            round(figures["pictures"].reference or 0.0, 4),
        ],
        "learned": sum(row["verdict"] == "learned" for row in rows),
    }


def _ends(figure: Any) -> tuple[float, float, float]:
    return figure.value.value, figure.value.low, figure.value.high


def main() -> None:
    """Every task that there is a file for, one line each."""
    parser = arguments(__doc__.splitlines()[0], TASKS, 10.0)
    for task in TASKS:
        parser.add_argument(f"--{task}", type=Path, metavar="NPZ", help=f"file of the task {task}")
    parser.add_argument("--prefix", default="", help="what names of the alphabet begin with")
    parser.add_argument("--classes", nargs="*", default=[], help="names of drawings and icons to take")
    parser.add_argument("--weights", type=Path, help="weights to begin from (default: the package's)")
    parser.add_argument("--rows", type=int, default=LearnSettings().rows)
    parser.add_argument("--learning-rate", type=float, default=LearnSettings().learning_rate)
    parser.add_argument("--keep", action="store_true", help="also keep the classes of those weights")
    parser.add_argument("--name", default="default", help="of this variant, in the results")
    args = parser.parse_args()
    output = args.output or Path("runs/own_symbols.jsonl")
    output.parent.mkdir(parents=True, exist_ok=True)
    weights = load(args.weights) if args.weights else load_bundled()
    settings = LearnSettings(minutes=args.minutes, rows=args.rows, learning_rate=args.learning_rate)
    if args.quick:
        settings = settings.replace(minutes=0.02, rows=60, kept_rows=60)
    for task in args.only:
        run = f"{task}, {args.name}"
        if getattr(args, task) is not None and run not in finished(output, "run"):
            _task(task, run, args, output, weights, settings)


def _task(
    task: str, run: str, args: argparse.Namespace, output: Path, weights: Weights, settings: LearnSettings
) -> None:
    prefix = args.prefix if task == "alphabet" else ""
    chosen = args.classes if task != "alphabet" else []
    given = read(getattr(args, task), task, COUNTS[task], prefix=prefix, chosen=chosen)
    if args.keep:
        given = with_kept(given, weights, seed=settings.seed)
    start = time.monotonic()
    best, found = learn(given, weights, settings, quick=args.quick)
    stem = output.with_name(f"{output.stem}-{run.replace(', ', '-')}")
    best.save(stem.with_suffix(".safetensors"))
    titles = [str(thread.label) for thread in found.samples.threads]
    shown = list(range(min(len(titles), 6 * len(set(titles)), 240)))
    sheet = contact_sheet([found.samples.threads[i] for i in shown], [titles[i] for i in shown], tile=96)
    stem.with_suffix(".png").write_bytes(sheet.png(with_threads=False))
    seconds = {"minutes": settings.minutes, "seconds_in_all": round(time.monotonic() - start, 1)}
    made = {"rows": settings.rows, "learning_rate": settings.learning_rate}
    keep(output, {"run": run, **summary(found), **seconds, **made})


if __name__ == "__main__":
    main()
