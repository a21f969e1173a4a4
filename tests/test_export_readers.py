"""Threads come back in, and nothing else does."""

import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nitograph.board import Board
from nitograph.errors import FileError, NitographError
from nitograph.exporting.winding_list import ListSettings, csv_text, plain_text
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
        (b"hello world", "'hello' is not a nail number"),
        (b"<svg></svg>", "is not a nail number"),
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
    """Trailing commas, semicolons for commas and quoted heads, as spreadsheets write them, do no harm."""
    piece = Workpiece(read_thread(DIGIT))
    text = csv_text(piece, ListSettings())
    padded = "".join(f"{line},,,,,,,\n" if line[0] == "#" else f"{line}\n" for line in text.splitlines())
    quoted = "".join(f'"{line}";;;;;;;\n' if line[0] == "#" else f"{line.replace(',', ';')}\n"
                     for line in text.splitlines())  # fmt: skip
    for saved in (padded, quoted):
        assert parse(saved.encode(), "x") == piece.thread


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
