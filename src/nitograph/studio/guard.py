"""What stands before every route: who may ask, and what the browser is told to forbid.

A page of another site must not reach the studio through a visitor's browser, neither by a form or script
of its own (Origin, Fetch Metadata: W3C, "Fetch Metadata Request Headers") nor by a name that it makes point
to this machine (the Host header, against DNS rebinding). An address that others reach wants a token, which
a link brings once and a cookie keeps. This module knows no route.

Try it: python -m nitograph studio --no-browser, and curl -H "Host: example.org" its address
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from nitograph.studio.refusal import RefusedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "nitograph_token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Gate:
    """Who may ask. names: hosts that this address goes by. token: what to show; None asks for none.

    any_address: numeric addresses are let in as well, which no other site can make its own.
    """

    names: tuple[str, ...] = LOOPBACK
    token: str | None = None
    any_address: bool = False

    def knows(self, host: str) -> bool:
        """Whether a Host header, with or without a port, is a name of this address."""
        name = host.lower()
        if not name.endswith("]"):
            head, colon, port = name.rpartition(":")
            name = head if colon and port.isdigit() else name
        if name in self.names:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def fits(self, given: str | None) -> bool:
        """Whether this is the token, or none is wanted."""
        return self.token is None or hmac.compare_digest((given or "").encode(), self.token.encode())


class Guard:
    """The middleware: refuses what may not come in, and sets the headers of every answer."""

    def __init__(self, app: App, gate: Gate) -> None:
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = _with_headers(send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            address = self._checked(scope, headers)
        except RefusedError as refusal:
            await answer(told, refusal.status, refusal.body())
            return
        if address is not None:
            cookie = f"{COOKIE}={self.gate.token}; HttpOnly; SameSite=Strict; Path=/"
            await answer(told, 303, b"", {"location": address, "set-cookie": cookie})
            return
        await self.app(scope, receive, told)

    def _checked(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """RefusedError, or the address to go on to with a cookie, or None where the request may come in."""
        host = headers.get("host", "")
        if not self.gate.knows(host):
            raise RefusedError(
                403, "host", "the studio does not go by this name; use the address it printed"
            )
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            raise RefusedError(403, "origin", "requests of other sites are not answered")
        site = headers.get("sec-fetch-site", "none")
        visit = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not (visit and scope["path"] == "/"):
            raise RefusedError(403, "origin", "requests of other sites are not answered")
        if self.gate.token is None:
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [None])[-1]
        if given is not None and scope["path"] == "/" and self.gate.fits(given):
            return "/"
        if self.gate.fits(_cookie(headers)) or self.gate.fits(_bearer(headers)):
            return None
        raise RefusedError(
            401, "token", "this address wants its token; use the whole link that was printed"
        )


def _with_headers(send: Send) -> Send:
    """`send`, adding HEADERS to the start of an answer where it does not set them itself."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", []))
            names = {name.lower() for name, _ in own}
            own += [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in names
            ]
            message = {**message, "headers": own}
        await send(message)

    return told


async def answer(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    """A whole answer, JSON unless the headers say otherwise."""
    given = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    listed = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


def _cookie(headers: dict[str, str]) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


def _bearer(headers: dict[str, str]) -> str | None:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None
