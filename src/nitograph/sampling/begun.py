"""A begun thread: whether a model can go on with it, and which plan it suits.

A begun thread says nothing of a plan. So several plans are drawn, each is judged by how likely the model
thinks the begun nails under it, and one is taken in proportion to that (sampling-importance resampling: D.
Rubin, 1987): the plan that the finished thread follows is one that its beginning suits. This module draws
neither plans nor nails.

Try it: python -m nitograph generate --continue digit_7_4k.json --max-lines 240
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules, violations
from nitograph.errors import SettingsError
from nitograph.sampling.beam import log_softmax
from nitograph.sampling.choose import Terms, Uniforms, allowed_tokens
from nitograph.sampling.walk import Decoding
from nitograph.thread import Thread

PLANS = 16  # drawn for a begun thread
PLAN_STREAM = 4  # the spawn key of the generator that chooses among them

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


def begun_nails(thread: Thread, board: Board, rules: Rules, max_lines: int) -> list[int]:
    """The nails of a begun thread; SettingsError in one line where a model cannot go on with it."""
    if thread.board != board:
        raise SettingsError(
            f"a begun thread must be on the model's board, {board.words}, got one on {thread.board.words}; "
            "take another thread or another model"
        )
    if thread.line_count >= max_lines:
        raise SettingsError(
            f"a begun thread must have fewer chords than max_lines, got {thread.line_count} and "
            f"{max_lines}; raise max_lines or shorten the thread"
        )
    broken = violations(thread.nails, board, rules)
    if broken:
        step, reason = broken[0]
        raise SettingsError(
            f"a begun thread must obey the model's rules, got one that breaks them at step {step}: "
            f"{reason}; cut it off before"
        )
    return [int(nail) for nail in thread.nails]


def feed(
    decoder: Decoding, logits: NDArray[np.float32], nails: Sequence[int], terms: Terms
) -> tuple[NDArray[np.float32], Float64]:
    """Feed the nails to every sequence; the logits of the next, and the log-probability of these, (b,).

    terms: of which the board and its rules count here.
    """
    found = np.zeros(len(logits))
    path = np.zeros((len(logits), 0), dtype=np.int64)
    for nail in nails:
        recent = path[:, max(0, path.shape[1] - terms.rules.recent_edges - 1) :]
        allowed = allowed_tokens(recent, terms, logits.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            found += log_softmax(np.where(allowed, logits.astype(np.float64), -np.inf))[:, nail]
        chosen = np.full((len(logits), 1), nail, dtype=np.int64)
        path = np.concatenate([path, chosen], axis=1)
        logits = decoder.step(chosen[:, 0])
    return logits, found


def uniforms_after(seeds: Sequence[int], draws: int) -> Uniforms:
    """The uniform numbers of these seeds after `draws` of each, as a thread that came so far has them.

    So a thread that was cut off, continued with its own seed and plan, is itself again.
    """
    uniforms = Uniforms(seeds)
    for _ in range(draws):
        uniforms.next(slice(None), 1.0)
    return uniforms


def suited(chances: Float64, seeds: Sequence[int]) -> Int64:
    """One of each len(chances) / len(seeds) rows in turn, drawn by its log-chance (b,), as indices (s,)."""
    grouped = chances.reshape(len(seeds), -1)
    noise = np.stack([_rng(seed).gumbel(size=grouped.shape[1]) for seed in seeds])
    return np.asarray(np.arange(len(seeds)) * grouped.shape[1] + (grouped + noise).argmax(axis=1))


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(PLAN_STREAM,))))
