"""nitograph train: train the Transformer on a corpus, with checkpoints, a log and published weights.

A run's files hold its name. A new run renames the files of an older one; `--resume` continues with the
run's own settings, unless flags change them, and refuses the files of another run.

Try it: python -m nitograph train --dataset string_dataset.npz --minutes 5
"""

import argparse
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.cli.interrupts import interrupt_deferred, raise_interrupt
from nitograph.cli.models import DEVICES
from nitograph.cli.options import add_settings, given_settings
from nitograph.cli.progress import progress
from nitograph.corpus.rows import Corpus, load_corpus
from nitograph.errors import ProcessError, SettingsError, WeightsError
from nitograph.io.files import write_bytes
from nitograph.io.outputs import PNG, Output, claim
from nitograph.model.settings import ModelSettings
from nitograph.model.sight import SightSettings
from nitograph.model.weights import load, load_bundled
from nitograph.training.settings import Report, TrainSettings
from nitograph.untrusted import need

if TYPE_CHECKING:
    from nitograph.training.runs import RunFiles
    from nitograph.training.trainer import Trainer

YOUNG = 5.0  # seconds; until `every` is reached, a checkpoint is saved each time the run's age doubles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The corpus, the checkpoints, the model's shape and every setting of training."""
    parser.add_argument(
        "--dataset", default="string_dataset.npz", help="corpus to train on (default %(default)s)"
    )
    parser.add_argument(
        "--output",
        default="string_ai.pt",
        help="where to write the best checkpoint, with .safetensors weights and .jsonl log beside it "
        "(default %(default)s)",
    )
    parser.add_argument(
        "--last-output",
        default="string_ai_last.pt",
        help="where to write the last checkpoint (default %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue exactly from the last checkpoint, with its settings; without it a new run starts, "
        "and the files of an older one are renamed",
    )
    parser.add_argument(
        "--start-from",
        metavar="FILE",
        help="start from these weights instead of random ones; 'bundled' are those of the package",
    )
    parser.add_argument(
        "--plot", metavar="PNG", help="at the end, or when stopped, plot the curves of the log to this file"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default auto)")
    parser.add_argument(
        "--save-every",
        type=float,
        default=120.0,
        metavar="S",
        help="seconds between checkpoints, less at the start of a run (default %(default)g)",
    )
    add_settings(parser, ModelSettings, title="model", leave_out=("zernike_order",))
    add_settings(parser, TrainSettings, title="training")


def run(args: argparse.Namespace) -> int:
    """Train to the end or until Ctrl-C, saving checkpoints."""
    need("torch", SettingsError("training needs PyTorch: pip install 'nitograph[train]'"))
    from nitograph.training import processes
    from nitograph.training.runs import RunFiles
    from nitograph.training.trainer import Trainer

    if args.resume and args.start_from:
        raise SettingsError("a run either resumes or starts from weights; leave out one of the two")
    files = RunFiles(args.output, args.last_output)
    plot = _check_plot(args, files)
    if args.resume:
        files.check_resumed()
    corpus, model, settings = _read(args, files)
    weights = None  # read here, before the first process may rename the file
    if args.start_from:
        weights = load_bundled() if args.start_from == "bundled" else load(args.start_from)
    trainer = Trainer(corpus, model, settings, device=processes.find_device(args.device))
    trainer.measures_threads = trainer.world == 1
    try:
        if args.resume:
            trainer.resume(files.last)
        elif weights:
            trainer.start_from(weights)
        elif settings.plan_from != "corpus":
            trainer.take_plan(load_bundled())
        return _train(Recorder(trainer, files, every=args.save_every), plot, resumed=args.resume)
    except ProcessError as error:
        with contextlib.suppress(ValueError):  # not of the main thread
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun's, which ends all as this one ends
        if not processes.first_to_tell():
            return 1
        raise ProcessError(f"{error}; --resume continues from {files.last}") from None
    finally:
        processes.leave_group()


def _check_plot(args: argparse.Namespace, files: "RunFiles") -> Path | None:
    """Where to plot the curves, checked before the work starts."""
    if args.plot is None:
        return None
    from nitograph.drawing.figures import need_matplotlib

    run = [Output("file of the run", path) for path in files.all]
    claim([Output("plot", Path(args.plot), PNG), *run], {"corpus": args.dataset})
    need_matplotlib()
    return Path(args.plot)


def _read(args: argparse.Namespace, files: "RunFiles") -> tuple[Corpus, ModelSettings, TrainSettings]:
    """The corpus, and the settings: the flags over those of the resumed checkpoint or the defaults."""
    model, settings = ModelSettings(), TrainSettings()
    if args.resume:
        from nitograph.training.resume import settings_of

        model, settings = settings_of(files.last)
    given = given_settings(args, TrainSettings)
    if "epochs" in given and "minutes" not in given:
        given["minutes"] = None  # --epochs replaces the minutes of the checkpoint
    shape = given_settings(args, ModelSettings)
    corpus = load_corpus(args.dataset)
    if not args.resume and "sight" not in shape:
        shape["sight"] = shape.get("design", model.design) == "plan" and _visible(corpus)
    shape["zernike_order"] = corpus.metadata["corpus"]["zernike_order"]
    return corpus, model.replace(**shape), settings.replace(**given)


def _visible(corpus: Corpus) -> bool:
    """Whether a model with sight can look at the threads of this corpus."""
    order = corpus.metadata["corpus"]["zernike_order"]
    try:
        SightSettings.of(corpus.metadata["weaving"], corpus.board, corpus.rules, order)
    except WeightsError:
        return False
    return True


