"""Plugins: palettes, formats and sources of other packages, found by their entry points.

Entry points are listed only for a name that is not built in, or to list all names, since that reads the
metadata of every installed package. This module does not know what a plugin must be; its callers do.
Source: "Entry points specification", Python Packaging User Guide.

Try it: python -c "from nitograph.io.plugins import names; print(names('nitograph.palettes'))"
"""

from typing import TypeVar

from nitograph.errors import SettingsError

T = TypeVar("T")

PALETTES, FORMATS, SOURCES = "nitograph.palettes", "nitograph.formats", "nitograph.sources"


def names(group: str) -> list[str]:
    """The names that installed packages add to a group, sorted; nothing is loaded."""
    from importlib.metadata import entry_points  # imported here, as it takes 20 ms

    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str, kind: type[T] | tuple[type[T], ...]) -> T | None:
    """The plugin of that name, or None if there is none.

    If several packages add the same name, the alphabetically first package wins. SettingsError, with the
    package and the reason, if it cannot be loaded or is not of that kind.
    """
    from importlib.metadata import entry_points

    found = list(entry_points(group=group, name=name))
    if not found:
        return None
    point = min(found, key=lambda point: point.dist.name if point.dist else "")
    package = point.dist.name if point.dist else "an unknown package"
    try:
        value = point.load()
    except Exception as error:  # another package's code may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SettingsError(
            f"{name!r} of {package} cannot be loaded ({reason[:200]}); update or remove that package"
        ) from None
    if not isinstance(value, kind):
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise SettingsError(
            f"{name!r} of {package} must be a {wanted}, got {type(value).__name__}; "
            "update or remove that package"
        )
    return value
