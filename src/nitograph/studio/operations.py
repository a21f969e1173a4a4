"""Everything that the API can be asked: paths, what goes in, what comes out, in one table.

Routes, checks and the OpenAPI description are made from it. This module answers nothing.

Try it: python -c "from nitograph.studio.operations import *; print(*OPERATIONS)"
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nitograph.drawing.film import FilmSettings
from nitograph.drawing.look import NeonSettings
from nitograph.exporting.formats import FORMATS
from nitograph.exporting.workpiece import WorkpieceSettings
from nitograph.sampling.settings import SampleSettings
from nitograph.studio.files import MAX_FILM_SIDE, MAX_PICTURE_SIDE, kinds
from nitograph.studio.schema import Schema, an_object, of_settings
from nitograph.weaving.photo import PhotoSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import PRESETS, WeaveSettings

VERSION = "v1"
MAX_WORD, MAX_GALLERY, MAX_BOARDS, MAX_NAILS_ON_PATH = 12, 12, 12, 20_001
MAX_STROKES, MAX_POINTS = 200, 2000
STATUSES = {
    401: "the token is missing or wrong",
    403: "the request comes from another site or was sent under another name",
    404: "there is no such thing",
    408: "the body did not come in time",
    413: "the body is too large",
    415: "the body has another type",
    409: "values that fit alone, but not each other, the model or the board",
    422: "a value that does not fit; the message says which",
    429: "too many requests are under way; ask again in a moment",
    503: "the work was ended: too long, too much memory, or the studio is being stopped",
}

SEED: Schema = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1, "default": 42}
SAMPLING = an_object(
    of_settings(
        SampleSettings,
        most={"beam": 8, "best_of": 8, "max_lines": 1000, "min_lines": 1000, "plan_steps": 20},
    )
)
LOOK = an_object(
    of_settings(NeonSettings, leave_out=("size_inches", "dpi"), most={"size": MAX_PICTURE_SIDE})
)
FILM = an_object(of_settings(FilmSettings, most={"seconds": 60, "hold": 10, "fps": 60}))
BOARD = an_object(of_settings(WorkpieceSettings))
LABEL: Schema = {"type": "string", "maxLength": 40, "description": "a class that the weights know"}
NAIL: Schema = {"type": "integer", "minimum": 0, "maximum": 4095}
THREAD: Schema = {
    "type": "object",
    "description": "a thread file of Nitograph: the nails of one path on one board",
    "required": ["nails"],
    "properties": {
        "num_nails": {"type": "integer", "minimum": 3, "maximum": 4096, "default": 256},
        "nails": {"type": "array", "minItems": 2, "maxItems": MAX_NAILS_ON_PATH, "items": NAIL},
        "provenance": {"type": "object", "description": "how it was made"},
    },
}
BOARDS: Schema = {"type": "array", "minItems": 1, "maxItems": MAX_BOARDS, "items": THREAD}
POINT: Schema = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"type": "number", "minimum": 0, "maximum": 1},
}
STROKES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_STROKES,
    "items": {"type": "array", "minItems": 1, "maxItems": MAX_POINTS, "items": POINT},
    "description": "lines of points (x, y) on the unit square, y down",
}
GUESS: Schema = {
    "type": ["object", "null"],
    "description": "what the model reads, where no class was given",
    "properties": {
        "label": {"type": "string"},
        "ranked": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"label": {"type": "string"}, "chance": {"type": "number"}},
            },
        },
    },
}
FOUND: Schema = {
    "type": "object",
    "required": ["threads"],
    "properties": {"threads": {"type": "array", "items": THREAD}, "guess": GUESS},
}
EVENT: Schema = {
    "type": "object",
    "description": "start: weaving; progress: nails, chords; done: threads, error, stopped; error: error",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["start", "progress", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
FAULT: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
OPTIONS = {
    name: schema
    for made in FORMATS.values()
    for name, schema in of_settings(made.settings_class()).items()
    if name not in (made.fixed or {})
}
WEAVING = (
    of_settings(
        WeaveSettings,
        most={"nails": 720, "canvas_size": 1024, "max_lines": 10_000, "beam": 8, "min_nail_gap": 360},
    )
    | of_settings(PhotoSettings)
    | of_settings(RealBoard)
)
WEAVING |= {
    "preset": {"type": "string", "enum": list(PRESETS), "default": "photo"},
    "thread_mm": {"type": "number", "minimum": 0.01, "maximum": 20, "description": "thickness, mm"},
    "board_mm": {"type": "number", "minimum": 10, "maximum": 20_000, "description": "ring of nails, mm"},
}


@dataclass(frozen=True)
class Operation:
    """One thing to ask: `name` names its handler; `answers` is media type → schema of a good answer.

    body: the schema of its JSON, None for none. query: schemas of parameters. raw: the media types of a
    body that is a file. status: of a good answer.
    """

    name: str
    method: str
    path: str
    summary: str
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    answers: Mapping[str, Schema] = field(default_factory=dict)
    status: int = 200
    errors: tuple[int, ...] = ()

    @property
    def full_path(self) -> str:
        """The path with the version of the API."""
        return f"/api/{VERSION}{self.path}"

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every status of an error that it may answer with."""
        always = (401, 403)
        with_body = (408, 409, 413, 415, 422, 429, 503) if self.body is not None or self.raw else ()
        return tuple(sorted({*always, *with_body, *self.errors}))


PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff")
JSON = "application/json"
BYTES: Schema = {"type": "string", "format": "binary"}
_EXPORT = {"threads": BOARDS, "look": LOOK, "film": FILM, "board": BOARD, "options": an_object(OPTIONS)}
_SHARED = {"threads": {**BOARDS, "maxItems": 1}, "board": BOARD, "options": an_object(OPTIONS)}
_SHARED |= {"step": {"type": "integer", "minimum": 0, "maximum": MAX_NAILS_ON_PATH, "default": 0}}

OPERATIONS: Mapping[str, Operation] = {
    made.name: made
    for made in (
        Operation(
            "about",
            "GET",
            "/studio",
            "What this studio can do: classes, palettes, formats, settings, and how busy it is",
            answers={JSON: {"type": "object"}},
            errors=(429, 503),
        ),
        Operation(
            "threads",
            "POST",
            "/threads",
            "Invent a class or a word: one thread per character",
            an_object(
                {
                    "text": {"type": "string", "minLength": 1, "maxLength": MAX_WORD},
                    "seed": SEED,
                    "sampling": SAMPLING,
                },
                ["text"],
            ),
            answers={JSON: FOUND},
        ),
        Operation(
            "gallery",
            "POST",
            "/gallery",
            "Invent some threads of one class, or of any, with consecutive seeds",
            an_object(
                {
                    "label": LABEL,
                    "seed": SEED,
                    "count": {"type": "integer", "minimum": 1, "maximum": MAX_GALLERY, "default": 6},
                    "sampling": SAMPLING,
                }
            ),
            answers={JSON: FOUND},
        ),
        Operation(
            "drawings",
            "POST",
            "/drawings",
            "Wind a drawing in one pass of the model, as the class given or as the one that is read in it",
            an_object(
                {"strokes": STROKES, "label": LABEL, "seed": SEED, "sampling": SAMPLING}, ["strokes"]
            ),
            answers={JSON: FOUND},
        ),
        Operation(
            "weavings",
            "POST",
            "/weavings",
            "Weave a picture; events start, progress (with new nails), and done or error",
            query=WEAVING,
            raw=PICTURE_TYPES,
            answers={"text/event-stream": EVENT},
        ),
        Operation(
            "stop",
            "POST",
            "/weavings/{weaving}/stop",
            "End a weaving early; its stream ends with the thread so far",
            answers={},
            status=204,
            errors=(404,),
        ),
        Operation(
            "exports",
            "POST",
            "/exports/{format}",
            "The file of one thread, or of the boards of a word",
            an_object(_EXPORT, ["threads"]),
            answers=dict.fromkeys(sorted({"application/zip", *(k.media for k in kinds().values())}), BYTES),
            errors=(404,),
        ),
        Operation(
            "share",
            "POST",
            "/shares",
            "Open the winding guide of one thread in the local network, under a secret address",
            an_object(_SHARED, ["threads"]),
            answers={
                JSON: {
                    "type": "object",
                    "required": ["address", "qr"],
                    "properties": {"address": {"type": "string"}, "qr": {"type": "string"}},
                }
            },
        ),
        Operation("unshare", "DELETE", "/shares", "Close what was opened in the local network", status=204),
    )
}
"""Every operation by name."""

SIDE_OF_FILMS = MAX_FILM_SIDE


def checked_settings() -> dict[str, Any]:
    """Schemas of the settings that the page shows, by group."""
    return {
        "sampling": SAMPLING["properties"],
        "look": LOOK["properties"],
        "board": BOARD["properties"],
        "weaving": WEAVING,
        "film": FILM["properties"],
        "options": OPTIONS,
    }
