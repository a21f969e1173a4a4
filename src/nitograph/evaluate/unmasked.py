"""Sampling with the mask taken off: does the model itself know the rules of the board?

The same choice of tokens as sampling, but every nail is allowed at every step, so that a step may break
the rules. Guidance of the plan is left out: it chooses a picture, not a step. Only the evaluation wants
such paths. This module knows no thread, as these may be none.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.decoder import Decoder
from nitograph.sampling import Decoding, SampleSettings, choose, resolved
from nitograph.walks import legal_paths
from nitograph.weights import Weights

BATCH = 64


def share_broken(
    weights: Weights,
    labels: Sequence[str],
    seeds: Sequence[int],
    settings: SampleSettings,
    decoder: Decoding | None = None,
) -> NDArray[np.bool_]:
    """Which of the paths sampled without the mask break a rule, (n,)."""
    decoder = decoder or Decoder(weights)
    broken: list[NDArray[np.bool_]] = []
    for first in range(0, len(labels), BATCH):
        part = slice(first, first + BATCH)
        ids = np.array([weights.vocabulary.class_index(label) for label in labels[part]])
        rngs = [np.random.default_rng([seed, 1]) for seed in seeds[part]]
        paths = _paths(decoder, weights, ids, rngs, resolved(settings, weights))
        broken.append(~legal_paths(paths, weights.board, weights.rules))
    return np.concatenate(broken)


def _paths(
    decoder: Decoding,
    weights: Weights,
    labels: NDArray[np.int64],
    rngs: list[np.random.Generator],
    settings: SampleSettings,
) -> NDArray[np.int64]:
    """Nails (b, t), −1 after the end."""
    logits = decoder.start(labels)
    for _ in range(weights.settings.prefix - 1):
        free = np.ones(logits.shape, dtype=np.bool_)
        logits = decoder.step(choose(logits, free, rngs, temperature=settings.plan_temperature or 0.0))
    eos, most = weights.vocabulary.eos, settings.max_lines or weights.max_lines
    paths = np.full((len(rngs), most + 1), -1, dtype=np.int64)
    live = np.arange(len(rngs))
    for count in range(most + 1):
        free = np.ones(logits.shape, dtype=np.bool_)
        free[:, eos] = count > settings.min_lines
        chosen = choose(
            logits,
            free,
            [rngs[row] for row in live],
            temperature=settings.temperature,
            top_k=settings.top_k,
            min_p=settings.min_p,
        )
        going = chosen != eos
        if not going.all():
            decoder.select(np.flatnonzero(going))
            live, chosen = live[going], chosen[going]
        paths[live, count] = chosen
        if not len(live) or count == most:
            break
        logits = decoder.step(chosen)
    return paths
