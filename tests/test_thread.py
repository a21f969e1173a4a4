"""Guards of the Thread: a value that is checked when made, and its JSON."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nitograph.board import Board
from nitograph.errors import FileError, ThreadError
from nitograph.thread import Thread

PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | FINITE | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def threads(draw):
    """Any thread there can be, with any JSON values as provenance."""
    num_nails = draw(st.integers(3, 400))
    steps = draw(st.lists(st.integers(1, num_nails - 1), min_size=1, max_size=30))
    nails = np.cumsum([draw(st.integers(0, num_nails - 1)), *steps]) % num_nails
    return Thread(nails, Board(num_nails), draw(st.none() | PLAIN), draw(st.dictionaries(PLAIN, VALUES)))


@settings(max_examples=70)
@given(threads(), st.sampled_from([None, 2]))
def test_json_brings_the_same_thread_back(thread, indent):
    """Nails, board, label and provenance survive the JSON, and a second writing gives the same text."""
    text = thread.to_json(indent=indent)
    again = Thread.from_json(text)
    assert again == thread
    assert again.provenance == thread.provenance
    assert again.to_json(indent=indent) == text
    assert json.loads(text)["line_count"] == thread.line_count


def test_indented_json_keeps_the_nails_on_one_line():
    """A person can read the file: fields on lines of their own, all nails on one, labels untouched."""
    text = Thread([0, 9, 3], Board(12), label=' "nails": [ ] }').to_json(indent=2)
    assert text.endswith('"nails": [0, 9, 3]\n}')
    assert Thread.from_json(text).label == ' "nails": [ ] }'


def test_fields_of_the_original_come_at_the_top():
    """A reader of the first Nitograph's JSON finds its fields: digit, num_nails, line_count and so on."""
    made = {"seed": 5, "sampling": {"temperature": 0.7, "top_k": 16}}
    record = json.loads(Thread([0, 9, 3], Board(12), "7", made).to_json())
    assert [record[key] for key in ("digit", "num_nails", "line_count", "seed")] == [7, 12, 2, 5]
    assert [record[key] for key in ("temperature", "top_k", "nails")] == [0.7, 16, [0, 9, 3]]


def test_the_first_nitographs_form_is_read():
    """A file of the original's form gives its label, nails and settings."""
    text = json.dumps(
        {"digit": 3, "num_nails": 16, "line_count": 2, "temperature": 0.85, "top_k": 32, "seed": 42,
         "nails": [0, 8, 3]}
    )  # fmt: skip
    thread = Thread.from_json(text)
    assert (thread.label, thread.board, thread.nails.tolist()) == ("3", Board(16), [0, 8, 3])
    assert thread.provenance == {
        "made_by": "first Nitograph",
        "seed": 42,
        "sampling": {"temperature": 0.85, "top_k": 32},
    }


@pytest.mark.parametrize(
    ("fields", "provenance"),
    [
        ({"seed": 0}, {"made_by": "first Nitograph", "seed": 0, "sampling": {}}),
        ({"temperature": 0.5}, {}),
        ({"seed": 3, "provenance": {"made_by": "another"}}, {"made_by": "another"}),
    ],
)
def test_provenance_comes_from_the_originals_fields_only_where_there_is_none(fields, provenance):
    """A seed tells a file of the first Nitograph; a provenance that is there stays as it is."""
    record = {"digit": 3, "num_nails": 16, "nails": [0, 8, 3], **fields}
    assert Thread.from_record(record).provenance == provenance


BAD = [
    "",
    "nails",
    "[1, 2]",
    "7",
    "{}",
    '{"nails": 3}',
    '{"nails": []}',
    '{"nails": [3]}',
    '{"nails": [0, 0]}',
    '{"nails": [0, 1.0]}',
    '{"nails": [0, true]}',
    '{"nails": [0, "1"]}',
    '{"nails": [0, [1]]}',
    '{"nails": [0, 256]}',
    '{"nails": [0, -1]}',
    '{"nails": [0, 9223372036854775808]}',
    '{"nails": [0, 99999999999999999999999]}',
    '{"nails": [0, NaN]}',
    '{"nails": [0, 9], "num_nails": 8}',
    '{"nails": [0, 1], "num_nails": 2}',
    '{"nails": [0, 1], "num_nails": null}',
    '{"nails": [0, 1], "num_nails": "8"}',
    '{"nails": [0, 1], "num_nails": true}',
    '{"nails": [0, 1], "num_nails": 1' + "0" * 400 + "}",
    '{"nails": [0, 1], "num_nails": 1' + "0" * 5000 + "}",
    '{"nails": [0, 9], "format": "nitograph-thread/9"}',
    '{"nails": [0, 9], "format": ["x"]}',
    '{"nails": [0, 9], "provenance": 5}',
    '{"nails": [0, 9], "provenance": {"a": 1e999}}',
    '{"nails": [0, 9], "seed": 1e999}',
    '{"nails": [0, 9], "label": "\\ud800"}',
    '{"nails": [0, 9], "label": ["7"]}',
    '{"nails": [0, 9], "label": 1.5}',
    '{"nails": [0, 9], "digit": 1' + "0" * 5000 + "}",
    "[" * 200_000,
    '{"a":' * 200_000,
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:48] or "empty")
def test_bad_json_is_one_line(text):
    """Everything that is no thread is refused in one line of moderate length that names the file."""
    with pytest.raises(FileError) as caught:
        Thread.from_json(text, name="a.json")
    message = str(caught.value)
    assert message.startswith("a.json")
    assert "\n" not in message
    assert len(message) < 300


