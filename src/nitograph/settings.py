"""How a setting is declared: once, on a frozen dataclass, with its meaning, unit and range.

Flags, help texts, file metadata and documents all derive from that declaration. This module knows no
particular setting and nothing of the command line.

Try it: python -c "from nitograph.weave import WeaveSettings; print(WeaveSettings.describe('gamma'))"
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from nitograph.errors import SettingsError


@dataclass(frozen=True)
class Declaration:
    """What is declared of one setting beside its type and default."""

    help: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None


def setting(
    default: Any,
    help: str,
    *,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """A dataclass field that is a setting; `low` and `high` are inclusive bounds."""
    declared = Declaration(help, unit, low, high, tuple(choices) if choices else None)
    return dataclasses.field(default=default, metadata={"setting": declared})


class Settings:
    """Base of the frozen settings dataclasses: checked when made, never changed."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            declared = field.metadata.get("setting")
            if declared is not None:
                _check(field.name, getattr(self, field.name), declared, self.kind(field.name))
        self.check()

    def check(self) -> None:
        """Rules between settings; a subclass overrides it and raises SettingsError."""

    @classmethod
    def kind(cls, name: str) -> type:
        """The plain type of a setting: int, float, bool or str (None left aside)."""
        hint = typing.get_type_hints(cls)[name]
        if isinstance(hint, types.UnionType):
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        return typing.cast(type, hint)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all settings, in order of declaration."""
        return tuple(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]  # as above

    @classmethod
    def declaration(cls, name: str) -> Declaration:
        """The declaration of one setting."""
        return typing.cast(Declaration, cls._field(name).metadata["setting"])

    @classmethod
    def default(cls, name: str) -> Any:
        """The default of one setting."""
        return cls._field(name).default

    @classmethod
    def describe(cls, name: str) -> str:
        """One sentence of help: meaning, unit and default."""
        declared, default = cls.declaration(name), cls.default(name)
        unit = f", {declared.unit}" if declared.unit else ""
        shown = "" if default is None else f" (default {default})"
        return f"{declared.help}{unit}{shown}"

    @classmethod
    def _field(cls, name: str) -> "dataclasses.Field[Any]":
        return next(f for f in dataclasses.fields(cls) if f.name == name)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, ready for JSON."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The opposite of `to_dict`; unknown names are an error, missing ones take the default."""
        unknown = sorted(set(values) - set(cls.names()))
        if unknown:
            raise SettingsError(
                f"{cls.__name__} has no setting {unknown[0]!r}; it has {', '.join(cls.names())}"
            )
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """The same settings with some changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]  # as above


def _check(name: str, value: Any, declared: Declaration, kind: type) -> None:
    if value is None:
        return
    if kind in (int, float):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or (kind is int and value != int(value)):
            wanted = "a whole number" if kind is int else "a finite number"
            raise SettingsError(f"{name} must be {wanted}, got {value!r}")
        low, high = declared.low, declared.high
        if low is not None and value < low:
            raise SettingsError(f"{name} must be at least {low:g}, got {value:g}")
        if high is not None and value > high:
            raise SettingsError(f"{name} must be at most {high:g}, got {value:g}")
    elif not isinstance(value, kind):
        raise SettingsError(f"{name} must be of type {kind.__name__}, got {value!r}")
    if declared.choices is not None and value not in declared.choices:
        raise SettingsError(f"{name} must be one of {', '.join(declared.choices)}, got {value!r}")
