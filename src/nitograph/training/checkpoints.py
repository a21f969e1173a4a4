"""Checkpoint files: written whole or not at all, read without running any code that may be in them.

`resume` decides what a checkpoint holds; this module knows only the parts that make up finished weights.

Try it: python -c "from nitograph.training.checkpoints import checkpoint_weights; help(checkpoint_weights)"
"""

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nitograph.errors import FileError, NitographError, WeightsError
from nitograph.io.files import replacing
from nitograph.model.settings import ModelSettings
from nitograph.model.sharpen import Sharpener
from nitograph.model.weights import Weights
from nitograph.training.flow import Flow, FlowForm
from nitograph.training.settings import best_sampling
from nitograph.untrusted import is_small, reading
from nitograph.weaving.settings import WeaveSettings

FORMAT = "nitograph-checkpoint/1"
VALUES = (
    *("run", "model", "settings", "corpus", "max_lines"),
    *("step", "seconds", "best", "history", "ancestor"),
)
"""Parts that are JSON values."""
MAX_VALUES = 2**22  # items and characters of these parts


def write_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write the state to `path`; FileError if that fails."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save({"format": FORMAT, **state}, file)  # torch would write a name into the file
        except RuntimeError:  # torch raises it for any disk error
            raise FileError(
                f"cannot write {path}: the disk is full or the file too large; free some space"
            ) from None


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The state in a checkpoint file, read without running any code in it; FileError if it is not one."""
    if not Path(path).is_file():
        raise FileError(f"no checkpoint {path}; check the name and the folder")
    damaged = FileError(f"{path} is not a Nitograph checkpoint, or it is damaged; use another")
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # closed below; only opening it may blame the disk
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from None
    with file, reading(damaged), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about foreign files
        with zipfile.ZipFile(file) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise damaged  # ours are not compressed, so that they take the memory that they have bytes
        file.seek(0)
        state = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FileError(f"{path} is not a Nitograph checkpoint of format {FORMAT}; use another")
    if not is_small([state.get(name) for name in VALUES], MAX_VALUES):
        raise damaged
    return state


def matching_checkpoint(path: str | Path, **expected: Mapping[str, Any]) -> dict[str, Any]:
    """The state in a checkpoint; WeightsError if a part of it differs from what is expected."""
    state = read_checkpoint(path)
    for key, wanted in expected.items():
        found = state.get(key)
        found = found if isinstance(found, dict) else {}
        different = sorted(name for name in wanted if wanted[name] != found.get(name))
        if different:
            raise WeightsError(
                f"{path} was trained with another {key} ({', '.join(different)}); "
                "resume with the same settings and dataset, or start a new run"
            )
    return state


def checkpoint_weights(path: str | Path) -> Weights:
    """The weights in a checkpoint; WeightsError if its parts contradict each other."""
    state = read_checkpoint(path)
    try:
        with reading(WeightsError("it is a damaged checkpoint; use another or start a new run")):
            weaving = WeaveSettings.from_dict(state["corpus"]["weaving"])
            facts = {"train": state["settings"], "steps": state["step"], "corpus": state["corpus"]}
            model, sharpener = ModelSettings.from_dict(state["model"]), _sharpener(state)
            return Weights(
                model,
                weaving.board,
                weaving.rules,
                tuple(str(name) for name in state["corpus"]["classes"]),
                {name: _single(name, value) for name, value in state["network"].items()},
                max_lines=state["max_lines"],
                weaving=weaving.to_dict(),
                facts=facts,
                sampling=best_sampling(sight=model.sight, sharp=sharpener is not None),
                sharpener=sharpener,
            )
    except NitographError as error:
        raise WeightsError(f"{path}: {error}") from None


def _sharpener(state: Mapping[str, Any]) -> Sharpener | None:
    """The flow in a checkpoint that is done, or was taken over; None if there is none yet."""
    phase, taken = state.get("flow"), state.get("sharpener")
    if phase and phase["ended"]:
        flow = Flow(FlowForm(**phase["form"]), len(state["corpus"]["classes"]))
        flow.load_state_dict(phase["smooth"])
        return flow.sharpener()
    return Sharpener({name: _single(name, tensor) for name, tensor in taken.items()}) if taken else None


def _single(name: str, tensor: torch.Tensor) -> NDArray[np.float32]:
    """A tensor in single precision; WeightsError if it claims more numbers than its storage holds."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise WeightsError(f"tensor {name} is damaged")
    return np.asarray(tensor.float().numpy())
