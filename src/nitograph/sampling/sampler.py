"""Logits to threads: temperature, top-k, min-p, repetition penalty, and the board's rules.

A sampler knows only the three calls of a decoder (start, step, select), not how it works. Each sequence has
its own generator, NumPy's PCG64 with its seed, and takes one uniform number per token (it inverts the
cumulative distribution over tokens in order). So a seed gives the same thread alone or in a batch and from
either decoder, unless the last bits of the logits decide. Temperature 0 takes the most likely token and
draws nothing. Logits that are not finite are an error.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.board import Rules
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.batch.pace import BATCH, MANY, quicker
from nitograph.sampling.choose import NextNails, Terms, Uniforms, choose
from nitograph.sampling.plans import Plans, sharp
from nitograph.sampling.walk import PLAIN, Decoding, Pace, Walk, walk_on
from nitograph.settings import Settings, setting
from nitograph.thread import Thread


@dataclass(frozen=True)
class SampleSettings(Settings):
    """How tokens are chosen; what is None is as the weights say, else as PLAIN_DEFAULTS."""

    temperature: float | None = setting(None, "of the nails; 0 takes the most likely", low=0, high=100)
    top_k: int | None = setting(
        None, "choose among this many most likely nails (0: all)", low=0, high=1_000_000
    )
    min_p: float = setting(0.0, "drop nails less likely than this share of the most likely", low=0, high=1)
    repetition_penalty: float = setting(
        1.0, "makes nails of the thread so far less likely", low=0.1, high=10
    )
    plan_temperature: float | None = setting(
        None, "of the plan; 0 as well where only that of the nails is given as 0", low=0, high=100
    )
    plan_steps: int | None = setting(
        None, "steps in which the weights' flow draws the plan sharp (0: it stays blurred)", low=0, high=100
    )
    guidance: float | None = setting(
        None, "how far the plan is pushed from any class towards its own (1: not at all)", low=0, high=20
    )
    min_lines: int = setting(1, "chords before the thread may end", low=1, high=1_000_000)
    max_lines: int | None = setting(
        None, "maximum number of chords; the model's own if not given", low=1, high=1_000_000
    )
    min_nail_gap: int | None = setting(
        None, "minimum circular distance of a step; the model's own if not given", unit="nails", low=1
    )

    def to_dict(self) -> dict[str, Any]:
        """As Settings.to_dict; without steps of a flow where there are none, as before there was one."""
        values = super().to_dict()
        if self.plan_steps is None:
            del values["plan_steps"]
        return values


# Of models whose weights do not say how they are best sampled.
PLAIN_DEFAULTS = SampleSettings(temperature=0.85, top_k=32, plan_temperature=1.0, guidance=1.5)
STEPS = 4  # of a flow


class Batch(NamedTuple):
    """What one batch is to invent; plans as in `invent`."""

    labels: Sequence[str | None]
    seeds: Sequence[int]
    plans: Plans | None


def invent(
    weights: Weights,
    labels: Sequence[str | None],
    seeds: Sequence[int],
    settings: SampleSettings | None = None,
    *,
    plans: Plans | None = None,
    decoder: Decoding | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Thread]:
    """A new thread for each label (None: any class) and seed, decoded in batches.

    plans: what to wind instead of plans of the model's own, a row for each thread. decoder defaults to the
    NumPy one over `weights`. progress is called with the number of threads done. From MANY threads on, a
    decoder that has a compiled version runs in parts on several cores; the parts depend only on the number
    of threads, so the number of cores does not change what is invented.
    """
    settings = settings or SampleSettings()
    paths = sample_paths(weights, labels, seeds, settings, plans=plans, decoder=decoder, progress=progress)
    return [
        Thread(path, weights.board, label, provenance(weights, settings, seed))
        for label, seed, path in zip(labels, seeds, paths, strict=True)
    ]


@one_blas_thread
def sample_paths(
    weights: Weights,
    labels: Sequence[str | None],
    seeds: Sequence[int],
    settings: SampleSettings,
    *,
    plans: Plans | None = None,
    decoder: Decoding | None = None,
    masked: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> list[NDArray[np.int64]]:
    """Only the nails of `invent`, (t + 1,) each.

    masked=False lets any nail follow, to see if the model itself knows the rules. Such a path may not be a
    valid thread.
    """
    if decoder is None:
        from nitograph.model.decoder import Decoder

        decoder = Decoder(weights)

    def walk(decoder: Decoding, part: slice, pace: Pace) -> list[NDArray[np.int64]]:
        batch = Batch(labels[part], seeds[part], None if plans is None else plans.take(part))
        with np.errstate(all="ignore"):  # an overflow is not finite, which the choice rejects
            return _sample_batch(decoder, weights, batch, settings, masked, pace)

    paths: list[NDArray[np.int64]] = []
    with closing(_walked(walk, decoder, len(labels))) as parts:
        for found in parts:
            paths += found
            progress(len(paths))
    return paths


def _walked(
    walk: Callable[..., list[NDArray[np.int64]]], decoder: Decoding, count: int
) -> Generator[list[NDArray[np.int64]]]:
    """walk(decoder, part, pace) over all parts of `count` sequences, in order."""
    quick = quicker(decoder, count)
    if quick is None:
        yield from (walk(decoder, part, PLAIN) for part in _parts(count))
        return
    from nitograph.compute.parallel import in_threads

    pace, make_decoder = quick
    yield from in_threads(partial(walk, pace=pace), make_decoder, _parts(count))


def _parts(count: int) -> list[slice]:
    return [slice(first, first + BATCH) for first in range(0, count, BATCH)]


def provenance(weights: Weights, settings: SampleSettings, seed: int) -> dict[str, Any]:
    """Everything needed to make the same thread again, as JSON values."""
    return {
        "made_by": "nitograph generate",
        "nitograph": __version__,
        "weights": weights.digest,
        "seed": int(seed),
        "sampling": resolved(settings, weights).to_dict(),
    }


def resolved(settings: SampleSettings, weights: Weights) -> SampleSettings:
    """The settings with the model's own values filled in; SettingsError if they contradict each other."""
    gap = weights.rules.min_nail_gap if settings.min_nail_gap is None else settings.min_nail_gap
    max_lines = weights.max_lines if settings.max_lines is None else settings.max_lines
    if settings.min_lines > max_lines:
        raise SettingsError(
            f"min_lines must not be above max_lines, got {settings.min_lines} and {max_lines}"
        )
    Rules(gap, weights.rules.recent_edges).check_fits(weights.board)
    own = PLAIN_DEFAULTS.replace(**SampleSettings.from_dict(dict(weights.sampling)).given())
    limits = {"min_nail_gap": gap, "max_lines": max_lines}
    found = settings.replace(**(own.given() | settings.given() | limits))
    if found.temperature == 0 and settings.plan_temperature is None:
        found = found.replace(plan_temperature=0.0)
    if weights.sharpener is not None:
        return found.replace(plan_steps=STEPS) if found.plan_steps is None else found
    if settings.plan_steps:
        raise SettingsError("these weights have no flow to draw plans sharp; leave plan_steps out")
    return found.replace(plan_steps=None)


