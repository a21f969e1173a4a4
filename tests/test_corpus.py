"""Guards of the corpus: balanced, seeded, split by source, whole after an interrupt, strict readers."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import violations
from nitograph.corpus import prepare
from nitograph.corpus.prepare import build, forget_parts, select
from nitograph.corpus.rows import ARRAYS, Corpus, CorpusSettings, load_corpus
from nitograph.errors import FileError, SettingsError
from nitograph.light.chords import pixel_positions
from nitograph.light.zernike import Zernike
from nitograph.weaving import encoder
from nitograph.weaving.encoder import WeaveSettings
from tiny import ROWS, WEAVING, small_corpus, some_images


def same(one: Corpus, other: Corpus) -> bool:
    """Whether two corpora are equal to the bit."""
    return one.metadata == other.metadata and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS
    )


def test_balanced_over_classes():
    """Classes come in turn, so that any number of rows is balanced."""
    for samples in (10, 37, 60):
        _, labels, sources = select(some_images(400), ROWS.replace(samples=samples))
        counts = np.bincount(labels, minlength=10)
        assert counts.max() - counts.min() <= 1
        assert len(set(sources.tolist())) == samples


def test_rows_belong_together(corpus):
    """Picture, label, source, thread, light and explained energy of a row are of one image."""
    images = some_images()
    assert np.array_equal(corpus.labels, images.labels[corpus.sources])
    for row in (0, 31, 59):
        picture = images.images[corpus.sources[row]][None]
        woven = encoder.weave_many(picture, WEAVING)
        assert corpus.thread(row).nails.tolist() == woven.path(0).tolist()
        assert corpus.explained[row] == woven.explained[0]
        wanted = encoder.targets(picture, WEAVING).reshape(1, -1) @ Zernike(6).projection(
            pixel_positions(24)
        )
        assert corpus.light[row] == pytest.approx(wanted[0], abs=2e-3)


def test_every_thread_obeys_the_rules(corpus):
    """No row breaks the rules that the metadata states, and threads know where they come from."""
    for row in range(len(corpus)):
        thread = corpus.thread(row)
        assert violations(thread.nails, corpus.board, corpus.rules) == []
        assert thread.label == str(corpus.labels[row])
    assert thread.provenance["source"] == f"mnist:test:{corpus.sources[-1]}"


def test_metadata_tells_everything(corpus):
    """From the metadata alone the same corpus can be built again."""
    made = corpus.metadata
    assert set(made) == {"format", "nitograph", "source", "source_sha256", "classes", "corpus", "weaving"}
    assert CorpusSettings.from_dict(made["corpus"]) == ROWS
    assert WeaveSettings.from_dict(made["weaving"]) == WEAVING
    assert made["source_sha256"] == some_images().sha256
    assert json.loads(json.dumps(made)) == made


def test_seeded(corpus):
    """The same seed gives the same corpus to the bit; another seed takes other images."""
    assert same(small_corpus(), corpus)
    other = small_corpus(seed=4)
    assert sorted(other.sources.tolist()) != sorted(corpus.sources.tolist())


def test_split_by_source():
    """Warped variants of a picture are all on one side of a split, and every row on exactly one."""
    warped = small_corpus(samples=300, augment=2)
    assert len(set(warped.sources.tolist())) == 120
    train, valid = warped.split(0.2, seed=1)
    assert len(train) + len(valid) == 300
    assert not set(train.sources.tolist()) & set(valid.sources.tolist())
    assert len(set(valid.sources.tolist())) == 24
    assert same(train, warped.split(0.2, seed=1)[0])
    assert set(valid.sources.tolist()) != set(warped.split(0.2, seed=2)[1].sources.tolist())


def test_warped_variants_differ():
    """The first round is the pictures themselves, later rounds are warped copies of them."""
    images = some_images(20)
    chosen, labels, sources = select(images, ROWS.replace(samples=60, augment=2))
    assert np.array_equal(chosen[:20], images.images[sources[:20]])
    for first in (20, 40):
        assert np.array_equal(sources[first : first + 20], sources[:20])
        changed = (chosen[first : first + 20] != images.images[sources[:20]]).any(axis=(1, 2))
        assert changed.all()
    assert not np.array_equal(chosen[20:40], chosen[40:])
    assert np.array_equal(labels, images.labels[sources])


def test_split_edges(corpus):
    """No validation part when none is asked for; at least one source on each side when one is."""
    train, valid = corpus.split(0.0, seed=0)
    assert (len(train), len(valid)) == (60, 0)
    assert len(corpus.split(0.001, seed=0)[1]) == 1
    pair = corpus.take(np.flatnonzero(corpus.labels == 3)[:2])
    assert [len(part) for part in pair.split(0.9, seed=0)] == [1, 1]
    with pytest.raises(SettingsError, match="1 source image"):
        corpus.take(np.array([0])).split(0.1, seed=0)


def test_too_many_samples():
    """More rows than there are pictures and variants are refused, and the message says what to do."""
    with pytest.raises(SettingsError, match="at most 240 for 120 images with augment 1, got 241"):
        small_corpus(samples=241, augment=1)


def test_prototypes_say_what_they_are():
    """The original's mode repeats averages of each class; a split keeps copies on one side."""
    made = small_corpus(mode="prototypes", prototype_count=2, prototype_pool=8, samples=50)
    assert len(set(made.sources.tolist())) == 20
    assert np.array_equal(made.tokens[0], made.tokens[20])
    assert made.labels[:10].tolist() == list(range(10))
    assert made.thread(3).provenance["source"] == "mnist:test:prototype:3"
    train, valid = made.split(0.1, seed=0)
    assert not set(train.sources.tolist()) & set(valid.sources.tolist())


