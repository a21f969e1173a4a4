"""The winding guide: the text of the page, and the page itself, used in a headless Chromium."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Browser, Page, needs_chromium
from nitograph.board import Board
from nitograph.drawing.palettes import NAMED
from nitograph.errors import SettingsError
from nitograph.exporting.guide import ENGLISH, TEXTS, GuideSettings, guide, piece
from nitograph.exporting.workpiece import Workpiece, WorkpieceSettings
from nitograph.thread import Thread

SIZES = {"phone": (360, 740), "small phone": (320, 568), "lying phone": (740, 360), "desk": (1280, 800)}


def workpiece(chords: int = 57, nails: int = 64, **settings: Any) -> Workpiece:
    """A walk of pseudo-random chords on a board of so many nails."""
    steps = np.random.default_rng(7).integers(1, nails, chords)
    path = np.concatenate([[0], np.cumsum(steps)]) % nails
    return Workpiece(Thread(path, Board(nails), "7"), WorkpieceSettings(**settings))


def saved(folder: Path, made: Workpiece, settings: GuideSettings | None = None, **more: Any) -> Path:
    path = folder / "guide.html"
    path.write_text(guide(made, settings, **more), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all pages; each test opens its own tab."""
    with Browser() as running:
        yield running


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    """The guide of 57 chords on a phone, with a mouth that notes what it would say."""
    return talking(browser, saved(tmp_path, workpiece()), *SIZES["phone"])


def talking(browser: Browser, path: Path, width: int, height: int, **more: Any) -> Page:
    opened = browser.open(path, width=width, height=height, **more)
    opened.before_load(
        "window.said = []; SpeechSynthesis.prototype.speak = (one) => said.push([one.text, one.rate]);"
    )
    opened("localStorage.clear()")
    opened.reload()
    return opened


# --- the text --------------------------------------------------------------------------------------


def test_piece_agrees_with_workpiece() -> None:
    """The page counts nails, sides and metres exactly as every other file of the same piece."""
    made = workpiece(origin="right", direction="ccw", side="back")
    data = piece(made)
    assert data["nails"] == made.path.tolist()
    assert [1 if turn == "+" else -1 for turn in data["turns"]] == made.turns.tolist()
    np.testing.assert_allclose(np.array(data["run"]) / 1000, made.metres, atol=6e-4)
    np.testing.assert_allclose(np.stack([data["x"], data["y"]], 1) * 300, made.centres, atol=0.01)


def test_hash_names_thread_and_numbering() -> None:
    """The remembered step belongs to one thread counted in one way, and survives a new diameter."""
    one = piece(workpiece())["hash"]
    assert one == piece(workpiece(diameter=800))["hash"]
    assert one != piece(workpiece(chords=58))["hash"]
    assert one != piece(workpiece(direction="ccw"))["hash"]