def _sample_batch(
    decoder: Decoding,
    weights: Weights,
    batch: Batch,
    settings: SampleSettings,
    masked: bool,
    pace: Pace,
) -> list[NDArray[np.int64]]:
    """The paths of one batch, from the plan to the last nail."""
    labels, seeds, plans = batch
    vocabulary = weights.vocabulary
    settings = resolved(settings, weights)
    uniforms = Uniforms(seeds)
    ids = [len(vocabulary.classes) if label is None else vocabulary.class_index(label) for label in labels]

    def finish(codes: NDArray[np.int64]) -> Plans:
        """Written codes as they are wound."""
        noisy = settings.plan_temperature != 0
        return sharp(weights, codes, ids, seeds, settings.plan_steps or 0, noisy=noisy)

    if not weights.settings.planned:
        logits = decoder.start(np.array(ids))
    elif plans is not None:
        logits = _copy_plan(decoder, ids, finish(plans.codes) if plans.light is None else plans)
    else:
        logits = _write_plan(decoder, weights, ids, uniforms, settings, (pace.next_nails, finish))
    return _walk(decoder, weights, logits, uniforms, settings, masked, pace)


def _copy_plan(decoder: Decoding, ids: list[int], plans: Plans) -> NDArray[np.float32]:
    """Feed the decoder given plans; returns the logits of the first nail."""
    decoder.start(np.array(ids))
    for slot in range(plans.codes.shape[1] - 1):
        decoder.step(plans.codes[:, slot])
    return _show(decoder, plans)


