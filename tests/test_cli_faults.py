"""Guards of faults on the command line: one line, the right exit code, nothing written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_help import fails, run
from nitograph import cli
from nitograph.cli import sample as sample_command
from nitograph.errors import NitographError
from nitograph.io import files
from tiny import random_weights

NO_MEMORY = "not enough memory for this; lower the counts or sizes"

USAGE = [
    ("", "arguments are required: COMMAND"),
    ("draw 7", "invalid choice: 'draw'"),
    ("sample", "required: CLASS"),
    ("sample 7 --count many", "invalid int value: 'many'"),
    ("sample 7 --no-such-flag", "unrecognized arguments"),
    ("prepare --mode dreams", "invalid choice: 'dreams'"),
    ("train --device abacus", "invalid choice: 'abacus'"),
    ("generate 7 --temperature warm", "invalid float value: 'warm'"),
]

FAULTS = [
    # unknown class, and no class
    ("sample Ж", "knows no class 'Ж'; it knows 0–9 A–Z a–z"),
    ("generate 7Ж", "knows no class 'Ж'"),
    ("generate ''", "knows no class ''"),
    ("generate", "give a class to invent, a picture to wind or a thread to finish"),
    # missing or foreign checkpoints
    ("sample 7 --checkpoint none.pt", "no checkpoint none.pt"),
    ("sample 7 --checkpoint none.safetensors", "no file none.safetensors"),
    ("sample 7 --checkpoint foreign.pt", "foreign.pt is not a Nitograph checkpoint"),
    ("sample 7 --checkpoint foreign.safetensors", "not a Nitograph weights file"),
    ("sample 7 --checkpoint cut.safetensors", "not a Nitograph weights file"),
    ("generate 7 --checkpoint folder", "no checkpoint folder"),
    ("train --dataset good.npz --resume", "nothing to resume: there is no string_ai_last.pt"),
    ("train --dataset good.npz --resume --last-output foreign.pt", "is not a Nitograph checkpoint"),
    # unreadable pictures and threads
    ("generate --image foreign.pt", "foreign.pt is no picture"),
    ("generate --image none.png", "none.png"),
    ("generate 7 --like mnist:test:99999", "mnist:test has pictures 0 to 9999"),
    ("render none.json -o a.png", "no file none.json"),
    ("render foreign.pt -o a.png", "foreign.pt"),
    # cut and foreign corpora
    ("preview --dataset none.npz", "no file none.npz"),
    ("preview --dataset cut.npz", "cut.npz is not a Nitograph corpus"),
    ("train --dataset cut.npz", "cut.npz is not a Nitograph corpus"),
    ("train --dataset foreign.pt", "foreign.pt is not a Nitograph corpus"),
    ("prepare --data-dir folder", "no IDX files (as train-images-idx3-ubyte"),
    # impossible settings
    ("prepare --nails 8 --min-nail-gap 5", "min_nail_gap must be at most 4 on a board of 8 nails"),
    ("prepare --nails 2", "nails must be at least 3, got 2"),
    ("prepare --nails 5000", "nails must be at most 4096, got 5000"),
    ("prepare --min-lines 30 --max-lines 20", "min_lines must not be above max_lines, got 30 and 20"),
    ("prepare --samples 0", "samples must be at least 1, got 0"),
    ("prepare --samples 60001", "samples must be at most 60000"),
    ("prepare --start-nail 256", "start_nail must be from 0 to 255"),
    ("prepare --gamma nan", "gamma must be a finite number, got nan"),
    ("preview --dataset good.npz --count 0", "count must be 1"),
    ("sample 7 --count 0", "count must be 1 to 10000000"),
    ("sample 7 --seed -1", "seed not negative"),
    ("sample 7 --min-lines 90 --max-lines 60", "min_lines must not be above max_lines, got 90 and 60"),
    ("sample 7 --min-nail-gap 200", "min_nail_gap must be at most"),
    ("sample 7 --temperature inf", "temperature must be a finite number, got inf"),
    ("generate 7 --top-k -1", "top_k must be at least 0, got -1"),
    ("generate 7 --dpi 0", "dpi must be at least"),
    ("train --dataset good.npz --embed-dim 50 --heads 4", "embed_dim must be an even multiple of heads"),
    ("train --dataset good.npz --epochs 0", "epochs must be at least 1, got 0"),
    ("train --dataset good.npz --output a.pt --last-output ./a.pt", "must be different files"),
    ("train --dataset good.npz --output a.safetensors", "must not end with .safetensors"),
    # places that cannot be written
    ("prepare --output none/a.npz", "there is no folder none"),
    ("preview --dataset good.npz --output none/a.png", "there is no folder none"),
    ("train --dataset good.npz --output none/a.pt", "there is no folder none"),
    ("sample 7 --output none/a.jsonl", "there is no folder none"),
    ("sample 7 --output pipe", "the sample is a folder, and pipe is a file"),
    ("generate 7 --output none/a.png", "there is no folder none"),
    ("generate 7 --sequence-output none/a.json", "there is no folder none"),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, corpus):
    """A folder with good, cut and foreign files."""
    folder = tmp_path_factory.mktemp("workshop")
    corpus.save(folder / "good.npz")
    random_weights().save(folder / "good.safetensors")
    for name in ("good.npz", "good.safetensors"):
        data = (folder / name).read_bytes()
        (folder / name.replace("good", "cut")).write_bytes(data[: len(data) * 2 // 3])
    for name in ("foreign.pt", "foreign.safetensors"):
        (folder / name).write_text("neither weights nor picture\n")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(("command", "part"), USAGE)
def test_wrong_usage(tmp_path, monkeypatch, capsys, command, part):
    """Wrong usage is exit code 2 and one line that leads to the help."""
    monkeypatch.chdir(tmp_path)
    fails(command, 2, part, capsys)


@pytest.mark.parametrize(("command", "part"), FAULTS)
def test_bad_input(workshop, monkeypatch, capsys, command, part):
    """Every bad input is exit code 1 and one line that names it; nothing is written or changed."""
    monkeypatch.chdir(workshop)
    fails(command, 1, part, capsys)


@pytest.mark.parametrize("command", ["sample 7", "generate 7", "preview --dataset good.npz"])
def test_read_only_folder(workshop, monkeypatch, capsys, command):
    """A folder that cannot be written to is reported before any work; os.access is patched, as root may."""
    monkeypatch.chdir(workshop)
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)
    fails(command, 1, "is read-only", capsys)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "nitograph sample: stopped\n"),
        (
            MemoryError(),
            1,
            "nitograph sample: not enough memory for this; lower the counts or sizes\n",
        ),
        (OSError(5, "Input/output error", "x.bin"), 1, "nitograph sample: Input/output error (x.bin)\n"),
        (NitographError("one\n  two"), 1, "nitograph sample: one two\n"),
    ],
)
def test_what_stops_a_command(monkeypatch, capsys, error, code, line):
    """Ctrl-C, no memory, a failing disk: one line and the right code, wherever it comes from."""

    def stop(args):
        raise error

    monkeypatch.setattr(sample_command, "run", stop)
    assert run("sample 7", capsys) == (code, "", line)


def test_version_and_overview(capsys):
    """`--version` and `--help` print to stdout and succeed; the overview lists every command."""
    code, out, _ = run("--version", capsys)
    assert (code, out.split()[0]) == (0, "nitograph")
    code, out, _ = run("--help", capsys)
    assert code == 0
    assert all(name in out for name in cli.COMMANDS)


def process(*words: str, cwd: Path, **more) -> subprocess.Popen:
    """`python -m nitograph WORDS` as a process of its own."""
    command = [sys.executable, "-m", "nitograph", *words]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def test_a_real_fault(tmp_path):
    """As a real process too: one line on stderr, exit code 1, an empty folder."""
    with process("render", "none.json", "-o", "a.png", cwd=tmp_path) as started:
        out, err = started.communicate()
    assert (started.returncode, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("nitograph render: no file none.json")
    assert not list(tmp_path.iterdir())


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from nitograph.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("train --epochs 3", "training needs PyTorch"),
        ("sample 7 --checkpoint foreign.pt", "reading foreign.pt needs PyTorch"),
        ("sample 7 --checkpoint good.safetensors --device cuda", "device cuda needs PyTorch"),
    ],
)
def test_without_pytorch(workshop, command, part):
    """What needs PyTorch says so in one line, and how to install it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *command.split()],
        cwd=workshop,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert part in done.stderr
    assert "pip install 'nitograph[train]'" in done.stderr


