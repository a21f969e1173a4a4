"""The flags of models and of sampling that several commands share.

Try it: python -m nitograph sample 3 --count 2 -o threads.jsonl
"""

import argparse
from typing import TYPE_CHECKING

from nitograph.api.models import DEVICES as DEVICES
from nitograph.cli.options import add_settings, read_settings
from nitograph.sampling.settings import PLAIN_DEFAULTS, STEPS, SampleSettings

if TYPE_CHECKING:
    from nitograph.model.weights import Weights
    from nitograph.thread import Thread

DEFAULTS = {
    name: getattr(PLAIN_DEFAULTS, name) for name in ("temperature", "top_k", "plan_temperature", "guidance")
} | {"plan_steps": STEPS}


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The checkpoint, the device and every sampling setting."""
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="checkpoint (.pt) or weights (.safetensors); default mine.safetensors of this folder if it "
        "has learned the class, else string_ai.pt of this folder, else the bundled weights",
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


def add_repair_argument(parser: argparse.ArgumentParser) -> None:
    """Whether finished threads are repaired."""
    parser.add_argument(
        "--repair",
        action="store_true",
        help="pull the finished thread towards its plan by the encoder's local search",
    )


def add_begun_argument(parser: argparse.ArgumentParser) -> None:
    """The thread that is to be finished."""
    parser.add_argument(
        "--continue",
        dest="begun",
        metavar="FILE",
        help="finish the thread in this file: its nails stay, the rest is invented",
    )


def read_begun(args: argparse.Namespace, weights: "Weights") -> "Thread | None":
    """The thread to be finished, if one is given; a bare list of nails is taken as on the model's board."""
    if args.begun is None:
        return None
    from nitograph.io.lists import ForeignList, read_thread

    return read_thread(args.begun, ForeignList(list_nails=weights.board.num_nails))
