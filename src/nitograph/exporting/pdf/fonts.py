"""Which font shows which letters: the bundled one, and for other scripts one of this machine.

The bundled DejaVu Sans Condensed has Latin, Greek and Cyrillic. What it lacks, a Chinese title for
instance, is looked for in the fonts of this machine; what none has becomes a question mark. Letters are set
one by one, so that Arabic is not joined. fontTools, which comes with fpdf2, reads fonts; this module knows
no page.

Try it: python -c "from nitograph.exporting.pdf.fonts import runs; print(runs('Ж7'))"
"""

import functools
import os
import unicodedata
from collections.abc import Iterator
from importlib import resources
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from nitograph.exporting.formats import require

BUNDLED = ("DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf")
DIGIT = 1493 / 2048
"""Height of a digit in parts of the font's size."""
MAX_FONTS = 3000  # looked at on this machine
CLOSED = 0x0002  # in OS/2 fsType: must not be embedded
PLAIN = ("regular", "sans", "gothic", "hei")  # in the names of fonts that are tried first


def bundled(bold: bool) -> Path:
    """The bundled font."""
    return Path(str(resources.files("nitograph").joinpath("data", "fonts", BUNDLED[bold])))


def runs(text: str) -> list[tuple[Path | None, str]]:
    """The text in pieces, each with the font that shows it: None is the bundled one."""
    text = unicodedata.normalize("NFC", text)
    if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text):
        text = require("fpdf.bidi", "a PDF").BidiParagraph(text).get_reordered_string()
    found: dict[str, Path | None] = dict.fromkeys(set(text) & letters(bundled(False)))
    lacking = frozenset(text) - frozenset(found)
    while lacking and (font := other_font(lacking)):
        found |= dict.fromkeys(lacking & letters(font), font)
        lacking -= letters(font)
    shown = [sign if sign in found else "?" for sign in text]
    return [(font, "".join(signs)) for font, signs in groupby(shown, found.get)]


@functools.lru_cache(maxsize=256)
def other_font(wanted: frozenset[str]) -> Path | None:
    """The font of this machine that has most of these characters, the first that has all; None without."""
    best, most = None, 0
    for path in islice(_installed(), MAX_FONTS):
        count = len(wanted & letters(path))
        if count > most:
            best, most = path, count
        if count == len(wanted):
            break
    return best


@functools.lru_cache(maxsize=64)
def letters(path: Path) -> frozenset[str]:
    """Every character that a font has an outline of; none if it is no font or must not be embedded."""
    library = require("fontTools.ttLib", "a PDF")
    try:
        with path.open("rb") as file, library.TTFont(file, fontNumber=0, lazy=True) as font:
            drawn = "glyf" in font or "CFF " in font
            if not drawn or ("OS/2" in font and font["OS/2"].fsType & CLOSED):
                return frozenset()
            return frozenset(map(chr, font.getBestCmap() or ()))
    except Exception:  # a damaged file of this machine, which raises whatever it meets, is no font
        return frozenset()


def folders() -> list[Path]:
    """Where this machine keeps fonts (XDG Base Directory; Apple's and Microsoft's own places)."""
    home = Path.home()
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or home / ".local" / "share"
    found = [Path(own) / "fonts", home / ".fonts", home / "Library" / "Fonts"]
    found += [Path(part) / "fonts" for part in shared.split(os.pathsep) if part]
    found += [Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    return [*found, Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]


def _installed() -> Iterator[Path]:
    """The font files of this machine, plain ones first, always in the same order."""
    for folder in folders():
        names: Any = os.walk(folder, onerror=None)
        files = [Path(place) / name for place, _, found in names for name in found]
        fonts = (path for path in files if path.suffix.lower() in (".ttf", ".otf", ".ttc"))
        yield from sorted(fonts, key=lambda path: (not _is_plain(path), path.name, str(path)))


def _is_plain(path: Path) -> bool:
    name = path.stem.lower()
    return any(word in name for word in PLAIN) and not any(w in name for w in ("bold", "ital", "obliq"))
