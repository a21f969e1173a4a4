"""One page that says what weights of one's own can draw and what not. One file that fetches nothing.

Takes a verdict, gives HTML text; computes no figure.

Try it: python -m nitograph learn mnist --minutes 1 -o mine.safetensors
"""

import html
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nitograph.evaluation.page import thumbnails
from nitograph.evaluation.page.confusions import pairs_section
from nitograph.evaluation.page.elements import fill, number, percent, spread, table
from nitograph.evaluation.woven import Woven
from nitograph.learning.verdict import GOAL, READABLE, Verdict

SHOWN = 6
WORDS = {
    "learned": ("pass", "Learned"),
    "partly": ("open", "Partly learned: read less often than drawings are"),
    "not learned": ("fail", "Not learned: mostly read as something else"),
    "unclear": ("open", "Unclear: not even real drawings of it are read reliably"),
}


def page(found: Verdict, made: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The page; made: facts of the run, by what they are called; notes: what is to be said beforehand."""
    record = found.record
    name = str(made["file"])
    parts = [
        f"<h1>What {html.escape(name)} can draw</h1>",
        *(f'<p class="open">{html.escape(note)}</p>' for note in notes),
        _head(found),
        _verdicts(record["by_class"]),
        _use(record, name),
        _sheets(found),
        _table(record),
        _copies(found),
        pairs_section(record["confusable"]),
        _limits(record),
        _made(made),
    ]
    return fill(f"What {name} can draw", "\n".join(parts))


def _use(record: Mapping[str, Any], file: str) -> str:
    first, weights = map(shlex.quote, ((record["own"] or record["classes"])[0], file))
    flag = "-- " if first.startswith("-") else ""  # what follows is no flag
    command = html.escape(f"nitograph generate --checkpoint {weights} {flag}{first}")
    return f"<p>To draw one: <code>{command}</code></p>"


def _head(found: Verdict) -> str:
    figure = found.figures["critic_b"]
    other = found.figures["critic_c"]
    word = "reaches" if figure.value.value >= GOAL else "does not reach"
    trust = (
        ""
        if (figure.reference or 0.0) >= READABLE
        else " <strong>The readers know too few real drawings for this to say anything.</strong>"
    )
    return (
        f"<p><strong>Samples are read as what was asked for {percent(figure.measured)} of the time, woven "
        f"real drawings {percent(figure.reference)}</strong>: {figure.value.value:.2f} of it "
        f"({figure.value.low:.2f} to {figure.value.high:.2f}), which {word} the goal of {GOAL:g}. A second "
        f"reader of another kind has {other.value.value:.2f}.{trust}</p>"
    )


def _verdicts(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = ""
    for word, (kind, title) in WORDS.items():
        names = [html.escape(row["class"]) for row in rows if row["verdict"] == word]
        if names:
            shown += f'<p><span class="{kind}">{title}</span>: {" · ".join(names)}</p>'
    return f"<h2>What it can and cannot</h2>{shown}"


def _sheets(found: Verdict) -> str:
    shown = ""
    for label, name in enumerate(found.record["classes"]):
        rows = [_of(kind, label) for kind in (found.samples, found.reference)]
        columns = min(map(len, rows))
        sheet = thumbnails.sheet([thread for row in rows for thread in row[:columns]], columns)
        title = html.escape(name)
        shown += f'<figure><img alt="{title}" src="{sheet}"><figcaption>{title}</figcaption></figure>'
    return (
        "<h2>Invented, and woven drawings</h2><p>Of each class the first samples above, none left out; "
        f'below them threads woven of drawings that it never saw.</p><div class="row sheets">{shown}</div>'
    )


def _of(kind: Woven, label: int) -> list[Any]:
    return [kind.threads[row] for row in np.flatnonzero(kind.labels == label)[:SHOWN]]


def _table(record: Mapping[str, Any]) -> str:
    counts = record["drawings"]
    rows = []
    for row, learned, tested in zip(record["by_class"], counts["train"], counts["test"], strict=True):
        kept = "" if row["class"] in record["own"] else " (kept)"
        rows.append(
            [
                html.escape(row["class"]) + kept,
                str(learned),
                str(tested) + (", variants" if row["class"] in record["varied"] else ""),
                percent(row["read"]),
                percent(row["ceiling"]),
                html.escape(row["taken_for"] or "–"),
                row["verdict"],
            ]
        )
    head = ("class", "drawings", "for tests", "samples read", "drawings read", "most taken for", "verdict")
    return f"<h2>Class by class</h2>{table(head, rows)}"


def _copies(found: Verdict) -> str:
    figures = found.figures
    distance = figures["pictures"]
    near, shared = figures["near_copies"], figures["nearness"]
    rows = [
        ("exact copies", percent(figures["copies"].measured), percent(figures["copies"].reference)),
        ("nearer to a drawing than 99 % of test drawings", percent(near.measured), "1.0 %"),
        ("distance to the nearest drawing", number(distance.measured), number(distance.reference)),
        ("that of test drawings ÷ that of samples", spread(_ends(distance)), "1"),
        ("chords shared with the nearest thread", percent(shared.measured), percent(shared.reference)),
    ]
    return (
        "<h2>Invented or copied?</h2><p>Each sample is compared with every drawing that was learned from; "
        "test drawings, which cannot be copies, are measured in the same way. With few drawings of a "
        "class, samples stay near to them: that is all that can be known of it.</p>"
        + table(("", "samples", "test drawings"), rows)
        + "<h3>The samples nearest to what was learned</h3><p>Each beside the thread that it shares most "
        f'chords with.</p><figure><img alt="samples beside their nearest" src="{_pairs(found)}"></figure>'
    )


def _pairs(found: Verdict) -> str:
    threads = [thread for pair in found.twins for thread in pair]
    return thumbnails.sheet(threads, 2 * max(1, min(4, len(found.twins))))


def _ends(figure: Any) -> tuple[float, float, float]:
    return figure.value.value, figure.value.low, figure.value.high


def _limits(record: Mapping[str, Any]) -> str:
    """What the figures do not say."""
    said = [
        "The readers are small networks that learned from the same drawings; a person may judge otherwise.",
    ]
    if record["varied"]:
        names = html.escape(" · ".join(record["varied"]))
        said.append(
            f"Of {names} there were too few drawings to keep any for tests. Variants of them stand in, so "
            "the figures say that these drawings were learned, not that others would be read as well."
        )
    if set(record["classes"]) - set(record["own"]):
        said.append(
            "Classes that were kept are judged by pictures that their weights planned, not by drawings."
        )
    items = "".join(f"<li>{line}</li>" for line in said)
    return f"<h2>What this does not say</h2><ul>{items}</ul>"


def _made(made: Mapping[str, Any]) -> str:
    rows = [(html.escape(name), html.escape(str(value))) for name, value in made.items()]
    return f"<h2>How it was made</h2>{table(('', ''), rows)}"
