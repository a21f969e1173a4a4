"""nitograph learn: teach symbols of your own from a few drawings of each, judge them, say what came of it.

What is learned begins from the bundled weights. While it runs, checkpoints lie in a folder beside the
output, which is removed at the end; `--resume` goes on from there.

Try it: python -m nitograph learn mnist --minutes 1 -o mine.safetensors
"""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.api.models import OWN, find_weights
from nitograph.cli.interrupts import interrupt_deferred, raise_interrupt
from nitograph.cli.models import DEVICES
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.errors import FileError, SettingsError, SourceError
from nitograph.io.files import write_bytes, write_text
from nitograph.io.locks import sole_writer
from nitograph.io.outputs import PAGE, PNG, Output, claim, claim_folder
from nitograph.learning.settings import LearnSettings
from nitograph.model.weights import load, load_bundled
from nitograph.untrusted import need

if TYPE_CHECKING:
    from nitograph.corpus.rows import Corpus
    from nitograph.learning.drawings import Drawings
    from nitograph.learning.verdict import Verdict
    from nitograph.model.weights import Weights

WEIGHTS = (".safetensors",)
ROWS, BEST, LAST, LOCK = "rows.npz", "best.pt", "last.pt", "lock"  # in the folder of a run
OURS = re.compile(r"\.?(?:rows|best|last)\b.*|lock")  # all that ever lies there
SAVE_EVERY = 30.0  # seconds
JUDGED = 5  # parts of the work after training
NAMED = 8  # classes in a message
SHEET = 3  # samples of each class on the sheet
FEW_STEPS = 200  # of training, below which that is said


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The drawings, the outputs, what to begin from and for how long."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="KIND:WHERE",
        help="drawings with their classes, as folder:DIR (a folder of pictures for each class); several "
        "are joined",
    )
    parser.add_argument(
        "--output", "-o", default=str(OWN), help="where to write the weights (default %(default)s)"
    )
    parser.add_argument(
        "--page", metavar="HTML", help="where to write what it can draw (default: beside the weights)"
    )
    parser.add_argument(
        "--sheet", metavar="PNG", help="where to write a sheet of samples (default: beside the weights)"
    )
    parser.add_argument(
        "--start-from", metavar="FILE", help="weights to begin from (default: those of the package)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="also keep the classes that those weights know, learned again"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with an interrupted run of the same command"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default auto)")
    add_settings(parser, LearnSettings, title="learning")


def run(args: argparse.Namespace) -> int:
    """Prepare, train, judge, write; Ctrl-C ends it so that it can be resumed."""
    need("torch", SettingsError("learning needs PyTorch: pip install 'nitograph[train]'"))
    settings = read_settings(args, LearnSettings)
    files = _files(args)
    weights = load_bundled() if args.start_from is None else find_weights(args.start_from)
    if not weights.weaving:
        raise SettingsError(
            "weights to begin from must say how their threads were woven, and these do not; take others"
        )
    folder = _folder(files["weights"])
    with sole_writer(folder / LOCK, files["weights"]):
        if (folder / LAST).exists() and not args.resume:
            raise FileError(f"{folder} holds an interrupted run; --resume goes on with it, or remove it")
        drawings = _drawings(args, weights, settings)
        corpus = _corpus(drawings, weights, settings, folder, resume=args.resume)
        _train(corpus, weights, settings, folder, args)
        found = _judge(load(folder / Path(BEST).with_suffix(".safetensors")), drawings)
        _write(found, folder, files, settings)
        for path in folder.iterdir():  # the lock goes last, and the folder with it
            if path.name != LOCK:
                path.unlink()
    print(f"{', '.join(map(str, files.values()))}: {_summary(found)}")
    return 0


def _files(args: argparse.Namespace) -> dict[str, Path]:
    """The files to write, by role; checked before the work starts."""
    output = Path(args.output)
    named = {
        "weights": (output, WEIGHTS),
        "page": (Path(args.page or output.with_suffix(".html")), PAGE),
        "sheet": (Path(args.sheet or output.with_suffix(".png")), PNG),
    }
    claim(
        [Output(what, path, endings) for what, (path, endings) in named.items()],
        {"weights to begin from": args.start_from},
    )
    return {what: path for what, (path, _) in named.items()}


def _folder(output: Path) -> Path:
    """Where a run keeps what it has, and nothing else lies, since all there goes with the run."""
    folder = claim_folder("folder of the run", output.with_name(f"{output.stem}.learning"))
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_dir() or not OURS.fullmatch(path.name):
            raise FileError(
                f"{folder} is where this run would keep its work, and {path.name} in it is of no run; move "
                "it away, or give the weights another name"
            )
    return folder


def _drawings(args: argparse.Namespace, weights: "Weights", settings: LearnSettings) -> "Drawings":
    """What is to be learned, from all sources together, and what is to be kept."""
    from nitograph.corpus.sources import find, join
    from nitograph.learning.drawings import (
        KEPT,
        KEPT_TESTS,
        drawings,
        planned_classes,
        with_kept,
    )

    train = join([find(source, "train") for source in args.sources])
    test = []
    for source in args.sources:
        try:
            test.append(find(source, "test"))
        except SourceError:  # it has been read: what it lacks are pictures for tests
            continue
    found = drawings(train, join(test) if test else None, seed=settings.seed)
    if len(train.classes) < 2 and not args.keep:
        raise SettingsError(
            f"at least two classes must be learned, got {train.classes[0]!r} alone; add one, or --keep the "
            "old ones"
        )
    for note in train.notes:
        print(note)
    print(f"{len(train)} drawings to learn from, {len(train.classes)} classes: {_named(train.classes)}")
    if found.varied:
        print(f"too few drawings to keep any for tests, variants instead: {_named(found.varied)}")
    if not args.keep:
        return found
    total = (KEPT + KEPT_TESTS) * len(planned_classes(found, weights))
    with progress("planning what is kept", total) as show:
        return with_kept(found, weights, seed=settings.seed, progress=show)


