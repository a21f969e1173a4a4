"""A fuzzer in a few pages: mutate what is known, read it, keep what reaches new lines.

A reader may return or raise a NitographError of one short line; anything else is a finding, and so is a
library's warning, which would reach standard error. Coverage is that of the package's own lines, from
sys.monitoring where Python has it (each line costs once) and from sys.settrace otherwise. Everything is
drawn from one seed, so that a run can be repeated. This module knows no format; `shapes` does.

Try it: PYTHONPATH=src:tests python -m fuzz --reader list --inputs 1000
"""

import json
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nitograph
from nitograph.errors import NitographError

PACKAGE = str(Path(nitograph.__file__).parent)
MAX_MESSAGE = 1000  # characters
MAX_INPUT = 2**16  # bytes of a mutated input
MAX_KEPT = 400  # inputs that are mutated further, of one shape
NUMBERS = [0, 1, 2, 3, 7, 8, 9, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1]
NUMBERS += [2**53, 2**63 - 1, 2**63, 2**64 - 1]
WORDS = [
    b"[]",
    b"{}",
    b"null",
    b"NaN",
    b"-1",
    b"1e999",
    b'"',
    b"\\",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"\n",
    b",",
]
ODD = [
    None,
    True,
    -1,
    0,
    1,
    2,
    3.5,
    1e308,
    2**31,
    2**63,
    10**30,
    "",
    "7",
    "\ud800",
    "é",
    [],
    {},
    [[]],
    [None],
]
ODD += [{"a": 1}, float("nan"), float("inf"), "nitograph-thread/1", ["0"], [0, 1], [0, 0], "prototypes"]


@dataclass
class Shape:
    """One way to make files of a format: what is mutated, and how that becomes a file.

    seeds: what mutation starts from. wrap: from mutated bytes to the bytes of a file, with the checksums
    right. is_json: whether values inside are exchanged, too.
    """

    seeds: Sequence[bytes]
    wrap: Callable[[bytes], bytes] = bytes
    is_json: bool = False


