"""Guards of sources by name: IDX folders and EMNIST's habits, names, joining, splits, what is refused."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from cli_help import fails, run
from nitograph.corpus.rows import load_corpus
from nitograph.corpus.selection import choose
from nitograph.corpus.sources import LabelledImages, find, find_all, join, load, mnist
from nitograph.corpus.sources.images import check_names, is_name, part_of
from nitograph.errors import SettingsError, SourceError
from tiny import ROWS, WEAVING, some_images


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in IDX form."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_pair(
    folder: Path, stem: str, images: np.ndarray, labels: list[int], *, zipped: bool = True
) -> None:
    """One pair of IDX files, whose names begin with the stem."""
    folder.mkdir(exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", np.array(labels, np.uint8))):
        data, end = idx(array), ".gz" if zipped else ""
        (folder / f"{stem}{kind}-ubyte{end}").write_bytes(gzip.compress(data) if zipped else data)


def drawn(count: int, side: int = 28) -> np.ndarray:
    """Pictures of light squares on dark, all different, none the same upright and on its side."""
    images = np.zeros((count, side, side), np.uint8)
    for number in range(count):
        images[number, 4 : 8 + number % 9, 6 : 20 - number % 5] = 255 - number % 50
    return images


def refused(source: str, part: str, split: str = "train") -> None:
    """Finding must fail with one line."""
    with pytest.raises(SourceError, match=part) as caught:
        find(source, split)
    assert "\n" not in str(caught.value)


def test_the_package_has_mnist():
    """By name, with the splits; both together; nothing else has that name."""
    assert find("mnist").sha256 == mnist("train").sha256
    assert len(find("mnist", "all")) == 70_000
    refused("mnist:folder", "mnist is the one in the package")
    refused("minst", "there is no source 'minst'; sources are mnist, idx")
    refused("idx", "needs a place: idx:DIR")
    with pytest.raises(SourceError, match="a split is train, test, all"):
        find("mnist", "valid")


def test_names_from_a_list(tmp_path):
    """Line i of classes.txt names label i, any text, whatever the files' split."""
    write_pair(tmp_path / "signs", "train-", drawn(6), [0, 1, 2, 0, 1, 2])
    write_pair(tmp_path / "signs", "t10k-", drawn(3), [2, 1, 0], zipped=False)
    refused(f"idx:{tmp_path}/signs", "labels without names; write classes.txt there")
    (tmp_path / "signs/classes.txt").write_text("&\n♥ big\nΩ\n", encoding="utf-8")
    train, test = find(f"idx:{tmp_path}/signs"), find(f"idx:{tmp_path}/signs", "test")
    assert train.classes == ("&", "♥ big", "Ω")
    assert (train.name, test.name) == ("idx:signs:train", "idx:signs:test")
    assert [test.classes[label] for label in test.labels] == ["Ω", "♥ big", "&"]
    assert np.array_equal(train.images, drawn(6))
    assert len(find(f"idx:{tmp_path}/signs", "all")) == 9
    assert load(f"idx:{tmp_path}/signs:test:2")[1] == "&"


@pytest.mark.parametrize(
    ("listed", "part"),
    [
        ("a\nb", "labels from 0 to 1, as it has 2 names, got 2"),
        ("a\nb\nb", "two classes named 'b'"),
        ("a\n\nc", "a class named ''"),
        ("a\nb\nc\x07", "a class named 'c"),
        ("a\nb\n" + "c" * 61, "1 to 60 visible signs"),
    ],
)
def test_names_that_are_none(tmp_path, listed, part):
    """Too few, the same twice, empty, unprintable or endless names are one line."""
    write_pair(tmp_path / "s", "train-", drawn(3), [0, 1, 2])
    (tmp_path / "s/classes.txt").write_text(listed)
    refused(f"idx:{tmp_path}/s", part)


