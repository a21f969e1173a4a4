"""Guards of the standard streams: closed, full, abandoned or poor in letters, no command breaks."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nitograph.cli import COMMANDS
from tiny import random_weights

POSIX = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell closes the streams")
WORK = {
    "generate": "generate 7 --checkpoint w.safetensors --size 128 -o OUT.png",
    "sample": "sample 7 --checkpoint w.safetensors -o OUT.jsonl",
    "render": "render t.json --size 128 -o OUT.png",
    "gallery": "gallery --threads t.json -o OUT.html",
    "animate": "animate t.json --size 64 --seconds 0.2 --hold 0 -o OUT.gif",
    "weave": "weave p.png --nails 32 --canvas-size 24 --max-lines 9 -o OUT.json",
    "advise": "advise p.png --chords 100 -o OUT.png",
    "export": "export t.json -o OUT.svg",
    "check": "check t.json",
    "calibrate": "calibrate p.png t.json --thread-mm 20",
    "prepare": "prepare --samples 3 --nails 32 --canvas-size 16 --max-lines 9 --zernike-order 4 -o OUT.npz",
    "preview": "preview --dataset c.npz -o OUT.png",
    "train": "train --dataset c.npz --embed-dim 16 --heads 2 --layers 1 --ff-dim 16 --plan-tokens 4 "
    "--plan-width 16 --plan-rows 4 --batch-size 8 --plan-steps 1 --epochs 1 --output OUT.pt "
    "--last-output OUT-last.pt",
    "evaluate": "evaluate --threads t.json -o OUT.json --page OUT.html",
}
CODES = {"evaluate": 1, "calibrate": 1}  # one thread is too few, no board is shown: said before any work
STREAMS = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1"]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, corpus):
    """A folder with weights, a thread of a foreign name, a picture and a corpus."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("streams")
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "label": "é線", "nails": [0, 9, 20, 3]}')
    Image.linear_gradient("L").save(folder / "p.png")
    corpus.save(folder / "c.npz")
    return folder


def shell(folder: Path, command: str, streams: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`nitograph COMMAND STREAMS` in a shell; what is not redirected comes back."""
    line = f"exec {shlex.quote(sys.executable)} -m nitograph {command} {streams}"
    environment = {**os.environ, **environment}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, errors="replace", env=environment
    )


def test_every_command_is_here():
    """A new command gets its line above; the studio, which ends when told to, and learning, which takes
    a while, have tests of their own."""
    assert set(WORK) == set(COMMANDS) - {"studio", "learn"}


SLOW = ("train", "evaluate", "advise")  # once is enough
CASES = [(name, STREAMS[at]) for name in WORK for at in (3, 6) if at == 6 or name not in SLOW]
CASES += [("export", streams) for streams in STREAMS]


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize(("command", "streams"), CASES)
def test_streams_that_are_closed_or_full(workshop, command, streams):
    """The work is done whatever becomes of what is printed; a full disk is said, without a traceback."""
    if "/dev/full" in streams and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    name = f"{command}{STREAMS.index(streams)}"
    done = shell(workshop, WORK[command].replace("OUT", name), streams, PYTHONIOENCODING="ascii")
    lost = streams.startswith(">/dev/full") and command not in CODES
    assert done.returncode == (1 if lost else CODES.get(command, 0)), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception" not in done.stderr + done.stdout
    if streams == ">/dev/full" and lost:
        assert "cannot write to standard output: No space left on device" in done.stderr
    made = [path for path in workshop.iterdir() if path.name.startswith(name)]
    assert bool(made) == (command not in ("check", *CODES))


HELPS = """if True:
    import sys
    from nitograph.cli import COMMANDS, main
    from nitograph.cli.streams import prepare_streams
    prepare_streams()
    for name in COMMANDS:
        try:
            main([name, "--help"])
        except SystemExit as stop:
            assert not stop.code, name
"""


@pytest.mark.slow
def test_help_in_few_letters():
    """Every help can be shown by a terminal of ASCII."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", HELPS], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert done.stdout.count("usage: nitograph ") == len(COMMANDS)


@POSIX
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "utf-8:strict"},
    ],
    ids=str,
)
def test_letters_that_cannot_be_shown(workshop, environment):
    """They become question marks on standard output and escapes in an error, in names of files as well."""
    done = shell(workshop, "check t.json", "", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "?" in done.stdout or "utf-8" in str(environment)
    done = shell(workshop, "render 'né線\udcff.json' -o a.png", "", **environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "Traceback" not in done.stderr
    done = shell(workshop, "render t.json --size 128 -o 'né線.png'", "", **environment)
    assert (done.returncode, done.stderr) == (0, "")


@POSIX
def test_a_reader_that_leaves_loses_no_work(workshop):
    """A pipe whose reader is gone from the start: the work is done, quietly, and that is no error."""
    for unbuffered in ("", "1"):
        done = shell(
            workshop, f"export t.json -o left{unbuffered}.svg", "| true", PYTHONUNBUFFERED=unbuffered
        )
        assert done.stderr == ""
        inlet, outlet = os.pipe()
        os.close(inlet)
        code = subprocess.call(
            [sys.executable, "-m", "nitograph", "export", "t.json", "-o", f"gone{unbuffered}.svg"],
            cwd=workshop,
            stdout=outlet,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
        os.close(outlet)
        assert code == 0
        assert (workshop / f"gone{unbuffered}.svg").exists()


PYTHONW = """
import sys
sys.stdin = sys.stdout = sys.stderr = None
from nitograph.cli import entry
entry()
"""


def test_without_any_streams(workshop):
    """As under pythonw, where the three are None."""
    for words, code in (
        ("render t.json --size 128 -o w.png", 0),
        ("render none.json -o w2.png", 1),
        ("--help", 0),
    ):
        command = [sys.executable, "-c", PYTHONW, *words.split()]
        done = subprocess.run(command, cwd=workshop, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    assert (workshop / "w.png").exists()


NUMBERS = """
import os, sys
from nitograph.cli.streams import prepare_streams
prepare_streams()
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2
    print("to nobody")
    os.write(1, b"to nobody")
    file.write("mine")
"""


@POSIX
def test_closed_numbers_are_taken(tmp_path):
    """A file that is opened later never gets the number of a closed stream, and what it would be sent."""
    code = shlex.quote(NUMBERS)
    line = f"exec {shlex.quote(sys.executable)} -c {code} a.txt <&- >&- 2>&-"
    assert subprocess.call(["sh", "-c", line], cwd=tmp_path) == 0
    assert (tmp_path / "a.txt").read_text() == "mine"
