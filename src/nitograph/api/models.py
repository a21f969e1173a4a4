"""Finding weights by name, and making a decoder for them.

Without a name: `mine.safetensors` of this folder where it has learned what is to be drawn (`learn` writes
it); else `string_ai.pt` of this folder (read from its published `string_ai.safetensors` if that is not
older), else the bundled weights. PyTorch is imported only to read a `.pt` without published weights, or
for a device that needs it. This module samples nothing.

Try it: python -c "from nitograph.api.models import find_weights; print(find_weights().classes)"
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nitograph.api.words import names_of
from nitograph.errors import FileError, SettingsError
from nitograph.model import weights as weights_file
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import Decoding
from nitograph.untrusted import need

DEFAULT = Path("string_ai.pt")
OWN = Path("mine.safetensors")  # what `learn` writes where nothing else is said
DEVICES = ("auto", "cuda", "mps", "cpu")


def find_weights(name: str | Path | None = None, *, wanted: Sequence[str] = ()) -> Weights:
    """The weights of a checkpoint or weights file; without a name, as the module's docstring says.

    wanted: the classes or words that are to be drawn.
    """
    if name is None and wanted and OWN.is_file():
        own = weights_file.load(OWN)
        if _has_learned(own, wanted):
            return own
    if name is None:
        if not DEFAULT.exists():
            return weights_file.load_bundled()
        published = DEFAULT.with_suffix(".safetensors")
        fresh = published.exists() and published.stat().st_mtime >= DEFAULT.stat().st_mtime
        name = published if fresh else DEFAULT
    path = Path(name)
    if path.suffix == ".safetensors":
        return weights_file.load(path)
    if not path.is_file():
        raise FileError(
            f"there is no checkpoint {path}; train one, or leave it out to use the bundled weights"
        )
    missing = FileError(
        f"reading {path} needs PyTorch (pip install 'nitograph[train]'); "
        "or give the .safetensors file that training wrote beside it"
    )
    need("torch", missing)
    from nitograph.training.checkpoints import checkpoint_weights

    return checkpoint_weights(path)


def _has_learned(own: Weights, wanted: Sequence[str]) -> bool:
    """Whether these weights know all that is wanted, and have learned some of it: not only kept it."""
    names = {name for text in wanted for name in names_of(text, own.classes)}
    corpus = own.facts.get("corpus")
    learned = corpus.get("own") if isinstance(corpus, Mapping) else None
    learned = learned if isinstance(learned, list) else own.classes
    return names <= set(own.classes) and any(name in learned for name in names)


def make_decoder(weights: Weights, device: str = "auto") -> Decoding:
    """A decoder for these weights: NumPy, or PyTorch on the given device."""
    if device not in DEVICES:
        raise SettingsError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device in ("auto", "cpu"):
        from nitograph.model.decoder import Decoder

        return Decoder(weights)
    need("torch", SettingsError(f"device {device} needs PyTorch: pip install 'nitograph[train]'"))
    from nitograph.model.network import Network
    from nitograph.model.network_decoder import NetworkDecoder
    from nitograph.training.processes import find_device

    return NetworkDecoder(Network.from_weights(weights).to(find_device(device)))
