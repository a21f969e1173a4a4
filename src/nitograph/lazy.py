"""Lazy faces: a package offers names of its modules, and imports each when it is first used (PEP 562).

A package states its face once, as name → module:

    _FACE = {"draw": "neon", "Picture": "look"}
    __all__ = sorted(_FACE)
    if TYPE_CHECKING:
        from nitograph.drawing.look import Picture as Picture
        ...
    else:
        __getattr__, __dir__ = lazy(__name__, _FACE)

Type checkers read the imports, and so still find a name that is wrong. A name of the face must not be that
of a module beside it, which would take its place once it is imported; a test sees to that.

Try it: python -c "import nitograph.drawing, sys; print('numpy' in sys.modules, nitograph.drawing.Picture)"
"""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy(package: str, face: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names come from these modules of it."""

    def find(name: str) -> object:
        if name not in face:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{face[name]}"), name)
        setattr(sys.modules[package], name, value)  # found at once from now on
        return value

    return find, lambda: sorted({*vars(sys.modules[package]), *face})
