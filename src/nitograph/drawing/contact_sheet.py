"""Many threads in one picture: rows of small neon pictures, each with a title below.

Takes values, returns a picture; knows nothing of files.

Try it: python -m nitograph gallery 7 --count 24 -o sheet.png
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitograph.drawing import neon, palettes
from nitograph.drawing.look import MAX_SIZE, MIN_SIZE, NeonSettings, Picture
from nitograph.errors import SettingsError
from nitograph.thread import Thread


def sheet_size(count: int, columns: int | None, tile: int, *, titled: bool) -> tuple[int, int, int]:
    """Rows, columns and the height of a title in px; SettingsError if the sheet would be too large."""
    if not MIN_SIZE <= tile <= MAX_SIZE:
        raise SettingsError(f"a tile has {MIN_SIZE} to {MAX_SIZE} pixels per side, got {tile}")
    columns = min(columns or max(1, round((1.5 * count) ** 0.5)), count)
    caption = max(16, tile // 9) if titled else 0
    rows = -(-count // columns)
    if max(rows * (tile + caption), columns * tile) > MAX_SIZE:
        raise SettingsError(
            f"a contact sheet has at most {MAX_SIZE} pixels per side, but {count} threads of {tile} px "
            f"in rows of {columns} need more; show fewer or smaller ones"
        )
    return rows, columns, caption


def contact_sheet(
    threads: Sequence[Thread],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    *,
    tile: int = 320,
    settings: NeonSettings | None = None,
) -> Picture:
    """Threads in neon, `tile` px each, in rows of `columns`, each with its title below: (h, w, 3).

    SettingsError if there are no threads, or if titles and threads differ in number.
    """
    if not threads:
        raise SettingsError("a contact sheet needs at least one thread, got none")
    if titles is not None and len(titles) != len(threads):
        raise SettingsError(
            f"a contact sheet needs one title per thread, got {len(titles)} for {len(threads)}"
        )
    look = (settings or NeonSettings()).replace(size=tile)
    rows, columns, caption = sheet_size(len(threads), columns, tile, titled=titles is not None)
    ground = np.rint(255 * palettes.colour(look.background)).astype(np.uint8)
    sheet = np.empty((rows * (tile + caption), columns * tile, 3), dtype=np.uint8)
    sheet[:] = ground
    for i, picture in enumerate(neon.draw_many(threads, look)):
        row, column = divmod(i, columns)
        y, x = row * (tile + caption), column * tile
        sheet[y : y + tile, x : x + tile] = picture.rgb()
    if titles is not None:
        _write_titles(sheet, titles, columns, tile, caption)
    return Picture(sheet, None, look.dpi, tuple(threads))


def _write_titles(
    sheet: NDArray[np.uint8], titles: Sequence[str], columns: int, tile: int, caption: int
) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(sheet)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=caption * 0.55)
    bright = palettes.is_bright(sheet[0, 0] / 255.0)
    for i, words in enumerate(_fitting(font, _readable(font, title), 0.96 * tile) for title in titles):
        row, column = divmod(i, columns)
        at = ((column + 0.5) * tile, row * (tile + caption) + tile + caption * 0.4)
        pen.text(at, words, font=font, fill="#333a44" if bright else "#aab4c2", anchor="mm")
    sheet[:] = np.asarray(image)


def _fitting(font: Any, words: str, width: float) -> str:
    """The words, cut in the middle where they are wider, so that they run into no neighbour."""
    shown, kept = words, len(words)
    while font.getlength(shown) > width and kept > 1:
        kept -= 1
        front = (kept + 1) // 2
        shown = f"{words[:front]}…{words[len(words) - kept + front :]}"
    return shown


def _readable(font: Any, words: str) -> str:
    """The words with the code points of signs that the font lacks, which it would draw as boxes."""
    missing = bytes(font.getmask("\U0010fffe"))
    shown = []
    for sign in words:
        lacking = not sign.isascii() and bytes(font.getmask(sign)) in (missing, b"")
        shown.append(f"U+{ord(sign):04X}" if lacking else sign)
    return "".join(shown)
