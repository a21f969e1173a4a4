"""Small things that many tests share: images, a corpus and models that take no time to make."""

import numpy as np

from nitograph.board import Board, Rules
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import Corpus, CorpusSettings
from nitograph.corpus.sources import LabelledImages, mnist
from nitograph.model.settings import PLAN_CODES, ModelSettings, sharpener_shapes, tensor_shapes
from nitograph.model.sharpen import Sharpener
from nitograph.model.vocab import Vocabulary
from nitograph.model.weights import Weights
from nitograph.weaving.encoder import WeaveSettings

WEAVING = WeaveSettings(
    nails=32, canvas_size=24, max_lines=20, min_nail_gap=2, recent_edges=10, line_strength=0.2
)
ROWS = CorpusSettings(samples=60, seed=3, zernike_order=6)
MODEL = ModelSettings(
    embed_dim=16, heads=2, layers=2, ff_dim=24, dropout=0.1, plan_tokens=4, plan_width=16, zernike_order=6
)


def some_images(count: int = 120) -> LabelledImages:
    """The first images of MNIST's test split."""
    whole = mnist("test")
    return LabelledImages(
        whole.images[:count], whole.labels[:count], whole.classes, "mnist:test", whole.sha256
    )


def small_corpus(**changes: object) -> Corpus:
    """Sixty threads on a board of 32 nails."""
    return build(some_images(), ROWS.replace(**changes), WEAVING)


SIGNS = (
    "0",
    "A",
    "a",
    "H",
    "e",
    "l",
    "o",
    "&",
    "<",
    "/",
    "Ω",
    "é",
    "heart",
    "♥️",
    "👨‍👩‍👧",
    "{",
    "two words",
)
"""Classes of every kind of name."""


def random_weights(
    settings: ModelSettings = MODEL,
    *,
    seed: int = 0,
    classes: tuple[str, ...] = tuple("0123456789"),
    **more: object,
) -> Weights:
    """A model that has learned nothing, every tensor at work; made without PyTorch."""
    rng, board = np.random.default_rng(seed), Board(WEAVING.nails)
    words = Vocabulary(board.num_nails, classes, PLAN_CODES if settings.planned else 0)
    tensors = {}
    for name, shape in tensor_shapes(settings, words).items():
        drawn = rng.normal(size=shape) / np.sqrt(shape[0] if len(shape) > 1 else 4)
        if name.endswith("norm") or name.startswith("light.") or name == "head.gain":
            drawn = 0.1 + 0.05 * np.abs(drawn)
        tensors[name] = drawn.astype(np.float32)
    fields = {"max_lines": WEAVING.max_lines, "weaving": WEAVING.to_dict(), **more}
    rules = Rules(WEAVING.min_nail_gap, WEAVING.recent_edges)
    return Weights(settings, board, rules, classes, tensors, **fields)  # type: ignore[arg-type]


def random_sharpener(*, classes: int = 10, seed: int = 0) -> Sharpener:
    """A flow that has learned nothing, every tensor at work."""
    rng, tensors = np.random.default_rng(seed), {}
    for name, shape in sharpener_shapes(classes, 4, 6, 2, 1).items():
        drawn = np.full(shape, 0.2 if name == "spread" else 1.0)
        if len(shape) > 1:
            drawn = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        tensors[name] = drawn.astype(np.float32)
    return Sharpener(tensors)
