"""Guards of scarcity: with few handles or little memory a command does its work or says what was short."""

import os
import shlex
import subprocess
import sys

import pytest

from nitograph.untrusted import HANDLES, MEMORY, THREADS

CASES = [
    ("ulimit -n 5", "export t.json -o a.pdf -o a.dxf"),
    ("ulimit -n 5", "animate t.json --size 64 --seconds 0.1 --hold 0 -o a.mp4"),
    ("ulimit -v 61440", "animate t.json --size 64 --seconds 0.1 --hold 0 -o a.mp4"),
    ("ulimit -v 102400", "train --dataset none.npz"),
    ("ulimit -v 245760", "animate t.json --size 64 --seconds 0.1 --hold 0 -o a.mp4"),
]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of this kind are Linux's")
@pytest.mark.parametrize(("limit", "command"), CASES)
def test_what_is_short_is_said(tmp_path, limit, command):
    """Never that a package is missing, never a fault of nitograph, never a traceback."""
    (tmp_path / "t.json").write_text('{"num_nails": 32, "nails": [0, 9, 20, 3]}')
    line = f"{limit}; exec {shlex.quote(sys.executable)} -m nitograph {command}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert "pip install" not in done.stderr
    if done.returncode:
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        said = done.stderr.lower()  # OpenBLAS ends the process itself, and says memory, too
        assert any(what in said for what in (MEMORY, HANDLES, THREADS, "memory")), done.stderr
