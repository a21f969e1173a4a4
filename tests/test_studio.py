"""The studio as a server: what the API answers, what it refuses, and how it ends."""

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nitograph import generate
from nitograph.studio import openapi, routes, schema
from nitograph.studio.assets import assets
from nitograph.studio.files import PICTURES, kinds
from nitograph.studio.guard import COOKIE, HEADERS, Gate, Guard
from nitograph.studio.operations import OPERATIONS
from nitograph.studio.pool import Job, Pool
from nitograph.studio.refusal import RefusedError
from nitograph.studio.settings import StudioSettings
from nitograph.studio.share import Sharing, qr
from nitograph.studio.strokes import DENSE, SIDE, picture_of
from studio_client import JSON, Answer, Studio, running
from tiny import random_weights

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.5, 0.9]]]
THREAD = {"num_nails": 32, "nails": [0, 9, 20, 3, 25], "label": "7"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    """One studio for all that ask it."""
    with running(tmp_path_factory.mktemp("studio"), "--workers", "1") as found:
        yield found


def picture(side: int = 40) -> bytes:
    """A PNG of a bright bar."""
    from PIL import Image

    grey = np.zeros((side, side), dtype=np.uint8)
    grey[side // 8 : -side // 8, side // 3 : side // 2] = 255
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()


# --- the page ---------------------------------------------------------------------------------------


def test_the_page_and_its_files(studio):
    """The page comes under a strict policy, and so does each file it names; nothing is inline."""
    answer = studio.ask("GET", "/")
    assert answer.status == 200
    assert {name: answer.headers[name] for name in HEADERS if name != "cache-control"} == {
        name: value for name, value in HEADERS.items() if name != "cache-control"
    }
    assert "unsafe" not in answer.headers["content-security-policy"]
    text = answer.body.decode()
    assert " style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="/static/main.js">') == 1
    for name, asset in assets().items():
        got = studio.ask("GET", f"/static/{name}")
        assert (got.status, got.body, got.headers["content-type"]) == (200, asset.data, asset.media)
        again = studio.ask("GET", f"/static/{name}", headers={"If-None-Match": got.headers["etag"]})
        assert (again.status, again.body) == (304, b"")


def test_no_file_of_the_page_names_another_site():
    """No outside request: no address but the namespace of SVG and the API's own example."""
    for name, asset in assets().items():
        text = asset.data.decode().replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1", "")
        assert "http:" not in text, name
        assert "https:" not in text, name
        assert "@import" not in text, name


@pytest.mark.parametrize(
    "path",
    ["/static/../main.js", "/static/%2e%2e%2fw.safetensors", "/static/", "/w.safetensors", "//etc/passwd"],
)
def test_no_path_from_outside_is_opened(studio, path):
    """Only the page's own files have names."""
    answer = studio.ask("GET", path)
    assert (answer.status, answer.code) == (404, "not_found")


# --- the API ----------------------------------------------------------------------------------------


def test_a_word_is_what_generate_makes(studio, tmp_path):
    """One thread per character, the same nails for the same seed as everywhere else."""
    random_weights().save(tmp_path / "w.safetensors")
    answer = studio.post("/threads", text="20", seed=5, sampling={"temperature": 0.7})
    expected = generate("20", seed=5, checkpoint=tmp_path / "w.safetensors", temperature=0.7)
    assert answer.status == 200
    assert [found["nails"] for found in answer.value["threads"]] == [
        each.nails.tolist() for each in expected
    ]


def test_a_gallery_counts_seeds_up(studio):
    """Each thread of a gallery is the one that its seed gives alone."""
    found = studio.post("/gallery", label="7", seed=3, count=3).value["threads"]
    assert [thread["seed"] for thread in found] == [3, 4, 5]
    assert found[1]["nails"] == studio.post("/threads", text="7", seed=4).value["threads"][0]["nails"]


def test_a_drawing_is_read_and_wound(studio):
    """Without a class the critic's reading is said; with one it is not asked."""
    guessed = studio.post("/drawings", strokes=SEVEN, seed=1).value
    (thread,) = guessed["threads"]
    assert thread["label"] == guessed["guess"]["label"] == guessed["guess"]["ranked"][0]["label"]
    given = studio.post("/drawings", strokes=SEVEN, label="4", seed=1).value
    assert (given["threads"][0]["label"], given["guess"]) == ("4", None)
    assert studio.post("/drawings", strokes=[[[0.5, 0.5]]]).status == 200


@pytest.mark.parametrize("name", [name for name in kinds() if name != "mp4"])
def test_every_format_of_one_thread(studio, name):
    """Each format comes under its media type, and is what its first bytes say."""
    marks = {"png": b"\x89PNG", "gif": b"GIF8", "webp": b"RIFF", "json": b"{", "svg": b"<?xml"}
    marks |= {"pdf": b"%PDF", "list": b"%PDF", "html": b"<!doctype html>"}
    options = {"look": {"size": 64}, "film": {"seconds": 0.2, "hold": 0}}
    answer = studio.post(f"/exports/{name}", threads=[THREAD], **options)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].partition(";")[0] == kinds()[name].media
    assert answer.body.startswith(marks.get(name, b""))
    assert len(answer.body) > 30


def test_boards_of_a_word_come_together(studio):
    """One picture holds them all; the workshop's files come in a ZIP, one for each board."""
    picture = studio.post("/exports/png", threads=[THREAD, THREAD], look={"size": 128, "layout": "grid"})
    assert picture.headers["content-type"] == PICTURES["png"].media
    zipped = studio.post("/exports/svg", threads=[THREAD, THREAD], board={"diameter": 300})
    with zipfile.ZipFile(io.BytesIO(zipped.body)) as archive:
        assert archive.namelist() == ["board_1.svg", "board_2.svg"]
        assert archive.read("board_1.svg") == archive.read("board_2.svg")


def test_a_picture_is_woven_while_it_is_watched(studio):
    """The nails that come piece by piece are the thread at the end."""
    query = "nails=64&canvas_size=64&max_lines=60&min_nail_gap=4&quality=fast"
    answer = studio.ask("POST", f"/api/v1/weavings?{query}", picture(), {"Content-Type": "image/png"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer)
    assert [name for name, _ in events[:2]] == ["start", "progress"]
    name, done = events[-1]
    (thread,) = done["threads"]
    assert (name, done["stopped"], thread["num_nails"]) == ("done", False, 64)
    pieces = [nail for kind, value in events if kind == "progress" for nail in value["nails"]]
    assert pieces == thread["nails"][: len(pieces)]


def test_pictures_that_cannot_be_woven(studio):
    """Black, damaged and mistyped pictures are refused, in the stream or before it."""
    place, kind = "/api/v1/weavings?canvas_size=64", {"Content-Type": "image/png"}
    for data in (b"no picture", b""):
        assert studio.ask("POST", place, data, kind).code == "impossible"
    for data, code in (
        (picture()[:60], "impossible"),
        (picture(8).replace(b"IDAT", b"IDAX"), "impossible"),
    ):
        name, value = events_of(studio.ask("POST", place, data, kind))[-1]
        assert (name, value["error"]["code"]) == ("error", code)
    assert studio.ask("POST", place, picture(), {"Content-Type": "text/plain"}).code == "type"
    assert studio.ask("POST", place + "&nails=x", picture(), kind).code == "invalid"
    assert studio.ask("POST", place + "&colour=red", picture(), kind).code == "invalid"
    assert studio.post("/weavings/0123456789abcdef/stop").status == 404


def events_of(answer: Answer) -> list[tuple[str, Any]]:
    """Names and values of server-sent events."""
    assert answer.status == 200, answer.body
    found = []
    for block in answer.body.decode().split("\n\n")[:-1]:
        first, second = block.split("\n")
        found.append((first.removeprefix("event: "), json.loads(second.removeprefix("data: "))))
    return found


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/threads", {"text": "x"}, 409, "impossible"),
        ("/threads", {"text": ""}, 422, "invalid"),
        ("/threads", {}, 422, "invalid"),
        ("/threads", {"text": "7", "colour": "red"}, 422, "invalid"),
        ("/threads", {"text": "7", "seed": -1}, 422, "invalid"),
        ("/threads", {"text": "7", "seed": 1.5}, 422, "invalid"),
        ("/threads", {"text": "7", "sampling": {"penalty": "nonsense"}}, 409, "impossible"),
        ("/threads", [], 422, "invalid"),
        ("/gallery", {"count": 1000}, 422, "invalid"),
        ("/drawings", {"strokes": []}, 422, "invalid"),
        ("/drawings", {"strokes": [[[2, 0]]]}, 422, "invalid"),
        ("/exports/png", {"threads": [{"nails": [0, 0]}]}, 409, "impossible"),
        ("/exports/png", {"threads": [THREAD], "look": {"size": 100_000}}, 422, "invalid"),
        ("/exports/mid", {"threads": [THREAD]}, 404, "not_found"),
        ("/nothing", {}, 404, "not_found"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(studio, path, body, status, code):
    """The status, a code for programs, and a message in one line for people."""
    answer = studio.ask("POST", f"/api/v1{path}", json.dumps(body).encode(), JSON)
    assert (answer.status, answer.code) == (status, code)


class Stuck:
    """A pool that tells of its model; anything else would wait."""

    settings, workers = StudioSettings(), 1

    def __init__(self) -> None:
        self.open: set[Job] = set()
        self.asked: list[str] = []

    def full(self) -> None:
        """There is always a place in the line."""

    def submit(self, name: str, given: Any) -> Job:
        """What the model knows; nothing else may be asked for."""
        self.asked.append(name)
        if name != "about":
            raise RefusedError(500, "waits", f"{name} would stand in the line")
        job = Job(name, given)
        job.settle(b'{"classes": ["7"]}')
        return job


IMPOSSIBLE = [
    ("/threads", b'{"text": "x"}', "application/json"),
    ("/threads", b'{"text": "7", "sampling": {"penalty": "nonsense"}}', "application/json"),
    ("/gallery", b'{"label": "x"}', "application/json"),
    ("/drawings", b'{"strokes": [[[0, 0], [1, 1]]], "label": "x"}', "application/json"),
    ("/exports/png", b'{"threads": [{"nails": [0, 0]}]}', "application/json"),
    ("/exports/gif", b'{"threads": [{"nails": [0, 9]}], "look": {"size": 2000}}', "application/json"),
    ("/exports/svg", b'{"threads": [{"nails": [0, 0]}]}', "application/json"),
    ("/shares", b'{"threads": [{"num_nails": 8, "nails": [0, 9]}]}', "application/json"),
    ("/weavings?thread_mm=0.2&light=added", b"", "image/png"),
    ("/weavings?line_radius=2", b"", "image/png"),
]


def test_what_the_values_rule_out_does_not_wait():
    """Beside work that never ends, a 409 is answered at once: it is not put behind that work."""

    async def ask(app: Any, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, Any]:
        sent: list[Any] = []
        given = iter([{"type": "http.request", "body": body or picture(8)}])

        async def receive() -> Any:
            found = next(given, None)
            return found or await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        place, _, query = f"/api/v1{path}".partition("?")
        scope = {"type": "http", "method": method, "path": place, "query_string": query.encode()}
        await app(scope | {"headers": [(b"content-type", kind.encode())]}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    async def run() -> None:
        pool = Stuck()
        app = routes.Studio(pool, Sharing()).app()  # type: ignore[arg-type]  # it has what is used
        status, about = await ask(app, "GET", "/studio")
        assert (status, about["model"]) == (200, {"classes": ["7"]})
        for path, body, kind in IMPOSSIBLE:
            status, said = await ask(app, "POST", path, body, kind)
            assert (status, said["error"]["code"]) == (409, "impossible"), path
        assert pool.asked == ["about"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", JSON, 422, "invalid"),
        (b"\xff", JSON, 422, "invalid"),
        (b'{"text": NaN}', JSON, 422, "invalid"),
        (b"[" * 100_000, JSON, 422, "invalid"),
        (b'{"text": "7"}', {}, 415, "type"),
        (b'{"text": "7"}', {"Content-Type": "text/plain"}, 415, "type"),
        (b" " * (2**21 + 1), JSON, 413, "too_large"),
    ],
)
def test_bodies_that_are_not_read(studio, body, headers, status, code):
    """Bodies are bounded, typed and parsed within limits."""
    answer = studio.ask("POST", "/api/v1/threads", body, headers)
    assert (answer.status, answer.code) == (status, code)


def test_methods_and_parameters_that_do_not_exist(studio):
    """Another method is refused with those there are; a parameter nobody reads is refused."""
    answer = studio.ask("GET", "/api/v1/threads")
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "method", "POST")
    assert {*studio.ask("OPTIONS", "/api/v1/shares").headers["allow"].split(", ")} == {"POST", "DELETE"}
    assert studio.ask("POST", "/api/v1/threads?seed=3", b'{"text": "7"}', JSON).status == 422


def test_the_description_holds(studio):
    """OpenAPI 3.1 lists every operation; its schemas are schemas, and the page shows them all."""
    import jsonschema

    document = studio.ask("GET", "/api/openapi.json").value
    assert document == json.loads(json.dumps(openapi.document()))
    assert document["openapi"].startswith("3.1")
    named = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert sorted(named) == sorted(OPERATIONS)
    for made in OPERATIONS.values():
        for each in [made.body or {}, *made.query.values(), *made.answers.values()]:
            jsonschema.Draft202012Validator.check_schema(each)
    page = studio.ask("GET", "/api/docs").body.decode()
    assert all(made.full_path in page for made in OPERATIONS.values())
    assert "@@" not in page


def test_the_own_check_of_schemas_agrees_with_jsonschema():
    """What comes in is judged as whoever reads the description would judge it."""
    import jsonschema

    values = [3, 3.0, 3.5, True, None, "seven", "", [], [1], {}, {"text": "7"}, {"text": "7", "seed": 2.0}]
    values += [{"text": 7}, {"text": "7", "sampling": {"beam": 9}}, {"text": "7", "more": 1}, {"seed": 1}]
    schemas = [made.body for made in OPERATIONS.values() if made.body]
    schemas += [s for made in OPERATIONS.values() for s in made.query.values()]
    for one in schemas:
        judge = jsonschema.Draft202012Validator(one)
        for value in values:
            try:
                schema.check(value, one)
                fits = True
            except RefusedError:
                fits = False
            assert fits == judge.is_valid(value), (value, one)


# --- who may ask ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "example.org"}, "host"),
        ({"Host": "127.0.0.1.example.org:80"}, "host"),
        ({"Host": ""}, "host"),
        ({"Origin": "http://example.org"}, "origin"),
        ({"Origin": "null"}, "origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin"),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, "origin"),
    ],
)
def test_other_sites_are_not_answered(studio, headers, code):
    """Neither under another name nor from a page of another origin, whatever is asked for."""
    for method, path, body in (
        ("POST", "/api/v1/threads", b'{"text": "7"}'),
        ("GET", "/api/v1/studio", None),
    ):
        answer = studio.ask(method, path, body, {**JSON, **headers})
        assert (answer.status, answer.code) == (403, code)
        assert "content-security-policy" in answer.headers


