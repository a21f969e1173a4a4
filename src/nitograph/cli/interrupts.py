"""Ctrl-C, SIGTERM and SIGHUP, always heard: at once where it can be, at a good moment where that matters.

SIGTERM and SIGHUP are raised as `Stopped`, a KeyboardInterrupt, so that whatever is kept after Ctrl-C is
kept after them. This module knows no command.

Try it: python -m nitograph prepare --samples 60000 --output a.npz, and Ctrl-C
"""

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

AGAIN = 0.01  # seconds
STOPPING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end, other than Ctrl-C's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What a shell expects of a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + getattr(interrupt, "number", signal.SIGINT)


@contextmanager
def interrupts_heard() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP are raised as Ctrl-C is, and none of the three gets lost.

    Signals that are ignored, as SIGHUP under nohup, still are. Raised in a callback of a C library or while
    an object is removed, an error can not be handed on: Python tells `sys.unraisablehook` and goes on.
    Numba loads what it compiled through such callbacks. There it is raised again, a moment later.
    """
    previous_hook, timers = sys.unraisablehook, list[threading.Timer]()

    def hook(ignored: Any) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            previous_hook(ignored)
            return
        number = getattr(ignored.exc_value, "number", signal.SIGINT)
        timers.append(threading.Timer(AGAIN, _thread.interrupt_main, (number,)))
        timers[-1].start()

    replaced = _replace(_raise, dict.fromkeys(STOPPING, signal.SIG_DFL))
    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = previous_hook
        for timer in timers:
            timer.cancel()
        _restore(replaced)


@contextmanager
def interrupt_noted() -> Iterator[Callable[[], int]]:
    """Within, the first interrupt is only noted; a second one is raised at once.

    Yields a function that gives the number of the signal noted, or 0. Signals that are ignored, as Ctrl-C
    in a shell's background jobs, still are.
    """
    noted: list[int] = []

    def note(number: int, frame: Any) -> None:
        if noted:
            raise_interrupt(number)
        noted.append(number)

    replaced = _replace(note, {signal.SIGINT: signal.default_int_handler} | dict.fromkeys(STOPPING, _raise))
    try:
        yield lambda: noted[0] if noted else 0
    finally:
        _restore(replaced)


def raise_interrupt(number: int) -> None:
    """Raise what this signal stands for."""
    raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)


def _raise(number: int, frame: Any) -> None:
    raise_interrupt(number)


def _replace(handler: Callable[[int, Any], None], wanted: dict[int, Any]) -> dict[int, Any]:
    """Set the handler of those signals whose handler is the wanted one; returns what to restore.

    Only the main thread may do so; in another one nothing is replaced.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    replaced = {number: before for number, before in wanted.items() if signal.getsignal(number) is before}
    for number in replaced:
        signal.signal(number, handler)
    return replaced


def _restore(replaced: dict[int, Any]) -> None:
    for number, handler in replaced.items():
        signal.signal(number, handler)
