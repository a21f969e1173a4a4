"""The studio's page, used in a headless Chromium: by mouse, finger and keys, on phone and desktop."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, Page, needs_chromium
from nitograph.io.names import file_stem
from studio_client import Studio, running
from test_studio import picture

AXE = Path(__file__).parent / "data" / "axe" / "axe.min.js"
PHONE, SMALL, DESK = (390, 844), (320, 568), (1280, 900)
FAMILY = "👨‍👩‍👧"
READY = "window.studio && studio.threads.length > 0 && studio.asked"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    """One studio for all pages."""
    with running(tmp_path_factory.mktemp("studio"), "--workers", "1") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all pages; each test opens its own tab."""
    with Browser() as found:
        yield found


def opened(browser: Browser, studio: Studio, link: str = "", size=DESK, **more: bool) -> Page:
    """The page at a link, with its thread there; motion is reduced, so that it is wound at once."""
    page = browser.blank(width=size[0], height=size[1])
    page.scheme(more.get("dark", False), calm=True)
    page.before_load("localStorage.clear()")
    page.visit(studio.address + link)
    page.wait("window.studio && studio.asked", 300)
    if not link.startswith(("#draw", "#photo", "#gallery")) or "strokes" in link:
        page.wait(READY, 300)
    return page


def nails(page: Page) -> list[list[int]]:
    """The nails of the threads on the page."""
    return list(page("studio.threads.map(thread => thread.nails)"))


def drag(page: Page, points: list[tuple[float, float]]) -> None:
    """Draw on the pad with a mouse."""
    box = page("document.querySelector('#pad').getBoundingClientRect().toJSON()")
    for kind, (x, y) in zip(
        ["mousePressed"] + ["mouseMoved"] * (len(points) - 1) + ["mouseReleased"],
        [*points, points[-1]],
        strict=True,
    ):
        at = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
        held = 0 if kind == "mouseReleased" else 1
        event = {"type": kind, "button": "left", "buttons": held, "clickCount": 1, **at}
        page.call("Input.dispatchMouseEvent", event)


def test_a_word_is_typed_and_wound(browser, studio):
    """Typing asks for the word; the thread is what the API gives, and the page asked nobody else."""
    page = opened(browser, studio)
    page("document.querySelector('#text').select()")
    page.click("#text")
    page("document.querySelector('#text').select()")
    for key in "20":
        page.press(key)
    page.wait("studio.threads.length === 2", 300)
    expected = studio.post("/threads", text="20", seed=42).value["threads"]
    assert nails(page) == [thread["nails"] for thread in expected]
    assert "20:" in page.text("#facts")
    page.wait("location.hash.includes('text=20')")
    assert page.complaints == []
    assert all(address.startswith((studio.address, "blob:", "data:")) for address in page.requests)


def test_it_winds_itself_frame_by_frame(browser, studio):
    """Frames follow each other, each with more chords; it can be paused, and any step be gone to."""
    page = opened(browser, studio)
    page.scheme(False)
    page.reload()
    page.wait("window.studio && studio.winder.spent.length > 3", 300)
    page.click("#play")
    assert page("studio.winder.playing") is False
    page("studio.winder.go(3)")
    whole = "studio.winder.sheet.width, studio.winder.sheet.height"
    ink = (
        f"studio.winder.sheet.getContext('2d').getImageData(0, 0, {whole}).data.reduce((a, b) => a + b, 0)"
    )
    few = page(ink)
    page("studio.winder.go(studio.winder.count)")
    many = page(ink)
    assert 0 < few < many
    page("studio.winder.go(3)")
    assert page(ink) == few
    assert page.text("#count") == f"3 of {page('studio.winder.count')}"


