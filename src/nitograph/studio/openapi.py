"""The description of the API as OpenAPI 3.1, and the page that shows it. This module answers nothing.

Try it: python -c "from nitograph.studio.openapi import *; print(*document()['paths'])"
"""

import html
import json
from typing import Any

from nitograph import __version__
from nitograph.io.pages import filled
from nitograph.studio.assets import assets
from nitograph.studio.files import kinds
from nitograph.studio.operations import FAULT, JSON, OPERATIONS, PICTURE_TYPES, STATUSES, Operation
from nitograph.studio.schema import Schema

PATH_PARAMETERS: dict[str, Schema] = {
    "format": {"type": "string", "enum": list(kinds())},
    "weaving": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}


def document() -> dict[str, Any]:
    """The whole description, JSON values."""
    paths: dict[str, Any] = {}
    for made in OPERATIONS.values():
        paths.setdefault(made.full_path, {})[made.method.lower()] = _described(made)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nitograph studio",
            "version": __version__,
            "description": "Threads invented, drawn, woven, exported. An error is one line with a code.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": dict(FAULT)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(made: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": made.name, "summary": made.summary}
    names = [part[1:-1] for part in made.path.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]} for name in names
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in made.query.items()
    ]
    if parameters:
        found["parameters"] = parameters
    if made.body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": made.body}}}
    elif made.raw:
        content = {media: {"schema": FILE} for media in PICTURE_TYPES}
        found["requestBody"] = {"required": True, "content": content}
    good: dict[str, Any] = {"description": made.summary}
    if made.answers:
        good["content"] = {media: {"schema": schema} for media, schema in made.answers.items()}
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {
        str(status): {"description": STATUSES[status], "content": error} for status in made.refusals
    }
    return found | {"responses": {str(made.status): good} | refusals}


def page() -> str:
    """The description as a page for people; it needs no script."""
    codes = "".join(
        f"<tr><td>{code}</td><td>{html.escape(text)}</td></tr>" for code, text in STATUSES.items()
    )
    values = {
        "VERSION": html.escape(__version__),
        "SECTIONS": "".join(map(_section, OPERATIONS.values())),
        "CODES": codes,
    }
    return filled(assets()["docs.html"].data.decode(), values)


def _section(made: Operation) -> str:
    rows = ""
    properties = made.query or (made.body or {}).get("properties", {})
    required = (made.body or {}).get("required", ())
    for name, schema in properties.items():
        inner = schema.get("properties")
        text = schema.get("description", "")
        if inner:
            listed = ", ".join(f"<code>{html.escape(each)}</code>" for each in inner)
            text = f"{html.escape(text)} {listed}"
        else:
            text = html.escape(f"{text} {_bounds(schema)}".strip())
        mark = " (required)" if name in required else ""
        rows += f"<tr><td><code>{html.escape(name)}</code>{mark}</td><td>{text}</td></tr>"
    table = (
        f"<table><thead><tr><th>Name</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    answers = ", ".join(made.answers) or "nothing"
    title = f"{made.method} {made.full_path}"
    kind = "<p>The body is the picture's file.</p>" if made.raw else ""
    return (
        f"<section><h2><code>{html.escape(title)}</code></h2><p>{html.escape(made.summary)}. "
        f"Answers {made.status}: {html.escape(answers)}.</p>{kind}{table}</section>"
    )


def _bounds(schema: Schema) -> str:
    parts = []
    if "enum" in schema:
        parts.append(f"one of {', '.join(map(str, schema['enum']))}")
    if "minimum" in schema or "maximum" in schema:
        parts.append(f"from {schema.get('minimum', '−∞')} to {schema.get('maximum', '∞')}")
    if "default" in schema:
        parts.append(f"default {json.dumps(schema['default'])}")
    return f"({'; '.join(parts)})" if parts else ""
