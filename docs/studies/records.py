"""Results of a study: one line of JSON a run, so that a study goes on where it stopped."""

import json
from pathlib import Path
from typing import Any


def finished(path: Path, name: str) -> set[str]:
    """What the file holds already, by this field."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.loads(line)[name] for line in lines}


def keep(path: Path, found: dict[str, Any]) -> None:
    """Append a result, and print it."""
    line = json.dumps(found, ensure_ascii=False)
    with path.open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)
