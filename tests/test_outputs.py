"""Guards of what a command writes: places, endings, and that no file is lost to another."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from nitograph.cli import main
from nitograph.errors import FileError
from nitograph.io.outputs import JSON, PNG, Output, claim
from tiny import random_weights, small_corpus


def test_what_can_be_written_comes_back(tmp_path):
    """Different names with true endings, inputs elsewhere or none: the paths, in their order."""
    outputs = [Output("picture", tmp_path / "a.PNG", PNG), Output("thread", tmp_path / "a.json", JSON)]
    found = claim(outputs, {"picture": tmp_path / "in.jpg", "example": "mnist:test:3", "weights": None})
    assert found == (tmp_path / "a.PNG", tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.json", "png"])
def test_an_ending_that_lies(tmp_path, name):
    """A picture under another format's ending, or under none, is refused by name."""
    with pytest.raises(FileError, match=r"the picture is written as \.png, got "):
        claim([Output("picture", tmp_path / name, PNG)])


def test_two_under_one_name(tmp_path):
    """By the same name, by way of a link, and through another spelling of the folder."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/x")
    (tmp_path / "door").symlink_to("folder")
    there = tmp_path / "folder" / "x"
    for other in (
        there,
        tmp_path / "link",
        tmp_path / "door" / "x",
        tmp_path / "folder" / ".." / "folder" / "x",
    ):
        with pytest.raises(FileError, match="the page and the record would both be written to"):
            claim([Output("page", there), Output("record", other)])
    assert sorted(found.name for found in tmp_path.iterdir()) == ["door", "folder", "link"]


def test_an_output_over_an_input(tmp_path, monkeypatch):
    """Also by a relative name, and through a hard link."""
    source = tmp_path / "photo.json"
    source.write_text("kept")
    os.link(source, tmp_path / "hard.json")
    monkeypatch.chdir(tmp_path)
    for name in (source, Path("photo.json"), tmp_path / "hard.json"):
        with pytest.raises(FileError, match="written over the picture"):
            claim([Output("thread", name, JSON)], {"weights": None, "picture": str(source)})
    assert source.read_text() == "kept"


@pytest.fixture(scope="module")
def stock(tmp_path_factory) -> Path:
    """A folder with one of each input."""
    folder = tmp_path_factory.mktemp("stock")
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "nails": [0, 9, 20, 3]}')
    (folder / "t.jsonl").write_text('{"num_nails": 32, "nails": [0, 9, 20, 3]}\n')
    small_corpus(samples=20).save(folder / "c.npz")
    Image.new("L", (40, 40), 255).save(folder / "p.png")
    for name in ("t.csv", "p.json", "w.png", "w.jsonl", "t.html", "t.png", "c.png"):
        source = folder / {"t": "t.json", "p": "p.png", "w": "w.safetensors", "c": "c.npz"}[name[0]]
        (folder / name).write_bytes(source.read_bytes())  # inputs are told by what they hold
    return folder


@pytest.fixture
def bench(stock, tmp_path, monkeypatch) -> Iterator[Path]:
    """A copy of that folder; whatever a command does to it is seen at the end."""
    shutil.copytree(stock, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    yield tmp_path
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


WEIGHTS = "--checkpoint w.safetensors"
LOST = [  # two outputs under one name, or an output over an input
    f"generate 7 {WEIGHTS} -o a.png --sequence-output ./a.png",
    f"generate 7 {WEIGHTS} -o a.png --export svg,svg",
    "generate 7 --checkpoint w.png -o w.png",
    f"generate 7 --like p.png {WEIGHTS} -o p.png",
    f"generate 7 --like p.json {WEIGHTS} -o a.png --sequence-output p.json",
    f"generate --image p.png {WEIGHTS} -o ./p.png",
    "sample 7 --checkpoint w.jsonl -o w.jsonl",
    "render t.png -o t.png",
    "gallery --threads t.jsonl -o g.html --checkpoint g.html",
    "gallery --threads t.html -o t.html",
    "gallery 7 --checkpoint w.png -o w.png",
    "animate t.json -o ./t.json",
    "weave p.json -o p.json",
    "weave p.png --importance p.json -o p.json",
    "weave p.json",
    "weave p.png --board file:t.json -o t.json",
    "weave p.png --threads 2 -o a.json --preview p.png",
    "advise p.png -o p.png",
    "advise p.png -o a.png --plot ./a.png",
    "calibrate p.png t.json -o p.png",
    "calibrate p.png t.png -o t.png",
    "learn mnist --start-from w.safetensors -o w.safetensors",
    "learn mnist --start-from w.png -o a.safetensors --sheet w.png",
    "learn mnist --start-from t.html -o a.safetensors --page t.html",
    "export t.json -o a.svg -o ./a.svg",
    "export t.csv -o t.csv",
    "export t.html -o a.svg -o t.html",
    "preview --dataset c.png -o c.png",
    "train --dataset c.npz --output a.pt --last-output a.pt",
    "train --dataset c.npz --output a.pt --plot a.png --last-output a.png",
    "train --dataset c.png --plot c.png",
    "evaluate --stand-in random -o a.json --page ./a.json",
    "evaluate --threads t.json -o t.json",
    "evaluate --stand-in random --dataset c.png --sweep --plot c.png",
]
LIES = [  # endings that say another format than the file holds
    f"generate 7 {WEIGHTS} -o a.jpg",
    f"generate 7 {WEIGHTS} -o a.png --sequence-output a.csv",
    f"sample 7 {WEIGHTS} -o a.png",
    "render t.json -o a.jpeg",
    f"gallery 7 {WEIGHTS} -o a.svg",
    "animate t.json -o a.avi",
    "weave p.png -o a.png",
    "weave p.png --threads 3 -o a.txt",
    "weave p.png --preview a.jpg",
    "advise p.png -o a.jpg",
    "calibrate p.png t.json -o a.jpg",
    "learn mnist -o a.pt",
    "learn mnist -o a.safetensors --page a.png",
    "export t.json -o a.png",
    "prepare -o a.csv",
    "preview --dataset c.npz -o a.jpg",
    "train --dataset c.npz --output a.npz",
    "train --dataset c.npz --plot a.svg",
    "evaluate --stand-in random -o a.html",
    "evaluate --stand-in random --page a.json",
]
LATE = [  # what used to be found out after the work
    f"generate 7 {WEIGHTS} -o a.png --export nonsense",
    f"gallery 7 {WEIGHTS} -o a.png --tile 9000",
    f"gallery 7 {WEIGHTS} -o a.png --tile 1",
    f"gallery 7 {WEIGHTS} -o a.png --count 10000 --tile 4000",
]


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("words", [*LOST, *LIES, *LATE])
def test_nothing_is_lost_and_no_work_begins(words, capsys, monkeypatch):
    """Each command refuses in one line, before it invents, weaves, draws or judges, and changes no file."""

    def begun(*_: object, **__: object) -> None:
        pytest.fail("the work began")

    for place in (
        "nitograph.sampling.sampler.invent",
        "nitograph.drawing.neon.draw",
        "nitograph.drawing.neon.draw_many",
        "nitograph.drawing.film.frames",
        "nitograph.weaving.stepwise.Weaver.advance",
        "nitograph.weaving.photograph.PhotoWeaver.advance",
        "nitograph.weaving.coloured.ColourWeaver.advance",
        "nitograph.calibration.piece.light_of",
        "nitograph.weaving.encoder.weave_many",
        "nitograph.training.trainer.Trainer.run",
        "nitograph.evaluation.protocol.evaluate",
    ):
        monkeypatch.setattr(place, begun)
    assert main(words.split()) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(("words", "library"), [("pdf", "fpdf2"), ("list", "fpdf2"), ("dxf", "ezdxf")])
def test_a_missing_extra_is_said_first(words, library, capsys, monkeypatch):
    """A format whose library is not installed is refused before a thread is invented."""
    monkeypatch.setitem(sys.modules, {"fpdf2": "fpdf"}.get(library, library), None)
    monkeypatch.setattr("nitograph.sampling.sampler.invent", lambda *_, **__: pytest.fail("the work began"))
    assert main([*f"generate 7 {WEIGHTS} -o a.png --export".split(), words]) == 1
    said = capsys.readouterr().err
    assert library in said
    assert "nitograph[export]" in said
