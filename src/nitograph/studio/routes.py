"""The routes: what comes in is read within bounds and checked, the pool does the work, its answer goes out.

Errors are answers, too: one line with a code. This module does none of the work itself.

Try it: python -m nitograph studio --no-browser, and curl its address with /api/v1/studio behind it
"""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from nitograph import __version__
from nitograph.errors import NitographError
from nitograph.io.pictures import SPOKEN, is_picture
from nitograph.studio import feasible, openapi
from nitograph.studio.assets import assets
from nitograph.studio.files import kinds, media_of
from nitograph.studio.operations import JSON, OPERATIONS, Operation, checked_settings
from nitograph.studio.pool import Job, Pool
from nitograph.studio.refusal import RefusedError
from nitograph.studio.schema import check, from_text
from nitograph.studio.settings import MIB
from nitograph.studio.share import Sharing
from nitograph.untrusted import parse_json

LOG = logging.getLogger("nitograph.studio")
MAX_JSON = 2 * MIB
BODY_SECONDS = 30.0  # in which a body must have come
STREAMS = 8  # weavings at once; each keeps its picture
CODES = {404: ("not_found", "there is nothing at this address"), 405: ("method", "this is asked otherwise")}

Handler = Callable[[Request], Awaitable[Response]]


class Studio:
    """The handlers, and what they share."""

    def __init__(self, pool: Pool, sharing: Sharing) -> None:
        self.pool, self.sharing = pool, sharing
        self.weaving: dict[str, Job] = {}
        self.streams = 0
        self.known: asyncio.Future[dict[str, Any]] | None = None

    def app(self) -> Starlette:
        """The application with every route."""
        handlers: dict[str, dict[str, Handler]] = {}
        for name, made in OPERATIONS.items():
            handlers.setdefault(made.full_path, {})[made.method] = _handling(getattr(self, name), made)
        routes = [Route(path, _by_method(found), methods=[*found]) for path, found in handlers.items()]
        routes += [
            Route("/", self.page, methods=["GET"]),
            Route("/static/{name}", self.page, methods=["GET"]),
            Route("/api/openapi.json", self.described, methods=["GET"]),
            Route("/api/docs", self.documented, methods=["GET"]),
        ]
        faults: Mapping[Any, Any] = {
            RefusedError: _refused,
            NitographError: _invalid,
            HTTPException: _http,
            Exception: _fault,
        }
        return Starlette(routes=routes, exception_handlers=faults)

    async def page(self, request: Request) -> Response:
        """The page, or one of its files."""
        found = assets().get(request.path_params.get("name", "index.html"))
        if found is None:
            raise RefusedError(404, *CODES[404])
        headers = {"etag": f'"{found.tag}"', "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(found.data, media_type=found.media, headers=headers)

    async def described(self, request: Request) -> Response:
        """The API's description."""
        return JSONResponse(openapi.document())

    async def documented(self, request: Request) -> Response:
        """The same as a page."""
        return Response(openapi.page(), media_type="text/html; charset=utf-8")

    async def about(self, request: Request) -> Response:
        """What this studio can do, and how busy it is."""
        known = await asyncio.shield(self._learning())
        formats = {name: {"ending": k.ending, "help": k.help} for name, k in kinds().items()}
        busy = {"under_way": len(self.pool.open), "workers": self.pool.workers}
        return JSONResponse(
            {
                "version": __version__,
                "model": known,
                "formats": formats,
                "palettes": palettes(),
                "settings": checked_settings(),
                "limits": {
                    "upload": self.pool.settings.upload * MIB,
                    "seconds": self.pool.settings.seconds,
                },
                "busy": busy,
            }
        )

    async def threads(self, request: Request) -> Response:
        """A class or a word."""
        return await self._worked(request, "threads")

    async def gallery(self, request: Request) -> Response:
        """Threads with consecutive seeds."""
        return await self._worked(request, "gallery")

    async def drawings(self, request: Request) -> Response:
        """A drawing."""
        return await self._worked(request, "drawings")

    async def exports(self, request: Request) -> Response:
        """A file."""
        name = request.path_params["format"]
        if name not in kinds():
            raise RefusedError(404, "not_found", f"formats are {', '.join(kinds())}; got {name[:40]!r}")
        given = await self._given(request, "exports") | {"format": name}
        data = await self._done(request, "exports", given)
        return Response(data, media_type=media_of(name, len(given["threads"])))

    async def weavings(self, request: Request) -> Response:
        """A picture, woven while it is watched."""
        settings = _from_query(request, OPERATIONS["weavings"])
        if self.streams >= STREAMS:
            raise RefusedError(429, "busy", f"{STREAMS} pictures are being woven; ask again in a moment")
        self.streams += 1
        try:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in OPERATIONS["weavings"].raw:
                raise RefusedError(415, "type", "send the picture's file, with its type as content-type")
            picture = await read_body(request, self.pool.settings.upload * MIB)
            if not is_picture(picture):
                raise RefusedError(
                    409, "impossible", f"this is no picture that is read here; send {SPOKEN}"
                )
            given = {"picture": picture, "settings": settings}
            await self._feasible("weavings", given)
            job = self.pool.submit("weavings", given)
        except BaseException:
            self.streams -= 1
            raise
        return StreamingResponse(self._stream(job), media_type="text/event-stream")

    async def _stream(self, job: Job) -> AsyncIterator[bytes]:
        """The events of a weaving; it is stopped when nobody listens any more."""
        name = secrets.token_hex(8)
        self.weaving[name] = job
        try:
            yield event("start", json.dumps({"weaving": name}))
            while (said := await job.events.get()) is not None:
                yield event("progress", json.dumps(said))
            try:
                yield event("done", (await job.future).decode())
            except RefusedError as refusal:
                yield event("error", refusal.body().decode())
        finally:
            job.cancel()
            self.streams -= 1
            del self.weaving[name]

    async def stop(self, request: Request) -> Response:
        """End a weaving early."""
        job = self.weaving.get(request.path_params["weaving"])
        if job is None:
            raise RefusedError(404, "not_found", "no such weaving is under way")
        job.stop()
        return Response(status_code=204)

    async def share(self, request: Request) -> Response:
        """A guide for the phone."""
        given = await self._given(request, "share") | {"format": "html"}
        page = await self._done(request, "exports", given)
        return JSONResponse(await self.sharing.add(page, int(given.get("step", 0))))

    async def unshare(self, request: Request) -> Response:
        """No guides for phones any more."""
        await self.sharing.close()
        return Response(status_code=204)

    def _learning(self) -> asyncio.Future[dict[str, Any]]:
        """What the model knows, which is asked for when it is first needed."""
        known = self.known
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = self.known = asyncio.ensure_future(self._learned(self.pool.submit("about", {})))
            known.add_done_callback(lambda done: done.cancelled() or done.exception())  # may be unheard
        return known

    async def _learned(self, job: Job) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await job.future)
        return found

    async def _feasible(self, name: str, given: Mapping[str, Any]) -> None:
        """RefusedError 409 for what the values rule out, whatever else is under way."""
        classes = None
        with contextlib.suppress(RefusedError):  # whether the line is full is for the job itself to find
            known = self._learning()
            classes = known.result()["classes"] if known.done() else None
        await asyncio.to_thread(feasible.check, name, given, classes)

    async def _worked(self, request: Request, name: str) -> Response:
        data = await self._done(request, name, await self._given(request, name))
        return Response(data, media_type=JSON)

    async def _given(self, request: Request, name: str) -> dict[str, Any]:
        """The checked body of an operation; the line is looked at before anything is read."""
        if refusal := self.pool.full():
            raise refusal
        return await read_json(request, OPERATIONS[name])

    async def _done(self, request: Request, name: str, given: Mapping[str, Any]) -> bytes:
        """What the pool makes of it; the job is given up when nobody waits any more."""
        await self._feasible(name, given)
        job = self.pool.submit(name, given)
        gone = asyncio.create_task(_disconnected(request))
        try:
            both: set[asyncio.Future[Any]] = {job.future, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not job.future.done():
                job.cancel()
                raise RefusedError(503, "stopped", "nobody waits any more")
            return job.future.result()
        finally:
            gone.cancel()


def event(name: str, data: str) -> bytes:
    """One server-sent event (HTML Standard, 9.2); data is JSON in one line."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def palettes() -> dict[str, Any]:
    """Every palette by name: its colours, and whether they run along the thread."""
    from nitograph.drawing.palettes import GRADIENTS, PALETTES

    return {
        name: {"colours": list(colours), "gradient": name in GRADIENTS}
        for name, colours in (PALETTES | GRADIENTS).items()
    }


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; RefusedError 413 where it has more than `limit` bytes, 408 where it does not come."""
    too_large = RefusedError(413, "too_large", f"a body has at most {limit:,} bytes here")
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise too_large
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise RefusedError(408, "slow", f"the body did not come within {BODY_SECONDS:g} s") from None
    return b"".join(parts)


async def read_json(request: Request, made: Operation) -> dict[str, Any]:
    """The body, checked against the operation's schema."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise RefusedError(415, "type", f"send JSON, with content-type {JSON}")
    data = await read_body(request, MAX_JSON)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(422, "invalid", "the body is not UTF-8; send JSON in UTF-8") from None
    found = check(parse_json(text, "the body"), made.body or {})
    return dict(found)


def _from_query(request: Request, made: Operation) -> dict[str, Any]:
    """The parameters of the query string, checked."""
    found = {}
    for name, text in request.query_params.multi_items():
        if name == "token":
            continue
        if name not in made.query:
            raise RefusedError(422, "invalid", f"there is no parameter {name[:40]!r}")
        found[name] = check(from_text(text, made.query[name], name), made.query[name], name)
    return found


async def _disconnected(request: Request) -> None:
    """Return when whoever asked has gone; the body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _handling(handler: Handler, made: Operation) -> Handler:
    """The handler; a query that the operation does not know is refused."""

    async def handle(request: Request) -> Response:
        if not made.query and any(name != "token" for name in request.query_params):
            raise RefusedError(422, "invalid", "this takes no parameters in its address")
        return await handler(request)

    return handle


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    """One handler for all methods of a path."""

    async def handle(request: Request) -> Response:
        return await handlers[request.method](request)

    return handle


async def _refused(request: Request, refusal: RefusedError) -> Response:
    return JSONResponse(refusal.record(), refusal.status)


async def _invalid(request: Request, error: NitographError) -> Response:
    return JSONResponse(RefusedError(422, "invalid", str(error)).record(), 422)


async def _http(request: Request, error: HTTPException) -> Response:
    code, message = CODES.get(error.status_code, ("http", str(error.detail)))
    record = RefusedError(error.status_code, code, message).record()
    return JSONResponse(record, error.status_code, headers=error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    said = f"this is a fault of nitograph ({type(error).__name__})"
    return JSONResponse(RefusedError(500, "fault", said).record(), 500)
