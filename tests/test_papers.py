"""What stands beside the package: benchmarks, studies, scripts of pictures, requirements, metadata."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import slow
from tiny import random_weights

ROOT = Path(__file__).parents[1]
FLAT = [
    *sorted(ROOT.glob("benchmarks/*.py")),
    *sorted(ROOT.glob("docs/*/*.py")),
    *sorted(ROOT.glob("*.py")),
]
BENCHMARKS = [path.stem for path in FLAT if path.parent.name == "benchmarks" and path.stem[0] != "_"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(*words: str, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess:
    """A Python process; it must end with 0."""
    environment = os.environ | more
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


def private_names(tree: ast.Module) -> set[str]:
    """Names with a leading underscore that a module takes from elsewhere."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return {name for name in found - own if name.startswith("_") and not name.endswith("__")}


@pytest.mark.parametrize("path", FLAT, ids=lambda path: path.name)
def test_only_public_names_are_used(path):
    """What measures or shows the package stands on what it promises: no private name of another."""
    assert private_names(ast.parse(path.read_text(encoding="utf-8"))) == set()


def test_private_names_are_seen():
    """The search above finds a private method and a private import, and not one's own."""
    code = "from a import _b\ndef _own(): pass\nx._hidden()\nx._own()\nx.__doc__"
    assert private_names(ast.parse(code)) == {"_b", "_hidden"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "report"])
def test_every_benchmark_runs(name):
    """With tiny sizes each benchmark ends well and prints a table of figures."""
    head, *rows = run("-m", "benchmarks", "--quick", name).stdout.splitlines()
    assert head.split() == ["figure", "ours", "reference", "ratio"]
    assert rows
    assert all(re.search(r" [\d.e+-]+ \S", row) for row in rows), rows