def test_nothing_points_outside() -> None:
    """The page names no address at all, and its policy forbids every fetch."""
    text = guide(workpiece())
    assert "http://" not in text
    assert "https://" not in text
    assert re.search(
        r"content=\"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+';", text
    )
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b| src=|@import|url\(", text)


def test_titles_and_texts_cannot_break_out() -> None:
    """A label or a title is shown, never run, and a mark of the template in it stays text."""
    evil = "</script><script>alert(1)</script>@@PIECE@@ &amp;"
    made = workpiece()
    made = Workpiece(made.thread.replace(label=evil))
    for text in (
        guide(made),
        guide(Workpiece(made.thread, WorkpieceSettings(title=evil))),
        guide(made, texts={"en": {"done": evil}}),
    ):
        assert text.count("<script") == guide(workpiece()).count("<script")
        assert "alert(1)</script>" not in text


def test_every_word_of_the_page_is_in_the_table() -> None:
    """No sentence of the page stands outside the table, and none in the table is unused."""
    text = guide(workpiece(), texts={"en": {}})
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', text)) | set(re.findall(r'say\("(\w+)"', text))
    used |= set(re.findall(r'meant\("(\w+)"', text)) | {"language_name"}
    used |= {f"{kind}_{value}" for kind, values in {
        "origin": ("top", "right"), "direction": ("cw", "ccw"), "side": ("front", "back"),
        "look": ("auto", "light", "dark"),
    }.items() for value in values}  # fmt: skip
    built = {name for name in ENGLISH if name.startswith("list_")}
    built |= {"play", "pause", "wraps_one", "wraps_many", "spoken", "spoken_turn", "repeat", "awake_none"}
    built |= {"change", "begin", *(f"colour_{name}" for name in NAMED)}
    assert used | built == set(ENGLISH)
    body = re.sub(r"<(style|script|tbody).*?</\1>", "", text.partition("<body>")[2], flags=re.S)
    assert re.sub(r"<[^>]*>|\s", "", body).replace("Windingguide:7", "") == ""


def test_english_must_be_there() -> None:
    """A table without the language that the others fall back on is refused in one line."""
    with pytest.raises(SettingsError, match="falls back on English"):
        guide(workpiece(), texts={"de": {}})
    assert GuideSettings.declaration("language").choices == tuple(TEXTS)


def test_every_language_has_every_text() -> None:
    """One table a language, each with the same texts and the same gaps in them, none left in English."""
    gaps = {name: sorted(re.findall(r"\{\w+\}", text)) for name, text in ENGLISH.items()}
    same = {
        "spoken",
        "spoken_turn",
        "metres",
        "counter",
        "hours",
        "seconds",
        "minutes",
        "voice",
        "pause",
        "block",
        "colour_orange",
    }
    for tag, table in TEXTS.items():
        assert {name: sorted(re.findall(r"\{\w+\}", text)) for name, text in table.items()} == gaps, tag
        left = {name for name in table if tag != "en" and table[name] == ENGLISH[name]}
        assert left <= same, tag


def test_the_whole_list_stands_in_the_page() -> None:
    """Paper and browsers without scripts get every nail in order, its side, and the metres so far."""
    made = workpiece()
    text = guide(made, GuideSettings(language="de"))
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    assert '<html lang="de">' in text
    assert "Alle Nägel der Reihe nach" in text
    rows = [re.findall(r"<td[^>]*>([^<]*)", row) for row in body.split("<tr>")[1:]]
    cells = [cell for row in rows for cell in row[:-1] if cell]
    assert [int(cell.lstrip("−")) for cell in cells] == made.path.tolist()
    assert [cell.startswith("−") for cell in cells[1:]] == [turn < 0 for turn in made.turns.tolist()[1:]]
    assert rows[-1][-1] == f"{made.metres[-1]:.1f}"


# --- the page --------------------------------------------------------------------------------------


@needs_chromium
def test_steps_by_button_key_and_tap(page: Page) -> None:
    """Buttons, keys and both tap zones move one nail; the page shows that nail, its turn and its metres."""
    data = piece(workpiece())
    assert page.text("#nail") == str(data["nails"][0])
    assert page.text("#turn-text") == "Tie the thread to nail 16"
    moves = [
        lambda: page.click("#next"),
        lambda: page.press("ArrowRight"),
        lambda: page.press("PageDown"),
        lambda: page.press(" "),
        lambda: page.click("#stage", x=0.8),
        lambda: page.click("#stage", x=0.1),
        lambda: page.press("ArrowLeft"),
        lambda: page.click("#back"),
    ]
    for move, step in zip(moves, [1, 2, 3, 4, 5, 4, 3, 2], strict=True):
        if step == 4:
            page("document.activeElement.blur()")
        move()
        assert page.text("#nail") == str(data["nails"][step])
        turn = "clockwise" if data["turns"][step] == "+" else "counterclockwise"
        assert page.text("#turn-text") == f"{turn} round it"
        assert page.text("#news").startswith(f"Step {step} of 57: nail {data['nails'][step]}, {turn}")
        assert page.text("#to-go") == str(57 - step + 1)
        assert page.text("#so-far") == f"{data['run'][step - 1] / 1000:.1f} m"
    assert page.complaints == []


@needs_chromium
def test_gaps_are_those_of_the_list(browser: Browser, tmp_path: Path) -> None:
    """Out by, back in by: the neighbours that workpiece names, for both ways of counting and both sides."""
    for number, settings in enumerate([{}, {"direction": "ccw"}, {"side": "back", "wraps": 2}]):
        made = workpiece(**settings)
        page = browser.open(saved(tmp_path, made))
        for step in list(made.steps())[1:-1:9]:
            page(f"go({step.step})")
            tail = ", plus 2 full turns" if number == 2 else ""
            assert page.text("#gaps") == f"out by {step.enters}, back in by {step.leaves}{tail}"


@needs_chromium
def test_to_the_end_and_back(page: Page) -> None:
    """The last nail says so, the end says how much was laid, and going back from it works."""
    page("go(57)")
    assert page.text("#gaps") == "the last nail: tie off here"
    assert page.text("#to-go") == "1"
    page.click("#next")
    assert page.text("#nail") == "Finished"
    assert page("document.querySelector('#next').disabled")
    assert page.text("#to-go") == "0"
    page.press("ArrowRight")
    page.press("ArrowLeft")
    assert page.text("#counter") == "57 of 57"
    assert page.text("#nail") != "Finished"


@needs_chromium
def test_reload_remembers(page: Page) -> None:
    """The step, the pace and the look are there again after a reload."""
    page("go(23)")
    page.press("s")
    page("$('pace').value = 8; $('pace').dispatchEvent(new Event('input'))")
    page("$('look').value = 'dark'; $('look').dispatchEvent(new Event('input'))")
    page.reload()
    assert page.text("#counter") == "23 of 57"
    assert page("[chosen.pace, document.documentElement.dataset.theme]") == [8, "dark"]


@needs_chromium
def test_another_thread_has_its_own_step(page: Page, browser: Browser, tmp_path: Path) -> None:
    """Two guides opened in one browser do not share their step."""
    page("go(23)")
    other = browser.open(saved(tmp_path, workpiece(chords=30)))
    assert other.text("#counter") == "0 of 30"


@needs_chromium
def test_a_broken_memory_does_no_harm(page: Page) -> None:
    """Nonsense in the browser's store, or no store at all, leaves a page that works and says so."""
    for nonsense in ('"x"', "{", "1e9", "-4", "null", '{"a": 1}'):
        page(f"localStorage.setItem('nitograph-guide:' + piece.hash, {json.dumps(nonsense)})")
        page.reload()
        page.press("ArrowLeft")
        page.press("ArrowRight")
    page.before_load(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('shut'); } })"
    )
    page.reload()
    page.press("ArrowRight")
    assert page.text("#counter") == "1 of 57"
    assert "write it down before you close it" in page.text("#memory-note")
    assert page.complaints == []


