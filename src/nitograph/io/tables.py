"""The nails in a list from elsewhere: which of its numbers are nails, and which only count the steps.

Read are tables with a head, pairs of nails, numbered lines of words, JSON, and numbers alone. A number that
may count a step is never taken for a nail, and what can be read in two ways is refused. This module knows
the numbers of a list, and neither boards nor where nail 0 is.

Try it: python -c "from nitograph.io.tables import *;
print(nails_of(['step;pin', '1;0', '2;84'], 'a list', limit=9))"
"""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nitograph.errors import FileError

FORMS = (
    "read are JSON with num_nails and nails or sequence, a table with a column nail or pin or with from "
    'and to, lines such as "String #1 -> next pin: 84", and nail numbers alone'
)
"""What is read, for those who are refused."""

_STEMS = (
    r"nails?|pins?|pegs?|nagel|nägel|naegel|stifte?|clous?|clavos?|chiod[oi]|pregos?|"
    r"гвозд(?:ь|я|ю|и|ей)|钉子?|釘子?"
)
_NAIL = re.compile(rf"(?:{_STEMS})(?:numbers?|nummer|num|nr|no|id|index|编号|号|號)?")
_FROM = {"from", "start", "von", "ab", "de", "desde", "da", "от", "с", "из", "从"}
_TO = {"to", "end", "nach", "bis", "zu", "à", "vers", "a", "hasta", "до", "к", "на", "到"}
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*", re.ASCII)
_CELL = re.compile(r"(\d{1,6})(?:[.,]0{1,9})?", re.ASCII)
_COUNTING = 3  # as many numbers n, n + 1, n + 2 are steps
_LISTS = re.compile(r"(?:nail|pin|peg)?(?:sequence|path|order)|nails|pins|pegs")
_COUNTS = re.compile(r"(?:n|num|numberof|total)?(?:nails|pins|pegs)|(?:nail|pin|peg)s?count")

Row = Sequence[str]


def nails_of(lines: Iterable[str], name: str, *, limit: int, counted: bool = False) -> list[int]:
    """The nails of a list in the order of the path; FileError if they cannot be told from other numbers.

    lines: at least one, without comments and blank ones. limit: the maximum number of nails. counted:
    whether nails may count n, n + 1, n + 2, as in a list that states what it is.
    """
    rest = iter(lines)
    top = list(itertools.islice(rest, 2))
    rest, first = itertools.chain(top, rest), top[0]
    sign = next((sign for sign in "\t;," if sign in first), " ")
    if _LETTER.search(top[-1]) and _columns(_NUMBER.split(first)[:-1]):
        titles, cells = _spoken(rest, name)
    elif _LETTER.search(first) and (not _NUMBER.search(first) or _columns(first.split(sign))):
        table = _cells(rest, sign, name)
        titles = next(table, [])
        cells = (row for row in table if _fits(row, titles, sign, name))
    else:
        rows = _bare(rest, sign, name, limit)
        return [nail for row in rows for nail in row] if counted else _alone(rows, name)
    nails = _headed(titles, cells, name, limit)
    return nails if counted else _no_steps(nails, name)


def of_json(value: Sequence[Any], name: str, *, limit: int) -> list[int]:
    """The nails of a JSON list: of numbers, of pairs, or of objects that name a nail, or from and to."""
    if value and all(isinstance(found, dict) for found in value):
        titles = list(value[0])
        cells = ([str(found.get(title, "")) for title in titles] for found in value)
        return _no_steps(_headed(titles, cells, name, limit), name)
    rows = value if value and all(isinstance(found, list) for found in value) else [value]
    numbers = [[_json_number(found, name) for found in row] for row in rows]
    return _alone(numbers if len(rows) > 1 else [[number] for number in numbers[0]], name)


def of_object(record: Mapping[str, Any], name: str, *, limit: int) -> tuple[list[int], int | None] | None:
    """Nails and the number of the board's nails, if it states that, of a JSON object; None if it has none.

    FileError if several of its lists may be the thread, or it states several numbers of nails.
    """
    plain = {key: re.sub(r"[\W_]", "", key.casefold()) for key in record}
    lists = [key for key in record if _LISTS.fullmatch(plain[key]) and isinstance(record[key], list)]
    if not lists:
        return None
    if len(lists) > 1:
        raise FileError(f"{name} has several lists of nails, {lists[0]!r} and {lists[1]!r}; leave one")
    counts = {record[key] for key in record if _COUNTS.fullmatch(plain[key]) and type(record[key]) is int}
    if len(counts) > 1:
        raise FileError(f"{name} states {' and '.join(map(str, sorted(counts)[:2]))} nails; leave one")
    return of_json(record[lists[0]], name, limit=limit), next(iter(counts), None)


def _headed(titles: Row, rows: Iterable[Row], name: str, limit: int) -> list[int]:
    """The nails of a table: of its one column of nails, or of two in which each row goes on."""
    columns = _columns(titles)
    if not columns:
        shown = ", ".join(repr(title[:20]) for title in titles[:6])
        raise FileError(
            f"{name} is no thread file: of its columns {shown} none, or several, are nails; {FORMS}"
        )
    found: list[list[int]] = []
    for row in rows:
        if len(row) <= max(columns):
            raise FileError(f"{name}: a row has no column {titles[max(columns)]!r}; every row needs one")
        found.append([_whole(row[at], name) for at in columns])
        if len(found) > limit:
            raise _too_long(name, limit)
    if len(columns) == 1:
        return [nail for (nail,) in found]
    for number, ((_, end), (start, _)) in enumerate(itertools.pairwise(found), 2):
        if start != end:
            raise FileError(
                f"{name}: row {number} starts at nail {start}, but the row before ends at nail {end}; a "
                "thread has no gaps, so give its nails in order"
            )
    return [*found[0], *(end for _, end in found[1:])] if found else []


