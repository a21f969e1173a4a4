"""Headless Chromium for tests, by the DevTools protocol over a pipe: no driver, no web socket, no package.

    with Browser() as browser:
        page = browser.open(path_of_a_file, width=360, height=740)
        page.click("#next")
        assert page("document.title") == "…"

`page.requests` lists the address of everything the page asked for, `page.complaints` what went wrong in it
(uncaught errors, console errors, broken content policy). `needs_chromium` skips a test with a reason.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--mute-audio",
    "--remote-debugging-pipe",
]

KEYS = {
    "ArrowRight": 39,
    "ArrowLeft": 37,
    "Enter": 13,
    "PageDown": 34,
    "PageUp": 33,
    "Escape": 27,
    "Tab": 9,
}


class Browser:
    """One headless Chromium with its own empty profile; a context manager."""

    def __enter__(self) -> "Browser":
        assert CHROMIUM is not None
        self.profile = tempfile.mkdtemp(prefix="browser-")
        theirs_in, ours_out = _high_pipe()
        ours_in, theirs_out = _high_pipe()
        actions = [(os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4)]
        log = os.open(Path(self.profile) / "log", os.O_WRONLY | os.O_CREAT)
        actions += [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = os.posix_spawn(CHROMIUM, command, os.environ, file_actions=actions, setpgroup=0)
        for handle in (theirs_in, theirs_out, log):
            os.close(handle)
        self.into, self.out_of = ours_out, ours_in
        self.buffer, self.count = b"", 0
        self.pages: dict[str, Page] = {}
        return self

    def __exit__(self, *error: object) -> None:
        os.killpg(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.into)
        os.close(self.out_of)
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, file: Path, *, width: int = 1280, height: int = 800, dark: bool = False) -> "Page":
        """A page showing that file, at that size of window, in that colour scheme, loaded."""
        page = self.blank(width=width, height=height, dark=dark)
        page.visit(file.resolve().as_uri())
        return page

    def blank(self, *, width: int = 1280, height: int = 800, dark: bool = False) -> "Page":
        """An empty page at that size of window, in that colour scheme."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.size(width, height)
        page.scheme(dark)
        return page

    def call(self, method: str, params: dict[str, Any] | None = None, session: str | None = None) -> Any:
        """Send one command and wait for its answer; events on the way go to their pages."""
        self.count += 1
        wanted = self.count
        message: dict[str, Any] = {"id": wanted, "method": method, "params": params or {}}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.into, data) :]
        while True:
            answer = self._read(30)
            if answer.get("id") == wanted:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _read(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.out_of], [], [], seconds)
            assert ready, f"the browser was silent for {seconds:g} s"
            data = os.read(self.out_of, 1 << 20)
            assert data, "the browser ended: " + (Path(self.profile) / "log").read_text(errors="replace")
            self.buffer += data
        text, _, self.buffer = self.buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if (page := self.pages.get(message.get("sessionId", ""))) is not None and "method" in message:
            page.note(message["method"], message["params"])
        return message


class Page:
    """One tab. Call it with an expression of JavaScript to get its value (promises are awaited)."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def visit(self, address: str) -> None:
        """Load an address, and wait until it is there."""
        self.call("Page.navigate", {"url": address})
        scheme = json.dumps(f"{address.partition(':')[0]}:")
        self.wait(f"document.readyState === 'complete' && location.protocol === {scheme}")

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """One DevTools command for this tab."""
        return self.browser.call(method, params, self.session)

    def note(self, method: str, params: dict[str, Any]) -> None:
        """Keep what tests ask about from the stream of events."""
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.complaints.append(str(params["args"]))

    def __call__(self, expression: str) -> Any:
        """The value of an expression in the page."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 10) -> None:
        """Return once the condition is true; fail after so many seconds."""
        end = time.monotonic() + seconds
        while not self(condition):
            assert time.monotonic() < end, f"not within {seconds:g} s: {condition}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(self(f"document.querySelector({json.dumps(selector)}).textContent"))

    def click(self, selector: str, *, x: float = 0.5, y: float = 0.5) -> None:
        """A real mouse click at that fraction of an element's box."""
        node = f"document.querySelector({json.dumps(selector)})"
        self(f"{node}.scrollIntoView({{block: 'nearest'}})")
        box = self(f"{node}.getBoundingClientRect().toJSON()")
        left, top, width, height = (box[side] for side in ("left", "top", "width", "height"))
        at = {"x": left + width * x, "y": top + height * y, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", {"type": kind, **at})

    def press(self, key: str) -> None:
        """One key, down and up."""
        code = KEYS.get(key, ord(key[0].upper()))
        event: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "code": key}
        if len(key) == 1 or key == "Enter":
            event["text"] = "\r" if key == "Enter" else key
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def size(self, width: int, height: int) -> None:
        """Give the window that size, CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if width < 600 else 1}
        self.call("Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 600})

    def scheme(self, dark: bool, *, calm: bool = False) -> None:
        """What the page hears of the device: dark or light, reduced motion or not."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.call("Emulation.setEmulatedMedia", {"features": features})

    def before_load(self, script: str) -> None:
        """Run a script in the page before its own, from the next load on."""
        self.call("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def reload(self) -> None:
        """Load the page anew, as the reload button does."""
        self("window.stale = true")
        self.call("Page.reload")
        self.wait("document.readyState === 'complete' && !window.stale")

    def screenshot(self, path: Path) -> None:
        """Write a PNG of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", {"format": "png"})["data"]))


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends lie above 9, clear of the numbers that the child's ends take."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
    return ends[0], ends[1]
