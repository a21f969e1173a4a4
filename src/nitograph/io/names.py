"""Names of files for texts: whatever a class is called, its file has a name of its own, on every disk.

Letters of English, digits and `-` stay; other signs become their code points; capitals are told behind a
plus, as disks that are blind to case take A for a. No two texts have the same name, and `text_of` gives the
text of a name again. This module touches no disk.

Try it: python -c "from nitograph.io.names import file_stem; print(*map(file_stem, ('7', 'A', 'a', '&')))"
"""

import hashlib
import re

LONGEST = 80  # characters; longer names end in a digest
CODE_POINT = re.compile(r"U\+[0-9A-F]{4,6}")


def file_stem(text: str) -> str:
    """A name for files of this text: `7`, `a`, `A+capital`, `NITOGRAPH+capitals`, `U+0026`."""
    parts = re.findall(r"[A-Za-z0-9-]+|[^A-Za-z0-9-]", text)
    stem = "_".join(part if re.match(r"[A-Za-z0-9-]", part) else f"U+{ord(part):04X}" for part in parts)
    stem += _capitals(text)
    if len(stem) > LONGEST:
        stem = f"{stem[:40]}+{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return stem or "+nothing"


def text_of(stem: str) -> str:
    """The text whose `file_stem` this is, if it has a code point or tells capitals; else what is given."""
    body = stem.partition("+capital")[0]
    try:
        text = "".join(
            chr(int(part[2:], 16)) if CODE_POINT.fullmatch(part) else part for part in body.split("_")
        )
    except ValueError:  # no such code point
        return stem
    return text if "+" in stem and file_stem(text) == stem else stem


def _capitals(text: str) -> str:
    """Which letters are capitals: all, the first, or by the bits of a number."""
    letters = re.findall(r"[A-Za-z]", text)
    bits = sum(1 << at for at, letter in enumerate(letters) if letter.isupper())
    if bits == 0:
        return ""
    if bits == 1:
        return "+capital"
    return "+capitals" if bits == (1 << len(letters)) - 1 else f"+capitals-{bits:x}"