@dataclass
class Outcome:
    """What came of some inputs. findings: file bytes and what was wrong. slowest: seconds."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    lines: int = 0
    slowest: float = 0.0
    findings: list[tuple[bytes, str]] = field(default_factory=list)


def fuzz(
    read: Callable[[str], object],
    shapes: Sequence[Shape],
    place: Path,
    *,
    inputs: int,
    seed: int,
    traced: int = 1,
) -> Outcome:
    """Read so many mutated inputs at `place`; of every `traced` inputs the lines reached are looked at."""
    rng, found, seen = random.Random(seed), Outcome(), set[tuple[str, int]]()
    pools = [list(shape.seeds) for shape in shapes]
    queue = [(at, data) for at, pool in enumerate(pools) for data in pool]
    for number in range(inputs):
        at, data = queue[number] if number < len(queue) else _next(rng, shapes, pools)
        before = len(seen)
        with _coverage(seen) if number % traced == 0 else _nothing():
            _try(read, shapes[at].wrap(data), place, found)
        if len(seen) > before and number >= len(queue) and len(pools[at]) < MAX_KEPT:
            pools[at].append(data)
    found.lines = len(seen)
    return found


def _next(
    rng: random.Random, shapes: Sequence[Shape], pools: Sequence[Sequence[bytes]]
) -> tuple[int, bytes]:
    at = rng.randrange(len(shapes))
    return at, mutated(rng, rng.choice(pools[at]), pools[at], is_json=shapes[at].is_json)


def _try(read: Callable[[str], object], data: bytes, place: Path, found: Outcome) -> None:
    """Read one input and note what came."""
    place.write_bytes(data)
    began = time.perf_counter()
    found.inputs += 1
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            read(str(place))
            found.read += 1
        except NitographError as error:
            found.refused += 1
            if "\n" in str(error) or len(str(error)) > MAX_MESSAGE:
                found.findings.append((data, f"a message that is not one short line: {str(error)[:200]!r}"))
        except Exception as error:
            found.findings.append((data, f"{type(error).__name__}: {error}"[:300]))
    found.findings += [(data, f"it warns: {warning.message}"[:300]) for warning in warned]
    found.slowest = max(found.slowest, time.perf_counter() - began)


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes], *, is_json: bool) -> bytes:
    """The data with one to eight changes."""
    if is_json and rng.random() < 0.5:
        exchanged = _exchanged(rng, data)
        if exchanged is not None:
            return exchanged
    changed = bytearray(data)
    for _ in range(1 << rng.randrange(4)):
        rng.choice(CHANGES)(rng, changed, others)
    return bytes(changed[:MAX_INPUT])


def _exchanged(rng: random.Random, data: bytes) -> bytes | None:
    """JSON in which one value is another, is missing or is there twice; None if it is not JSON."""
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return None
    here, depth = record, rng.randrange(1, 5)
    while isinstance(here, dict | list) and here:
        key = rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
        depth -= 1
        if depth > 0 and isinstance(here[key], dict | list) and here[key]:
            here = here[key]
            continue
        _exchange(rng, here, key)
        break
    return json.dumps(record).encode()


def _exchange(rng: random.Random, here: dict | list, key: object) -> None:
    kind = rng.randrange(5)
    if kind == 0:
        del here[key]
    elif kind == 1 and isinstance(here, list):
        here.insert(key, rng.choice(ODD))
    elif kind == 2 and isinstance(here[key], int | float):
        here[key] = here[key] * rng.choice([-1, 2, 10**6]) + rng.choice([-1, 0, 1])
    elif kind == 3:
        here[key] = [here[key]]
    else:
        here[key] = rng.choice(ODD)


def _flip(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _number(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """A number at the edge of its range, in one to eight bytes."""
    size = rng.choice((1, 2, 4, 8))
    at = rng.randrange(max(1, len(data)))
    data[at : at + size] = (rng.choice(NUMBERS) % 256**size).to_bytes(size, rng.choice(("little", "big")))


def _digits(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Another number in place of one in text."""
    spans = [found.span() for found in re.finditer(rb"\d+", data[:4096])]
    if spans:
        first, last = rng.choice(spans)
        data[first:last] = str(rng.choice(NUMBERS)).encode()


def _word(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(WORDS) * rng.choice((1, 1, 1, 50))


def _drop(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = rng.randrange(max(1, len(data)))
    del data[at : at + 1 + rng.randrange(1 << rng.randrange(1, 8))]


def _repeat(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    at = rng.randrange(max(1, len(data)))
    piece = data[at : at + 1 + rng.randrange(1 << rng.randrange(1, 7))]
    data[at:at] = piece * rng.choice((1, 2, 8))


def _cut(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    del data[rng.randrange(max(1, len(data))) :]


def _cross(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """The end of another input."""
    other = rng.choice(others)
    data[rng.randrange(max(1, len(data))) :] = other[rng.randrange(max(1, len(other))) :]


CHANGES = (_flip, _flip, _set, _number, _number, _digits, _digits, _word, _drop, _repeat, _cut, _cross)


@contextmanager
def _nothing():
    yield


@contextmanager
def _coverage(seen: set[tuple[str, int]]):
    """Add the package's lines that run inside the block."""
    if hasattr(sys, "monitoring"):
        with _monitored(seen):
            yield
        return

    def line(frame, event, value):
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame, event, value):
        return line if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def _monitored(seen: set[tuple[str, int]]):
    tool, events = sys.monitoring.OPTIMIZER_ID, sys.monitoring.events.LINE

    def line(code, number):
        if code.co_filename.startswith(PACKAGE):
            seen.add((code.co_filename, number))
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(tool, "fuzz")
    sys.monitoring.register_callback(tool, events, line)
    sys.monitoring.set_events(tool, events)
    try:
        yield
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
