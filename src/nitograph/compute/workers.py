"""The parts of a job in processes of their own, each with its own tool; results come in order of the parts.

For work that holds the GIL too much for threads, and for many cores: a process takes one core. At most a
few results wait for those before them, so that memory stays flat. A process ends with the one that started
it, however that ends. This module does not know what the work is.

Try it: python -m nitograph sample 7 --count 4000 --workers 2 -o threads.jsonl
"""

import contextlib
import signal
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from nitograph.compute.cores import at_most
from nitograph.errors import NitographError, ProcessError

Part = TypeVar("Part")
Result = TypeVar("Result")
AHEAD = 3  # parts per process that are under way or wait for those before them


class _Worker:
    """A process at work."""

    def __init__(self, serve: tuple[Any, ...]) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, *serve), daemon=True)
        self.process.start()
        theirs.close()

    def send(self, part: Any) -> None:
        """Give it a part."""
        with contextlib.suppress(BrokenPipeError):  # it has ended, which is said when its result is due
            self.connection.send(part)

    def received(self) -> tuple[str, Any]:
        """What it has sent: what became of the part, and the result or the error."""
        try:
            said, found = self.connection.recv()
        except (EOFError, OSError):
            raise ProcessError(
                "a process that shares the work has ended by itself (killed, or no memory left); "
                "start the same command again, with fewer workers if memory is short"
            ) from None
        return said, found

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.terminate()
        self.process.join()
        self.connection.close()


def in_processes(
    make: Callable[..., Callable[[Part], Result]],
    given: tuple[Any, ...],
    parts: Iterable[Part],
    workers: int,
) -> Generator[Result]:
    """work(part) for each part, where work = make(*given) in each of `workers` processes.

    make, given, parts and results go from process to process and must be picklable. An error of `work` is
    raised here. ProcessError if a process ends by itself: killed, or out of memory.
    """
    from multiprocessing.connection import wait

    serve = (make, given)
    idle = [_Worker(serve) for _ in range(workers)]
    busy: dict[Any, tuple[int, _Worker]] = {}
    ready: dict[int, Result] = {}
    tasks, due = enumerate(parts), 0
    try:
        while True:
            while idle and len(busy) + len(ready) < AHEAD * workers and (task := next(tasks, None)):
                worker = idle.pop()
                busy[worker.connection] = (task[0], worker)
                worker.send(task[1])
            if due in ready:
                yield ready.pop(due)
                due += 1
                continue
            if not busy:
                return
            for connection in wait(list(busy)):
                place, worker = busy[connection]
                said, found = worker.received()
                del busy[connection]
                idle.append(worker)
                if said == "fault":
                    raise found
                ready[place] = found
    finally:
        for worker in [*idle, *(worker for _, worker in busy.values())]:
            worker.end()


def _serve(connection: Any, make: Callable[..., Callable[[Any], Any]], given: tuple[Any, ...]) -> None:
    """The life of a process: a result for each part it is sent, until nobody sends any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    with contextlib.suppress(EOFError, OSError), at_most(1):
        work = None
        while True:
            part = connection.recv()
            try:
                work = work or make(*given)
                found: tuple[str, Any] = ("done", work(part))
            except NitographError as error:
                found = ("fault", error)
            except Exception as error:
                found = ("fault", RuntimeError(f"{type(error).__name__}: {error}"))
            connection.send(found)