def _columns(titles: Row) -> list[int]:
    """The one column of nails, or two: where a chord starts and where it ends; else none."""
    words = [_words(title) for title in titles]
    nails = [at for at, found in enumerate(words) if any(_NAIL.fullmatch(word) for word in found)]
    ends = [[at for at in nails or range(len(titles)) if words[at] & which] for which in (_FROM, _TO)]
    if len(ends[0]) == len(ends[1]) == 1 and ends[0] != ends[1]:
        return [ends[0][0], ends[1][0]]
    exact = [at for at in nails if _NAIL.fullmatch(titles[at].strip().casefold())]
    return next((found for found in (nails, exact) if len(found) == 1), [])


def _words(title: str) -> frozenset[str]:
    """The words of a title: of `Next pin`, `nextPin` and `next_pin` both."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title)
    return frozenset(re.findall(r"[^\W\d_]+", parted.casefold()))


def _cells(lines: Iterable[str], sign: str, name: str) -> Iterator[list[str]]:
    """The cells of each row that is not empty."""
    try:
        for row in csv.reader(lines, delimiter=sign, skipinitialspace=sign == " "):
            if any(cell.strip() for cell in row):
                yield [cell.strip() for cell in row]
    except csv.Error:
        raise FileError(f"{name} has a damaged row; {FORMS}") from None


def _fits(row: Row, titles: Row, sign: str, name: str) -> bool:
    """True; FileError if spaces part titles and cells, and make different numbers of them."""
    if sign == " " and len(row) != len(titles):
        raise FileError(
            f"{name} has {len(titles)} titles over a row of {len(row)}; part the columns with commas"
        )
    return True


def _spoken(lines: Iterator[str], name: str) -> tuple[list[str], Iterator[list[str]]]:
    """Titles and cells of lines such as `String #1 -> next pin: 84`: words before numbers, and these."""
    first = next(lines)
    titles = _NUMBER.split(first)[:-1]

    def cells() -> Iterator[list[str]]:
        for line in itertools.chain([first], lines):
            if _NUMBER.split(line)[:-1] != titles:
                raise FileError(
                    f"{name}: the words of {line.strip()[:40]!r} are not those of its first line; {FORMS}"
                )
            yield _NUMBER.findall(line)

    return [title.strip() for title in titles], cells()


def _bare(lines: Iterable[str], sign: str, name: str, limit: int) -> list[list[int]]:
    """The numbers of each line."""
    cell = re.compile(r"[^\s;]+" if sign in ";\t" else r"[^\s,;]+")
    rows: list[list[int]] = []
    total = 0
    for line in lines:
        row = []
        for found in cell.finditer(line):
            row.append(_whole(found.group(), name))
            if total + len(row) > limit * (1 if len(row) > 3 else 3):
                raise _too_long(name, limit)
        total += len(row)
        rows.append(row)
    return [row for row in rows if row]


def _alone(rows: list[list[int]], name: str) -> list[int]:
    """The nails of numbers without a head, which may stand beside the numbers of their steps."""
    columns = list(zip(*rows, strict=True)) if len({len(row) for row in rows}) == 1 else []
    counting = [_counts(column) for column in columns]
    if counting in ([False, False], [True, False, False]):
        starts, ends = columns[-2:]
        if len(rows) > 1 and starts[1:] == ends[:-1]:  # from and to
            return _no_steps([starts[0], *ends], name)
    if len(columns) == 2 and sum(counting) == 1:
        return list(columns[counting.index(False)])
    if len(columns) > 1 and any(counting):
        raise FileError(
            f"{name} has a column that counts {_shown(columns[counting.index(True)])}, so what the others "
            "are is not said; give it a head with nail, or from and to"
        )
    return _no_steps([number for row in rows for number in row], name, alone=True)


def _no_steps(numbers: list[int], name: str, *, alone: bool = False) -> list[int]:
    """The same numbers; FileError if they count steps. alone: or if every second one does."""
    for part in (numbers, numbers[::2], numbers[1::2]) if alone else (numbers,):
        if _counts(part):
            which = "numbers" if part is numbers else "every second number"
            raise FileError(
                f"{name}: {which} count {_shown(part)}, as steps do and a thread seldom; {FORMS}"
            )
    return numbers


def _counts(numbers: Sequence[int]) -> bool:
    return len(numbers) >= _COUNTING and all(b == a + 1 for a, b in itertools.pairwise(numbers))


def _shown(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:3]))}, …"


def _whole(cell: str, name: str) -> int:
    """A nail number, written as 12 or 12.0."""
    cell = cell.strip().strip('"')
    found = _CELL.fullmatch(cell)
    if not found:
        shown = cell if len(cell) <= 20 else f"{cell[:20]}…"
        raise FileError(f"{name} is no thread file: {shown!r} is not a nail number; {FORMS}")
    return int(found.group(1))


def _json_number(found: object, name: str) -> int:
    if (
        isinstance(found, int | float)
        and not isinstance(found, bool)
        and 0 <= found < 10**6
        and found % 1 == 0
    ):
        return int(found)
    raise FileError(f"{name} holds a list of something other than nail numbers; {FORMS}")


def _too_long(name: str, limit: int) -> FileError:
    return FileError(f"{name} holds more than {limit - 1} chords, the maximum of a thread")