def test_a_link_from_another_site_opens_the_page_only(studio):
    """Visiting the page is no attack; asking the API from there is."""
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert studio.ask("GET", "/", headers=visit).status == 200
    assert studio.ask("GET", "/api/docs", headers=visit).status == 403
    assert studio.ask("GET", "/", headers={"Origin": f"http://{studio.host}"}).status == 200


def through(gate: Gate, path: str = "/api", query: str = "", **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers that a guard in front of an empty app answers with."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "192.0.2.7:80", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(Guard(app, gate)(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_an_address_for_others_wants_its_token():
    """A link brings it once and a cookie keeps it; a program sends it as bearer; nothing else comes in."""
    gate = Gate(token="secret", any_address=True)
    assert through(gate)[0] == through(gate, query="token=secret")[0] == 401
    assert through(gate, "/", "token=wrong")[0] == through(gate, cookie=f"{COOKIE}=secre")[0] == 401
    status, headers = through(gate, "/", "token=secret")
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"] == f"{COOKIE}=secret; HttpOnly; SameSite=Strict; Path=/"
    assert through(gate, cookie=f"{COOKIE}=secret")[0] == 200
    assert through(gate, authorization="Bearer secret")[0] == 200
    assert through(gate, authorization="Bearer secret", host="example.org")[0] == 403


def test_only_this_machine_unless_another_address_is_named():
    """Loopback addresses want no token; every other does."""
    assert StudioSettings().host == "127.0.0.1"
    local = {host: StudioSettings(host=host).local for host in ("127.0.0.1", "::1", "localhost")}
    assert all(local.values())
    assert not any(StudioSettings(host=host).local for host in ("0.0.0.0", "192.168.0.7", "::", "example"))


# --- the processes ----------------------------------------------------------------------------------


def test_overload_is_refused_at_once_and_a_killed_process_is_replaced(tmp_path):
    """The line is bounded; a job whose process is killed is done by another; nothing is left at the end."""
    random_weights().save(tmp_path / "w.safetensors")

    async def run() -> None:
        pool = Pool(StudioSettings(workers=1, queue=2), str(tmp_path / "w.safetensors"))
        try:
            jobs = [pool.submit("threads", {"text": "7", "seed": seed}) for seed in range(3)]
            with pytest.raises(RefusedError) as refused:
                pool.submit("threads", {"text": "7"})
            assert (refused.value.status, refused.value.code) == (429, "busy")
            found = [json.loads(await job.future)["threads"][0]["seed"] for job in jobs]
            assert found == [0, 1, 2]
            pool.hands[0].process.kill()
            assert json.loads(await pool.submit("threads", {"text": "7", "seed": 9}).future)["threads"]
            with pytest.raises(RefusedError, match="knows no class"):
                await pool.submit("threads", {"text": "x"}).future
        finally:
            await asyncio.to_thread(pool.close)
        assert not pool.open
        assert pool.hands[0].process is None
        with pytest.raises(RefusedError, match="being stopped"):
            pool.submit("threads", {"text": "7"})

    asyncio.run(run())


def test_what_takes_too_long_is_ended(tmp_path, monkeypatch):
    """Work has a limit of time, after which its process is ended; the next job has another."""
    monkeypatch.setattr("nitograph.studio.pool.GRACE", 0.1)
    film = {"format": "gif", "threads": [THREAD], "look": {"size": 1080}, "film": {"seconds": 30}}
    random_weights().save(tmp_path / "w.safetensors")

    async def run() -> None:
        pool = Pool(StudioSettings(workers=1, seconds=1), str(tmp_path / "w.safetensors"))
        try:
            with pytest.raises(RefusedError) as refused:
                await pool.submit("exports", film).future
            assert (refused.value.status, refused.value.code) == (503, "too_long")
            pool.settings = pool.settings.replace(seconds=100)
            assert await pool.submit("exports", {"format": "json", "threads": [THREAD]}).future
        finally:
            await asyncio.to_thread(pool.close)

    asyncio.run(run())


def test_other_work_goes_first_while_code_is_compiled(tmp_path):
    """A drawing whose code another process compiles keeps nobody else waiting, and has its answer."""
    random_weights().save(tmp_path / "w.safetensors")

    async def run() -> None:
        pool = Pool(StudioSettings(workers=1), str(tmp_path / "w.safetensors"))
        with pool.warming:
            drawing = pool.submit("drawings", {"strokes": SEVEN})
            found = await pool.submit("threads", {"text": "7", "seed": 9}).future
            assert json.loads(found)["threads"][0]["seed"] == 9
            assert not drawing.future.done()
            await asyncio.to_thread(pool.close)
        with pytest.raises(RefusedError, match="stopped"):
            await drawing.future
        assert not pool.open

    asyncio.run(run())


@pytest.mark.slow
def test_a_stop_finishes_what_runs(tmp_path):
    """SIGTERM: a weaving under way ends with the thread it has, and the studio exits with 0."""
    with running(tmp_path, "--workers", "1") as studio:
        connection = studio.connect()
        query = "nails=240&canvas_size=1024&max_lines=10000&quality=best"
        connection.request("POST", f"/api/v1/weavings?{query}", picture(400), {"Content-Type": "image/png"})
        stream = connection.getresponse()
        read = b""
        while b'"nails": [' not in read or read.count(b"event: progress") < 3:
            line = stream.readline()
            assert line, read
            read += line
        codes: list[int] = []
        ending = threading.Thread(target=lambda: codes.append(studio.stop()))
        ending.start()
        read += stream.read()
        ending.join()
        name, done = events_of(Answer(200, {}, read))[-1]
        assert (name, done["stopped"]) == ("done", True)
        assert codes == [0]
        connection.close()


# --- small parts ------------------------------------------------------------------------------------


def test_a_drawing_is_centred_as_the_models_pictures_are():
    """Wherever and however large it is, it fills 20 of 28 pixels, its centre of mass in the middle."""
    one = picture_of(SEVEN)
    other = picture_of([[[0.1 + 0.1 * x, 0.7 + 0.1 * y] for x, y in stroke] for stroke in SEVEN])
    assert one.shape == (SIDE * DENSE, SIDE * DENSE)
    assert np.abs(one.astype(int) - other).max() <= 2
    weights = one / one.sum()
    grid = (np.arange(SIDE * DENSE) + 0.5) / DENSE
    assert abs((weights.sum(axis=0) * grid).sum() - SIDE / 2) < 0.1
    rows = np.flatnonzero(one.max(axis=1) > 127)
    assert abs((rows[-1] - rows[0] + 1) / DENSE - 20) < 0.6
    assert not picture_of([]).any()
    assert picture_of([[[0.5, 0.5]]]).max() == 255


def test_a_guide_is_shared_under_a_secret_address():
    """The listener gives the guide to who knows its address, nothing to others, and closes."""
    import urllib.error
    import urllib.request

    def get(address: str) -> bytes:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return bytes(answer.read())

    async def run() -> None:
        sharing = Sharing("127.0.0.1")
        found = await sharing.add(b"<!doctype html>guide", 12)
        address, _, step = found["address"].partition("#")
        assert step == "step=12"
        assert found["qr"].startswith("data:image/svg+xml")
        assert await asyncio.to_thread(get, address) == b"<!doctype html>guide"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(get, address[:-1])
        for _ in range(8):
            await sharing.add(b"another")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(get, address)
        await sharing.close()
        assert not sharing.pages
        with pytest.raises(urllib.error.URLError):
            await asyncio.to_thread(get, address)

    asyncio.run(run())


def test_the_code_is_of_the_address():
    """Another address is another code."""
    assert qr("http://192.0.2.7/a") != qr("http://192.0.2.7/b")


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    """One line that names the extra."""
    import sys

    from nitograph.cli import main

    monkeypatch.setitem(sys.modules, "starlette", None)
    assert main(["studio", "--no-browser"]) == 1
    assert "pip install 'nitograph[studio]'" in capsys.readouterr().err