def _named(classes: Sequence[str]) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(classes) - NAMED} more" if len(classes) > NAMED else ""
    return ", ".join(classes[:NAMED]) + more


def _corpus(
    drawings: "Drawings", weights: "Weights", settings: LearnSettings, folder: Path, *, resume: bool
) -> "Corpus":
    """The rows to learn from: those that a run to be resumed has, or woven now."""
    from nitograph.corpus.rows import load_corpus
    from nitograph.learning.rows import corpus_of, metadata
    from nitograph.weaving.settings import WeaveSettings

    weaving, order = WeaveSettings.from_dict(dict(weights.weaving)), weights.settings.zernike_order
    file = folder / ROWS
    if resume and file.exists():
        found = load_corpus(file)
        if dict(found.metadata) != _plain(metadata(drawings, settings, weaving, order=order)):
            raise SettingsError(
                f"{folder} is of a run with other drawings or settings; give its own command again, or "
                "remove the folder to start a new one"
            )
        return found
    total = settings.rows + (settings.kept_rows if set(drawings.classes) - set(drawings.own) else 0)
    with progress("weaving", total) as show:
        found = corpus_of(drawings, settings, weaving, order=order, progress=show)
    folder.mkdir(parents=True, exist_ok=True)
    found.save(file)
    return load_corpus(file)


def _plain(values: Any) -> Any:
    """Values as they are once they were JSON."""
    return json.loads(json.dumps(values))


def _train(
    corpus: "Corpus", weights: "Weights", settings: LearnSettings, folder: Path, args: argparse.Namespace
) -> None:
    """Train to the end, or until Ctrl-C, which is passed on once all is saved."""
    from nitograph.cli.train import Recorder
    from nitograph.learning.course import course, share_done
    from nitograph.training.processes import find_device
    from nitograph.training.runs import RunFiles

    class Course(Recorder):
        """One bar over all phases."""

        def share(self, report: Any) -> float:
            return share_done(self.trainer, report, settings)

    files = RunFiles(folder / BEST, folder / LAST)
    resumed = args.resume and files.last.exists()
    trainer = course(corpus, weights, settings, device=find_device(args.device), resumed=resumed)
    if resumed:
        files.check_resumed()
        trainer.resume(files.last)
        if trainer.ancestor != weights.digest:
            raise SettingsError(
                f"{folder} is of a run that began from other weights; give its own command again, or "
                "remove the folder to start a new one"
            )
        if trainer.finished:
            return
    recorder = Course(trainer, files, every=SAVE_EVERY)
    recorder.begin(resumed=resumed)
    with interrupt_deferred() as stop_signal:
        recorder.follow(stop_signal)
        number = stop_signal()
    if number:
        print(
            f"stopped at {trainer.seconds / 60:.1f} min; the same command with --resume goes on", flush=True
        )
        raise_interrupt(number)


def _judge(weights: "Weights", drawings: "Drawings") -> "Verdict":
    from nitograph.evaluation.cache import Cache
    from nitograph.learning.verdict import judge

    parts: list[str] = []
    with progress("judging", JUDGED) as done:

        def report(name: str) -> None:
            parts.append(name)
            done(len(parts))

        return judge(weights, drawings, Cache.of_user(), report=report)


def _write(found: "Verdict", folder: Path, files: dict[str, Path], settings: LearnSettings) -> None:
    """Weights, page and sheet."""
    from nitograph.drawing.contact_sheet import contact_sheet
    from nitograph.learning.page import page

    trained = folder / Path(BEST).with_suffix(".safetensors")
    weights = load(trained)
    write_bytes(files["weights"], trained.read_bytes())
    made = {
        "file": files["weights"].name,
        "trained for": f"{weights.facts['minutes']} minutes, {weights.facts['steps']} steps",
        "rows": weights.facts["rows"],
        "drawings from": weights.facts["corpus"]["source"],
        "started from": f"weights {str(weights.facts['started_from'])[:16]}",
        "seed": settings.seed,
    }
    few = _too_few(int(weights.facts["steps"]), settings)
    if few:
        print(few)
    write_text(files["page"], page(found, made, [few] if few else []))
    first = [
        found.samples.threads[row]
        for label in range(len(found.record["classes"]))
        for row in (found.samples.labels == label).nonzero()[0][:SHEET]
    ]
    columns = SHEET * max(1, round((len(first) / SHEET**2) ** 0.5))
    titles = [str(thread.label) for thread in first]
    write_bytes(files["sheet"], contact_sheet(first, titles, columns, tile=192).png(with_threads=False))


def _too_few(steps: int, settings: LearnSettings) -> str:
    """What to say where a busy or slow machine took hardly a step in the time that it had."""
    if steps >= FEW_STEPS:
        return ""
    return (
        f"only {steps} steps of training fitted into {settings.minutes:g} minutes, so expect little; give "
        "more --minutes, or a machine that is less busy"
    )


def _summary(found: "Verdict") -> str:
    words = [row["verdict"] for row in found.record["by_class"]]
    value = found.read
    return (
        f"{words.count('learned')} of {len(words)} classes learned; read {value.value:.2f} "
        f"({value.low:.2f} to {value.high:.2f}) of real drawings"
    )
