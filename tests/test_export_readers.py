"""Threads come back in, and nothing else does."""

import csv
import io
import itertools
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nitograph.board import Board
from nitograph.errors import FileError, NitographError
from nitograph.exporting.winding_list import ListSettings, csv_text, numbering, plain_text
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.io import threads as thread_files
from nitograph.io.lists import ForeignList, parse, parse_all, read_thread
from nitograph.thread import Thread

DIGIT = Path(__file__).parent / "data" / "export_digit.json"


@given(
    nails=st.sampled_from([3, 7, 250, 256]),
    numbering=st.fixed_dictionaries(
        {
            "origin": st.sampled_from(["top", "right"]),
            "direction": st.sampled_from(["cw", "ccw"]),
            "side": st.sampled_from(["front", "back"]),
        }
    ),
    label=st.sampled_from([None, "7", "Å", "two words", "", " a=b,c "]),
    seed=st.integers(0, 99),
)
def test_lists_of_ours_come_back_exact(nails, numbering, label, seed):
    """CSV and bare list give back the same thread, board and label under every numbering."""
    rng = random.Random(seed)
    path = [0]
    for _ in range(rng.randrange(1, 30)):
        path.append((path[-1] + rng.randrange(1, nails)) % nails)
    piece = Workpiece(Thread(path, Board(nails), label), WorkpieceSettings(**numbering))
    for text in (csv_text(piece, ListSettings()), plain_text(piece, ListSettings(block=4))):
        assert parse(text.encode(), "x") == piece.thread
        assert parse(text.replace("\n", "\r\n").encode("utf-8-sig"), "x") == piece.thread


def test_json_of_ours_and_json_lines(tmp_path):
    """A thread file, one of several lines of JSON, and the file of the first Nitograph's form."""
    thread = read_thread(DIGIT)
    assert (thread.label, thread.line_count) == ("5", 240)
    lines = f"{thread.to_json()}\n{thread.replace(label='6').to_json()}\n"
    assert parse(lines.encode(), "x") == thread
    original = {"digit": 7, "num_nails": 256, "line_count": 2, "temperature": 0.85, "top_k": 32, "seed": 42}
    classic = parse(json.dumps(original | {"nails": [0, 100, 7]}, indent=2).encode(), "x")
    assert classic == Thread([0, 100, 7], label="7")
    assert classic.provenance["seed"] == 42


@pytest.mark.parametrize("kind", ["text", "packed", "international"])
def test_a_picture_that_carries_its_thread(kind):
    """Our pictures give their thread back from any of PNG's text chunks; others carry none."""
    thread = read_thread(DIGIT)
    info = PngInfo()
    if kind == "international":
        info.add_itxt("nitograph", thread.to_json(), zip=True)
    else:
        info.add_text("nitograph", thread.to_json(), zip=kind == "packed")
    for carried in (info, None):
        stream = io.BytesIO()
        Image.new("L", (4, 4)).save(stream, "PNG", pnginfo=carried)
        if carried:
            assert parse(stream.getvalue(), "x") == thread
        else:
            with pytest.raises(FileError, match="carries no thread"):
                parse(stream.getvalue(), "x")


@pytest.mark.parametrize(
    "text",
    ["0 3 1 2", "0,3,1,2", "0\n3\n1\n2\n", "0; 3; 1; 2", "[0, 3, 1, 2]", "# a walk\n0 3\n1 2",
     "step,nail\n0,0\n1,3\n2,1\n3,2", "Pin\n0\n3\n1\n2", '"n";"nail"\n1;"0"\n2;3\n3;1\n4;2'],
)  # fmt: skip
def test_lists_from_elsewhere(text):
    """Spaces, commas, lines, JSON lists and tables with a nail column."""
    assert parse(text.encode(), "x", ForeignList(list_nails=4)).nails.tolist() == [0, 3, 1, 2]


PATH = [0, 3, 5, 1, 4, 2]


