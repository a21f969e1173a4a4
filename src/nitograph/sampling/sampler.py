"""Logits to threads: temperature, top-k, min-p, repetition penalty, and the board's rules.

A sampler knows only the three calls of a decoder (start, step, select), not how it works. Each sequence has
its own generator, NumPy's PCG64 with its seed, and takes one uniform number per token (it inverts the
cumulative distribution over tokens in order). So a seed gives the same thread alone or in a batch and from
either decoder, unless the last bits of the logits decide. Temperature 0 takes the most likely token and
draws nothing. Logits that are not finite are an error. `settings` says what can be asked for; `beam`,
`best` and `begun` do what goes beyond drawing one walk from its first nail.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitograph import __version__
from nitograph.compute.parallel import one_blas_thread
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.batch.pace import BATCH, MANY, quicker
from nitograph.sampling.beam import Search, search_on
from nitograph.sampling.begun import PLANS, begun_nails, feed, suited, uniforms_after
from nitograph.sampling.best import best_rows, seeds_of
from nitograph.sampling.choose import NextNails, Terms, Uniforms, choose
from nitograph.sampling.penalties import Penalties, Tally, canvas_for
from nitograph.sampling.plans import Plans, joined, sharp
from nitograph.sampling.settings import (
    PLAIN_DEFAULTS as PLAIN_DEFAULTS,
    STEPS as STEPS,
    SampleSettings,
    resolved,
    rules_of,
)
from nitograph.sampling.walk import PLAIN, Decoding, Pace, Walk, walk_on
from nitograph.thread import Thread

CHOSEN_AT_ONCE = 4096  # candidates of which the best are chosen before further ones are drawn


class Batch(NamedTuple):
    """What is to be invented: plans as in `invent`, begun: the nails that every path begins with."""

    labels: Sequence[str | None]
    seeds: Sequence[int]
    plans: Plans | None = None
    begun: Sequence[int] = ()

    def take(self, part: slice) -> "Batch":
        """Some of them."""
        plans = None if self.plans is None else self.plans.take(part)
        return Batch(self.labels[part], self.seeds[part], plans, self.begun)

    def times(self, count: int) -> "Batch":
        """Each of them `count` times in a row, with the seeds of as many candidates."""
        if count == 1:
            return self
        rows = np.repeat(np.arange(len(self.labels)), count)
        plans = None if self.plans is None else self.plans.take(rows)
        seeds = [candidate for seed in self.seeds for candidate in seeds_of(int(seed), count)]
        return Batch([label for label in self.labels for _ in range(count)], seeds, plans, self.begun)


class Wound(NamedTuple):
    """Paths (t + 1,) each, and the plans that they were wound from; None in a model without plans."""

    paths: list[NDArray[np.int64]]
    plans: Plans | None


def invent(
    weights: Weights,
    labels: Sequence[str | None],
    seeds: Sequence[int],
    settings: SampleSettings | None = None,
    *,
    plans: Plans | None = None,
    begun: Thread | None = None,
    decoder: Decoding | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Thread]:
    """A new thread for each label (None: any class) and seed, decoded in batches.

    plans: what to wind instead of plans of the model's own, a row for each thread. begun: a thread whose
    nails all of them begin with; SettingsError where the model cannot go on with it. decoder defaults to
    the NumPy one over `weights`. progress is called with the number of threads done. From MANY threads on,
    a decoder that has a compiled version runs in parts on several cores; the parts depend only on the
    number of threads, so the number of cores does not change what is invented.
    """
    count = (settings or SampleSettings()).best_of
    size = len(labels) if count == 1 else max(1, CHOSEN_AT_ONCE // count)
    found: list[Thread] = []

    def report(done: int) -> None:
        progress(len(found) + done)

    for first in range(0, len(labels), size):
        batch = Batch(labels, seeds, plans).take(slice(first, first + size))
        found += _invented(weights, batch, settings, begun, decoder, report)
    return found


def invent_with_plans(
    weights: Weights,
    labels: Sequence[str | None],
    seeds: Sequence[int],
    settings: SampleSettings | None = None,
    *,
    plans: Plans | None = None,
    decoder: Decoding | None = None,
) -> tuple[list[Thread], Plans | None]:
    """As `invent`, with the plans that the threads were wound from, which take 16 kB each in memory."""
    batch, kept = Batch(labels, seeds, plans), list[Plans]()
    threads = _invented(weights, batch, settings, None, decoder, lambda done: None, kept)
    return threads, joined(kept) if kept else None


@one_blas_thread
def _invented(
    weights: Weights,
    batch: Batch,
    settings: SampleSettings | None,
    begun: Thread | None,
    decoder: Decoding | None,
    progress: Callable[[int], None],
    kept: list[Plans] | None = None,
) -> list[Thread]:
    """The threads of a batch, the best of several each; their plans are appended to `kept`."""
    settings = settings or SampleSettings()
    chosen = resolved(settings, weights)
    count, nails = chosen.best_of, []
    if begun is not None:
        nails = begun_nails(begun, weights.board, rules_of(chosen, weights), chosen.max_lines or 0)
    if count > 1 and chosen.temperature == 0 and (batch.plans is not None or chosen.plan_temperature == 0):
        raise SettingsError(
            f"best_of needs something that is drawn, but at temperature 0 all {count} threads would be the "
            "same; raise a temperature or leave best_of out"
        )
    tried, paths, plans = batch._replace(begun=nails).times(count), list[NDArray[np.int64]](), list[Plans]()
    with closing(_wound(weights, tried, chosen, decoder, masked=True)) as parts:
        for part in parts:
            paths += part.paths
            if kept is not None and part.plans is not None:
                plans.append(part.plans)
            progress(len(paths) // count)
    rows = list(range(len(paths))) if count == 1 else best_rows(weights, paths, tried.labels, count)
    threads = []
    for label, seed, row in zip(batch.labels, batch.seeds, rows, strict=True):
        made = provenance(weights, settings, seed)
        if count > 1:
            made["best_of"] = {"candidate": row % count + 1, "seed": tried.seeds[row]}
        if begun is not None:
            made["continued"] = {"nails": len(nails), **_facts_of(begun)}
        threads.append(Thread(paths[row], weights.board, label, made))
    if kept is not None and plans:
        kept.append(joined(plans).take(np.array(rows)))
    return threads


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
) -> list[NDArray[np.int64]]:
    """Only the nails of walks as the settings say, (t + 1,) each; best_of is not looked at.

    masked=False lets any nail follow, to see if the model itself knows the rules; there is no search then.
    Such a path may not be a valid thread.
    """
    batch = Batch(labels, seeds, plans)
    with closing(_wound(weights, batch, resolved(settings, weights), decoder, masked)) as parts:
        return [path for part in parts for path in part.paths]


def _wound(
    weights: Weights, batch: Batch, settings: SampleSettings, decoder: Decoding | None, masked: bool
) -> Generator[Wound]:
    """All sequences in parts, in order."""
    if decoder is None:
        from nitograph.model.decoder import Decoder

        decoder = Decoder(weights)
    searched = masked and settings.searched
    task = Task(weights, settings, masked, searched)
    size = 1 if searched else BATCH // PLANS if batch.begun and batch.plans is None else BATCH
    parts = [batch.take(slice(first, first + size)) for first in range(0, len(batch.labels), size)]

    def wind(decoder: Decoding, part: Batch, pace: Pace) -> Wound:
        with np.errstate(all="ignore"):  # an overflow is not finite, which the choice rejects
            return _sample_batch(decoder, task, part, pace)

    quick = quicker(decoder, len(batch.labels) * (settings.beam if searched else 1))
    if quick is None:
        yield from (wind(decoder, part, PLAIN) for part in parts)
        return
    from nitograph.compute.parallel import in_threads

    pace, make_decoder = quick
    yield from in_threads(partial(wind, pace=pace), make_decoder, parts)


def provenance(weights: Weights, settings: SampleSettings, seed: int) -> dict[str, Any]:
    """Everything needed to make the same thread again, as JSON values."""
    return {
        "made_by": "nitograph generate",
        "nitograph": __version__,
        "weights": weights.digest,
        "seed": int(seed),
        "sampling": resolved(settings, weights).to_dict(),
    }


def _facts_of(begun: Thread) -> dict[str, Any]:
    """What a finished thread keeps of where its beginning came from."""
    return {name: begun.provenance[name] for name in ("made_by", "seed") if name in begun.provenance}


class Task(NamedTuple):
    """What all batches have in common; settings: resolved."""

    weights: Weights
    settings: SampleSettings
    masked: bool
    searched: bool


def _sample_batch(decoder: Decoding, task: Task, batch: Batch, pace: Pace) -> Wound:
    """The paths of one batch, from the plan to the last nail."""
    weights, settings = task.weights, task.settings
    draws_plan = weights.settings.planned and batch.plans is None
    several = PLANS if batch.begun and draws_plan else 1
    every, seeds = batch.times(several), batch.seeds
    uniforms = Uniforms(every.seeds)
    logits, plans = _begin(decoder, task, every, uniforms, pace)
    walk = _walk_of(task, uniforms, batch.begun)
    if batch.begun:
        logits, chances = feed(decoder, logits, batch.begun, walk.terms[1])
        if several > 1:
            rows = suited(chances, seeds)
            decoder.select(rows)
            logits, plans = logits[rows], None if plans is None else plans.take(rows)
        draws = weights.settings.plan_tokens if draws_plan and settings.plan_temperature else 0
        draws += len(batch.begun) if settings.temperature else 0
        walk = _walk_of(task, uniforms_after(seeds, draws), batch.begun)
    if not task.searched:
        return Wound(walk_on(decoder, logits, walk, pace), plans)
    search = Search(settings.beam, walk.terms, walk.min_lines, walk.max_lines)
    return Wound(
        [search_on(decoder, logits, search, _tally(task, plans, batch.begun), seeds[0], batch.begun)], plans
    )


def _begin(
    decoder: Decoding, task: Task, batch: Batch, uniforms: Uniforms, pace: Pace
) -> tuple[NDArray[np.float32], Plans | None]:
    """The logits of the first nail, and what is wound, drawn or given."""
    weights, settings = task.weights, task.settings
    known = weights.vocabulary
    ids = [len(known.classes) if label is None else known.class_index(label) for label in batch.labels]

    def finish(codes: NDArray[np.int64]) -> Plans:
        """Written codes as they are wound."""
        noisy = settings.plan_temperature != 0
        return sharp(weights, codes, ids, batch.seeds, settings.plan_steps or 0, noisy=noisy)

    if not weights.settings.planned:
        return decoder.start(np.array(ids)), None
    if batch.plans is not None:
        plans = finish(batch.plans.codes) if batch.plans.light is None else batch.plans
        return _copy_plan(decoder, ids, plans), plans
    return _write_plan(decoder, weights, ids, uniforms, settings, (pace.next_nails, finish))


def _tally(task: Task, plans: Plans | None, begun: Sequence[int]) -> Tally:
    """What the walks of one thread are charged, with the nails that are begun counted in."""
    penalties, weights = Penalties.parse(task.settings.penalty), task.weights
    canvas = canvas_for(weights, plans) if penalties.overdraw else None
    tally = Tally(penalties, weights.board, canvas)
    for nail in begun:
        tally.costs()
        tally.move(np.zeros(1, np.int64), np.array([nail]))
    return tally


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
) -> tuple[NDArray[np.float32], Plans]:
    """Sample the plan, where any code may follow; returns the logits of the first nail, and what is wound.

    With guidance each sequence has a twin of no class that takes the same codes, and the logits are
    extrapolated from the twin's through its own (J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance",
    2022), for each class by its share of the push (Weights.pull). ways: how codes are chosen, and how whole
    plans become what is wound.
    """
    next_codes, finish = ways
    count, guidance = len(ids), 1.0 if settings.guidance is None else settings.guidance
    guided, temperature = guidance != 1.0, settings.plan_temperature or 0.0
    terms, none = Terms(weights.board, weights.rules, False, temperature, 0, 0.0), np.zeros((count, 0), int)
    twins = [len(weights.classes)] * count if guided else []
    shares = [weights.pull.get(label, 1.0) for label in (*weights.classes, "")]
    push = (1 + (guidance - 1) * np.array(shares)[ids, None]).astype(np.float32)
    logits = decoder.start(np.array(ids + twins))
    written = np.zeros((count, weights.settings.plan_tokens), dtype=np.int64)
    for slot in range(written.shape[1]):
        if guided:
            own, free = logits[:count], logits[count:]
            logits = free + push * (own - free)
        codes = next_codes(logits, none, uniforms.next(slice(None), temperature), terms)
        written[:, slot] = codes
        if slot + 1 < written.shape[1]:
            logits = decoder.step(np.concatenate([codes, codes]) if guided else codes)
    if guided:  # nails are not
        decoder.select(np.arange(count))
    plans = finish(written)
    return _show(decoder, plans), plans


def _walk_of(task: Task, uniforms: Uniforms, begun: Sequence[int]) -> Walk:
    """A walk of all sequences that has the begun nails behind it."""
    weights, settings = task.weights, task.settings
    rules = rules_of(settings, weights)
    narrowing = (settings.temperature or 0.0, settings.top_k or 0, settings.min_p)
    early, late = (Terms(weights.board, rules, short, *narrowing) for short in (True, False))
    paths = np.zeros((len(uniforms), 1 + (settings.max_lines or weights.max_lines)), dtype=np.int64)
    paths[:, : len(begun)] = begun
    return Walk(
        paths,
        uniforms,
        (early, late),
        settings.min_lines,
        task.masked,
        settings.repetition_penalty,
        len(begun),
    )


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
