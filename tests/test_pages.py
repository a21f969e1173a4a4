"""Guards of offline pages: each runs its own style and script and nothing else, whatever fills it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from nitograph.drawing import gallery
from nitograph.evaluation.page.elements import fill
from nitograph.exporting.guide import guide
from nitograph.exporting.workpiece import Workpiece
from nitograph.io import pages
from nitograph.thread import Thread

NASTY = "</title></script><script>alert(1)</script> & @@DATA@@ @@BODY@@ @@PIECE@@ \u2028"
THREADS = [Thread([0, 9, 100, 7], label=NASTY), Thread([3, 90, 7], label="7")]
PAGES = {
    "gallery.html": lambda: gallery.page(THREADS, title=NASTY),
    "guide.html": lambda: guide(Workpiece(THREADS[0])),
    "evaluation.html": lambda: fill(NASTY, "<p>@@TITLE@@</p>"),
}


def sha(text: str) -> str:
    """A hash source as a browser works it out."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_every_template_is_tried_here():
    """A new page comes under these tests."""
    folder = resources.files("nitograph").joinpath("data")
    assert {file.name for file in folder.iterdir() if file.name.endswith(".html")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_what_stands_on_the_page_and_nothing_else(name):
    """Each style, script and style attribute of the finished page has its hash there, and no other."""
    text = PAGES[name]()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(part.split(" ", 1) for part in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    styles = re.findall(r"<style>(.*?)</style>", text, re.S) + re.findall(r'<[^<>]* style="([^"]*)"', text)
    assert set(re.findall(r"'sha256[^']*'", rules["style-src"])) == set(map(sha, styles))
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert rules.get("script-src", "").split() == [sha(script) for script in scripts]
    assert len(re.findall(r"<script", text)) == text.count("</script>")
    assert "alert(1)</script>" not in text


def test_a_mark_inside_a_value_stays_text():
    """Values are filled in once; nothing that came in is taken for a mark."""
    assert pages.filled("a @@ONE@@ b @@TWO@@", {"ONE": "@@TWO@@", "TWO": "2"}) == "a @@TWO@@ b 2"
    with pytest.raises(KeyError):
        pages.filled("@@NONE@@", {})


def test_inline_json_ends_no_element():
    """JSON comes back as it was and holds no sign that could end or open an element."""
    value = {"text": NASTY, "list": [1, 2.5, None]}
    text = pages.inline(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)
    with pytest.raises(ValueError, match="JSON compliant"):
        pages.inline(float("nan"))


class _Labels(HTMLParser):
    """The controls inside each label, and the options without text."""

    CONTROLS = ("button", "input", "meter", "output", "progress", "select", "textarea")

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[list[str]] = []
        self.inside = False
        self.bare: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "label":
            self.inside = True
            self.labels.append([])
        elif self.inside and tag in self.CONTROLS:
            self.labels[-1].append(tag)
        given = dict(attrs)
        if (tag == "img" and not given.get("src")) or (
            tag == "a" and "rel" in given and "href" not in given
        ):
            self.bare.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "label"


@pytest.mark.parametrize("name", [*PAGES, "studio/index.html"])
def test_a_label_names_one_control(name):
    """A label belongs to the first control inside it (HTML Standard, 4.10.4); a second has no name."""
    text = resources.files("nitograph").joinpath("data", name).read_text("utf-8")
    found = _Labels()
    found.feed(text)
    assert [controls for controls in found.labels if len(controls) > 1] == []
    assert found.bare == []
    assert re.findall(r"<option[^>]*></option>", text.replace('<option value=""></option>', "")) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_rule_of_style_stands_twice(name):
    """A rule that is pasted into another screen's rules as well overrides them there."""
    text = resources.files("nitograph").joinpath("data", name).read_text("utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    rules = re.findall(r"[^{}]+\{[^{}]{40,}\}", style)
    twice = {rule.strip() for rule in rules if rules.count(rule) > 1}
    assert {" ".join(rule.split()) for rule in twice} == set()
