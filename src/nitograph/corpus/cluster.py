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
import tempfile
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from nitograph import __version__
from nitograph.compute.cores import at_most, cores
from nitograph.corpus.prepare import Engine, Part, Task, weave
from nitograph.errors import NitographError, ProcessError, SettingsError
from nitograph.untrusted import need

WAIT, WAIT_FOR_WORKERS = 30, 300  # seconds, for a scheduler to answer and for its first worker to come
AHEAD = 2  # parts per core of the cluster that are out at once
TRIES = 5  # of a part whose workers die


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
            local = LocalCluster(
                n_workers=cores(),
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                local_directory=stack.enter_context(tempfile.TemporaryDirectory(prefix="nitograph-")),
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
def _silent() -> Iterator[None]:
    """Workers that come and go are not the user's business."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _woven(client: Any, tasks: Iterable[Task]) -> Generator[tuple[int, Part]]:
    """The parts of tasks, woven by the cluster of a client, as they come."""
    from distributed import KilledWorker, as_completed

    waiting, running = iter(tasks), as_completed(loop=client.loop)
    out: dict[str, tuple[Task, int]] = {}

    def send(task: Task, tries: int) -> None:
        data = pickle.dumps(task)
        key = f"nitograph-{hashlib.sha256(data).hexdigest()[:16]}-{task.first}-{tries}"
        out[key] = (task, tries)
        running.add(client.submit(woven_from, data, __version__, key=key))

    def fill() -> None:
        room = AHEAD * max(1, sum(client.nthreads().values()))
        while len(out) < room and (task := next(waiting, None)) is not None:
            send(task, 1)

    fill()
    for future in running:
        task, tries = out.pop(future.key)
        try:
            part = future.result()
        except KilledWorker:
            if tries == TRIES:
                raise ProcessError(
                    f"the workers that wove part {task.first} died {TRIES} times; give them more memory "
                    "and start the same command again"
                ) from None
            send(task, tries + 1)
            continue
        except NitographError:
            raise
        except Exception as error:  # of another machine, and of the way there
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise ProcessError(
                f"the cluster could not weave a part ({reason}); start the same command again"
            ) from None
        future.release()
        yield task.first, part
        fill()


def woven_from(data: bytes, version: str) -> Part:
    """The part of a pickled task; called on a worker. ProcessError if it is of another version."""
    if version != __version__:
        raise ProcessError(
            f"a worker has Nitograph {__version__} and not {version}; install the same version everywhere"
        )
    task: Task = pickle.loads(data)
    with at_most(1):
        return weave(task)
