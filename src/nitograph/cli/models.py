"""Which weights a command uses, and the flags of sampling that several commands share.

Without a name: `string_ai.pt` of this folder (by its published `string_ai.safetensors` where that is
not older), else the weights in the package. PyTorch is imported only to read a `.pt` that has nothing
beside it.

Try it: python -m nitograph sample 3 --count 2 -o threads.jsonl
"""

import argparse
from pathlib import Path

from nitograph.cli.options import add_settings, read_settings
from nitograph.errors import FileError, SettingsError
from nitograph.model import weights as weights_file
from nitograph.model.weights import Weights
from nitograph.sampling.invent import Decoding, SampleSettings

DEFAULT = Path("string_ai.pt")
DEVICES = ("auto", "cuda", "mps", "cpu")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The checkpoint, the device, the seed and every setting of sampling."""
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="checkpoint (.pt) or weights (.safetensors); default string_ai.pt if it lies here, "
        "else the bundled weights",
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where to decode (default auto: NumPy on the CPU; cuda and mps need PyTorch)",
    )
    add_settings(parser, SampleSettings, title="sampling")


def read_sampling(args: argparse.Namespace) -> SampleSettings:
    """The sampling settings of a parsed command line."""
    return read_settings(args, SampleSettings)


def find_weights(name: str | None) -> Weights:
    """The weights of a checkpoint or weights file; with no name, as this module's docstring says."""
    if name is None:
        if not DEFAULT.exists():
            return weights_file.load_bundled()
        published = DEFAULT.with_suffix(".safetensors")
        fresh = published.exists() and published.stat().st_mtime >= DEFAULT.stat().st_mtime
        name = str(published if fresh else DEFAULT)
    path = Path(name)
    if path.suffix == ".safetensors":
        return weights_file.load(path)
    if not path.is_file():
        raise FileError(f"no checkpoint {path}; train one, or leave it out to use the bundled weights")
    try:
        from nitograph.training.checkpoints import checkpoint_weights
    except ImportError:
        raise FileError(
            f"reading {path} needs PyTorch (pip install 'nitograph[train]'); "
            "or name the .safetensors file that training wrote beside it"
        ) from None
    return checkpoint_weights(path)


def make_decoder(weights: Weights, device: str) -> Decoding:
    """A decoder for these weights: NumPy, or PyTorch on the device that was asked for."""
    if device in ("auto", "cpu"):
        from nitograph.model.decoder import Decoder

        return Decoder(weights)
    try:
        from nitograph.model.network import Network
        from nitograph.model.network_decoder import NetworkDecoder
    except ImportError:
        raise SettingsError(f"device {device} needs PyTorch: pip install 'nitograph[train]'") from None
    from nitograph.training.processes import find_device

    return NetworkDecoder(Network.from_weights(weights).to(find_device(device)))


def split_classes(text: str, classes: tuple[str, ...]) -> list[str]:
    """A class name, or a word whose characters are all classes: `7`, `2026`."""
    return [text] if text in classes or not text else list(text)
