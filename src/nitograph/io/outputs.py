"""What will be written, made sure of before work begins: places, endings, and that nothing gets lost.

Two outputs under one name would lose one of them, and an output over an input that input; a file whose
ending says another format than it holds misleads whoever opens it. Each is said in one line before any
work.

Try it: python -m nitograph generate 7 -o seven.png --sequence-output seven.png
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nitograph.errors import FileError
from nitograph.io.files import check_writable, same_file


@dataclass(frozen=True)
class Output:
    """A file to be written: what it is, where, and the endings that say so (none: any will do)."""

    what: str
    path: Path
    endings: tuple[str, ...] = ()


PNG, JSON, LINES, CORPUS = (".png",), (".json",), (".jsonl", ".ndjson"), (".npz",)
PAGE = (".html", ".htm")


def claim(
    outputs: Sequence[Output], inputs: Mapping[str, str | Path | None] | None = None
) -> tuple[Path, ...]:
    """The paths of `outputs`, once all of them can be written and none replaces another or an input.

    inputs: the files that the command reads, by what they are; None where one was not given, and names
    that are no files (`mnist:test:17`, `bundled`) do no harm. FileError says the first fault in one line.
    """
    for output in outputs:
        check_writable(output.path)
        _check_ending(output)
    for one, other in itertools.combinations(outputs, 2):
        if same_file(one.path, other.path):
            raise FileError(
                f"the {one.what} and the {other.what} would both be written to {other.path}; "
                "give them different names"
            )
    for what, path in (inputs or {}).items():
        for output in outputs:
            if path is not None and same_file(output.path, path):
                raise FileError(
                    f"the {output.what} would be written over the {what} {path}, which it is made from; "
                    "give it another name"
                )
    return tuple(output.path for output in outputs)


def claim_folder(what: str, path: Path) -> Path:
    """The path of a folder to be made or filled, once it is sure that it can be; FileError."""
    if path.exists() and not path.is_dir():
        raise FileError(f"the {what} is a folder, and {path} is a file; give it another name")
    check_writable((path if path.is_dir() else path.parent) / f".{path.name}")
    return path


def _check_ending(output: Output) -> None:
    ending = output.path.suffix.lower()
    if output.endings and ending not in output.endings:
        said = " or ".join(output.endings)
        raise FileError(
            f"the {output.what} is written as {said}, got {output.path.name}; change its ending"
        )
