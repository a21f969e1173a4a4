"""The gallery: one offline page, tried in a real browser, and the command that makes it."""

import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import Browser, Page, needs_chromium
from nitograph.board import Board
from nitograph.cli import main
from nitograph.drawing import gallery, neon
from nitograph.drawing.look import NeonSettings
from nitograph.errors import SettingsError
from nitograph.io import threads as thread_files
from nitograph.io.names import file_stem
from nitograph.thread import Thread

NASTY = '</script><b>&"\u2028'


def walk(seed: int, label: str | None) -> Thread:
    """A thread of some forty chords."""
    rng = np.random.default_rng(seed)
    path = [0]
    while len(path) <= 40:
        nail = int(path[-1] + 100 + rng.normal(0, 25)) % 200
        if nail != path[-1]:
            path.append(nail)
    return Thread(path, Board(200), label, {"seed": seed})


THREADS = [walk(i, label) for i, label in enumerate(["3", "3", "7", "7", "7", NASTY, None])]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    """The gallery of THREADS, its first card painted."""
    file = tmp_path / "gallery.html"
    file.write_text(gallery.page(THREADS, title=NASTY), encoding="utf-8")
    opened = browser.open(file)
    opened.wait("document.querySelectorAll('.card canvas[data-painted]').length > 0")
    return opened


def test_page_is_one_file_and_small() -> None:
    """Nothing outside is named, no mark is left, a hundred threads stay under 200 kB."""
    text = gallery.page([Thread(np.tile([0, 100, 30, 170], 30), label="0")] * 100)
    assert "@@" not in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert len(text) < 200_000


def test_page_of_nothing() -> None:
    """No threads is an error, not an empty page."""
    with pytest.raises(SettingsError, match="at least one"):
        gallery.page([])


def test_files_of_the_page_never_collide() -> None:
    """Signs, A and a, an emoji: of one seed each, and each with a file of its own, on every disk."""
    labels = ["&", "<", "A", "a", "λ", "👍🏽", "two words", None]
    text = gallery.page([walk(7, label) for label in labels])
    files = json.loads(text.split('id="data">')[1].split("</script>")[0])["files"]
    assert len({name.casefold() for name in files}) == len(labels)
    assert files[0] == "nitograph_U+0026_7"
    assert all(re.fullmatch(r"[\w+-]+", name, re.ASCII) for name in files)


def test_threads_in_the_page_are_the_files() -> None:
    """What the page holds of each thread reads back as the thread, names that look like markup included."""
    text = gallery.page(THREADS)
    held = json.loads(text.split('id="data">')[1].split("</script>")[0])["threads"]
    assert [Thread.from_record(record) for record in held] == THREADS


@needs_chromium
def test_cards(page: Page) -> None:
    """Every thread has a card with its name and seed; nothing is fetched, nothing complains."""
    assert page("document.querySelectorAll('.card').length") == 7
    assert page("cards[2].card.textContent") == "7seed 2"
    assert page("cards[5].card.querySelector('.label').textContent") == NASTY
    assert page("document.title") == NASTY
    page.wait("document.querySelectorAll('.card canvas[data-painted]').length === 7")
    assert page("[...document.querySelectorAll('.card canvas')].every(c => c.width > 100)")
    assert all(address.startswith("file:") for address in page.requests)
    assert page.complaints == []


@needs_chromium
@pytest.mark.parametrize(
    ("palette", "background"), [("cyan", "night"), ("sunset", "night"), ("#f08,#08f", "paper")]
)
def test_the_page_has_the_renderers_light(
    palette: str, background: str, browser: Browser, tmp_path: Path
) -> None:
    """What the page draws and what the renderer draws are the same picture, pixel by pixel nearly."""
    settings = NeonSettings(size=300, palette=palette, background=background)
    file = tmp_path / "gallery.html"
    file.write_text(gallery.page([THREADS[0]], settings), encoding="utf-8")
    page = browser.open(file)
    drawn = page(
        "(() => { const c = document.createElement('canvas'); paint(c, threads[0], 300);"
        "return [...c.getContext('2d').getImageData(0, 0, 300, 300).data] })()"
    )
    theirs = np.array(drawn).reshape(300, 300, 4)[:, :, :3]
    ours = neon.draw(THREADS[0], settings).rgb().astype(int)
    assert np.abs(theirs - ours).mean() < 1.0
    assert np.corrcoef(theirs.ravel(), ours.ravel())[0, 1] > 0.998


