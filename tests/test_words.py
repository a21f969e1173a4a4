"""Guards of names: any text is a class, texts are spelled with it, and every command takes every name."""

import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nitograph
from cli_help import fails, run
from nitograph.api.words import class_named, spelled
from nitograph.drawing.layout import place
from nitograph.errors import SourceError
from nitograph.io import threads as thread_files
from nitograph.io.files import same_file
from nitograph.io.names import file_stem, text_of
from nitograph.model.vocab import listed
from nitograph.thread import Thread, Threads, places_of
from tiny import SIGNS, random_weights

LETTERS = (*"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "heart")
FAMILY = "👨‍👩‍👧"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a model of classes of every kind of name."""
    random_weights(classes=SIGNS).save(tmp_path / "w.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names", "places"),
    [
        ("7", ["7"], None),
        ("2026", list("2026"), None),
        ("heart", ["heart"], None),
        ("Hat", list("Hat"), None),
        ("A B", ["A", "B"], [(0, 0), (0, 2)]),
        ("ab\r\n\nC", ["a", "b", "C"], [(0, 0), (0, 1), (2, 0)]),
        (" a ", ["a"], [(0, 1)]),
        ("I {heart} U", ["I", "heart", "U"], [(0, 0), (0, 2), (0, 4)]),
        ("{heart}", ["heart"], None),
        ("a{heart}{A}", ["a", "heart", "A"], None),
    ],
)
def test_a_text_is_spelled(text, names, places):
    """Signs in order, spaces as empty places, breaks as rows, names in braces; a whole name first."""
    found = spelled(text, LETTERS)
    assert list(found.names) == names
    assert found.places == (None if places is None else tuple(places))


def test_signs_of_several_code_points():
    """Emoji of several parts, flags, accents however composed: one board each."""
    classes = ("é", "👍🏽", "🇩🇪", FAMILY, "♥️", "a")
    text = unicodedata.normalize("NFD", "é") + "a👍🏽🇩🇪" + FAMILY + "♥"
    assert spelled(text, classes).names == ("é", "a", "👍🏽", "🇩🇪", FAMILY, "♥️")
    assert class_named("♥", classes) == "♥️"
    assert class_named("", classes) is None


def test_braces_that_are_signs():
    """A model that knows braces spells them, unless they hold the name of a class."""
    classes = ("{", "}", "a", "heart")
    assert spelled("{", classes).names == ("{",)
    assert spelled("{a{", classes).names == ("{", "a", "{")
    assert spelled("{aa}", classes).names == ("{", "a", "a", "}")
    assert spelled("{heart}", classes).names == ("heart",)


@pytest.mark.parametrize(
    ("text", "classes", "part"),
    [
        ("", LETTERS, "knows no class ''"),
        ("x", tuple("0123456789"), "knows no class 'x'; it knows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("Hé!", LETTERS, "knows no class 'é', '!'; it knows 0–9 A–Z a–z heart"),
        ("{hart}", LETTERS, "knows no class 'hart'"),
        (" \n ", LETTERS, "nothing to write in a text of spaces"),
        ("a" + "\n" * 1000 + "a", LETTERS, "at most 1000 rows"),
    ],
)
def test_what_is_not_known(text, classes, part):
    """One line: all that is not known, and what is."""
    with pytest.raises(SourceError, match=re.escape(part)) as caught:
        spelled(text, classes)
    assert "\n" not in str(caught.value)


def test_many_classes_in_a_message():
    """Ranges of letters and digits, signs apart, and an end to it."""
    assert listed("abc") == "a, b, c"
    assert listed((*"0123456789ABCDEF", "!", '"', "#", "heart")) == '0–9 A–F ! " # heart'
    assert listed([f"class {n}" for n in range(500)]).endswith("class 59 and 440 more")


TEXTS = st.text(st.sampled_from("aAbBuU026+-_&< éÉΩω♥"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_files_never_collide(one, other):
    """Different texts have different file names, on disks that are blind to case as well."""
    first, second = file_stem(one), file_stem(other)
    assert (first.casefold() == second.casefold()) == (one == other)
    assert not one or text_of(first) == (one if "+" in first else first)
    assert re.fullmatch(r"[A-Za-z0-9+_-]{1,80}", first)


def test_near_names_of_files():
    """Pairs that would be one file elsewhere."""
    assert [file_stem(text) for text in ("7", "2026", "heart", "A", "NITO", "&", "I U")] == [
        "7", "2026", "heart", "A+capital", "NITO+capitals", "U+0026", "I_U+0020_U+capitals",
    ]  # fmt: skip
    near = ["A", "a", "&", "<", "Ab", "aB", "AB", "ab", "u26", "U+0026", "+", "_", "a_", "a", "é", "é",
            "A&capitals", "a&capitals", "a&", "A&", "", "x" * 81, "x" * 82, "+capital", "-"]  # fmt: skip
    assert len({file_stem(text).casefold() for text in near}) == len(set(near))


def test_a_name_of_a_file_says_its_text():
    """What a disk cannot hold is written as our files are called; other names stay as they are."""
    for text in ("/", "A", "NITO", "I U", "a/b", "<", "+", "_", "👍🏽", "U+0026"):
        assert text_of(file_stem(text)) == text
    for name in ("heart", "a_b", "c++", "+capital", "+nothing", "U+0041", "U+110000", "U+26", "A+B", ""):
        assert text_of(name) == name


def test_places_are_kept_and_checked():
    """A thread knows its place through its JSON; places that are none are not believed."""
    threads = [
        Thread([0, 100, 7], label=label, provenance={"place": at})
        for label, at in (("I", [0, 0]), ("heart", [0, 2]), ("U", [1, 1]))
    ]
    again = thread_files.from_text(thread_files.to_json(threads))
    assert places_of(again) == [(0, 0), (0, 2), (1, 1)]
    assert Threads(again).label == "I {heart}\n U"
    assert spelled(Threads(again).label, ("I", "heart", "U")).places == ((0, 0), (0, 2), (1, 1))
    assert Threads([Thread([0, 9], label="heart")]).label == "heart"
    for wrong in (None, [0, 0], [-1, 0], [0, 1e3], [0, 1000], ["0", 1], [True, 5], [0], "ab", {"a": 1}):
        second = threads[1].replace(provenance={"place": wrong})
        assert places_of([threads[0], second]) is None
        assert nitograph.draw([threads[0], second], size=64).width == 64


def test_a_text_is_drawn_as_it_is_written():
    """Boards by row and column, in cells of one size; other layouts take no notice."""
    width, height, discs = place(3, "row", 300, [(0, 0), (0, 2), (1, 1)])
    assert (width, height) == (300, 200)
    assert [(round(x), round(y)) for x, y, _ in discs] == [(50, 50), (250, 50), (150, 150)]
    assert place(3, "grid", 300, [(0, 0), (0, 2), (1, 1)]) == place(3, "grid", 300)
    assert place(1, "row", 90, [(0, 2)])[:2] == (90, 30)


def test_generate_every_name(here, capsys):
    """Each class by its name, into files of their own, with its own label; from Python the same."""
    written = []
    for name in SIGNS:
        code, out, err = run(f"generate '{name}' --checkpoint w.safetensors --size 64", capsys)
        assert code == 0, err
        picture, sequence = (Path(part.strip()) for part in out.split(": ")[0].split(","))
        assert thread_files.from_bytes(picture.read_bytes())[0].label == name
        thread = nitograph.load(sequence)
        assert thread.label == name
        written.append(sequence)
    assert len({path.name.casefold() for path in written}) == len(SIGNS)
    assert not same_file(written[1], written[2])
    again = nitograph.generate(SIGNS[-1], checkpoint="w.safetensors")
    assert np.array_equal(again.nails, thread.nails)


def test_generate_a_text(here, capsys):
    """Words, rows and names in braces, from the command line and from Python; render keeps the places."""
    text = "He&\n {heart} Ω"
    code, _, err = run(f"generate '{text}' --checkpoint w.safetensors --size 120 -o t.png", capsys)
    assert code == 0, err
    record = json.loads(Path("t.json").read_text(encoding="utf-8"))
    assert record["label"] == text
    assert [found["label"] for found in record["threads"]] == ["H", "e", "&", "heart", "Ω"]
    made = nitograph.generate(text, checkpoint="w.safetensors")
    assert made.label == text
    assert [len(thread.nails) for thread in made] == [len(found["nails"]) for found in record["threads"]]
    assert [found["seed"] for found in record["threads"]] == [42, 43, 44, 45, 46]
    assert nitograph.draw(made, size=120).rgb().shape == (60, 120, 3)
    assert run("render t.json -o again.png --size 120", capsys)[0] == 0
    for command in ("render t.png -o u.png --size 120", "animate t.json -o t.gif --size 64 --seconds 1"):
        code, _, err = run(command, capsys)
        assert code == 0, err
    fails(
        "generate 'H?!' --checkpoint w.safetensors", 1, "knows no class '?', '!'; it knows 0 A a H", capsys
    )


def test_pages_and_files_of_every_name(here, capsys):
    """Gallery, contact sheet, guide, drawings and lists hold every name as text, and never as markup."""
    everything = " ".join(f"'{name}'" for name in SIGNS)
    checkpoint = "--checkpoint w.safetensors"
    assert run(f"gallery {everything} --count {len(SIGNS)} -o g.html {checkpoint}", capsys)[0] == 0
    page = Path("g.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'\{"threads":.*\}', page).group())
    assert [thread["label"] for thread in data["threads"]] == list(SIGNS)
    assert run(f"gallery {everything} --count {len(SIGNS)} -o g.png --tile 64 {checkpoint}", capsys)[0] == 0
    for number, name in enumerate(("<", "&", "/", "Ω", FAMILY, "</script><b>")):
        nitograph.save(Thread([0, 100, 7, 120], label=name), f"{number}.json")
        for ending in ("html", "svg", "csv", "txt", "gcode", "dxf", "pdf"):
            code, _, err = run(f"export {number}.json -o {number}.{ending}", capsys)
            assert code == 0, (name, ending, err)
        page = Path(f"{number}.html").read_text(encoding="utf-8")
        assert "</script><b>" not in page
        assert "Winding guide: <" not in page
        assert "Winding guide: " in page
        again = nitograph.load(f"{number}.csv")
        assert again.label in (name, None)


def test_sample_a_name(here, capsys):
    """`sample` takes one class of any name."""
    for name in ("&", "heart", FAMILY):
        assert run(f"sample '{name}' --count 2 -o s.jsonl --checkpoint w.safetensors", capsys)[0] == 0
        labels = [json.loads(line)["label"] for line in Path("s.jsonl").read_text("utf-8").splitlines()]
        assert labels == [name, name]
    fails("sample He -o x.jsonl --checkpoint w.safetensors", 1, "knows no class 'He'", capsys)
