"""Finding weights by name, making a decoder for them, and splitting a word into classes.

Without a name: `string_ai.pt` of this folder (read from its published `string_ai.safetensors` if that is
not older), else the bundled weights. PyTorch is imported only to read a `.pt` without published weights, or
for a device that needs it. This module samples nothing.

Try it: python -c "from nitograph.api.models import find_weights; print(find_weights().classes)"
"""

from pathlib import Path

from nitograph.errors import FileError, SettingsError
from nitograph.model import weights as weights_file
from nitograph.model.weights import Weights
from nitograph.sampling.sampler import Decoding
from nitograph.untrusted import need

DEFAULT = Path("string_ai.pt")
DEVICES = ("auto", "cuda", "mps", "cpu")


def find_weights(name: str | Path | None = None) -> Weights:
    """The weights of a checkpoint or weights file; without a name, as the module's docstring says."""
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


def split_classes(text: str, classes: tuple[str, ...]) -> list[str]:
    """A class name as it is, or the characters of a word: `7`, `2026`."""
    return [text] if text in classes or not text else list(text)
