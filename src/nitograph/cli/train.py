"""nitograph train: the Transformer on a corpus, with checkpoints, a log and published weights.

A run's files carry its name. A fresh run moves the files of an older one aside; `--resume` goes on with the
run's own settings, unless flags change them, and refuses the files of another run.

Try it: python -m nitograph train --dataset string_dataset.npz --minutes 5
"""

import argparse
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.cli.interrupts import interrupt_noted, raise_interrupt
from nitograph.cli.models import DEVICES
from nitograph.cli.options import add_settings, given_settings
from nitograph.cli.progress import progress
from nitograph.corpus.rows import Corpus, load_corpus
from nitograph.errors import SettingsError
from nitograph.io.files import write_bytes
from nitograph.io.outputs import PNG, Output, claim
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import load, load_bundled
from nitograph.training.settings import Report, TrainSettings

if TYPE_CHECKING:
    from nitograph.training.runs import RunFiles
    from nitograph.training.trainer import Trainer

YOUNG = 5.0  # seconds; a younger run keeps a checkpoint whenever its age has doubled


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The corpus, the checkpoints, the model's shape and every setting of training."""
    parser.add_argument("--dataset", default="string_dataset.npz", help="corpus (default %(default)s)")
    parser.add_argument(
        "--output",
        default="string_ai.pt",
        help="best checkpoint; its .safetensors weights and .jsonl log go beside it (default %(default)s)",
    )
    parser.add_argument(
        "--last-output", default="string_ai_last.pt", help="last checkpoint (default %(default)s)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on exactly from the last checkpoint, with its settings; without it a new run begins, and "
        "files of an older one are moved aside",
    )
    parser.add_argument(
        "--start-from",
        metavar="FILE",
        help="begin from these weights instead of fresh ones; 'bundled' are those of the package",
    )
    parser.add_argument("--plot", metavar="PNG", help="at the end, or when stopped, draw the log's curves")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default auto)")
    parser.add_argument(
        "--save-every",
        type=float,
        default=120.0,
        metavar="S",
        help="seconds between checkpoints; a young run keeps them more often (default %(default)g)",
    )
    add_settings(parser, ModelSettings, title="model", leave_out=("zernike_order",))
    add_settings(parser, TrainSettings, title="training")


def run(args: argparse.Namespace) -> int:
    """Train to the end or to Ctrl-C, keeping checkpoints."""
    try:
        from nitograph.training import processes
        from nitograph.training.runs import RunFiles
        from nitograph.training.trainer import Trainer
    except ImportError:
        raise SettingsError("training needs PyTorch: pip install 'nitograph[train]'") from None
    if args.resume and args.start_from:
        raise SettingsError("a run can either resume or start from weights; leave out one of the two")
    files = RunFiles(args.output, args.last_output)
    plot = _check_plot(args, files)
    if args.resume:
        files.check_resumed()
    corpus, model, settings = _read(args, files)
    weights = None  # read before the first process may move its file aside
    if args.start_from:
        weights = load_bundled() if args.start_from == "bundled" else load(args.start_from)
    trainer = Trainer(corpus, model, settings, device=processes.find_device(args.device))
    try:
        if args.resume:
            trainer.resume(files.last)
        elif weights:
            trainer.start_from(weights)
        return _train(Recorder(trainer, files, every=args.save_every), plot, resumed=args.resume)
    finally:
        processes.leave_group()


def _check_plot(args: argparse.Namespace, files: "RunFiles") -> Path | None:
    """Where to draw the curves, once it is sure that they can be drawn there."""
    if args.plot is None:
        return None
    from nitograph.drawing.figures import need_matplotlib

    run = [Output("file of the run", path) for path in files.all]
    claim([Output("plot", Path(args.plot), PNG), *run], {"corpus": args.dataset})
    need_matplotlib()
    return Path(args.plot)


