"""The export formats: the one place that lists them, and writing files by them.

A format is a module with one pure function (workpiece, settings) → text or bytes and one Settings class. A
module is imported when its format is used, a library (ezdxf, fpdf2) only when a file is written. Only
`write` and `write_all` touch the disk.

Try it: python -m nitograph export thread.json -o board.svg
"""

import importlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nitograph.errors import FileError, SettingsError
from nitograph.io import plugins
from nitograph.io.files import check_writable, write_bytes
from nitograph.io.outputs import Output, claim
from nitograph.settings import Settings
from nitograph.untrusted import need

if TYPE_CHECKING:
    from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
    from nitograph.thread import Thread


@dataclass(frozen=True)
class Format:
    """One format: where its function and its settings are, its endings, and what it is for.

    module: full name of the module of `function` and `settings`, imported on use. fixed: settings that this
    format sets itself. tail: what `write_all` appends to the stem. needs: the library that writes it.
    """

    module: str
    function: str
    settings: str
    endings: tuple[str, ...]
    help: str
    fixed: Mapping[str, Any] | None = None
    tail: str = ""
    needs: str | None = None

    def check(self) -> None:
        """FileError if the library that writes this format is not installed."""
        if self.needs is not None:
            require(self.needs, f"{' or '.join(self.endings) or self.tail} output")

    def settings_class(self) -> type[Settings]:
        """The Settings class of this format."""
        return self._part(self.settings)  # type: ignore[no-any-return]  # named in the table below

    def render(self, workpiece: "Workpiece", settings: Settings | None = None) -> bytes:
        """The whole file, with default settings if none are given."""
        chosen = settings or self.settings_class()()
        made = self._part(self.function)(workpiece, chosen.replace(**(self.fixed or {})))
        return made if isinstance(made, bytes) else made.encode("utf-8")

    def _part(self, name: str) -> Any:
        return getattr(importlib.import_module(self.module), name)


_HERE = "nitograph.exporting"

FORMATS: dict[str, Format] = {
    "svg": Format(
        f"{_HERE}.svg", "svg", "SvgSettings", (".svg",), "drawing in mm for plotters, cutters and screens"
    ),
    "pdf": Format(
        f"{_HERE}.pdf.document",
        "pdf",
        "PdfSettings",
        (".pdf",),
        "drilling template at true scale, or winding list",
        needs="fpdf",
    ),
    "list": Format(
        f"{_HERE}.pdf.document",
        "pdf",
        "PdfSettings",
        (),
        "winding list to print",
        {"pdf": "list"},
        "_list.pdf",
        needs="fpdf",
    ),
    "csv": Format(
        f"{_HERE}.winding_list", "csv_text", "ListSettings", (".csv",), "winding list as a table"
    ),
    "txt": Format(f"{_HERE}.winding_list", "plain_text", "ListSettings", (".txt",), "bare list of nails"),
    "dxf": Format(
        f"{_HERE}.dxf",
        "dxf",
        "DxfSettings",
        (".dxf",),
        "drill holes and thread for CAD and CAM",
        needs="ezdxf",
    ),
    "gcode": Format(
        f"{_HERE}.gcode.job",
        "gcode",
        "GcodeSettings",
        (".gcode", ".nc", ".ngc"),
        "machine jobs: winding, pen, drilling",
    ),
    "html": Format(
        f"{_HERE}.guide", "guide", "GuideSettings", (".html", ".htm"), "winding guide for a browser"
    ),
}
"""Every built-in format by name."""


def format_named(name: str) -> Format:
    """The format of that name, built in or of a plugin; SettingsError if there is none."""
    found = FORMATS.get(name) or plugins.find(plugins.FORMATS, name, Format)
    if found is None:
        known = ", ".join([*FORMATS, *plugins.names(plugins.FORMATS)])
        raise SettingsError(f"export formats are {known}; got {name!r}")
    return found