def _train(recorder: "Recorder", plot: Path | None, *, resumed: bool) -> int:
    """Train, record, plot; raises the interrupt that stopped it, once everything is saved."""
    trainer = recorder.trainer
    if resumed and trainer.finished:
        recorder.say(
            f"finished: step {trainer.step}, {trainer.seconds / 60:.1f} min; "
            "raise --epochs (or --minutes) to continue"
        )
        recorder.draw(plot)
        return 0
    recorder.begin(resumed=resumed)
    with interrupt_deferred() as stop_signal:
        recorder.follow(stop_signal)
        recorder.draw(plot)
        number = stop_signal()
    if not number and not trainer.finished:
        number = signal.SIGTERM  # a stop was requested of another process of torchrun
    if number:
        recorder.say(f"stopped at step {trainer.step}; --resume continues from {recorder.files.last}")
        if recorder.first:
            raise_interrupt(number)
        return 128 + number  # only the first process prints it
    return 0


class Recorder:
    """Turns a trainer's reports into a progress bar, a log and files; only the first process writes."""

    def __init__(self, trainer: "Trainer", files: "RunFiles", *, every: float) -> None:
        self.trainer, self.files, self.every = trainer, files, every
        self.first = trainer.rank == 0
        self.began = self.saved = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line, once for all processes."""
        if self.first:
            print(line, flush=True)

    def begin(self, *, resumed: bool) -> None:
        """Print what is trained; rename older files and save a first checkpoint, or rewind the log."""
        trainer = self.trainer
        count = sum(p.numel() for p in trainer.network.parameters())
        self.say(
            f"{count:,} parameters, {len(trainer.train)} + {len(trainer.valid)} threads, {trainer.device}; "
            + _how(trainer)
        )
        if not self.first:
            return
        head = {
            "kind": "run",
            "run": trainer.run_name,
            "step": trainer.step,
            "model": trainer.model.to_dict(),
            "settings": trainer.settings.to_dict(),
            "corpus": dict(trainer.corpus.metadata),
            "started_from": trainer.ancestor,
            "plan_of": trainer.plan_of,
        }
        if resumed:
            self.files.write_log([*self._reached(), head])
            return
        moved = [aside.name for _, aside in self.files.set_aside()]
        if moved:
            self.say(f"renamed files of an older run: {', '.join(moved)}")
        trainer.save(self.files.last)
        self.files.write_log([head])

    def follow(self, stop_signal: Callable[[], int]) -> None:
        """Record the reports; save a last checkpoint at the end, or once a stop is requested.

        After an error or a second interrupt none is saved: the state may be unusable then, unlike the
        previous checkpoint. Where another process has ended, the state is that of the last whole step.
        """
        try:
            with progress("training", 1000) as done:
                for report in self.trainer.run(stop=lambda: bool(stop_signal())):
                    self._record(report)
                    done(round(1000 * self.share(report)))
        except ProcessError:
            self._save()
            raise
        self._save()
        if self.trainer.stale and self.trainer.progress < 1.0:
            self.say(
                f"ended early: no better held-out loss in {self.trainer.settings.patience} validations; "
                "the best weights are kept (--patience 0 goes on all the same)"
            )

    def share(self, report: Report) -> float:
        """How much is done, 0 to 1, as the bar shows it."""
        return report.progress

    def draw(self, plot: Path | None) -> None:
        """Plot the curves of the log, if requested and if there are any yet."""
        if plot is None or not self.first:
            return
        from nitograph.drawing.charts import curves, has_curves

        records = self.files.records()
        if has_curves(records):
            write_bytes(plot, curves(records, title=f"run {self.trainer.run_name}").png())
            self.say(f"{plot}: the curves of {self.files.log}")
        else:
            self.say(f"{self.files.log} has no curves yet; {plot} was not written")

    def _reached(self) -> list[dict[str, Any]]:
        """The records up to the checkpoint that is resumed."""
        plan = self.trainer.plan_phase
        flow = self.trainer.flow_phase
        reached = {"plan": plan.step if plan else 0, "flow": flow.step if flow else 0}
        return [
            record
            for record in self.files.records()
            if record.get("kind") != "done"
            and isinstance(record.get("step"), int)
            and record["step"] <= reached.get(str(record.get("kind")), self.trainer.step)
        ]

    def _save(self) -> None:
        if self.first:
            self.files.check_owned(self.trainer.run_name)
            self.trainer.save(self.files.last)
        self.saved = time.monotonic()

    def _record(self, report: Report) -> None:
        if not self.first:
            return
        self.files.check_owned(self.trainer.run_name)
        self.files.append(vars(report))
        if report.kind == "valid":
            self.say(_line(report))
        if report.best:
            self._publish()
        if time.monotonic() - self.saved >= min(self.every, max(YOUNG, self.saved - self.began)):
            self._save()

    def _publish(self) -> None:
        """Save the best checkpoint, and its weights for use without PyTorch."""
        self.trainer.save(self.files.best)
        self.trainer.weights().save(self.files.weights)


def _how(trainer: "Trainer") -> str:
    """What a run learns its plans and nails from, for people."""
    sight = "with sight" if trainer.model.sight else "without sight"
    if not trainer.model.planned:
        return "no plan"
    if trainer.objective.teacher is not None:
        return f"{sight}; plan and prior taught by {'the package' if trainer.plan_of else 'its weights'}"
    known = trainer.plan_of or trainer.ancestor
    if known and trainer.settings.plan_from != "corpus":
        return f"{sight}; plan of the weights, prior learned from the corpus"
    return f"{sight}; plan learned from the corpus"


def _line(report: Report) -> str:
    plan = "" if report.plan_loss is None else f", plan {report.plan_loss:.3f}"
    mark = "  best" if report.best else ""
    return (
        f"step {report.step}, epoch {report.epoch:.2f}, {report.seconds / 60:.1f} min: "
        f"held-out nats per nail {report.nail_loss:.3f}{plan}{mark}"
    )
