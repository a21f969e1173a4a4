"""Input from outside: one boundary for whatever a parser raises, and JSON within limits.

A parser of foreign bytes raises whatever it stumbles over, and no list of exceptions is ever complete:
`reading` turns all of it into one refusal. What the system refuses (memory, handles, threads) is no fault
of the file, passes the boundary and is named by `shortage`. `need` imports an optional package and keeps
the two apart as well. This module knows no format but JSON.

Try it: python -c "from nitograph.untrusted import parse_json; print(parse_json('[1, 2]', 'the text'))"
"""

import errno
import importlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nitograph.errors import FileError, NitographError

MAX_DEPTH = 64  # of nested lists and objects
MAX_CONTAINERS = 2**21  # lists and objects of one JSON text
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|([\[{])|[\]}]', re.DOTALL)

MEMORY, HANDLES, THREADS = "not enough memory", "too many open files", "no further thread can be started"
_NUMBERS = {errno.ENOMEM: MEMORY, errno.EMFILE: HANDLES, errno.ENFILE: HANDLES}
_SAID = (  # by loaders, allocators and libraries that pass on no number
    ("allocate memory", MEMORY), ("out of memory", MEMORY), ("failed to map segment", MEMORY),
    ("std::bad_alloc", MEMORY), ("too many open files", HANDLES), ("can't start new thread", THREADS),
)  # fmt: skip


@contextmanager
def reading(refusal: NitographError) -> Iterator[None]:
    """Inside the block foreign data is parsed; whatever the parser raises about it becomes `refusal`.

    Nitograph's own errors pass, and so does what is no fault of the data (`shortage`).
    """
    try:
        yield
    except NitographError:
        raise
    except Exception as error:
        if shortage(error):
            raise
        raise refusal from None


def shortage(error: BaseException | None) -> str | None:
    """What the system refused, if that is the reason of an error or of one that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError):
            return MEMORY
        if isinstance(error, OSError) and error.errno in _NUMBERS:
            return _NUMBERS[error.errno]
        if isinstance(error, OSError | RuntimeError | ImportError):
            said = str(error).lower()
            for words, what in _SAID:
                if words in said:
                    return what
        error = error.__cause__ or error.__context__
    return None


def need(module: str, missing: NitographError) -> Any:
    """An optional module, imported; `missing` if its package is not installed.

    An installed package that cannot be loaded is an error of `missing`'s kind with the reason, and what the
    system refused passes.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if shortage(error):
            raise
        if isinstance(error, ModuleNotFoundError) and error.name in (package, module):
            raise missing from None
        reason = " ".join(str(error).split())[:200]
        raise type(missing)(
            f"{package} is installed but cannot be loaded ({reason}); install it anew"
        ) from None


def parse_json(
    text: str,
    name: str,
    *,
    hint: str = "use another file",
    error: type[NitographError] = FileError,
    constants: bool = False,
) -> Any:
    """The value of JSON text; `error` if it is not JSON or exceeds the limits.

    name, hint: for the message, what was read and what to do. constants: whether NaN and Infinity, which
    are not JSON, are read as well, as Python writes them.
    """
    containers = text.count("[") + text.count("{")
    if containers > MAX_CONTAINERS:
        raise error(f"{name} holds more than {MAX_CONTAINERS} lists and objects; {hint}")
    if containers > MAX_DEPTH and _is_deep(text):
        raise error(f"{name} is nested more than {MAX_DEPTH} deep; {hint}")
    with reading(error(f"{name} is not JSON; {hint}")):
        return json.loads(text, parse_constant=None if constants else _refuse)


def is_small(value: Any, most: int) -> bool:
    """Whether JSON values have at most `most` items and characters in all, and are not nested too deep."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        inside: list[Any] = []
        for found in level:
            if isinstance(found, dict):
                parts: Any = [*found.values()] if count + len(found) <= most else ()
                count += len(found) + sum(len(key) for key in found if isinstance(key, str))
            elif isinstance(found, list | tuple):
                parts, count = found, count + len(found)
            else:
                parts, count = (), count + (len(found) if isinstance(found, str | bytes) else 1)
            if count > most:
                return False
            inside.extend(parts)
        if not inside:
            return True
        level = inside
    return False


def _is_deep(text: str) -> bool:
    """Whether JSON text is nested more than MAX_DEPTH deep; brackets inside strings do not count."""
    depth = 0
    for token in _TOKENS.finditer(text):
        if text[token.start()] != '"':
            depth += 1 if token.group(1) else -1
            if depth > MAX_DEPTH:
                return True
    return False


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
