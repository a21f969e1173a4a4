"""The corpus of symbols of one's own: as many rows of each class, drawings and warped variants of them.

Classes that are kept have as many rows again, all together, so that what is new is not lost among them.
This module reads no files and knows no network.

Try it: python -c "from nitograph.learning.rows import *; help(corpus_of)"
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.corpus.prepare import build, metadata_of, token_rows
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.learning.drawings import Drawings
from nitograph.learning.settings import LearnSettings
from nitograph.weaving.settings import WeaveSettings

__all__ = ["corpus_of", "metadata", "rows_of"]

Progress = Callable[[int], None]
ENOUGH = 8  # drawings of each class, from which on their own variety counts
FEW: dict[str, float] = {"warp": 2.0, "stroke": 0.5}
MANY: dict[str, float] = {"warp": 1.0, "stroke": 0.0}


def corpus_of(
    drawings: Drawings,
    settings: LearnSettings,
    weaving: WeaveSettings,
    *,
    order: int,
    progress: Progress = lambda done: None,
) -> Corpus:
    """The rows to learn from, own classes and kept ones; order: of the light kept of each picture."""
    own = drawings.part(own=True)
    rows = rows_of(drawings, settings, order)
    found = build(own, rows, weaving, progress=progress)
    others = drawings.part(own=False)
    if len(others):
        before = len(found)
        kept = build(
            others,
            rows.replace(samples=settings.kept_rows, **MANY),
            weaving,
            progress=lambda done: progress(before + done),
        )
        found = _joined(found, kept, len(own))
    return replace(found, metadata=metadata(drawings, settings, weaving, order=order))


def rows_of(drawings: Drawings, settings: LearnSettings, order: int) -> CorpusSettings:
    """How the rows of own classes are chosen; where a class has few drawings, warps are stronger."""
    counts = np.bincount(drawings.part(own=True).labels, minlength=len(drawings.classes))
    fewest = min(int(counts[drawings.classes.index(name)]) for name in drawings.own)
    warps = FEW if fewest < ENOUGH else MANY
    rows = CorpusSettings(samples=settings.rows, balance=1.0, seed=settings.seed, zernike_order=order)
    return rows.replace(**warps)


def metadata(
    drawings: Drawings, settings: LearnSettings, weaving: WeaveSettings, *, order: int
) -> dict[str, Any]:
    """Everything that a corpus is made from, as JSON values, before it is woven."""
    made = metadata_of(drawings.train, rows_of(drawings, settings, order), weaving)
    return made | {"own": list(drawings.own), "varied": list(drawings.varied), "learn": settings.to_dict()}


def _joined(one: Corpus, two: Corpus, images: int) -> Corpus:
    """The rows of both; images: how many pictures the first was chosen from."""
    nails = [_nails(part) for part in (one, two)]
    width = max(part.shape[1] for part in nails)
    rows = np.concatenate([_padded(part, width) for part in nails])
    labels = np.concatenate([one.labels, two.labels])
    tokens, lengths = token_rows(rows, labels, one.vocabulary)
    seen = [part.pictures for part in (one, two) if part.pictures is not None]
    return Corpus(
        tokens,
        labels,
        lengths,
        np.concatenate([one.sources, two.sources + images]),
        np.concatenate([one.explained, two.explained]),
        np.concatenate([one.light, two.light]),
        one.metadata,
        np.concatenate(seen) if len(seen) == 2 else None,
        _groups(one, two),
    )


def _groups(one: Corpus, two: Corpus) -> NDArray[np.int64] | None:
    """Who made the pictures, where it is known of the first; each of the others stands alone."""
    if one.groups is None:
        return None
    return np.concatenate([one.groups, int(one.groups.max()) + 1 + two.sources])


def _nails(corpus: Corpus) -> NDArray[np.integer]:
    """The nails of each row, padded with −1."""
    body = np.asarray(corpus.tokens)[:, 1:]
    return np.where(body < corpus.board.num_nails, body, -1)


def _padded(nails: NDArray[np.integer], width: int) -> NDArray[np.integer]:
    return np.pad(nails, ((0, 0), (0, width - nails.shape[1])), constant_values=-1)