@needs_chromium
def test_jump(page: Page) -> None:
    """A step is typed or reached in tens; Escape leaves everything as it was; typing does not steer."""
    page.press("j")
    page("document.querySelector('#jump-step').value = ''")
    page.press("4")
    page.press("1")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]') && step !== 0")
    assert page.text("#counter") == "41 of 57"
    page.click("#counter")
    page.click("#ten-back")
    page.click("#jump button.main")
    page.wait("!document.querySelector('dialog[open]') && step !== 41")
    assert page.text("#counter") == "31 of 57"
    page.press("j")
    page.press("9")
    page.press("Escape")
    page.wait("!document.querySelector('dialog[open]')")
    assert page.text("#counter") == "31 of 57"


@needs_chromium
def test_an_empty_jump_stays_and_a_jump_is_undone(page: Page) -> None:
    """Nothing typed is nowhere to go; the step before a jump is one key or button away."""
    page("go(9)")
    page.press("j")
    page("document.querySelector('#jump-step').value = ''")
    page.press("Enter")
    page.wait("!document.querySelector('dialog[open]')")
    assert page.text("#counter") == "9 of 57"
    page("jump(40)")
    page.press("u")
    assert page.text("#counter") == "9 of 57"
    page("jump(30)")
    page.press("j")
    assert page.text("#jump-undo") == "Undo the jump: step 9"
    page.click("#jump-undo")
    page.wait("step === 9")


