"""Evaluation: how good, varied and original are the threads that a model invents?

    candidates ─▶ samples ─┐
    material ─▶ references ┼─▶ judges (critics · metrics · copying) ─▶ verdicts ─▶ protocol ─▶ report
    training threads ──────┘

`protocol.evaluate` runs the fixed protocol on anything that gives threads; `page.report` renders the
result. Critics and likelihood need PyTorch. Nothing here prints.

Try it: python -m nitograph evaluate --samples-per-class 20 --seeds 1
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Cache": "cache",
    "Candidate": "candidates",
    "ListedCandidate": "candidates",
    "ModelCandidate": "candidates",
    "RandomCandidate": "candidates",
    "Material": "material",
    "Training": "woven",
    "Evaluation": "protocol",
    "evaluate": "protocol",
    "EvaluationSettings": "settings",
    "Figure": "verdicts",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.evaluation.cache import Cache as Cache
    from nitograph.evaluation.candidates import (
        Candidate as Candidate,
        ListedCandidate as ListedCandidate,
        ModelCandidate as ModelCandidate,
        RandomCandidate as RandomCandidate,
    )
    from nitograph.evaluation.material import Material as Material
    from nitograph.evaluation.protocol import Evaluation as Evaluation, evaluate as evaluate
    from nitograph.evaluation.settings import EvaluationSettings as EvaluationSettings
    from nitograph.evaluation.verdicts import Figure as Figure
    from nitograph.evaluation.woven import Training as Training
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
