"""Winding guides for a phone: a second listener in the local network, opened only when asked for.

It serves the guides that were shared, each under a secret path, and nothing else: no API, no page of the
studio. The address comes as a QR code, too, with the step at which to go on. This module winds nothing.

Try it: python -m nitograph studio --share thread.json --no-browser
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nitograph.studio.guard import HEADERS, Gate, Guard
from nitograph.studio.listening import listen, quiet_server
from nitograph.studio.refusal import RefusedError

MOST = 8  # guides at once; the oldest goes first
ELSEWHERE = ("192.0.2.1", 9)  # an address of documentation (RFC 5737); nothing is sent to it
OWN_POLICY = "frame-ancestors 'none'"  # the guide brings its own policy, by hashes


class Sharing:
    """The guides that are shared, and their listener."""

    def __init__(self, address: str | None = None) -> None:
        self.address = address
        self.pages: dict[str, bytes] = {}
        self.server: Any = None
        self.task: asyncio.Task[None] | None = None
        self.port = 0

    async def add(self, page: bytes, step: int = 0) -> dict[str, str]:
        """Share a guide: its `address`, and a `qr` of it as a data address of an SVG picture.

        RefusedError 503 if this machine is in no network.
        """
        if self.server is None:
            await self._listen()
        token = secrets.token_urlsafe(12)
        while len(self.pages) >= MOST:
            del self.pages[next(iter(self.pages))]
        self.pages[token] = page
        address = f"http://{self.address}:{self.port}/{token}#step={step}"
        return {"address": address, "qr": qr(address)}

    async def close(self) -> None:
        """Stop listening and forget all guides."""
        self.pages.clear()
        if self.server is not None and self.task is not None:
            self.server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            self.server = self.task = None

    async def _listen(self) -> None:
        self.address = self.address or own_address()
        bound = listen(self.address, 0)
        self.port = bound.getsockname()[1]
        app = Starlette(routes=[Route("/{token}", self._guide, methods=["GET"])])
        self.server = quiet_server(Guard(app, Gate(names=(self.address,))))
        self.task = asyncio.create_task(self.server.serve(sockets=[bound]))

    async def _guide(self, request: Request) -> Response:
        page = self.pages.get(request.path_params["token"])
        if page is None:
            return PlainTextResponse("This guide is no longer shared.", 404)
        return Response(page, media_type="text/html", headers=_headers())


def _headers() -> Mapping[str, str]:
    return {**HEADERS, "content-security-policy": OWN_POLICY}


def own_address() -> str:
    """This machine's address in the local network; RefusedError 503 if it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(ELSEWHERE)
        found = str(probe.getsockname()[0])
        if not found.startswith(("127.", "0.")):
            return found
    raise RefusedError(503, "no_network", "this machine is in no network that a phone could reach")


def qr(address: str) -> str:
    """A QR code as a data address of an SVG picture, dark on white."""
    import segno

    return str(segno.make(address, error="m", micro=False).svg_data_uri(scale=6, border=4, light="#fff"))


def qr_text(address: str) -> str:
    """A QR code in blocks of text for a terminal, dark on light."""
    import io

    import segno

    out = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(out, compact=True, border=2)
    return out.getvalue()
