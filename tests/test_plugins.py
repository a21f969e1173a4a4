"""Guards of what other packages add: the example of docs/api.md installed, and broken additions."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nitograph
from cli_help import run
from nitograph.corpus.rows import load_corpus
from nitograph.corpus.sources import find, load
from nitograph.corpus.sources.named import known
from nitograph.drawing import palettes
from nitograph.errors import FileError, SettingsError, SourceError
from nitograph.exporting.formats import FORMATS, format_named, format_of, write_all
from nitograph.io import plugins
from nitograph.thread import Thread

DOCS = (Path(__file__).parent.parent / "docs/api.md").read_text("utf-8")
EXAMPLE = DOCS.split("and in `thread_extras.py`:")[1].split("```python\n")[1].split("```")[0]
THREAD = Thread([0, 100, 7])

BROKEN = """
[nitograph.palettes]
torn = no_such_module:PALETTE
raising = broken_extras:RAISES
two = broken_extras:TWO
odd = broken_extras:ODD
number = broken_extras:NUMBER

[nitograph.formats]
torn = no_such_module:FORMAT

[nitograph.sources]
nothing = broken_extras:nothing
"""
BROKEN_CODE = """
TWO, ODD, NUMBER = ("#fff", "#000"), ("#fff", "#000", "nocolour"), 5
def nothing(split): return None
def __getattr__(name): raise ZeroDivisionError("over\\nlines")
"""


def installed(folder: Path, package: str, points: str, code: str) -> None:
    """A package as pip leaves it: a module, and metadata with entry points beside it."""
    (folder / f"{package.replace('-', '_')}.py").write_text(code)
    about = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points)


def example_points() -> str:
    """The entry points of the example, from the form of pyproject.toml to that of an installed package."""
    text = DOCS.split("```toml\n")[1].split("```")[0]
    return text.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")


@pytest.fixture
def extras(tmp_path, monkeypatch):
    """The example package, installed; a folder to work in."""
    site = tmp_path / "site"
    site.mkdir()
    installed(site, "thread-extras", example_points(), EXAMPLE)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "thread_extras", raising=False)
    palettes._found.cache_clear()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield site
    palettes._found.cache_clear()
    sys.modules.pop("thread_extras", None)


@pytest.fixture
def broken(extras):
    """A package beside it whose additions fail."""
    installed(extras, "broken-extras", BROKEN, BROKEN_CODE)
    yield
    sys.modules.pop("broken_extras", None)


def test_a_palette(extras, capsys):
    """Known by name in Python and on the command line, and named where a palette is not known."""
    sea = nitograph.draw(THREAD, size=64, palette="Sea")
    theirs = palettes.PALETTES | {"same": ("#002030", "#20c0a0", "#d0fff0")}
    assert np.array_equal(sea.palette, ramp_of(theirs["same"]))
    nitograph.save(THREAD, "a.json")
    assert run("render a.json -o a.png --size 64 --palette sea", capsys)[0] == 0
    with pytest.raises(SettingsError, match="candy, sea, a colour"):
        nitograph.draw(THREAD, palette="see")


def ramp_of(colours: tuple[str, str, str]) -> np.ndarray:
    """The ramp of a palette that is put among ours for a moment."""
    palettes.PALETTES["for a moment"] = colours
    try:
        return palettes.ramp("for a moment", "night")
    finally:
        del palettes.PALETTES["for a moment"]
        palettes._found.cache_clear()


def test_a_gradient_as_text(extras):
    """One text of colours runs along the thread."""
    installed(
        extras, "more-extras", "[nitograph.palettes]\ndusk = more_extras:DUSK\n", 'DUSK = "#f08,#0df"'
    )
    assert palettes.is_gradient("dusk")
    assert np.array_equal(palettes.along("dusk", 5), palettes.along("#f08,#0df", 5))


def test_a_format(extras, capsys):
    """By ending and by name, with settings that are checked, from Python and from the command line."""
    nitograph.export(THREAD, "a.steps", first=1, origin="right")
    assert Path("a.steps").read_text() == "1\n101\n8\n"
    with pytest.raises(SettingsError, match="first must be at most 1, got 2"):
        nitograph.export(THREAD, "b.steps", first=2)
    with pytest.raises(SettingsError, match=r"export of \.steps has no setting 'last'; it has diameter"):
        nitograph.export(THREAD, "b.steps", last=2)
    nitograph.save(THREAD, "a.json")
    assert run("export a.json -o c.steps --origin right", capsys)[0] == 0
    assert Path("c.steps").read_text() == "0\n100\n7\n"
    assert write_all(THREAD, ["steps", "svg"], "d") == [Path("d.steps"), Path("d.svg")]
    with pytest.raises(FileError, match=r"\.html \.htm \.steps$"):
        format_of("a.doc")
    with pytest.raises(SettingsError, match="html, steps; got 'doc'"):
        format_named("doc")


def test_a_source(extras, capsys):
    """NAME:SPLIT:NUMBER is a picture with its label, to weave and to wind."""
    pixels, label = load("rings:train:1")
    assert (pixels.shape, label) == ((28, 28), "large")
    assert nitograph.weave("rings:train:0", max_lines=20, canvas_size=40).label == "small"
    assert run("weave rings:test:0 --max-lines 20 --canvas-size 40 -o a.json", capsys)[0] == 0
    assert nitograph.load("a.json").label == "small"
    with pytest.raises(SourceError, match=r"rings:train has pictures 0 to 1, got 2"):
        load("rings:train:2")
    with pytest.raises(SourceError, match="no file rinks:train:2"):
        load("rinks:train:2")


def test_a_source_to_prepare(extras, capsys):
    """A corpus of what another package adds, beside ours, by name and with a place behind it."""
    assert find("rings", "test").classes == ("small", "large")
    assert "rings" in known()
    woven = "--nails 32 --canvas-size 24 --max-lines 20 --min-nail-gap 2 --recent-edges 10"
    assert run(f"prepare --source rings --source mnist --samples 24 {woven} -o c.npz", capsys)[0] == 0
    assert load_corpus("c.npz").classes == ("small", "large", *"0123456789")
    with pytest.raises(SourceError, match="the source 'rings' failed; update or remove the package"):
        find("rings:somewhere")


@pytest.mark.parametrize(
    ("call", "kind", "line"),
    [
        (
            lambda: nitograph.draw(THREAD, palette="torn"),
            SettingsError,
            r"'torn' of broken-extras cannot be loaded \(ModuleNotFoundError: .*\); update",
        ),
        (
            lambda: nitograph.draw(THREAD, palette="raising"),
            SettingsError,
            r"'raising' of broken-extras cannot be loaded \(ZeroDivisionError: over lines\)",
        ),
        (
            lambda: nitograph.draw(THREAD, palette="two"),
            SettingsError,
            "'two' must be three colours, afterglow",
        ),
        (
            lambda: nitograph.draw(THREAD, palette="odd"),
            SettingsError,
            "'odd' must be three colours, afterglow",
        ),
        (
            lambda: nitograph.draw(THREAD, palette="number"),
            SettingsError,
            "'number' of broken-extras must be a str or tuple, got int; update or remove",
        ),
        (
            lambda: nitograph.export(THREAD, "a.doc"),
            SettingsError,
            "'torn' of broken-extras cannot be loaded",
        ),
        (
            lambda: nitograph.weave("nothing:train:0"),
            SourceError,
            "the source 'nothing' must give LabelledImages, got NoneType",
        ),
    ],
)
def test_broken_additions_are_one_line(broken, call, kind, line):
    """Which package, what it said, what to do; Nitograph's own names go on working beside it."""
    with pytest.raises(kind, match=line) as found:
        call()
    assert "\n" not in str(found.value)
    assert nitograph.draw(THREAD, size=64, palette="fire").width == 64
    assert nitograph.export(THREAD, "own.svg") == (Path("own.svg"),)
    assert len(plugins.names(plugins.FORMATS)) == 2


def test_names_of_ours_ask_no_package(extras):
    """Known names of palettes, formats and sources read no metadata of installed packages."""
    code = (
        "import sys\nfrom nitograph.cli import main\n"
        "main('generate 7 -o a.png --size 64 --palette sunset --export svg,csv'.split())\n"
        "main('export a.json -o b.svg'.split())\n"
        "from nitograph.corpus.sources import load; load('mnist:test:0')\n"
        "print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("False\n"), done.stdout + done.stderr
    assert not {"steps", "torn"} & set(FORMATS)
