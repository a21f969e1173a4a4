"""The files of a run, and which run owns them: two checkpoints, published weights and a log.

All of them carry the run's name. Files of another run are never overwritten: a new run renames them, a
resumed run refuses them. This module knows nothing of training.

Try it: python -c "from nitograph.training.runs import RunFiles; print(RunFiles('a.pt', 'a_last.pt').log)"
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nitograph.errors import FileError, NitographError, SettingsError
from nitograph.io.files import check_writable, read_text, same_file, write_text
from nitograph.model.weights import load
from nitograph.training.checkpoints import read_checkpoint
from nitograph.untrusted import parse_json

BESIDE = (".safetensors", ".jsonl")  # of the files beside the best checkpoint, under its name


class RunFiles:
    """Where a run keeps its best and its last checkpoint, its weights and its log.

    SettingsError or FileError if these paths cannot be used.
    """

    def __init__(self, best: str | Path, last: str | Path) -> None:
        self.best, self.last = check_writable(best), check_writable(last)
        if same_file(best, last):
            raise SettingsError(
                f"the best and the last checkpoint must be different files, got {best} for both; rename one"
            )
        for path in (self.best, self.last):
            if path.suffix in (*BESIDE, ".npz"):
                raise SettingsError(
                    f"a checkpoint must not end with {path.suffix}, got {path}; name it .pt: weights "
                    "and log go beside it under its name"
                )
        self.weights, self.log = (check_writable(self.best.with_suffix(end)) for end in BESIDE)

    @property
    def all(self) -> tuple[Path, ...]:
        """The four paths."""
        return self.best, self.last, self.weights, self.log

    def set_aside(self) -> list[tuple[Path, Path]]:
        """Rename files of earlier runs after their runs; returns the old and new paths.

        A link stays; its target is renamed, and the new file will take the target's path.
        """
        owners = {path.resolve(): owner(path) for path in self.all if path.exists()}
        for attempt in itertools.count():
            moved = [(path, _aside(path, name, attempt)) for path, name in owners.items()]
            if not any(aside.exists() for _, aside in moved):
                break
        for path, aside in moved:
            path.rename(aside)
        return moved

    def check_resumed(self) -> None:
        """FileError where the last checkpoint is missing, or where a file here is of another run."""
        if not self.last.exists():
            raise FileError(f"nothing to resume: there is no {self.last}; start a new run")
        mine = owner(self.last)
        for path in (self.log, self.best, self.weights):
            theirs = owner(path)
            if path.exists() and theirs != mine:
                raise FileError(
                    f"{self.last} is of {_called(mine)}, {path} of {_called(theirs)}; "
                    "resume with the files of one run, or start a new one"
                )

    def records(self) -> list[dict[str, Any]]:
        """The records in the log; a truncated line is left out."""
        found = []
        for line in read_text(self.log).splitlines() if self.log.exists() else ():
            record = _parsed(line)
            if record is not None:
                found.append(record)
        return found

    def write_log(self, records: list[Mapping[str, Any]]) -> None:
        """Rewrite the log, completely or not at all."""
        write_text(self.log, "".join(map(_line, records)))

    def check_owned(self, name: str | None) -> None:
        """FileError if the log now belongs to another run, which then writes all the files."""
        if owner(self.log) != name:
            raise FileError(
                f"another run now writes {self.log}; this one ends and keeps what it last wrote. "
                "Give each run its own output"
            )

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record to the log."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(_line(record))


def owner(path: Path) -> str | None:
    """The name of the run that wrote a file; None if it has none, as in older versions."""
    try:
        if path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as log:
                name = (_parsed(log.readline(2**20)) or {}).get("run")
        elif path.suffix == ".safetensors":
            name = load(path).facts.get("run")
        else:
            name = read_checkpoint(path).get("run")
    except (NitographError, OSError, UnicodeDecodeError):
        return None
    return name if isinstance(name, str) else None


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        record = parse_json(line, "a record", constants=True)
    except NitographError:
        return None
    return record if isinstance(record, dict) else None


def _line(record: Mapping[str, Any]) -> str:
    rounded = {key: round(v, 6) if isinstance(v, float) else v for key, v in record.items()}
    return json.dumps({key: v for key, v in rounded.items() if v is not None}) + "\n"


def _called(name: str | None) -> str:
    return f"run {name}" if name else "a run without a name"


def _aside(path: Path, name: str | None, attempt: int) -> Path:
    """A path beside `path` for a file of the run of that name; each attempt gives another one."""
    known = name is not None and name.replace("-", "").isalnum()
    tag = f"{name}-{attempt}".removesuffix("-0") if known else str(attempt + 1)
    return path.with_name(f"{path.stem}-{tag}{path.suffix}")