def test_emnist_letters(tmp_path):
    """Labels from 1, pictures on their sides, capitals and small letters merged: set right, and said."""
    letters = drawn(3)
    write_pair(tmp_path / "gzip", "emnist-letters-train-", letters.swapaxes(1, 2).copy(), [1, 26, 2])
    found = find(f"idx:{tmp_path}/gzip")
    assert np.array_equal(found.images, letters)
    assert [found.classes[label] for label in found.labels] == ["A", "Z", "B"]
    assert len(found.classes) == 26
    assert "set upright" in found.notes[0]
    (tmp_path / "gzip/emnist-letters-mapping.txt").write_text(
        "".join(f"{n} {64 + n} {96 + n}\n" for n in range(1, 27))
    )
    again = find(f"idx:{tmp_path}/gzip")
    assert np.array_equal(again.labels, found.labels)
    assert again.classes == found.classes
    assert "one class, as EMNIST merges them" in again.notes[0]
    assert "count from 1" in again.notes[1]


def test_emnist_by_class_and_several_sets(tmp_path):
    """A mapping of code points; of a folder with several sets one is named."""
    write_pair(tmp_path / "gzip", "emnist-byclass-train-", drawn(3), [0, 10, 61])
    (tmp_path / "gzip/emnist-byclass-mapping.txt").write_text("0 48\n10 65\n61 122\n")
    assert find(f"idx:{tmp_path}/gzip").classes == ("0", "A", "z")
    write_pair(tmp_path / "gzip", "emnist-balanced-train-", drawn(2), [46, 36])
    refused(f"idx:{tmp_path}/gzip", "several sets: balanced, byclass; name one, as idx:.*gzip:balanced")
    refused(f"idx:{tmp_path}/gzip:digits", "has no set 'digits'")
    found = find(f"idx:{tmp_path}/gzip:balanced")
    assert [found.classes[label] for label in found.labels] == ["t", "a"]


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ("1 A", "line 1, must be a label and a code point"),
        ("1", "line 1, must be"),
        ("1 65\n1 66", "line 2, has that label twice"),
        ("1 1114112", "no code point of Unicode"),
        ("1 65\n2 65", "two classes named 'A'"),
        ("1 55296", "a class named"),
        ("9 65", "has a label 1 that nothing names"),
    ],
)
def test_mappings_that_are_none(tmp_path, lines, part):
    """Which line, and what is wrong with it."""
    write_pair(tmp_path / "s", "emnist-letters-train-", drawn(1), [1])
    (tmp_path / "s/emnist-letters-mapping.txt").write_text(lines)
    refused(f"idx:{tmp_path}/s", part)


def test_what_an_idx_folder_must_have(tmp_path):
    """No folder, no files, one of a pair, labels that do not match, a missing split: one line each."""
    refused(f"idx:{tmp_path}/none", "cannot read the folder .*none: No such file")
    refused(f"idx:{tmp_path}", "has no IDX files")
    write_pair(tmp_path / "s", "train-", drawn(3), [0, 1])
    (tmp_path / "s/classes.txt").write_text("a\nb")
    refused(f"idx:{tmp_path}/s", "3 images but 2 labels")
    (tmp_path / "s/train-labels-idx1-ubyte.gz").unlink()
    refused(f"idx:{tmp_path}/s", "has train-images-idx3-ubyte.gz but no labels beside it")
    refused(f"idx:{tmp_path}/s", "no t10k-images-idx3-ubyte", "test")


def test_dark_on_light_and_blank(tmp_path):
    """Dark on light is turned, blank pictures left out, both noted; nothing but blank is refused."""
    images = np.concatenate([drawn(4), np.zeros((2, 28, 28), np.uint8)])
    write_pair(tmp_path / "s", "train-", 255 - images, [0, 1, 0, 1, 0, 1])
    (tmp_path / "s/classes.txt").write_text("a\nb")
    found = find(f"idx:{tmp_path}/s")
    assert np.array_equal(found.images, drawn(4))
    assert found.notes == ("dark on light: turned", "2 blank pictures left out")
    write_pair(tmp_path / "blank", "train-", images[4:], [0, 1])
    (tmp_path / "blank/classes.txt").write_text("a\nb")
    refused(f"idx:{tmp_path}/blank", "nothing but blank")


