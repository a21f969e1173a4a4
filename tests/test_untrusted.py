"""Guards of the boundary around readers: every error a refusal, what the system refuses named as such."""

import errno
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from nitograph.cli.faults import FAULT, told
from nitograph.corpus.rows import ARRAYS, load_corpus
from nitograph.corpus.sources import parse_idx
from nitograph.errors import (
    FileError,
    NitographError,
    SettingsError,
    SourceError,
    ThreadError,
    WeightsError,
)
from nitograph.evaluation.cache import Cache
from nitograph.io.npz import read_arrays
from nitograph.thread import MAX_LABEL, Thread
from nitograph.training.checkpoints import checkpoint_weights
from nitograph.training.resume import restore
from nitograph.training.trainer import Trainer
from nitograph.untrusted import (
    HANDLES,
    MAX_DEPTH,
    MEMORY,
    THREADS,
    is_small,
    need,
    parse_json,
    reading,
    shortage,
)
from readers import TRAIN
from tiny import MODEL

ANY = [
    ValueError("a"),
    KeyError("a"),
    RecursionError(),
    AssertionError(),
    ZeroDivisionError(),
    OSError("a"),
]
SCARCE = [
    (MemoryError(), MEMORY),
    (OSError(errno.ENOMEM, "a"), MEMORY),
    (OSError(errno.EMFILE, "a"), HANDLES),
    (ImportError("libx.so: failed to map segment from shared object"), MEMORY),
    (ImportError("libx.so: cannot open shared object file: Too many open files"), HANDLES),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), MEMORY),
    (RuntimeError("can't start new thread"), THREADS),
]


@pytest.mark.parametrize("error", ANY)
def test_whatever_a_parser_raises_is_one_refusal(error):
    """No list of exceptions: any of them is the refusal, a NitographError stays itself."""
    with pytest.raises(FileError, match=r"^refused$"), reading(FileError("refused")):
        raise error
    with pytest.raises(ThreadError, match=r"^mine$"), reading(FileError("refused")):
        raise ThreadError("mine")
    with pytest.raises(KeyboardInterrupt), reading(FileError("refused")):
        raise KeyboardInterrupt


@pytest.mark.parametrize(("error", "what"), SCARCE)
def test_scarcity_is_no_fault_of_the_file(error, what):
    """What the system refused passes the boundary, also where a library hides it behind an error."""
    with pytest.raises(type(error)), reading(FileError("refused")):
        raise error
    assert shortage(error) == what
    hidden = ImportError("the extension is not installed")
    hidden.__context__ = error
    assert shortage(hidden) == what
    assert shortage(ValueError("too many open files")) is None


def test_need_tells_missing_from_broken(tmp_path, monkeypatch):
    """Not installed, installed and broken, and out of memory are three things."""
    monkeypatch.syspath_prepend(tmp_path)
    missing = SettingsError("install it")
    (tmp_path / "broken_one.py").write_text("import nothing_of_that_name")
    (tmp_path / "scarce_one.py").write_text("raise ImportError('libx.so: failed to map segment')")
    with pytest.raises(SettingsError, match="install it"):
        need("nothing_of_that_name", missing)
    with pytest.raises(SettingsError, match="broken_one is installed but cannot be loaded"):
        need("broken_one", missing)
    with pytest.raises(ImportError):
        need("scarce_one", missing)
    assert need("json", missing) is json


def test_json_has_limits():
    """Depth is counted outside of strings; what is not JSON is refused; constants only where allowed."""
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse_json(deep, "it")
    assert parse_json(json.dumps(["[" * 1000, '"' + "[" * 1000, "\\" + "[" * 1000]), "it")
    for text in (f"[{deep}]", "[" * 10**6, '["' + '\\"[' * 10**5, "[NaN]", "nope", "9" * 5000, ""):
        with pytest.raises(FileError, match=r"^it "):
            parse_json(text, "it")
    assert parse_json("[Infinity]", "it", constants=True) == [float("inf")]


def test_small_values():
    """Items and characters are counted, depth is limited, and doubled lists end early."""
    assert is_small({"a": [1, "bc", None]}, 10)
    assert not is_small(["x" * 11], 10)
    assert not is_small(list(range(11)), 10)
    doubled = ["x"]
    for _ in range(60):
        doubled = [doubled, doubled]
    assert not is_small(doubled, 10**5)
    looped: list = []
    looped.append(looped)
    assert not is_small(looped, 10**5)


def test_a_thread_has_limits():
    """Labels and provenance that no maker writes are refused, in a message that is short itself."""
    for label, provenance in (
        ("7" * (MAX_LABEL + 1), None),
        ("7", {"a": "x" * 2**21}),
        (7 * 10**5000, None),
    ):
        with pytest.raises(ThreadError) as caught:
            Thread([0, 9], None, label, provenance)
        assert len(str(caught.value)) < 200
    for changed in ({"format": "x" * 10**5}, {"num_nails": "x" * 10**5}, {"label": 10**5000}):
        with pytest.raises(FileError) as caught:
            Thread.from_record({"nails": [0, 9], **changed})
        assert len(str(caught.value)) < 200