@needs_chromium
def test_the_step_is_found_by_its_nail(page: Page) -> None:
    """Steps at a nail are listed, the nearest first; a nail without any is said."""
    nails = piece(workpiece())["nails"]
    page("go(20)")
    page.press("j")
    page("$('jump-nail').value = String(piece.nails[23]); $('jump-nail').dispatchEvent(new Event('input'))")
    places = [place for place, nail in enumerate(nails) if nail == nails[23]]
    wanted = sorted(places, key=lambda place: (abs(place - 20), -place))
    assert page("[...$('jump-found').children].map(one => one.textContent)") == [
        f"Step {p}" for p in wanted[:6]
    ]
    page.click("#jump-found button")
    page.wait(f"step === {wanted[0]}")
    absent = next(nail for nail in range(64) if nail not in nails)
    page.press("j")
    page(f"$('jump-nail').value = '{absent}'; $('jump-nail').dispatchEvent(new Event('input'))")
    assert f"nail {absent}" in page.text("#jump-none")


@needs_chromium
def test_the_step_is_taken_along(page: Page, browser: Browser, tmp_path: Path) -> None:
    """A link brings its step; a file does, too, if it is of this thread."""
    page("go(31)")
    assert page("[progress().step, progress().hash]") == [31, piece(workpiece())["hash"]]
    other = browser.blank()
    other.visit(saved(tmp_path, workpiece()).as_uri() + "#step=44")
    assert other.text("#counter") == "44 of 57"
    assert other("location.hash") == ""
    load = (
        "(() => {{ const files = new DataTransfer();"
        "files.items.add(new File([JSON.stringify({})], 'a.json'));"
        "$('along-load').files = files.files; $('along-load').dispatchEvent(new Event('change')); }})()"
    )
    other(load.format("{ hash: 'another', step: 3 }"))
    other.wait("$('along-note').textContent !== ''")
    assert (other.text("#along-note"), other("step")) == ("This file belongs to another thread.", 44)
    other(load.format("{ hash: piece.hash, step: 12 }"))
    other.wait("step === 12")


@needs_chromium
def test_the_last_chords_are_at_full_strength(browser: Browser, tmp_path: Path) -> None:
    """Among 20,000 chords the newest are as dark as among a few: the marks hold them at full strength."""
    page = browser.open(saved(tmp_path, workpiece(20_000, 300)))
    page("go(120)")
    ink = "marks.getImageData(0, 0, marks.canvas.width, marks.canvas.height).data"
    whole = page(f"{ink}.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 200), 0)")
    page("go(2)")
    assert whole > 3 * page(f"{ink}.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 200), 0)")


