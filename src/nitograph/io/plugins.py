"""What other packages add: palettes, formats and sources found by their entry points.

Entry points are listed only where a name is not known, or where all names are wanted, since that reads the
metadata of every installed package. This module does not know what an addition must be; who asks does.
Source: "Entry points specification", Python Packaging User Guide.

Try it: python -c "from nitograph.io.plugins import names; print(names('nitograph.palettes'))"
"""

from typing import TypeVar

from nitograph.errors import SettingsError

T = TypeVar("T")

PALETTES, FORMATS, SOURCES = "nitograph.palettes", "nitograph.formats", "nitograph.sources"


def names(group: str) -> list[str]:
    """What the installed packages add to a group, in order of the alphabet; nothing of it is loaded."""
    from importlib.metadata import entry_points  # 20 ms that only additions pay for

    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str, kind: type[T] | tuple[type[T], ...]) -> T | None:
    """The addition of that name, or None where there is none.

    Of several packages that add one name the first by its own name is taken. SettingsError where it
    cannot be loaded or is not of that kind, with the package's name and what it said.
    """
    from importlib.metadata import entry_points

    found = list(entry_points(group=group, name=name))
    if not found:
        return None
    point = min(found, key=lambda point: point.dist.name if point.dist else "")
    package = point.dist.name if point.dist else "an unknown package"
    try:
        value = point.load()
    except Exception as error:  # whatever another package's code may raise
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
