"""The studio under load: 100 requests at once, each with its own seed, beside the same work as commands.

Every answer is checked to be that of its request. Memory is that of all processes of the studio, when a
tenth of the requests is answered and at the end. Then more are asked at once than the line holds.

Try it: python -m benchmarks.studio --quick
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from benchmarks.report import add_quick, report, seconds
from benchmarks.scale import resident

AT_ONCE, TOTAL, COMMANDS = 100, 10_000, 7


class Asked(NamedTuple):
    """One answer: its status, its seconds, and whether it was that of its request."""

    status: int
    seconds: float
    right: bool


@contextmanager
def studio(folder: str) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A studio of one process a core: the process, host and port."""
    command = [sys.executable, "-m", "nitograph", "studio", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--workers", str(os.cpu_count() or 1)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        place = urlsplit(process.stdout.readline())
        yield process, str(place.hostname), int(place.port or 0)
        process.terminate()
        if process.wait(60):
            raise SystemExit(f"the studio ended with {process.returncode} after SIGTERM")
    finally:
        process.kill()
        process.wait()


class Client:
    """One connection that is kept."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, seed: int, chords: int) -> Asked:
        """A seven of that seed."""
        began = time.perf_counter()
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port, limit=2**20)
        reader, writer = self.streams
        given = json.dumps({"text": "7", "seed": seed, "sampling": {"max_lines": chords}})
        head = f"POST /api/v1/threads HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(given)}\r\n\r\n"
        writer.write((head + given).encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        body = await reader.readexactly(int(answer.partition("content-length: ")[2].partition("\r")[0]))
        status, value = int(answer.split()[1]), json.loads(body)
        right = status == 200 and [thread["seed"] for thread in value["threads"]] == [seed]
        return Asked(status, time.perf_counter() - began, right)

    def close(self) -> None:
        """Hang up."""
        if self.streams is not None:
            self.streams[1].close()


async def load(host: str, port: int, total: int, at_once: int, chords: int, watch: Any) -> list[Asked]:
    """So many requests over so many connections; watch() is called when a tenth is answered."""
    seeds, found = iter(range(total)), list[Asked]()

    async def one() -> None:
        client = Client(host, port)
        for seed in seeds:
            found.append(await client.ask(seed, chords))
            if len(found) == total // 10:
                watch()
        client.close()

    await asyncio.gather(*(one() for _ in range(at_once)))
    return found


def at(found: list[Asked], share: float) -> float:
    """A quantile of the seconds, ms."""
    times = sorted(asked.seconds for asked in found)
    return 1000 * times[min(len(times) - 1, int(share * len(times)))]


def main(total: int, commands: int, chords: int) -> None:
    """Measure one by one, under load, beside commands, and beyond the line."""
    with tempfile.TemporaryDirectory() as folder, studio(folder) as (process, host, port):
        asyncio.run(load(host, port, 20, 10, chords, lambda: None))  # the processes are there
        alone = asyncio.run(load(host, port, max(10, total // 100), 1, chords, lambda: None))
        line = ["generate", "7", "--size", "64", "--max-lines", str(chords)]
        command = [sys.executable, "-m", "nitograph", *line]
        each = sorted(
            seconds(lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True))
            for _ in range(commands)
        )
        report(
            "studio: a seven, alone, p50 (reference: the command)",
            at(alone, 0.5),
            "ms",
            1000 * each[len(each) // 2],
        )
        report(
            "studio: a seven, alone, p99 (reference: the slowest command)",
            at(alone, 0.99),
            "ms",
            1000 * each[-1],
        )
        early: list[float] = []
        began = time.perf_counter()
        found = asyncio.run(
            load(host, port, total, AT_ONCE, chords, lambda: early.append(resident(process.pid) / 1024))
        )
        spent = time.perf_counter() - began
        wrong = sum(not asked.right for asked in found)
        report(
            f"studio: {total} requests, {AT_ONCE} at once: lost or mixed up",
            wrong + total - len(found),
            "requests",
        )
        report(
            "studio: the same, requests per second (reference: commands)",
            total / spent,
            "/s",
            commands / sum(each),
        )
        for share in (0.5, 0.99):
            report(f"studio: the same, p{share * 100:.0f}", at(found, share), "ms")
        report(
            "studio: memory at the end (reference: after a tenth)",
            resident(process.pid) / 1024,
            "MiB",
            early[0],
        )
        crowd = asyncio.run(load(host, port, 4 * AT_ONCE, 4 * AT_ONCE, chords, lambda: None))
        refused = [asked for asked in crowd if asked.status == 429]
        report(f"studio: {4 * AT_ONCE} at once, refused with 429", len(refused), "requests")
        if refused:
            report("studio: a refusal, p99", at(refused, 0.99), "ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_quick(parser)
    parser.add_argument("--total", type=int, help="requests under load")
    args = parser.parse_args()
    if args.quick:
        main(args.total or 120, 1, 4)
    else:
        main(args.total or TOTAL, COMMANDS, 240)
