"""Threads come back in: our JSON, JSON lines and lists, the original's JSON, bare nail lists, our pictures.

What a file is, is told from what it holds, never from its name. A list of ours states its numbering and
comes back exactly; a list from elsewhere is taken as `ForeignList` says. Nothing is guessed: what is none
of these is refused in one line. This module makes threads and knows no board of millimetres.

Try it: python -c "from nitograph.io.lists import *;
print(parse(b'0 9', 'a list', ForeignList(list_nails=12)))"
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nitograph.board import MAX_NAILS, MIN_NAILS, Board
from nitograph.errors import FileError, NitographError
from nitograph.io import png, threads as thread_files
from nitograph.io.files import MAX_TEXT_BYTES, read_bytes
from nitograph.settings import Settings, setting
from nitograph.thread import MAX_CHORDS, Thread

MAX_PICTURE_BYTES = 1024 * 1024 * 1024
MARK = "nitograph-list/1"
"""The key of the line in which a list of ours states its numbering."""

COLUMNS = "step,block,nail,turn,out_before,in_after,chord_mm,metres"
"""The head of a winding list of ours."""

NAIL_COLUMNS = ("nail", "nails", "pin", "pins", "peg", "pegs")
HEADS = ("#", '"#')
HINT = "a thread is JSON with num_nails and nails, a CSV with a column nail, or a list of nail numbers"


@dataclass(frozen=True)
class ForeignList(Settings):
    """How to take a list of nails that does not state its numbering."""

    list_nails: int | None = setting(
        None, "nails on the board of a bare list", unit="nails", low=MIN_NAILS, high=MAX_NAILS
    )
    list_origin: str = setting(
        "right", "where nail 0 of a bare list stands, from the front", choices=("right", "top")
    )
    list_direction: str = setting(
        "cw", "which way a bare list counts, from the front", choices=("cw", "ccw")
    )
    list_first: int = setting(0, "the number of the first nail of a bare list", low=0, high=1)


def read_thread(
    path: str | Path,
    foreign: ForeignList | None = None,
    *,
    line: int | None = None,
    board: int | None = None,
) -> Thread:
    """The thread in a file; FileError in one line where there is none. line, board: as `parse`."""
    return parse(_data(path), str(path), foreign, line=line, board=board)


def read_threads(
    path: str | Path, foreign: ForeignList | None = None, *, line: int | None = None, every: bool = False
) -> list[Thread]:
    """Every board of the thread in a file, as `parse_all`; FileError in one line where there is none."""
    return parse_all(_data(path), str(path), foreign, line=line, every=every)


def _data(path: str | Path) -> bytes:
    with_picture = Path(path).suffix.lower() == ".png"
    return read_bytes(path, limit=MAX_PICTURE_BYTES if with_picture else MAX_TEXT_BYTES)


def parse(
    data: bytes,
    name: str,
    foreign: ForeignList | None = None,
    *,
    line: int | None = None,
    board: int | None = None,
) -> Thread:
    """The thread in the bytes of a file; `name` is what messages call it. FileError where there is none.

    line: which one of JSON lines, from 1, the first by default. board: which one of a word's boards, from
    1; where there are several it must be said.
    """
    threads = parse_all(data, name, foreign, line=line)
    if board is None and len(threads) > 1:
        raise FileError(f"{name} holds {len(threads)} boards; say which one, 1 to {len(threads)}")
    if board is not None and not 1 <= board <= len(threads):
        raise FileError(f"{name} holds {len(threads)} of them, board {board} was asked for")
    return threads[(board or 1) - 1]


def parse_all(
    data: bytes,
    name: str,
    foreign: ForeignList | None = None,
    *,
    line: int | None = None,
    every: bool = False,
) -> list[Thread]:
    """As `parse`, with every board of a word; with `every` also those of every one of JSON lines."""
    foreign = foreign or ForeignList()
    if line is not None and line < 1:
        raise FileError(f"lines are counted from 1, got {line}")
    if data.startswith(png.SIGNATURE):
        return thread_files.from_bytes(data, line=line, name=name)
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise FileError(f"{name} is no thread file; {HINT}") from None
    if not text:
        raise FileError(f"{name} is empty; {HINT}")
    if text[0] == "{" and every and line is None:
        return thread_files.from_lines(text, name=name)
    if text[0] == "{":
        return thread_files.from_text(text, line=line, name=name)
    if text[0] == "[":
        return [_listed(_json_numbers(text, name), name, _Numbering.foreign(foreign))]
    return [_parse_list(text, name, foreign)]


@dataclass(frozen=True)
class _Numbering:
    """file nail = zero + sense · (number − first), on a board of num_nails."""

    num_nails: int | None
    origin: str = "right"
    zero: int | None = None
    sense: int = 1
    first: int = 0
    label: str | None = None

    @staticmethod
    def foreign(given: ForeignList) -> "_Numbering":
        sense = 1 if given.list_direction == "cw" else -1
        return _Numbering(given.list_nails, given.list_origin, None, sense, given.list_first)

    def file_nails(self, numbers: np.ndarray[Any, Any], num_nails: int) -> np.ndarray[Any, Any]:
        top = (3 * num_nails + 2) // 4 % num_nails
        zero = self.zero if self.zero is not None else (0 if self.origin == "right" else top)
        return (zero + self.sense * (numbers - self.first)) % num_nails


def _json_numbers(text: str, name: str) -> list[int]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise FileError(f"{name} is not JSON; {HINT}") from None
    if not all(type(number) is int and 0 <= number < 10**6 for number in found):
        raise FileError(f"{name} holds a list, but not of nail numbers; {HINT}")
    return list(found)


def _parse_list(text: str, name: str, foreign: ForeignList) -> Thread:
    heads = (_plain(line) for line in io.StringIO(text, newline=None) if line.startswith(HEADS))
    stated = next((line for line in heads if line.startswith(MARK)), None)
    numbering = _stated(stated, name) if stated else _Numbering.foreign(foreign)
    body = (line for line in io.StringIO(text, newline=None) if line.strip() and not line.startswith(HEADS))
    first = next(body, None)
    if first is None:
        raise FileError(f"{name} holds no nails; {HINT}")
    numbers = []
    for cell in _cells(first, body, name):
        numbers.append(_whole(cell, name))
        if len(numbers) > MAX_CHORDS + 1:
            raise FileError(f"{name} holds more than {MAX_CHORDS} chords, the most a thread has")
    return _listed(numbers, name, numbering)


def _plain(line: str) -> str:
    """A line of head without its mark, and without what spreadsheets add when they save a list of ours."""
    line = re.sub(rf"[,;]{{{COLUMNS.count(',')}}}$", "", line.rstrip("\n"))
    return (
        line.removeprefix('"').removesuffix('"').lstrip("# \t") if line[0] == '"' else line.lstrip("# \t")
    )


def _stated(line: str, name: str) -> _Numbering:
    fields = re.fullmatch(
        rf"{re.escape(MARK)} num_nails=(\d{{1,6}}) zero=(\d{{1,6}}) sense=([+-])1(?: label=(.*))?",
        line,
    )
    if not fields:
        raise FileError(f"{name}: the line that states the numbering is damaged: {line[:60]!r}")
    count, zero, sense, label = fields.groups()
    if int(zero) >= int(count):
        raise FileError(f"{name}: zero must be below num_nails, got {zero} of {count}")
    return _Numbering(int(count), zero=int(zero), sense=-1 if sense == "-" else 1, label=label)


def _cells(first: str, rest: Iterator[str], name: str) -> Iterator[str]:
    """The cells of a table's nail column, or every word of a list without a head."""
    titles = [title.strip().strip('"').lower() for title in re.split("[,;\t]", first)]
    wanted = next((titles.index(title) for title in NAIL_COLUMNS if title in titles), None)
    if wanted is None:
        for line in itertools.chain([first], rest):
            yield from (found.group() for found in re.finditer(r"[^\s,;]+", line))
        return
    sign = next((sign for sign in ",;\t" if sign in first), ",")
    try:
        for row in csv.reader(rest, delimiter=sign):
            yield row[wanted]
    except (IndexError, csv.Error):
        raise FileError(f"{name}: a row has no column {titles[wanted]!r}; every row needs one") from None


def _whole(cell: str, name: str) -> int:
    cell = cell.strip().strip('"')
    if not re.fullmatch(r"\d{1,6}", cell, re.ASCII):
        shown = cell if len(cell) <= 20 else f"{cell[:20]}…"
        raise FileError(f"{name} is no thread file: {shown!r} is no nail number; {HINT}")
    return int(cell)


def _listed(numbers: list[int], name: str, numbering: _Numbering) -> Thread:
    count = numbering.num_nails
    if count is None:
        raise FileError(f"{name} does not say how many nails its board has; give that as list_nails")
    path = np.asarray(numbers, dtype=np.int64)
    outside = path[(path < numbering.first) | (path >= count + numbering.first)]
    if len(outside):
        raise FileError(
            f"{name}: nails run from {numbering.first} to {count - 1 + numbering.first} on this board, "
            f"got {outside[0]}; check how many nails it has and which number the first one has"
        )
    try:
        return Thread(numbering.file_nails(path, count), Board(count), numbering.label)
    except NitographError as error:
        raise FileError(f"{name}: {error}") from None
