"""The disk and its formats: files written atomically, and readers that trust no input.

Try it: python -c "from nitograph.io.lists import read_thread; help(read_thread)"
"""

from typing import TYPE_CHECKING

from nitograph.lazy import lazy

_FACE = {
    "check_writable": "files",
    "read_bytes": "files",
    "read_text": "files",
    "replacing": "files",
    "write_bytes": "files",
    "write_text": "files",
    "ForeignList": "lists",
    "parse": "lists",
    "parse_all": "lists",
    "read_thread": "lists",
    "read_arrays": "npz",
    "from_bytes": "threads",
    "from_lines": "threads",
    "from_text": "threads",
    "to_json": "threads",
}
__all__ = sorted(_FACE)

if TYPE_CHECKING:
    from nitograph.io.files import (
        check_writable as check_writable,
        read_bytes as read_bytes,
        read_text as read_text,
        replacing as replacing,
        write_bytes as write_bytes,
        write_text as write_text,
    )
    from nitograph.io.lists import (
        ForeignList as ForeignList,
        parse as parse,
        parse_all as parse_all,
        read_thread as read_thread,
    )
    from nitograph.io.npz import read_arrays as read_arrays
    from nitograph.io.threads import (
        from_bytes as from_bytes,
        from_lines as from_lines,
        from_text as from_text,
        to_json as to_json,
    )
else:
    __getattr__, __dir__ = lazy(__name__, _FACE)
