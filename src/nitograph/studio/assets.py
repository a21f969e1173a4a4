"""The page's files, read once out of the package; nothing else is ever served by a name.

This module knows nothing of HTTP beyond media types.

Try it: python -c "from nitograph.studio.assets import *; print(*assets())"
"""

import functools
import hashlib
from importlib import resources
from typing import NamedTuple

FOLDER = "data/studio"
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(NamedTuple):
    """A file of the page; tag: changes with its content."""

    data: bytes
    media: str
    tag: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Every file of the page by name."""
    folder = resources.files("nitograph").joinpath(FOLDER)
    found = {}
    for file in folder.iterdir():
        ending = f".{file.name.rpartition('.')[2]}"
        if file.is_file() and ending in MEDIA:
            data = file.read_bytes()
            found[file.name] = Asset(data, MEDIA[ending], hashlib.sha256(data).hexdigest()[:16])
    return found
