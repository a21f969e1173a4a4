"""The winding guide: one HTML file that leads a maker from nail to nail, on a phone, without a network.

The page is `data/guide.html`; here it gets its thread, its words and a content policy under which it can
fetch nothing at all and runs only its own script. Every sentence of the page stands in `TEXTS`: another
language is one more dictionary there. It knows nothing of browsers; the page's own script does.

Try it: python -m nitograph export thread.json -o guide.html
"""

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nitograph.errors import SettingsError
from nitograph.exporting.workpiece import Workpiece
from nitograph.io import pages
from nitograph.settings import Settings, setting

Texts = Mapping[str, Mapping[str, str]]

ENGLISH = {
    "language_name": "English",
    "counter": "{i} of {n}",
    "jump_open": "Jump to a step",
    "theme": "Light or dark",
    "settings": "Settings",
    "stage": "Tap the right two thirds for the next nail, the left third to go back",
    "steer": "Steps",
    "progress": "Chords wound",
    "picture": "The board with {i} of {n} chords wound",
    "tie": "Tie the thread to nail {nail}",
    "turn_right": "clockwise round it",
    "turn_left": "counterclockwise round it",
    "gaps": "out by {out}, back in by {back}",
    "wraps_one": "and one full turn more",
    "wraps_many": "and {w} full turns more",
    "tie_off": "the last nail: tie off here",
    "done": "Finished",
    "done_text": "{m} of thread on the board",
    "block": "Block {b} · {a}–{z}",
    "block_run": "{m} at its end",
    "to_go": "to go",
    "so_far": "laid so far",
    "time_left": "time left",
    "nothing_left": "none",
    "seconds": "{s} s",
    "minutes": "{m} min",
    "hours": "{h} h {m}",
    "metres": "{m} m",
    "back": "Back",
    "next": "Next",
    "play": "Go on by itself",
    "pause": "Pause",
    "repeat": "Say again",
    "jump_title": "Jump to step",
    "jump_range": "Step, 0 to {n}",
    "ten_back": "10 back",
    "ten_on": "10 on",
    "cancel": "Cancel",
    "go": "Go there",
    "close": "Close",
    "group_voice": "Voice",
    "speak": "Say the nails aloud",
    "speak_turn": "Say which way round, too",
    "voice": "Voice",
    "voice_standard": "Standard",
    "rate": "Speed",
    "no_voice": "This browser cannot speak. Everything else works.",
    "listen": "Listen for commands",
    "listen_note": "Say next, back, repeat, start or pause. Some browsers send what they hear to "
    "their maker's servers and need a network for it; nothing else here does.",
    "words_next": "next,go on",
    "words_back": "back,previous",
    "words_repeat": "repeat,again",
    "words_start": "start,continue",
    "words_pause": "pause,stop,wait",
    "group_pace": "Going on by itself",
    "pace": "A nail every",
    "group_screen": "Screen",
    "look": "Look",
    "look_auto": "As the device",
    "look_light": "Light",
    "look_dark": "Dark",
    "language": "Language",
    "awake": "Keep the screen on",
    "awake_none": "This browser does not let a page keep the screen on. Set the screen's own "
    "timeout to the longest, or to never, while you wind.",
    "memory": "Your step is remembered on this device, also when the page is closed.",
    "memory_none": "This browser does not let the page remember your step: note it before you close.",
    "group_piece": "This piece",
    "about_board": "{n} nails on a circle of {d} mm, {chords} chords.",
    "origin_top": "Nail 0 is at the top.",
    "origin_right": "Nail 0 is at the right.",
    "direction_cw": "Count clockwise.",
    "direction_ccw": "Count counterclockwise.",
    "side_front": "You see the front of the board.",
    "side_back": "You work from the back, which shows the picture mirrored.",
    "about_thread": "{m} of thread, knots included; have {spare} at hand.",
    "about_turn": "The thread always passes behind the nail, on the rim's side, so that its pull holds it "
    "there. Out by 12, back in by 14 means: out through the gap towards nail 12, round the back, in "
    "through the gap towards nail 14.",
    "group_keys": "Keys",
    "news": "Step {i} of {n}: nail {nail}, {turn}",
    "spoken": "{nail}",
    "spoken_turn": "{nail}, {turn}",
}

TEXTS: Texts = {"en": ENGLISH}
"""All words of the page by language; a language that lacks some shows those in English."""


@dataclass(frozen=True)
class GuideSettings(Settings):
    """What the guide says of itself."""

    title: str | None = setting(None, "headline of the page; the label of the thread where not given")
    language: str | None = setting(
        None, "language of the page, the browser's own where not given", choices=tuple(TEXTS)
    )


def guide(workpiece: Workpiece, settings: GuideSettings | None = None, *, texts: Texts = TEXTS) -> str:
    """The whole page as text: its script, style, thread and words inside, nothing fetched from outside.

    texts: the words by language, `ENGLISH` among them as "en". SettingsError where "en" is missing.
    """
    chosen = settings or GuideSettings()
    if "en" not in texts:
        raise SettingsError(f"the guide falls back on English texts, got only {', '.join(texts) or 'none'}")
    values = {
        "TITLE": html.escape(chosen.title or _title(workpiece)),
        "PIECE": pages.inline({"language": chosen.language, **piece(workpiece)}),
        "TEXTS": pages.inline(texts),
    }
    return pages.page("guide.html", values)


def piece(workpiece: Workpiece) -> dict[str, Any]:
    """What the page knows of the thread, JSON values.

    nails, turns ("+" clockwise, "-" the other way) and run (mm laid once that nail is gone round) have one
    entry for each of the m + 1 nails on the way; x and y are by display number, on the unit circle, y down.
    hash names the thread and its numbering; the page remembers the step under it.
    """
    board = workpiece.settings
    nails = workpiece.path.tolist()
    turns = "".join("+" if turn > 0 else "-" for turn in workpiece.turns.tolist())
    unit = np.round(workpiece.centres / workpiece.radius, 5) + 0.0
    known = json.dumps([workpiece.num_nails, nails, turns])
    return {
        "hash": hashlib.sha256(known.encode()).hexdigest()[:16],
        "count": workpiece.num_nails,
        "diameter": board.diameter,
        "origin": board.origin,
        "direction": board.direction,
        "side": board.side,
        "wraps": board.wraps,
        "seconds": board.seconds_per_chord,
        "spool": round(workpiece.length_to_have * 1000),
        "nails": nails,
        "turns": turns,
        "run": np.rint(workpiece.metres * 1000).astype(np.int64).tolist(),
        "x": unit[:, 0].tolist(),
        "y": unit[:, 1].tolist(),
    }


def _title(workpiece: Workpiece) -> str:
    label = workpiece.thread.label
    return "Winding guide" if label is None else f"Winding guide: {label}"