@needs_chromium
@pytest.mark.parametrize("language", TEXTS)
def test_large_text_on_the_smallest_screen(browser: Browser, tmp_path: Path, language: str) -> None:
    """At 200 % on 320 × 568 nothing is cut off, in any language; what does not fit is scrolled to."""
    page = browser.blank(width=320, height=568)
    page.call("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    page.visit(saved(tmp_path, workpiece(), GuideSettings(language=language)).as_uri())
    page("go(23)")
    assert page("document.documentElement.scrollWidth") <= 320
    cut = (
        "[...document.querySelectorAll('#app *')].filter(e => !e.classList.contains('unseen') && "
        "e.tagName !== 'CANVAS' && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && "
        "getComputedStyle(e).overflow !== 'visible').map(e => e.id || e.tagName)"
    )
    assert page(cut) == []
    page("$('sheet').showModal()")
    assert page("document.documentElement.scrollWidth") <= 320
    assert page("$('sheet').scrollWidth <= $('sheet').clientWidth")


@needs_chromium
def test_an_upright_tablet_gets_a_large_board(browser: Browser, tmp_path: Path) -> None:
    """The board takes most of the width, and the number and the buttons are in sight below it."""
    page = browser.open(saved(tmp_path, workpiece()), width=820, height=1180)
    assert page("$('picture').clientWidth") > 0.75 * 820
    assert page("$('next').getBoundingClientRect().bottom") <= 1180


@needs_chromium
def test_paper_gets_the_list(page: Page) -> None:
    """Printed, the page is the list alone."""
    assert page("getComputedStyle($('list')).display") == "none"
    page.call("Emulation.setEmulatedMedia", {"media": "print"})
    assert page("[getComputedStyle($('list')).display, getComputedStyle($('app')).display]") == [
        "block",
        "none",
    ]
    page.call("Emulation.setEmulatedMedia", {"media": ""})


@needs_chromium
def test_without_scripts_the_list_is_shown(browser: Browser, tmp_path: Path) -> None:
    """A browser that runs no script shows every nail in order."""
    page = browser.blank()
    page.call("Emulation.setScriptExecutionDisabled", {"value": True})
    page.call("Page.navigate", {"url": saved(tmp_path, workpiece()).as_uri()})
    page.wait("document.readyState === 'complete' && document.querySelectorAll('#list td').length > 57")
    assert page("[getComputedStyle(document.getElementById('list')).display !== 'none', "
                "getComputedStyle(document.getElementById('app')).display]") == [True, "none"]  # fmt: skip


@needs_chromium
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, dark: bool) -> None:
    """No violation of the rules of axe, with the dialogs closed and each of them open."""
    page = browser.open(saved(tmp_path, workpiece()), width=390, height=844, dark=dark)
    page.scheme(dark, calm=True)
    page((Path(__file__).parent / "data" / "axe" / "axe.min.js").read_text(encoding="utf-8") + "; 0")
    for opened in ("go(9)", "$('sheet').showModal()", "$('sheet').close(); openJump()"):
        page(opened)
        assert (
            page(
                "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map("
                "one => [one.id, one.nodes.map(node => node.target.join(' ')).slice(0, 4)]))"
            )
            == []
        )


@needs_chromium
def test_blocks_of_ten(page: Page) -> None:
    """The block shows its ten nails with the present one marked, and the last block may be shorter."""
    data = piece(workpiece())
    for step, first, end in [(1, 1, 10), (10, 1, 10), (11, 11, 20), (57, 51, 57)]:
        page(f"go({step})")
        cells = page("[...document.querySelectorAll('#ten li')].map((c) => [c.textContent, c.ariaCurrent])")
        assert [int(cell[0]) for cell in cells] == data["nails"][first : end + 1]
        assert [place for place, cell in enumerate(cells, first) if cell[1]] == [step]


@needs_chromium
def test_voice(page: Page) -> None:
    """Each nail is said at the chosen speed; with its turn where used; not at all when voice is off."""
    data = piece(workpiece())
    page.press("ArrowRight")
    page("$('rate').value = 1.5; $('rate').dispatchEvent(new Event('input'))")
    page("$('speak-turn').checked = true; $('speak-turn').dispatchEvent(new Event('input'))")
    page.press("ArrowRight")
    page.press("v")
    page.press("ArrowRight")
    turn = "clockwise" if data["turns"][2] == "+" else "counterclockwise"
    assert page("said") == [[str(data["nails"][1]), 1], [f"{data['nails'][2]}, {turn} round it", 1.5]]


