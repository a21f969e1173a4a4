"""How loops are compiled, declared once: what Python calls, its parts, and sums that may be reordered.

All release the interpreter. What Python calls fills arrays that it is given and returns numbers at most:
to return an array, Numba calls Python code, where a Ctrl-C that came meanwhile is raised, and goes on with
what was not returned; the process dies. Numba is a heavy import: only modules of kernels import this one.

Try it: python -c "from nitograph.compute.jit import inner; print(inner)"
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numba

Options = dict[str, Any]
Loop = TypeVar("Loop", bound=Callable[..., Any])


class Compiler(Protocol):
    """Numba has no types: to a type checker what is compiled stays the function that it was."""

    def __call__(self, function: Loop, /) -> Loop:
        """The function compiled, for each set of types with which it is called."""


# Sums may be reordered and fused, but NaN and infinity keep their meaning.
LOOSE = ("contract", "reassoc", "nsz", "arcp", "afn")

_any: Options = {"nogil": True, "error_model": "numpy"}
_entry: Options = _any | {"cache": True}
_part: Options = _any | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

jit: Compiler = numba.njit(**_entry)
loose_jit: Compiler = numba.njit(**_entry, fastmath=set(LOOSE))
inner: Compiler = numba.njit(**_part)
loose_inner: Compiler = numba.njit(**_part, fastmath=set(LOOSE))
# Handing arrays to a compiled function costs more than a short one does: those are put in place.
tiny: Compiler = numba.njit(**_part, forceinline=True)
