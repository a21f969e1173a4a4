"""A run that learns symbols of one's own: a trainer that begins from weights, whose classes may differ.

The trunk, the plan's autoencoder and the flow are those of the weights; classes that they know keep their
embedding. How much of the time is over is counted over all phases. This module takes no steps itself.

Try it: python -c "from nitograph.learning.course import *; help(course)"
"""

import numpy as np

from nitograph.corpus.rows import Corpus
from nitograph.learning.settings import LearnSettings
from nitograph.model.weights import Weights
from nitograph.training.settings import Report, TrainSettings
from nitograph.training.trainer import Trainer

HELD_OUT = 0.1  # share of drawings that only measure the training, where there are enough
ENOUGH = 10  # drawings of every class
GUIDANCE = 1.5  # few drawings make a plan unsure of its class (docs/log.md)


def course(
    corpus: Corpus, weights: Weights, settings: LearnSettings, *, device: str, resumed: bool
) -> Trainer:
    """A trainer at its beginning; resumed: of a run that is to go on, so that nothing is taken over."""
    trainer = Trainer(corpus, weights.settings, train_settings(corpus, settings), device=device)
    trainer.measures_threads = trainer.world == 1
    trainer.sampled_with = {"guidance": GUIDANCE}
    if not resumed:
        trainer.start_from(weights)
    return trainer


def train_settings(corpus: Corpus, settings: LearnSettings) -> TrainSettings:
    """The time is all that ends a run; where drawings are few, none are held out."""
    drawn = [len(np.unique(corpus.sources[corpus.labels == i])) for i in range(len(corpus.classes))]
    return TrainSettings(
        minutes=settings.minutes,
        learning_rate=settings.learning_rate,
        validation_fraction=HELD_OUT if min(drawn) >= ENOUGH else 0.0,
        patience=0,
        seed=settings.seed,
    )


def share_done(trainer: Trainer, report: Report, settings: LearnSettings) -> float:
    """How much of all the time is over, 0 to 1, as of a report of any phase."""
    return min(1.0, report.seconds / (60 * settings.minutes)) if trainer.progress < 1 else 1.0
