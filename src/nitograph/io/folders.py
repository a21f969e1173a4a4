"""Folders that a long run fills with files, and the manifest that says what they hold and if all is there.

While a run fills a folder, its manifest is called unfinished.json, at the end manifest.json. So the same
run goes on where it stopped, another one is refused, and nothing that is there is lost. This module does
not know what the files are.

Try it: python -c "from nitograph.io.folders import begin; help(begin)"
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from nitograph.errors import FileError
from nitograph.io.files import read_text, write_text

MANIFEST, UNFINISHED = "manifest.json", "unfinished.json"


def begin(folder: Path, manifest: Mapping[str, Any], what: str, *, beside: Collection[str] = ()) -> bool:
    """Make a folder ready for a run of this manifest; whether that is finished already.

    FileError if the folder holds another run, or anything but one, apart from the names in `beside`.
    """
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    here = [name for name in (MANIFEST, UNFINISHED) if (folder / name).exists()]
    if here and read_text(folder / here[0]) != text:
        raise FileError(
            f"{folder} holds a {what} of other settings; name another folder, or remove it first"
        )
    if not here:
        if any(path.name not in beside for path in folder.iterdir()):
            raise FileError(f"{folder} is not empty and holds no {what}; name another folder")
        write_text(folder / UNFINISHED, text)
    return here[:1] == [MANIFEST]


def finish(folder: Path) -> None:
    """Say that all is there."""
    (folder / UNFINISHED).replace(folder / MANIFEST)


def check_finished(folder: Path, what: str) -> None:
    """FileError if the folder holds no manifest, or one of a run that is not finished."""
    if (folder / MANIFEST).exists():
        return
    if (folder / UNFINISHED).exists():
        raise FileError(
            f"{folder} holds a {what} that is not finished; give the same command again to go on"
        )
    raise FileError(f"{folder} holds no {what}: there is no {MANIFEST} in it; name another folder")
