"""nitograph render: every form of thread file in, a picture that carries its thread out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nitograph.cli import main
from nitograph.drawing import neon
from nitograph.drawing.look import NeonSettings
from nitograph.io import threads as thread_files
from nitograph.thread import Thread

THREADS = [Thread([0, 100, 30, 170], label="7"), Thread([5, 90, 60, 200], label="1")]


def render(source: Path, output: Path, *flags: str) -> int:
    """Run the command on small pictures."""
    return main(["render", str(source), "-o", str(output), "--size", "128", *flags])


def test_a_picture_makes_the_same_picture_again(tmp_path: Path) -> None:
    """JSON → PNG → PNG: the second is the first to the byte, and other flags change only the look."""
    source, first, second = tmp_path / "t.json", tmp_path / "1.png", tmp_path / "2.png"
    source.write_text(thread_files.to_json(THREADS, indent=1))
    assert render(source, first) == 0
    assert render(first, second) == 0
    assert first.read_bytes() == second.read_bytes()
    assert render(second, first, "--palette", "sunset", "--background", "navy") == 0
    assert thread_files.from_bytes(first.read_bytes()) == THREADS


def test_lines_are_chosen(tmp_path: Path) -> None:
    """Of JSON lines the one asked for is drawn."""
    source, output = tmp_path / "t.jsonl", tmp_path / "1.png"
    source.write_text("".join(thread.to_json() + "\n" for thread in THREADS))
    for line, thread in enumerate(THREADS):
        assert render(source, output, "--line", str(line + 1)) == 0
        with Image.open(output) as image:
            expected = neon.draw(thread, NeonSettings(size=128)).rgb()
            assert np.array_equal(np.asarray(image.convert("RGB")), expected)


def test_a_bare_list_of_nails(tmp_path: Path) -> None:
    """A list of numbers is a thread too."""
    source, output = tmp_path / "t.txt", tmp_path / "1.png"
    source.write_text("0 100 30 170\n")
    assert render(source, output, "--renderer", "matplotlib", "--list-nails", "256") == 0
    assert thread_files.from_bytes(output.read_bytes())[0].nails.tolist() == [0, 100, 30, 170]


@pytest.mark.parametrize(
    ("name", "held", "flags", "message"),
    [
        ("t.json", b"{", [], "not JSON"),
        ("t.json", b"", [], "is empty"),
        ("t.json", b'{"nails": [0, 300]}', [], "nails run from 0 to 255"),
        ("t.png", b"\x89PNG\r\n\x1a\n", [], "is an incomplete PNG picture"),
        (
            "t.png",
            neon.draw(THREADS[0], NeonSettings(size=64)).png(with_threads=False),
            [],
            "carries no thread",
        ),
        ("t.json", b'{"nails": [0, 9]}', ["--line", "2"], "got line 2; leave the line out"),
        ("t.json", b'{"nails": [0, 9]}', ["--line", "0"], "counted from 1"),
        ("t.json", b'{"nails": [0, 9]}', ["--palette", "beige?"], "a palette is one of"),
        ("t.json", b'{"nails": [0, 9]}', ["-o", "out.jpg"], "written as .png"),
    ],
)
def test_refusals_are_one_line(
    name: str,
    held: bytes,
    flags: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bad files and flags: one line, exit 1, no picture."""
    source, output = tmp_path / name, tmp_path / "out.png"
    source.write_bytes(held)
    assert render(source, output, *flags) == 1
    words = capsys.readouterr().err
    assert message in words
    assert words.count("\n") == 1
    assert not output.exists()
