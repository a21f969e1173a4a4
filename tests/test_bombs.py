"""Guards of memory: no file of less than a megabyte takes more than 512 MiB in any reader."""

import os

import pytest

from bombs import MAX_BYTES, bombs, taken, write

MOST = 512 * 2**20
LARGEST = (
    "RGB PNG",
    "deep RGBA PNG",
    "WebP",
    "F TIFF",
    "progressive JPEG",
)  # `python tests/bombs.py` reads all
TESTED = [
    pytest.param(reader, make, id=f"{reader}: {name}")
    for reader, name, make in bombs()
    if not name.startswith("the largest") or name.removeprefix("the largest ") in LARGEST
]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the memory is measured in a forked process")
@pytest.mark.parametrize(("reader", "make"), TESTED)
def test_no_small_file_takes_much_memory(tmp_path, reader, make):
    """Each bomb is read or refused in one line; what the process had before is not counted."""
    assert write(make, tmp_path / "bomb") <= MAX_BYTES
    memory, _, word = taken(reader, str(tmp_path / "bomb"))
    assert word in ("read", "refused")
    assert memory <= MOST
