"""Threads as text: the JSON of one thread, JSON lines, or one JSON object that holds several.

`generate 2026` writes four boards as one object; `sample` writes JSON lines; a PNG that Nitograph made
carries the JSON of its threads. All are read here as a list of threads. Knows nothing of drawing, touches
no disk.

Try it: python -c "from nitograph.io.threads import *; print(to_json([Thread([0, 9])] * 2))"
"""

import json
from collections.abc import Sequence
from typing import Any

from nitograph.colours.layers import Layers, layers_of
from nitograph.errors import FileError, ThreadError
from nitograph.io import png
from nitograph.io.files import MAX_TEXT_BYTES
from nitograph.thread import Thread, Threads
from nitograph.untrusted import parse_json

FORMAT = "nitograph-threads/1"
COLOURS = "nitograph-colours/1"  # threads of several colours on one board, in order of winding
KEYWORD = "nitograph"  # of the text chunk in which a PNG carries its threads
MAX_THREADS = 100_000


def to_json(threads: Sequence[Thread], *, indent: int | None = None) -> str:
    """The JSON of one thread, or one object with all threads in order and the word that they spell."""
    if len(threads) == 1:
        return threads[0].to_json(indent=indent)
    layers = layers_of(threads)
    stated = {"format": FORMAT, "label": Threads(threads).label}
    if layers is not None:
        threads, stated = layers, {"format": COLOURS, "label": layers.label}
    head = json.dumps(stated, ensure_ascii=False)[:-1]
    gap = " " if indent is None else "\n"
    return f'{head}, "threads": [{gap}{f",{gap}".join(thread.to_json() for thread in threads)}{gap}]}}'


def from_text(text: str, *, line: int | None = None, name: str = "the JSON") -> list[Thread]:
    """Threads of JSON text; of JSON lines the one on `line` (from 1; the first by default).

    FileError says in one line what is wrong.
    """
    lines = [found for found in text.split("\n") if found.strip()]
    if len(lines) > 1 and lines[0].rstrip().endswith("}"):
        chosen = line or 1
        if chosen > len(lines):
            raise FileError(
                f"{name} has {len(lines)} lines, got line {chosen}; give one of 1 to {len(lines)}"
            )
        return [Thread.from_json(lines[chosen - 1], name=f"{name}, line {chosen}")]
    if line not in (None, 1):
        raise FileError(f"{name} has one thread record, got line {line}; leave the line out")
    return _threads(parse_json(text, name, hint="a thread file holds num_nails and nails"), name)


def from_lines(text: str, *, name: str = "the JSON lines") -> list[Thread]:
    """Every thread of JSON lines, or of any other text that `from_text` reads."""
    lines = [found for found in text.split("\n") if found.strip()]
    if len(lines) < 2 or not lines[0].rstrip().endswith("}"):
        return from_text(text, name=name)
    if len(lines) > MAX_THREADS:
        raise FileError(f"{name} has {len(lines)} threads; at most {MAX_THREADS} are read at once")
    return [Thread.from_json(found, name=f"{name}, line {i + 1}") for i, found in enumerate(lines)]


def from_bytes(data: bytes, *, line: int | None = None, name: str = "the file") -> list[Thread]:
    """Threads of a file's bytes: of a PNG that carries them, else of JSON text."""
    if data.startswith(png.SIGNATURE):
        text = png.read_text(data, KEYWORD, name=name)
        if text is None:
            raise FileError(f"{name} carries no thread; only PNGs that Nitograph made do")
        return from_text(text, name=name)
    if len(data) > MAX_TEXT_BYTES:
        raise FileError(f"{name} is larger than {MAX_TEXT_BYTES // 2**20} MiB, too large for a thread file")
    try:
        return from_text(data.decode("utf-8-sig"), line=line, name=name)
    except UnicodeDecodeError:
        raise FileError(f"{name} is neither a thread file nor a PNG picture that carries one") from None


def _threads(record: Any, name: str) -> list[Thread]:
    if not isinstance(record, dict) or "threads" not in record:
        return [Thread.from_record(record, name=name)]
    listed = record["threads"]
    if record.get("format", FORMAT) not in (FORMAT, COLOURS):
        raise FileError(
            f"{name} has format {str(record['format'])[:40]!r}; this version reads {FORMAT}, {COLOURS}"
        )
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_THREADS:
        raise FileError(f"{name}: threads must be a list of 1 to {MAX_THREADS} thread records")
    threads = [Thread.from_record(found, name=f"{name}, thread {i + 1}") for i, found in enumerate(listed)]
    if record.get("format") != COLOURS:
        return threads
    try:
        return list(Layers(threads))
    except ThreadError as error:
        raise FileError(f"{name}: {error}") from None
