"""The flags of models and of sampling that several commands share.

Try it: python -m nitograph sample 3 --count 2 -o threads.jsonl
"""

import argparse

from nitograph.api.models import DEVICES as DEVICES
from nitograph.cli.options import add_settings, read_settings
from nitograph.sampling.sampler import PLAIN_DEFAULTS, STEPS, SampleSettings

DEFAULTS = {
    name: getattr(PLAIN_DEFAULTS, name) for name in ("temperature", "top_k", "plan_temperature", "guidance")
} | {"plan_steps": STEPS}


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The checkpoint, the device and every sampling setting."""
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="checkpoint (.pt) or weights (.safetensors); default string_ai.pt if this folder has it, "
        "else the bundled weights",
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where to decode (default auto: NumPy on the CPU; cuda and mps need PyTorch)",
    )
    own = {name: f"the weights' own, else {value:g}" for name, value in DEFAULTS.items()}
    add_settings(parser, SampleSettings, title="sampling", defaults=own)


def read_sampling(args: argparse.Namespace) -> SampleSettings:
    """The sampling settings of a parsed command line."""
    return read_settings(args, SampleSettings)
