"""Flags made from settings: one declaration on the dataclass gives the flag, its type, help and default.

This module knows no particular setting.

Try it: python -m nitograph weave --help
"""

import argparse
from collections.abc import Collection
from typing import Any, TypeVar

from nitograph.settings import Settings

S = TypeVar("S", bound=Settings)


def add_settings(
    parser: argparse.ArgumentParser,
    settings: type[Settings],
    *,
    title: str | None = None,
    leave_out: Collection[str] = (),
    defaults: dict[str, Any] | None = None,
) -> None:
    """Add one flag for each setting: `min_nail_gap` becomes `--min-nail-gap`.

    A flag not given stays None in the namespace, so that presets and stored settings can supply it.
    A bool becomes `--name / --no-name`. `defaults` only changes what the help says.
    """
    target = parser.add_argument_group(title) if title else parser
    for name in settings.names():
        if name in leave_out:
            continue
        declared, kind = settings.declaration(name), settings.kind(name)
        flag = "--" + name.replace("_", "-")
        default = (defaults or {}).get(name, settings.default(name))
        unit = f", {declared.unit}" if declared.unit else ""
        shown = "" if default in (None, "") else f" (default {_show(default)})"
        text = f"{declared.help}{unit}{shown}".replace("%", "%%")
        if kind is bool:
            target.add_argument(
                flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text
            )
            continue
        metavar = None if declared.choices else {int: "N", float: "X"}.get(kind, "TEXT")
        read = millimetres if declared.unit == "mm" and kind is float else kind
        target.add_argument(
            flag, dest=name, type=read, default=None, help=text, metavar=metavar, choices=declared.choices
        )


LENGTHS = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}


def millimetres(text: str) -> float:
    """A length as 600, 600mm, 60cm, 0.6m or 24in, in mm; ValueError otherwise, for argparse to say."""
    word = text.strip().lower()
    unit = next((unit for unit in ("mm", "cm", "in", "m") if word.endswith(unit)), "")
    return float(word.removesuffix(unit)) * LENGTHS.get(unit, 1.0)


def given_settings(args: argparse.Namespace, settings: type[Settings]) -> dict[str, Any]:
    """The settings that were given as flags, by name."""
    values = {name: getattr(args, name, None) for name in settings.names()}
    return {name: value for name, value in values.items() if value is not None}


def read_settings(args: argparse.Namespace, settings: type[S], base: S | None = None) -> S:
    """The settings of a parsed command line, over `base` or the defaults; SettingsError if invalid."""
    given = given_settings(args, settings)
    return base.replace(**given) if base is not None else settings(**given)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