def _read(args: argparse.Namespace, files: "RunFiles") -> tuple[Corpus, ModelSettings, TrainSettings]:
    """The corpus, and the settings given over those of the checkpoint that is resumed, or the defaults."""
    model, settings = ModelSettings(), TrainSettings()
    if args.resume:
        from nitograph.training.resume import settings_of

        model, settings = settings_of(files.last)
    given = given_settings(args, TrainSettings)
    if "epochs" in given and "minutes" not in given:
        given["minutes"] = None  # what is given now counts, not the minutes of the checkpoint
    settings, model = settings.replace(**given), model.replace(**given_settings(args, ModelSettings))
    corpus = load_corpus(args.dataset)
    return corpus, model.replace(zernike_order=corpus.metadata["corpus"]["zernike_order"]), settings


def _train(recorder: "Recorder", plot: Path | None, *, resumed: bool) -> int:
    """Train, record, draw; raises the interrupt that has stopped it, once everything is kept."""
    trainer = recorder.trainer
    if resumed and trainer.finished:
        recorder.say(
            f"finished: step {trainer.step}, {trainer.seconds / 60:.1f} min; "
            "more --epochs (or --minutes) goes on"
        )
        recorder.draw(plot)
        return 0
    recorder.begin(resumed=resumed)
    with interrupt_noted() as interrupted:
        recorder.follow(interrupted)
        recorder.draw(plot)
        number = interrupted()
    if not number and not trainer.finished:
        number = signal.SIGTERM  # another process of torchrun's was told to stop
    if number:
        recorder.say(f"stopped at step {trainer.step}; --resume goes on from {recorder.files.last}")
        if recorder.first:
            raise_interrupt(number)
        return 128 + number  # the first process says so for all
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
        """Say what is trained; move older files aside and keep a first checkpoint, or rewind the log."""
        trainer = self.trainer
        count = sum(p.numel() for p in trainer.network.parameters())
        self.say(
            f"{count:,} parameters, {len(trainer.train)} + {len(trainer.valid)} threads, {trainer.device}"
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
        }
        if resumed:
            self.files.write_log([*self._reached(), head])
            return
        moved = [aside.name for _, aside in self.files.set_aside()]
        if moved:
            self.say(f"kept from an older run: {', '.join(moved)}")
        trainer.save(self.files.last)
        self.files.write_log([head])

    def follow(self, interrupted: Any) -> None:
        """Follow the reports; at the end, and at an interrupt after the step, a last checkpoint is written.

        After an error, or a second interrupt, it is not: what training left then may be of no use, the
        checkpoint before is.
        """
        with progress("training", 1000) as done:
            for report in self.trainer.run(stop=lambda: bool(interrupted())):
                self._record(report)
                done(round(1000 * report.progress))
        self._save()

    def draw(self, plot: Path | None) -> None:
        """Draw the curves of the log, if that is wanted and there are any yet."""
        if plot is None or not self.first:
            return
        from nitograph.drawing.charts import curves, has_curves

        records = self.files.records()
        if has_curves(records):
            write_bytes(plot, curves(records, title=f"run {self.trainer.run_name}").png())
            self.say(f"{plot}: the curves of {self.files.log}")
        else:
            self.say(f"{self.files.log} holds no curve yet; {plot} is not drawn")

    def _reached(self) -> list[dict[str, Any]]:
        """The log as it was when the checkpoint was written that is now resumed."""
        plan = self.trainer.plan_phase
        reached = {"plan": plan.step if plan else 0}
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
        """The best checkpoint, and its weights for everybody without PyTorch."""
        self.trainer.save(self.files.best)
        self.trainer.weights().save(self.files.weights)


def _line(report: Report) -> str:
    plan = "" if report.plan_loss is None else f", plan {report.plan_loss:.3f}"
    mark = "  best" if report.best else ""
    return (
        f"step {report.step}, epoch {report.epoch:.2f}, {report.seconds / 60:.1f} min: "
        f"held-out nats per nail {report.nail_loss:.3f}{plan}{mark}"
    )
