"""What the studio's processes do: plain values in, the bytes of an answer out.

Inventing, drawing on, weaving and exporting as the verbs of `nitograph` do it. Everything here may be ended
at any moment: nothing is kept between two jobs but the weights. This module knows nothing of HTTP or of
processes.

Try it: python -c "from nitograph.studio.work import *; print(about(Tools(), {}, Silent()))"
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from nitograph.api.inventing import Wish, invented, sampling_of, threads_of
from nitograph.api.models import find_weights
from nitograph.api.words import spelled
from nitograph.errors import SettingsError
from nitograph.model.weights import Weights
from nitograph.sampling.settings import SampleSettings
from nitograph.studio.refusal import RefusedError
from nitograph.thread import Thread
from nitograph.weaving.photo import PhotoSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import WeaveSettings

Given = Mapping[str, Any]


class Talk(Protocol):
    """What a job may say to whoever asked for it, and hear."""

    def progress(self, value: Any) -> None:
        """Say how far it has come."""

    def stop_requested(self) -> bool:
        """Whether it is to end early and give what it has."""


class Silent:
    """A Talk with nobody."""

    def progress(self, value: Any) -> None:
        """Nobody hears it."""

    def stop_requested(self) -> bool:
        """Never."""
        return False


class Tools:
    """What a process keeps for its jobs: the weights, read when they are first used."""

    def __init__(self, checkpoint: str | None = None) -> None:
        self.checkpoint = checkpoint

    @functools.cached_property
    def weights(self) -> Weights:
        """The weights of the checkpoint, or the bundled ones."""
        return find_weights(self.checkpoint)


def warm(tools: Tools, given: Given, talk: Talk) -> bytes:
    """Load or compile what drawings and photographs need, so that the first one does not wait for it."""
    drawings(tools, {"strokes": [[[0.5, 0.1], [0.5, 0.9]]], "sampling": {"max_lines": 3}}, talk)
    _weave(lambda ground: np.eye(64, dtype=np.uint8) * np.uint8(255), {"max_lines": 3}, talk)
    return b""


def about(tools: Tools, given: Given, talk: Talk) -> bytes:
    """What the weights know, and how they are sampled where nothing is said."""
    from nitograph.sampling.settings import resolved

    weights = tools.weights
    sampling = resolved(SampleSettings(), weights).to_dict()
    return _json({"classes": list(weights.classes), "nails": weights.board.num_nails, "sampling": sampling})


def threads(tools: Tools, given: Given, talk: Talk) -> bytes:
    """`text`: a class, or a text of classes, invented; one thread per sign, seeds count up from `seed`."""
    settings = sampling_of(given.get("sampling", {}))
    text = spelled(given["text"], tools.weights.classes)
    found = invented(tools.weights, text.names, int(given.get("seed", 42)), settings)
    return _threads(text.placed(found))


def gallery(tools: Tools, given: Given, talk: Talk) -> bytes:
    """`count` threads of one class, with consecutive seeds."""
    first, count = int(given.get("seed", 0)), int(given.get("count", 6))
    settings = sampling_of(given.get("sampling", {}))
    labels = [given.get("label")] * count
    return _threads(threads_of(tools.weights, labels, range(first, first + count), settings))


def drawings(tools: Tools, given: Given, talk: Talk) -> bytes:
    """`strokes`, wound by the model in one pass, as its class or as the one that the model reads in it."""
    from nitograph.api.guessing import ranked
    from nitograph.studio.strokes import picture_of

    grey = picture_of(given["strokes"])
    if not grey.any():
        raise RefusedError(422, "empty", "the drawing has no strokes; draw something first")
    label, guess = given.get("label"), None
    if label is None:
        found = ranked(tools.weights, grey)
        if found:
            label = found[0][0]
            guess = {"label": label, "ranked": [{"label": name, "chance": share} for name, share in found]}
    settings, seed = sampling_of(given.get("sampling", {})), int(given.get("seed", 42))
    made = invented(tools.weights, [label], seed, settings, Wish(picture=grey))
    return _threads(made, guess=guess)


def weavings(tools: Tools, given: Given, talk: Talk) -> bytes:
    """A picture file's bytes, woven by the encoder; says each slice of nails, and can be stopped."""
    from nitograph.io.pictures import picture_of_bytes

    return _weave(lambda ground: picture_of_bytes(given["picture"], ground=ground), given["settings"], talk)