LINKS = [
    "#write?text=31&seed=7&temperature=0.5&guidance=2&palette=fire&view=board&diameter=700",
    "#draw?strokes=13.AGTNMzgAMzszMzmZZmgAmZa42ZA&label=4&palette=sunset",
    "#photo?woven=5.AgAAAUADAZA&nails=120&invert=false&zoom=0.5",
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_holds_everything(browser, studio, link):
    """What a link says comes back as the same state, the same thread and the same link."""
    page = opened(browser, studio, link)
    page.wait("studio.threads.length > 0", 300)
    page("studio.settle()")
    assert sorted(re.split("[?&]", page("location.hash"))) == sorted(re.split("[?&]", link))
    again = opened(browser, studio, page("location.hash"))
    again.wait("studio.threads.length > 0", 300)
    assert again("studio.state") == page("studio.state")
    assert nails(again) == nails(page)


@pytest.mark.parametrize(
    "link",
    ["#nonsense?x=1", "#write?seed=x&text=7", "#draw?strokes=99999.AAAA", "#photo?woven=3.zzz", "#%00?%"],
)
def test_a_damaged_link_does_no_harm(browser, studio, link):
    """What a link cannot mean is left out."""
    page = browser.blank()
    page.visit(studio.address + link)
    page.wait("window.studio && studio.asked", 300)
    assert page.complaints == []
    assert page("document.querySelector('#fault').hidden")


def test_undo_and_redo(browser, studio):
    """Each settled change is one step back, by button and by key."""
    page = opened(browser, studio)
    page("studio.change({ seed: 5 }); studio.settle(); studio.change({ palette: 'fire' }); studio.settle()")
    page.click("#undo")
    assert page("[studio.state.palette, studio.state.seed]") == ["cyan", 5]
    page.click("#undo")
    assert page("studio.state.seed") == 42
    assert page("document.querySelector('#undo').disabled")
    page.click("#redo")
    page.wait("studio.state.seed === 5")
    assert page("document.querySelector('#seed').value") == "5"


def test_files_are_called_as_the_commands_call_them(browser, studio):
    """Every text has a file name of its own, the one that it has on the command line."""
    page = opened(browser, studio)
    texts = ["7", "2026", "A", "a", "NITO", "Hat", "aBcD", "&", "<", "λ", "👍🏽", "I U", "_", "x-1", FAMILY]
    page("void import('/static/take.js').then(found => { window.take = found })")
    page.wait("window.take")
    assert page(f"{json.dumps(texts)}.map(take.stemOf)") == [file_stem(text) for text in texts]


def test_a_drawing_by_hand(browser, studio):
    """A stroke is wound when the pen is lifted, as the class that is said; strokes can be taken back."""
    page = opened(browser, studio, "#draw", PHONE)
    assert not page("document.querySelector('#hint').hidden")
    drag(page, [(0.3, 0.2), (0.5, 0.2), (0.7, 0.2), (0.5, 0.8)])
    page.wait("studio.threads.length === 1", 600)  # code may have to be compiled first
    assert page.text("#guess").startswith("It reads as ")
    assert page("studio.state.strokes.length") == 1
    assert "strokes=" in page("location.hash")
    page.click("#lift")
    page.wait("studio.threads.length === 0", 300)
    assert not page("document.querySelector('#hint').hidden")
    assert page.complaints == []


def test_a_drawing_by_keys(browser, studio):
    """Arrows move, the space bar puts the pen down and lifts it."""
    page = opened(browser, studio, "#draw")
    page("document.querySelector('#pad').focus()")
    page.press(" ")
    for _ in range(4):
        page.press("ArrowRight")
    page.press(" ")
    page.wait("studio.threads.length === 1", 300)
    (stroke,) = page("studio.state.strokes")
    assert len(stroke) == 5
    assert stroke[-1][0] > stroke[0][0]


def chosen(page: Page, data: bytes, kind: str = "image/png") -> None:
    """Put a file into the page's choice."""
    text = base64.b64encode(data).decode()
    page(
        f"fetch('data:{kind};base64,{text}').catch(() => 0), (() => {{"
        f"const bytes = Uint8Array.from(atob('{text}'), sign => sign.charCodeAt(0));"
        "const files = new DataTransfer();"
        f"files.items.add(new File([bytes], 'p.png', {{ type: '{kind}' }}));"
        "document.querySelector('#file').files = files.files;"
        "document.querySelector('#file').dispatchEvent(new Event('change')); })()"
    )


def test_a_photograph_is_woven_and_kept_in_the_link(browser, studio):
    """The picture is woven, and the thread comes back by its link without the picture."""
    page = opened(browser, studio, "#photo?nails=64&max_lines=100")
    assert page("document.querySelector('#weave').disabled")
    chosen(page, picture())
    page.wait("!document.querySelector('#weave').disabled")
    page.click("#weave")
    page.wait("!studio.photo.busy && studio.threads.length === 1", 600)
    assert page("studio.threads[0].num_nails") == 64
    assert not page("document.querySelector('#crop').hidden")
    again = opened(browser, studio, page("location.hash"))
    again.wait("studio.threads.length > 0")
    assert nails(again) == nails(page)


@pytest.mark.slow
def test_a_photograph_is_stopped(browser, studio):
    """Stop keeps the thread so far."""
    page = opened(browser, studio, "#photo?nails=480&max_lines=6000")
    chosen(page, picture(400))
    page.wait("!document.querySelector('#weave').disabled")
    page.click("#weave")
    page.wait("studio.winder.count > 10", 600)
    page.click("#stop")
    page.wait("!studio.photo.busy", 600)
    assert page("studio.threads[0].nails.length") > 10
    assert page("studio.state.woven.nails.length") == page("studio.threads[0].nails.length")


def test_a_gallery_goes_on_and_keeps(browser, studio):
    """More cards come; a kept one is there after a reload; opening one brings its thread."""
    page = opened(browser, studio, "#gallery?of=7")
    page.wait("document.querySelectorAll('#cards li').length >= 12", 300)
    page.click("#cards .keep")
    assert page("studio.gallery.kept") == [{"text": "7", "seed": 0}]
    page("studio.change({ kept: true })")
    page.wait("document.querySelectorAll('#cards li').length === 1", 300)
    page.click("#cards .open")
    page.wait("studio.state.mode === 'write' && studio.threads.length === 1", 300)
    assert nails(page) == [studio.post("/threads", text="7", seed=0).value["threads"][0]["nails"]]


def test_files_are_saved_under_their_names(browser, studio):
    """Every button saves a file, under the name of the thread."""
    page = opened(browser, studio)
    page(
        "window.saved = []; HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }"
    )
    for name in ("json", "svg", "pdf", "html"):
        page.click(f"#formats [data-format={name}]")
        page.wait(f"saved.length === {['json', 'svg', 'pdf', 'html'].index(name) + 1}", 300)
    expected = ["nitograph_7_42.json", "nitograph_7_42.svg", "nitograph_7_42.pdf", "nitograph_7_42.html"]
    assert page("saved") == expected
    page("saved.length = 0; studio.change({ text: '20' })")
    page.wait("studio.threads.length === 2", 300)
    for count, name in enumerate(("svg", "list"), 1):
        page.click(f"#formats [data-format={name}]")
        page.wait(f"saved.length === {count}", 300)
    assert page("saved") == ["nitograph_20_42_svg.zip", "nitograph_20_42_list_pdf.zip"]


def test_errors_are_said_and_a_studio_that_is_gone_is_named(browser, tmp_path):
    """An unknown class is said in the API's own line; without a studio the page says how to start it."""
    with running(tmp_path, "--workers", "1") as own:
        page = opened(browser, own)
        page("studio.change({ text: 'x' })")
        page.wait("!document.querySelector('#fault').hidden", 300)
        assert "knows no class 'x'" in page.text("#fault p")
        page("studio.change({ text: '8' })")
        page.wait("document.querySelector('#fault').hidden", 300)
        own.process.kill()
        own.process.wait()
        page("studio.change({ text: '9' })")
        page.wait("!document.querySelector('#fault').hidden", 300)
        assert "nitograph studio" in page.text("#fault p")


@pytest.mark.parametrize("size", [SMALL, PHONE, (844, 390), (820, 1180), DESK])
@pytest.mark.parametrize("link", ["", "#draw", "#photo", "#gallery?of=1"])
def test_nothing_sticks_out(browser, studio, link, size):
    """On every screen all fits its width, and each control is large enough for a finger."""
    page = opened(browser, studio, link, size)
    assert page("document.documentElement.scrollWidth") <= size[0]
    small = page(
        "[...document.querySelectorAll('button, select, input[type=text], input[type=number]')].map(e => "
        "[e.id || e.textContent, e.getBoundingClientRect()]).filter(([_, b]) => "
        "b.width && (b.height < 40 || b.width < 40)).map(([name]) => name)"
    )
    assert small == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(browser, studio, dark):
    """No violation of the rules of axe on any view, nor on the page of the API."""
    page = opened(browser, studio, dark=dark)
    run = (
        "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map("
        "one => [one.id, one.nodes.map(node => node.target.join(' ')).slice(0, 3)]))"
    )
    page(AXE.read_text(encoding="utf-8") + "; 0")
    for link in ("#write", "#draw", "#photo", "#gallery?of=7"):
        page(f"studio.arrive({json.dumps(link)})")
        if link.startswith("#gallery"):
            page.wait("document.querySelectorAll('#cards li').length > 5", 300)
        assert page(run) == [], link
    page.visit(f"{studio.address}api/docs")
    page(AXE.read_text(encoding="utf-8") + "; 0")
    assert page(run) == []
