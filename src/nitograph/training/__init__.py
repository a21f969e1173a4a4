"""Rows → weights: the training loop, its losses, its optimiser and its checkpoints. Needs PyTorch.

    from nitograph.corpus import load_corpus
    from nitograph.model.settings import ModelSettings
    from nitograph.training import Trainer, TrainSettings

    trainer = Trainer(load_corpus("small.npz"), ModelSettings(), TrainSettings(minutes=5))
    for report in trainer.run():
        print(report)
    trainer.weights().save("mine.safetensors")

Importing this loads nothing more; each name is imported when it is first used.

Try it: python -c "from nitograph.training import TrainSettings; print(TrainSettings(minutes=5))"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Report": "settings",
    "RunFiles": "runs",
    "TrainSettings": "settings",
    "Trainer": "trainer",
    "checkpoint_weights": "checkpoints",
    "find_device": "processes",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:  # for type checkers; `as` marks what is handed on
    from nitograph.training.checkpoints import checkpoint_weights as checkpoint_weights
    from nitograph.training.processes import find_device as find_device
    from nitograph.training.runs import RunFiles as RunFiles
    from nitograph.training.settings import Report as Report, TrainSettings as TrainSettings
    from nitograph.training.trainer import Trainer as Trainer
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
