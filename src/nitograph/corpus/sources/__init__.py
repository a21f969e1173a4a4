"""Where labelled pictures come from: MNIST, IDX files, and whatever other packages add, by name.

    from nitograph.corpus.sources import find, find_all

    find("mnist", "test").images
    find_all(["mnist", "idx:letters"]).classes

Importing this loads nothing more; each name is imported when it is first used.

Try it: python -c "from nitograph.corpus.sources import find; print(find('mnist').classes)"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "LabelledImages": "images",
    "find": "named",
    "find_all": "named",
    "join": "images",
    "load": "named",
    "mnist": "digits",
    "parse_idx": "idx",
    "read_idx": "idx",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:  # for type checkers; `as` marks what is handed on
    from nitograph.corpus.sources.digits import mnist as mnist
    from nitograph.corpus.sources.idx import parse_idx as parse_idx, read_idx as read_idx
    from nitograph.corpus.sources.images import LabelledImages as LabelledImages, join as join
    from nitograph.corpus.sources.named import find as find, find_all as find_all, load as load
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
