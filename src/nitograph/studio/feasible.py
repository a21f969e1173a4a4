"""What is refused before it waits: values that fit alone, but not each other, the model or the board.

A job may stand in the line behind the work of others for as long as that takes; what its values alone rule
out is answered at once. The same rules hold again where the work is done, and find what only the work can
find. This module does no work.

Try it: python -c "from nitograph.studio.feasible import *; check('threads', {'text': '7'}, ['7'])"
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nitograph.api.keywords import take
from nitograph.errors import NitographError
from nitograph.model.vocab import check_known
from nitograph.sampling.settings import SampleSettings
from nitograph.studio.files import check_file
from nitograph.studio.refusal import RefusedError
from nitograph.studio.work import read, weaving_of

Given = Mapping[str, Any]
Classes = Sequence[str] | None


def check(name: str, given: Given, classes: Classes) -> None:
    """RefusedError 409 if that job cannot be done with these values; classes: None if not yet known."""
    try:
        CHECKS[name](given, classes)
    except NitographError as error:
        raise RefusedError(409, "impossible", str(error)) from None


def _threads(given: Given, classes: Classes) -> None:
    from nitograph.api.words import spelled

    take(SampleSettings, given.get("sampling", {}))
    if classes is not None:
        spelled(given["text"], classes)


def _labelled(given: Given, classes: Classes) -> None:
    take(SampleSettings, given.get("sampling", {}))
    if classes is not None and given.get("label") is not None:
        check_known([given["label"]], classes)


def _weavings(given: Given, classes: Classes) -> None:
    weaving_of(given["settings"])


def _exports(given: Given, classes: Classes) -> None:
    check_file(given["format"], read(given["threads"]), given)


CHECKS: Mapping[str, Callable[[Given, Classes], None]] = {
    "threads": _threads,
    "gallery": _labelled,
    "drawings": _labelled,
    "weavings": _weavings,
    "exports": _exports,
}
"""For each job the rules that need no work."""
