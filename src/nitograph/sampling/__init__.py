"""Logits → Thread: how the next nail is chosen, and the walk from a class to a finished thread.

Try it: python -m nitograph sample 7 --count 3 -o threads.jsonl
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "SampleSettings": "sampler",
    "choose_nails": "choose",
    "invent": "sampler",
    "provenance": "sampler",
    "resolved": "sampler",
    "sample_paths": "sampler",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.sampling.choose import choose_nails as choose_nails
    from nitograph.sampling.sampler import (
        SampleSettings as SampleSettings,
        invent as invent,
        provenance as provenance,
        resolved as resolved,
        sample_paths as sample_paths,
    )
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