@pytest.mark.parametrize("text", [
    *(f"{head}\n" + "".join(f"{step}{sign}{nail}\n" for step, nail in enumerate(PATH, 1))
      for sign, heads in (
          (";", ["Schritt;Nagel", "No.;NÄGEL", "Шаг;Гвоздь", "étape;clou", "paso;Nº de clavo",
                 "步骤;钉子"]),
          (",", ["Step Number,Pin Number", "n,nextPin", '"step","peg_no"', "line,Nagelnummer"]),
          ("\t", ["step\tpin"]), (" ", ["step pin"]))
      for head in heads),
    "pin\n" + "".join(f"{nail}.0\n" for nail in PATH),
    "pin;metres\n" + "".join(f"{nail},0;1,5\n" for nail in PATH),
    "".join(f"{step} {nail}\n" for step, nail in enumerate(PATH, 1)),
    "".join(f"{nail},{step}\n" for step, nail in enumerate(PATH)),
    "".join(f"{step};{nail},0\n" for step, nail in enumerate(PATH, 7)),
    "".join(f"String #{step} -> next pin: {nail}\r\n" for step, nail in enumerate(PATH)),
    "".join(f"{step}. Nail {nail}, then on.\n" for step, nail in enumerate(PATH)),
    "step,from,to\n" + "".join(f"{k},{a},{b}\n" for k, (a, b) in enumerate(itertools.pairwise(PATH))),
    "Start pin\tEnd pin\tmm\n" + "".join(f"{a}\t{b}\t2.5\n" for a, b in itertools.pairwise(PATH)),
    "".join(f"From nail {a} to nail {b}\n" for a, b in itertools.pairwise(PATH)),
    "".join(f"{a} {b}\n" for a, b in itertools.pairwise(PATH)),
    "".join(f"{k} {a} {b}\n" for k, (a, b) in enumerate(itertools.pairwise(PATH))),
    json.dumps({"nails": 6, "sequence": PATH}),
    json.dumps({"numPins": 6, "pin_order": [*map(float, PATH)]}),
    json.dumps({"nails": [*map(float, PATH)], "name": "x"}), json.dumps([float(nail) for nail in PATH]),
    json.dumps([{"step": step, "pin": nail} for step, nail in enumerate(PATH)]),
    json.dumps([[step, nail] for step, nail in enumerate(PATH)]),
    json.dumps([*map(list, itertools.pairwise(PATH))], indent=1),
    json.dumps([{"from": a, "to": b} for a, b in itertools.pairwise(PATH)]),
])  # fmt: skip
def test_every_form_of_the_same_thread(text):
    """Tables in six languages, lines of words, pairs, steps beside nails, JSON; in UTF-8 and in UTF-16."""
    board = ForeignList(list_nails=6)
    for coded in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16"),
                  b"\xfe\xff" + text.encode("utf-16-be"), text.replace("\n", "\r\n").encode()):  # fmt: skip
        assert parse(coded, "x", board).nails.tolist() == PATH


@pytest.mark.parametrize(("text", "says"), [
    ("1 2 3 4", "numbers count 1, 2, 3"),
    ("pin,x\n1,5\n2,5\n3,5", "numbers count 1, 2, 3"),
    ("[1, 2, 3]", "numbers count 1, 2, 3"),
    ("1 0 2 4 3 1", "every second number count 1, 2, 3"),
    ("0, 1, 4, 2, 1, 3", "every second number count 1, 2, 3"),
    ("1 4\n2 5\n3 6", "column that counts 1, 2, 3"),
    ("1 0 3\n2 4 1\n3 2 0", "column that counts 1, 2, 3"),
    ("step,from,to\n1,0,3\n2,4,1", "row 2 starts at nail 4, but the row before ends at nail 3"),
    ("a,b\n1,2", "columns 'a', 'b' none, or several, are nails"),
    ("left pin,right pin\n0,2", "none, or several"),
    ("Step Pin\n1 0 3", "2 titles over a row of 3"),
    ("pin 1\nsin 2", "words of 'sin 2'"),
    ("pin 2.5", "'2.5' is not a nail number"),
    ('{"sequence": [0, 1], "path": [0, 2]}', "several lists"),
    ('{"sequence": [0, 1], "pins": 5, "nails": 6}', "states 5 and 6 nails"),
    ('{"sequence": [0, 1], "pins": 5}', "states 5 nails, got list_nails 8"),
    ("nägel\n0", "UTF-8 or UTF-16; save a list as UTF-8"),
])  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused(text, says):
    """Numbers that count are steps, gaps and unclear columns are said."""
    with pytest.raises(FileError, match=re.escape(says)) as caught:
        parse(text.encode("latin-1"), "x", ForeignList(list_nails=8))
    assert "\n" not in str(caught.value)


@given(
    seed=st.integers(0, 10_000),
    steps=st.integers(3, 30),
    first=st.integers(0, 2),
    form=st.sampled_from(["{k} {n}\n", "{n}; {k}\n", "{k},{n} ", "[{k},{n}],"]),
)
def test_numbered_steps_are_never_taken_for_nails(seed, steps, first, form):
    """A numbered list gives its nails or is refused, however it is written down."""
    rng = random.Random(seed)
    path = [rng.randrange(9)]
    while len(path) < steps:
        path.append((path[-1] + rng.randrange(1, 9)) % 9)
    text = "".join(form.format(k=step, n=nail) for step, nail in enumerate(path, first))
    text = f"[{text[:-1]}]" if text[0] == "[" else text
    try:
        assert parse(text.encode(), "x", ForeignList(list_nails=99)).nails.tolist() == path
    except FileError as error:
        assert "count" in str(error)  # noqa: PT017  # either outcome is right


def test_lists_of_ours_may_count():
    """A list that states its numbering is what it says, even where its nails count."""
    piece = Workpiece(Thread(range(9), Board(20)))
    for text in (csv_text(piece, ListSettings()), plain_text(piece, ListSettings(block=2))):
        assert parse(text.encode("utf-16"), "x") == piece.thread


