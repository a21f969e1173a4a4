"""Ctrl-C, SIGTERM and SIGHUP: raised at once, or deferred until a command can stop safely; never dropped.

SIGTERM and SIGHUP are raised as `Stopped`, a KeyboardInterrupt, so that work is saved after them as it is
after Ctrl-C. This module knows no command.

Try it: python -m nitograph prepare --samples 60000 --output a.npz, and Ctrl-C
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

RETRY = 0.01  # seconds until an interrupt that Python dropped is raised again
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """A signal other than Ctrl-C's that asks the process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code of a process stopped by a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + getattr(interrupt, "number", signal.SIGINT)


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Inside the block, SIGTERM and SIGHUP are raised as Ctrl-C is, and none of the three is dropped.

    Signals that were ignored, such as SIGHUP under nohup, still are. Python cannot propagate an exception
    out of a callback of a C library or a destructor: it calls `sys.unraisablehook` and continues. An
    interrupt raised there is raised again a moment later.
    """
    raising = _Again(sys.unraisablehook)
    replaced = _replace(_raise, signal.default_int_handler, signal.SIG_DFL)
    sys.unraisablehook = raising
    try:
        yield
    finally:
        sys.unraisablehook = raising.previous
        try:
            raising.end()
        finally:
            _restore(replaced)


@contextmanager
def interrupt_deferred() -> Iterator[Callable[[], int]]:
    """Inside the block, the first interrupt only requests a stop; a second one is raised at once.

    Yields a function that returns the number of the signal that requested the stop, or 0. Signals that were
    ignored, such as Ctrl-C in a shell's background jobs, still are.
    """
    requested: list[int] = []

    def request_stop(number: int, frame: Any) -> None:
        if requested:
            raise_interrupt(number)
        requested.append(number)

    replaced = _replace(request_stop, _raise, signal.default_int_handler)
    try:
        yield lambda: requested[0] if requested else 0
    finally:
        _restore(replaced)


def raise_interrupt(number: int) -> None:
    """Raise the exception of this signal."""
    raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)


class _Again:
    """The hook for exceptions that Python drops: an interrupt among them is raised again a moment later."""

    def __init__(self, previous: Callable[[Any], Any]) -> None:
        self.previous, self.timers = previous, list[threading.Timer]()

    def __call__(self, ignored: Any) -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            self.later(getattr(ignored.exc_value, "number", signal.SIGINT))
        else:
            self.previous(ignored)

    def later(self, number: int) -> None:
        """Have the signal handled again, in place of one that waits for it."""
        for timer in self.timers:
            timer.cancel()
        timer = threading.Timer(RETRY, _to_main_thread, (number,))
        self.timers.append(timer)
        timer.start()

    def end(self) -> None:
        """No signal comes from here after this."""
        for timer in self.timers:
            timer.cancel()
        for timer in self.timers:
            if timer.is_alive():
                timer.join()


def _to_main_thread(number: int) -> None:
    """Send the main thread a signal; where the system can, what it waits for ends as well."""
    ident = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and ident is not None:
        signal.pthread_kill(ident, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _raise(number: int, frame: Any) -> None:
    """Raise the signal's exception; where the hook is at work it would be dropped once more, so later."""
    while frame is not None:
        if frame.f_code is _Again.__call__.__code__:
            frame.f_locals["self"].later(number)
            return
        frame = frame.f_back
    raise_interrupt(number)


def _replace(handler: Callable[[int, Any], None], *wanted: Any) -> dict[int, Any]:
    """Set the handler of each signal whose current handler is one of `wanted`; returns what to restore.

    Only the main thread may set handlers; in another thread nothing is replaced.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    current = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    replaced = {number: before for number, before in current.items() if before in wanted}
    for number in replaced:
        signal.signal(number, handler)
    return replaced


def _restore(replaced: dict[int, Any]) -> None:
    for number, handler in replaced.items():
        signal.signal(number, handler)