@needs_chromium
def test_enlarge_and_turn(page: Page) -> None:
    """A click enlarges, arrows and buttons turn pages round the end, Escape returns to the card."""
    page.click(".card")
    page.wait("document.querySelector('#large').dataset.painted")
    assert page.text("#name") == "3"
    assert page.text("#facts") == "seed 0 · 40 chords · 200 nails"
    page.press("ArrowRight")
    assert page.text("#facts").startswith("seed 1")
    page.click("#back")
    page.click("#back")
    assert page.text("#name") == "Thread"
    page.press("Escape")
    page.wait("!document.querySelector('#one').open && document.activeElement === cards[6].card")
    assert page.complaints == []


@needs_chromium
def test_keyboard_alone(page: Page) -> None:
    """Arrows walk over the cards, Enter opens one, and focus is always somewhere to be seen."""
    page("cards[0].card.focus()")
    page.press("ArrowRight")
    page.press("ArrowRight")
    assert page("document.activeElement === cards[2].card")
    page.press("Enter")
    page.wait("document.activeElement.id === 'next'")
    assert page.text("#facts").startswith("seed 2")


@needs_chromium
def test_classes(page: Page) -> None:
    """Choosing a class shows its threads only, and turning pages stays among them."""
    page("[...document.querySelectorAll('#classes button')].find(b => b.textContent === '3').click()")
    assert page.text("#count") == "2 threads of 3"
    page("show(0)")
    page.press("ArrowLeft")
    assert page.text("#facts").startswith("seed 1")


@needs_chromium
def test_files_from_the_page(page: Page) -> None:
    """JSON from the page is our thread file, SVG one polyline of the right nails, names fit for a file."""
    page("offer = async (blob, ending) => { kept = [words[current].file + ending, await blob.text()] }")
    for number in (2, 5):
        page(f"show({number})")
        page("globalThis.kept = null")
        page.press("j")
        page.wait("kept")
        name, text = page("kept")
        assert name == f"nitograph_{file_stem(THREADS[number].label)}_{number}.json"
        assert Thread.from_json(text) == THREADS[number]
        page("globalThis.kept = null")
        page.press("s")
        page.wait("kept")
        drawing = ET.fromstring(page("kept")[1].split("?>", 1)[1])
        points = np.array(
            [pair.split(",") for pair in drawing[1].attrib["points"].split()], dtype=np.float64
        )
        assert np.allclose(points, THREADS[number].points() * 150 + 160, atol=0.001)
        page("globalThis.kept = null")
        page(
            "(async () => { kept = [...new Uint8Array(await (await carrying("
            "await new Promise(done => large.toBlob(done)), json(threads[current]))).arrayBuffer())] })()"
        )
        page.wait("kept")
        data = bytes(page("kept"))
        assert thread_files.from_bytes(data) == [THREADS[number]]
        with Image.open(io.BytesIO(data)) as picture:
            picture.verify()
    assert page.complaints == []


@needs_chromium
def test_phone(browser: Browser, tmp_path: Path) -> None:
    """On a phone nothing is wider than the screen and buttons are large enough for a thumb."""
    file = tmp_path / "gallery.html"
    file.write_text(gallery.page(THREADS), encoding="utf-8")
    page = browser.open(file, width=360, height=740)
    assert page("document.documentElement.scrollWidth") <= 360
    page("show(0)")
    boxes = page(
        "[...document.querySelectorAll('#bar button, #large')].map(b => b.getBoundingClientRect().toJSON())"
    )
    assert all(box["right"] <= 360 and box["bottom"] <= 740 and box["width"] >= 40 for box in boxes)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes a page or a sheet from a file of threads; the sheet carries them."""
    lines = tmp_path / "threads.jsonl"
    lines.write_text("".join(thread.to_json() + "\n" for thread in THREADS), encoding="utf-8")
    html, sheet = tmp_path / "g.html", tmp_path / "g.png"
    assert main(["gallery", "--threads", str(lines), "-o", str(html)]) == 0
    assert "7 threads" in capsys.readouterr().out
    assert "<title>Wound with one thread each: 3, 7, &lt;/script&gt;" in html.read_text("utf-8")
    arguments = [
        "--threads",
        str(lines),
        "-o",
        str(sheet),
        "--tile",
        "64",
        "--columns",
        "4",
        "--count",
        "5",
    ]
    assert main(["gallery", *arguments]) == 0
    with Image.open(sheet) as image:
        assert image.size == (256, 160)
    assert thread_files.from_bytes(sheet.read_bytes()) == THREADS[:5]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "x.gif"], "written as .html or .htm or .png"),
        (["--count", "0"], "count must be 1 to 10000"),
        (["-o", "nowhere/x.html"], "no folder nowhere"),
        (["--threads", "nothing.jsonl"], "no file nothing.jsonl"),
    ],
)
def test_command_refuses(
    flags: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What cannot be done is one line and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", *flags]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