def test_files_without_split_are_parted(tmp_path):
    """A pair that says nothing of train or test is parted here; both parts together are all."""
    write_pair(tmp_path / "s", "letters-", drawn(40), [0, 1] * 20)
    (tmp_path / "s/classes.txt").write_text("a\nb")
    train, test = find(f"idx:{tmp_path}/s"), find(f"idx:{tmp_path}/s", "test")
    assert np.bincount(test.labels).tolist() == [4, 4]
    assert len(train) == 32
    assert "8 pictures kept for tests" in train.notes


def groups_of(*made: tuple[int, int]) -> LabelledImages:
    """Pictures of classes a, b, …, by pairs of class and group."""
    labels, groups = np.array(made).T
    classes = tuple("abcdef"[: labels.max() + 1])
    return LabelledImages(drawn(len(made)), labels, classes, "made", "0", groups)


def test_parts_never_part_a_group():
    """What one font or writer made is on one side; every class keeps something to train on."""
    whole = groups_of(*((label, group) for label in range(3) for group in range(11)), (3, 0), (3, 1))
    names = [f"font {n}" for n in range(11)]
    train, test = part_of(whole, "train", names), part_of(whole, "test", names)
    assert len(set(test.groups.tolist())) == 2
    assert not set(train.groups.tolist()) & set(test.groups.tolist())
    assert set(train.labels.tolist()) == {0, 1, 2, 3}
    assert len(train) + len(test) == len(whole) == len(part_of(whole, "all"))
    for only in range(11):  # a class of one font, whichever it is
        held = groups_of(*((0, group) for group in range(11)), (1, only))
        assert set(part_of(held, "train", names).labels.tolist()) == {0, 1}
    with pytest.raises(SourceError, match="has no test pictures: a class needs 5"):
        part_of(groups_of((0, 0), (1, 1)), "test")


def test_joined():
    """Classes of one name are one class; groups stay apart; other sizes are resized to the first."""
    one = groups_of((0, 0), (1, 1), (1, 0))
    other = LabelledImages(drawn(2, 40), np.array([0, 1]), ("b", "z"), "more", "1", notes=("seen",))
    both = join([one, other])
    assert both.classes == ("a", "b", "z")
    assert [both.classes[label] for label in both.labels] == ["a", "b", "b", "b", "z"]
    assert both.groups.tolist() == [0, 1, 0, 2, 3]
    assert both.images.shape == (5, 28, 28)
    assert (both.name, both.parts) == ("made+more", (("made", 3), ("more", 2)))
    assert both.notes == ("more: seen",)
    assert both.sha256 != join([other, one]).sha256
    assert join([one]) is one


def test_one_class_alone_is_refused(tmp_path):
    """A model needs a choice."""
    write_pair(tmp_path / "s", "train-", drawn(2), [0, 0])
    (tmp_path / "s/classes.txt").write_text("heart")
    with pytest.raises(SourceError, match="two classes at least, got 'heart' alone"):
        find_all([f"idx:{tmp_path}/s"])
    assert find_all([f"idx:{tmp_path}/s", "mnist"]).classes[:3] == ("heart", "0", "1")


