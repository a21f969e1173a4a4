"""Reading thread files: JSON, JSON lines, the original's JSON, winding lists, bare nail lists, our PNGs.

The content decides the format, never the file name. A list that Nitograph wrote states its numbering and is
read back exactly; any other list is read as `ForeignList` says. Nothing is guessed: anything else is
refused with a one-line message. This module knows no millimetres.

Try it: python -c "from nitograph.io.lists import *;
print(parse(b'0 9', 'a list', ForeignList(list_nails=12)))"
"""

import codecs
import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nitograph.board import MAX_NAILS, MIN_NAILS, Board
from nitograph.colours.layers import Layers, coloured, layers_of
from nitograph.errors import FileError, NitographError
from nitograph.io import png, tables, threads as thread_files
from nitograph.io.coloured_lists import COLOURS_MARK, sections
from nitograph.io.files import MAX_TEXT_BYTES, read_bytes
from nitograph.settings import Settings, setting
from nitograph.shapes.board import board_of_words
from nitograph.thread import MAX_CHORDS, Thread
from nitograph.untrusted import parse_json, reading

MAX_PICTURE_BYTES = 1024 * 1024 * 1024
MARK = "nitograph-list/1"
"""The start of the line or the note in which a list that Nitograph wrote states its numbering."""

SHAPED_MARK = "nitograph-list/2"
"""The same for a board that is no ring, which the line describes."""

MARKS = (MARK, SHAPED_MARK, COLOURS_MARK)

COLUMNS = "step,block,nail,turn,out_before,in_after,chord_mm,metres,note"
"""The header row of a winding list that Nitograph wrote."""

HEADS = ("#", '"#')
_OURS = re.compile(r'"(?:format|threads)"\s*:|"nails"\s*:\s*\[\s*(?:\d+\s*[],]|\])')


@dataclass(frozen=True)
class ForeignList(Settings):
    """How to read a nail list that does not state its numbering."""

    list_nails: int | None = setting(
        None, "number of nails on the board of a bare list", unit="nails", low=MIN_NAILS, high=MAX_NAILS
    )
    list_origin: str = setting(
        "right", "position of nail 0 in a bare list, seen from the front", choices=("right", "top")
    )
    list_direction: str = setting(
        "cw", "direction in which a bare list counts, seen from the front", choices=("cw", "ccw")
    )
    list_first: int = setting(0, "number of the first nail of a bare list", low=0, high=1)


def read_thread(
    path: str | Path,
    foreign: ForeignList | None = None,
    *,
    line: int | None = None,
    board: int | None = None,
) -> Thread:
    """The thread in a file; FileError if there is none. line, board: as for `parse`."""
    return parse(_data(path), str(path), foreign, line=line, board=board)


def read_threads(
    path: str | Path, foreign: ForeignList | None = None, *, line: int | None = None, every: bool = False
) -> list[Thread]:
    """All threads in a file, as `parse_all`; FileError if there are none."""
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
    """The thread in the bytes of a file; `name` is its name in messages. FileError if there is none.

    line: which of JSON lines, counted from 1, the first by default. board: which of a word's boards,
    counted from 1; required if there are several.
    """
    threads = parse_all(data, name, foreign, line=line)
    if board is None and len(threads) > 1:
        what = "boards" if layers_of(threads) is None else "threads in colours on one board"
        raise FileError(f"{name} holds {len(threads)} {what}; choose one of 1 to {len(threads)}")
    if board is not None and not 1 <= board <= len(threads):
        raise FileError(f"{name}: board must be 1 to {len(threads)}, got {board}")
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
    if line is not None and line < 1:
        raise FileError(f"lines are counted from 1, got {line}")
    with reading(FileError(f"{name} is no thread file; {tables.FORMS}")):
        return _parse_all(data, name, foreign or ForeignList(), line, every)


def _parse_all(data: bytes, name: str, foreign: ForeignList, line: int | None, every: bool) -> list[Thread]:
    if data.startswith(png.SIGNATURE):
        return thread_files.from_bytes(data, line=line, name=name)
    text = _decoded(data, name).strip()
    if not text:
        raise FileError(f"{name} is empty; {tables.FORMS}")
    if text[0] == "{" and every and line is None:
        return thread_files.from_lines(text, name=name)
    if text[0] == "{":
        found = _from_object(text, name, foreign)
        return [found] if found else thread_files.from_text(text, line=line, name=name)
    if text[0] == "[":
        listed = parse_json(text, name, hint=tables.FORMS)
        numbers = tables.of_json(listed, name, limit=MAX_CHORDS + 1)
        return [_listed(numbers, name, _Numbering.foreign(foreign))]
    return _parse_list(text, name, foreign)


