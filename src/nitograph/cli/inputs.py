"""Thread files named on a command line, of every form the package reads.

Try it: python -m nitograph render picture.png -o other.png
"""

from pathlib import Path

from nitograph import bundle, png
from nitograph.errors import FileError
from nitograph.files import MAX_TEXT_BYTES, read_bytes
from nitograph.thread import Thread

MAX_PICTURE_BYTES = 1024 * 1024 * 1024


def read_threads(path: str, *, line: int | None = None) -> list[Thread]:
    """The threads of a file: JSON, JSON lines (one of them), a picture of ours, or a list of nails."""
    is_png = Path(path).suffix.lower() == ".png"
    data = read_bytes(path, limit=MAX_PICTURE_BYTES if is_png else MAX_TEXT_BYTES)
    if not data.strip():
        raise FileError(f"{path} is empty; a thread file holds num_nails and nails")
    if data.startswith(png.SIGNATURE) or data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return bundle.from_bytes(data, line=line, name=path)
    from nitograph.export.readers import parse

    return [parse(data, path)]
