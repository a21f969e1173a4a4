"""A trained model in one safetensors file: its settings, its classes and its tensors. No PyTorch.

The file's metadata holds everything needed to use the tensors (settings, classes, weaving settings,
training facts) as JSON; tensors are stored in half precision on request and used in single precision.
A file is checked before use: names, shapes, finite numbers. The flow that draws plans sharp, where a
model has one, lies beside its tensors, each name with SHARPEN before it. This module does not know how to
decode.

Try it: python -c "from nitograph.model.weights import load_bundled; print(load_bundled().settings)"
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.board import Board, Rules
from nitograph.errors import FileError, NitographError, WeightsError
from nitograph.io.files import read_bytes, write_bytes
from nitograph.light.zernike import Zernike
from nitograph.model.settings import PLAN_CODES, ModelSettings, sharpener_shapes, tensor_shapes
from nitograph.model.sharpen import SIDE, Sharpener
from nitograph.model.sight import SightSettings
from nitograph.model.vocab import Vocabulary
from nitograph.thread import MAX_CHORDS
from nitograph.untrusted import parse_json, reading

FORMAT = "nitograph-weights/1"
MAX_BYTES = 512 * 1024 * 1024
BUNDLED = "data/handwriting.safetensors"
MAX_PULL = 100
SHARPEN = "sharpen."  # stands before the name of a flow's tensor in the file

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained model.

    tensors: float32 arrays by name, as `tensor_shapes` lists them. weaving: the WeaveSettings, as plain
    values, of the threads it was trained on. facts: JSON values about its training, for people. sampling:
    how it is best sampled, plain values by the names of SampleSettings; what is not named there has the
    program's own default. sharpener: what draws its plans sharp, if anything does. pull: for classes that
    guidance is to push less or more, the share of its push (1 for the others).
    """

    settings: ModelSettings
    board: Board
    rules: Rules
    classes: tuple[str, ...]
    tensors: Tensors
    max_lines: int = 240
    weaving: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    sampling: Mapping[str, Any] = field(default_factory=dict)
    sharpener: Sharpener | None = None
    pull: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.max_lines) is not int or not 1 <= self.max_lines <= MAX_CHORDS:
            raise WeightsError(f"max_lines must be from 1 to {MAX_CHORDS}, got {str(self.max_lines)[:40]}")
        if len(set(self.classes)) != len(self.classes) or not all(self.classes):
            raise WeightsError(
                f"a model's classes must have names, all different, got {str(self.classes)[:80]}"
            )
        if not all(known in self.classes and 0 <= share <= MAX_PULL for known, share in self.pull.items()):
            raise WeightsError(f"guidance must pull known classes, 0 to {MAX_PULL} times; train again")
        _check_tensors(self.tensors, tensor_shapes(self.settings, self.vocabulary))
        sight = self.sight  # raises where its threads are none that it could look at
        if self.sharpener is not None:
            self._check_sharpener(self.sharpener.tensors, sight)

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids of this model."""
        codes = PLAN_CODES if self.settings.planned else 0
        return Vocabulary(self.board.num_nails, self.classes, codes)

    @property
    def zernike(self) -> Zernike:
        """The functions in which this model sees light."""
        return Zernike(self.settings.zernike_order)

    @property
    def sight(self) -> SightSettings | None:
        """What this model sees by; None where it has no sight."""
        if not self.settings.sight:
            return None
        return SightSettings.of(self.weaving, self.board, self.rules, self.settings.zernike_order)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over settings and tensors, which identifies exactly these weights."""
        sha = hashlib.sha256(json.dumps(self._identity(), sort_keys=True).encode())
        tensors = self._all_tensors()
        for name in sorted(tensors):
            sha.update(name.encode())
            sha.update(np.ascontiguousarray(tensors[name], dtype="<f4").tobytes())
        return sha.hexdigest()

    def parameters(self) -> int:
        """How many parameters the tensors hold, those of the flow included."""
        return sum(tensor.size for tensor in self._all_tensors().values())

    def save(self, path: str | Path, *, half: bool = True) -> None:
        """Write a safetensors file, whole or not at all; `half` stores 16-bit floats."""
        from safetensors.numpy import save

        kind = np.float16 if half else np.float32
        with np.errstate(over="ignore"):
            stored = {name: tensor.astype(kind) for name, tensor in self._all_tensors().items()}
        for name, tensor in stored.items():
            if not np.isfinite(tensor).all():
                raise WeightsError(
                    f"tensor {name} has numbers that {kind.__name__} cannot hold; save with half=False"
                )
        more = {"sampling": dict(self.sampling)} if self.sampling else {}
        text = json.dumps(self._identity() | more | {"facts": dict(self.facts)}, ensure_ascii=False)
        write_bytes(path, save(stored, metadata={"nitograph": text}))

    def _all_tensors(self) -> Tensors:
        """The tensors of the model and of its flow, by their names in the file."""
        if self.sharpener is None:
            return self.tensors
        flow = {SHARPEN + name: tensor for name, tensor in self.sharpener.tensors.items()}
        return {**self.tensors, **flow}

    def _check_sharpener(self, tensors: Tensors, sight: SightSettings | None) -> None:
        """WeightsError where a flow does not fit the model, or its own form."""
        if not self.settings.planned:
            raise WeightsError(
                "a model without plans has none to draw sharp; leave the sharpen tensors out"
            )
        if sight is not None and sight.scoring.canvas_size != 2 * SIDE:
            raise WeightsError(
                f"plans are drawn sharp on {2 * SIDE} pixels, but this model looks at a canvas of "
                f"{sight.scoring.canvas_size}; weave with a canvas_size of {2 * SIDE}"
            )
        fine, wide = (_last_axis(tensors.get(name)) for name in ("in.weight", "down"))
        blocks = [Sharpener(tensors).blocks(kind) for kind in ("fine", "wide")]
        _check_tensors(tensors, sharpener_shapes(len(self.classes), fine, wide, *blocks), SHARPEN)
        if not tensors["spread"][0] > 0 or blocks[0] < 1:
            raise WeightsError("a flow needs a spread above 0 and a fine block; train it again")

    def _identity(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "model": self.settings.to_dict(),
            "board": self.board.to_dict(),
            "rules": self.rules.to_dict(),
            "classes": list(self.classes),
            "max_lines": self.max_lines,
            "weaving": dict(self.weaving),
        } | ({"pull": dict(self.pull)} if self.pull else {})


