"""Logits → Thread: how the next nail is chosen, and the walk from a class to a finished thread.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "SampleSettings": "invent",
    "provenance": "invent",
    "resolved": "invent",
    "sample_paths": "invent",
    "choose_nails": "choose",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.sampling.choose import choose_nails as choose_nails
    from nitograph.sampling.invent import (
        SampleSettings as SampleSettings,
        provenance as provenance,
        resolved as resolved,
        sample_paths as sample_paths,
    )
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