def test_idx_shapes_with_zeros():
    """An IDX file that states an extent of 0 is empty, whatever its other extents are."""
    for shape in ((0,), (5, 0, 5), (2**32 - 1, 0, 2**32 - 1)):
        extents = b"".join(extent.to_bytes(4, "big") for extent in shape)
        with pytest.raises(SourceError, match="is empty"):
            parse_idx(b"\0\0\x08" + bytes([len(shape)]) + extents)


def stored(path, corpus, described=None, **changes):
    """A corpus file in which some arrays are others, or missing (None)."""
    text = json.dumps(dict(corpus.metadata) if described is None else described)
    arrays = {name: getattr(corpus, name) for name in ARRAYS} | {"metadata": np.array(text)} | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize("name", [*ARRAYS, "metadata"])
def test_a_corpus_without_a_part(tmp_path, corpus, name):
    """Every array is missed by its name, and one of another kind is refused."""
    stored(tmp_path / "c.npz", corpus, **{name: None})
    with pytest.raises(FileError, match=f"has no array {name}"):
        load_corpus(tmp_path / "c.npz")
    stored(tmp_path / "c.npz", corpus, **{name: np.zeros((1, 1, 1))})
    with pytest.raises(FileError, match=name):
        load_corpus(tmp_path / "c.npz")


@pytest.mark.parametrize("name", ["source", "classes", "corpus", "weaving"])
@pytest.mark.parametrize("value", [None, 7, [], {}])
def test_a_corpus_with_odd_metadata(tmp_path, corpus, name, value):
    """What the program uses of the metadata is there and of its kind."""
    for metadata in (
        {key: kept for key, kept in corpus.metadata.items() if key != name},
        {**corpus.metadata, name: value},
        [corpus.metadata],
    ):
        stored(tmp_path / "c.npz", corpus, metadata)
        if metadata == {**corpus.metadata, name: {}} and name in ("corpus", "weaving"):
            continue  # defaults
        with pytest.raises(FileError, match="is not a Nitograph corpus"):
            load_corpus(tmp_path / "c.npz")


def test_a_corpus_that_packs_well_is_read(tmp_path, corpus, monkeypatch):
    """What is written is never taken for a bomb, however often its rows repeat."""
    monkeypatch.setattr("nitograph.io.npz.unpacked_limit", lambda size: 40 * size)
    monkeypatch.setattr("nitograph.corpus.rows.unpacked_limit", lambda size: 40 * size)
    for rows, packed in ((np.arange(60), True), (np.zeros(20_000, np.int64), False)):
        corpus.take(rows).save(tmp_path / "c.npz")
        with zipfile.ZipFile(tmp_path / "c.npz") as archive:
            assert {entry.compress_type == zipfile.ZIP_DEFLATED for entry in archive.infolist()} == {packed}
        assert len(load_corpus(tmp_path / "c.npz")) == len(rows)


def test_a_large_corpus_is_checked_in_blocks(tmp_path, corpus, monkeypatch):
    """A fault in any block is found, and named by its row."""
    monkeypatch.setattr("nitograph.corpus.rows.CHECKED", corpus.tokens.shape[1] * 7)
    assert_same = tmp_path / "c.npz"
    stored(assert_same, corpus)
    assert len(load_corpus(assert_same)) == len(corpus)
    tokens = corpus.tokens.copy()
    tokens[33, 3] = tokens[33, 1]
    tokens[33, 4] = tokens[33, 2]
    stored(assert_same, corpus, tokens=tokens)
    with pytest.raises(FileError, match="row 33 breaks the rules"):
        load_corpus(assert_same)


@pytest.mark.parametrize("change", ["cut", "other bytes", "other array", "no seal", "empty"])
def test_a_damaged_cache_costs_time_only(tmp_path, change):
    """What does not carry the digest of its arrays is computed again, and cached again."""
    cache, made = Cache(tmp_path), {"a": np.arange(4.0), "b": np.ones((2, 3), np.float32)}
    assert cache.fetch("kind", {"x": 1}, lambda: made) is made
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    arrays = read_arrays(whole)
    if change == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif change == "other bytes":
        path.write_bytes(whole[:60] + b"12" + whole[62:])
    elif change == "other array":
        np.savez_compressed(path, **(arrays | {"a": np.arange(5.0)}))
    elif change == "no seal":
        np.savez_compressed(path, **made)
    else:
        path.write_bytes(b"")
    again = {"a": np.zeros(1)}
    assert cache.fetch("kind", {"x": 1}, lambda: again) is again
    kept = cache.fetch("kind", {"x": 1}, dict)
    assert list(kept) == ["a"]
    assert np.array_equal(kept["a"], again["a"])


