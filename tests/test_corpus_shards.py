"""Guards of corpora in shards: the rows of the file, read as they are asked for, with strict readers."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cli_help import fails, run
from nitograph.corpus import prepare, shards
from nitograph.corpus.prepare import build
from nitograph.corpus.rows import ARRAYS, load_corpus
from nitograph.corpus.selection import choose, pictures, select
from nitograph.corpus.shards import build_shards, load_shards
from nitograph.corpus.stack import Stack, scratch
from nitograph.errors import FileError
from nitograph.io.locks import sole_writer
from nitograph.training import plan_phase
from nitograph.training.settings import TrainSettings
from nitograph.training.trainer import Trainer
from nitograph.weaving import encoder
from tiny import MODEL, ROWS, WEAVING, small_corpus, some_images

FLAGS = (
    "prepare --split test --samples 60 --nails 32 --canvas-size 24 --max-lines 20 --min-nail-gap 2 "
    "--recent-edges 10 --line-strength 0.2 --zernike-order 6 --seed 3"
)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Shards of two parts of 16 rows: 32 and 28 of 60."""
    monkeypatch.setattr(prepare, "PART", 16)
    monkeypatch.setattr(shards, "PARTS_EACH", 2)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The small corpus in shards and in memory, both in the same parts: light is a product of a part."""
    found = tmp_path_factory.mktemp("shards") / "corpus"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "PART", 16)
        patch.setattr(shards, "PARTS_EACH", 2)
        build_shards(found, some_images(), ROWS, WEAVING)
        return found, small_corpus()


@pytest.fixture(scope="module")
def folder(both):
    """The small corpus in shards."""
    return both[0]


@pytest.fixture(scope="module")
def corpus(both):
    """The small corpus in memory."""
    return both[1]


def same_rows(found, corpus):
    """Whether a corpus of shards has the rows of one in memory, to the bit, and its metadata."""
    width = corpus.tokens.shape[1]
    whole = found.read(np.arange(len(found)))
    pad = corpus.vocabulary.pad
    return (
        found.metadata == corpus.metadata
        and np.array_equal(whole.tokens[:, :width], corpus.tokens)
        and bool((whole.tokens[:, width:] == pad).all())
        and all(np.array_equal(getattr(whole, name), getattr(corpus, name)) for name in ARRAYS[1:])
        and (whole.pictures is None) == (corpus.pictures is None)
        and (corpus.pictures is None or np.array_equal(whole.pictures, corpus.pictures))
    )


def test_shards_hold_the_rows_of_the_file(folder, corpus):
    """The same rows in the same order, whole, split or picked."""
    found = load_corpus(folder)
    assert isinstance(found.tokens, Stack)
    assert same_rows(found, corpus)
    for mine, theirs in zip(found.split(0.2, seed=1), corpus.split(0.2, seed=1), strict=True):
        assert same_rows(mine, theirs)
        assert isinstance(mine.light, Stack)
        assert mine.thread(2) == theirs.thread(2)
        assert mine.on_disk == folder
    assert corpus.on_disk is None
    names = sorted(path.name for path in folder.iterdir())
    kinds = ("light.npy", "rows.npz", "tokens.npy")
    assert names == [f"{shard:05d}.{kind}" for shard in (0, 1) for kind in kinds] + ["manifest.json"]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_stack_is_indexed_as_an_array(folder, data):
    """Numbers, slices, arrays of rows in any order, columns, and picks of picks."""
    stack = load_shards(folder).tokens
    array = stack[:]
    for _ in range(data.draw(st.integers(0, 2))):
        rows = np.array(data.draw(st.lists(st.integers(0, len(array) - 1), min_size=1)))
        stack, array = stack.pick(rows), array[rows]
    assert (len(stack), stack.shape, stack.dtype) == (len(array), array.shape, array.dtype)
    number = st.integers(-len(array), len(array) - 1)
    bound = st.none() | st.integers(-70, 70)
    columns = data.draw(st.builds(slice, st.integers(0, 5), st.integers(0, 30)))
    rows = data.draw(
        number | st.builds(slice, bound, bound) | st.lists(number).map(lambda n: np.array(n, int))
    )
    for key in (rows, (rows, columns)):
        assert np.array_equal(stack[key], array[key])
        assert stack[key].dtype == array[key].dtype


def test_rows_that_are_not_there(folder):
    """As of an array."""
    with pytest.raises(IndexError):
        load_shards(folder).tokens[60]


@pytest.mark.parametrize("samples", [60, 100, 360])
@pytest.mark.parametrize("at_once", [7, 16, 1000])
def test_pictures_in_parts_are_the_pictures(samples, at_once, monkeypatch):
    """Whatever bounds are asked for, warps are those of all rows at once."""
    monkeypatch.setattr("nitograph.corpus.selection.WARPED_AT_ONCE", 50)
    images, made = some_images(), ROWS.replace(samples=samples, augment=2)
    whole, _, _ = select(images, made)
    chosen = choose(images, made)
    parts = [
        pictures(chosen.drafts(first, min(first + at_once, samples)))
        for first in range(0, samples, at_once)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("design", ["plan", "plain"])
def test_training_from_shards_is_training_from_the_file(folder, corpus, design, tmp_path, monkeypatch):
    """Every bit of it, also where a run that began with one goes on with the other; what is computed of all
    rows lies on the disk, too.
    """
    monkeypatch.setattr(plan_phase, "PLAN_BATCH", 16)
    rows, model = load_corpus(folder), MODEL.replace(design=design)
    how = TrainSettings(epochs=2, batch_size=16, plan_rows=8, plan_steps=4, validation_fraction=0.2, seed=1)
    trained = []
    for each in (rows, corpus):
        trained.append(Trainer(each, model, how))
        assert [report.kind for report in trained[-1].run(report_every=0.0)][-1] == "done"
    disk, memory = trained
    one, other = disk.network.state_dict(), memory.network.state_dict()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    if design == "plan":
        assert isinstance(disk.objective.recoded["train"], np.memmap)
        assert not isinstance(memory.objective.recoded["train"], np.memmap)
    assert len(list(folder.iterdir())) == 7
    begun = Trainer(corpus, model, how)
    for report in begun.run(report_every=0.0):
        if report.kind == "step" and report.step == 2:
            break
    begun.save(tmp_path / "half.pt")
    taken = Trainer(rows, model, how)
    taken.resume(tmp_path / "half.pt")
    list(taken.run())
    assert all(np.array_equal(value, other[name]) for name, value in taken.network.state_dict().items())


def test_shards_keep_pictures(tmp_path, monkeypatch):
    """As the file does: mapped, split, checked; a model with sight and the flow learn the same bits."""
    monkeypatch.setattr(plan_phase, "PLAN_BATCH", 16)
    weaving = WEAVING.replace(canvas_size=64)
    whole = build(some_images(), ROWS, weaving)
    found = build_shards(tmp_path / "c", some_images(), ROWS, weaving)
    assert isinstance(found.pictures, Stack)
    assert same_rows(found, whole)
    for mine, theirs in zip(found.split(0.2, seed=1), whole.split(0.2, seed=1), strict=True):
        assert isinstance(mine.pictures, Stack)
        assert same_rows(mine, theirs)
    model = MODEL.replace(sight=True)
    how = TrainSettings(
        epochs=1, batch_size=16, plan_rows=8, plan_steps=2, flow_steps=2, validation_fraction=0.2, seed=1,
        own_walks=0.5, expected_error=0.1, flow_batch=4,
    )  # fmt: skip
    trained = []
    for each in (found, whole):
        trained.append(Trainer(each, model, how))
        kinds = {report.kind for report in trained[-1].run(report_every=0.0)}
        assert kinds >= {"plan", "flow", "step", "done"}
    disk, memory = trained
    for one, other in ((disk.network, memory.network), (disk.flow_phase.flow, memory.flow_phase.flow)):
        theirs = other.state_dict()
        assert all(np.array_equal(value, theirs[name]) for name, value in one.state_dict().items())
    for number, change in enumerate(HOSTILE_PICTURES):
        shutil.copytree(tmp_path / "c", tmp_path / f"hostile{number}")
        change(tmp_path / f"hostile{number}")
        with pytest.raises(FileError, match=f"hostile{number} is not a Nitograph corpus"):
            load_corpus(tmp_path / f"hostile{number}")


HOSTILE_PICTURES = (
    lambda f: (f / "00001.pictures.npy").unlink(),
    lambda f: array(f, "00000.pictures.npy", lambda a: a.astype(np.uint16)),
    lambda f: array(f, "00001.pictures.npy", lambda a: a[:, :-1]),
    lambda f: [path.unlink() for path in f.glob("*.pictures.npy")],
)


def test_scratch(tmp_path):
    """Zeros that can be written, without a name on the disk; elsewhere where the folder is read-only."""
    for folder in (None, tmp_path, tmp_path / "not there"):
        array = scratch((3, 2), np.int16, folder)
        array[1] = 7
        assert array.tolist() == [[0, 0], [7, 7], [0, 0]]
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_build_goes_on(tmp_path, corpus, monkeypatch):
    """Stopped in the second shard: finished parts and shards are not woven again, a damaged part is."""

    def stop(count: int) -> None:
        if count == 48:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_shards(tmp_path / "c", some_images(), ROWS, WEAVING, progress=stop)
    kept = tmp_path / "c" / "parts"
    assert [path.name for path in kept.iterdir()] == ["32.npz"]
    with pytest.raises(FileError, match="holds a corpus that is not finished; give the same command again"):
        load_corpus(tmp_path / "c")
    woven, really = [], encoder.weave_targets
    monkeypatch.setattr(
        encoder, "weave_targets", lambda t, s, **more: woven.append(len(t)) or really(t, s, **more)
    )
    shutil.copytree(tmp_path / "c", tmp_path / "d")
    (tmp_path / "d" / "parts" / "32.npz").write_bytes(b"damaged")
    for name, wanted in (("c", [12]), ("d", [16, 12])):
        woven.clear()
        counts: list[int] = []
        made = build_shards(tmp_path / name, some_images(), ROWS, WEAVING, progress=counts.append)
        assert (woven, counts[-1]) == (wanted, 60)
        assert same_rows(made, corpus)
        assert not (tmp_path / name / "parts").exists()
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / n).iterdir()} for n in "cd")
    assert one == other


def test_prepare_in_a_folder(tmp_path, monkeypatch, capsys):
    """On the command line: written, finished, refused, previewed, as a file from the same command."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run(f"{FLAGS} -o corpus", capsys)
    assert (code, err) == (0, "")
    assert out.startswith("corpus: 60 threads of 60 images, ")
    before = {path: path.stat().st_mtime_ns for path in Path("corpus").iterdir()}
    assert run(f"{FLAGS} -o corpus/", capsys) == (0, out, "")
    assert {path: path.stat().st_mtime_ns for path in Path("corpus").iterdir()} == before
    fails(f"{FLAGS} --samples 61 -o corpus", 1, "holds a corpus of other settings", capsys)
    assert run(f"{FLAGS} -o c.npz", capsys)[0] == 0
    assert same_rows(load_corpus("corpus"), load_corpus("c.npz"))
    assert run("preview --dataset corpus -o p.png", capsys)[0] == 0


