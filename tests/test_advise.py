"""Guards of advice: curves, the knee, what is chosen, what is printed and drawn."""

import math

import numpy as np
import pytest
from PIL import Image

from nitograph.api import advice
from nitograph.api.advice import Advice, Trial, best_of, in_words, numbers_of_nails
from nitograph.api.boards import nails_by_number
from nitograph.cli import main
from nitograph.errors import SettingsError
from nitograph.exporting.check import TIGHT
from nitograph.shapes.settings import BoardSettings
from nitograph.weaving.real_board import RealBoard


def trial(nails: int, shown: float, edges: float = 0.4, detail: float = 20.0) -> Trial:
    """A trial with these figures."""
    return Trial(
        nails, 600 * math.pi / nails, ((500, 0.5), (900, shown)), 900, shown, 400.0, 1.5, edges, detail
    )


def test_the_fewest_nails_that_do() -> None:
    """Nearly the best tones and edges; where no number has both, the best tones."""
    assert best_of([trial(100, 0.7), trial(200, 0.885), trial(300, 0.9)]).chosen.nails == 200
    assert best_of([trial(100, 0.9, 0.3), trial(200, 0.9, 0.4), trial(300, 0.9, 0.41)]).chosen.nails == 200
    assert best_of([trial(100, 0.9, 0.3), trial(200, 0.5, 0.4)]).chosen.nails == 100


def test_nails_that_can_be_wound() -> None:
    """No number whose nails stand closer than is wound by hand; a ring too small is refused."""
    assert max(numbers_of_nails(RealBoard(diameter=400))) * 5 <= 400 * math.pi
    with pytest.raises(SettingsError, match="no room for"):
        numbers_of_nails(RealBoard(diameter=100))


def test_nails_on_other_boards(tmp_path) -> None:
    """Their spacing along the outline counts; a file that fixes its nails is refused in one line."""
    nails_of = nails_by_number(BoardSettings("rect:100x300"), None)
    tried = numbers_of_nails(RealBoard(diameter=300), nails_of)
    assert max(tried) * TIGHT <= 800 < 440 * TIGHT
    with pytest.raises(SettingsError, match="a board of 90 mm has no room for"):
        numbers_of_nails(RealBoard(diameter=90), nails_by_number(BoardSettings("rect:60x90"), None))
    path = tmp_path / "nails.csv"
    path.write_text("0,0\n50,0\n0,50\n")
    with pytest.raises(SettingsError, match="says where its 3 stand"):
        nails_by_number(BoardSettings(f"file:{path}"), None)


def test_words() -> None:
    """A row for each number, the advice, what is lost; no detail at all is said."""
    lines = in_words(Advice((trial(100, 0.7), trial(200, 0.9, 0.4, math.inf)), 0), 3.0)
    assert lines[0].split() == ["nails", "spacing", "chords", "tones", "edges", "thread", "time", "detail"]
    assert "none" in lines[2]
    assert lines[3].startswith("advice: 100 nails, 900 chords")
    assert "20 mm" in lines[-1]


@pytest.mark.slow
def test_advise_a_picture(tmp_path, monkeypatch, capsys) -> None:
    """The command prints the table, an advice that can be run, three boards, and the curves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(advice, "CANVAS", 48)
    monkeypatch.setattr(advice, "NAILS", (40, 60))
    y, x = np.mgrid[0:60, 0:60] / 60
    grey = 255 * (0.4 + 0.5 * x) * (np.hypot(x - 0.4, y - 0.5) > 0.2)
    Image.fromarray(grey.astype(np.uint8)).save("p.png")
    pytest.importorskip("matplotlib")
    given = ["p.png", "--chords", "300", "--thread", "mm:0.5", "--diameter", "200", "--plot", "plot.png"]
    assert main(["advise", *given]) == 0
    out = capsys.readouterr().out
    assert out.count(" mm") >= 2
    assert "weave p.png --nails" in out
    for name, size in (("p_advice.png", (1920, 640)), ("plot.png", (900, 552))):
        with Image.open(name) as picture:
            assert picture.size == size
    assert main(["advise", "p.png", "--chords", "7"]) == 1
    board = ["--board", "rect:250x300", "--nail-diameter", "0.5"]
    assert main(["advise", "p.png", "--chords", "100", "--thread", "mm:0.5", *board]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.endswith("--board rect:250x300 --nail-diameter 0.5 --thread-mm 0.5")