def test_help_without_pytorch():
    """What a command takes can be read before PyTorch is there."""
    for command in ("train", "evaluate"):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, command, "--help"], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "--seed" in done.stdout


@pytest.mark.parametrize(
    ("later", "number"),
    [(later, signal.SIGINT) for later in (0.0, 0.03, 0.06, 0.1, 0.2, 1.0)]
    + [(0.1, signal.SIGTERM), (0.1, signal.SIGHUP)],
)
def test_a_real_interrupt(tmp_path, later, number):
    """Ctrl-C and its kin while weaving is prepared or under way are one line and the signal's exit code.

    Finished parts may stay, no corpus does.
    """
    with process("prepare", "--samples", "60000", cwd=tmp_path) as started:
        for _ in range(3000):
            if any(tmp_path.iterdir()):
                break
            time.sleep(0.01)
        time.sleep(later)
        started.send_signal(number)
        _, err = started.communicate()
    assert started.returncode in (128 + number, -number)  # a shell reports both alike
    assert err == "nitograph prepare: stopped\n"
    assert {path.name for path in tmp_path.iterdir()} <= {".string_dataset.npz.parts"}


def test_a_reader_that_leaves(tmp_path):
    """`nitograph --help | head` ends without a traceback."""
    with process("train", "--help", cwd=tmp_path) as started:
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        assert "Traceback" not in started.stderr.read()
