"""Guards of weights files: what was saved is loaded again, and nothing else is taken for weights."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.errors import FileError, NitographError, SettingsError, WeightsError
from nitograph.model import weights as weights_file
from nitograph.model.settings import ModelSettings, tensor_shapes
from nitograph.model.vocab import Vocabulary
from nitograph.model.weights import Weights, parse
from tiny import random_weights


@pytest.mark.parametrize("half", [True, False])
def test_save_and_load(tmp_path, weights, half):
    """Settings and tensors come back: exactly in single precision, rounded to 16 bits in half."""
    path = tmp_path / "w.safetensors"
    weights.save(path, half=half)
    again = weights_file.load(path)
    for name in ("settings", "board", "rules", "classes", "max_lines", "weaving"):
        assert getattr(again, name) == getattr(weights, name)
    for name, tensor in weights.tensors.items():
        stored = tensor.astype(np.float16).astype(np.float32) if half else tensor
        assert np.array_equal(again.tensors[name], stored)
    assert (again.digest == weights.digest) is not half
    again.save(tmp_path / "again", half=half)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_digest_names_exactly_these_weights(planned):
    """One changed number or setting gives another digest; facts for people do not."""
    tensors = {name: tensor.copy() for name, tensor in planned.tensors.items()}
    tensors["head.nail"][0, 0] += 1e-6
    assert random_weights().digest == planned.digest == random_weights(facts={"a": 1}).digest
    others = {random_weights(max_lines=19).digest, with_tensors(planned, tensors).digest, planned.digest}
    assert len(others) == 3


def with_tensors(weights: Weights, tensors: dict) -> Weights:
    """The same model with other tensors."""
    return Weights(weights.settings, weights.board, weights.rules, weights.classes, tensors, max_lines=20)


@pytest.mark.parametrize(
    ("name", "change", "part"),
    [
        ("head.nail", lambda t: np.full_like(t, np.nan), "head.nail holds numbers that are not finite"),
        ("head.nail", lambda t: np.where(t > 0, np.inf, t), "head.nail holds numbers that are not finite"),
        ("head.nail", lambda t: t[:-1], "head.nail must have shape"),
        ("head.norm", lambda t: t[None], "head.norm must have shape"),
        ("light.scale", np.zeros_like, "light.scale must be above 0"),
        ("head.nail", None, "they lack 'head.nail'"),
        ("head.extra", lambda t: np.zeros(3), "they have 'head.extra'"),
    ],
)
def test_tensors_that_do_not_fit(planned, name, change, part):
    """NaN, infinity, another shape, a tensor too few or too many: one line that names the tensor."""
    tensors = dict(planned.tensors)
    if change is None:
        del tensors[name]
    else:
        tensors[name] = change(tensors.get(name))
    with pytest.raises(WeightsError, match=part):
        with_tensors(planned, tensors)


def test_numbers_beyond_half_precision(tmp_path, planned):
    """A weight that 16 bits cannot hold is an error, and nothing is written."""
    tensors = dict(planned.tensors) | {"head.reach": np.full(32, 1e6, dtype=np.float32)}
    with pytest.raises(WeightsError, match=r"head.reach has numbers that float16 cannot hold"):
        with_tensors(planned, tensors).save(tmp_path / "w.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The bytes of a weights file."""
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    random_weights().save(path)
    return path.read_bytes()


