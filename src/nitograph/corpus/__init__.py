"""Labelled pictures → rows of threads: what a model is trained on.

    from nitograph.corpus import CorpusSettings, build, mnist
    from nitograph.weaving.settings import WeaveSettings

    corpus = build(mnist("train"), CorpusSettings(samples=500), WeaveSettings())
    corpus.save("small.npz")
    corpus.thread(0).label

Importing this loads nothing more; each name is imported when it is first used.

Try it: python -c "from nitograph.corpus import mnist; print(len(mnist('test')))"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

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

if TYPE_CHECKING:  # for type checkers; `as` marks what is handed on
    from nitograph.corpus.prepare import build as build, select as select
    from nitograph.corpus.rows import (
        Corpus as Corpus,
        CorpusSettings as CorpusSettings,
        load_corpus as load_corpus,
    )
    from nitograph.corpus.sources import LabelledImages as LabelledImages, mnist as mnist
    from nitograph.corpus.warps import warp as warp
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