def load(path: str | Path) -> Weights:
    """Read a weights file; FileError or WeightsError if it is not one."""
    return parse(read_bytes(path, limit=MAX_BYTES), name=str(path))


def load_bundled() -> Weights:
    """The weights that ship inside the package: handwritten digits, letters and signs."""
    try:
        data = resources.files("nitograph").joinpath(BUNDLED).read_bytes()
    except OSError:
        raise WeightsError(
            f"the package lacks its bundled weights ({BUNDLED}); reinstall it, or name a checkpoint"
        ) from None
    return parse(data, name="the bundled weights")


def parse(data: bytes, *, name: str) -> Weights:
    """Weights from the bytes of a safetensors file."""
    from safetensors.numpy import load as load_tensors

    with reading(FileError(f"{name} is not a Nitograph weights file (safetensors), or it is damaged")):
        tensors, meta = load_tensors(data), _metadata(data, name)
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise FileError(f"{name} is not a Nitograph weights file of format {FORMAT}")
    try:
        with reading(WeightsError("its metadata is damaged")):
            single = {key: _single(key, tensor) for key, tensor in tensors.items()}
            flow = {
                key.removeprefix(SHARPEN): single.pop(key)
                for key in list(single)
                if key.startswith(SHARPEN)
            }
            return Weights(
                settings=ModelSettings.from_dict(meta["model"]),
                board=Board.from_dict(meta["board"]),
                rules=Rules.from_dict(meta["rules"]),
                classes=tuple(str(label) for label in meta["classes"]),
                tensors=single,
                max_lines=meta["max_lines"],
                weaving=dict(meta["weaving"]),
                facts=dict(meta.get("facts", {})),
                sampling=dict(meta.get("sampling", {})),
                sharpener=Sharpener(flow) if flow else None,
                pull={str(label): float(share) for label, share in dict(meta.get("pull", {})).items()},
            )
    except NitographError as error:
        raise WeightsError(f"{name}: {error}") from None


def _metadata(data: bytes, name: str) -> Any:
    """The metadata in the header of a safetensors file; any error if there is none."""
    (length,) = struct.unpack("<Q", data[:8])
    text = data[8 : 8 + length].decode("utf-8")
    header = parse_json(text, f"the header of {name}")
    return parse_json(header["__metadata__"]["nitograph"], f"the metadata of {name}", constants=True)


def _single(name: str, tensor: NDArray[Any]) -> NDArray[np.float32]:
    """A stored tensor in single precision; WeightsError if it is not stored as floats."""
    if tensor.dtype not in (np.float16, np.float32):
        raise WeightsError(f"tensor {name} must be stored as F16 or F32, got {tensor.dtype}")
    return tensor.astype(np.float32)


def _last_axis(tensor: NDArray[np.float32] | None) -> int:
    return 0 if tensor is None or not tensor.ndim else int(tensor.shape[-1])


def _check_tensors(tensors: Tensors, shapes: Mapping[str, tuple[int, ...]], before: str = "") -> None:
    """WeightsError where names, shapes or numbers are not as they must be; `before`: each name."""
    missing, extra = sorted(set(shapes) - set(tensors)), sorted(set(tensors) - set(shapes))
    if missing or extra:
        what = (
            f"lack {before + missing[0]!r}"
            if missing
            else f"have {before + extra[0]!r}, which is not part of the model"
        )
        raise WeightsError(f"these weights do not fit their settings: they {what}")
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            raise WeightsError(f"tensor {before}{name} must have shape {shape}, got {tensors[name].shape}")
        if not np.isfinite(tensors[name]).all():
            raise WeightsError(
                f"tensor {before}{name} holds numbers that are not finite; train again or download the "
                "file again"
            )
    if not (tensors.get("light.scale", np.ones(1)) > 0).all():
        raise WeightsError(
            "tensor light.scale must be above 0 everywhere; train again or download the file again"
        )
