"""The processes in which the studio's work is done, and the line of jobs that wait for them.

Each process is served by one thread here, which sends it a job, passes on what it says, and ends it when it
takes too long or will not stop; whatever becomes of a process, the next job has one. The line is bounded:
what does not fit is refused at once. A job whose process was killed is tried once more. A process has a
limit of memory and ends with the one that started it. This module does not know what the jobs do.

Try it: python -m nitograph studio --workers 1 --no-browser
"""

import asyncio
import contextlib
import logging
import queue
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any

from nitograph.compute.cores import at_most, cores
from nitograph.errors import NitographError
from nitograph.studio import work
from nitograph.studio.refusal import RefusedError
from nitograph.studio.settings import MIB, StudioSettings
from nitograph.untrusted import shortage

LOG = logging.getLogger("nitograph.studio")
GLANCE = 0.1  # s between two looks at whether a job was told to stop
COMPILED = ("drawings", "weavings")  # jobs whose first compiles code, which counts as nobody's time
GRACE = 5.0  # s in which a job that was told to stop may end by itself
IDLE = 1.0  # s without a job after which a process compiles what it may need later
LOST = RefusedError(
    503, "worker_lost", "the process at work has ended (killed, or no memory left); ask again"
)


class LostError(Exception):
    """The process has ended by itself."""


