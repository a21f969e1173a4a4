"""Results of a study: one line of JSON a run, so that a study goes on where it stopped."""

import argparse
import json
from pathlib import Path
from typing import Any


def arguments(title: str, runs: list[str], minutes: float) -> argparse.ArgumentParser:
    """The flags that every study has. --quick is for a test: tiny sizes, figures that mean nothing."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--minutes", type=float, default=minutes, help="processor time of a run")
    parser.add_argument("--only", nargs="*", default=runs, choices=runs, metavar="RUN", help="these runs")
    parser.add_argument("--output", type=Path, help="file of the results (default: runs/STUDY.jsonl)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run? No figure counts")
    return parser


def finished(path: Path, name: str) -> set[str]:
    """What the file holds already, by this field."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.loads(line)[name] for line in lines}


def keep(path: Path, found: dict[str, Any]) -> None:
    """Append a result, and print it."""
    line = json.dumps(found, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)
