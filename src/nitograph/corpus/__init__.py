"""Labelled pictures → rows of threads: what a model is trained on.

    from nitograph.corpus import CorpusSettings, build, mnist
    from nitograph.weaving.settings import WeaveSettings

    corpus = build(mnist("train"), CorpusSettings(samples=500), WeaveSettings())
    corpus.save("small.npz")
    corpus.thread(0).label

Importing this loads nothing more; each name is imported when it is first used.

Try it: python -c "from nitograph.corpus import mnist; print(len(mnist('test')))"
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; `as` marks what is handed on
    from nitograph.corpus.prepare import build as build
    from nitograph.corpus.prepare import select as select
    from nitograph.corpus.rows import Corpus as Corpus
    from nitograph.corpus.rows import CorpusSettings as CorpusSettings
    from nitograph.corpus.rows import load_corpus as load_corpus
    from nitograph.corpus.sources import LabelledImages as LabelledImages
    from nitograph.corpus.sources import mnist as mnist
    from nitograph.corpus.warps import warp as warp

_FACE = {
    "Corpus": "rows",
    "CorpusSettings": "rows",
    "LabelledImages": "sources",
    "build": "prepare",
    "load_corpus": "rows",
    "mnist": "sources",
    "select": "prepare",
    "warp": "warps",
}
__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_FACE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE})