def _show(decoder: Decoding, plans: Plans) -> NDArray[np.float32]:
    """The plans' last codes and what is to be wound; returns the logits of the first nail."""
    last = plans.codes[:, -1]
    if plans.light is None:
        return decoder.step(last)
    if plans.pictures is None:
        return decoder.step(last, plans.light)
    return decoder.step(last, plans.light, plans.pictures)


def _write_plan(
    decoder: Decoding,
    weights: Weights,
    ids: list[int],
    uniforms: Uniforms,
    settings: SampleSettings,
    ways: tuple[NextNails, Callable[[NDArray[np.int64]], Plans]],
) -> NDArray[np.float32]:
    """Sample the plan, where any code may follow; returns the logits of the first nail.

    With guidance each sequence has a twin of no class that takes the same codes, and the logits are
    extrapolated from the twin's through its own (J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance",
    2022). ways: how codes are chosen, and how whole plans become what is wound.
    """
    next_codes, finish = ways
    count, guidance = len(ids), 1.0 if settings.guidance is None else settings.guidance
    guided, temperature = guidance != 1.0, settings.plan_temperature or 0.0
    terms, none = Terms(weights.board, weights.rules, False, temperature, 0, 0.0), np.zeros((count, 0), int)
    twins = [len(weights.classes)] * count if guided else []
    logits = decoder.start(np.array(ids + twins))
    written = np.zeros((count, weights.settings.plan_tokens), dtype=np.int64)
    for slot in range(written.shape[1]):
        if guided:
            own, free = logits[:count], logits[count:]
            logits = free + np.float32(guidance) * (own - free)
        codes = next_codes(logits, none, uniforms.next(slice(None), temperature), terms)
        written[:, slot] = codes
        if slot + 1 < written.shape[1]:
            logits = decoder.step(np.concatenate([codes, codes]) if guided else codes)
    if guided:  # nails are not
        decoder.select(np.arange(count))
    return _show(decoder, finish(written))


def _walk(
    decoder: Decoding,
    weights: Weights,
    logits: NDArray[np.float32],
    uniforms: Uniforms,
    settings: SampleSettings,
    masked: bool,
    pace: Pace,
) -> list[NDArray[np.int64]]:
    """The nails of all sequences, from the logits of the first."""
    rules = Rules(settings.min_nail_gap or weights.rules.min_nail_gap, weights.rules.recent_edges)
    narrowing = (settings.temperature or 0.0, settings.top_k or 0, settings.min_p)
    early, late = (Terms(weights.board, rules, short, *narrowing) for short in (True, False))
    paths = np.zeros((len(uniforms), 1 + (settings.max_lines or weights.max_lines)), dtype=np.int64)
    walk = Walk(paths, uniforms, (early, late), settings.min_lines, masked, settings.repetition_penalty)
    return walk_on(decoder, logits, walk, pace)


__all__ = [
    "BATCH",
    "MANY",
    "Decoding",
    "Plans",
    "SampleSettings",
    "choose",
    "invent",
    "provenance",
    "resolved",
]
