"""How loops are compiled, declared once: what Python calls, its parts, and sums that may be reordered.

All release the interpreter. What Python calls fills arrays that it is given and returns numbers at most:
to return an array, Numba calls Python code, where a Ctrl-C that came meanwhile is raised, and goes on with
what was not returned; the process dies. What was compiled is kept on disk under one stamp of all sources
that go into it: Numba itself looks at a function's own file, not at those of its parts. A cache that cannot
be read or written costs time and nothing else. Numba is a heavy import: only modules of kernels load this.

Try it: python -c "from nitograph.compute.jit import inner; print(inner)"
"""

import contextlib
import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

import nitograph

Options = dict[str, Any]
Loop = TypeVar("Loop", bound=Callable[..., Any])


class Compiler(Protocol):
    """Numba has no types: to a type checker what is compiled stays the function that it was."""

    def __call__(self, function: Loop, /) -> Loop:
        """The function compiled, for each set of types with which it is called."""


# Sums may be reordered and fused, but NaN and infinity keep their meaning.
LOOSE = ("contract", "reassoc", "nsz", "arcp", "afn")

_any: Options = {"nogil": True, "error_model": "numpy"}
_part: Options = _any | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@functools.cache
def stamp(folder: Path) -> str:
    """A digest of the sources in a package's folder that compile something, and of what these import."""
    texts = {path: path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    of_module = {".".join(path.relative_to(folder).with_suffix("").parts): path for path in texts}
    marks = (__name__.encode(), b"numba")
    chosen = {path for path, text in texts.items() if any(mark in text for mark in marks)}
    for text in [texts[path] for path in chosen]:
        for base, names in re.findall(r"from nitograph\.?([\w.]*) import (\([^)]*\)|.*)", text.decode()):
            listed = {base, *(f"{base}.{name}".strip(".") for name in re.findall(r"\w+", names))}
            chosen |= {of_module[name] for name in listed & of_module.keys()}
    digest = hashlib.sha256()
    for path in sorted(chosen):
        digest.update(hashlib.sha256(texts[path]).digest())
    return digest.hexdigest()


class _Cache(FunctionCache):  # type: ignore[misc]  # Numba has no types
    """Numba's cache of one function, by our stamp; what goes wrong with its files is as if there were none.

    There is one index a function, so that what an older stamp left is written over.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        sources = stamp(Path(nitograph.__file__).parent)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for these types, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a file that was cut short fails in many ways
            with contextlib.suppress(Exception):
                self.flush()  # or the index would stay as it is
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if the disk allows."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def _kept(**options: Any) -> Compiler:
    """A compiler whose results are kept on disk, where there is a folder for them."""

    def compiler(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        with contextlib.suppress(RuntimeError, OSError):  # no folder can be written
            compiled._cache = _Cache(function)
        return compiled

    return compiler


jit: Compiler = _kept(**_any)
loose_jit: Compiler = _kept(**_any, fastmath=set(LOOSE))
inner: Compiler = numba.njit(**_part)
loose_inner: Compiler = numba.njit(**_part, fastmath=set(LOOSE))
# Handing arrays to a compiled function costs more than a short one does: those are put in place.
tiny: Compiler = numba.njit(**_part, forceinline=True)
