"""An engine that weaves a corpus on a cluster: Dask, by the address of its scheduler, or started here.

Each part travels as a task that holds all it takes, its own pictures included, and its threads come back,
so that workers need no common disk, only Nitograph of the same version. A part whose worker dies is woven
elsewhere; only a few more parts than there are workers are out at once. A part is woven on one core. This
module keeps nothing.

Try it: python -m nitograph prepare --samples 8000 --engine dask --output small.npz
"""

import hashlib
import logging
import pickle
import signal
import tempfile
import time
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from nitograph import __version__
from nitograph.compute.cores import at_most, cores
from nitograph.corpus.prepare import Engine, Part, Task, weave
from nitograph.errors import NitographError, ProcessError, SettingsError
from nitograph.untrusted import need

WAIT, WAIT_FOR_WORKERS = 30, 300  # seconds, for a scheduler to answer and for a worker to come
LOOK = 5.0  # seconds without a part, after which it is asked whether there are workers
AHEAD = 2  # parts per core of the cluster that are out at once
DEATHS = 5  # of workers that had a part, after which it is given up
LOGGERS = ("distributed", "tornado", "asyncio")


@contextmanager
def cluster(address: str | None = None) -> Iterator[Engine]:
    """The engine of the cluster whose scheduler has this address, or of one of this machine's cores.

    SettingsError without Dask; ProcessError if there is no such scheduler, or it has no workers.
    """
    need("distributed", SettingsError("weaving on a cluster needs Dask: pip install 'nitograph[cluster]'"))
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        stack.enter_context(_silent())
        if address is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nitograph-"))
            with _ctrl_c_is_ours():
                local = LocalCluster(
                    n_workers=cores(),
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    local_directory=folder,
                    silence_logs=logging.CRITICAL,
                )
            stack.enter_context(local)
            address = str(local.scheduler_address)
        try:
            client = stack.enter_context(Client(address, timeout=WAIT, set_as_default=False))
            client.wait_for_workers(1, timeout=WAIT_FOR_WORKERS)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise ProcessError(
                f"no Dask scheduler with a worker answers at {address} ({type(error).__name__}); "
                f"check the address, or start `dask worker {address}`"
            ) from None
        yield lambda tasks: _woven(client, tasks)


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """Threads and processes that begin inside the block, and theirs, are not told of Ctrl-C.

    A terminal sends it to all processes; this one ends the others. Its own comes after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # the thread that starts it is told of Ctrl-C afterwards
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _silent() -> Iterator[None]:
    """Workers that come and go are not the user's business."""
    known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOGGERS]
    loggers = [logging.getLogger(name) for name in {*LOGGERS, *known}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _woven(client: Any, tasks: Iterable[Task]) -> Generator[tuple[int, Part]]:
    """The parts of tasks, woven by the cluster of a client, as they come."""
    from distributed import KilledWorker, as_completed

    waiting = iter(tasks)
    running = as_completed(loop=client.loop, with_results=True, raise_errors=False)
    out: dict[str, tuple[Task, int]] = {}

    def send(task: Task, deaths: int) -> None:
        data = pickle.dumps(task)
        key = key_of(data, task.first, deaths)
        out[key] = (task, deaths)
        running.add(client.submit(woven_from, data, __version__, key=key))

    def fill() -> None:
        room = AHEAD * max(1, _cores_of(client))
        while len(out) < room and (task := next(waiting, None)) is not None:
            send(task, 0)

    fill()
    while out:
        _wait_for(running, client)
        future, found = next(running)
        task, deaths = out.pop(future.key)
        if future.status == "finished":
            future.release()
            yield task.first, found
            fill()
            continue
        error = found[1] if isinstance(found, tuple) else found
        if isinstance(error, KilledWorker):
            deaths += error.allowed_failures + 1
            if deaths < DEATHS:
                send(task, deaths)
                continue
        raise _fault(error, task, deaths)


def key_of(data: bytes, first: int, deaths: int) -> str:
    """The name of a task: a scheduler that has an answer under it gives that one, whoever asked for it."""
    digest = hashlib.sha256(__version__.encode() + b"\0" + data).hexdigest()
    return f"nitograph-{digest[:16]}-{first}-{deaths}"


def _cores_of(client: Any) -> int:
    """How many cores the cluster has now. ProcessError if the scheduler is gone."""
    try:
        return sum(client.nthreads().values())
    except Exception as error:  # of the way there, or of a client that has given up
        raise ProcessError(
            f"the Dask scheduler does not answer any more ({type(error).__name__}); "
            "start it, and then the same command again"
        ) from None


def _wait_for(running: Any, client: Any) -> None:
    """Wait until a task has come to an end. ProcessError if there is nobody who could bring one."""
    looked = began = time.monotonic()
    while not running.has_ready():
        time.sleep(0.02)
        now = time.monotonic()
        if now - looked > LOOK:
            looked = now
            if _cores_of(client):
                began = now
            elif now - began > WAIT_FOR_WORKERS:
                raise ProcessError(
                    f"the Dask cluster has had no worker for {WAIT_FOR_WORKERS} s; start some, with more "
                    "memory if they were killed, and then the same command again"
                )


def _fault(error: BaseException, task: Task, deaths: int) -> NitographError:
    """What is said when a part was not woven."""
    if isinstance(error, NitographError):
        return error
    if deaths >= DEATHS:
        return ProcessError(
            f"the workers that wove part {task.first} died {deaths} times; give them more memory "
            "and start the same command again"
        )
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return ProcessError(f"the cluster could not weave a part ({reason}); start the same command again")


def woven_from(data: bytes, version: str) -> Part:
    """The part of a pickled task; called on a worker. ProcessError if it is of another version."""
    if version != __version__:
        raise ProcessError(
            f"a worker has Nitograph {__version__} and not {version}; install the same version everywhere"
        )
    task: Task = pickle.loads(data)
    with at_most(1):
        return weave(task)