@needs_chromium
def test_heard_commands(page: Page) -> None:
    """What a speech recogniser hears steers the page."""
    page("for (const words of ['Next', 'go on please', 'next', 'back']) obey(words)")
    assert page.text("#counter") == "2 of 57"
    page("obey('start')")
    assert page("$('play').ariaPressed") == "true"
    page("obey('wait a moment')")
    assert page("$('play').ariaPressed") == "false"


@needs_chromium
def test_goes_on_by_itself(page: Page) -> None:
    """Play advances at the pace and stops when used to and at the end; the time left follows the pace."""
    page("chosen.pace = 0.05")
    page.press("p")
    page.wait("step > 3")
    page.press("p")
    stopped = page("step")
    assert page("new Promise((done) => setTimeout(() => done(step), 200))") == stopped
    page("go(55)")
    page.click("#play")
    page.wait("step === 58")
    assert page("$('play').ariaPressed") == "false"
    page("go(8); chosen.pace = 12; start()")
    assert page.text("#time-left") == "10 min"


@needs_chromium
def test_time_left_follows_the_hand(page: Page) -> None:
    """The first guess is the pace of the settings; after some steps it is the median of the real ones."""
    assert page.text("#time-left") == "5 min"
    page("times = [2, 2, 30]; go(28)")
    assert page.text("#time-left") == "60 s"


@needs_chromium
def test_light_and_dark(browser: Browser, tmp_path: Path) -> None:
    """The page follows the device until a person chooses; text keeps a contrast of 4.5 in both."""
    path = saved(tmp_path, workpiece())
    for dark in (False, True):
        page = browser.open(path, dark=dark)
        page("localStorage.clear()")
        page.reload()
        assert page("document.documentElement.dataset.theme") == ("dark" if dark else "light")
        page.scheme(not dark)
        page.wait(f"document.documentElement.dataset.theme === '{'light' if dark else 'dark'}'")
        page.scheme(dark)
        page.wait(f"document.documentElement.dataset.theme === '{'dark' if dark else 'light'}'")
        for front, ground in [("ink", "paper"), ("soft", "paper"), ("soft", "card"), ("accent", "paper"),
                              ("on-accent", "accent")]:  # fmt: skip
            assert contrast(page, front, ground) >= 4.5, (front, ground, dark)
    page.press("d")
    page.wait("document.documentElement.dataset.theme === 'light'")
    page.reload()
    assert page("document.documentElement.dataset.theme") == "light"


def contrast(page: Page, *names: str) -> float:
    """Contrast of two colours of the page's table, by WCAG 2."""
    light = []
    for name in names:
        text = page(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(light) + 0.05) / (min(light) + 0.05)


@needs_chromium
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("nails", "chords"), [(3, 1), (2000, 20_000)])
def test_fits_every_screen(browser: Browser, tmp_path: Path, size: str, nails: int, chords: int) -> None:
    """Extremes on small and large screens: nothing sticks out, number and Next are in sight."""
    diameter = 6000 if nails > 1000 else 600
    page = browser.open(saved(tmp_path, workpiece(chords, nails, diameter=diameter)), width=1, height=1)
    width, height = SIZES[size]
    page.size(width, height)
    page(f"go({chords})")
    assert page("document.documentElement.scrollWidth") <= width
    for selector in ("#nail", "#next", "#back", "#turn"):
        box = page(f"(() => {{ const b = document.querySelector('{selector}').getBoundingClientRect();"
                   "return [b.left, b.top, b.right, b.bottom]; })()")  # fmt: skip
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= width
        assert box[3] <= height
    assert page("$('nail').scrollWidth <= $('stage').clientWidth")
    assert page.complaints == []


@needs_chromium
def test_picture_grows(page: Page) -> None:
    """Each chord adds ink to the canvas, going back takes it away, the end equals a jump to it."""
    whole = "wound.getImageData(0, 0, wound.canvas.width, wound.canvas.height).data"
    count = f"{whole}.reduce((sum, value) => sum + value, 0)"
    inks = []
    for step in (0, 1, 2, 30, 58):
        page(f"go({step})")
        inks.append(page(count))
    assert inks[0] == inks[1] == 0
    assert 0 < inks[2] < inks[3] < inks[4]
    page("go(2)")
    assert page(count) == inks[2]
    page("for (let i = 3; i <= 58; i++) go(i)")
    assert page(count) == inks[4]


