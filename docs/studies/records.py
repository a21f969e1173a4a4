"""Results of a study: one line of JSON per run, so that an interrupted study can continue."""

import argparse
import json
from pathlib import Path
from typing import Any


def arguments(title: str, runs: list[str], minutes: float) -> argparse.ArgumentParser:
    """The flags of every study. --quick is for tests: tiny sizes, meaningless figures."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--minutes", type=float, default=minutes, help="processor time per run")
    parser.add_argument(
        "--only", nargs="*", default=runs, choices=runs, metavar="RUN", help="runs to do (default all)"
    )
    parser.add_argument("--output", type=Path, help="file of the results (default: runs/STUDY.jsonl)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to test that it runs; the figures mean nothing"
    )
    return parser


def finished(path: Path, name: str) -> set[str]:
    """The values of field `name` in the results so far."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.loads(line)[name] for line in lines}


def keep(path: Path, found: dict[str, Any]) -> None:
    """Append a result, and print it."""
    line = json.dumps(found, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line + "\n")
    print(line, flush=True)
