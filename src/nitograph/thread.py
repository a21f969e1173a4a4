"""The Thread: an ordered path of one thread around a board of nails. Every module makes one or shows one.

A Thread is an immutable value, checked when made. Its JSON is the project's file format; the reader also
accepts files of the first Nitograph. Threads are several in order, such as the boards of a word. Both know
nothing of pictures or tokens, and of millimetres only what a file says; a module that can draw them
registers itself with `shown_by`.

Try it: python -c "from nitograph.thread import Thread; print(Thread([0, 100, 7]).to_json())"
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board
from nitograph.errors import FileError, NitographError, ThreadError
from nitograph.shapes.board import ShapedBoard
from nitograph.untrusted import is_small, parse_json, reading

FORMAT = "nitograph-thread/1"
SHAPED_FORMAT = "nitograph-thread/2"  # of a board that is no ring, which the file describes
MAX_CHORDS = 1_000_000
MAX_LABEL = 10_000  # characters
MAX_PLACES = 1000  # rows of a text, and columns
MAX_PROVENANCE = 2**20  # items and characters
_DIGITS = re.compile(r"[0-9]{1,9}")
_PAIRS = re.compile(r"\[\s+(-?[0-9.e+-]+),\s+(-?[0-9.e+-]+)\s+\]")  # points, each on a line of its own


@dataclass(frozen=True, eq=False)
class Thread:
    """One thread on one board.

    nails: (chords + 1,) int32, read-only, each 0 ≤ nail < board.num_nails, neighbours different.
    label: the class it shows ("7"), or None. provenance: JSON values, how it was made.
    Raises ThreadError if the nails are not a valid path on that board.
    """

    nails: NDArray[np.int32]
    board: Board = dataclasses.field(default_factory=Board)
    label: str | None = None
    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __init__(
        self,
        nails: Sequence[int] | NDArray[np.integer],
        board: Board | None = None,
        label: str | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        board = board or Board()
        if label is not None and not (isinstance(label, str) and len(label) <= MAX_LABEL):
            raise ThreadError(f"a label is text of at most {MAX_LABEL} characters, got {_short(label)}")
        object.__setattr__(self, "board", board)
        object.__setattr__(self, "nails", _checked(nails, board))
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "provenance", _json_copy(dict(provenance or {}), label))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Thread):
            return NotImplemented
        return (
            self.board == other.board
            and self.label == other.label
            and np.array_equal(self.nails, other.nails)
        )

    def __hash__(self) -> int:
        return hash((self.board, self.label, self.nails.tobytes()))

    def __repr__(self) -> str:
        label = "" if self.label is None else f"{self.label!r}, "
        return f"Thread({label}{self.line_count} chords on {self.board.num_nails} nails)"

    def _repr_png_(self) -> bytes | None:
        """The picture that a notebook shows."""
        return _shown([self])

    @property
    def line_count(self) -> int:
        """How many chords."""
        return len(self.nails) - 1

    def chords(self) -> NDArray[np.int32]:
        """The nails at both ends of each chord, in order, shape (chords, 2)."""
        return np.stack([self.nails[:-1], self.nails[1:]], axis=1)

    def points(self) -> NDArray[np.float64]:
        """x and y of each nail on the path, in radii of the board, y down, shape (chords + 1, 2)."""
        return self.board.positions()[self.nails]

    def length(self) -> float:
        """Total length of the chords, in radii of the board (straight runs only, no wraps)."""
        return float(self.board.lengths_along(self.nails).sum())

    def millimetres(self) -> tuple[float, float] | None:
        """Thickness of the thread and diameter of its ring of nails, if it was woven for a real board.

        Of a board that is no ring, its larger side instead of the diameter.
        """
        board = self.provenance.get("board")
        if not isinstance(board, dict):
            return None
        width, diameter = board.get("thread_width"), board.get("diameter")
        if not isinstance(width, int | float) or not isinstance(diameter, int | float):
            return None
        usable = 0.01 <= width <= 20 and max(10, 4 * width) <= diameter <= 20_000
        return (float(width), float(diameter)) if usable else None

    def darkness(self) -> float:
        """The width that the thread hides ÷ its thickness, if it was woven for a real board; else 1."""
        board = self.provenance.get("board")
        found = board.get("darkness", 1.0) if isinstance(board, dict) else 1.0
        return float(found) if isinstance(found, int | float) and 0.05 <= found <= 4 else 1.0

    def is_dark(self) -> bool:
        """Whether it is a dark thread on a light board: unless its file says that it is light."""
        photo = self.provenance.get("photo")
        return not (isinstance(photo, dict) and photo.get("invert") is False)

    def replace(self, **changes: Any) -> "Thread":
        """The same thread with some of nails, board, label, provenance changed, checked again."""
        kept = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Thread(**(kept | changes))

    def to_json(self, *, indent: int | None = None) -> str:
        """JSON text: the original's fields first, then all that is needed to make the thread again."""
        digit = int(self.label) if self.label is not None and _DIGITS.fullmatch(self.label) else None
        shaped = self.board if isinstance(self.board, ShapedBoard) else None
        record: dict[str, Any] = {"format": SHAPED_FORMAT if shaped else FORMAT, "label": self.label}
        if digit is not None:
            record["digit"] = digit
        record |= {"num_nails": self.board.num_nails, "line_count": self.line_count}
        if shaped:
            record["board"] = shaped.to_record()
        sampled = self.provenance.get("sampling")
        sampled = sampled if isinstance(sampled, dict) else {}
        record |= {key: sampled[key] for key in ("temperature", "top_k") if key in sampled}
        if "seed" in self.provenance:
            record["seed"] = self.provenance["seed"]
        record["provenance"] = dict(self.provenance)
        record["nails"] = self.nails.tolist()
        if indent is None:
            return json.dumps(record, ensure_ascii=False, allow_nan=False)
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, indent=indent)
        return _one_line_nails(_PAIRS.sub(r"[\1, \2]", text) if shaped else text)

    @staticmethod
    def from_json(text: str, *, name: str = "the JSON") -> "Thread":
        """Read `to_json` text, or JSON of the first Nitograph; FileError says what is wrong."""
        record = parse_json(text, name, hint="a thread file holds num_nails and nails")
        return Thread.from_record(record, name=name)

    @staticmethod
    def from_record(record: object, *, name: str = "the JSON") -> "Thread":
        """A thread from parsed JSON; FileError says what is wrong."""
        if not isinstance(record, dict) or "nails" not in record:
            raise FileError(f"{name} holds no thread; a thread is an object with num_nails and nails")
        stated = record.get("format", FORMAT)
        if stated not in (FORMAT, SHAPED_FORMAT):
            raise FileError(
                f"{name} has format {str(stated)[:40]!r}; this version reads {FORMAT} and {SHAPED_FORMAT}"
            )
        nails, count = record["nails"], record.get("num_nails", 256)
        if not isinstance(nails, list) or not all(type(n) is int for n in nails):
            raise FileError(f"{name}: nails must be a list of whole numbers")
        if type(count) is not int:
            raise FileError(f"{name}: num_nails must be a whole number, got {str(count)[:40]!r}")
        provenance = record.get("provenance", {})
        if not isinstance(provenance, dict):
            raise FileError(f"{name}: provenance must be an object")
        if not provenance and "seed" in record:
            provenance = _classic_provenance(record)
        label = record.get("label", record.get("digit"))
        try:
            with reading(FileError(f"{name} holds no thread that can be read; make it again")):
                label = str(label) if type(label) is int else label
                shaped = stated == SHAPED_FORMAT
                board = ShapedBoard.from_record(record.get("board"), count) if shaped else Board(count)
                return Thread(nails, board, label, provenance)
        except NitographError as error:
            raise FileError(f"{name}: {error}") from None


