"""One thread or many in one text."""

import json

import pytest

from nitograph.board import Board
from nitograph.errors import FileError
from nitograph.io import threads as thread_files
from nitograph.thread import Thread

THREADS = [Thread([0, 100, 7], label="2"), Thread([1, 5, 2], Board(9), label="0")]


@pytest.mark.parametrize("indent", [None, 1])
def test_there_and_back(indent: int | None) -> None:
    """One thread and several come back as they were."""
    for threads in (THREADS[:1], THREADS):
        assert thread_files.from_text(thread_files.to_json(threads, indent=indent)) == threads
    assert json.loads(thread_files.to_json(THREADS))["label"] == "20"


def test_lines() -> None:
    """Of JSON lines one is chosen, or all are read."""
    text = "".join(thread.to_json() + "\n" for thread in THREADS)
    assert thread_files.from_text(text) == THREADS[:1]
    assert thread_files.from_text(text, line=2) == THREADS[1:]
    assert thread_files.from_lines(text) == THREADS
    with pytest.raises(FileError, match="has 2 lines, got line 3"):
        thread_files.from_text(text, line=3)


def test_the_first_nitographs_form() -> None:
    """A file of the original's form is read."""
    text = (
        '{"digit": 7, "num_nails": 256, "line_count": 2, "temperature": 0.85, "top_k": 32, "seed": 42, '
        '"nails": [0, 9, 80]}'
    )
    (thread,) = thread_files.from_text(text)
    assert thread.label == "7"
    assert thread.provenance["seed"] == 42


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"\xff\xfe\x00",
        b'{"threads": []}',
        b'{"threads": [1]}',
        b'{"threads": 5}',
        b'{"format": "other/1", "threads": [{"nails": [0, 1]}]}',
        b"[" * 100_000,
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    """What holds no threads is one line that says so."""
    with pytest.raises(FileError) as caught:
        thread_files.from_bytes(data)
    assert "\n" not in str(caught.value)