class Job:
    """One piece of work: `future` gets its answer or a RefusedError, `events` what it says meanwhile.

    After the last event `events` gets None.
    """

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self.name, self.given = name, given
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[bytes] = self.loop.create_future()
        self.future.add_done_callback(lambda done: done.cancelled() or done.exception())  # may be unheard
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.stopping = self.cancelled = self.spoke = False

    def stop(self) -> None:
        """Ask it to end early and give what it has."""
        self.stopping = True

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self.stopping = self.cancelled = True

    def say(self, value: Any) -> None:
        """Pass on what the process says; from any thread."""
        self.spoke = True
        self._call(self.events.put_nowait, value)

    def settle(self, found: bytes | RefusedError) -> None:
        """End it; from any thread."""
        self._call(self._settle, found)

    def _settle(self, found: bytes | RefusedError) -> None:
        self.events.put_nowait(None)
        if self.future.done():
            return
        if isinstance(found, RefusedError):
            self.future.set_exception(found)
        else:
            self.future.set_result(found)

    def _call(self, what: Any, value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody hears it
            self.loop.call_soon_threadsafe(what, value)


class Pool:
    """Processes at work and the jobs that wait; `submit` is called in the event loop's thread."""

    def __init__(self, settings: StudioSettings, checkpoint: str | None = None) -> None:
        self.settings, self.checkpoint = settings, checkpoint
        self.workers = settings.workers or min(cores(), 4)
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.open: set[Job] = set()
        self.closing = False
        self.warming = threading.Lock()
        self.hands = [_Hand(self) for _ in range(self.workers)]
        for hand in self.hands:
            hand.start()

    def full(self) -> RefusedError | None:
        """Why no further job is taken, or None."""
        if self.closing:
            return RefusedError(503, "stopping", "the studio is being stopped; start it again")
        if len(self.open) >= self.settings.queue + self.workers:
            return RefusedError(
                429, "busy", f"{len(self.open)} requests are under way; ask again in a moment"
            )
        return None

    def submit(self, name: str, given: Mapping[str, Any]) -> Job:
        """A job in the line; RefusedError 429 if the line is full, 503 if the studio is being stopped."""
        if refusal := self.full():
            raise refusal
        job = Job(name, given)
        self.open.add(job)
        job.future.add_done_callback(lambda _: self.open.discard(job))
        self.jobs.put(job)
        return job

    def close(self) -> None:
        """End all: what runs is told to stop and finishes within GRACE, what waits is refused. Blocks."""
        self.closing = True
        for job in list(self.open):
            job.stop()
        for _ in self.hands:
            self.jobs.put(None)
        for hand in self.hands:
            hand.join(GRACE + 1)
            hand.end()
        while not self.jobs.empty():  # a job that was put back behind the end
            if (left := self.jobs.get()) is not None:
                left.settle(self.full() or LOST)


class _Hand(threading.Thread):
    """A thread that serves one process."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(daemon=True, name="studio-hand")
        self.pool, self.warmed = pool, False
        self.process: Any = None
        self.connection: Any = None

    def run(self) -> None:
        """Do jobs until there is None."""
        while True:
            try:
                idle = (
                    not self.warmed and self.pool.workers > 1
                )  # an only process must not keep others waiting
                job = self.pool.jobs.get(timeout=IDLE if idle else None)
            except queue.Empty:
                if self.pool.warming.acquire(blocking=False):
                    self._warm()
                continue
            if job is None:
                break
            self._serve(job)
        self.end()

    def _serve(self, job: Job) -> None:
        if job.cancelled or self.pool.closing:
            job.settle(
                RefusedError(503, "stopping", "the studio is being stopped, or nobody waits any more")
            )
            return
        try:
            if self._waits(job):
                self.pool.jobs.put(job)
                return
            job.settle(self._tried(job))
        except Exception as error:  # whatever it is, its request is answered and this thread serves on
            LOG.exception("a job failed")
            self.end()
            job.settle(RefusedError(500, "fault", f"this is a fault of nitograph ({type(error).__name__})"))

    def _waits(self, job: Job) -> bool:
        """Whether a job needs what another process is compiling; the jobs behind it go first meanwhile."""
        if job.name not in COMPILED or self.warmed:
            return False
        if not self.pool.warming.acquire(timeout=GLANCE):
            return True
        self._warm()
        return False

    def _tried(self, job: Job) -> bytes | RefusedError:
        """What became of the job; once more if its process was lost before it said anything."""
        for last in (False, True):
            try:
                return self._done(job)
            except LostError:
                self.end()
                if last or job.spoke:
                    break
        return LOST

    def _done(self, job: Job) -> bytes | RefusedError:
        self._send((job.name, job.given))
        limit = time.monotonic() + self.pool.settings.seconds
        told = False
        while True:
            late = time.monotonic() > limit
            if told and late:
                self.end()
                return self._too_long(job)
            if not told and (late or job.stopping):
                told, limit = True, time.monotonic() + GRACE
                self._send("stop")
            if self._has_said(GLANCE):
                kind, value = self._received()
                if kind != "progress":
                    return bytes(value) if kind == "done" else value
                job.say(value)

    def _too_long(self, job: Job) -> RefusedError:
        if job.stopping:
            return RefusedError(503, "stopped", "this was stopped before there was anything to give")
        return RefusedError(
            503,
            "too_long",
            f"this took more than {self.pool.settings.seconds:g} s and was ended; ask for less",
        )

    def _warm(self) -> None:
        """Have the process load what it may need; `warming` is held, so that one compiles for all."""
        try:
            with contextlib.suppress(LostError):
                self._send(("warm", {}))
                kind = "progress"
                while kind == "progress" and not self.pool.closing:
                    if self._has_said(GLANCE):
                        kind, _ = self._received()
            self.warmed = True
        finally:
            self.pool.warming.release()

    def _send(self, message: Any) -> None:
        if self.process is None:
            self._begin()
        try:
            self.connection.send(message)
        except OSError:
            raise LostError from None

    def _has_said(self, seconds: float) -> bool:
        try:
            return bool(self.connection.poll(seconds))
        except OSError:
            raise LostError from None

    def _received(self) -> tuple[str, Any]:
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            raise LostError from None
        return kind, value

    def _begin(self) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        given = (theirs, self.pool.checkpoint, self.pool.settings.memory)
        self.process = context.Process(target=serve, args=given, daemon=True)
        self.process.start()
        theirs.close()

    def end(self) -> None:
        """End the process, whatever it does; the next job starts another."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None


class _Pipe:
    """A job's Talk over the pipe to the thread that serves this process."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.stopped = connection, False

    def progress(self, value: Any) -> None:
        """Say how far it has come."""
        self.connection.send(("progress", value))

    def stop_requested(self) -> bool:
        """Whether "stop" has come since the job began."""
        while not self.stopped and self.connection.poll():
            self.stopped = self.connection.recv() == "stop"
        return self.stopped


def serve(connection: Any, checkpoint: str | None, memory: int) -> None:
    """The life of a process: an answer for each job it is sent, until nobody sends any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    _bound_memory(memory)
    tools = work.Tools(checkpoint)
    with contextlib.suppress(EOFError, OSError), at_most(1):
        while True:
            message = connection.recv()
            if message == "stop":  # it came when the job was done
                continue
            name, given = message
            connection.send(_answered(name, tools, given, _Pipe(connection)))


def _answered(name: str, tools: work.Tools, given: Any, talk: work.Talk) -> tuple[str, Any]:
    """What becomes of a job: ("done", bytes) or ("refused", RefusedError)."""
    try:
        return "done", work.do(name, tools, given, talk)
    except RefusedError as refusal:
        return "refused", refusal
    except NitographError as error:
        return "refused", RefusedError(409, "impossible", str(error))
    except BrokenPipeError:
        raise
    except Exception as error:  # the boundary of a job: any fault is its answer, not the process's end
        if missing := shortage(error):
            return "refused", RefusedError(503, "short", f"{missing} for this; ask for less")
        LOG.exception("a job failed")
        return "refused", RefusedError(
            500, "fault", f"this is a fault of nitograph ({type(error).__name__}: {error})"
        )


def _bound_memory(mebibytes: int) -> None:
    """Limit the memory that this process may fill, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = mebibytes * MIB
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
