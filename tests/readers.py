"""Every reader of files from outside, by name: what the bombs and the fuzz targets read with.

A reader takes the path of a file and either returns or raises a NitographError; anything else is a fault.
"""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from nitograph.api.colours import in_words
from nitograph.colours.layers import layers_of
from nitograph.corpus import prepare, sources
from nitograph.corpus.rows import load_corpus
from nitograph.corpus.shards import build_shards
from nitograph.corpus.sources import drawings, fonts, idx_folder, svg
from nitograph.drawing.charts import has_curves
from nitograph.errors import FileError
from nitograph.evaluation.cache import Cache
from nitograph.exporting import FORMATS, Workpiece, WorkpieceSettings
from nitograph.io import lists, png, threads
from nitograph.io.files import read_bytes, read_text
from nitograph.io.nails import nails_in
from nitograph.io.npz import read_arrays
from nitograph.io.pictures import read_picture
from nitograph.model import weights
from nitograph.shapes.board import ShapedBoard
from nitograph.training.checkpoints import checkpoint_weights
from nitograph.training.resume import restore, settings_of
from nitograph.training.runs import RunFiles, _line, owner
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from tiny import MODEL, ROWS, WEAVING, small_corpus, some_images

Reader = Callable[[str], object]
TRAIN = TrainSettings(epochs=1, batch_size=8, plan_rows=4, plan_steps=2, seed=1, validation_fraction=0.2)


def _thread(path: str) -> None:
    """A thread file in any form, as one and as all of its lines, and written again."""
    for every in (False, True):
        for thread in lists.read_threads(path, every=every):
            thread.to_json()


def _picture_with_threads(path: str) -> None:
    """The text of a PNG and the threads in it."""
    png.read_text(read_bytes(path), "Comment")
    threads.from_bytes(read_bytes(path))


MANY = 300  # nails: boards of more are read, and what they allow is not reckoned here


def _boards(path: str) -> None:
    """All threads of a file on their boards: their colours, the file again, and a drawing of the first."""
    found = lists.read_threads(path)
    layers = layers_of(found)
    if layers is not None:
        in_words(layers)
    again = threads.from_text(threads.to_json(found))
    assert again == found or layers_of(again) == layers, "a file that is written again is another one"
    if found[0].board.num_nails <= MANY:
        FORMATS["svg"].render(Workpiece(found[0], WorkpieceSettings.of(found[0])))


def _nails(path: str) -> None:
    """The nails of a board, as many as its file says or sixty along its line, and what they allow."""
    board = ShapedBoard.of_points(nails_in(path, None, None, 60))
    if board.num_nails <= MANY:
        board.legal()
        assert ShapedBoard.from_record(board.to_record(), board.num_nails) == board


def _corpus(path: str) -> None:
    """A corpus and what is used of it."""
    corpus = load_corpus(path)
    corpus.thread(len(corpus) - 1)


@functools.cache
def shards(purpose: str) -> Path:
    """A folder of shards, which lasts as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix=f"nitograph-{purpose}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build_shards(folder / "corpus", some_images(), ROWS.replace(samples=8), WEAVING)
    return folder / "corpus"


def _manifest(path: str) -> None:
    """What a folder of shards says of itself, and its rows."""
    shutil.copyfile(path, shards("manifest") / "manifest.json")
    _corpus(str(shards("manifest")))


def _tokens(path: str) -> None:
    """The tokens of a shard, mapped into memory."""
    shutil.copyfile(path, shards("tokens") / "00000.tokens.npy")
    _corpus(str(shards("tokens")))


class _OneFile(Cache):
    """A cache that keeps everything in one file."""

    def _path(self, kind: str, made_from: object) -> Path | None:
        return self.folder


def _anew() -> dict[str, np.ndarray]:
    raise FileError("made anew")


def _cached(path: str) -> None:
    """A file of the evaluation's cache: what was kept there, or made anew."""
    assert set(_OneFile(Path(path)).fetch("any", {}, _anew)) == {"upper"}


def _part(path: str) -> None:
    """A part that an interrupted `prepare` kept: taken, or woven anew."""
    read_arrays(read_bytes(path), prepare.PART_LAYOUT)


def _drawings(path: str) -> None:
    """Strokes of Quick, Draw!, a drawing a line."""
    for _ in drawings._strokes(Path(path)):
        pass


def _bitmaps(path: str) -> None:
    """Bitmaps of Quick, Draw!."""
    for _ in drawings.bitmaps(Path(path)):
        pass


def _font(path: str) -> None:
    """A font, and three of its glyphs, one of which it lacks."""
    font = fonts._opened(Path(path))
    for sign in ("A", "g", fonts.NOWHERE):
        fonts._drawn(font, sign, Path(path))


def _log(path: str) -> None:
    """The log of a run, its curves, and its records written again."""
    place = Path(path)
    owner(place)
    files = RunFiles.__new__(RunFiles)
    files.log = place
    records = files.records()
    has_curves(records)
    "".join(map(_line, records))


@functools.cache
def trainer() -> Trainer:
    """A run of a tiny model."""
    torch.set_num_threads(1)
    return Trainer(small_corpus(), MODEL, TRAIN)


def _resumed(path: str) -> None:
    """A checkpoint that a run resumes from, and what a resumed run does with it before its next step."""
    settings_of(path)
    run = trainer()
    restore(run, path)
    assert {run.finished, run.stale} <= {True, False}
    run._take_threads()
    torch.set_num_threads(1)
    run.weights()


def _svg(path: str) -> None:
    """An SVG file, as shapes and as a picture."""
    svg.shapes_of(path)
    svg.picture_of(path)


READERS: dict[str, Reader] = {
    "thread": _thread,
    "list": lambda path: lists.read_thread(path, lists.ForeignList(list_nails=256)),
    "lines": lambda path: threads.from_lines(read_text(path)),
    "boards": _boards,
    "nails": _nails,
    "carrier": _picture_with_threads,
    "picture": read_picture,
    "idx": sources.read_idx,
    "mapping": lambda path: idx_folder.mapping(Path(path)),
    "svg": _svg,
    "drawings": _drawings,
    "bitmaps": _bitmaps,
    "font": _font,
    "corpus": _corpus,
    "manifest": _manifest,
    "tokens": _tokens,
    "part": _part,
    "weights": weights.load,
    "checkpoint": checkpoint_weights,
    "resume": _resumed,
    "log": _log,
    "cache": _cached,
}
