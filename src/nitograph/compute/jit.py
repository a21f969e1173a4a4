"""How loops are compiled, declared in one place: functions for Python to call, and functions inside them.

All of them release the GIL. A function that Python calls writes into the arrays it is given and returns
numbers at most. To return an array, Numba would call Python code; a pending Ctrl-C would be raised there,
Numba would go on with a value that is missing, and the process would crash. Compiled code is cached on disk
under one stamp, a digest of all sources that go into it: Numba itself checks a function's own file, not the
files of the functions that it calls. Code from the cache is the code that was compiled, down to the inner
functions that it calls. A cache that cannot be read or written costs time and nothing else; with a Numba
whose inner parts are others, its own cache is used. Signals wait while LLVM makes or loads machine code,
because it calls back into Python: an exception that a signal's handler raised there would be dropped, and
the function left without code. Numba does not look whether SciPy is there, which takes long. It is slow to
import itself, so only modules of compiled loops import this one; it knows no particular loop.

Try it: python -c "from nitograph.compute.jit import inner; print(inner)"
"""

import contextlib
import functools
import hashlib
import importlib
import re
import signal
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numba

import nitograph

try:  # inner parts of Numba, which another version may not have
    from numba.core.caching import FunctionCache, IndexDataCacheFile
except ImportError:
    FunctionCache, IndexDataCacheFile = object, None
try:
    from numba.core.codegen import CPUCodeLibrary
except ImportError:
    CPUCodeLibrary = None
try:
    from numba.core.cpu import CPUContext
except ImportError:
    CPUContext = None

Options = dict[str, Any]
Loop = TypeVar("Loop", bound=Callable[..., Any])


class Compiler(Protocol):
    """Numba has no type annotations: to a type checker, a compiled function keeps the type it had."""

    def __call__(self, function: Loop, /) -> Loop:
        """The function compiled, for each set of types with which it is called."""


# Sums may be reordered and fused, but NaN and infinity keep their meaning.
LOOSE = ("contract", "reassoc", "nsz", "arcp", "afn")

# Said of every function: one of which nothing is said takes over what is allowed to the sums of its caller.
_any: Options = {"nogil": True, "error_model": "numpy", "fastmath": False}
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


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Signals with a handler in Python are held until the end of the block, and handled there.

    Python handles signals in its main thread only, so in others nothing is to be held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    replaced = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, lambda caught, _: held.append(caught))
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        for caught in held:
            signal.raise_signal(caught)


def _keep_parts(library: Any) -> None:
    """Make the copies of inner functions in a module its own; what is linked elsewhere stays as it was.

    Numba leaves them weak: a process that has compiled an inner function by itself, too, would call that
    code, and one that loads the module from the cache its copy, which was optimized with its caller. Sums
    that may be reordered then differ in their last bits.
    """
    module = library._final_module
    defined = [function for function in module.functions if not function.is_declaration]
    copies = [function for function in defined if function.linkage.name == "linkonce_odr"]
    if not copies or not hasattr(library, "_shared_module"):
        return
    if library._shared_module is None:  # as Numba makes it, later and from this module
        library._shared_module = module.clone()
        for function in defined:
            if function.linkage.name == "external":
                library._shared_module.get_function(function.name).linkage = "linkonce_odr"
    for function in copies:
        function.linkage = "internal"


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of Numba that has LLVM make or load the code of a library, with signals held."""

    @functools.wraps(function)
    def holding(library: Any) -> Any:
        _keep_parts(library)
        with signals_held():
            return function(library)

    return holding


if hasattr(CPUCodeLibrary, "_finalize_final_module"):
    CPUCodeLibrary._finalize_final_module = _whole(CPUCodeLibrary._finalize_final_module)


def _without_blas(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of Numba that loads what its compiler knows, without a look for SciPy's BLAS.

    For that look alone it would import SciPy's linear algebra, a tenth of the start of a command that runs
    compiled code; a function that does call BLAS has it looked for when it is compiled.
    """

    @functools.wraps(function)
    def loading(context: Any) -> Any:
        linalg: Any = importlib.import_module("numba.np.linalg")
        look = linalg.ensure_blas
        linalg.ensure_blas = lambda: None
        try:
            return function(context)
        finally:
            linalg.ensure_blas = look

    return loading


if hasattr(CPUContext, "load_additional_registries") and find_spec("numba.np.linalg"):
    CPUContext.load_additional_registries = _without_blas(CPUContext.load_additional_registries)


class _Cache(FunctionCache):  # type: ignore[misc]  # Numba has no types
    """Numba's cache of one function, under our stamp; a fault in its files counts as a cache miss.

    Each function has one index file, so entries with an older stamp are overwritten.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        sources = stamp(Path(nitograph.__file__).parent)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for these types, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a truncated file raises many kinds of error
            with contextlib.suppress(Exception):
                self.flush()  # otherwise the damaged index would stay
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled function to the cache, if the disk allows."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)


def _cached(**options: Any) -> Compiler:
    """A compiler whose results are cached on disk, if there is a folder that can be written."""

    def compiler(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        with contextlib.suppress(RuntimeError, OSError):  # no folder is writable
            try:
                compiled._cache = _Cache(function)
            except (AttributeError, TypeError):  # the inner parts are others
                compiled.enable_caching()
        return compiled

    return compiler


jit: Compiler = _cached(**_any)
loose_jit: Compiler = _cached(**_any | {"fastmath": set(LOOSE)})
inner: Compiler = numba.njit(**_part)
loose_inner: Compiler = numba.njit(**_part | {"fastmath": set(LOOSE)})
# Passing arrays to a short function costs more than the function itself, so these are always inlined.
tiny: Compiler = numba.njit(**_part, forceinline=True)
