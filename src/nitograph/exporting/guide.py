"""The winding guide: one HTML file that leads the maker from nail to nail, on a phone, without a network.

The page is `data/guide.html`; this module fills in the thread, the texts and a content policy under which
the page fetches nothing and runs only its own script. The whole list stands in the page as well, for paper
and for browsers without scripts. All texts are tables in `data/guide`, one a language; another language is
one more table. This module knows nothing of browsers.

Try it: python -m nitograph export thread.json -o guide.html
"""

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nitograph.colours.layers import Colour
from nitograph.errors import SettingsError
from nitograph.exporting.cover import cover
from nitograph.exporting.workpiece import Workpiece
from nitograph.io import pages
from nitograph.settings import Settings, setting

Texts = Mapping[str, Mapping[str, str]]

LANGUAGES = ("en", "de", "fr", "es", "ru", "zh")
TEXTS: Texts = {tag: pages.table(f"guide/{tag}.json") for tag in LANGUAGES}
"""All texts of the page by language; missing texts are shown in English."""

ENGLISH = TEXTS["en"]
ROW = 10  # steps in a row of the whole list


@dataclass(frozen=True)
class GuideSettings(Settings):
    """Language of the guide."""

    language: str | None = setting(
        None, "language of the page; default: that of the browser", choices=tuple(TEXTS)
    )


def guide(workpiece: Workpiece, settings: GuideSettings | None = None, *, texts: Texts = TEXTS) -> str:
    """The whole page as text, with script, style, thread and texts inside; it fetches nothing.

    texts: the texts by language, with "en" as the fallback. SettingsError if "en" is missing.
    """
    chosen = settings or GuideSettings()
    if "en" not in texts:
        raise SettingsError(f"the guide falls back on English texts, got only {', '.join(texts) or 'none'}")
    words = {**texts["en"], **texts.get(chosen.language or "en", {})}
    values = {
        "TITLE": html.escape(_title(workpiece, words)),
        "LANGUAGE": chosen.language or "en",
        "LIST": whole_list(workpiece, words),
        "PIECE": pages.inline({"language": chosen.language, **piece(workpiece)}),
        "TEXTS": pages.inline(texts),
    }
    return pages.page("guide.html", values)


def piece(workpiece: Workpiece) -> dict[str, Any]:
    """The thread as the page needs it, JSON values.

    nails, turns ("+" clockwise, "-" the other way) and run (mm used once the thread has passed that nail)
    have one entry for each of the m + 1 nails on the path; x and y are by display number, on the unit
    circle, y down. Of a board that is no ring, radii are half its larger side, and there are its width and
    height in mm and front, the steps at which the thread passes in front of its nail. Of several colours,
    there are `parts`, and run starts anew with each. hash names the thread and its numbering; the page
    saves the step under it.
    """
    board = workpiece.settings
    nails = workpiece.path.tolist()
    turns = "".join("+" if turn > 0 else "-" for turn in workpiece.turns.tolist())
    unit = np.round(workpiece.centres / workpiece.radius, 5) + 0.0
    hidden = cover(workpiece)
    colours = coloured(workpiece)
    identity = json.dumps([workpiece.num_nails, nails, turns, *colours.values()])
    shaped: dict[str, Any] = {}
    if workpiece.shaped:
        width, height = (round(2 * float(side), 1) for side in workpiece.half)
        front = np.flatnonzero(~workpiece.behind).tolist()
        shaped = {"width": width, "height": height, "front": front}
    return {
        "hash": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "count": workpiece.num_nails,
        "diameter": board.diameter,
        "origin": board.origin,
        "direction": board.direction,
        "side": board.side,
        "wraps": board.wraps,
        "seconds": board.seconds_per_chord,
        "title": board.title,
        "name": workpiece.name,
        "chords": workpiece.chords,
        "laid": round(workpiece.length * 1000),
        "spool": round(workpiece.length_to_have * 1000),
        "cover": [round(100 * hidden.mean), round(100 * hidden.densest)],
        "nails": nails,
        "turns": turns,
        "run": np.rint(workpiece.metres * 1000).astype(np.int64).tolist(),
        "x": unit[:, 0].tolist(),
        "y": unit[:, 1].tolist(),
        **shaped,
        **colours,
    }


def coloured(workpiece: Workpiece) -> dict[str, Any]:
    """Of several colours: name, hex, first step, chords and mm of each, and the board's own colour."""
    if len(workpiece.parts) == 1:
        return {}
    parts = [
        {
            "name": part.colour.name,
            "hex": part.colour.hex,
            "first": part.tied,
            "chords": part.piece.chords,
            "laid": round(part.piece.length * 1000),
            "spool": round(part.piece.length_to_have * 1000),
        }
        for part in workpiece.parts
        if part.colour
    ]
    return {"parts": parts, "ground": workpiece.ground}


def whole_list(workpiece: Workpiece, words: Mapping[str, str]) -> str:
    """Every nail in order as an HTML table, ROW steps a row, with the metres used at its end.

    A minus before a nail: counterclockwise round it. The first nail, to which the thread is tied, is in the
    row of step 0.
    """
    nails, metres = workpiece.path.tolist(), workpiece.metres
    signed = [f"{'−' if turn < 0 else ''}{nail}" for nail, turn in zip(nails, workpiece.turns, strict=True)]
    rows = []
    for part in workpiece.parts:
        if part.colour and len(workpiece.parts) > 1:
            rows.append(_colour_row(part.colour))
        rows.append(f"<tr><th scope=row>{part.tied}<td colspan={ROW}>{nails[part.tied]}<td>")
        for first in range(part.tied + 1, part.last + 1, ROW):
            last = min(first + ROW - 1, part.last)
            cells = "".join(f"<td>{nail}" for nail in signed[first : last + 1])
            rest = "<td>" * (ROW - (last - first + 1))
            rows.append(f"<tr><th scope=row>{first}<span>–{last}</span>{cells}{rest}<td>{metres[last]:.1f}")
    heads = [html.escape(words.get(name, "")) for name in ("list_steps", "list_metres")]
    head = f"<tr><th scope=col>{heads[0]}<td colspan={ROW}><th scope=col>{heads[1]}"
    title, note = (html.escape(words.get(name, "")) for name in ("list_title", "list_note"))
    table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<h2>{title}</h2><p>{note}</p>{table}"


def _colour_row(colour: Colour) -> str:
    """The row over a thread: its colour and the name of it."""
    square = f'<rect width="14" height="14" fill="{colour.hex}"/>'
    swatch = f'<svg width="14" height="14" aria-hidden="true">{square}</svg>'
    return f"<tr><th scope=rowgroup colspan={ROW + 2}>{swatch} {html.escape(colour.short)}"


def _title(workpiece: Workpiece, words: Mapping[str, str]) -> str:
    return workpiece.settings.title or workpiece.heading(words.get("guide", "Winding guide"))