@dataclass(frozen=True, repr=False)
class Threads(Sequence[Thread]):
    """Several threads in order, each on its own board: the characters of a word, the lines of a file.

    It has the members of a Thread: nails and points() give one array per thread, length() the total.
    Raises ThreadError if there are no threads, or an item is not a Thread.
    """

    threads: tuple[Thread, ...]

    def __init__(self, threads: Iterable[Thread]) -> None:
        listed = tuple(threads)
        if not listed or not all(isinstance(thread, Thread) for thread in listed):
            raise ThreadError("Threads needs at least one thread, and every item must be a Thread")
        object.__setattr__(self, "threads", listed)

    @overload
    def __getitem__(self, index: int) -> Thread: ...
    @overload
    def __getitem__(self, index: slice) -> "Threads": ...
    def __getitem__(self, index: int | slice) -> "Thread | Threads":
        return Threads(self.threads[index]) if isinstance(index, slice) else self.threads[index]

    def __len__(self) -> int:
        return len(self.threads)

    def __iter__(self) -> Iterator[Thread]:
        return iter(self.threads)

    def __repr__(self) -> str:
        return f"Threads({self.label!r}, {len(self)} threads, {self.line_count} chords)"

    def _repr_png_(self) -> bytes | None:
        """The picture that a notebook shows: all threads in one."""
        return _shown(self.threads)

    @property
    def label(self) -> str:
        """The text that they spell, as `generate` takes it, with spaces and new rows by their places."""
        return _spelled(self.threads)

    @property
    def line_count(self) -> int:
        """How many chords all threads have together."""
        return sum(thread.line_count for thread in self.threads)

    @property
    def nails(self) -> tuple[NDArray[np.int32], ...]:
        """The nails of each thread, (chords + 1,)."""
        return tuple(thread.nails for thread in self.threads)

    def points(self) -> tuple[NDArray[np.float64], ...]:
        """`Thread.points` of each thread, (chords + 1, 2)."""
        return tuple(thread.points() for thread in self.threads)

    def length(self) -> float:
        """Total length of all threads, in radii of their boards."""
        return sum(self.lengths())

    def lengths(self) -> tuple[float, ...]:
        """`Thread.length` of each."""
        return tuple(thread.length() for thread in self.threads)


