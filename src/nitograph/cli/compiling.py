"""A line where a command waits for Numba's compiler, as it does once after an installation.

Numba is loaded only where it is needed, so a thread of its own waits for that and then for its compiler.

Try it: NUMBA_CACHE_DIR=$(mktemp -d) python -m nitograph weave mnist:test:17 -o thread.json
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds
TOLD = "compiling once for this machine, some ten seconds"


@contextmanager
def compiling_told() -> Iterator[None]:
    """Say on stderr that compiling goes on, if it takes a while and a person is watching."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(over: threading.Event) -> None:
    while not hasattr(sys.modules.get("numba.core.dispatcher"), "Dispatcher"):
        if over.wait(0.1):
            return
    from numba.core import event

    with event.install_recorder("numba:compile") as recorder:
        while not over.wait(0.1):
            since = _since([(moment, found.is_start) for moment, found in recorder.buffer])
            if since is not None and time.time() - since > PATIENCE:
                print(TOLD, file=sys.stderr, flush=True)
                return


def _since(events: list[tuple[float, bool]]) -> float | None:
    """Since when something is compiled without a pause, of (moment, whether it starts) in turn."""
    depth, since = 0, None
    for moment, starts in events:
        since = moment if depth == 0 and starts else since
        depth = max(0, depth + (1 if starts else -1))
        since = since if depth else None
    return since