@pytest.mark.parametrize(("output", "parts"), [("c.npz", ".c.npz.parts"), ("c", "c")])
def test_two_on_one_output(tmp_path, monkeypatch, capsys, output, parts):
    """The second is refused in one line while the first weaves, whatever its settings; then it may."""
    monkeypatch.chdir(tmp_path)
    with sole_writer(Path(parts) / "lock", output):
        for words in (FLAGS, f"{FLAGS} --samples 20"):
            fails(f"{words} -o {output}", 1, f"another process is writing {output}", capsys)
    assert run(f"{FLAGS} -o {output}", capsys)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == [output]


def test_places_that_hold_something_else(tmp_path, monkeypatch, capsys):
    """A folder with anything else in it, a file in the way: refused before any work."""
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/mine.txt").write_text("here")
    Path("file").write_text("here")
    fails(f"{FLAGS} -o full", 1, "full is not empty and holds no corpus", capsys)
    fails(f"{FLAGS} -o file", 1, "the corpus is a folder, and file is a file", capsys)
    fails(f"{FLAGS} -o none/c", 1, "there is no folder none", capsys)
    fails("preview --dataset full", 1, "full holds no corpus: there is no manifest.json", capsys)
    fails("train --dataset full", 1, "full holds no corpus", capsys)