ODD = [
    ("history", [1]), ("history", [{"kind": "valid"}]), ("history", 7),
    ("history", [{"kind": 1, "step": 1}]),
    ("step", "3"), ("step", -1), ("step", 2**70), ("step", True), ("seconds", None), ("best", [1]),
    ("seconds", float("nan")), ("ancestor", 7), ("run", 5), ("plan_step", 0.5), ("random", None),
    ("network", {}),
    ("optimizer", None), ("optimizer", {"state": {}, "param_groups": []}), ("plan_optimizer", 3),
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, corpus):
    """A checkpoint of a finished run."""
    path = tmp_path_factory.mktemp("run") / "a.pt"
    run = Trainer(corpus, MODEL, TRAIN)
    for _ in run.run():
        pass
    run.save(path)
    return path


@pytest.mark.parametrize(("name", "value"), ODD, ids=[f"{name}-{value}"[:30] for name, value in ODD])
def test_a_checkpoint_with_an_odd_part(tmp_path, corpus, trained, name, value):
    """A run resumes from a checkpoint in which every part is what it must be, or not at all."""
    state = torch.load(trained, weights_only=True)
    torch.save(state | {name: value}, tmp_path / "odd.pt")
    with pytest.raises(NitographError, match=r"odd\.pt"):
        restore(Trainer(corpus, MODEL, TRAIN), tmp_path / "odd.pt")


def test_an_optimizer_of_other_shapes(tmp_path, corpus, trained):
    """The state of an optimiser fits its parameters, or is refused before the first step."""
    state = torch.load(trained, weights_only=True)
    part = next(iter(state["optimizer"]["state"].values()))
    for name in part:
        part[name] = torch.zeros(3, 5)
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match="is damaged"):
        restore(Trainer(corpus, MODEL, TRAIN), tmp_path / "odd.pt")


def test_a_checkpoint_is_the_same_under_any_name(tmp_path, corpus):
    """The bytes of a checkpoint do not hold the name of the temporary file it was written to."""
    run = Trainer(corpus, MODEL, TRAIN)
    run.save(tmp_path / "a.pt")
    run.save(tmp_path / "another name.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another name.pt").read_bytes()
    checkpoint_weights(tmp_path / "a.pt")


FAULTY = """
import os
from nitograph.cli import entry, sample
from nitograph.errors import FileError
def run(args):
    raise eval(os.environ["ERROR"])
sample.run = run
entry()
"""


def faulty(error, tmp_path, **environment):
    """`nitograph sample 7` with this error in it, as a process."""
    return subprocess.run(
        [sys.executable, "-c", FAULTY, "sample", "7"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "ERROR": error, **environment},
    )


def test_a_fault_of_our_own_says_so(tmp_path):
    """An error that nobody expected: one line, where to report it, the traceback in a file, exit 70."""
    done = faulty("ZeroDivisionError('one\\n two')", tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (70, "", 1)
    assert "this is a fault of nitograph (ZeroDivisionError: one two); please report it" in done.stderr
    (kept,) = tmp_path.iterdir()
    assert str(kept) in done.stderr
    text = kept.read_text()
    assert "nitograph sample 7" in text
    assert "Traceback" in text
    done = faulty("ZeroDivisionError()", tmp_path, NITOGRAPH_TRACEBACK="1")
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        (None, "where you have nitograph from"),
        (["Documentation, https://docs.example"], "where you have nitograph from"),
        (
            ["Repository, https://code.example/n", "Issues, https://code.example/i"],
            "at https://code.example/i",
        ),
        (["Repository, https://code.example/n"], "at https://code.example/n"),
    ],
)
def test_a_fault_is_reported_where_the_metadata_say(monkeypatch, tmp_path, stated, place):
    """The package's own metadata name the place for reports, its repository, or none."""
    from email.message import Message

    found = Message()
    for line in stated or ():
        found["Project-URL"] = line
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: found)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said, code = told(KeyError("here"), "nitograph sample", ["7"])
    assert said.startswith(
        f"this is a fault of nitograph (KeyError: 'here'); please report it {place}, with "
    )
    assert code == FAULT


@pytest.mark.parametrize(
    ("error", "part"),
    [
        ("MemoryError()", "not enough memory"),
        ("OSError(24, 'Too many open files')", "too many open files for this; raise the limit"),
        ("RuntimeError('can\\'t start new thread')", "no further thread"),
        ("ImportError('libx.so: failed to map segment from shared object')", "not enough memory"),
        (
            "ModuleNotFoundError('No module named x', name='x')",
            "a package that this needs cannot be loaded",
        ),
        ("FileError('two\\nlines')", "two lines"),
    ],
)
def test_what_is_no_fault_of_our_own(tmp_path, error, part):
    """What the system refuses and what is not installed are errors, not faults."""
    done = faulty(error, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert part in done.stderr
    assert not list(tmp_path.iterdir())
