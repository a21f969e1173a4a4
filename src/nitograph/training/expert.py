"""The encoder as an expert that training can ask: which chord is best next, and what each costs.

It scores every chord from any nail of any path, not only along its own threads; so a model can learn from
its own walks (S. Ross, G. Gordon, J. Bagnell, "A Reduction of Imitation Learning and Structured
Prediction to No-Regret Online Learning", AISTATS 2011), and expected error under its next-nail
distribution is a sum of the same scores. This module knows no optimiser.

Try it: python -c "from nitograph.training.expert import regrets; help(regrets)"
"""

import numpy as np
import torch
from numpy.typing import NDArray

from nitograph.board import allowed_next
from nitograph.compute.rules import legal_steps
from nitograph.corpus.rows import Corpus
from nitograph.model.batch.sight import scores_along
from nitograph.model.network import Network
from nitograph.model.network_decoder import NetworkDecoder
from nitograph.model.sight import GAIN, SightSettings
from nitograph.training.batches import Batch

MOST = 10.0  # nats; the most that one choice is told to cost

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def regrets(sight: SightSettings, batch: Batch, pictures: Floats) -> Floats:
    """What each next nail, or EOS, costs against the best of them, (b, t + 1, n + 1), in nats of sight.

    Ending changes nothing, so that its score is 0. Nothing is told of first nails, behind a path's end,
    and of what the rules forbid: there it costs 0.
    """
    lengths = lengths_of(batch)
    found = np.zeros(batch.allowed.shape, np.float32)
    found[:, 1:, :-1] = GAIN * scores_along(sight, pictures, batch.nails, lengths)
    legal = batch.allowed.copy()
    legal[:, 0] = False
    legal &= (np.arange(legal.shape[1]) <= lengths[:, None])[..., None]
    best = np.where(legal, found, -np.inf).max(axis=2, keepdims=True)
    return np.where(legal, np.clip(best - found, 0, MOST), 0).astype(np.float32)


def own_walks(
    network: Network,
    sight: SightSettings,
    plans: tuple[Ints, Ints, Floats, Floats | None],
    *,
    most: int,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Walks of a network as it is now: nails (b, t), and how many of each count, (b,).

    plans: labels (b,), codes (b, p), light (b, k), and finer pictures (b, c, c) or None. most: chords.
    """
    labels, codes, light, pictures = plans
    training, network.sees_by = network.training, sight
    decoder = NetworkDecoder(network)
    logits = decoder.start(labels)
    for slot in range(codes.shape[1]):
        last = slot + 1 == codes.shape[1]
        logits = decoder.step(codes[:, slot], *((light, pictures) if last else ()))
    paths, going = np.zeros((len(labels), 0), np.int64), np.ones(len(labels), bool)
    lengths = np.zeros(len(labels), np.int64)
    uniform = rng.random((len(labels), most + 1))  # for all steps at once, however long walks become
    while going.any() and paths.shape[1] <= most:
        nails = _chosen(logits, paths, network, sight, uniform[:, paths.shape[1]])
        going &= nails < network.board.num_nails
        lengths += going
        paths = np.concatenate([paths, np.where(going, nails, 0)[:, None]], axis=1)
        if going.any():
            logits = decoder.step(paths[:, -1])
    network.train(training)
    return paths[:, : int(lengths.max())], lengths


def corrected(
    corpus: Corpus, sight: SightSettings, rows: Ints, walks: tuple[Ints, Ints], pictures: Floats
) -> Batch:
    """A batch of walks for some rows of a corpus, whose targets are what the encoder would do next."""
    nails, lengths = walks
    allowed = legal_steps(nails, lengths, corpus.board, corpus.rules)
    n, eos = corpus.board.num_nails, corpus.vocabulary.eos
    scores = np.where(allowed[:, 1:, :n], scores_along(sight, pictures, nails, lengths), -np.inf)
    best, stop = scores.argmax(axis=2), corpus.weaving.stop_score
    targets = np.full((len(rows), nails.shape[1] + 1), -1)
    ended = (scores.max(axis=2) <= stop) & allowed[:, 1:, n]
    targets[:, 1:] = np.where(ended, eos, best)
    targets[:, 0] = corpus.tokens[rows, 1]
    targets[np.arange(targets.shape[1]) > lengths[:, None]] = -1
    return Batch(rows, corpus.labels[rows], nails, targets, allowed)


def lengths_of(batch: Batch) -> Ints:
    """How many nails of each path of a batch count."""
    return np.asarray((batch.targets >= 0).sum(axis=1) - 1)


def _chosen(
    logits: Floats, paths: Ints, network: Network, sight: SightSettings, uniform: NDArray[np.float64]
) -> Ints:
    """A next nail, or EOS, of each path, at temperature 1 among what the rules allow; uniform: (b,)."""
    count = paths.shape[1]
    legal = np.ones(logits.shape, bool)
    legal[:, -1] = count > 1
    if count:
        legal[:, :-1] = allowed_next(paths, network.board, sight.rules)
    chances = torch.from_numpy(np.where(legal, logits, -np.inf)).double().softmax(-1).numpy().cumsum(axis=1)
    chosen = (chances <= uniform[:, None] * chances[:, -1:]).sum(axis=1)
    return np.asarray(np.minimum(chosen, logits.shape[1] - 1), dtype=np.int64)