def weaving_of(chosen: Given) -> tuple[WeaveSettings, PhotoSettings, RealBoard | None]:
    """How a picture is woven, prepared, and on which board; SettingsError if that cannot be."""
    from nitograph.api.keywords import take
    from nitograph.api.weaving import RealThread, board_of, photo_of, settings_for

    name, preset = "the picture", chosen.get("preset", "photo")
    woven = {key: value for key, value in chosen.items() if key in WeaveSettings.names()}
    real = RealThread(chosen.get("thread_mm"), chosen.get("board_mm"))
    settings = settings_for(name, preset, woven)
    board = board_of(name, preset, real, take(RealBoard, chosen), woven)
    if board is None:
        settings = real.over(settings)
    return settings, photo_of(name, preset, take(PhotoSettings, chosen)), board


def _weave(picture: Callable[[int], Any], chosen: Given, talk: Talk) -> bytes:
    """As `weavings`, of what picture(ground) gives, where ground is the grey under see-through parts."""
    from nitograph.api.weaving import weaver_over, with_photo
    from nitograph.io.pictures import BLACK, WHITE

    settings, photo, board = weaving_of(chosen)
    weaver = weaver_over(picture(WHITE if photo.invert else BLACK), settings, photo, None, board)
    talk.progress({"nails": [], "chords": 0, "num_nails": settings.nails, "most": settings.max_lines})
    told = 0
    while True:
        more = weaver.advance()
        path = weaver.nails
        if more and len(path) > told:
            talk.progress({"nails": path[told:].tolist(), "chords": weaver.chords})
            told = len(path)
        if not more or (talk.stop_requested() and weaver.chords > 0):
            break
    if weaver.chords == 0:
        raise RefusedError(
            422, "empty", "no chord improves this picture; take a brighter one, or invert it"
        )
    thread = weaver.thread()
    thread = thread.replace(provenance=with_photo(thread.provenance, photo))
    return _threads([thread], error=round(1 - weaver.explained(), 4), stopped=bool(more))


def exports(tools: Tools, given: Given, talk: Talk) -> bytes:
    """The file of one thread, or of the boards of a word, in the format named."""
    from nitograph.studio.files import file_of

    return file_of(given["format"], read(given["threads"]), given)


def read(records: Sequence[Any]) -> list[Thread]:
    """Threads out of their JSON."""
    return [Thread.from_record(record, name=f"thread {n}") for n, record in enumerate(records, 1)]


JOBS: Mapping[str, Callable[[Tools, Given, Talk], bytes]] = {
    "warm": warm,
    "about": about,
    "threads": threads,
    "gallery": gallery,
    "drawings": drawings,
    "weavings": weavings,
    "exports": exports,
}
"""Every job by name."""


def do(name: str, tools: Tools, given: Given, talk: Talk) -> bytes:
    """The answer of one job; SettingsError if there is no such."""
    if name not in JOBS:
        raise SettingsError(f"jobs are {', '.join(JOBS)}; got {name!r}")
    return JOBS[name](tools, given, talk)


def _threads(found: Sequence[Thread], **more: Any) -> bytes:
    """The answer that holds threads."""
    rest = "".join(f", {json.dumps(name)}: {json.dumps(value)}" for name, value in more.items())
    return f'{{"threads": [{", ".join(thread.to_json() for thread in found)}]{rest}}}'.encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
