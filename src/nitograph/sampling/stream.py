"""Any number of threads, one after another: in flat memory, from any place on, on any number of cores.

Threads are invented in units, whose bounds depend only on their places in the run. So a thread is the same
to the last bit, however many there are, however many processes share them, and wherever an interrupted run
goes on. This module writes nothing.

Try it: python -m nitograph sample 7 --count 4000 --workers 2 -o threads.jsonl
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from nitograph.model.weights import Weights
from nitograph.sampling.sampler import BATCH, MANY, SampleSettings, invent
from nitograph.sampling.walk import Decoding
from nitograph.thread import Thread

UNIT = 8 * BATCH  # threads that are invented at once

Encode = Callable[[Sequence[Thread]], list[Any]]
"""What is made of threads where they are invented, an item for each."""


@dataclass(frozen=True)
class Order:
    """What is to be invented: `count` threads of one label (None: any), seeds counting up from `seed`.

    unit: threads that are invented at once, whole batches.
    """

    weights: Weights
    label: str | None
    seed: int
    count: int
    settings: SampleSettings
    unit: int = UNIT

    @property
    def units(self) -> int:
        """How many units there are."""
        return -(-self.count // self.unit)


class Inventor:
    """Invents the units of an order, each as the items that `encode` makes of its threads."""

    def __init__(self, order: Order, encode: Encode, decoder: Decoding | None = None) -> None:
        if decoder is None:
            from nitograph.model.decoder import Decoder

            decoder = Decoder(order.weights)
        self.order, self.encode, self.decoder = order, encode, decoder

    def __call__(self, unit: int) -> list[Any]:
        """The items of a unit."""
        return self.encode(self.threads(unit))

    def threads(self, unit: int) -> list[Thread]:
        """The threads of a unit; the last is filled up to whole batches, so that none is alone in one."""
        order, first = self.order, unit * self.order.unit
        count = min(order.unit, order.count - first)
        filled = count if order.count < MANY else max(MANY, -(-count // BATCH) * BATCH)
        seeds = range(order.seed + first, order.seed + first + filled)
        found = invent(order.weights, [order.label] * filled, seeds, order.settings, decoder=self.decoder)
        return found[:count]


def stream(
    order: Order, encode: Encode, *, start: int = 0, workers: int = 0, decoder: Decoding | None = None
) -> Generator[list[Any]]:
    """The items of an order from thread `start` on, some at a time, in order.

    workers: processes of one core each; encode must be picklable for them. 0: everything is done in this
    process, on the cores that it may use, by `decoder` if one is given.
    """
    units, beside = range(start // order.unit, order.units), start % order.unit
    found: Generator[list[Any]]
    if workers:
        from nitograph.compute.workers import in_processes

        found = in_processes(Inventor, (order, encode), units, min(workers, max(len(units), 1)))
    else:
        found = _here(partial(Inventor, order, encode, decoder), units)
    with closing(found):
        for items in found:
            yield items[beside:]
            beside = 0


def _here(make: Callable[[], Inventor], units: range) -> Generator[list[Any]]:
    work = make() if units else None
    for unit in units:
        assert work is not None  # there are units
        yield work(unit)
