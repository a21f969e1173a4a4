"""The commands of docs/making.md run as they are printed."""

import shlex
import shutil
from pathlib import Path

import pytest

from nitograph.cli import main
from nitograph.colours.layers import Colour, Layers, coloured
from nitograph.io.lists import read_thread
from nitograph.io.threads import to_json
from nitograph.thread import Thread

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "making.md"


def printed_commands():
    """Every indented `nitograph export` and `nitograph check` of the page, $BOARD filled in."""
    lines = [line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:4] == "    "]
    board = next(line.partition("=")[2].strip('"') for line in lines if line.startswith("BOARD="))
    wanted = ("nitograph export ", "nitograph check ")
    return [line.replace("$BOARD", board) for line in lines if line.startswith(wanted)]


def test_the_page_holds_commands():
    """The search below finds the page's commands at all."""
    assert len(printed_commands()) > 12


@pytest.mark.parametrize("command", printed_commands())
def test_every_command_runs(command, tmp_path, monkeypatch):
    """Each command exits with 0 and writes the file that it names."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(__file__).parent / "data" / "export_digit.json", "digit_7_4k.json")
    nails = " ".join(str(nail + 1) for nail in read_thread("digit_7_4k.json").nails)
    Path("theirs.txt").write_text(nails, encoding="utf-8")
    threads = [read_thread("digit_7_4k.json"), Thread([0, 100, 30], label="7")]
    colours = Colour("red", "#ff2b2b"), Colour("black", "#000000")
    layers = Layers(coloured(*pair) for pair in zip(threads, colours, strict=True))
    Path("photo.json").write_text(to_json(layers), encoding="utf-8")
    words = shlex.split(command, comments=True)
    assert main(words[1:]) == 0
    if "-o" in words:
        assert Path(words[words.index("-o") + 1]).stat().st_size > 1000


def test_every_picture_of_the_page_is_there():
    """No link of the page leads nowhere."""
    names = [part.partition(")")[0] for part in PAGE.read_text(encoding="utf-8").split("](")[1:]]
    assert names
    assert all((PAGE.parent / name).is_file() for name in names)