def test_a_failing_benchmark_is_reported(tmp_path):
    """The exit code says that a benchmark failed; an unknown name is a usage error that lists the known."""
    shutil.copytree(ROOT / "benchmarks", tmp_path / "benchmarks")
    (tmp_path / "benchmarks" / "bad.py").write_text("raise SystemExit(3)")
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    done = subprocess.run([*command, "bad"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    done = subprocess.run([*command, "nothing"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "decode" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "runs"),
    [
        ("ablation", ["no mask", "missing light no input", "averaged, no fall", "fourier nails", "plain"]),
        ("latent", ["8 codes", "16 codes, warped", "thumbnail 6×6"]),
        ("sharpen", ["default", "without doubt"]),
    ],
)
def test_studies_run(tmp_path, study, runs):
    """From nothing each study writes a line per run, in a new folder; run again it adds none."""
    output = tmp_path / "new" / "found.jsonl"
    words = [str(ROOT / "docs" / "studies" / f"{study}.py"), "--quick", "--output", str(output)]
    for _ in range(2):
        run(*words, "--only", *runs, cwd=tmp_path, NITOGRAPH_CACHE=str(tmp_path / "cache"))
        lines = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert [line["form" if study == "latent" else "run"] for line in lines] == runs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "flags", "needs", "made"),
    [
        (
            "readme",
            ["--quick"],
            (),
            {"alphabet.jpg", "seven.jpg", "2026.jpg", "sheet.jpg", "strip-word.jpg", "strip-gallery.jpg"},
        ),
        (
            "weaving",
            ["--quick"],
            (),
            {
                *(f"weaving-{name}.png" for name in ("digits", "photographs", "study")),
                "portrait.png",
                "colours.jpg",
            },
        ),
        (
            "making",
            [],
            ("chromium", "pdftoppm"),
            {
                *(f"making-{name}.png" for name in ("board", "template", "list", "guide", "turns")),
                "strip-board.jpg",
                "strip-guide.jpg",
            },
        ),
    ],
)
def test_pictures_are_made(tmp_path, script, flags, needs, made):
    """Each script writes its pictures, and nothing else, into a folder that is not there yet."""
    from PIL import Image

    if missing := [name for name in needs if shutil.which(name) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    folder = tmp_path / "new"
    words = [str(ROOT / "docs" / "pictures" / f"{script}.py"), str(folder), *flags]
    run(*words, cwd=tmp_path, NITOGRAPH_CACHE=str(tmp_path / "cache"))
    assert {path.name for path in folder.iterdir()} == made
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 2


@pytest.mark.slow
def test_the_picture_of_own_symbols_is_made(tmp_path):
    """With weights that know both symbols, nothing has to be learned; whoever has none learns them."""
    from PIL import Image

    random_weights(classes=("anchor", "heart")).save(tmp_path / "mine.safetensors")
    script = str(ROOT / "docs" / "pictures" / "learning.py")
    words = [script, "new", "--weights", "mine.safetensors"]
    run(*words, cwd=tmp_path, NITOGRAPH_CACHE=str(tmp_path / "cache"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["learning.jpg"]
    with Image.open(tmp_path / "new" / "learning.jpg") as picture:
        assert len(picture.convert("L").getcolors()) > 2


def test_requirements_are_this_project():
    """requirements.txt is the project with PyTorch, in no exact version: CUDA has builds of its own."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line and not line.startswith("#")]
    assert line == ".[train]"
    extras = PROJECT["optional-dependencies"]
    assert {"torch", "matplotlib"} <= {Requirement(item).name for item in extras["train"]}


def test_constraints_are_within_the_ranges():
    """Every requirement has an exact version in constraints.txt, one that its range allows."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.partition("==") for line in lines if line and not line.startswith("#")]
    versions = {name.lower(): version for name, _, version in pinned}
    assert len(versions) == len(pinned)
    ranges = PROJECT["dependencies"] + [
        r for extra in PROJECT["optional-dependencies"].values() for r in extra
    ]
    for wanted in map(Requirement, ranges):
        if wanted.name != "nitograph":
            assert versions[wanted.name.lower()] in wanted.specifier, wanted


def test_the_page_of_the_package_stands_alone():
    """What an index shows has no picture or link into the folder, and names only extras that there are."""
    page = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    assert not re.search(r"!\[|\]\((?!https:)", page)
    assert set(re.findall(r"nitograph\[(\w+)\]", page)) <= PROJECT["optional-dependencies"].keys()


@pytest.mark.slow
def test_the_scripts_with_the_originals_flags(tmp_path):
    """The commands of the first Nitograph, its flags spelled out: dataset, preview, training, a digit."""
    for name in ("prepare_dataset", "preview_dataset", "train_ai", "generate"):
        shutil.copy(ROOT / f"{name}.py", tmp_path)
    run("prepare_dataset.py", *ORIGINAL_PREPARE.split(), cwd=tmp_path)
    run("preview_dataset.py", *ORIGINAL_PREVIEW.split(), cwd=tmp_path)
    run("train_ai.py", *ORIGINAL_TRAIN.split(), cwd=tmp_path)
    run("generate.py", *ORIGINAL_GENERATE.split(), cwd=tmp_path)
    made = {path.name for path in tmp_path.iterdir() if path.suffix not in (".py", "")}
    assert {"string_dataset.npz", "dataset_preview.png", "string_ai.pt", "string_ai_last.pt"} <= made
    record = json.loads((tmp_path / "digit_7.json").read_text(encoding="utf-8"))
    assert record["digit"] == 7
    assert len(record["nails"]) == record["line_count"] + 1
    assert (tmp_path / "digit_7.png").read_bytes()[16:24] == (64).to_bytes(4, "big") * 2


ORIGINAL_PREPARE = """
--output string_dataset.npz --data-dir data --samples 40 --mode examples --prototype-count
1 --prototype-pool 1000 --nails 256 --canvas-size 64 --max-lines 20 --min-lines 20
--min-nail-gap 6 --line-radius 1 --line-strength 0.03 --length-power 0.10 --stop-score 0
--false-positive-weight 0.20 --recent-edges 80 --blur-radius 0.85 --gamma 0.80
--start-nail 0 --seed 42
"""
ORIGINAL_PREVIEW = "--dataset string_dataset.npz --output dataset_preview.png --count 4 --seed 42"
ORIGINAL_TRAIN = """
--dataset string_dataset.npz --output string_ai.pt --last-output string_ai_last.pt
--epochs 1 --batch-size 8 --learning-rate 3e-4 --weight-decay 0.05 --validation-fraction
0.10 --embed-dim 24 --heads 2 --layers 1 --ff-dim 16 --dropout 0.10 --workers 0 --seed 42
--device cpu --plan-steps 2
"""
ORIGINAL_GENERATE = """
7 --checkpoint string_ai.pt --output digit_7.png --sequence-output digit_7.json
--temperature 0.85 --top-k 32 --repetition-penalty 1.12 --min-lines 10 --max-lines 20
--min-nail-gap 6 --seed 42 --dpi 64 --size-inches 1.0 --device cpu
"""


def test_the_slowest_tests_exist():
    """slow.txt is sorted and names functions that are there, so that none is left out by an old name."""
    names = slow.listed()
    assert names == sorted(set(names))
    for name in names:
        path, _, function = name.partition("::")
        assert f"def {function}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), name


def test_what_is_slow_is_chosen_by_time(tmp_path, monkeypatch):
    """The slowest functions, all their cases together, until the rest is quick enough."""
    monkeypatch.setattr(slow, "LEFT", 3.0)
    cases = [("a", "x[1]", 2), ("a", "x[2]", 2), ("a", "y", 3), ("b", "z", 2.5)]
    rows = "".join(
        f'<testcase classname="tests.test_{m}" name="test_{n}" time="{t}"/>' for m, n, t in cases
    )
    times = tmp_path / "times.xml"
    times.write_text(f"<testsuites><testsuite>{rows}</testsuite></testsuites>", encoding="utf-8")
    assert slow.slowest(times) == ["test_a.py::test_x", "test_a.py::test_y"]
