"""A text → the classes that write it: one name, the signs of a word, spaces, rows, and names in braces.

    7                one class
    2026             a word: a class for each sign
    "Hello 2026"     a space is an empty place, a line break begins a row
    "I {heart} U"    a name of several letters within a text

A sign may be of several code points: a letter with accents, an emoji of several parts. This module invents
nothing.

Try it: python -c "from nitograph.api.words import spelled; print(spelled('2 0', tuple('0123456789')))"
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nitograph.errors import SourceError
from nitograph.model.vocab import check_known
from nitograph.thread import MAX_PLACES, Thread

JOINER, SELECTORS = "\u200d", "\ufe0e\ufe0f"


@dataclass(frozen=True)
class Text:
    """names: the class of each board, in order of reading. places: row and column of each, None for a word
    without spaces and rows, which any layout suits."""

    names: tuple[str, ...]
    places: tuple[tuple[int, int], ...] | None = None

    def placed(self, threads: Sequence[Thread]) -> list[Thread]:
        """The threads of these names, which know their places."""
        if self.places is None:
            return list(threads)
        return [
            thread.replace(provenance={**thread.provenance, "place": list(place)})
            for thread, place in zip(threads, self.places, strict=True)
        ]


def spelled(text: str, classes: Sequence[str]) -> Text:
    """The classes that a text asks for; SourceError with all signs that are no class, and what is known.

    A text that is a class's name means that class, whatever it looks like.
    """
    found = _read(text, classes)
    if not found.names:
        raise SourceError("there is nothing to write in a text of spaces; give a class or a word")
    check_known(found.names, classes)
    return found


def names_of(text: str, classes: Sequence[str]) -> tuple[str, ...]:
    """The names that a text asks for, classes or not."""
    return _read(text, classes).names


def _read(text: str, classes: Sequence[str]) -> Text:
    whole = class_named(text, classes)
    if whole is not None or not text:
        return Text((whole or text,))
    names: list[str] = []
    places: list[tuple[int, int]] = []
    row = column = 0
    for sign in _pieces(text, classes):
        if sign == "\n":
            row, column = row + 1, 0
            continue
        if not sign.isspace():
            names.append(class_named(sign, classes) or sign)
            places.append((row, column))
        column += 1
        if row >= MAX_PLACES or column > MAX_PLACES:
            raise SourceError(
                f"a text has at most {MAX_PLACES} rows of {MAX_PLACES} signs; write less at once"
            )
    plain = places == [(0, column) for column in range(len(places))]
    return Text(tuple(names), None if plain else tuple(places))


def class_named(name: str, classes: Sequence[str]) -> str | None:
    """The class of that name, however its accents are composed and with or without a mark for emoji."""
    bare = name.rstrip(SELECTORS)
    for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        if form in classes:
            return form
    return next((known for known in classes if bare and known.rstrip(SELECTORS) == bare), None)


def _pieces(text: str, classes: Sequence[str]) -> Iterator[str]:
    """Names in braces, signs, and line breaks as one line feed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    while at < len(text):
        close = text.find("}", at + 1) if text[at] == "{" else -1
        name = text[at + 1 : close]
        if close > at + 1 and (class_named(name, classes) or "{" not in classes):
            yield name
            at = close + 1
            continue
        end = at + 1
        while end < len(text) and _belongs(text, at, end):
            end += 1
        yield text[at:end]
        at = end


def _belongs(text: str, first: int, at: int) -> bool:
    """Whether a code point belongs to the sign that began at `first`.

    Combining marks, what joiners join, skin tones, tags of flags, the second letter of a flag.
    """
    sign, before = text[at], text[at - 1]
    if before.isspace():
        return False
    if unicodedata.category(sign) in ("Mn", "Mc", "Me") or JOINER in (sign, before):
        return True
    flags = at == first + 1 and all("\U0001f1e6" <= part <= "\U0001f1ff" for part in (sign, before))
    return flags or "\U0001f3fb" <= sign <= "\U0001f3ff" or "\U000e0020" <= sign <= "\U000e007f"
