"""The parts of a job in threads, each thread with its own tool; results come in the order of the parts.

Work that releases the GIL runs on as many cores as this process may use. Meanwhile NumPy's BLAS is limited
to one thread, as it is wherever `one_blas_thread` is used: its own threads spin while they wait for work.
They would take the cores from the parts and, when other processes are busy, slow small products down by a
factor of a hundred. This module does not know what the work is.

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
OPENMP = 2  # what openblas_get_parallel returns where the threads are OpenMP's


class Pool(NamedTuple):
    """How many threads a BLAS has, and how to change that."""

    threads: Callable[[], int]
    change: Callable[[int], Any]


class _OneBlasThread(ContextDecorator):
    """BLAS has one thread from the first entry to the last exit, counted over all Python threads."""

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
    """The thread pools of NumPy's BLAS.

    OpenBLAS, which NumPy's wheels ship, is called directly: threadpoolctl would add 12 ms to a cold start,
    and lets only the first Python thread change anything. Any other BLAS is left to threadpoolctl.
    """
    import numpy  # noqa: F401  # loads the BLAS that is looked up below

    core = getattr(sys.modules.get("numpy._core._multiarray_umath"), "__file__", None)
    with suppress(OSError):
        own = _openblas(ctypes.CDLL(core)) if core else None
        if own:
            return [own]
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it has no type stubs

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [_openblas(each.dynlib) or Pool(each.get_num_threads, each.set_num_threads) for each in found]


def _openblas(library: ctypes.CDLL) -> Pool | None:
    """The pool of the OpenBLAS that a library is or links to; None if there is none or it uses OpenMP."""
    for prefix, suffix in itertools.product(("scipy_", ""), ("64_", "", "_64")):
        with suppress(AttributeError):
            kind, threads, change = (
                getattr(library, f"{prefix}openblas_{name}{suffix}")
                for name in ("get_parallel", "get_num_threads", "set_num_threads")
            )
            return None if kind() == OPENMP else Pool(threads, change)
    return None


one_blas_thread = _OneBlasThread()
"""`with one_blas_thread:` or `@one_blas_thread`. Inside another one it costs about a microsecond."""


def in_threads(
    work: Callable[[Tool, Part], Result],
    make_tool: Callable[[], Tool],
    parts: Sequence[Part],
    *,
    max_threads: int | None = None,
) -> Generator[Result]:
    """work(tool, part) for each part, at most `max_threads` at once (default: one per usable core).

    An error in a part is raised when its result is due. After that, or once the generator is closed, no
    further part is started.
    """
    from concurrent.futures import ThreadPoolExecutor  # not needed for one_blas_thread alone
    from queue import SimpleQueue

    count = max(1, min(max_threads or cores(), len(parts)))
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
