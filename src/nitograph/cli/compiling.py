"""A notice while a command waits for Numba's compiler, once after an installation.

Numba is loaded only when it is needed, so a background thread waits for that and then watches its compiler.
This module knows no command.

Try it: NUMBA_CACHE_DIR=$(mktemp -d) python -m nitograph weave mnist:test:17 -o thread.json
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nitograph.cli.streams import on_terminal

DELAY = 1.0  # seconds of compiling before the notice
NOTICE = "compiling once for this machine, about ten seconds"


@contextmanager
def compiling_notice() -> Iterator[None]:
    """Print a notice on stderr if compiling takes a while and stderr is a terminal."""
    if not on_terminal():
        yield
        return
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(finished,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _watch(finished: threading.Event) -> None:
    while not hasattr(sys.modules.get("numba.core.dispatcher"), "Dispatcher"):
        if finished.wait(0.1):
            return
    from numba.core import event

    with event.install_recorder("numba:compile") as recorder:
        while not finished.wait(0.1):
            since = _since([(moment, found.is_start) for moment, found in recorder.buffer])
            if since is not None and time.time() - since > DELAY:
                print(NOTICE, file=sys.stderr, flush=True)
                return


def _since(events: list[tuple[float, bool]]) -> float | None:
    """Since when something is being compiled, from (moment, starts) in order; None if nothing is."""
    depth, since = 0, None
    for moment, starts in events:
        since = moment if depth == 0 and starts else since
        depth = max(0, depth + (1 if starts else -1))
        since = since if depth else None
    return since