def rebuilt(data: bytes, change) -> bytes:
    """A weights file whose header (tensors by name, metadata parsed) was changed."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    meta = json.loads(header["__metadata__"]["nitograph"])
    change(header, meta)
    if "__metadata__" in header:
        header["__metadata__"]["nitograph"] = json.dumps(meta)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def put(*path, value):
    """A change of the metadata at `path`."""

    def change(header, meta):
        spot = meta
        for key in path[:-1]:
            spot = spot[key]
        spot[path[-1]] = value

    return change


def stated(name, key, value):
    """A change of what the header states of one tensor."""

    def change(header, meta):
        header[name][key] = value

    return change


HOSTILE = {
    "format": put("format", value="other/1"),
    "no model": lambda header, meta: meta.pop("model"),
    "unknown setting": put("model", "wings", value=2),
    "null": put("model", "layers", value=None),
    "layers as text": put("model", "layers", value="4"),
    "more layers": put("model", "layers", value=64),
    "other width": put("model", "embed_dim", value=4096),
    "heads": put("model", "heads", value=5),
    "no board": put("board", value=[]),
    "nails null": put("board", "num_nails", value=None),
    "huge nails": put("board", "num_nails", value=10**400),
    "gap": put("rules", "min_nail_gap", value=0),
    "classes as number": put("classes", value=7),
    "no classes": put("classes", value=[]),
    "twins": put("classes", value=["1"] * 10),
    "no name": put("classes", value=[*"012345678", ""]),
    "max lines inf": put("max_lines", value=float("inf")),
    "max lines nan": put("max_lines", value=float("nan")),
    "max lines text": put("max_lines", value="20"),
    "max lines huge": put("max_lines", value=10**500),
    "max lines zero": put("max_lines", value=0),
    "weaving": put("weaving", value=3),
    "facts": put("facts", value=3),
    "metadata gone": lambda header, meta: header.pop("__metadata__"),
    "integers": stated("head.norm", "dtype", "I16"),
    "brain floats": stated("head.norm", "dtype", "BF16"),
    "eight bits": stated("head.norm", "dtype", "F8_E4M3"),
    "made-up type": stated("head.norm", "dtype", "F99"),
    "offsets": stated("head.norm", "data_offsets", [0, 10**15]),
    "negative offsets": stated("head.norm", "data_offsets", [-4, 28]),
    "shape": stated("head.norm", "shape", [10**12]),
    "overflowing shape": stated("head.norm", "shape", [2**62, 2**62]),
    "renamed": lambda header, meta: header.update({"head.other": header.pop("head.norm")}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(stored, name):
    """An inconsistent header or metadata is refused in one line, before memory is allocated."""
    with pytest.raises((WeightsError, FileError)) as caught:
        parse(rebuilt(stored, HOSTILE[name]), name="w")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\0" * 64,
        b"\xff" * 64,
        struct.pack("<Q", 10**15) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 30_000) + b"[" * 30_000,
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
        b"PK\x03\x04" + b"\0" * 90,
    ],
    ids=lambda data: f"{len(data)} bytes {data[:4]!r}",
)
def test_foreign_files(data):
    """Other files, whatever they hold, are not weights."""
    with pytest.raises(FileError):
        parse(data, name="w")


@settings(max_examples=120)
@given(st.data())
def test_cut_and_flipped(stored, data):
    """A cut or flipped file is refused, or read as sound weights where only numbers changed."""
    if data.draw(st.booleans()):
        changed = stored[: data.draw(st.integers(0, len(stored) - 1))]
        with pytest.raises(NitographError):
            parse(changed, name="w")
        return
    changed = bytearray(stored)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, 4000) | st.integers(0, len(stored) - 1))] ^= 1 << data.draw(
            st.integers(0, 7)
        )
    try:
        found = parse(bytes(changed), name="w")
    except NitographError:
        return
    assert all(np.isfinite(tensor).all() for tensor in found.tensors.values())


def test_model_settings_fit_each_other():
    """Heads must share the width evenly; the message gives a width that works."""
    with pytest.raises(WeightsError, match="take 36") as caught:
        ModelSettings(embed_dim=40, heads=6)
    assert ModelSettings(embed_dim=36, heads=6).heads == 6
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError):
        ModelSettings(design="other")


def test_the_default_model_has_the_size_the_readme_says():
    """About two million numbers at the defaults, so that half precision fits the bundle's 8 MB."""
    for design in ("plan", "plain"):
        chosen = ModelSettings(design=design)
        words = Vocabulary(256, tuple("0123456789"), 256 if chosen.planned else 0)
        count = sum(int(np.prod(shape)) for shape in tensor_shapes(chosen, words).values())
        assert 1_000_000 < count < 4_000_000


def test_missing_bundle_is_one_line(monkeypatch):
    """A package without its weights says so instead of a traceback."""
    monkeypatch.setattr(weights_file, "BUNDLED", "data/none.safetensors")
    with pytest.raises(WeightsError, match="lacks its bundled weights"):
        weights_file.load_bundled()
