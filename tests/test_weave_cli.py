"""Guards of `nitograph weave` and of what happens to photographs."""

import json

import numpy as np
import pytest
from PIL import Image

from nitograph.cli import main
from nitograph.thread import Thread
from nitograph.weaving import stepwise
from nitograph.weaving.photo import PhotoSettings, crop, equalize_locally, prepare_photo


def test_weave_a_digit(tmp_path, capsys):
    """A digit becomes a thread file with its label, source and settings."""
    path = tmp_path / "thread.json"
    assert main(["weave", "mnist:train:17", "-o", str(path), "--nails", "128", "--max-lines", "50"]) == 0
    thread = Thread.from_json(path.read_text())
    assert thread.label == "8"
    assert thread.board.num_nails == 128
    assert thread.line_count == 50
    assert thread.provenance["source"] == "mnist:train:17"
    assert thread.provenance["weave"]["max_lines"] == 50
    assert "error" in capsys.readouterr().out


def test_weave_the_original(tmp_path):
    """The original's preset by flag gives its first golden nails."""
    path = tmp_path / "thread.json"
    assert main(["weave", "mnist:train:0", "--preset", "original", "-o", str(path)]) == 0
    assert json.loads(path.read_text())["nails"][:3] == [0, 92, 6]


def test_weave_a_photograph(tmp_path, capsys):
    """A colour picture with an importance map and a real thread is woven and its bound printed."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (50, 70, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(rng.integers(0, 255, (50, 70), dtype=np.uint8)).save(tmp_path / "mask.png")
    given = [
        str(tmp_path / "a.png"), "-o", str(tmp_path / "t.json"), "--canvas-size", "48", "--nails", "60",
        "--min-nail-gap", "3", "--invert", "--equalize", "0.5", "--importance", str(tmp_path / "mask.png"),
        "--thread-mm", "0.5", "--board-mm", "300", "--max-lines", "40", "--bound", "--light", "added",
    ]  # fmt: skip
    assert main(["weave", *given]) == 0
    record = json.loads((tmp_path / "t.json").read_text())
    assert record["provenance"]["photo"]["invert"] is True
    assert record["provenance"]["weave"]["line_strength"] != 0.08
    assert "no additive thread" in capsys.readouterr().out


def test_interrupt_keeps_the_thread_so_far(tmp_path, monkeypatch, capsys):
    """Ctrl-C writes what is laid and exits with 130."""
    advance, calls = stepwise.Weaver.advance, []

    def interrupted(self: stepwise.Weaver) -> bool:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        self._step = 5
        return advance(self)

    monkeypatch.setattr(stepwise.Weaver, "advance", interrupted)
    path = tmp_path / "thread.json"
    assert main(["weave", "mnist:train:17", "-o", str(path)]) == 130
    assert Thread.from_json(path.read_text()).line_count == 10
    assert "so far" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given",
    [
        ["none.png", "-o", "t.json"],
        ["mnist:train:99999", "-o", "t.json"],
        ["mnist:train:1", "-o", "nowhere/t.json"],
        ["mnist:train:1", "-o", "t.json", "--min-nail-gap", "200"],
        ["mnist:train:1", "-o", "t.json", "--thread-mm", "1"],
        ["mnist:train:1", "-o", "t.json", "--importance", "none.png"],
    ],
)
def test_bad_input_is_one_line(given, tmp_path, monkeypatch, capsys):
    """Whatever is wrong: exit 1, one line, nothing written."""
    monkeypatch.chdir(tmp_path)
    assert main(["weave", *given]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_crop_and_invert():
    """The crop is a square inside the picture wherever its middle is put; invert is 255 − grey."""
    grey = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    for x, y, zoom in ((0.5, 0.5, 1.0), (0.0, 1.0, 0.5), (1.0, 0.0, 0.05)):
        part = crop(grey, PhotoSettings(centre_x=x, centre_y=y, zoom=zoom))
        assert part.shape == (round(20 * zoom),) * 2
    plain, turned = prepare_photo(grey, PhotoSettings()), prepare_photo(grey, PhotoSettings(invert=True))
    assert np.array_equal(255 - plain, turned)


def test_local_equalisation_widens_contrast():
    """A dull picture becomes livelier, an even one stays even, one pixel is no fault."""
    dull = np.random.default_rng(0).integers(100, 120, (64, 64), dtype=np.uint8)
    assert equalize_locally(dull).std() > 2 * dull.std()
    assert equalize_locally(np.full((16, 16), 9, np.uint8)).std() == 0
    assert equalize_locally(np.zeros((1, 1), np.uint8)).shape == (1, 1)
