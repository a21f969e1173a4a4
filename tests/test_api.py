"""Guards of `import nitograph`: six verbs that do what the command line does; faults in one line."""

import inspect
import io
import json
import subprocess
import sys
import typing
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nitograph
from cli_help import run
from nitograph.api import keywords, verbs
from nitograph.board import Board
from nitograph.drawing.board import BoardLook
from nitograph.drawing.look import NeonSettings
from nitograph.errors import FileError, NitographError, SettingsError, SourceError, ThreadError
from nitograph.io.lists import ForeignList
from nitograph.sampling.sampler import SampleSettings
from nitograph.shapes.settings import BoardSettings
from nitograph.thread import Thread, Threads
from nitograph.weaving.photo import PhotoSettings
from nitograph.weaving.real_board import RealBoard
from nitograph.weaving.settings import WeaveSettings
from tiny import random_weights

ROOT = Path(__file__).parent.parent
SMALL = {"canvas_size": 24, "max_lines": 20, "nails": 32, "min_nail_gap": 2, "line_strength": 0.2}
VERBS = ("draw", "export", "generate", "load", "save", "weave")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with weights of a small model."""
    monkeypatch.chdir(tmp_path)
    Path("string_ai.pt").write_bytes(b"older than its weights")
    random_weights().save("string_ai.safetensors")
    return tmp_path


# --- the face -------------------------------------------------------------------------------------------


def test_every_exported_name_is_there_documented_and_in_the_docs():
    """`__all__` is what the package offers; each name has a docstring and a place in docs/api.md."""
    docs = (ROOT / "docs/api.md").read_text("utf-8")
    assert set(VERBS) < set(nitograph.__all__)
    for name in nitograph.__all__:
        thing = getattr(nitograph, name)
        assert thing.__name__ == name
        assert inspect.getdoc(thing), name
        assert f"::: nitograph.{name}\n" in docs, name
    assert docs.count("::: nitograph") == len(nitograph.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'genrate'"):
        _ = nitograph.genrate


def test_verbs_stay_functions_when_everything_is_imported():
    """No module of the package takes the place of a verb."""
    code = (
        "import importlib, pkgutil, nitograph\n"
        "for found in pkgutil.walk_packages(nitograph.__path__, 'nitograph.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        f"print([name for name in {VERBS} if type(getattr(nitograph, name)).__name__ != 'function'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("session", "banned"),
    [
        ("", "numpy,PIL,argparse,importlib.metadata,typing"),
        (
            "nitograph.generate('7', checkpoint='string_ai.safetensors')",
            "torch,numba,matplotlib,PIL,rich,argparse",
        ),
        (
            "nitograph.draw(nitograph.Thread([0, 9, 3]), size=64).save('a.png')",
            "torch,numba,matplotlib,PIL,rich,importlib.metadata",
        ),
        (
            "nitograph.export(nitograph.Thread([0, 9, 3]), 'a.svg')",
            "torch,numba,matplotlib,PIL,ezdxf,fpdf,importlib.metadata",
        ),
        (
            "nitograph.Thread([0, 9, 3])._repr_png_()[:4] == b'\\x89PNG' or 1/0",
            "torch,numba,matplotlib,PIL",
        ),
    ],
)
def test_a_session_loads_what_it_needs(folder, session, banned):
    """A verb imports what it works with, and nothing heavy beside it."""
    loaded = f"[m for m in '{banned}'.split(',') if m in sys.modules]"
    code = f"import sys, nitograph; {session or 'pass'}; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        (keywords.Sampling, [SampleSettings]),
        (keywords.Look, [NeonSettings, BoardLook]),
        (keywords.Weaving, [WeaveSettings, PhotoSettings, RealBoard, BoardSettings]),
        (keywords.Numbering, [ForeignList]),
    ],
)
def test_keywords_written_out_are_those_declared(written, declared):
    """What editors and type checkers see is what the settings declare, name by name and type by type."""
    wanted = {name: typing.get_type_hints(kind)[name] for kind in declared for name in kind.names()}
    if "penalty" in wanted:  # declared as the text of a flag; from Python weights by name do as well
        wanted["penalty"] = wanted["penalty"] | Mapping[str, float]
    assert typing.get_type_hints(written) == wanted
    own = {name for verb in VERBS for name in inspect.signature(getattr(verbs, verb)).parameters}
    assert not own & set(wanted), "a setting of that name could not be given"


@pytest.mark.slow
def test_a_user_s_session_is_typed():
    """mypy takes the session that a user writes, and refuses what is wrong in it."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--warn-unused-ignores",
        str(ROOT / "tests/typing"),
    ]
    done = subprocess.run(
        [*command, "--config-file", str(ROOT / "pyproject.toml")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


# --- generate -------------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_thread_as_on_the_command_line(folder, capsys):
    """Class, word and example picture: nails and provenance as the commands write them."""
    for command, ours in (
        (
            "generate 7 --seed 5 --temperature 0.6 --size 64",
            lambda: nitograph.generate("7", seed=5, temperature=0.6),
        ),
        ("generate 2026 --seed 5 --size 64", lambda: nitograph.generate("2026", seed=5)),
        (
            "generate 5 --like mnist:test:15 --size 64",
            lambda: nitograph.generate("5", picture="mnist:test:15"),
        ),
        ("generate --image mnist:test:15 --size 64", lambda: nitograph.generate(picture="mnist:test:15")),
    ):
        assert run(f"{command} -o a.png", capsys)[0] == 0
        theirs, mine = nitograph.load("a.json"), ours()
        assert mine == theirs
        assert nitograph.load("a.png") == theirs
        for one, other in zip(*([x] if isinstance(x, Thread) else x for x in (mine, theirs)), strict=True):
            assert one.provenance == other.provenance
    assert run("sample 3 --count 4 --seed 9 -o b.jsonl", capsys)[0] == 0
    assert nitograph.load("b.jsonl") == nitograph.generate(["3"] * 4, seed=9)
    assert nitograph.load("b.jsonl", line=2) == nitograph.generate("3", seed=10)


def test_what_a_label_brings(folder):
    """A class is a Thread, a word and a list are Threads, no label is a thread of no class."""
    assert isinstance(nitograph.generate("7"), Thread)
    word = nitograph.generate("2026")
    assert isinstance(word, Threads)
    assert (len(word), word.label) == (4, "2026")
    one = nitograph.generate(["7"], seed=3)
    assert isinstance(one, Threads)
    assert one[0] == nitograph.generate("7", seed=3)
    assert nitograph.generate().label is None
    assert nitograph.generate("7", seed=np.int64(3)) == one[0]


def test_a_picture_of_any_kind_is_wound(folder):
    """A file, an array and a Pillow image of the same pixels give the same thread."""
    pixels = np.zeros((40, 40), dtype=np.uint8)
    pixels[5:35, 18:22] = 255
    Image.fromarray(pixels).save("one.png")
    made = [
        nitograph.generate("1", picture=p)
        for p in ("one.png", Path("one.png"), pixels, Image.open("one.png"))
    ]
    assert len({thread.nails.tobytes() for thread in made}) == 1
    assert made[0].provenance["picture"] == "one.png"
    assert "picture" not in made[2].provenance


# --- weave ----------------------------------------------------------------------------------------------


def test_weaving_is_that_of_the_command_line(folder, capsys):
    """The same nails and provenance, with presets, settings, labels and a real thread."""
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in SMALL.items())
    Image.fromarray(np.arange(1600, dtype=np.uint8).reshape(40, 40)).save("p.png")
    for command, ours in (
        (f"weave mnist:test:17 {flags}", {"picture": "mnist:test:17"}),
        (
            f"weave p.png {flags} --light added --label x",
            {"picture": "p.png", "light": "added", "label": "x"},
        ),
        (
            f"weave p.png {flags} --preset default --importance p.png",
            {"picture": "p.png", "preset": "default", "importance": "p.png"},
        ),
    ):
        assert run(f"{command} -o a.json", capsys)[0] == 0
        theirs, mine = nitograph.load("a.json"), nitograph.weave(**{**SMALL, **ours})
        assert mine == theirs
        assert mine.provenance == theirs.provenance
    assert nitograph.weave("mnist:test:17", **SMALL).label == "7"


def test_arrays_and_images_are_woven_as_their_files_are(folder):
    """Bytes, truths, floats and colours of one picture give one thread."""
    pixels = np.zeros((40, 40), dtype=np.uint8)
    pixels[5:35, 18:22] = 255
    kinds = (
        pixels,
        pixels > 0,
        pixels / 255,
        np.repeat(pixels[:, :, None], 3, axis=2),
        Image.fromarray(pixels),
    )
    assert len({nitograph.weave(kind, light="added", **SMALL).nails.tobytes() for kind in kinds}) == 1


# --- draw, save, load, export ---------------------------------------------------------------------------

THREAD = Thread([0, 100, 7, 180], label="7")
WORD = Threads([THREAD, Thread([3, 9, 70], Board(90), "b")])


@pytest.mark.parametrize("ending", [".json", ".jsonl", ".png", ".PNG"])
@pytest.mark.parametrize("thing", [THREAD, WORD], ids=["one", "several"])
def test_there_and_back(thing, ending, tmp_path, monkeypatch):
    """What is saved is loaded, whichever form it had."""
    monkeypatch.setattr(NeonSettings, "pixels", property(lambda self: 64))  # `save` draws at full size
    path = nitograph.save(thing, tmp_path / f"a{ending}")
    assert nitograph.load(path) == thing
    assert [file.name for file in tmp_path.iterdir()] == [f"a{ending}"]


def test_pictures(tmp_path):
    """A picture has its pixels, carries its threads into its file, and is shown reduced."""
    picture = nitograph.draw(WORD, size=2100, palette="fire", layout="row")
    assert (picture.rgb().shape, repr(picture)) == ((1050, 2100, 3), "Picture(2100 × 1050, 2 threads)")
    assert nitograph.load(picture.save(tmp_path / "a.png")) == WORD
    assert nitograph.save(picture, tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    with Image.open(io.BytesIO(picture._repr_png_())) as shown:
        assert shown.size == (700, 350)
        mean = picture.rgb()[:3, 3:6].reshape(-1, 3).mean(axis=0)
        assert np.abs(np.asarray(shown.convert("RGB"))[0, 1] - mean).max() <= 0.5
    small = nitograph.draw(THREAD, size=64)
    assert small.reduced(64) is small
    assert nitograph.draw([THREAD], size=64).rgb().tolist() == small.rgb().tolist()


def test_what_a_notebook_shows():
    """One thread a square, several in a row or a grid; the picture carries them."""
    for thing, size in ((THREAD, (512, 512)), (WORD, (1024, 512)), (Threads([THREAD] * 9), (1024, 1024))):
        data = thing._repr_png_()
        with Image.open(io.BytesIO(data)) as shown:
            assert shown.size == size
    assert repr(THREAD) == "Thread('7', 3 chords on 256 nails)"
    assert repr(WORD) == "Threads('7b', 2 threads, 5 chords)"
    assert repr(Thread([0, 9])) == "Thread(1 chords on 256 nails)"


def test_threads_are_a_frozen_sequence():
    """Several have what one has, thread by thread; slices stay threads."""
    assert [*WORD] == [WORD[0], WORD[-1]] == list(WORD[:])
    assert isinstance(WORD[1:], Threads)
    assert WORD.lengths() == (WORD[0].length(), WORD[1].length())
    assert WORD.length() == sum(WORD.lengths())
    assert WORD.line_count == 5
    assert all((a == b.nails).all() for a, b in zip(WORD.nails, WORD, strict=True))
    assert all((a == b.points()).all() for a, b in zip(WORD.points(), WORD, strict=True))
    assert Threads(list(WORD)) == WORD
    assert WORD[::-1] != WORD
    assert len({WORD, Threads(WORD)}) == 1
    with pytest.raises(AttributeError):
        WORD.threads = ()
    for wrong in ([], [THREAD, "7"]):
        with pytest.raises(ThreadError, match="at least one thread"):
            Threads(wrong)


def test_export_is_that_of_the_command_line(folder, capsys):
    """The same bytes for the same settings; several threads are numbered."""
    nitograph.save(THREAD, "a.json")
    assert run("export a.json -o a.svg -o a.csv --diameter 400 --thread tex:80 --mode plot", capsys)[0] == 0
    assert nitograph.export(THREAD, "b.svg", diameter=400, yarn="tex:80", mode="plot") == (Path("b.svg"),)
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    nitograph.export(THREAD, "b.csv", diameter=400, yarn="tex:80")
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    assert nitograph.export(WORD, "w.htm") == (Path("w_1.htm"), Path("w_2.htm"))
    assert '"count":90' in Path("w_2.htm").read_text()


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "line"),
    [
        (
            lambda n: n.generate("7", temprature=1),
            SettingsError,
            "has no setting 'temprature'; it has temperature, top_k",
        ),
        (
            lambda n: n.generate("7", temperature=-1),
            SettingsError,
            "temperature must be at least 0, got -1",
        ),
        (lambda n: n.generate(7), SettingsError, 'a class is text such as "7", or a list of them, got 7'),
        (lambda n: n.generate([]), SettingsError, "a class is text"),
        (lambda n: n.generate("x"), SourceError, "knows no class 'x'; it knows 0, 1"),
        (lambda n: n.generate("7", seed=-1), SettingsError, "seed must not be negative, got -1"),
        (lambda n: n.generate("7", seed=1.5), SettingsError, "seed must be a whole number, got 1.5"),
        (lambda n: n.generate("7", seed=True), SettingsError, "seed must be a whole number, got True"),
        (
            lambda n: n.generate("7", device="tpu"),
            SettingsError,
            "device must be one of auto, cuda, mps, cpu, got 'tpu'",
        ),
        (lambda n: n.generate("7", checkpoint="no.pt"), FileError, "no checkpoint no.pt"),
        (lambda n: n.generate("26", picture="mnist:test:1"), SettingsError, "one picture makes one thread"),
        (
            lambda n: n.draw("seven.json"),
            SettingsError,
            "draw takes a thread or a list of threads, got 'seven.json'",
        ),
        (
            lambda n: n.draw([THREAD, 1]),
            SettingsError,
            "draw takes a thread or a list of threads, got \\[Thread",
        ),
        (lambda n: n.draw([]), SettingsError, "draw takes a thread or a list"),
        (
            lambda n: n.draw(THREAD, palete="fire"),
            SettingsError,
            "draw has no setting 'palete'; it has size_inches",
        ),
        (
            lambda n: n.draw(THREAD, renderer="oil"),
            SettingsError,
            "renderer must be one of neon, board, matplotlib, got 'oil'",
        ),
        (lambda n: n.weave(3), SourceError, "a file name, an array or a Pillow image, got int"),
        (lambda n: n.weave("no.jpg"), SourceError, "no file no.jpg"),
        (
            lambda n: n.weave("mnist:test:1", preset="oil"),
            SettingsError,
            "preset must be one of default, original",
        ),
        (
            lambda n: n.weave("mnist:test:1", pegs=3),
            SettingsError,
            "weave has no setting 'pegs'; it has nails",
        ),
        (
            lambda n: n.weave("mnist:test:1", thread_mm=0.2),
            SettingsError,
            "needs both its thickness and the board's",
        ),
        (lambda n: n.weave(np.zeros(5)), SourceError, "an array is a picture as"),
        (lambda n: n.weave(np.full((5, 5), 7.0)), SourceError, "must be between 0 and 1"),
        (lambda n: n.weave(np.full((5, 5), np.nan)), SourceError, "must be between 0 and 1"),
        (lambda n: n.weave(np.zeros((5, 5), dtype=int)), SourceError, "holds uint8, bool or floats"),
        (lambda n: n.weave(np.zeros((5, 5, 2))), SourceError, "an array is a picture as"),
        (lambda n: n.save(THREAD, "a.svg"), FileError, "save writes .json, .jsonl, .png, got a.svg"),
        (lambda n: n.save(n.draw(THREAD, size=64), "a.json"), FileError, "a picture is written as .png"),
        (lambda n: n.save([], "a.json"), SettingsError, "save takes a thread or a list of threads"),
        (lambda n: n.save(THREAD, "no/a.json"), FileError, "there is no folder no"),
        (lambda n: n.load("no.json"), FileError, "no file no.json"),
        (
            lambda n: n.load("no.json", nails=3),
            SettingsError,
            "load has no setting 'nails'; it has list_nails",
        ),
        (
            lambda n: n.export(THREAD, "a.svg", diamter=3),
            SettingsError,
            "export of .svg has no setting 'diamter'",
        ),
        (
            lambda n: n.export(THREAD, "a.svg", landscape=True),
            SettingsError,
            "landscape does nothing in a.svg: paper is sheet; leave it out",
        ),
        (lambda n: n.export(THREAD, "a.doc"), FileError, "names no export format; use one of .svg"),
        (lambda n: n.export(THREAD, "a.svg", yarn="thick"), SettingsError, "a thread is given as tex:30"),
    ],
)
def test_faults_are_one_line(folder, call, kind, line):
    """The rule, what came, what to do; nothing is written."""
    before = sorted(folder.iterdir())
    with pytest.raises(kind, match=line) as found:
        call(nitograph)
    assert issubclass(kind, NitographError)
    assert "\n" not in str(found.value)
    assert sorted(folder.iterdir()) == before


def test_the_docs_session_runs(folder, monkeypatch):
    """The lines at the head of docs/api.md do what they say."""
    text = (ROOT / "docs/api.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    Image.fromarray(np.eye(60, dtype=np.uint8) * 255).save("photo.jpg")
    scope: dict[str, object] = {}
    exec(compile(text, "docs/api.md", "exec"), scope)
    assert json.loads(Path("seven.json").read_text())["label"] == "7"
    assert Path("board.svg").exists()