def edited(folder: Path, **changes: object) -> None:
    """Change the manifest; a dict changes that part of it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for key, value in changes.items():
        manifest[key] = manifest[key] | value if isinstance(value, dict) else value
    (folder / "manifest.json").write_text(json.dumps(manifest))


def array(folder: Path, name: str, change) -> None:
    """Change an array."""
    found = np.load(folder / name)
    np.save(folder / name, change(found))


HOSTILE = {
    "no JSON": lambda f: (f / "manifest.json").write_text("{"),
    "a list": lambda f: (f / "manifest.json").write_text("[]"),
    "deep": lambda f: (f / "manifest.json").write_text("[" * 100_000),
    "format": lambda f: edited(f, format="x"),
    "rows": lambda f: edited(f, rows=10**9),
    "fewer rows": lambda f: edited(f, rows=59),
    "no rows": lambda f: edited(f, rows=0),
    "rows as text": lambda f: edited(f, rows="60"),
    "tiny shards": lambda f: edited(f, rows_each=1),
    "width": lambda f: edited(f, width=2**39),
    "metadata": lambda f: edited(f, metadata=[]),
    "classes": lambda f: edited(f, metadata={"classes": ["0"]}),
    "order": lambda f: edited(f, metadata={"corpus": {"zernike_order": 8}}),
    "no shard": lambda f: (f / "00001.rows.npz").unlink(),
    "no tokens": lambda f: (f / "00001.tokens.npy").unlink(),
    "cut": lambda f: (f / "00001.light.npy").write_bytes((f / "00001.light.npy").read_bytes()[:-5]),
    "foreign": lambda f: (f / "00000.tokens.npy").write_bytes(b"x" * 999),
    "pickles": lambda f: np.save(f / "00000.tokens.npy", np.array([{}] * 32), allow_pickle=True),
    "columns": lambda f: array(f, "00000.tokens.npy", np.asfortranarray),
    "floats": lambda f: array(f, "00000.tokens.npy", lambda a: a.astype(float)),
    "other integers": lambda f: array(f, "00001.tokens.npy", lambda a: a.astype(np.int32)),
    "out of range": lambda f: array(f, "00001.tokens.npy", lambda a: np.where(a == a[3, 2], 999, a)),
    "endless light": lambda f: array(f, "00001.light.npy", lambda a: np.full_like(a, np.inf)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_folders(folder, tmp_path, name):
    """Whatever contradicts itself is refused in one line that names the folder."""
    shutil.copytree(folder, tmp_path / "hostile")
    HOSTILE[name](tmp_path / "hostile")
    with pytest.raises(FileError) as caught:
        load_corpus(tmp_path / "hostile")
    assert "\n" not in str(caught.value)
    assert "hostile" in str(caught.value)


def test_dask_stays_unimported(tmp_path, monkeypatch, capsys):
    """Where it is not asked for; and a scheduler without it is refused."""
    monkeypatch.chdir(tmp_path)
    fails(f"{FLAGS} --scheduler tcp://a:1 -o c", 1, "give --engine dask with it", capsys)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run(f"{FLAGS} --samples 20 -o c", capsys)[0] == 0
    fails(
        f"{FLAGS} --engine dask --scheduler tcp://a:1 -o d", 1, "pip install 'nitograph[cluster]'", capsys
    )
