"""Check what an sdist and a wheel hold: every file of the project that belongs in, and nothing else.

The sdist holds all that git knows, so that its tests run from it. The wheel holds the package, its data,
the licences and the metadata. It does not look into the files.

Try it: python .ci/contents.py dist
"""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
MADE = {"PKG-INFO", "setup.cfg"}  # in every sdist that setuptools writes
METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt"}
MAX_WHEEL = 40_000_000  # bytes; the bundled data take most of it


def known() -> set[str]:
    """The project's files: what git tracks, and what it neither tracks nor ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def in_sdist(path: Path) -> set[str]:
    """Files of an sdist, without the folder that they stand in and what setuptools adds."""
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    return {name for name in names if name not in MADE and ".egg-info/" not in name}


def in_wheel(path: Path) -> tuple[set[str], set[str], str]:
    """The package's files, those of the metadata folder by their names in it, and the metadata."""
    package, about, metadata = set(), set(), ""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, rest = name.partition("/")
            if folder.endswith(".dist-info"):
                about.add(rest)
                metadata = archive.read(name).decode() if rest == "METADATA" else metadata
            elif not name.endswith("/"):
                package.add(name)
    return package, about, metadata


def differences(what: str, have: set[str], want: set[str]) -> list[str]:
    """One line for each file that is missing, and for each that does not belong."""
    missing = [f"{what} lacks {name}" for name in sorted(want - have)]
    return missing + [f"{what} holds {name}, which does not belong" for name in sorted(have - want)]


def faults(sdist: Path, wheel: Path, files: set[str]) -> list[str]:
    """All that is wrong with the two, given the project's files."""
    package, about, metadata = in_wheel(wheel)
    wanted = {name.removeprefix("src/") for name in files if name.startswith("src/")}
    licences = {name for name in about if name.startswith("licenses/")}
    found = differences("the sdist", in_sdist(sdist), files)
    found += differences("the wheel", package, wanted)
    found += differences("the wheel's metadata", about - licences, METADATA)
    for name in ("LICENSE", "NOTICE"):
        if name not in {PurePosixPath(licence).name for licence in licences}:
            found.append(f"the wheel lacks the licence file {name}")
    fields = Parser().parsestr(metadata)
    for field in ("Name", "Version", "Summary", "Author", "License-Expression", "Requires-Python"):
        if not fields[field]:
            found.append(f"the wheel's metadata lack {field}")
    if "](docs/" in metadata:
        found.append("the long description links to files that lie only in the project's folder")
    if wheel.stat().st_size > MAX_WHEEL:
        found.append(f"the wheel has {wheel.stat().st_size} bytes, more than {MAX_WHEEL}")
    return found


def main(folder: Path) -> int:
    """Print what is wrong with the one sdist and the one wheel in a folder; the exit code."""
    sdists, wheels = sorted(folder.glob("*.tar.gz")), sorted(folder.glob("*.whl"))
    if len(sdists) != 1 or len(wheels) != 1:
        print(f"{folder} must hold one sdist and one wheel, holds {len(sdists)} and {len(wheels)}")
        return 1
    found = faults(sdists[0], wheels[0], known())
    print("\n".join(found) or f"{sdists[0].name} and {wheels[0].name} hold what they should")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")))