def format_of(path: str | Path) -> Format:
    """The format of a file's ending, built in or of a plugin; FileError if there is none."""
    ending = Path(path).suffix.lower()
    formats = list(FORMATS.values())
    for made in itertools.chain(FORMATS.values(), _plugins()):
        if ending in made.endings:
            return made
        formats.append(made)
    known = " ".join(dict.fromkeys(ending for made in formats for ending in made.endings))
    raise FileError(f"the ending of {path} names no export format; use one of {known}")


def _plugins() -> Iterator[Format]:
    """The formats of plugins, each loaded when it is reached."""
    for name in plugins.names(plugins.FORMATS):
        if found := plugins.find(plugins.FORMATS, name, Format):
            yield found


def write(path: str | Path, workpiece: "Workpiece", settings: Settings | None = None) -> Path:
    """Write one file atomically in the format of its ending; returns its path."""
    path = check_writable(path)
    write_bytes(path, format_of(path).render(workpiece, settings))
    return path


def write_all(
    threads: "Thread | Sequence[Thread]",
    formats: Iterable[str],
    stem: str | Path,
    settings: "WorkpieceSettings | None" = None,
    options: Mapping[str, Any] | None = None,
) -> Sequence[Path]:
    """Write `stem.svg`, `stem.pdf`, … for the formats named; returns the paths in that order.

    threads: one, or the boards of a word, which are then written as `stem_1.svg`, `stem_2.svg`, …. options:
    settings of the formats by name; each format uses those that it has. All files are made before the first
    is written, so that an error leaves nothing behind. SettingsError for an unknown name, FileError if a
    file cannot be written or a library is missing.
    """
    from nitograph.exporting.layered import workpieces

    boards = workpieces(threads if isinstance(threads, Sequence) else [threads], settings)
    chosen = [format_named(name) for name in formats]
    places = claim([Output(f"{path.suffix} file", path) for path in places_of(chosen, stem, len(boards))])
    made = []
    for workpiece in boards:
        made += [wanted.render(workpiece, options_for(wanted, options or {})) for wanted in chosen]
    for path, data in zip(places, made, strict=True):
        write_bytes(path, data)
    return list(places)


def places_of(formats: Sequence[Format], stem: str | Path, boards: int) -> list[Path]:
    """The paths that `write_all` writes for these formats, board by board."""
    parts = [str(stem)] if boards == 1 else [f"{stem}_{number}" for number in range(1, boards + 1)]
    return [Path(f"{part}{wanted.tail or wanted.endings[0]}") for part in parts for wanted in formats]


def options_for(chosen: Format, options: Mapping[str, Any]) -> Settings:
    """The format's settings, from those `options` that it has."""
    kind = chosen.settings_class()
    return kind(**{name: value for name, value in options.items() if name in kind.names()})


def check_used(formats: Mapping[str, "Format"], given: Mapping[str, Any], flags: Iterable[str]) -> None:
    """SettingsError for a setting that none of the files can use: not theirs, or without effect there.

    formats: those chosen, by the names of their files. given: the settings given, by name. flags: those of
    them that are settings of a format.
    """
    files = " ".join(formats)
    for name in flags:
        having = [made for made in formats.values() if name in _free(made)]
        if not having:
            owner = next(kind for kind, made in FORMATS.items() if name in _free(made))
            raise SettingsError(
                f"{name} is a setting of {owner} files, and none of {files} is one; leave it out"
            )
        idle = [options_for(made, given).idle().get(name) for made in having]
        if all(idle):
            raise SettingsError(f"{name} does nothing in {files}: {idle[0]}; leave it out")


def _free(made: Format) -> list[str]:
    return [name for name in made.settings_class().names() if name not in (made.fixed or {})]


def require(library: str, purpose: str) -> Any:
    """Import an optional library; FileError if it is not installed."""
    package = {"fpdf": "fpdf2"}.get(library, library.partition(".")[0])
    message = f"{purpose} needs {package}, which is not installed: pip install 'nitograph[export]'"
    return need(library, FileError(message))
