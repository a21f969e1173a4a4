"""Ctrl-C that is always heard: at once where it can be, and at a good moment where that matters.

This module knows no command.

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


@contextmanager
def interrupts_heard() -> Iterator[None]:
    """A Ctrl-C that Python had to ignore is raised again, a moment later.

    Raised in a callback of a C library or while an object is removed, an error can not be handed on: Python
    tells `sys.unraisablehook` and goes on. Numba loads what it compiled through such callbacks.
    """
    previous, waiting = sys.unraisablehook, list[threading.Timer]()

    def hook(ignored: Any) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            previous(ignored)
            return
        timer = threading.Timer(AGAIN, _thread.interrupt_main)
        waiting.append(timer)
        timer.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = previous
        for timer in waiting:
            timer.cancel()


@contextmanager
def interrupt_noted() -> Iterator[Callable[[], bool]]:
    """Within, a first Ctrl-C is only noted, and what is yielded tells so; a second one is raised at once.

    Where Ctrl-C is ignored, as in a shell's background jobs, it still is.
    """
    noted: list[int] = []

    def note(number: int, _frame: Any) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
