"""Parts of a piece of work in threads, each thread with a tool of its own; results in order.

Work that releases the interpreter runs at once on as many cores as this process may use. NumPy's BLAS has
one thread meanwhile: those of its own, once called, wait for more by spinning, and would take the cores
from the parts. This module does not know what the work is.

Try it: python -m nitograph sample 7 --count 200 -o threads.jsonl
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no type stubs

from nitograph.compute.cores import cores

Tool = TypeVar("Tool")
Part = TypeVar("Part")
Result = TypeVar("Result")


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

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        running = [pool.submit(borrow, part) for part in parts]
        try:
            for future in running:
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