def test_foreign_numbering_is_turned_to_ours():
    """Origin, direction and first number of a foreign list are taken into account."""
    top = ForeignList(list_nails=8, list_origin="top")
    assert parse(b"0 1 4", "x", top).nails.tolist() == [6, 7, 2]
    back = ForeignList(list_nails=8, list_origin="top", list_direction="ccw", list_first=1)
    assert parse(b"1 2 8", "x", back).nails.tolist() == [6, 5, 7]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00 junk", "no thread file"),
        (b"hello world", "none, or several, are nails; read are JSON"),
        (b"<svg></svg>", "none, or several, are nails"),
        (b"0 1 2.5", "'2.5'"),
        (b"0 -1 2", "'-1'"),
        (b"0 9 2", "nails run from 0 to 7"),
        (b"0 0 2", "follows itself"),
        (b"5", "1 to"),
        (b"[1, [2]]", "something other than nail numbers"),
        (b"[1, 1e400]", "something other than nail numbers"),
        (b"[" * 5000, "nested more than 64 deep"),
        (b"[99999999999999999999999, 1]", "something other than nail numbers"),
        (b"{", "not JSON"),
        (b'{"a": 1}', "holds no thread"),
        (b"# only a head\n", "holds no nails"),
        (b"step,nail\n0,1\n2", "no column"),
        (b"# nitograph-list/1 num_nails=8 zero=8 sense=+1\n0 1", "below num_nails"),
        (b"# nitograph-list/1 num_nails=8 zero=1 sense=2\n0 1", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, "that file"),
    ],
)
def test_what_is_no_thread_is_refused_in_one_line(data, says):
    """Every refusal is one line that names the file and what is wrong with it."""
    with pytest.raises(FileError, match=says) as caught:
        parse(data, "that file", ForeignList(list_nails=8))
    assert str(caught.value).startswith("that file")
    assert "\n" not in str(caught.value)


def test_a_bare_list_must_come_with_its_board():
    """The number of nails is never guessed."""
    with pytest.raises(FileError, match="list_nails"):
        parse(b"0 100 7", "x")


def test_a_list_longer_than_any_thread_is_cut_short(monkeypatch):
    """Reading stops at the longest thread there is, whatever the file still holds."""
    monkeypatch.setattr("nitograph.io.lists.MAX_CHORDS", 5)
    board = ForeignList(list_nails=4)
    assert parse(b"0 1 2 3 2 1", "x", board).line_count == 5
    for text in (b"0 1 2 3 2 1 0 word", b"nail\n" + b"0\n1\n" * 50):
        with pytest.raises(FileError, match="more than 5 chords"):
            parse(text, "x", board)


def test_a_list_saved_by_a_spreadsheet_comes_back():
    """Other separators and quotes, as spreadsheets write them, do no harm, nor does the old form."""
    piece = Workpiece(read_thread(DIGIT))
    text = csv_text(piece, ListSettings())
    for sign in ";\t":
        saved = io.StringIO()
        csv.writer(saved, delimiter=sign).writerows(csv.reader(io.StringIO(text)))
        assert parse(saved.getvalue().encode("utf-16"), "x") == piece.thread
    titles, rows = "step,nail,a,b,c,d,e,f", enumerate(piece.path.tolist())
    old = "".join(f"{step},{nail},,,,,,\n" for step, nail in rows)
    line = numbering(piece)
    for head in (f"# {line},,,,,,,", f'"# {line}",,,,,,,', f"# {line}"):
        assert parse(f"{head}\n{titles}\n{old}".encode(), "x") == piece.thread


def test_one_board_of_a_word():
    """A file of several boards gives the one that is asked for, and never picks one by itself."""
    boards = [Thread([0, 9, k], label=str(k)) for k in (2, 3, 4)]
    data = thread_files.to_json(boards).encode()
    assert parse_all(data, "x") == boards
    assert parse(data, "x", board=2) == boards[1]
    with pytest.raises(FileError, match="3 boards; choose one of 1 to 3"):
        parse(data, "x")
    with pytest.raises(FileError, match="board must be 1 to 3, got 4"):
        parse(data, "x", board=4)
    lines = "".join(f"{thread.to_json()}\n" for thread in boards).encode()
    assert parse(lines, "x", line=3) == boards[2]
    with pytest.raises(FileError, match="line 4"):
        parse(lines, "x", line=4)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_ours(data):
    """Any bytes give a thread or an error of ours."""
    for foreign in (None, ForeignList(list_nails=9)):
        try:
            parse(data, "x", foreign)
        except NitographError as error:
            assert "\n" not in str(error)  # noqa: PT017  # either outcome is right


@given(cut=st.integers(0, 2500), flip=st.integers(0, 2499), byte=st.integers(0, 255))
def test_damaged_files_raise_nothing_but_ours(cut, flip, byte):
    """Cut and flipped files of every kind give a thread or an error of ours."""
    thread = read_thread(DIGIT)
    piece = Workpiece(thread)
    info = PngInfo()
    info.add_text("nitograph", thread.to_json(), zip=True)
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "PNG", pnginfo=info)
    for whole in (thread.to_json().encode(), csv_text(piece, ListSettings()).encode(), stream.getvalue()):
        damaged = bytearray(whole)
        damaged[flip % len(damaged)] = byte
        try:
            parse(bytes(damaged[: len(damaged) - cut]), "x")
        except NitographError as error:
            assert "\n" not in str(error)  # noqa: PT017  # either outcome is right
