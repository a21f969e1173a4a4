"""Guards of reproducibility: the same command writes the same bytes, at any time and in any process."""

import json
import re
import subprocess
import sys

import pytest

from nitograph.exporting.pdf.sheet import Sheet
from nitograph.model.weights import load
from test_streams import CODES, WORK
from tiny import random_weights

MORE = {
    "formats": "export t.json -o OUT.pdf -o OUT.dxf -o OUT.csv -o OUT.txt -o OUT.gcode -o OUT.html",
    "list": "export t.json -o OUT.pdf --pdf list",
    "mp4": "animate t.json --size 64 --seconds 0.2 --hold 0 -o OUT.mp4",
    "webp": "animate t.json --size 64 --seconds 0.2 --hold 0 -o OUT.webp",
    "sheet": "gallery --threads t.json -o OUT.png",
    "classic": "render t.json --renderer matplotlib --size 128 -o OUT.png",
}
COMMANDS = {name: words for name, words in (WORK | MORE).items() if name not in ("check", *CODES)}
"""What writes the same again: a check writes nothing, and what refuses its input does not either."""

RUN = """
import json, sys, time
if sys.argv[1] == "later":
    import datetime
    real = time.time
    time.time = lambda: real() + 10**8
    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(time.time(), tz)
    datetime.datetime = Later
from nitograph.cli import main
for name, words in json.loads(sys.argv[2]).items():
    assert main(words.replace("OUT", f"{name}-{sys.argv[1]}").split()) == 0, name
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory, corpus):
    """What each command writes, by ending: in one process today, in another three years later."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("again")
    random_weights().save(folder / "w.safetensors")
    (folder / "t.json").write_text('{"num_nails": 32, "label": "7", "nails": [0, 9, 20, 3]}')
    Image.linear_gradient("L").save(folder / "p.png")
    corpus.save(folder / "c.npz")

    def files(when):
        words = [sys.executable, "-c", RUN, when, json.dumps(COMMANDS)]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return {
            name: {
                path.name.removeprefix(f"{name}-{when}"): path.read_bytes()
                for path in folder.glob(f"{name}-{when}*")
            }
            for name in COMMANDS
        }

    return files("today"), files("later")


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "train"])
def test_the_same_bytes_again(written, command):
    """At another time, in another process and under another name."""
    today, later = (files[command] for files in written)
    assert today
    assert today == later


@pytest.mark.slow
def test_training_writes_the_same_weights(written, tmp_path):
    """Two runs of one seed: the same tensors; only minutes, history and the run's name may differ."""
    made = []
    for files in written:
        (tmp_path / "w.safetensors").write_bytes(files["train"][".safetensors"])
        made.append(load(tmp_path / "w.safetensors"))
    one, two = made
    assert one.digest == two.digest
    assert {key for key in one.facts if one.facts[key] != two.facts[key]} <= {"run", "minutes", "history"}
    two.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()


def test_a_time_that_is_asked_for():
    """A PDF states the time of SOURCE_DATE_EPOCH, and otherwise always the same."""

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
