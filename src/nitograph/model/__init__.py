"""The Transformer: its weights file, and decoders in NumPy, in compiled batches and in PyTorch.

Try it: python -c "from nitograph.model.weights import load_bundled; print(load_bundled().classes)"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "Decoder": "decoder",
    "ModelSettings": "settings",
    "Weights": "weights",
    "load": "weights",
    "load_bundled": "weights",
    "Vocabulary": "vocab",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.model.decoder import Decoder as Decoder
    from nitograph.model.settings import ModelSettings as ModelSettings
    from nitograph.model.vocab import Vocabulary as Vocabulary
    from nitograph.model.weights import Weights as Weights, load as load, load_bundled as load_bundled
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