@settings(max_examples=70)
@given(threads(), st.data())
def test_cut_and_flipped_json_is_refused_or_a_thread(thread, data):
    """A damaged file gives a FileError or another sound thread, never anything else."""
    text = thread.to_json()
    at = data.draw(st.integers(0, len(text) - 1))
    changed = data.draw(
        st.sampled_from([text[:at], text[:at] + "9" + text[at + 1 :], text[:at] + "," + text[at:]])
    )
    try:
        again = Thread.from_json(changed)
    except FileError:
        return
    assert Thread.from_json(again.to_json()) == again


def test_odd_provenance_of_others_is_carried():
    """A foreign provenance whose `sampling` is no object does no harm."""
    for sampling in (5, "temperature", ["top_k"], None):
        thread = Thread([0, 9], provenance={"sampling": sampling})
        assert Thread.from_json(thread.to_json()).provenance == {"sampling": sampling}


@pytest.mark.parametrize(
    ("label", "digit"), [("7", 7), ("07", 7), ("000", 0), ("123456789", 123456789), ("1234567890", None)]
)
def test_labels_of_digits(label, digit):
    """Up to nine digits stand in the original's field `digit` too; the label comes back as it was."""
    text = Thread([0, 9], label=label).to_json()
    assert json.loads(text).get("digit") == digit
    assert Thread.from_json(text).label == label


@pytest.mark.parametrize("label", ["0" * 5000, "²", "٣", "1" * 12, "-1", ""])
def test_labels_that_only_look_like_digits(label):
    """Long or foreign numerals are labels like any other, without a `digit` field."""
    text = Thread([0, 9], label=label).to_json()
    assert "digit" not in json.loads(text)
    assert Thread.from_json(text).label == label


@pytest.mark.parametrize(
    "nails",
    [[], [3], [[0, 1], [2, 3]], [0.0, 1.0], ["0", "1"], [0, [1]], [0, None], [0, 256], [0, -1], [4, 4]],
)
def test_no_thread(nails):
    """Nails that are no walk on the board make no Thread."""
    with pytest.raises(ThreadError):
        Thread(nails)


def test_a_thread_never_changes():
    """Neither its fields, nor its nails, nor what it was made from can change it."""
    nails, made = np.array([0, 9, 3]), {"deep": [1]}
    thread = Thread(nails, Board(12), "7", made)
    before = thread.to_json()
    nails[0], made["deep"][0] = 5, 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        thread.label = "8"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        thread.nails[0] = 1
    assert thread.to_json() == before


def test_equality_and_hash():
    """Threads are equal by board, label and nails; how they were made does not count."""
    one = Thread([0, 9, 3], Board(12), "7", {"seed": 1})
    same = Thread(np.array([0, 9, 3], dtype=np.uint8), Board(12), "7", {"seed": 2})
    others = [one.replace(label="8"), one.replace(board=Board(13)), one.replace(nails=[0, 9, 4])]
    assert one == same
    assert hash(one) == hash(same)
    assert all(one != other for other in others)
    assert len({one, same, *others}) == 4
    assert one != "thread"


def test_geometry():
    """Chords, points and length are those of the straight runs between positions."""
    thread = Thread([0, 4, 2], Board(8))
    assert thread.chords().tolist() == [[0, 4], [4, 2]]
    points = thread.points()
    assert points.shape == (3, 2)
    assert thread.length() == pytest.approx(2 + math.sqrt(2))


def test_the_longest_thread():
    """A million chords are a thread, one more is not."""
    nails = np.arange(1_000_002) % 3
    assert Thread(nails[:-1], Board(3)).line_count == 1_000_000
    with pytest.raises(ThreadError, match="1 to 1000000 chords"):
        Thread(nails, Board(3))
