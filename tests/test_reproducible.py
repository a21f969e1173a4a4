"""Guards of reproducibility: the same command writes the same bytes, at any time and in any process."""

import re
import subprocess
import sys

import pytest

from test_streams import WORK
from tiny import random_weights

MORE = {
    "formats": "export t.json -o OUT.pdf -o OUT.dxf -o OUT.csv -o OUT.txt -o OUT.gcode -o OUT.html",
    "list": "export t.json -o OUT.pdf --pdf list",
    "mp4": "animate t.json --size 64 --seconds 0.2 --hold 0 -o OUT.mp4",
    "webp": "animate t.json --size 64 --seconds 0.2 --hold 0 -o OUT.webp",
    "sheet": "gallery --threads t.json -o OUT.png",
    "classic": "render t.json --renderer classic --size 128 -o OUT.png",
}
TIMED = {"evaluate", "check", "train"}  # a record of seconds, nothing written, and the test after the next
LATER = """
import sys, time
real = time.time
time.time = lambda: real() + 10**8
import datetime
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
    utcnow = now
sys.modules["datetime"].datetime = Later
from nitograph.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, corpus):
    """A folder with weights, a thread, a picture and a corpus."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("again")
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "label": "7", "nails": [0, 9, 20, 3]}')
    Image.linear_gradient("L").save(folder / "p.png")
    corpus.save(folder / "c.npz")
    return folder


def made(folder, command, name, code):
    """What a command writes in a process of its own, by ending."""
    words = [sys.executable, *code, *command.replace("OUT", name).split()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {path.name.removeprefix(name): path.read_bytes() for path in folder.glob(f"{name}*")}


@pytest.mark.slow
@pytest.mark.parametrize("command", [*sorted(set(WORK) - TIMED), *MORE])
def test_the_same_bytes_again(workshop, command):
    """Three years later, in another process and under another name."""
    words = (WORK | MORE)[command]
    first = made(workshop, words, f"{command}-one", ["-m", "nitograph"])
    later = made(workshop, words, f"{command}-another", ["-c", LATER])
    assert first
    assert first == later


@pytest.mark.slow
def test_training_writes_the_same_weights(workshop):
    """Two runs of one seed on one thread: the same tensors; only minutes and the run's name may differ."""
    from nitograph.model.weights import load

    for name in ("one", "two"):
        made(workshop, WORK["train"], f"train-{name}", ["-m", "nitograph"])
    one, two = (load(workshop / f"train-{name}.safetensors") for name in ("one", "two"))
    assert one.digest == two.digest
    differ = {key for key in one.facts if one.facts[key] != two.facts[key]}
    assert differ <= {"run", "minutes", "history"}
    again = load(workshop / "train-one.safetensors")
    again.save(workshop / "again.safetensors")
    assert (workshop / "again.safetensors").read_bytes() == (
        workshop / "train-one.safetensors"
    ).read_bytes()


def test_a_time_that_is_asked_for(workshop):
    """A PDF states the time of SOURCE_DATE_EPOCH, and otherwise always the same."""
    from nitograph.exporting.pdf.sheet import Sheet

    def stated():
        sheet = Sheet("a", "b")
        sheet.page(100, 100)
        return re.findall(rb"/CreationDate \(D:(\d{8})", sheet.bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        assert stated() == [b"20000101"]
        patch.setenv("SOURCE_DATE_EPOCH", "1600000000")
        assert stated() == [b"20200913"]
        patch.setenv("SOURCE_DATE_EPOCH", "yesterday")
        assert stated() == [b"20000101"]