def test_save_and_load(tmp_path, corpus):
    """What is written comes back to the bit, and the same corpus always gives the same bytes."""
    corpus.save(tmp_path / "a.npz")
    again = load_corpus(tmp_path / "a.npz")
    assert same(again, corpus)
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_interrupted_build_goes_on(tmp_path, monkeypatch):
    """Stopped between parts and started again, the corpus is the same and finished parts are not redone."""
    monkeypatch.setattr(prepare, "PART", 16)
    parts, whole = tmp_path / ".c.parts", small_corpus()

    def stop(count: int) -> None:
        if count == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(some_images(), ROWS, WEAVING, parts=parts, progress=stop)
    kept = sorted(parts.rglob("*.npz"))
    assert [path.name for path in kept] == ["0.npz", "16.npz"]
    woven, really = [], encoder.weave_targets
    monkeypatch.setattr(encoder, "weave_targets", lambda t, s: woven.append(len(t)) or really(t, s))
    kept[0].write_bytes(kept[0].read_bytes()[:-40])  # a damaged part is woven again
    made = build(some_images(), ROWS, WEAVING, parts=parts)
    assert woven == [16, 16, 12]
    assert same(made, whole)


def test_parts_of_another_corpus_are_not_mixed_in(tmp_path, monkeypatch):
    """Parts of other settings are removed, not used; in the end all can be forgotten."""
    monkeypatch.setattr(prepare, "PART", 16)
    parts = tmp_path / ".c.parts"
    build(some_images(), ROWS.replace(seed=9), WEAVING, parts=parts)
    made = build(some_images(), ROWS, WEAVING, parts=parts)
    assert same(made, small_corpus())
    assert len(list(parts.iterdir())) == 1
    forget_parts(parts)
    assert not parts.exists()
    parts.write_text("in the way")
    with pytest.raises(FileError, match="cannot keep finished parts"):
        build(some_images(), ROWS, WEAVING, parts=parts)


@pytest.fixture(scope="module")
def stored(tmp_path_factory, corpus):
    """The bytes of a corpus file, and where to put changed ones."""
    path = tmp_path_factory.mktemp("corpus") / "c.npz"
    corpus.save(path)
    return path.read_bytes(), path.with_name("changed.npz")


