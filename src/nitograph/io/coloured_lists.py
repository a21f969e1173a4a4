"""Lists of several threads on one board: how they say where each colour begins, and are taken apart.

A bare list has a comment line before each thread; a table has columns for the thread's number, the name of
its colour, and its value. This module reads no nails.

Try it: python -c "from nitograph.io.coloured_lists import *;
print(sections('# colour 1 of 2: #ff0000 red\\n0 9 99\\n# colour 2 of 2: #0000ff blue\\n1 8', 'a list'))"
"""

import csv
import io
import re

from nitograph.colours.layers import HEX, LONGEST, MOST, Colour
from nitograph.errors import FileError

COLOURS_MARK = "nitograph-list/3"
"""The start of the statement of a list of several threads."""

COLOUR_COLUMNS = "step,block,nail,turn,out_before,in_after,chord_mm,metres,thread,colour,hex,note"
"""The header row of such a list as a table."""

_LINE = re.compile(r'[#" ]*colour (\d{1,2}) of (\d{1,2}): (#[0-9a-fA-F]{6}) (.{1,80}?)["\s]*')


def colour_line(number: int, count: int, colour: Colour) -> str:
    """The line before a thread of a bare list, without its `#`."""
    return f"colour {number} of {count}: {colour.hex} {colour.name}"


def sections(text: str, name: str) -> list[tuple[Colour, list[str]]]:
    """Each thread's colour and the lines of its nails; FileError where that is not stated."""
    found = _of_table(text, name) if text.startswith("step") else _of_lines(text, name)
    if not 1 < len(found) <= MOST:
        raise FileError(
            f"{name}: a list of several threads states 2 to {MOST} colours, got {len(found)}; export it "
            "again"
        )
    return found


def _of_lines(text: str, name: str) -> list[tuple[Colour, list[str]]]:
    found: list[tuple[Colour, list[str]]] = []
    count = 0
    for line in io.StringIO(text, newline=None):
        if line.startswith(("#", '"#')):
            said = _LINE.fullmatch(line)
            if said and int(said[1]) == len(found) + 1:
                found.append((Colour(said[4], said[3].lower()), []))
                count = int(said[2])
            elif said or line.lstrip('#" ').startswith("colour "):
                raise FileError(f"{name}: the line of a colour is damaged: {line.strip()[:60]!r}")
        elif found and line.strip():
            found[-1][1].append(line)
    if len(found) != count:
        raise FileError(f"{name} states {count} colours, got {len(found)} of them; export it again")
    return found


def _of_table(text: str, name: str) -> list[tuple[Colour, list[str]]]:
    head = text.partition("\n")[0]
    sign = next((sign for sign in "\t;," if sign in head), ",")
    found: dict[str, tuple[Colour, list[str]]] = {}
    for row in csv.DictReader(io.StringIO(text, newline=None), delimiter=sign):
        thread, colour, value = (row.get(key) or "" for key in ("thread", "colour", "hex"))
        good = HEX.fullmatch(value.lower()) and 0 < len(colour) <= LONGEST and colour.isprintable()
        if not thread or not good:
            raise FileError(
                f"{name}: each row names its thread, its colour and its hex value; export it again"
            )
        found.setdefault(thread, (Colour(colour, value.lower()), ["nail\n"]))[1].append(
            f"{row.get('nail')}\n"
        )
    return list(found.values())