def test_what_a_name_is():
    """Any text that can be seen, of several signs too; nothing that cannot."""
    for name in ("A", "&", "<", "/", "Ω", "heart", "two words", "♥️", "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "{"):
        assert is_name(name), name
    for name in ("", " ", " a", "a\n", "\u202eab", "\ud800", "\x1b[31m", 7, None, "a" * 61):
        assert not is_name(name), name
    with pytest.raises(SourceError, match="two classes named 'a'"):
        check_names(["a", "b", "a"], "it")


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_balance(balance):
    """Rows in proportion to n^(1 − balance); each image once before any is warped; seeded; warped last."""
    counts = np.array([64, 16, 4])
    labels = np.repeat(np.arange(3), counts)
    images = LabelledImages(drawn(84), labels, ("a", "b", "c"), "made", "0", groups=np.arange(84) // 2)
    settings = ROWS.replace(samples=70, balance=balance)
    chosen = choose(images, settings)
    expected = counts ** (1 - balance) / (counts ** (1 - balance)).sum() * 70
    assert np.abs(np.bincount(chosen.labels) - expected).max() < 1
    assert np.array_equal(chosen.groups, chosen.sources // 2)
    plain, warped = chosen.sources[: chosen.first_warped], chosen.sources[chosen.first_warped :]
    assert len(set(plain.tolist())) == len(plain)
    for label in range(3):
        mine = chosen.sources[chosen.labels == label]
        assert np.ptp(np.bincount(mine - mine.min(), minlength=1)[np.unique(mine) - mine.min()]) <= 1
        assert not len(warped) or len(plain[labels[plain] == label]) == min(len(mine), counts[label])
    assert np.array_equal(choose(images, settings).sources, chosen.sources)
    assert not np.array_equal(choose(images, settings.replace(seed=9)).sources, chosen.sources)


def test_balance_excludes():
    """What contradicts it is one line."""
    for other in ({"augment": 1}, {"mode": "prototypes"}):
        with pytest.raises(SettingsError, match="leave"):
            ROWS.replace(balance=1, **other)


WEAVE = (
    f"--nails {WEAVING.nails} --canvas-size {WEAVING.canvas_size} --max-lines {WEAVING.max_lines} "
    "--min-nail-gap 2 --recent-edges 10 --line-strength 0.2 --zernike-order 6"
)


@pytest.mark.parametrize("output", ["c.npz", "c"])
def test_prepare(tmp_path, monkeypatch, capsys, output):
    """From several sources to a corpus, in a file and in shards: classes, parts, groups, what is said."""
    monkeypatch.chdir(tmp_path)
    write_pair(tmp_path / "s", "letters-", 255 - drawn(20), [0, 1] * 10)
    (tmp_path / "s/classes.txt").write_text("&\nheart")
    code, out, err = run(
        f"prepare --source idx:s --source mnist --split test --samples 90 --balance 1 {WEAVE} -o {output}",
        capsys,
    )
    assert code == 0, err
    assert "idx:s:letters: dark on light: turned" in out
    corpus = load_corpus(output)
    assert corpus.classes == ("&", "heart", *"0123456789")
    assert np.ptp(np.bincount(corpus.labels)) <= 1
    assert {corpus.thread(row).provenance["source"].rpartition(":")[0] for row in range(90)} == {
        "idx:s:letters",
        "mnist:test",
    }
    train, valid = corpus.split(0.3, seed=0)
    assert set(train.labels.tolist()) == set(range(12))
    assert not set(train.sources.tolist()) & set(valid.sources.tolist())
    fails(f"prepare --source idx:s --data-dir s {WEAVE} -o d.npz", 1, "instead of --data-dir", capsys)


def test_a_split_spares_the_last_of_a_class():
    """No class is lost to validation; where every class has one picture only, that is one line."""
    from nitograph.corpus.prepare import build

    whole = build(some_images(20), ROWS.replace(samples=20), WEAVING)
    counts = np.bincount(whole.labels)
    for seed in range(5):
        train, valid = whole.split(0.5, seed=seed)
        assert set(train.labels.tolist()) == set(whole.labels.tolist())
        assert 0 < len(valid) <= 10
    single = whole.take(
        np.array([np.flatnonzero(whole.labels == label)[0] for label in np.flatnonzero(counts)])
    )
    with pytest.raises(SettingsError, match="of one picture, font or writer"):
        single.split(0.1, seed=0)
    assert len(single.split(0.0, seed=0)[1]) == 0


def test_groups_travel_with_the_corpus(tmp_path):
    """Who made a picture is kept in files and in shards, and no split parts a group."""
    from nitograph.corpus.prepare import build
    from nitograph.corpus.shards import build_shards

    made = groups_of(*((label, group) for label in range(3) for group in range(8)))
    settings = ROWS.replace(samples=48, augment=1)
    whole = build(made, settings, WEAVING)
    assert np.array_equal(whole.groups, made.groups[whole.sources])
    whole.save(tmp_path / "c.npz")
    for again in (load_corpus(tmp_path / "c.npz"), build_shards(tmp_path / "c", made, settings, WEAVING)):
        assert np.array_equal(again.groups, whole.groups)
        train, valid = again.split(0.25, seed=1)
        assert len(set(valid.groups.tolist())) == 2
        assert not set(train.groups.tolist()) & set(valid.groups.tolist())
        assert len(train) + len(valid) == 48
