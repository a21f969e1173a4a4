"""How a setting is declared: once, on a frozen dataclass, with its meaning, unit and range.

Flags, help texts and file metadata all derive from that declaration. This module knows no particular
setting and nothing of the command line.

Try it: python -c "from nitograph.weaving.settings import WeaveSettings; print(WeaveSettings())"
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeGuard

from nitograph.errors import SettingsError

LARGEST = 2**200  # beyond every setting, and safely a float


@dataclass(frozen=True)
class Declaration:
    """The declaration of one setting, besides its type and default."""

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
    """Base of the frozen settings dataclasses; values are checked when made."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            declared = field.metadata.get("setting")
            if declared is not None:
                value = getattr(self, field.name)
                if value is None and self.optional(field.name):
                    continue
                kind = self.kind(field.name)
                _check(field.name, value, declared, kind)
                object.__setattr__(self, field.name, kind(value))  # 2.0 for a whole number becomes 2
        self.check()

    def check(self) -> None:
        """Rules between settings; a subclass overrides it and raises SettingsError."""

    def idle(self) -> Mapping[str, str]:
        """Settings that do nothing beside the others as they are, by name, with the reason."""
        return {}

    @classmethod
    def kind(cls, name: str) -> type:
        """The plain type of a setting, without None: int, float, bool or str."""
        hint = _hints(typing.cast(Hashable, cls))[name]
        if isinstance(hint, types.UnionType):
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        return typing.cast(type, hint)

    @classmethod
    def optional(cls, name: str) -> bool:
        """Whether a setting may be None."""
        return type(None) in typing.get_args(_hints(typing.cast(Hashable, cls))[name])

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
        shown = "" if default in (None, "") else f" (default {default})"
        return f"{declared.help}{unit}{shown}"

    @classmethod
    def _field(cls, name: str) -> "dataclasses.Field[Any]":
        return next(f for f in dataclasses.fields(cls) if f.name == name)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name, ready for JSON."""
        return {name: getattr(self, name) for name in self.names()}

    def given(self) -> dict[str, Any]:
        """The same without those that are None: left to others to fill in."""
        return {name: value for name, value in self.to_dict().items() if value is not None}

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


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """The types of all fields; cached per class, since settings are made thousands of times."""
    return typing.get_type_hints(cls)


def _check(name: str, value: Any, declared: Declaration, kind: type) -> None:
    if kind in (int, float):
        if not _is_number(value) or (kind is int and value != int(value)):
            wanted = "a whole number" if kind is int else "a finite number"
            raise SettingsError(f"{name} must be {wanted}, got {_short(value)}")
        low, high = declared.low, declared.high
        if low is not None and value < low:
            raise SettingsError(f"{name} must be at least {_plain(low)}, got {_plain(value)}")
        if high is not None and value > high:
            raise SettingsError(f"{name} must be at most {_plain(high)}, got {_plain(value)}")
    elif not isinstance(value, kind):
        raise SettingsError(f"{name} must be of type {kind.__name__}, got {_short(value)}")
    if declared.choices is not None and value not in declared.choices:
        raise SettingsError(f"{name} must be one of {', '.join(declared.choices)}, got {_short(value)}")


def _is_number(value: object) -> bool:
    """Whether it is a finite number, not a bool, and not too large for a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < LARGEST


def _plain(number: float) -> str:
    """A number as a person would write it: 5000 for 5000.0, never rounded."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def _short(value: object) -> str:
    """A value for a message, in at most 60 characters; huge numbers are described, not printed."""
    shown = f"{type(value).__name__} of {value.bit_length()} bits" if _is_huge(value) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _is_huge(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and abs(value) >= LARGEST