def _decoded(data: bytes, name: str) -> str:
    """The text of bytes in UTF-8, or in UTF-16 that begins with its mark."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(
            f"{name} is no thread file: it is not text in UTF-8 or UTF-16; save a list as UTF-8"
        ) from None


@dataclass(frozen=True)
class _Numbering:
    """file nail = zero + sense · (number − first), on a board of num_nails."""

    num_nails: int | None
    origin: str = "right"
    zero: int | None = None
    sense: int = 1
    first: int = 0
    label: str | None = None
    board: Board | None = None

    @staticmethod
    def foreign(given: ForeignList) -> "_Numbering":
        sense = 1 if given.list_direction == "cw" else -1
        return _Numbering(given.list_nails, given.list_origin, None, sense, given.list_first)

    def file_nails(self, numbers: np.ndarray[Any, Any], num_nails: int) -> np.ndarray[Any, Any]:
        top = (3 * num_nails + 2) // 4 % num_nails
        zero = self.zero if self.zero is not None else (0 if self.origin == "right" else top)
        return (zero + self.sense * (numbers - self.first)) % num_nails


def _from_object(text: str, name: str, foreign: ForeignList) -> Thread | None:
    """The thread of another program's JSON object; None for one of ours, and where there is no list."""
    if _OURS.search(text) or (text.partition("\n")[0].rstrip().endswith("}") and "\n" in text):
        return None
    record = parse_json(text, name, hint=tables.FORMS)
    found = tables.of_object(record, name, limit=MAX_CHORDS + 1)
    if found is None:
        return None
    numbers, count = found
    if None not in (count, foreign.list_nails) and count != foreign.list_nails:
        raise FileError(f"{name} states {count} nails, got list_nails {foreign.list_nails}; leave one out")
    stated = foreign if count is None else foreign.replace(list_nails=count)
    return _listed(numbers, name, _Numbering.foreign(stated))


def _parse_list(text: str, name: str, foreign: ForeignList) -> list[Thread]:
    stated = _statement(text)
    numbering = _stated(stated, name) if stated else _Numbering.foreign(foreign)
    if stated and stated.startswith(COLOURS_MARK):
        return list(_layers(text, name, numbering))
    body = (line for line in io.StringIO(text, newline=None) if line.strip() and not line.startswith(HEADS))
    first = next(body, None)
    if first is None:
        raise FileError(f"{name} holds no nails; {tables.FORMS}")
    lines, counted = itertools.chain([first], body), stated is not None
    numbers = tables.nails_of(lines, name, limit=MAX_CHORDS + 1, counted=counted)
    return [_listed(numbers, name, numbering)]


def _layers(text: str, name: str, numbering: "_Numbering") -> Layers:
    """The threads of a list in several colours."""
    threads = []
    for colour, lines in sections(text, name):
        numbers = tables.nails_of(iter(lines), name, limit=MAX_CHORDS + 1, counted=True)
        threads.append(coloured(_listed(numbers, name, numbering), colour))
    return Layers(threads)


def _statement(text: str) -> str | None:
    """The line that states the numbering: a comment, or the note of a table's first row."""
    if text.startswith(COLUMNS[:4]):
        return _noted(text)
    heads = (_plain(line) for line in io.StringIO(text, newline=None) if line.startswith(HEADS))
    return next((line for line in heads if line.startswith(MARKS)), None)


def _noted(text: str) -> str | None:
    lines = list(itertools.islice(io.StringIO(text, newline=None), 2))
    sign = next((sign for sign in "\t;," if sign in lines[0]), ",")
    row = next(csv.reader(lines[1:], delimiter=sign), [])
    return next((cell for cell in row if cell.startswith(MARKS)), None)


def _plain(line: str) -> str:
    """A comment without its `#` and without what spreadsheets add when they save the list."""
    line = re.sub(r"[,;\t]{7,8}$", "", line.rstrip("\n"))
    return (
        line.removeprefix('"').removesuffix('"').lstrip("# \t") if line[0] == '"' else line.lstrip("# \t")
    )


def _stated(line: str, name: str) -> _Numbering:
    fields = re.fullmatch(
        rf"(?:{re.escape(MARK)}|{re.escape(COLOURS_MARK)}|{re.escape(SHAPED_MARK)}(?= .* shape=)) "
        r"num_nails=(\d{1,6}) "
        r"zero=(\d{1,6}) sense=([+-])1(?: (shape=\w+(?: \w+=\S+){4,5}?))?(?: label=(.*))?",
        line,
    )
    if not fields:
        raise FileError(f"{name}: the line that states the numbering is damaged: {line[:60]!r}")
    count, zero, sense, words, label = fields.groups()
    if int(zero) >= int(count):
        raise FileError(f"{name}: zero must be below num_nails, got {zero} of {count}")
    try:
        board = board_of_words(words, int(count)) if words else None
    except NitographError as error:
        raise FileError(f"{name}: {error}") from None
    return _Numbering(int(count), zero=int(zero), sense=-1 if sense == "-" else 1, label=label, board=board)


def _listed(numbers: list[int], name: str, numbering: _Numbering) -> Thread:
    count = numbering.num_nails
    if count is None:
        raise FileError(f"{name} does not state how many nails its board has; set list_nails")
    path = np.asarray(numbers, dtype=np.int64)
    outside = path[(path < numbering.first) | (path >= count + numbering.first)]
    if len(outside):
        raise FileError(
            f"{name}: nails run from {numbering.first} to {count - 1 + numbering.first} on this board, "
            f"got {outside[0]}; check the number of nails and the number of the first one"
        )
    try:
        return Thread(numbering.file_nails(path, count), numbering.board or Board(count), numbering.label)
    except NitographError as error:
        raise FileError(f"{name}: {error}") from None
