"""A socket that listens, and a server on it that prints nothing and leaves signals alone.

This module knows neither routes nor when anything ends.

Try it: python -m nitograph studio --port 0 --no-browser
"""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from nitograph.errors import SettingsError

GRACE = 8  # s that open answers have to finish
CONNECTIONS = 1000  # at once; the line of jobs refuses far earlier


class Server(uvicorn.Server):
    """A server that leaves signals alone; whoever runs it handles them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def quiet_server(app: Any) -> Server:
    """A server that prints nothing."""
    return Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=GRACE,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; SettingsError if it cannot."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}); choose another, or port 0"
        ) from None