def refused(path, part=None):
    """Loading must fail with one line that names the file."""
    with pytest.raises(FileError, match=part) as caught:
        load_corpus(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


@settings(max_examples=80)
@given(st.data())
def test_cut_and_flipped(stored, data):
    """Cut anywhere or flipped anywhere, the file is refused, or the byte is one that nobody reads."""
    whole, path = stored
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        refused(path)
        return
    changed = bytearray(whole)
    near_the_end = st.integers(len(whole) - 700, len(whole) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(near_the_end | st.integers(0, len(whole) - 1))] ^= 1 << data.draw(
            st.integers(0, 7)
        )
    path.write_bytes(bytes(changed))
    try:
        found = load_corpus(path)
    except FileError:
        return
    path.write_bytes(whole)
    assert same(found, load_corpus(path))


def changed_arrays(corpus, **changes):
    """An .npz of the corpus' arrays with some changed, left out (None), or added."""
    arrays = {name: getattr(corpus, name) for name in ARRAYS}
    arrays["metadata"] = np.array(json.dumps(dict(corpus.metadata)))
    arrays = {name: a for name, a in (arrays | changes).items() if a is not None}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def with_metadata(made_of, /, **changes):
    """Changed metadata; a dict changes that part of it."""
    made = json.loads(json.dumps(made_of.metadata))
    for key, value in changes.items():
        made[key] = made[key] | value if isinstance(value, dict) else value
    return {"metadata": np.array(json.dumps(made))}


def edited(array, place, value):
    """A copy with one place changed."""
    array = array.copy()
    array[place] = value
    return array


HOSTILE = {
    "no tokens": lambda c: {"tokens": None},
    "no metadata": lambda c: {"metadata": None},
    "metadata list": lambda c: {"metadata": np.array("[]")},
    "metadata number": lambda c: {"metadata": np.array(3)},
    "metadata no JSON": lambda c: {"metadata": np.array("{")},
    "metadata deep": lambda c: {"metadata": np.array("[" * 100_000)},
    "other format": lambda c: with_metadata(c, format="x"),
    "no weaving": lambda c: with_metadata(c, weaving=[]),
    "unknown setting": lambda c: with_metadata(c, weaving={"wings": 1}),
    "other nails": lambda c: with_metadata(c, weaving={"nails": 16}),
    "huge nails": lambda c: with_metadata(c, weaving={"nails": 10**400}),
    "null nails": lambda c: with_metadata(c, weaving={"nails": None}),
    "other rules": lambda c: with_metadata(c, weaving={"min_nail_gap": 9}),
    "longer memory": lambda c: with_metadata(c, weaving={"recent_edges": 10**6}, corpus={"samples": 0}),
    "other order": lambda c: with_metadata(c, corpus={"zernike_order": 8}),
    "no rows stated": lambda c: with_metadata(c, corpus=3),
    "classes": lambda c: with_metadata(c, classes="0123456789"),
    "few classes": lambda c: with_metadata(c, classes=["0", "1"]),
    "twin classes": lambda c: with_metadata(c, classes=["0"] * 10),
    "pickles": lambda c: {"labels": np.array([{}] * 60, dtype=object)},
    "floats": lambda c: {"tokens": c.tokens.astype(float)},
    "flat": lambda c: {"tokens": c.tokens.ravel()},
    "unlike lengths": lambda c: {"labels": c.labels[:-1]},
    "no rows": lambda c: {name: getattr(c, name)[:0] for name in ARRAYS},
    "label": lambda c: {"labels": edited(c.labels, 3, 10)},
    "other label": lambda c: {"labels": edited(c.labels, 3, (c.labels[3] + 1) % 10)},
    "negative": lambda c: {"labels": edited(c.labels, 3, -1)},
    "length": lambda c: {"lengths": edited(c.lengths, 3, 10**9)},
    "short": lambda c: {"lengths": edited(c.lengths, 3, 3)},
    "PAD within": lambda c: {"tokens": edited(c.tokens, (3, 2), 33)},
    "EOS early": lambda c: {"lengths": edited(c.lengths, 3, c.lengths[3] - 1)},
    "behind the end": lambda c: {"tokens": edited(c.tokens, (slice(None), -1), 1)},
    "class token": lambda c: {"tokens": edited(c.tokens, (3, 0), 0)},
    "still nail": lambda c: {"tokens": edited(c.tokens, (3, 2), c.tokens[3, 1])},
    "NaN light": lambda c: {"light": edited(c.light, (3, 3), np.nan)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path, corpus, name):
    """Inconsistent arrays or metadata are refused in one line; no pickle is ever opened."""
    path = tmp_path / "hostile.npz"
    path.write_bytes(changed_arrays(corpus, **HOSTILE[name](corpus)))
    refused(path)


def test_further_arrays_do_no_harm(tmp_path, corpus):
    """A file of a later version that holds one more array is still read; unchanged arrays too."""
    path = tmp_path / "more.npz"
    path.write_bytes(changed_arrays(corpus, more=np.zeros(3)))
    assert same(load_corpus(path), corpus)


@pytest.mark.parametrize("data", [b"", b"PK", b"\x89PNG", b"{}", b"\x93NUMPY\x01\x00"])
def test_foreign_files(tmp_path, data):
    """Other files are not corpora."""
    (tmp_path / "foreign.npz").write_bytes(data)
    refused(tmp_path / "foreign.npz")


def test_claims_of_size_take_no_memory(tmp_path, corpus):
    """A header of a trillion rows, or a bomb that unpacks to gigabytes, is refused without trying."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(io.BytesIO(changed_arrays(corpus))) as before:
        entries = {info.filename: before.read(info) for info in before.infolist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<i8", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(path, "w") as after:
        for filename, content in entries.items():
            after.writestr(filename, header.getvalue() if filename == "labels.npy" else content)
    refused(path, "labels is truncated")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for filename, content in entries.items():
            after.writestr(filename, bytes(100 * 2**20) if filename == "labels.npy" else content)
    refused(path, "decompresses to far more")
