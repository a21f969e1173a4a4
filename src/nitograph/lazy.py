"""Lazy public names: a package exports names of its modules and imports each on first use (PEP 562).

A package lists its public names (its face) once, as name → module:

    _FACE = {"draw": "neon", "Picture": "look"}
    __all__ = sorted(_FACE)
    if TYPE_CHECKING:
        from nitograph.drawing.look import Picture as Picture
        ...
    else:
        __getattr__, __dir__ = lazy(__name__, _FACE)

Type checkers read the imports and still find wrong names. A public name must not equal the name of a module
of the package, which would replace it once imported; a test checks that.

Try it: python -c "import nitograph.drawing, sys; print('numpy' in sys.modules, nitograph.drawing.Picture)"
"""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False  # importing `typing` and `collections` would slow down every package import
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy(package: str, face: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package that exports the names of `face`."""

    def find(name: str) -> object:
        if name not in face:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{face[name]}"), name)
        setattr(sys.modules[package], name, value)  # so that the next access does not come here
        return value

    return find, lambda: sorted({*vars(sys.modules[package]), *face})
