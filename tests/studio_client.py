"""A studio as a process of its own with tiny weights, and a client for it, for tests.

with running(folder) as studio:
    status, headers, body = studio.ask("GET", "/")
"""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tiny import random_weights

JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error, whose message is checked to be one line."""
        error = self.value["error"]
        assert set(error) == {"code", "message"}
        assert "\n" not in error["message"]
        assert error["message"]
        return str(error["code"])


class Studio:
    """A client of one studio."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address
        self.host = urlsplit(address).netloc

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection(self.host, timeout=900)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(self, path: str, **body: Any) -> Answer:
        """A JSON body, posted to the API."""
        return self.ask("POST", f"/api/v1{path}", json.dumps(body).encode(), JSON)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Studio]:
    """A studio on a free port of 127.0.0.1, with weights that have learned nothing."""
    if not (folder / "w.safetensors").exists():
        random_weights().save(folder / "w.safetensors")
    command = [sys.executable, "-m", "nitograph", "studio", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--checkpoint", "w.safetensors", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), process.stderr and process.stderr.read()
        yield Studio(process, address)
    finally:
        process.kill()
        process.communicate()