def places_of(threads: Sequence[Thread]) -> list[tuple[int, int]] | None:
    """Row and column of each thread of a text with empty places or several rows; None for any others."""
    found = [thread.provenance.get("place") for thread in threads]
    places = [tuple(place) for place in found if isinstance(place, list | tuple) and len(place) == 2]
    sound = all(type(number) is int and 0 <= number < MAX_PLACES for place in places for number in place)
    if not sound or not len(threads) == len(places) == len(set(places)):
        return None
    return [(row, column) for row, column in places]


def _spelled(threads: Sequence[Thread]) -> str:
    """The text of labels; those of several signs stand in braces."""
    names = [thread.label or "" for thread in threads]
    if len(names) > 1:
        names = [f"{{{name}}}" if len(name) > 1 else name for name in names]
    text, at = "", (0, 0)
    for (row, column), name in sorted(zip(places_of(threads) or [], names, strict=False)):
        text += "\n" * (row - at[0]) + " " * (column - (at[1] if row == at[0] else 0)) + name
        at = (row, column + 1)
    return text or "".join(names)


Drawer = Callable[[Sequence[Thread]], bytes]
_drawers: list[Drawer] = []


def shown_by(drawer: Drawer) -> None:
    """Register the function that makes a PNG of one or several threads for notebooks."""
    _drawers[:] = [drawer]


def _shown(threads: Sequence[Thread]) -> bytes | None:
    return _drawers[0](threads) if _drawers else None


def _checked(nails: Sequence[int] | NDArray[np.integer], board: Board) -> NDArray[np.int32]:
    try:
        path = np.asarray(nails)
    except ValueError:
        raise ThreadError("nails must be one flat list of whole numbers") from None
    if path.ndim != 1 or (path.size and not np.issubdtype(path.dtype, np.integer)):
        raise ThreadError("nails must be one flat list of whole numbers")
    if not 2 <= len(path) <= MAX_CHORDS + 1:
        raise ThreadError(f"a thread has 1 to {MAX_CHORDS} chords, got {max(len(path) - 1, 0)}")
    outside = np.flatnonzero((path < 0) | (path >= board.num_nails))
    if len(outside):
        raise ThreadError(
            f"nails run from 0 to {board.num_nails - 1} on this board, got {path[outside[0]]} "
            f"at step {outside[0]}"
        )
    repeated = np.flatnonzero(path[1:] == path[:-1])
    if len(repeated):
        raise ThreadError(
            f"a chord joins two nails, but nail {path[repeated[0]]} follows itself at step {repeated[0]}"
        )
    path = path.astype(np.int32)
    path.flags.writeable = False
    return path


def _classic_provenance(record: Mapping[str, Any]) -> dict[str, Any]:
    sampling = {key: record[key] for key in ("temperature", "top_k") if key in record}
    return {"made_by": "first Nitograph", "seed": record["seed"], "sampling": sampling}


def _short(value: object) -> str:
    """What a message shows of a value, which may be long."""
    return f"a {type(value).__name__}" if isinstance(value, int) else repr(str(value)[:40])


def _one_line_nails(text: str) -> str:
    head, _, tail = text.rpartition('"nails": [')
    return f'{head}"nails": [{" ".join(tail.split()).removesuffix(" ] }")}]\n}}'


def _json_copy(provenance: dict[str, Any], label: str | None) -> dict[str, Any]:
    """A private copy; ThreadError if it cannot be written as JSON or is large."""
    if not is_small(provenance, MAX_PROVENANCE):
        raise ThreadError(
            f"provenance must have at most {MAX_PROVENANCE} items and characters and be nested little; "
            "shorten it"
        )
    try:
        text = json.dumps([provenance, label], ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")  # a lone surrogate has no UTF-8
        copy: dict[str, Any] = json.loads(text)[0]
    except (ValueError, TypeError, RecursionError):
        raise ThreadError("label and provenance must be JSON values: text, finite numbers, lists") from None
    return copy
