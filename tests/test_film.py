"""Films: from the bare ring to the finished picture, in every format, or not at all."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nitograph.cli import main
from nitograph.drawing import film, neon
from nitograph.drawing.film import FilmSettings
from nitograph.drawing.look import NeonSettings
from nitograph.drawing.painter import Painter
from nitograph.drawing.scene import stage
from nitograph.errors import SettingsError
from nitograph.thread import Thread

THREAD = Thread([0, 100, 30, 170, 60, 200, 90, 220, 128], label="7")
LOOK = NeonSettings(size=120)
FILM = FilmSettings(seconds=1.0, fps=10, hold=0.3)


@pytest.mark.parametrize("palette", ["cyan", "sunset"])
def test_ends_with_the_finished_picture(palette: str) -> None:
    """The last frames are the picture that `draw` makes, the first the bare ring."""
    look = LOOK.replace(palette=palette)
    pictures = list(film.frames(THREAD, look, FILM))
    assert len(pictures) == FILM.frames == 13
    finished = neon.draw(THREAD, look).pixels.astype(int)
    for picture in pictures[9:]:
        assert np.abs(picture.pixels - finished).max() <= 1
    assert pictures[0].rgb()[20:100, 30:90].max() < 20


def test_light_only_grows_but_for_the_fresh_glow() -> None:
    """With fresh light left out, no pixel ever gets darker."""
    winder = film.Winder(Painter(stage([THREAD], LOOK), LOOK), [THREAD.line_count])
    before = np.zeros((120, 120), dtype=np.uint8)
    for now in (0.0, 0.2, 0.5, 0.77, 1.0):
        winder.wind(now)
        after = winder.develop(winder._cores.copy(), winder._glow).pixels
        assert (after.astype(int) - before).min() >= -1
        before = after


def test_each_frame_shows_more() -> None:
    """The thread moves in every frame, also within one chord."""
    settings = FilmSettings(seconds=2.0, fps=20, hold=0.0)
    pictures = [picture.pixels for picture in film.frames(THREAD, LOOK, settings)]
    assert all(np.abs(one.astype(int) - two).max() > 3 for one, two in pairwise(pictures))


def test_words_end_together() -> None:
    """A short and a long thread are half wound at the same time and done at the same time."""
    threads = [THREAD, Thread([0, 128])]
    look = NeonSettings(size=240)
    winder = film.Winder(Painter(stage(threads, look), look), [8, 1])
    winder.wind(0.5)
    assert sorted(winder.order[: winder.wound].tolist()) == [0, 1, 2, 3]
    winder.wind(1.0)
    assert winder.wound == 9


def saved_thread(folder: Path) -> str:
    """THREAD as a file."""
    file = folder / "thread.json"
    file.write_text(THREAD.to_json())
    return str(file)


FLAGS = ["--seconds", "0.8", "--fps", "10", "--hold", "0.2", "--size", "96"]


@pytest.mark.parametrize("ending", ["gif", "webp"])
@pytest.mark.parametrize("palette", ["fire", "#f08,#08f"])
def test_pillow_reads_the_film(ending: str, palette: str, tmp_path: Path) -> None:
    """GIF and WebP come out whole: right size, right length in time, last frame the finished picture."""
    output = tmp_path / f"film.{ending}"
    assert main(["animate", saved_thread(tmp_path), "-o", str(output), "--palette", palette, *FLAGS]) == 0
    finished = neon.draw(THREAD, NeonSettings(size=96, palette=palette)).rgb().astype(float)
    with Image.open(output) as film:
        lasting = 0.0
        for number in range(film.n_frames):
            film.seek(number)
            film.load()
            lasting += film.info["duration"]
        assert film.size == (96, 96)
        assert lasting == pytest.approx(1000, abs=20)
        assert np.abs(np.asarray(film.convert("RGB")) - finished).mean() < 6


def test_mp4(tmp_path: Path) -> None:
    """MP4 has all frames at their pace, an even size, and the finished picture at its end."""
    av = pytest.importorskip("av", reason="PyAV, the extra animate, is not installed")
    output = tmp_path / "film.mp4"
    flags = [*FLAGS, "--size", "97", "--quality", "95"]
    assert main(["animate", saved_thread(tmp_path), "-o", str(output), *flags]) == 0
    with av.open(str(output)) as film:
        shown = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert len(shown) == 10
    assert shown[0].shape == (96, 96, 3)
    finished = neon.draw(THREAD, NeonSettings(size=97)).rgb()[:96, :96].astype(float)
    assert np.abs(shown[-1] - finished).mean() < 6


@pytest.mark.parametrize(
    ("output", "flags", "message"),
    [
        ("film.avi", [], "written as .mp4, .gif, .webp"),
        ("film.gif", ["--fps", "60"], "GIF has at most 50 frames"),
        ("film.gif", ["--size", "20"], "64 to 4096 pixels"),
        ("film.gif", ["--seconds", "3600", "--fps", "120"], "at most 100000 frames"),
        ("nowhere/film.gif", [], "no folder"),
    ],
)
def test_refusals_leave_nothing(
    output: str, flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be filmed is one line and leaves no file."""
    thread = saved_thread(tmp_path)
    assert main(["animate", thread, "-o", str(tmp_path / output), *flags]) == 1
    assert message in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["thread.json"]


def test_without_pyav(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where PyAV is missing, MP4 says in one line how to get it and what goes without."""
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["animate", saved_thread(tmp_path), "-o", str(tmp_path / "film.mp4")]) == 1
    message = capsys.readouterr().err
    assert "nitograph[animate]" in message
    assert message.count("\n") == 1


def test_stopped_half_way(tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves nothing behind and exits with 130."""
    command = [sys.executable, "-m", "nitograph", "animate", saved_thread(tmp_path)]
    command += ["-o", str(tmp_path / "film.gif"), "--seconds", "600", "--size", "64"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        end = time.monotonic() + 20
        while len(os.listdir(tmp_path)) < 2 and time.monotonic() < end:  # noqa: PTH208  # names alone
            time.sleep(0.05)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, message = running.communicate(timeout=20)
    assert running.returncode in (130, -signal.SIGINT)  # a shell reports both as 130
    assert message.strip() == "nitograph animate: stopped"
    assert [file.name for file in tmp_path.iterdir()] == ["thread.json"]


def test_nothing_to_film() -> None:
    """No threads is an error, not an empty film."""
    with pytest.raises(SettingsError, match="at least one thread"):
        next(film.frames([], LOOK, FILM))


def test_a_picture_of_ours_can_be_wound(tmp_path: Path) -> None:
    """The PNG that carries several threads is enough to film them."""
    picture = tmp_path / "word.png"
    threads = [THREAD, THREAD]
    data = neon.draw(threads, NeonSettings(size=100)).png()
    picture.write_bytes(data)
    output = tmp_path / "film.webp"
    assert main(["animate", str(picture), "-o", str(output), *FLAGS]) == 0
    with Image.open(output) as film:
        assert film.size == (96, 48)
