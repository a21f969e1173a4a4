"""The verbs: generate, weave, draw, save, load, export. Each takes and returns plain values.

    seven = generate("7", seed=42)              a Thread; a notebook shows its picture
    draw(seven, palette="fire").save("a.png")   a Picture
    export(seven, "board.svg", diameter=600)    a file for the workshop

Settings are keywords, the same as on the command line; errors are NitographErrors with a one-line message.
Heavy modules are imported by the verb that needs them, when it is called.

Try it: python -c "import nitograph; nitograph.draw(nitograph.generate('7'), size=512).save('7.png')"
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, Unpack, overload

from nitograph.api.keywords import Look, Numbering, Sampling, Weaving, check_names, take
from nitograph.drawing.look import NeonSettings, Picture, check_picture
from nitograph.errors import FileError, SettingsError
from nitograph.io.files import check_writable, write_bytes, write_text
from nitograph.io.lists import ForeignList, read_threads
from nitograph.io.threads import to_json
from nitograph.thread import Thread, Threads, shown_by

if TYPE_CHECKING:
    from nitograph.api.weaving import Source

Character: TypeAlias = Literal[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K",
    "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z", "a", "b", "c", "d", "e", "f",
    "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z",
]  # fmt: skip
"""A label of one character is one class, so that type checkers know the result is one Thread."""

SAVE_ENDINGS = (".json", ".jsonl", ".png")
NOTEBOOK_TILE = 512  # px of one board


@overload
def generate(
    label: Character | None = None,
    *,
    seed: int = 42,
    picture: "Source | None" = None,
    continue_from: Thread | None = None,
    repair: bool = False,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    **sampling: Unpack[Sampling],
) -> Thread: ...
@overload
def generate(
    label: list[str] | tuple[str, ...],
    *,
    seed: int = 42,
    repair: bool = False,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    **sampling: Unpack[Sampling],
) -> Threads: ...
@overload
def generate(
    label: str,
    *,
    seed: int = 42,
    picture: "Source | None" = None,
    continue_from: Thread | None = None,
    repair: bool = False,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    **sampling: Unpack[Sampling],
) -> Thread | Threads: ...
def generate(
    label: str | list[str] | tuple[str, ...] | None = None,
    *,
    seed: int = 42,
    picture: "Source | None" = None,
    continue_from: Thread | None = None,
    repair: bool = False,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    **sampling: Unpack[Sampling],
) -> Thread | Threads:
    """A new thread of a class; for a text one thread per sign, for a list one per entry.

    label: a class that the model knows ("7"), a text of such classes ("2026"; a space is an empty place, a
    line break begins a row, names of several letters stand in braces), a list of classes, or None for any
    class. seed: the same seed gives the same thread, as with `nitograph generate`; seeds of further
    threads count up from it. picture: wound in one pass, as an example of the class if one is given.
    continue_from: a thread whose nails stay and which is finished, as its own class if none is given.
    repair: pull finished threads towards their plans by the encoder's local search. checkpoint: a .pt or
    .safetensors file; by default `mine.safetensors` of this folder if it has learned the class, else
    `string_ai.pt` of this folder, else the bundled weights. sampling: `temperature`, `top_k`, `guidance`,
    `beam`, `penalty`, `best_of` and the other settings of `SampleSettings`.

        seven = nitograph.generate("7", seed=42)
        better = nitograph.generate("7", beam=4, penalty={"short": 1}, best_of=2)
        word = nitograph.generate("2026", temperature=0.7)
        many = nitograph.generate(["7"] * 100)
    """
    from nitograph.api.inventing import Wish, check_seed, invented, sampling_of
    from nitograph.api.models import find_weights
    from nitograph.api.words import Text, spelled

    settings = sampling_of(sampling)
    check_seed(seed)
    if continue_from is not None and not isinstance(continue_from, Thread):
        raise SettingsError(
            f"continue_from takes a thread, got {_short(continue_from)}; load its file first"
        )
    named = [] if label is None else [label] if isinstance(label, str) else _class_names(label)
    weights = find_weights(checkpoint, wanted=named)
    text: Text | None = None
    if isinstance(label, str):
        text = spelled(label, weights.classes)
    elif label is not None:
        text = Text(tuple(named))
    wish = Wish(picture=picture, begun=continue_from, repair=repair, device=device)
    found = invented(weights, [None] if text is None else text.names, seed, settings, wish)
    found = found if text is None else text.placed(found)
    return found[0] if len(found) == 1 and not isinstance(label, list | tuple) else Threads(found)


def weave(
    picture: "Source",
    *,
    preset: str | None = None,
    label: str | None = None,
    importance: "Source | None" = None,
    thread_mm: float | None = None,
    board_mm: float | None = None,
    **settings: Unpack[Weaving],
) -> Thread:
    """A picture as one thread, by the encoder alone.

    picture: a file name, `mnist:test:17`, an array (h, w), (h, w, 3) or (h, w, 4) of uint8 or floats from 0
    to 1, or a Pillow image. preset: default, original or photo; if not given, default for MNIST pictures
    and photo for others. importance: a grey map, bright parts count more. thread_mm, board_mm: thickness of
    a real thread and diameter of its ring of nails, for photographs `thread_width` and `diameter`.
    settings: `nails`, `max_lines`, `invert` and the others of `WeaveSettings`, `PhotoSettings` and, for
    photographs, `RealBoard` and `BoardSettings`.

        nitograph.weave("photo.jpg", nails=240)
        nitograph.weave("photo.jpg", board="rect:400x600", spacing=8)
    """
    from nitograph.api.boards import board_and_given, on_board
    from nitograph.api.weaving import (
        RealThread,
        board_of,
        grey_picture,
        photo_of,
        settings_for,
        weaver_over,
        with_photo,
    )
    from nitograph.shapes.settings import BoardSettings
    from nitograph.weaving.photo import PhotoSettings
    from nitograph.weaving.real_board import RealBoard
    from nitograph.weaving.settings import WeaveSettings

    check_names("weave", settings, [WeaveSettings, PhotoSettings, RealBoard, BoardSettings])
    given = {name: value for name, value in settings.items() if name in WeaveSettings.names()}
    size = settings.get("diameter", board_mm)
    nails, woven = board_and_given(take(BoardSettings, settings), given, size)
    real, chosen = RealThread(thread_mm, board_mm), settings_for(picture, preset, woven)
    board = on_board(board_of(picture, preset, real, take(RealBoard, settings), given), nails)
    if board is None:
        chosen = real.over(chosen)
    photo = photo_of(picture, preset, take(PhotoSettings, settings))
    grey, name, known = grey_picture(picture, dark=photo.invert)
    weaver = weaver_over(grey, chosen, photo, importance, board, nails).run()
    thread = weaver.thread(label=label if label is not None else known, source=name)
    return thread.replace(provenance=with_photo(thread.provenance, photo))


def draw(
    threads: Thread | Sequence[Thread], *, renderer: str | None = None, **look: Unpack[Look]
) -> Picture:
    """A picture of one thread, or of several on boards side by side.

    renderer: neon, board for the finished piece in true thickness, or matplotlib for the look of the first
    Nitograph; by default photographs are drawn as boards, unless a palette is given, others in neon. look:
    `palette`, `size`, `glow`, `layout` and the other settings of `NeonSettings`, and for boards those of
    `BoardLook`; 4096 × 4096 if no size is given. The picture has its pixels as `.rgb()`; `.save("a.png")`
    writes a PNG that carries the threads.

        nitograph.draw(seven, palette="fire", size=1024).save("fire.png")
    """
    from nitograph.drawing.board import BoardLook
    from nitograph.drawing.renderers import render, renderer_for

    check_names("draw", look, [NeonSettings, BoardLook])
    board, listed = take(BoardLook, look), _listed("draw", threads)
    return render(listed, take(NeonSettings, look), renderer or renderer_for(listed, look), board)


def save(thing: Thread | Sequence[Thread] | Picture, path: str | Path) -> Path:
    """Write one or several threads atomically; the ending chooses the format. Returns the path.

    .json: one object. .jsonl: one thread per line. .png: a picture that carries its threads; threads are
    drawn by `draw` first. `load` reads all of these. `export` writes files for the workshop.

        nitograph.save(seven, "seven.json")
    """
    ending = Path(path).suffix.lower()
    if ending not in SAVE_ENDINGS:
        raise FileError(
            f"save writes {', '.join(SAVE_ENDINGS)}, got {Path(path).name}; use export for other formats"
        )
    if isinstance(thing, Picture) or ending == ".png":
        check_picture(path)
        return (thing if isinstance(thing, Picture) else draw(thing)).save(path)
    threads, path = _listed("save", thing), check_writable(path)
    if ending == ".jsonl":
        write_text(path, "".join(thread.to_json() + "\n" for thread in threads))
    else:
        write_text(path, to_json(threads, indent=2) + "\n")
    return path


def load(path: str | Path, *, line: int | None = None, **numbering: Unpack[Numbering]) -> Thread | Threads:
    """The thread or threads in a file: JSON, JSON lines, a nail list, or a PNG that Nitograph made.

    line: only this line of JSON lines, counted from 1. numbering: `list_nails` and the other settings of
    `ForeignList`, for a list that does not state its numbering.

        seven = nitograph.load("seven.png")
    """
    check_names("load", numbering, [ForeignList])
    found = read_threads(path, take(ForeignList, numbering), line=line, every=True)
    return found[0] if len(found) == 1 else Threads(found)


def export(
    threads: Thread | Sequence[Thread],
    path: str | Path,
    *,
    yarn: str | None = None,
    **settings: float | str | bool | None,
) -> tuple[Path, ...]:
    """Write a file for the workshop; the ending chooses the format. Returns the paths written.

    path: .svg, .pdf, .dxf, .gcode, .csv, .txt or .html, or an ending of a format that another package
    adds; several threads become `board_1.svg`, `board_2.svg`, …, and threads in colours on one board, as
    `weave_colours` makes them, are one file. yarn: the thread's size as tex:30,
    dtex:300, denier:270 or mm:0.2. settings: `diameter`, `nail_diameter`, `origin` and the others of
    `WorkpieceSettings`, in millimetres, and those of the format; thread and ring of a photograph are those
    that it was woven for.

        nitograph.export(seven, "board.svg", diameter=600)
    """
    from nitograph.exporting.formats import check_used, format_of, options_for
    from nitograph.exporting.layered import workpieces
    from nitograph.exporting.workpiece import WorkpieceSettings, thread_width

    listed, path = _listed("export", threads), Path(path)
    chosen = format_of(path)
    check_names(f"export of {path.suffix}", settings, [WorkpieceSettings, chosen.settings_class()])
    yarn_width = {} if yarn is None else {"thread_width": thread_width(yarn)}
    pieces = [
        dataclasses.replace(piece, settings=take(WorkpieceSettings, settings | yarn_width, piece.settings))
        for piece in workpieces(listed)
    ]
    options = options_for(chosen, settings)
    check_used({path.name: chosen}, settings, [name for name in settings if name in options.names()])
    names = [path.name] if len(pieces) == 1 else _numbered(path, len(pieces))
    made = {
        check_writable(path.with_name(name)): chosen.render(piece, options)
        for name, piece in zip(names, pieces, strict=True)
    }
    for target, data in made.items():
        write_bytes(target, data)
    return tuple(made)


def _listed(verb: str, threads: Thread | Sequence[Thread]) -> list[Thread]:
    """One or several threads as a list; SettingsError for anything else."""
    if isinstance(threads, Thread):
        return [threads]
    listed = list(threads) if isinstance(threads, list | tuple | Threads) else []
    if not listed or not all(isinstance(thread, Thread) for thread in listed):
        raise SettingsError(f"{verb} takes a thread or a list of threads, got {_short(threads)}")
    return listed


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _class_names(labels: object) -> list[str]:
    """A list of class names; SettingsError if it is not one."""
    if not isinstance(labels, list | tuple) or not labels or not all(isinstance(n, str) for n in labels):
        raise SettingsError(f'a class is text such as "7", or a list of them, got {_short(labels)}')
    return list(labels)


def _numbered(path: Path, count: int) -> list[str]:
    return [f"{path.stem}_{number}{path.suffix}" for number in range(1, count + 1)]


def _for_notebook(threads: Sequence[Thread]) -> bytes:
    """A PNG in a size suited to notebooks."""
    columns = min(len(threads), 4)
    layout = "row" if len(threads) <= columns else "grid"
    return draw(threads, size=min(2 * NOTEBOOK_TILE, columns * NOTEBOOK_TILE), layout=layout).png()


shown_by(_for_notebook)
