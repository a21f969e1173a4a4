"""The result of an evaluation as one offline page.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1 --page evaluation.html
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "page": "report",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.evaluation.page.report import page as page
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
