"""Parts of a piece of work in threads, each thread with a tool of its own; results in order.

Work that releases the interpreter runs at once on as many cores as this process may use. NumPy's BLAS has
one thread meanwhile, and wherever else `one_blas_thread` stands: threads of its own, once called, wait for
more by spinning. They would take the cores from the parts and, where other processes are busy, make small
products take a hundred times as long. This module does not know what the work is.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

import ctypes
import itertools
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ContextDecorator, suppress
from typing import Any, NamedTuple, TypeVar

from nitograph.compute.cores import cores

Tool = TypeVar("Tool")
Part = TypeVar("Part")
Result = TypeVar("Result")
OPENMP = 2  # what openblas_get_parallel says where the threads are OpenMP's


class Pool(NamedTuple):
    """How many threads a BLAS has, and how to change that."""

    threads: Callable[[], int]
    change: Callable[[int], Any]


class _OneBlasThread(ContextDecorator):
    """BLAS has one thread from the first that enters to the last that leaves, in whatever threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Pool, int]] = []
        self._pools: list[Pool] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._pools = _blas_pools() if self._pools is None else self._pools
                self._before = [(pool, pool.threads()) for pool in self._pools]
                for pool, _ in self._before:
                    pool.change(1)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for pool, before in self._before:
                    pool.change(before)


def _blas_pools() -> list[Pool]:
    """The threads of NumPy's BLAS.

    OpenBLAS, which NumPy's wheels bring, is asked itself: threadpoolctl would add 12 ms to a cold start,
    and lets only the thread of Python that came first change anything. Any other is left to it.
    """
    import numpy  # noqa: F401  # its BLAS is what is looked for

    core = getattr(sys.modules.get("numpy._core._multiarray_umath"), "__file__", None)
    with suppress(OSError):
        own = _openblas(ctypes.CDLL(core)) if core else None
        if own:
            return [own]
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it has no type stubs

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [_openblas(each.dynlib) or Pool(each.get_num_threads, each.set_num_threads) for each in found]


def _openblas(library: ctypes.CDLL) -> Pool | None:
    """The pool of the OpenBLAS that a library is or rests on; None where it is none, or OpenMP's."""
    for prefix, suffix in itertools.product(("scipy_", ""), ("64_", "", "_64")):
        with suppress(AttributeError):
            kind, threads, change = (
                getattr(library, f"{prefix}openblas_{name}{suffix}")
                for name in ("get_parallel", "get_num_threads", "set_num_threads")
            )
            return None if kind() == OPENMP else Pool(threads, change)
    return None


one_blas_thread = _OneBlasThread()
"""with one_blas_thread: … or @one_blas_thread. Within another one it costs about a microsecond."""


def in_threads(
    work: Callable[[Tool, Part], Result],
    make_tool: Callable[[], Tool],
    parts: Sequence[Part],
    *,
    most: int | None = None,
) -> Generator[Result]:
    """work(tool, part) for each part, `most` at once, or as many as this process may use cores.

    The first error of a part is raised where its result is asked for; no further part is begun then, nor
    once the generator is closed.
    """
    from concurrent.futures import ThreadPoolExecutor  # not loaded where only BLAS is to have one thread
    from queue import SimpleQueue

    count = max(1, min(most or cores(), len(parts)))
    tools: SimpleQueue[Tool] = SimpleQueue()
    for _ in range(count):
        tools.put(make_tool())

    def borrow(part: Part) -> Result:
        tool = tools.get()
        try:
            return work(tool, part)
        finally:
            tools.put(tool)

    with one_blas_thread, ThreadPoolExecutor(count) as pool:
        running = [pool.submit(borrow, part) for part in parts]
        try:
            for future in running:
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
