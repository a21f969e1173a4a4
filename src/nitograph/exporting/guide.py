"""The winding guide: one HTML file that leads the maker from nail to nail, on a phone, without a network.

The page is `data/guide.html`; this module fills in the thread, the texts and a content policy under which
the page fetches nothing and runs only its own script. All texts of the page are in `TEXTS`; another
language is one more dictionary there. This module knows nothing of browsers.

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
    "wraps_one": "plus one full turn",
    "wraps_many": "plus {w} full turns",
    "tie_off": "the last nail: tie off here",
    "done": "Finished",
    "done_text": "{m} of thread on the board",
    "block": "Block {b} · {a}–{z}",
    "block_run": "{m} at its end",
    "to_go": "to go",
    "so_far": "used so far",
    "time_left": "time left",
    "nothing_left": "none",
    "seconds": "{s} s",
    "minutes": "{m} min",
    "hours": "{h} h {m}",
    "metres": "{m} m",
    "back": "Back",
    "next": "Next",
    "play": "Advance automatically",
    "pause": "Pause",
    "repeat": "Repeat",
    "jump_title": "Jump to step",
    "jump_range": "Step, 0 to {n}",
    "ten_back": "10 back",
    "ten_on": "10 on",
    "cancel": "Cancel",
    "go": "Go",
    "close": "Close",
    "group_voice": "Voice",
    "speak": "Read the nails aloud",
    "speak_turn": "Read the direction, too",
    "voice": "Voice",
    "voice_standard": "Default",
    "rate": "Speed",
    "no_voice": "This browser cannot speak. Everything else works.",
    "listen": "Listen for commands",
    "listen_note": "Say next, back, repeat, start or pause. Some browsers send the sound to their "
    "vendor's servers, which needs a network; nothing else on this page does.",
    "words_next": "next,go on",
    "words_back": "back,previous",
    "words_repeat": "repeat,again",
    "words_start": "start,continue",
    "words_pause": "pause,stop,wait",
    "group_pace": "Automatic advance",
    "pace": "One nail every",
    "group_screen": "Screen",
    "look": "Theme",
    "look_auto": "Same as device",
    "look_light": "Light",
    "look_dark": "Dark",
    "language": "Language",
    "awake": "Keep the screen on",
    "awake_none": "This browser does not let a page keep the screen on. Set the screen's own "
    "timeout to the longest, or to never, while you wind.",
    "memory": "Your step is saved on this device, even when the page is closed.",
    "memory_none": "This browser does not let the page save your step: write it down before you close it.",
    "group_piece": "This piece",
    "about_board": "{n} nails on a circle of {d} mm, {chords} chords.",
    "origin_top": "Nail 0 is at the top.",
    "origin_right": "Nail 0 is at the right.",
    "direction_cw": "Count clockwise.",
    "direction_ccw": "Count counterclockwise.",
    "side_front": "You see the front of the board.",
    "side_back": "You work from the back, which shows the picture mirrored.",
    "about_thread": "{m} of thread, knots included; have {spare} ready.",
    "about_turn": "The thread always passes behind the nail, on the outer side, so that its tension holds "
    "it there. Out by 12, back in by 14 means: out through the gap towards nail 12, round the back, in "
    "through the gap towards nail 14.",
    "group_keys": "Keys",
    "news": "Step {i} of {n}: nail {nail}, {turn}",
    "spoken": "{nail}",
    "spoken_turn": "{nail}, {turn}",
}

TEXTS: Texts = {"en": ENGLISH}
"""All texts of the page by language; missing texts are shown in English."""


@dataclass(frozen=True)
class GuideSettings(Settings):
    """Title and language of the guide."""

    title: str | None = setting(None, "title of the page; default: from the label of the thread")
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
    values = {
        "TITLE": html.escape(chosen.title or _title(workpiece)),
        "PIECE": pages.inline({"language": chosen.language, **piece(workpiece)}),
        "TEXTS": pages.inline(texts),
    }
    return pages.page("guide.html", values)


def piece(workpiece: Workpiece) -> dict[str, Any]:
    """The thread as the page needs it, JSON values.

    nails, turns ("+" clockwise, "-" the other way) and run (mm used once the thread has passed that nail)
    have one entry for each of the m + 1 nails on the path; x and y are by display number, on the unit
    circle, y down. hash names the thread and its numbering; the page saves the step under it.
    """
    board = workpiece.settings
    nails = workpiece.path.tolist()
    turns = "".join("+" if turn > 0 else "-" for turn in workpiece.turns.tolist())
    unit = np.round(workpiece.centres / workpiece.radius, 5) + 0.0
    identity = json.dumps([workpiece.num_nails, nails, turns])
    return {
        "hash": hashlib.sha256(identity.encode()).hexdigest()[:16],
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
