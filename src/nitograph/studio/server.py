"""Listening and ending: the sockets, the signals, the browser, and the order in which all of it stops.

SIGTERM and Ctrl-C let what runs finish: weavings end early with the thread they have, the rest has some
seconds. A second signal ends at once. This module knows no route.

Try it: python -m nitograph studio --port 0 --no-browser
"""

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nitograph.studio.guard import LOOPBACK, Gate, Guard
from nitograph.studio.listening import Server, listen, quiet_server
from nitograph.studio.pool import Pool
from nitograph.studio.routes import Studio
from nitograph.studio.settings import StudioSettings
from nitograph.studio.share import Sharing, own_address

STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True)
class Start:
    """What happens when the studio is ready. said: called with the address, whole with its token.

    shared: a guide to share at once, as HTML, and called with its address.
    """

    said: Callable[[str], None]
    open_browser: bool = False
    guide: bytes | None = None
    shared: Callable[[str], None] = lambda address: None


def run(settings: StudioSettings, start: Start, checkpoint: str | None = None) -> None:
    """Serve until a signal comes; SettingsError if the address cannot be had."""
    bound = listen(settings.host, settings.port)
    with bound:
        asyncio.run(_serve(bound, settings, start, checkpoint))


def gate_of(settings: StudioSettings) -> Gate:
    """Who may ask at this address."""
    if settings.local:
        return Gate()
    names = (settings.host, socket.gethostname().lower(), *LOOPBACK)
    return Gate(names=names, token=secrets.token_urlsafe(16), any_address=True)


def address_of(settings: StudioSettings, bound: socket.socket, gate: Gate) -> str:
    """The link to the page, with its token."""
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = own_address()
    host = f"[{host}]" if ":" in host else host
    query = "" if gate.token is None else f"?token={gate.token}"
    return f"http://{host}:{bound.getsockname()[1]}/{query}"


async def _serve(
    bound: socket.socket, settings: StudioSettings, start: Start, checkpoint: str | None
) -> None:
    gate = gate_of(settings)
    pool, sharing = Pool(settings, checkpoint), Sharing()
    server = quiet_server(Guard(Studio(pool, sharing).app(), gate))
    loop = asyncio.get_running_loop()
    with _signals(lambda: loop.call_soon_threadsafe(_stop, server, pool)):
        try:
            task = asyncio.create_task(server.serve(sockets=[bound]))
            while not server.started and not task.done():
                await asyncio.sleep(0.01)
            if server.started:
                await _begin(address_of(settings, bound, gate), start, sharing)
            await task
        finally:
            await sharing.close()
            await asyncio.to_thread(pool.close)


async def _begin(address: str, start: Start, sharing: Sharing) -> None:
    start.said(address)
    if start.guide is not None:
        start.shared((await sharing.add(start.guide))["address"])
    if start.open_browser:
        import webbrowser

        await asyncio.to_thread(webbrowser.open, address)


def _stop(server: Server, pool: Pool) -> None:
    """The first time gently, the second at once."""
    server.force_exit = server.should_exit
    server.should_exit = pool.closing = True
    for job in list(pool.open):
        if job.spoke:
            job.stop()


@contextlib.contextmanager
def _signals(stop: Callable[[], object]) -> Iterator[None]:
    """Inside the block the signals that end a process call `stop`; those that were ignored still are."""
    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread: whoever runs it ends it otherwise
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda *_: stop())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