@pytest.mark.slow
@needs_chromium
def test_going_back_is_not_drawing_anew(browser: Browser, tmp_path: Path) -> None:
    """The canvas after going back, across its snapshots, holds exactly the chords up to that step."""
    page = browser.open(saved(tmp_path, workpiece(1500, 300)), width=360, height=740)
    whole = "Array.from(wound.getImageData(0, 0, wound.canvas.width, wound.canvas.height).data).join()"
    for to in (1400, 1399, 1280, 1025, 1024, 700, 513, 514, 2, 1):
        page(f"go(1501); go({to}); window.back = {whole}")
        page(f"measure(); window.anew = {whole}")
        assert page("back === anew"), to
    page("go(1501)")
    for to in range(1500, 1200, -7):
        page(f"go({to})")
    assert page(f"(() => {{ const back = {whole}; measure(); return back === {whole}; }})()")


@needs_chromium
def test_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    """In use, the page requests nothing but itself, and the browser blocks it when a script tries to."""
    path = saved(tmp_path, workpiece())
    page = browser.open(path)
    page("go(5); start(); stop(); write(); dress()")
    assert page.requests == [path.as_uri()]
    assert page.complaints == []
    tried = "fetch('http://127.0.0.1:9/x').then(() => 'let through', (error) => error.name)"
    assert page(tried) == "TypeError"
    assert any("Content Security Policy" in text for text in page.complaints)


@needs_chromium
def test_stays_awake_or_says_so(page: Page) -> None:
    """The screen lock is used for; where the browser has none, the page says what to do instead."""
    page.before_load(
        "window.locks = 0; Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: "
        "{ request: async () => { locks++; return new EventTarget(); } } })"
    )
    page.reload()
    page.wait("locks === 1")
    assert page.text("#awake-note") == ""
    page.before_load("Object.defineProperty(navigator, 'wakeLock', { value: undefined })")
    page.reload()
    assert "timeout" in page.text("#awake-note")


@needs_chromium
def test_another_language_is_one_object(browser: Browser, tmp_path: Path) -> None:
    """A second dictionary makes a choice of language appear; what it lacks is shown in English."""
    table = {**TEXTS, "xx": {"language_name": "Xish", "next": "Zonk", "spoken": "nail {nail}!"}}
    page = browser.open(saved(tmp_path, workpiece(), texts=table))
    assert page("$('language-row').hidden") is False
    page("$('language').value = 'xx'; $('language').dispatchEvent(new Event('input'))")
    assert page.text("#next") == "Zonk"
    assert page.text("#back") == "Back"
    assert page("document.documentElement.lang") == "xx"
    page("chosen.language = ''; keep('nitograph-guide', chosen)")


@needs_chromium
def test_reduced_motion(page: Page) -> None:
    """Nothing moves by itself for people who used for that."""
    page.scheme(False, calm=True)
    page.reload()
    page.press("ArrowRight")
    assert page("document.getAnimations().length") == 0


@needs_chromium
def test_controls_have_names(page: Page) -> None:
    """Every control has a name that a screen reader can say and can be reached with the keyboard."""
    nameless = page(
        "[...document.querySelectorAll('button, input, select')].filter((node) => !(node.ariaLabel ||"
        "node.textContent.trim() || node.closest('label')?.textContent.trim())).map((node) => node.id)"
    )
    assert nameless == []
    reached = []
    for _ in range(6):
        page.press("Tab")
        reached.append(page("document.activeElement.id"))
    assert reached[:3] == ["counter", "theme", "more"]
    assert {"play", "next"} <= set(reached)
