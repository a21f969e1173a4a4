"""Offline pages: a template, its values, and a content policy under which the page can fetch nothing.

A template is a file of the package's `data` folder with placeholders like @@TITLE@@, one <style> and at
most one inline <script>. @@POLICY@@ becomes a Content Security Policy that allows exactly these two, by
hash, and no other source (Content Security Policy Level 3, W3C, "hash sources"). Text in, text out; this
module knows nothing of what a page shows.

Try it: python -c "from nitograph.io.pages import inline; print(inline({'title': '</script>'}))"
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any


def page(template: str, values: Mapping[str, str], *, images: str = "") -> str:
    """The template with every placeholder replaced by its value, which is HTML.

    template: the file name in `data`. images: allowed sources of <img>, such as "blob: data:". A
    placeholder inside a value stays text. KeyError for a placeholder without a value.
    """
    text = resources.files("nitograph").joinpath("data", template).read_text("utf-8")
    style, script = (filled(_element(text, name), values) for name in ("style", "script"))
    attributes = re.findall(r'<[^<>]* style="([^"]*)"', text)
    return filled(text, {**values, "POLICY": policy(style, script, images, attributes)})


def table(name: str) -> dict[str, str]:
    """A table of texts from the package's `data` folder."""
    found: dict[str, str] = json.loads(
        resources.files("nitograph").joinpath("data", name).read_text("utf-8")
    )
    return found


def policy(style: str, script: str = "", images: str = "", style_attributes: Sequence[str] = ()) -> str:
    """The content policy of a page with this style, this script and these style="…" attributes.

    An empty script means that none may run.
    """
    styles = [_hash(style)]
    if style_attributes:
        styles += ["'unsafe-hashes'", *map(_hash, style_attributes)]
    parts = {
        "default-src": "'none'",
        "style-src": " ".join(styles),
        "script-src": _hash(script) if script else "",
        "img-src": images,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in parts.items() if sources)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Each placeholder replaced in one pass, so that values are never searched for placeholders."""
    pieces = text.split("@@")
    return "".join(values[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def inline(value: Any) -> str:
    """JSON for inside a script element: it cannot open or close a tag or comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _element(text: str, name: str) -> str:
    """The content of the template's <style> or <script>; a script with attributes is data and not meant."""
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
