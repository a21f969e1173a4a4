"""Threads → the bytes of a file in any format: picture, film, JSON, and all that a workshop reads.

Several boards become one picture, film or JSON; of the workshop's formats one file each, in a ZIP. Films
are made in a folder of their own that is gone afterwards. This module knows nothing of HTTP.

Try it: python -c "from nitograph.studio.files import *; print(*kinds())"
"""

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nitograph.api.keywords import take
from nitograph.drawing.film import FilmSettings
from nitograph.drawing.look import NeonSettings
from nitograph.errors import FileError
from nitograph.exporting.formats import FORMATS, options_for
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io.threads import to_json
from nitograph.thread import Thread

MAX_FILM_SIDE, MAX_FILM_FRAMES, MAX_PICTURE_SIDE = 1080, 1800, 8192


@dataclass(frozen=True)
class Kind:
    """A kind of file: its ending, media type, and the words for it. several: one file holds all boards."""

    ending: str
    media: str
    help: str
    several: bool = False


PICTURES = {
    "png": Kind(".png", "image/png", "picture that carries its threads", True),
    "json": Kind(".json", "application/json", "the exact nails, and how they were made", True),
}
FILMS = {
    "mp4": Kind(".mp4", "video/mp4", "film of the winding", True),
    "webp": Kind(".webp", "image/webp", "film of the winding", True),
    "gif": Kind(".gif", "image/gif", "film of the winding", True),
}
MEDIA = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "list": "application/pdf",
    "csv": "text/csv",
    "txt": "text/plain",
    "dxf": "image/vnd.dxf",
    "gcode": "text/x.gcode",
    "html": "text/html",
}
ZIP = "application/zip"


def kinds() -> dict[str, Kind]:
    """Every kind of file by the name of its format."""
    workshop = {
        name: Kind(made.tail or made.endings[0], MEDIA[name], made.help) for name, made in FORMATS.items()
    }
    return PICTURES | FILMS | workshop


def media_of(name: str, boards: int) -> str:
    """The media type of that format's file for so many boards."""
    kind = kinds()[name]
    return kind.media if boards == 1 or kind.several else ZIP


def check_file(name: str, threads: Sequence[Thread], given: Mapping[str, Any]) -> None:
    """A NitographError if it is plain from the values that there can be no such file."""
    if name == "png":
        take(NeonSettings, given.get("look", {}))
    if name in FILMS:
        _film_settings(given.get("look", {}), given.get("film", {}))
    if name in FORMATS:
        board = take(WorkpieceSettings, given.get("board", {}))
        FORMATS[name].check()
        options_for(FORMATS[name], given.get("options", {}))
        for thread in threads:
            Workpiece(thread, board)


def file_of(name: str, threads: Sequence[Thread], given: Mapping[str, Any]) -> bytes:
    """The file; given: `look`, `film`, `board` and `options` by the names of their settings.

    A NitographError says in one line what cannot be.
    """
    if name == "json":
        return (to_json(threads, indent=2) + "\n").encode()
    look = given.get("look", {})
    if name == "png":
        from nitograph.drawing import neon

        return neon.draw(threads, take(NeonSettings, {"size": 1024, **look})).png()
    if name in FILMS:
        return _film(threads, look, given.get("film", {}), FILMS[name].ending)
    board = take(WorkpieceSettings, given.get("board", {}))
    files = [_workshop(name, thread, board, given.get("options", {})) for thread in threads]
    if len(files) == 1:
        return files[0]
    ending = kinds()[name].ending
    return _zipped({f"board_{number}{ending}": data for number, data in enumerate(files, 1)})


def _workshop(name: str, thread: Thread, board: WorkpieceSettings, options: Mapping[str, Any]) -> bytes:
    chosen = FORMATS[name]
    chosen.check()
    return chosen.render(Workpiece(thread, board), options_for(chosen, options))


def _film_settings(look: Mapping[str, Any], film: Mapping[str, Any]) -> tuple[FilmSettings, NeonSettings]:
    settings = FilmSettings(**{"seconds": 8.0, "hold": 1.0, **film})
    if settings.frames > MAX_FILM_FRAMES:
        raise FileError(f"a film has at most {MAX_FILM_FRAMES} frames here, got {settings.frames}")
    chosen = NeonSettings(**{"size": 540, **look})
    if chosen.pixels > MAX_FILM_SIDE:
        raise FileError(f"a film has at most {MAX_FILM_SIDE} pixels per side, got {chosen.pixels}")
    return settings, chosen


def _film(
    threads: Sequence[Thread], look: Mapping[str, Any], film: Mapping[str, Any], ending: str
) -> bytes:
    from nitograph.drawing import film as films

    settings, chosen = _film_settings(look, film)
    films.check_ending(f"film{ending}")
    with tempfile.TemporaryDirectory(prefix="nitograph-") as folder:
        path = Path(folder) / f"film{ending}"
        films.write(path, films.frames(threads, chosen, settings, workers=1), settings, ending)
        return path.read_bytes()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files, the same bytes every time."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return whole.getvalue()
