"""The part of JSON Schema that the API speaks: schemas of declared settings, and checking values by them.

One schema serves both the description of the API and the check of what comes in, so that the two agree.
Understood are type, enum, minimum, maximum, minLength, maxLength, minItems, maxItems, items, properties,
required and additionalProperties. Rules between settings are checked by the settings themselves. This
module knows nothing of HTTP.

Try it: python -c "from nitograph.studio.schema import *; print(check(3, {'type': 'integer'}))"
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

from nitograph.settings import Settings
from nitograph.studio.refusal import RefusedError

Schema = Mapping[str, Any]
TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}
MAX_TEXT = 200


def of_settings(
    kind: type[Settings],
    *,
    leave_out: Collection[str] = (),
    most: Mapping[str, float] | None = None,
) -> dict[str, Schema]:
    """One schema a setting, by name; `most` lowers upper bounds."""
    return {
        name: _of_setting(kind, name, (most or {}).get(name))
        for name in kind.names()
        if name not in leave_out
    }


def _of_setting(kind: type[Settings], name: str, most: float | None) -> Schema:
    declared, default = kind.declaration(name), kind.default(name)
    high = declared.high if most is None else min(most, declared.high or most)
    unit = f", {declared.unit}" if declared.unit else ""
    schema: dict[str, Any] = {"type": TYPES[kind.kind(name)], "description": f"{declared.help}{unit}"}
    if kind.kind(name) is str:
        schema["maxLength"] = MAX_TEXT
    if declared.choices:
        schema["enum"] = list(declared.choices)
    if declared.low is not None:
        schema["minimum"] = declared.low
    if high is not None:
        schema["maximum"] = high
    if default is not None and (most is None or default <= most):
        schema["default"] = default
    return schema


def an_object(properties: Mapping[str, Schema], required: Collection[str] = ()) -> dict[str, Any]:
    """The schema of an object that has these properties and no others."""
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def check(value: Any, schema: Schema, at: str = "the body") -> Any:
    """The value, if it fits the schema; RefusedError 422 that names the place where it does not."""
    kind = schema.get("type")
    if kind is not None and not _is(value, kind):
        raise _unfit(at, f"must be {_spoken(kind)}, got {_shown(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise _unfit(at, f"must be one of {', '.join(map(str, schema['enum']))}, got {_shown(value)}")
    if isinstance(value, str):
        _bounds(len(value), schema, ("minLength", "maxLength"), at, "characters")
    elif isinstance(value, list):
        _bounds(len(value), schema, ("minItems", "maxItems"), at, "items")
        if not _all_fit(value, schema.get("items", {})):
            for place, item in enumerate(value):
                check(item, schema.get("items", {}), f"{at}[{place}]")
    elif isinstance(value, dict):
        _check_object(value, schema, at)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _bounds(value, schema, ("minimum", "maximum"), at, "")
    return value


def _all_fit(values: list[Any], schema: Schema) -> bool:
    """Whether it is plain at once that all fit: the many whole numbers of a thread."""
    if schema.get("type") != "integer" or not values or not all(type(value) is int for value in values):
        return False
    return bool(schema.get("minimum", min(values)) <= min(values) <= max(values)) and bool(
        max(values) <= schema.get("maximum", max(values))
    )


def _check_object(value: Mapping[str, Any], schema: Schema, at: str) -> None:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise _unfit(at, f"lacks {name}")
    for name, item in value.items():
        if name in known:
            check(item, known[name], name if at == "the body" else f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            listed = f"; it has {', '.join(known)}" if known else ""
            raise _unfit(at, f"has no {_shown(name)}{listed}")


def from_text(text: str, schema: Schema, at: str) -> Any:
    """A value out of a query string, as its schema has it; RefusedError 422 if it cannot be one."""
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        raise _unfit(at, f"must be {_spoken(kind)}, got {_shown(text)}") from None
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _is(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "number"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return isinstance(value, int) or (
            math.isfinite(value) and (kind == "number" or value == int(value))
        )
    return isinstance(value, {"string": str, "array": list, "object": dict}[kind])


def _bounds(size: float, schema: Schema, names: tuple[str, str], at: str, unit: str) -> None:
    low, high = (schema.get(name) for name in names)
    if low is not None and size < low:
        raise _unfit(at, f"must have at least {low:g} {unit}" if unit else f"must be at least {low:g}")
    if high is not None and size > high:
        raise _unfit(at, f"must have at most {high:g} {unit}" if unit else f"must be at most {high:g}")


def _spoken(kind: str | None) -> str:
    names = {"integer": "a whole number", "number": "a finite number", "boolean": "true or false"}
    names |= {"string": "text", "array": "a list", "object": "an object", "null": "null"}
    return names.get(kind or "", str(kind))


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = f"{value:.6g}" if isinstance(value, float) else repr(value) if _is_short(value) else "a long one"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _is_short(value: Any) -> bool:
    return not isinstance(value, int) or value.bit_length() < 200


def _unfit(at: str, what: str) -> RefusedError:
    return RefusedError(422, "invalid", f"{at} {what}")
