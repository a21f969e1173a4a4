"""nitograph train: the Transformer on a corpus, with checkpoints, a log and published weights.

Try it: python -m nitograph train --dataset string_dataset.npz --minutes 5
"""

import argparse
import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.cli.interrupts import interrupt_noted
from nitograph.cli.models import DEVICES
from nitograph.cli.options import add_settings, read_settings
from nitograph.cli.progress import progress
from nitograph.corpus import rows as corpus
from nitograph.errors import FileError, SettingsError
from nitograph.io.files import check_writable, read_text, write_text
from nitograph.model.settings import ModelSettings
from nitograph.model.weights import load, load_bundled
from nitograph.training.settings import Report, TrainSettings

if TYPE_CHECKING:
    from nitograph.training.trainer import Trainer


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
    parser.add_argument("--resume", action="store_true", help="go on exactly from the last checkpoint")
    parser.add_argument(
        "--start-from",
        metavar="FILE",
        help="begin from these weights instead of fresh ones; 'bundled' are those of the package",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default auto)")
    parser.add_argument(
        "--save-every",
        type=float,
        default=120.0,
        metavar="S",
        help="seconds between checkpoints (default %(default)g)",
    )
    add_settings(parser, ModelSettings, title="model", leave_out=("zernike_order",))
    add_settings(parser, TrainSettings, title="training")


def run(args: argparse.Namespace) -> int:
    """Train to the end or to Ctrl-C, keeping checkpoints."""
    try:
        from nitograph.training import processes
        from nitograph.training import trainer as training
    except ImportError:
        raise SettingsError("training needs PyTorch: pip install 'nitograph[train]'") from None
    best, last = check_writable(args.output), check_writable(args.last_output)
    if best.resolve() == last.resolve():
        raise SettingsError(f"the best and the last checkpoint must be two files, got {best} for both")
    for path in (best, last):
        if path.suffix in (".safetensors", ".jsonl", ".npz"):
            raise SettingsError(
                f"a checkpoint must not end with {path.suffix}, got {path}; name it .pt: weights and log "
                "go beside it under its name"
            )
    settings = read_settings(args, TrainSettings)
    if args.resume and args.start_from:
        raise SettingsError("a run can either resume or start from weights; leave out one of the two")
    if args.resume and not last.exists():
        raise FileError(f"nothing to resume: there is no {last}; leave out --resume to begin")
    rows = corpus.load(args.dataset)
    order = rows.metadata["corpus"]["zernike_order"]
    model = read_settings(args, ModelSettings).replace(zernike_order=order)
    trainer = training.Trainer(rows, model, settings, device=processes.find_device(args.device))
    if args.resume:
        trainer.resume(last)
    elif args.start_from:
        trainer.start_from(load_bundled() if args.start_from == "bundled" else load(args.start_from))
    if trainer.rank == 0:
        count = sum(p.numel() for p in trainer.network.parameters())
        print(
            f"{count:,} parameters, {len(trainer.train)} + {len(trainer.valid)} threads, {trainer.device}"
        )
    try:
        Loop(trainer, best, last, every=args.save_every, fresh=not args.resume).run()
    finally:
        processes.leave_group()
    return 0


class Loop:
    """Turns a trainer's reports into a progress bar, a log and files."""

    def __init__(self, trainer: "Trainer", best: Path, last: Path, *, every: float, fresh: bool) -> None:
        self.trainer, self.best, self.last, self.every = trainer, best, last, every
        self.log, self.saved = best.with_suffix(".jsonl"), time.monotonic()
        if trainer.rank == 0:
            write_text(self.log, "" if fresh else self._logged())

    def run(self) -> None:
        """Follow the reports; at the end, and at Ctrl-C after the step, the last checkpoint is written.

        After an error, or a second Ctrl-C, it is not: what training left then may be of no use, the
        checkpoint before is.
        """
        with interrupt_noted() as stop:
            with progress("training", 1000) as done:
                for report in self.trainer.run(stop=stop):
                    self._follow(report)
                    done(round(1000 * report.progress))
            self._save()
            if stop():
                raise KeyboardInterrupt

    def _logged(self) -> str:
        """The log as it was when the checkpoint was written that is now resumed."""
        if not self.log.exists():
            return ""
        kept, reached = [], {"plan": self.trainer.plan_step}
        for line in read_text(self.log).splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that a kill cut short
                report = json.loads(line)
                if report["step"] <= reached.get(report["kind"], self.trainer.step):
                    kept.append(line + "\n")
        return "".join(kept)

    def _save(self) -> None:
        if self.trainer.rank == 0:
            self.trainer.save(self.last)
        self.saved = time.monotonic()

    def _follow(self, report: Report) -> None:
        if self.trainer.rank:
            return
        with self.log.open("a") as log:
            log.write(json.dumps(_rounded(vars(report))) + "\n")
        if report.kind == "valid":
            print(_line(report), flush=True)
        if report.best:
            self._publish()
        if time.monotonic() - self.saved >= self.every:
            self._save()

    def _publish(self) -> None:
        """The best checkpoint, and its weights for everybody without PyTorch."""
        self.trainer.save(self.best)
        self.trainer.weights().save(self.best.with_suffix(".safetensors"))


def _line(report: Report) -> str:
    plan = "" if report.plan_loss is None else f", plan {report.plan_loss:.3f}"
    mark = "  best" if report.best else ""
    return (
        f"step {report.step}, epoch {report.epoch:.2f}, {report.seconds / 60:.1f} min: "
        f"held-out nats a nail {report.nail_loss:.3f}{plan}{mark}"
    )


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in values.items() if v is not None}
